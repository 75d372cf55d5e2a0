"""GitHub's fields of seats as they stood on a day, present or past.

A past day sees what was known and dated up to its end: the newest roster until then. A seat that we first
saw afterwards, but that GitHub says had been granted by then, stands with what that first roster dates up
to the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from seats.models import ActivityLine, Seat, SeatGrant, SeatObservation, Team
from seats.policy_sql import midnight


@dataclass(slots=True)
class SeatState:
    """GitHub's fields of a seat as they stood."""

    seat: Seat
    plan_type: str
    granted_by: str
    team_label: str
    created_at: datetime | None
    last_activity_at: datetime | None
    last_activity_editor: str
    last_authenticated_at: datetime | None
    pending_cancellation_date: date | None
    team_ids: frozenset[int]


def present(seats: Sequence[Seat]) -> Iterator[SeatState]:
    granting = _granting_teams(seats)
    for seat in seats:
        teams = granting.get(seat.pk, ())
        yield SeatState(
            seat=seat,
            plan_type=seat.plan_type,
            granted_by=seat.granted_by,
            team_label=_team_label(teams),
            created_at=seat.created_at,
            last_activity_at=seat.last_activity_at,
            last_activity_editor=seat.last_activity_editor,
            last_authenticated_at=seat.last_authenticated_at,
            pending_cancellation_date=seat.pending_cancellation_date,
            team_ids=frozenset(team.pk for team in teams),
        )


def _granting_teams(seats: Sequence[Seat]) -> Mapping[int, list[Team]]:
    """By seat: the teams through which it is granted."""
    grants = SeatGrant.objects.filter(seat__among={seat.pk for seat in seats}, assigning_team__isnull=False)
    pairs = list(grants.order_by("pk").values_list("seat_id", "assigning_team_id"))
    teams = Team.objects.filter(pk__among={team_id for _, team_id in pairs}).in_bulk()
    found: dict[int, list[Team]] = defaultdict(list)
    for seat_id, team_id in pairs:
        if team_id in teams:
            found[seat_id].append(teams[team_id])
    return found


def past(seats: Sequence[Seat], as_of: date) -> Iterator[SeatState]:
    end = midnight(as_of + timedelta(days=1))
    keys = {seat.pk for seat in seats}
    histories: dict[int, list[SeatObservation]] = defaultdict(list)
    for row in SeatObservation.objects.filter(seat__among=keys).order_by("observed_at").iterator():
        histories[row.seat_id].append(row)
    teams = _teams_of(histories.values())
    lines = _newest_lines(keys - histories.keys(), end)
    for seat in seats:
        history = histories.get(seat.pk)
        if history is None:
            is_held = seat.first_seen_at < end and (seat.ended_at is None or seat.ended_at >= end)
            if is_held and (line := lines.get(seat.pk)):
                yield _known_by_activity(seat, line)
            continue
        known = [row for row in history if row.observed_at < end]
        if known and known[-1].is_present:
            yield _restored(seat, known, teams)
        elif not known:
            state = _restored(seat, history[:1], teams)
            if state.created_at is not None and state.created_at < end:
                state.last_activity_at = _before(state.last_activity_at, end)
                state.last_authenticated_at = _before(state.last_authenticated_at, end)
                yield state


def _teams_of(histories: Iterable[Iterable[SeatObservation]]) -> dict[tuple[int, int], Team]:
    """The teams that granted any of these, by their account and GitHub's id."""
    ids = {
        team_id
        for history in histories
        for row in history
        for _route, team_id in row.state.get("grants", [])
        if team_id
    }
    return {(team.account_id, team.github_id): team for team in Team.objects.filter(github_id__among=ids)}


def _newest_lines(keys: Collection[int], end: datetime) -> dict[int, ActivityLine]:
    """By seat: the newest line that an activity report had of its holder until then."""
    lines = ActivityLine.objects.filter(
        account=OuterRef("account_id"), user=OuterRef("user_id"), report_time__lt=end
    ).newest_first()
    newest = (
        Seat.objects.filter(pk__among=set(keys)).order_by().annotate(line=Subquery(lines.values("pk")[:1]))
    )
    by_seat = dict(newest.exclude(line=None).values_list("pk", "line"))
    rows = ActivityLine.objects.filter(pk__among=set(by_seat.values())).in_bulk()
    return {pk: rows[line] for pk, line in by_seat.items()}


def _known_by_activity(seat: Seat, line: ActivityLine) -> SeatState:
    """A seat that only activity reports showed, with what the newest of them until then said."""
    return SeatState(
        seat=seat,
        plan_type=seat.plan_type,
        granted_by="",
        team_label="",
        created_at=None,
        last_activity_at=line.last_activity_at,
        last_activity_editor=line.last_surface_used,
        last_authenticated_at=line.last_authenticated_at,
        pending_cancellation_date=None,
        team_ids=frozenset(),
    )


def _restored(
    seat: Seat, known: Collection[SeatObservation], teams: Mapping[tuple[int, int], Team]
) -> SeatState:
    """The seat as the newest of these rosters showed it; memory of activity is the newest of them all."""
    state: Mapping[str, Any] = list(known)[-1].state
    routes = [(str(route), team_id) for route, team_id in state.get("grants", [])]
    owners = [seat.account_id, seat.account.parent_id]
    granted_by = [
        teams.get((owner, team_id)) for _, team_id in routes if team_id for owner in owners if owner
    ]
    assigning = [team for team in granted_by if team is not None]
    return SeatState(
        seat=seat,
        plan_type=state["plan_type"],
        granted_by=";".join(sorted({route for route, _ in routes})),
        team_label=_team_label(assigning),
        created_at=_instant(state["created_at"]),
        last_activity_at=_newest_instant(row.state.get("last_activity_at") for row in known),
        last_activity_editor=state["last_activity_editor"],
        last_authenticated_at=_newest_instant(row.state.get("last_authenticated_at") for row in known),
        pending_cancellation_date=_day(state["pending_cancellation_date"]),
        team_ids=frozenset(team.pk for team in assigning),
    )


def _team_label(teams: Iterable[Team]) -> str:
    return ";".join(sorted({str(team) for team in teams}))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _newest_instant(texts: Iterable[str | None]) -> datetime | None:
    return max((datetime.fromisoformat(text) for text in texts if text), default=None)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _before(at: datetime | None, end: datetime) -> datetime | None:
    return at if at is not None and at < end else None
