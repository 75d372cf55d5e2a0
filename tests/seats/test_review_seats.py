"""`review_seats`: counts by verdict, reviews opened and closed, nothing done in a dry run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal.models import AuditEntry
from seats.models import Seat, SeatReview
from seats.models.seat import Verdict
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def review_seats(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("review_seats", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


@pytest.fixture(autouse=True)
def company(tmp_path: Path) -> None:
    """Ann uses it, Ida did once, Nora never did, Nick is new. Today is 20 November 2026."""
    listed = [
        seat(1, "ann", last_activity_at="2026-11-19T08:00:00Z"),
        seat(2, "ida", last_activity_at="2026-09-01T08:00:00Z"),
        seat(3, "nora", created_at="2026-10-01T08:00:00Z"),
        seat(4, "nick", created_at="2026-11-18T08:00:00Z"),
    ]
    path = write_seats(tmp_path / "seats.json", listed)
    take(path, organization="acme", complete=True)


def test_every_verdict_is_counted_zeros_included() -> None:
    counts = review_seats()
    assert {verdict: counts[verdict] for verdict in Verdict.values} == {
        "pending": 0,
        "active": 1,
        "exempt": 0,
        "in_grace": 1,
        "idle": 1,
        "never_used": 1,
        "unknown": 0,
    }
    assert (counts["opened"], counts["closed"]) == (2, 0)


def test_each_inactive_seat_gets_one_open_review_with_its_reason_and_an_audit_entry() -> None:
    review_seats()
    again = review_seats()
    assert again["opened"] == 0
    assert list(
        SeatReview.objects.open().order_by("seat__user__login").values_list("seat__user__login", "reason")
    ) == [
        ("ida", "Last used on 2026-09-01, 80 days ago, by the seat list."),
        ("nora", "No use seen since it was granted on 2026-10-01."),
    ]
    assert AuditEntry.objects.filter(action="seats reviewed").count() == 1


def test_a_person_who_comes_back_to_life_is_taken_off_the_desk(tmp_path: Path) -> None:
    review_seats()
    take(write_lines(tmp_path / "use", [user_day(2, "2026-11-18", login="ida")]))
    assert review_seats()["closed"] == 1
    assert SeatReview.objects.get(seat__user__login="ida").state == SeatReview.State.REACTIVATED


def test_a_review_ends_with_its_seat(tmp_path: Path) -> None:
    review_seats()
    listed = [seat(1, "ann", last_activity_at="2026-11-20T08:00:00Z")]
    take(write_seats(tmp_path / "later.json", listed), organization="acme", complete=True)
    assert review_seats()["closed"] == 2
    assert set(SeatReview.objects.values_list("state", flat=True)) == {SeatReview.State.ENDED}


def test_a_dry_run_counts_and_changes_nothing() -> None:
    assert review_seats("--dry-run")["opened"] == 2
    assert not SeatReview.objects.exists()


def test_a_past_day_is_judged_by_what_was_dated_then() -> None:
    counts = review_seats("--as-of", "2026-09-15", "--dry-run")
    assert counts["active"] == 1  # Ida, who had used it two weeks before
    assert Seat.objects.count() == 4


def test_an_organization_nobody_knows_is_bad_usage_and_names_the_known() -> None:
    with pytest.raises(CommandError, match="known: acme") as refusal:
        review_seats("--organization", "globex")
    assert refusal.value.returncode == 2
