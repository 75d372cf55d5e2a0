"""How every seat stood on a day, present or past, with its verdict and reason.

A past day sees what was known and dated up to its end: the newest roster until then, and no evidence of
a later day. A seat that we first saw afterwards, but that GitHub says had been granted by then, stands
with what that first roster dates up to the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet

from seats import evidence
from seats.exemptions import Exempt
from seats.models import (
    Account,
    ActivityLine,
    Evidence,
    Exemption,
    GitHubUser,
    InactivityPolicy,
    Seat,
    SeatObservation,
    Team,
    TeamMembership,
)
from seats.policy import Facts, Judgement, Rule, evaluate
from seats.policy_sql import midnight, rule_of, today
from seats.watching import LONGEST_GAP, last_run, moments


@dataclass(frozen=True, slots=True)
class SeatStanding:
    """A seat on a day: GitHub's fields as they stood, the newest evidence that counts, the verdict."""

    seat: Seat
    account: Account
    user: GitHubUser
    plan_type: str
    assigning_team_label: str
    granted_by: str
    created_at: datetime | None
    last_activity_at: datetime | None
    last_activity_editor: str
    last_authenticated_at: datetime | None
    pending_cancellation_date: date | None
    policy: InactivityPolicy | None
    exemption: Exemption | None
    judgement: Judgement

    @property
    def last_evidence_on(self) -> date | None:
        return self.judgement.last_evidence_on

    @property
    def last_evidence_source(self) -> str:
        return self.judgement.last_evidence_source


@dataclass(slots=True)
class _State:
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


def standing(
    as_of: date,
    account: Account | None = None,
    days: int | None = None,
    *,
    only: Collection[int] | None = None,
) -> Iterator[SeatStanding]:
    """Every seat held at the end of `as_of` (UTC), by enterprise, organization and login.

    `account` bounds it to one account, an enterprise including its organizations; `only` to the seats with
    these keys; `days` overrides the idle days of every policy.
    """
    seats = Seat.objects.of_family(account) if account is not None else Seat.objects.all()
    if only is not None:
        seats = seats.filter(pk__among=set(only))
    seats = seats.select_related("account__parent", "user", "assigning_team")
    if as_of >= today():
        states = _present(seats)
        known = _evidence_now(as_of, seats if only is not None else None)
    else:
        states = _past(seats, as_of)
        known = _evidence_then(as_of)
    nearest = NearestPolicy(as_of)
    exempt = Exempt(as_of)
    watched = _Watched(as_of)
    for state in sorted(states, key=_order):
        seat = state.seat
        policy = nearest.of(seat, state.team_ids)
        rule = rule_of(policy, days) if policy else Rule(idle_days=days or Rule().idle_days)
        exemption = exempt.covers(seat, state.team_ids)
        facts = Facts(
            created_on=state.created_at.date() if state.created_at else None,
            pending_cancellation_date=state.pending_cancellation_date,
            is_exempt=exemption is not None,
            exemption=exemption.says if exemption else "",
            evidence=known.get(seat.user_id, {}),
            watched_since=watched.since(seat),
        )
        yield SeatStanding(
            seat=seat,
            account=seat.account,
            user=seat.user,
            plan_type=state.plan_type,
            assigning_team_label=state.team_label,
            granted_by=state.granted_by,
            created_at=state.created_at,
            last_activity_at=state.last_activity_at,
            last_activity_editor=state.last_activity_editor,
            last_authenticated_at=state.last_authenticated_at,
            pending_cancellation_date=state.pending_cancellation_date,
            policy=policy,
            exemption=exemption,
            judgement=evaluate(facts, rule, as_of),
        )


def _order(state: _State) -> tuple[str, str, str, int]:
    account = state.seat.account
    return (
        account.enterprise_label.lower(),
        account.organization_label.lower(),
        state.seat.user.login_key,
        state.seat.user_id,
    )


# --- Seats as they stood ----------------------------------------------------------------------


