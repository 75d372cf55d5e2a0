"""What was decided stays decided, and says why its grounds have changed; an undo takes back no seat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from metrics.undo import days, undo
from portal.models import AuditEntry
from seats.models import Evidence, Revocation, Seat, SeatReview
from tests.metrics.formats.bills import bill, line
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def held(tmp_path: Path) -> Seat:
    """A seat whose only sign of life is in a usage file that was uploaded."""
    path = write_seats(tmp_path / "seats", [seat(1)])
    take(path, organization="acme", complete=True)
    return Seat.objects.get()


def flag(held: Seat) -> SeatReview:
    return SeatReview.objects.create(seat=held, open_key=held.pk, opened_on=date(2026, 11, 19))


def test_an_open_review_stays_and_its_timeline_tells(held: Seat, tmp_path: Path) -> None:
    file = take(write_lines(tmp_path / "use", [user_day(1, "2026-11-18")])).report_file
    assert file is not None
    held.refresh_from_db()
    assert held.verdict == "active"
    review = flag(held)

    undo(file)

    held.refresh_from_db()
    assert not Evidence.objects.exists()
    assert held.verdict != "active"
    review.refresh_from_db()
    assert review.state == SeatReview.State.FLAGGED
    entry = AuditEntry.objects.get(action="evidence undone")
    assert entry.subject == f"seat:{held.pk}"
    assert "counts no longer" in entry.detail["says"]


def test_an_undo_opens_no_review_and_proposes_nothing(held: Seat, tmp_path: Path) -> None:
    file = take(write_lines(tmp_path / "use", [user_day(1, "2026-11-18")])).report_file
    assert file is not None

    undo(file)

    assert not SeatReview.objects.exists()
    assert not Revocation.objects.exists()
    assert not AuditEntry.objects.filter(action="evidence undone").exists()


def test_a_seat_that_was_reviewed_stays_when_its_only_list_goes(tmp_path: Path, held: Seat) -> None:
    flag(held)
    assert held.file is not None

    undo(held.file)

    held.refresh_from_db()
    assert held.ended_at is not None
    assert SeatReview.objects.filter(seat=held).exists()


def test_a_line_that_another_file_tells_too_is_no_loss(held: Seat, tmp_path: Path) -> None:
    first = take(write_lines(tmp_path / "a", [user_day(1, "2026-11-18")])).report_file
    take(write_lines(tmp_path / "b", [user_day(1, "2026-11-18"), user_day(2, "2026-11-18")]))
    flag(held)
    assert first is not None

    undo(first)

    held.refresh_from_db()
    assert held.verdict == "active"
    assert not AuditEntry.objects.filter(action="evidence undone").exists()


class Killed(Exception):
    pass


def killed_while(note: str) -> Callable[[int, int, str], None]:
    def on_step(_done: int, _total: int, said: str) -> None:
        if said == note:
            raise Killed

    return on_step


def test_an_undo_killed_behind_the_settling_has_told_and_tells_once(held: Seat, tmp_path: Path) -> None:
    file = take(write_lines(tmp_path / "use", [user_day(1, "2026-11-18")])).report_file
    assert file is not None
    flag(held)

    with pytest.raises(Killed):
        undo(file, on_step=killed_while("adding up"))
    assert not Evidence.objects.exists()
    undo(file)

    entry = AuditEntry.objects.get(action="evidence undone")
    assert (entry.subject, entry.detail["file"]) == (f"seat:{held.pk}", file.pk)


def test_credits_of_days_that_an_earlier_turn_took_out_are_settled(
    held: Seat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "ROWS_AT_ONCE", 1)
    # The person spent on the first day only, another one on the second.
    path = tmp_path / "bill.csv"
    path.write_bytes(
        bill(
            line(username=held.user.login, organization="acme"),
            line(username="lisa", organization="acme", date="2026-11-02"),
        )
    )
    file = take(path, organization="acme").report_file
    assert file is not None
    assert Evidence.objects.filter(user=held.user_id, source="ai_credits").exists()
    flag(held)
    behind: list[tuple[int, date] | None] = []

    def after_a_day(day: tuple[int, date] | None) -> None:
        behind.append(day)
        raise Killed

    with pytest.raises(Killed):
        undo(file, on_kept=after_a_day)
    undo(file, behind=behind[0])

    assert not Evidence.objects.filter(source="ai_credits").exists()
    assert AuditEntry.objects.get(action="evidence undone").subject == f"seat:{held.pk}"
