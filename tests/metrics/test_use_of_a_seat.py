"""The days on the page of a seat: used, not used, and unknown; drawn, and told in words."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from metrics.use_of_a_seat import use
from seats.models import Seat
from seats.sparkline import Sparkline
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def ann(tmp_path: Path) -> Seat:
    """Ann used it on two days and only got a review on a third; of a fourth there is a report without her."""
    listed = [seat(1, "ann", last_activity_at="2026-11-15T08:00:00Z"), seat(2, "ben")]
    take(write_seats(tmp_path / "seats.json", listed), organization="acme", complete=True)
    lines = [
        user_day(1, "2026-09-10", login="ann", user_initiated_interaction_count=2),
        user_day(
            1,
            "2026-11-15",
            login="ann",
            user_initiated_interaction_count=30,
            code_generation_activity_count=10,
            code_acceptance_activity_count=4,
        ),
        user_day(
            1,
            "2026-11-16",
            login="ann",
            user_initiated_interaction_count=0,
            used_copilot_code_review_active=False,
            used_copilot_code_review_passive=True,
        ),
        user_day(2, "2026-11-17", login="ben"),
    ]
    take(write_lines(tmp_path / "use", lines), organization="acme")
    return Seat.objects.get(user__login="ann")


def drawn(seat: Seat) -> Sparkline:
    made = use(seat)
    assert made is not None
    return made


def test_ninety_days_until_yesterday_are_told_in_words(ann: Seat) -> None:
    made = drawn(ann)

    assert (made.days[0].day, made.days[-1].day, len(made.days)) == (
        date(2026, 8, 22),
        date(2026, 11, 19),
        90,
    )
    assert made.summary == (
        "Used on 1 of the 28 days until 2026-11-19, and on 2 of the 90 days until then; the newest is "
        "2026-11-15. On 1 more there was nothing but a review Copilot did unasked, which counts as no use. "
        "Of 86 of these days no report was taken in."
    )


def test_a_day_without_a_report_is_unknown_and_a_day_without_her_is_no_use(ann: Seat) -> None:
    kinds = {str(day.day): bar.kind for day, bar in zip(drawn(ann).days, drawn(ann).bars, strict=True)}

    assert {day: kind for day, kind in kinds.items() if kind != "unknown"} == {
        "2026-09-10": "use",
        "2026-11-15": "use",
        "2026-11-16": "faint",
        "2026-11-17": "none",
    }


def test_the_tallest_day_fills_the_drawing_and_the_least_can_be_seen(ann: Seat) -> None:
    heights = {str(day.day): bar.height for day, bar in zip(drawn(ann).days, drawn(ann).bars, strict=True)}

    assert heights["2026-11-15"] == 40
    assert heights["2026-09-10"] == heights["2026-11-16"] == 3
    assert heights["2026-11-17"] == 1


def test_the_days_of_use_are_a_table_too(ann: Seat) -> None:
    rows = [[cell.text for cell in row] for row in drawn(ann).rows]

    assert rows == [
        ["2026-11-16", "0", "0", "0", "nothing but a review Copilot did unasked"],
        ["2026-11-15", "30", "10", "4", ""],
        ["2026-09-10", "2", "0", "0", ""],
    ]


def test_without_any_report_there_is_no_drawing(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "seats.json", [seat(1, "ann")]), organization="acme", complete=True)

    assert use(Seat.objects.get()) is None


def test_the_page_of_a_seat_shows_it_to_whoever_may_see_use(noa: Any, noa_client: Client, ann: Seat) -> None:
    def page() -> str:
        return noa_client.get(f"/seats/seat/{ann.pk}/change/").content.decode()

    noa.user_permissions.set(Permission.objects.filter(codename="view_seat"))
    assert "Use over 90 days" not in page()

    noa.user_permissions.set(Permission.objects.filter(codename__in=["view_seat", "view_userday"]))
    assert 'aria-label="Use over 90 days. Used on 1 of the 28 days' in page()
