"""Who may see a page, its words, its panels and their downloads; and that an address shows no markup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.registry import pages
from seats.models import Account

PIECE = {"X-Dashboard-Piece": "1"}
MARKUP = "<img src=x onerror=alert(1)>\"'</script>"
OWN = "mine"
OTHERS = [slug for slug in pages if slug != OWN]


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(kind="organization", login="acme-secret", github_id=7)


def addresses(slug: str) -> Iterator[str]:
    yield f"/usage/{slug}/"
    yield f"/usage/{slug}/in-words/"
    for key in pages[slug].panels:
        yield from panel_addresses(slug, key)


def panel_addresses(slug: str, key: str) -> tuple[str, str]:
    return f"/usage/{slug}/{key}/", f"/usage/{slug}/{key}.csv"


def status(client: Client, address: str) -> int:
    return client.get(address, headers=PIECE).status_code


def without(user: Any, *permissions: str) -> Client:
    """A browser of somebody who has every permission but these."""
    codenames = [permission.partition(".")[2] for permission in permissions]
    user.user_permissions.set(Permission.objects.exclude(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("slug", OTHERS)
def test_nobody_sees_a_page_without_its_permission(slug: str, account: Account, noa: Any) -> None:
    client = without(noa, pages[slug].permission)
    assert {address: code for address in addresses(slug) if (code := status(client, address)) != 403} == {}


@pytest.mark.parametrize("slug", OTHERS)
def test_a_page_asks_for_some_permission(slug: str) -> None:
    assert pages[slug].permission


@pytest.mark.parametrize(
    ("slug", "key"),
    [(slug, key) for slug in pages for key, panel in pages[slug].panels.items() if panel.permission],
)
def test_nobody_sees_a_panel_without_its_own_permission(
    slug: str, key: str, account: Account, noa: Any
) -> None:
    client = without(noa, pages[slug].panels[key].permission)
    assert [status(client, address) for address in panel_addresses(slug, key)] == [403, 403]
    if pages[slug].panels[key].permission != pages[slug].permission:
        assert f"/usage/{slug}/{key}/" not in client.get(f"/usage/{slug}/", follow=True).content.decode()


@pytest.mark.parametrize("slug", list(pages))
def test_a_stranger_is_asked_to_log_in(slug: str, account: Account, client: Client) -> None:
    assert {status(client, address) for address in addresses(slug)} == {302}


def test_their_own_page_is_there_for_everybody_and_names_no_account(
    account: Account, noa_client: Client
) -> None:
    for address in addresses(OWN):
        answer = noa_client.get(address, headers=PIECE)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert answer.status_code == 200, address
        assert b"acme-secret" not in content, address
        assert "acme-secret" not in answer.get("Content-Disposition", ""), address


@pytest.mark.parametrize("slug", list(pages))
def test_markup_in_an_address_stays_text(slug: str, account: Account, olga_client: Client) -> None:
    names = ("scope", "team", "period", "from", "to", "by", "weekends", "compare", *pages[slug].params,
             *(name for name, _ in pages[slug].fields))  # fmt: skip
    query = dict.fromkeys(names, MARKUP)
    first, *_ = pages[slug].panels
    # Every panel reads its address as this one does.
    for address in (f"/usage/{slug}/", f"/usage/{slug}/in-words/", *panel_addresses(slug, first)):
        answer = olga_client.get(address, query, follow=True)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert answer.status_code == 200, address
        assert b"<img src=x" not in content, address
