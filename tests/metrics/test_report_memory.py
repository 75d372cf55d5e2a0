"""What a report holds while it is written does not grow with the company."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

import pytest

from portal.reports import registry, writers
from tests.benchmarks.large_company import Size, fill
from tests.metrics.taking_in import LAST_DAY, passing_database, the_day_after

# The fixture opens the database itself: both companies are asked once, for every report.
pytestmark = pytest.mark.django_db

SMALL, LARGE = 120, 480
# A key, and its place in an order, are held of everybody; MariaDB's driver fetches all rows of an answer.
A_PERSON = 1_000
# Of the names of some weeks, who used each on each day.
A_PERSON_BY_NAMES = 2_000
# Where pieces are cut, so that small ones fit into small companies.
PIECES = (
    ("metrics.figures.by_place", "PEOPLE_A_QUERY"),
    ("metrics.figures.people", "FIRST_AT_ONCE"),
    ("metrics.figures.people", "AT_ONCE"),
    ("portal.in_order", "AT_ONCE"),
    ("portal.reports.writers", "ROWS_AT_ONCE"),
    ("portal.reports.spreadsheet", "ROWS_AT_ONCE"),
    ("seats.seats_in_order", "SEATS_AT_ONCE"),
    ("seats.reports.seats", "AT_ONCE"),
)
A_PIECE = 30
CASES = (
    *(("seats", "", how) for how in ("csv", "ndjson", "xlsx")),
    *(("user-metrics", "", how) for how in ("csv", "ndjson", "xlsx")),
    *(("inactive-seats", "", how) for how in ("csv", "ndjson")),
    ("activity", "", "csv"),
    ("user-metrics", "by=day", "csv"),
    ("users-low-acceptance", "below=1", "csv"),
    ("ai-credits", "", "csv"),
    ("team-metrics", "", "csv"),
    ("teams-low-adoption", "below=1", "csv"),
    ("feature-metrics", "", "csv"),
    ("language-metrics", "by=day", "csv"),
    ("custom", "grouping=team", "csv"),
    ("custom", "grouping=department", "csv"),
    ("custom", "grouping=language&granularity=week", "csv"),
    ("client-versions", "", "csv"),
    ("daily-metrics", "", "csv"),
    ("weekly-trend", "", "csv"),
    ("seat-costs", "", "csv"),
)


@pytest.fixture(scope="module")
def peaks(django_db_setup: None, django_db_blocker: Any) -> list[dict[Any, int]]:
    """By report and format the most bytes held, of a small company and of one four times as large."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for module, name in PIECES:
            patch.setattr(import_module(module), name, A_PIECE)
        for size in (SMALL, LARGE):
            with passing_database(django_db_blocker):
                fill(Size(size, 2, 20, LAST_DAY))
                with the_day_after():
                    found.append({case: _peak(*case) for case in CASES})
    return found


def _peak(name: str, asked: str, file_format: str) -> int:
    report = registry.get(name)

    def chunks() -> Iterator[bytes]:
        return writers.stream(report, report.read(dict(parse_qsl(asked))), file_format)

    _through(chunks)  # what is loaded once is not the report's
    tracemalloc.start()
    try:
        _through(chunks)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _through(chunks: Callable[[], Iterator[bytes]]) -> None:
    for _ in chunks():
        pass


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_held_does_not_grow_with_people(peaks: list[dict[Any, int]], case: Any) -> None:
    small, large = (told[case] for told in peaks)
    allowed = A_PERSON_BY_NAMES if "language" in " ".join(case) else A_PERSON
    assert large - small <= (LARGE - SMALL) * allowed, (small, large)
