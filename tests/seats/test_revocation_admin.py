"""The list of seats taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from seats.models import RevocationBatch
from tests.seats.batches import batch_of, taken_back
from tests.seats.holding import grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TAKEN_BACK = "/seats/revocation/"


def logins(client: Client, query: str) -> list[str]:
    answer = client.get(f"{TAKEN_BACK}{query}")
    assert answer.status_code == 200
    return sorted(row.login for row in answer.context["cl"].result_list)


def test_it_is_narrowed_to_one_batch(olga: Any, olga_client: Client) -> None:
    acme = organization()
    ana, ben = hold(acme, grant(1, "ana", 60), grant(2, "ben", 60))
    batches: list[RevocationBatch] = []
    for seat in (ana, ben):
        batches.append(batch_of(acme, [seat], by=olga, state="done"))
        taken_back(batches[-1], seat.user.login)

    assert logins(olga_client, "") == ["ana", "ben"]
    assert logins(olga_client, f"?batch__id__exact={batches[1].pk}") == ["ben"]
