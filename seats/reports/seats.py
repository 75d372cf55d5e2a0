"""`seats` and `inactive-seats`: who holds a seat, and who holds one without using it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice

from django.db.models import Q

from portal.reports import registry
from portal.reports.base import Column, Report, ReportQuery, Row, columns_named
from seats.figures import Prices
from seats.models import Seat, TeamMembership
from seats.models.seat import SeatQuerySet
from seats.reports import decisions
from seats.reports.behind import LeadsToList
from seats.reports.scope import account_of, seat_facts, teams_of
from seats.verdicts import SeatStanding, standing, today

# Inactive seats whose decisions are read together.
AT_ONCE = 100


@registry.register
class Seats(LeadsToList, Report):
    """Without `--as-of`, as of today (UTC). An enterprise includes its organizations."""

    name = "seats"
    title = "Seats"
    subject = "Seats"
    question = "Who holds a seat, and what does the policy say of it?"
    order = "enterprise, organization, login, user_id"
    permission = "seats.export_seat"
    options = frozenset({"--team", "--as-of", "--days"})

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        account_of(query)
        if query.team:
            teams_of(query)

    def facts(self, query: ReportQuery) -> list[tuple[str, str]]:
        return seat_facts(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            *columns_named("organization", "enterprise", "login", "user_id"),
            Column("plan_type", "Plan"),
            *columns_named("assigning_team", "granted_by"),
            Column("created_at", "Created"),
            Column("last_activity_at", "Last activity"),
            Column("last_activity_editor", "Editor"),
            Column("last_authenticated_at", "Last sign-in"),
            *columns_named("pending_cancellation_date"),
            Column("last_evidence_on", "Last evidence"),
            Column("last_evidence_source", "Source"),
            *columns_named("verdict", "monthly_cost", "currency"),
        ]

    def count(self, query: ReportQuery) -> int | None:
        if query.as_of is not None and query.as_of < today():
            return None
        return self.counted(held_seats(query), query)

    def counted(self, held: SeatQuerySet, query: ReportQuery) -> int | None:
        return held.count()

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        as_of = query.as_of or today()
        prices = Prices.on(as_of)
        return (self.row(seat, prices) for seat in self.wanted(query, as_of))

    def wanted(self, query: ReportQuery, as_of: date) -> Iterator[SeatStanding]:
        """The seats asked for, as they stood."""
        is_wanted = _is_wanted(query)
        return (seat for seat in standing(as_of, account_of(query), query.days) if is_wanted(seat))

    def row(self, seat: SeatStanding, prices: Prices) -> Row:
        price = prices.of(seat.account, seat.plan_type)
        return (
            seat.account.organization_label,
            seat.account.enterprise_label,
            seat.user.login,
            seat.user.github_id,
            seat.plan_type,
            seat.assigning_team_label,
            seat.granted_by,
            seat.created_at,
            seat.last_activity_at,
            seat.last_activity_editor,
            seat.last_authenticated_at,
            seat.pending_cancellation_date,
            seat.last_evidence_on,
            seat.last_evidence_source,
            seat.judgement.verdict,
            price.amount if price else None,
            price.currency if price else None,
        )


@registry.register
class InactiveSeats(Seats):
    """Seats that are idle or were never used, by each seat's nearest policy or after `--days`."""

    name = "inactive-seats"
    title = "Inactive seats"
    question = "Who holds a seat and does not use it?"

    def columns(self, query: ReportQuery) -> list[Column]:
        return [*super().columns(query), *columns_named("days_idle", "reason"), *decisions.columns()]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        as_of = query.as_of or today()
        prices = Prices.on(as_of)
        decided = decisions.Decisions(as_of)
        wanted = self.wanted(query, as_of)
        while some := list(islice(wanted, AT_ONCE)):
            told = decided.of(seat.seat for seat in some)
            for seat in some:
                yield (*self.row(seat, prices), *told.get(seat.seat.pk, decisions.NONE))

    def counted(self, held: SeatQuerySet, query: ReportQuery) -> int | None:
        """By the cached verdicts, if they are all of today and nothing overrides the policies."""
        is_cached = query.days is None and (query.as_of or today()) == today()
        if not is_cached or held.exclude(verdict_as_of=today()).exists():
            return None
        return held.inactive().count()

    def wanted(self, query: ReportQuery, as_of: date) -> Iterator[SeatStanding]:
        return (seat for seat in super().wanted(query, as_of) if seat.judgement.is_inactive)

    def row(self, seat: SeatStanding, prices: Prices) -> Row:
        return (*super().row(seat, prices), seat.judgement.days_idle, seat.judgement.reason)


def held_seats(query: ReportQuery) -> SeatQuerySet:
    """The seats asked for that somebody holds now."""
    account = account_of(query)
    seats = Seat.objects.held()
    if account is not None:
        seats = seats.of_family(account)
    if query.team:
        teams = [team.pk for team in teams_of(query)]
        members = TeamMembership.objects.filter(team__in=teams).values("user_id")
        seats = seats.filter(Q(user__in=members) | Q(assigning_team__in=teams))
    return seats if query.only is None else seats.filter(pk__in=query.only)


def _is_wanted(query: ReportQuery) -> Callable[[SeatStanding], bool]:
    """Whether a seat was picked by hand, where some were, and is of the team, where one was named.

    Of a team is whoever is in it, as last known, or was granted the seat by it.
    """
    teams = {team.pk for team in teams_of(query)} if query.team else None
    members: set[int] = set()
    if teams is not None:
        members.update(TeamMembership.objects.filter(team__in=teams).values_list("user_id", flat=True))

    def is_wanted(seat: SeatStanding) -> bool:
        if query.only is not None and seat.seat.pk not in query.only:
            return False
        return teams is None or seat.user.pk in members or seat.seat.assigning_team_id in teams

    return is_wanted
