"""How every seat stood on a day, present or past, with its verdict and reason.

A past day sees what was known and dated up to its end: the newest roster until then, and no evidence of
a later day. A seat that we first saw afterwards, but that GitHub says had been granted by then, stands
with what that first roster dates up to the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Max

from seats import evidence
from seats.as_they_stood import SeatState, past, present
from seats.exemptions import Exempt
from seats.models import (
    Account,
    ActivityLine,
    Evidence,
    Exemption,
    GitHubUser,
    InactivityPolicy,
    Seat,
    TeamMembership,
)
from seats.policy import Facts, Judgement, Rule, evaluate
from seats.policy_sql import midnight, rule_of, today
from seats.seats_in_order import in_order
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

    Only the keys of all seats are held at once; the seats themselves a few hundred at a time.
    """
    seats = Seat.objects.of_family(account) if account is not None else Seat.objects.all()
    if only is not None:
        seats = seats.filter(pk__among=set(only))
    is_past = as_of < today()
    if not is_past:
        seats = seats.filter(ended_at=None)
    nearest = NearestPolicy(as_of)
    exempt = Exempt(as_of)
    watched = _Watched(as_of)
    for chunk in in_order(seats):
        states = list(past(chunk, as_of) if is_past else present(chunk))
        holders = {state.seat.user_id for state in states}
        known = _evidence_then(as_of, holders) if is_past else _evidence_now(as_of, holders)
        for state in states:
            yield _judged(state, as_of, days, nearest, exempt, watched, known)


def _judged(
    state: SeatState,
    as_of: date,
    days: int | None,
    nearest: NearestPolicy,
    exempt: Exempt,
    watched: _Watched,
    known: Mapping[int, Mapping[str, date]],
) -> SeatStanding:
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
    return SeatStanding(
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


# --- Evidence, watching -----------------------------------------------------------------------


def _evidence_now(as_of: date, holders: Collection[int]) -> Mapping[int, Mapping[str, date]]:
    """Of these people."""
    rows = Evidence.objects.filter(last_on__lte=as_of, user_id__among=holders)
    known: dict[int, dict[str, date]] = defaultdict(dict)
    for user_id, source, last_on in rows.order_by().values_list("user_id", "source", "last_on"):
        known[user_id][source] = last_on
    return known


def _evidence_then(as_of: date, holders: Collection[int]) -> Mapping[int, Mapping[str, date]]:
    """What each source had shown of these people by the end of a past day."""
    end = midnight(as_of + timedelta(days=1))
    known: dict[int, dict[str, date]] = defaultdict(dict)

    def add(user_id: int, source: str, at: datetime | date | None) -> None:
        if at is None:
            return
        day = at.date() if isinstance(at, datetime) else at
        if day <= as_of and (source not in known[user_id] or day > known[user_id][source]):
            known[user_id][source] = day

    # Evidence belongs to the person: seats of every account speak, not only those asked for.
    theirs = Seat.objects.filter(user_id__among=holders).select_related("account__parent", "user")
    for state in past(list(theirs), as_of):
        add(state.seat.user_id, "seat", state.last_activity_at if state.seat.observed_at else None)
        add(state.seat.user_id, "sign_in", state.last_authenticated_at)
    lines = ActivityLine.objects.filter(report_time__lt=end, user_id__among=holders).values("user_id")
    for row in lines.annotate(used=Max("last_activity_at"), seen=Max("last_authenticated_at")):
        add(row["user_id"], "activity_report", row["used"])
        add(row["user_id"], "sign_in", row["seen"])
    for history in evidence.histories():
        for user_id, days in history(as_of, holders).items():
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