def _present(seats: QuerySet[Seat]) -> Iterator[_State]:
    for seat in seats.filter(ended_at=None).prefetch_related("grants__assigning_team"):
        teams = [grant.assigning_team for grant in seat.grants.all() if grant.assigning_team]
        yield _State(
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


def _past(seats: QuerySet[Seat], as_of: date) -> Iterator[_State]:
    end = midnight(as_of + timedelta(days=1))
    histories: dict[int, list[SeatObservation]] = defaultdict(list)
    for row in SeatObservation.objects.filter(seat__in=seats.values("pk")).order_by("observed_at").iterator():
        histories[row.seat_id].append(row)
    teams = {(team.account_id, team.github_id): team for team in Team.objects.all()}
    for seat in seats:
        history = histories.get(seat.pk)
        if history is None:
            if seat.first_seen_at < end and (seat.ended_at is None or seat.ended_at >= end):
                yield from _known_by_activity(seat, end)
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


def _known_by_activity(seat: Seat, end: datetime) -> Iterator[_State]:
    """A seat that only activity reports showed, with what the newest of them until then said."""
    lines = ActivityLine.objects.filter(account_id=seat.account_id, user_id=seat.user_id, report_time__lt=end)
    if line := lines.order_by("-report_time").first():
        yield _State(
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
) -> _State:
    """The seat as the newest of these rosters showed it; memory of activity is the newest of them all."""
    state: Mapping[str, Any] = list(known)[-1].state
    routes = [(str(route), team_id) for route, team_id in state.get("grants", [])]
    owners = [seat.account_id, seat.account.parent_id]
    granted_by = [
        teams.get((owner, team_id)) for _, team_id in routes if team_id for owner in owners if owner
    ]
    assigning = [team for team in granted_by if team is not None]
    return _State(
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


# --- Evidence, watching -----------------------------------------------------------------------


def _evidence_now(as_of: date, seats: QuerySet[Seat] | None) -> Mapping[int, Mapping[str, date]]:
    """Of everybody, or of those alone who hold one of these seats."""
    rows = Evidence.objects.filter(last_on__lte=as_of)
    if seats is not None:
        rows = rows.filter(user_id__in=seats.order_by().values("user_id"))
    known: dict[int, dict[str, date]] = defaultdict(dict)
    for user_id, source, last_on in rows.order_by().values_list("user_id", "source", "last_on"):
        known[user_id][source] = last_on
    return known


def _evidence_then(as_of: date) -> Mapping[int, Mapping[str, date]]:
    """What each source had shown by the end of a past day."""
    end = midnight(as_of + timedelta(days=1))
    known: dict[int, dict[str, date]] = defaultdict(dict)

    def add(user_id: int, source: str, at: datetime | date | None) -> None:
        if at is None:
            return
        day = at.date() if isinstance(at, datetime) else at
        if day <= as_of and (source not in known[user_id] or day > known[user_id][source]):
            known[user_id][source] = day

    # Evidence belongs to the person: seats of every account speak, not only those asked for.
    for state in _past(Seat.objects.select_related("account__parent", "user"), as_of):
        add(state.seat.user_id, "seat", state.last_activity_at if state.seat.observed_at else None)
        add(state.seat.user_id, "sign_in", state.last_authenticated_at)
    lines = ActivityLine.objects.filter(report_time__lt=end).values("user_id")
    for row in lines.annotate(used=Max("last_activity_at"), seen=Max("last_authenticated_at")):
        add(row["user_id"], "activity_report", row["used"])
        add(row["user_id"], "sign_in", row["seen"])
    for history in evidence.histories():
        for user_id, days in history(as_of).items():
            for source, day in days.items():
                add(user_id, source, day)
    return known


class _Watched:
    """Since when each seat had been watched without a gap, as of a day."""

    def __init__(self, as_of: date) -> None:
        self.end = midnight(as_of + timedelta(days=1))
        self.oldest = midnight(as_of) - LONGEST_GAP
        self.runs: dict[int, tuple[datetime, datetime] | None] = {}

    def since(self, seat: Seat) -> date | None:
        account = seat.account
        if account.pk not in self.runs:
            self.runs[account.pk] = last_run([at for at in moments(account) if at < self.end])
        run = self.runs[account.pk]
        if run is None or run[1] < self.oldest or seat.first_seen_at >= self.end:
            return None
        return max(run[0], seat.first_seen_at).date()


class NearestPolicy:
    """Which policy holds for a seat: a team's (of several the longest), organization's, enterprise's, all.

    Only those in force on `as_of` count, and of one scope only the one that started last.
    """

    def __init__(self, as_of: date) -> None:
        policies = InactivityPolicy.objects.deciding(as_of)
        self.for_all = next((policy for policy in policies if policy.scope_key == "all"), None)
        self.by_account: dict[int | None, InactivityPolicy] = {
            policy.account_id: policy for policy in policies if policy.account_id
        }
        self.by_team = {policy.team_id: policy for policy in policies if policy.team_id}
        self.members: dict[int, set[int]] = defaultdict(set)
        self.accounts = {policy.team_id: policy.team.account for policy in policies if policy.team}
        memberships = TeamMembership.objects.filter(team_id__in=list(self.by_team))
        for team_id, user_id in memberships.values_list("team_id", "user_id"):
            self.members[user_id].add(team_id)

    def of(self, seat: Seat, assigning_team_ids: Collection[int]) -> InactivityPolicy | None:
        teams = {team_id for team_id in assigning_team_ids if team_id in self.by_team}
        teams |= {team_id for team_id in self.members.get(seat.user_id, ()) if self._in_family(seat, team_id)}
        if teams:
            return max((self.by_team[team_id] for team_id in teams), key=lambda one: (one.idle_days, one.pk))
        return (
            self.by_account.get(seat.account_id)
            or self.by_account.get(seat.account.parent_id)
            or self.for_all
        )

    def _in_family(self, seat: Seat, team_id: int) -> bool:
        return self.accounts[team_id].pk in (seat.account_id, seat.account.parent_id)
