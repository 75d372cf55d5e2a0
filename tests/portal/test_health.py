"""What a load balancer asks."""

from __future__ import annotations

import pytest
from django.test import Client


def test_the_process_says_that_it_lives(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.content == b"ok\n"


@pytest.mark.django_db
def test_it_says_that_it_reaches_its_database(client: Client) -> None:
    assert client.get("/readyz").status_code == 200
