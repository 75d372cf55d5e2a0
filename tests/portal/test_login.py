"""Logging in leads to the home page, wherever one came from."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.conftest import PASSWORD


@pytest.mark.parametrize("fields", [{}, {"next": "/"}])
def test_it_ends_on_the_home_page(client: Client, olga: Any, fields: dict[str, str]) -> None:
    response = client.post("/login/", {"username": "olga", "password": PASSWORD, **fields})

    assert response.status_code == 302
    assert response["Location"] == "/"


@pytest.mark.django_db
def test_a_stranger_is_asked_to_log_in(client: Client) -> None:
    response = client.get("/seats/seat/")

    assert response.status_code == 302
    assert response["Location"] == "/login/?next=/seats/seat/"
