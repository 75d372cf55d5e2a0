"""Damaged files taken in: every line is counted once, and what is counted as a row is one in the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import models

from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from metrics.models import LegacyDay, RepositoryDay, ScopeDay, UserDay
from portal.models import RejectedLine
from seats.models import ActivityLine, BillingLine, SeatGrant
from tests.metrics.formats.fuzzing import FORMATS, damaged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LINES = 60
TABLES: dict[str, type[models.Model]] = {
    "users-1-day": UserDay,
    "users-28-day": UserDay,
    "organization-1-day": ScopeDay,
    "enterprise-28-day": ScopeDay,
    "repos-1-day": RepositoryDay,
    "legacy-metrics": LegacyDay,
    "legacy-usage": LegacyDay,
    "activity-report": ActivityLine,
    **{name: BillingLine for name in FORMATS if name.startswith("billing-")},
}
# The account that files of these kinds do not name.
NAMED = ("legacy-", "activity-", "billing-", "seats")


def take_damaged(folder: Path, name: str, seed: int, count: int) -> dict[str, int]:
    fmt = FORMATS[name]
    good = fmt.file(fmt.good[:1]).removeprefix(fmt.header)
    content = fmt.header + good + damaged(name, seed, count).removeprefix(fmt.header)
    path = folder / f"{name}-{seed}"
    path.write_bytes(content)
    named: Any = {"organization": "octo"} if name.startswith(NAMED) else {}
    [outcome] = take_in(path, options=Options(**named))
    assert outcome.error == ""
    counts = outcome.counts.as_dict()
    assert outcome.kind in (name, name.replace("organization", "enterprise"), "users-28-day", "users-1-day")
    assert counts["rows_read"] == len(list(fmt.read(content)))
    assert counts["rows_rejected"] == len(outcome.rejected) == RejectedLine.objects.count()
    assert counts["rows_new"] > 0
    assert counts["rows_read"] == sum(counts.values()) - counts["rows_read"]
    return counts


@pytest.mark.parametrize("name", FORMATS)
def test_every_line_of_a_damaged_file_is_counted(name: str, tmp_path: Path) -> None:
    counts = take_damaged(tmp_path, name, 1, LINES)
    if name in TABLES:
        assert TABLES[name]._default_manager.count() == counts["rows_new"]
    if name == "seats":
        assert SeatGrant.objects.exists()


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_every_line_of_a_large_damaged_file_is_counted(name: str, tmp_path: Path) -> None:
    """Twenty thousand lines of each format, against the database at hand: a minute for each."""
    take_damaged(tmp_path, name, 2, 20_000)
