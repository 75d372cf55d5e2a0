"""`activity`: the columns of GitHub's own activity report, from the newest thing we know of each seat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from portal.reports import registry
from portal.reports.base import Column, Report, ReportQuery, Row, columns_named
from seats.models import ActivityLine, Seat
from seats.reports.behind import LeadsToList
from seats.reports.scope import account_of, seat_facts, teams_of
from seats.reports.seats import held_seats
from seats.seats_in_order import keys_in_order

FIELDS = ("report_time", "last_authenticated_at", "last_activity_at", "last_surface_used")


@registry.register
class Activity(LeadsToList, Report):
    """A line per seat held now: as the newest activity report has it, or a newer seat list."""

    name = "activity"
    title = "Activity"
    subject = "Seats"
    question = "When did each holder of a seat last sign in and last use Copilot?"
    order = "enterprise, organization, login"
    permission = "seats.export_seat"
    options = frozenset({"--team"})

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        account_of(query)
        if query.team:
            teams_of(query)

    def facts(self, query: ReportQuery) -> list[tuple[str, str]]:
        return seat_facts(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        return columns_named(
            "report_time", "login", "last_authenticated_at", "last_activity_at", "last_surface_used"
        )

    def count(self, query: ReportQuery) -> int | None:
        return held_seats(query).count()

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        for keys in keys_in_order(held_seats(query)):
            chunk = _with_newest_line(Seat.objects.filter(pk__among=keys).with_listed_at())
            seats = chunk.select_related("user").in_bulk()
            yield from (_line(seats[pk]) for pk in keys if pk in seats)


def _with_newest_line(seats: QuerySet[Seat]) -> Any:
    # An enterprise's activity report speaks of the seats of its organizations too.
    lines = ActivityLine.objects.filter(
        Q(account=OuterRef("account")) | Q(account=OuterRef("account__parent")), user=OuterRef("user")
    ).newest_first()
    return seats.annotate(**{f"line_{name}": Subquery(lines.values(name)[:1]) for name in FIELDS})


def _line(seat: Any) -> Row:
    told_at = seat.line_report_time
    if told_at is not None and (seat.listed_at is None or told_at >= seat.listed_at):
        times = (seat.line_last_authenticated_at, seat.line_last_activity_at)
        return (told_at, seat.user.login, *times, seat.line_last_surface_used)
    return (
        seat.listed_at or seat.last_seen_at,
        seat.user.login,
        seat.last_authenticated_at,
        seat.last_activity_at,
        seat.last_activity_editor,
    )
