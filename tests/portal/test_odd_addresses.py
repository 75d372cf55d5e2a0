"""Addresses that no page of ours links to are answered, not tripped over."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal.admin.base import PortalModelAdmin

pytestmark = pytest.mark.django_db

# Pages that add a row about an account.
ADDED = [
    model
    for model, page in admin.site._registry.items()
    if isinstance(page, PortalModelAdmin) and any(field.name == "account" for field in model._meta.fields)
]


@pytest.mark.parametrize("model", ADDED, ids=lambda model: model.__name__)
@pytest.mark.parametrize("account", ["abc", "1.5", "", "99999999999999999999"])
def test_an_account_that_is_none_is_not_filled_in_beforehand(
    admin_client: Client, model: type, account: str
) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")  # type: ignore[attr-defined]
    answer = admin_client.get(url, {"account": account})
    assert answer.status_code in (200, 403)


@pytest.mark.parametrize("query", ["?code=%00", "?%00=1", "?q=a%00b"])
def test_an_address_with_a_nul_character_is_refused(admin_client: Client, query: str) -> None:
    assert admin_client.get(reverse("admin:seats_costcentre_changelist") + query).status_code == 400


@pytest.mark.parametrize("query", ["?nonsense=1", "?pk=abc"])
def test_a_list_with_a_filter_that_is_none_is_no_file_of_all_rows(admin_client: Client, query: str) -> None:
    answer = admin_client.get(reverse("admin:seats_team_list_file", args=["csv"]) + query)
    assert (answer.status_code, answer["Location"]) == (302, "/seats/team/?e=1")
