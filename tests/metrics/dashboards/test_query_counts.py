"""No page and no panel asks more queries of a larger company."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.registry import pages
from tests.benchmarks.large_company import Size, fill
from tests.metrics.taking_in import LAST_DAY, passing_database, the_day_after

# The fixture opens the database itself: both companies are asked once, for every page.
pytestmark = pytest.mark.django_db

# Long enough for a period and the one before it in both, and for what is read by weeks.
SMALL, LARGE = Size(12, 2, 100, LAST_DAY), Size(60, 7, 130, LAST_DAY)
ADDRESSES = [
    address
    for slug, page in pages.items()
    for address in (
        f"/usage/{slug}/",
        f"/usage/{slug}/in-words/",
        *(f"/usage/{slug}/{key}/" for key in page.panels),
    )
]


@pytest.fixture(scope="module")
def counts(django_db_setup: None, django_db_blocker: Any) -> list[dict[str, int]]:
    found = []
    for size in (SMALL, LARGE):
        with passing_database(django_db_blocker):
            fill(size)
            found.append(_asked())
    return found


def _asked() -> dict[str, int]:
    from seats.models import GitHubUser

    user = get_user_model().objects.create_superuser("person-0", "olga@example.com", "x")
    client = Client()
    client.force_login(user)
    somebody = GitHubUser.objects.order_by("pk").values_list("pk", flat=True)[0]
    counts = {}
    for address in ADDRESSES:
        query = f"?person={somebody}" if address.startswith("/usage/person/") else ""
        with the_day_after(), CaptureQueriesContext(connection) as asked:
            answer = client.get(f"{address}{query}", headers={"X-Dashboard-Piece": "1"})
            counts[address] = len(asked)
        assert answer.status_code == 200, address
    return counts


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_larger_company_asks_no_more_queries(counts: list[dict[str, int]], address: str) -> None:
    small, large = counts
    assert large[address] <= small[address]


def test_no_panel_asks_many(counts: list[dict[str, int]]) -> None:
    # Who is there, their rights, the account, and what the page says of it come on top of a panel's own.
    assert {address: count for address, count in counts[1].items() if count > 30} == {}
