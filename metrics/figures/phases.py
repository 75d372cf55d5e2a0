"""Adoption phases, how people move between them, and who comes, stays and goes.

GitHub puts everybody into a phase by what they used on two days or more of the last 28: 0 is no cohort,
1 code first, 2 one agent, 3 several agents or the Copilot app. Other numbers are kept as they come.
https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from django.db.models import Q
from pyroaring import BitMap

from metrics.figures.distinct import day_sets, trailing_unions, union
from metrics.figures.newest import newest
from metrics.figures.records import Phase, day_records
from metrics.figures.scope import Scope
from metrics.figures.seat_holders import seat_holders
from metrics.figures.sets_read import Kinds
from metrics.figures.stored_periods import stored_activity, stored_phases
from metrics.figures.stored_sets import ACTIVE, StoredSets
from metrics.models import TeamRoster, WeekUsers
from metrics.periods import MONTH, SETTLES_AFTER, Period
from seats.models import Account, Revocation, Team

# Where somebody is who is in no phase: active in the 28 days without a phase being told, or not active.
UNTOLD: Final = -1
AWAY: Final = -2
# GitHub's "No Cohort": the people whom it calls passive.
NO_COHORT: Final = 0

PHASE: Final = "phase:"
# Where a day's record tells of them.
BY_PHASE: Final = "totals_by_ai_adoption_phase"
ONE: Final = timedelta(days=1)
LATE: Final = timedelta(days=SETTLES_AFTER)

People = Mapping[int, BitMap]


# --- Phases ------------------------------------------------------------------------------------


def phase_sets(scope: Scope, days: Collection[date]) -> Mapping[date, People | None]:
    """As of each day: the people of the 28 days that end with it, each by the newest phase told of them.

    UNTOLD are those of whom none was told. None where not all 28 days are covered, or no phase was told.
    """
    found: dict[date, People | None] = {}
    for stretch in _stretches(days):
        found |= _phase_sets(scope, stretch)
    return found


def _stretches(days: Collection[date]) -> list[list[date]]:
    """The days in order, cut where as much or more lies between two of them as would have to be read."""
    stretches: list[list[date]] = []
    for day in sorted(days):
        if stretches and (day - stretches[-1][-1]).days <= 2 * MONTH:
            stretches[-1].append(day)
        else:
            stretches.append([day])
    return stretches


def _phase_sets(scope: Scope, days: Sequence[date]) -> dict[date, People | None]:
    reach = Period(days[0] - timedelta(days=MONTH - 1), days[-1])
    told = StoredSets(
        scope,
        reach,
        Kinds([ACTIVE], [PHASE]),
        in_detail=True,
        of_weeks=Kinds(prefixes=[f"{WeekUsers.LAST}{PHASE}"]),
    )
    covered = set(told.covered_at_all)
    if told.by_week is not None:
        windows = {day: Period.trailing(day, MONTH) for day in days}
        told.open_for(windows.values())
        return {
            day: _by_weeks(told, window) if window.is_within(covered) else None
            for day, window in windows.items()
        }
    by_phase = {
        int(kind.removeprefix(PHASE)): sets for kind, sets in told.by_day.items() if kind.startswith(PHASE)
    }
    so_far: dict[int, BitMap] = {number: BitMap() for number in by_phase}
    in_detail, wanted, nobody = set(told.covered), set(days), BitMap()
    with_phase: list[BitMap | None] = []
    as_of: dict[date, People] = {}
    for day in reach:
        today = {number: sets[day] for number, sets in by_phase.items() if day in sets and day in in_detail}
        with_phase.append(_move(so_far, today))
        if day in wanted:
            as_of[day] = dict(so_far)
    active = [told.by_day.get(ACTIVE, {}).get(day, nobody) if day in covered else None for day in reach]
    windows_of_both = zip(
        reach, trailing_unions(active, MONTH), trailing_unions(with_phase, MONTH), strict=True
    )
    return {
        day: None if everybody is None or newer is None else _as_of(as_of[day], everybody, newer)
        for day, everybody, newer in windows_of_both
        if day in wanted
    }


def _by_weeks(told: StoredSets, window: Period) -> People | None:
    """The same of a window, from the weeks and days that it is made of."""
    by_kind = newest(told.last_of(window, PHASE))
    with_phase = BitMap.union(BitMap(), *by_kind.values())
    people = {int(kind.removeprefix(PHASE)): users for kind, users in by_kind.items()}
    return _as_of(people, told.unions(window)(ACTIVE), with_phase)


def _move(newest: dict[int, BitMap], today: People) -> BitMap:
    """Put everybody told of today into today's phase; who they are."""
    everybody = BitMap.union(*today.values()) if today else BitMap()
    for number in newest:
        newest[number] = (newest[number] - everybody) | today.get(number, BitMap())
    return everybody


def _as_of(newest: People, everybody: BitMap, with_phase: BitMap) -> People | None:
    """Those of whom a phase was told by the newest one, and the others."""
    if not with_phase:
        return None
    found = {number: users & with_phase for number, users in newest.items()}
    found[UNTOLD] = everybody - with_phase
    return {number: users for number, users in found.items() if users}


def phase_series(
    scope: Scope, days: Collection[date], period: Period | None = None
) -> Mapping[date, Mapping[int, int] | None]:
    """As of each day, in order: how many people of the 28 days that end with it are in which phase.

    From people; where their days are not all covered, GitHub's own `users_in_phase_28d`, else None. The
    whole is everybody with a line in those 28 days, UNTOLD among them. `period`: the one that the days are
    of, or end before; of a usual one they are stored.
    """
    if not days:
        return {}
    counts = None if period is None else _stored_counts(scope, days, period)
    if counts is None:
        counts = phase_counts(phase_sets(scope, days))
    found: dict[date, Mapping[int, int] | None] = {}
    lacking = [day for day, people in counts.items() if people is None]
    records = None
    for day in sorted(days):
        if (people := counts[day]) is not None:
            found[day] = people
            continue
        if records is None:
            reach = Period(min(lacking), max(lacking))
            records = {} if scope.team is not None else day_records(scope, reach, BY_PHASE)
        record = records.get(day)
        found[day] = _own_counts(record.totals_by_ai_adoption_phase) if record else None
    return found


def phase_counts(sets: Mapping[date, People | None]) -> dict[date, Mapping[int, int] | None]:
    """How many people are in which phase."""
    return {
        day: None if people is None else {number: len(users) for number, users in people.items()}
        for day, people in sets.items()
    }


def _stored_counts(
    scope: Scope, days: Collection[date], period: Period
) -> Mapping[date, Mapping[int, int] | None] | None:
    """Those of people alone, as stored of just this period; None unless they are of each of these days."""
    known = Period(period.first - ONE, period.last)
    if not all(day in known for day in days) or (stored := stored_phases(scope, period)) is None:
        return None
    return {day: stored.as_of[(day - known.first).days] for day in days}


def _own_counts(entries: Iterable[Phase] | None) -> Mapping[int, int] | None:
    """By GitHub's own count; None unless every phase of the record has one."""
    counts: dict[int, int] = {}
    for entry in entries or []:
        if entry.phase_number is None or entry.users_in_phase_28d is None:
            return None
        counts[entry.phase_number] = entry.users_in_phase_28d
    return counts or None


class Engagement(NamedTuple):
    """People in a phase from 1 on, people in no cohort ("passive"), and those of whom no phase was told."""

    engaged: int
    passive: int
    untold: int

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Engagement:
        passive, untold = counts.get(NO_COHORT, 0), counts.get(UNTOLD, 0)
        return cls(sum(counts.values()) - passive - untold, passive, untold)

    @property
    def told(self) -> int:
        """Everybody in a phase or in none: what shares are of."""
        return self.engaged + self.passive


def phase_flow(scope: Scope, before: date, now: date) -> Mapping[tuple[int, int], int] | None:
    """How many people were in which phase as of one day, and are in which as of a later one.

    Everybody with a line in the 28 days up to either; AWAY is who has none up to one of them. None unless
    the phases of both days can be told.
    """
    if (stored := stored_phases(scope, Period(before + ONE, now))) is not None:
        crossed = stored.crossed
        return None if crossed is None else {(row, column): people for row, column, people in crossed}
    return flow_of(phase_sets(scope, [before, now]), before, now)


def flow_of(
    sets: Mapping[date, People | None], before: date, now: date
) -> Mapping[tuple[int, int], int] | None:
    """The same of sets that are at hand."""
    was, is_now = sets[before], sets[now]
    return None if was is None or is_now is None else flow(was, is_now)


def flow(was: People, is_now: People) -> dict[tuple[int, int], int]:
    """The sizes of every crossing of two partitions; AWAY is who is in one of them alone."""
    then, today = BitMap.union(*was.values()), BitMap.union(*is_now.values())
    rows = {**was, AWAY: today - then}
    columns = {**is_now, AWAY: then - today}
    crossed = {(a, b): len(one & other) for a, one in rows.items() for b, other in columns.items()}
    return {key: count for key, count in crossed.items() if count}


# --- What a phase does -------------------------------------------------------------------------

# GitHub's averages that can be added up again: each is of the people engaged that day.
AVERAGES = (
    "avg_user_initiated_interactions",
    "avg_code_generation_activities",
    "avg_code_acceptance_activities",
    "avg_loc_added",
    "avg_loc_deleted",
    "avg_pull_requests_created",
    "avg_pull_requests_reviewed",
    "avg_pull_requests_merged",
)


class PhaseActivity(NamedTuple):
    """A phase over a period: person-days, GitHub's averages per person-day, and pull requests merged."""

    person_days: int
    averages: Mapping[str, Decimal | None]
    merged: int | None


def phase_activity(
    scope: Scope, period: Period, days: Collection[date] | None = None
) -> dict[int, PhaseActivity]:
    """By phase, from GitHub's own records alone: of teams, and of days without such a record, nothing.

    A day's average counts as often as people were engaged in the phase that day, so that the result is the
    average of all person-days, as exact as GitHub's averages are.
    """
    if scope.team is not None:
        return {}
    if days is None or set(days).issuperset(period):
        stored = stored_activity(scope, period)
        if stored is not None:
            return {
                number: PhaseActivity(each.person_days, each.averages, each.merged)
                for number, each in stored.items()
            }
    entries: dict[int, list[Phase]] = defaultdict(list)
    for day, record in day_records(scope, period, BY_PHASE).items():
        if days is not None and day not in days:
            continue
        for entry in record.totals_by_ai_adoption_phase or []:
            if entry.phase_number is not None and entry.total_engaged_users is not None:
                entries[entry.phase_number].append(entry)
    return {number: _activity(entries[number]) for number in sorted(entries)}


def _activity(entries: Iterable[Phase]) -> PhaseActivity:
    person_days, merged = 0, None
    sums = dict.fromkeys(AVERAGES, Decimal(0))
    whole = dict.fromkeys(AVERAGES, 0)
    for entry in entries:
        people = entry.total_engaged_users or 0
        person_days += people
        if entry.total_pull_requests_merged is not None:
            merged = (merged or 0) + entry.total_pull_requests_merged
        for name in AVERAGES:
            average = getattr(entry, name)
            if average is not None:
                # By its text: a float's digits as GitHub wrote them.
                sums[name] += Decimal(str(average)) * people
                whole[name] += people
    averages = {name: sums[name] / whole[name] if whole[name] else None for name in AVERAGES}
    return PhaseActivity(person_days, averages, merged)


# --- Who comes, stays and goes -----------------------------------------------------------------


class Lives(NamedTuple):
    """Everybody who used Copilot in one of two periods or holds a seat, each counted once.

    Three of them need seats and are None where no seat of the account is known. Of people whose seat was
    taken back only what this portal did counts.
    """

    retained: int  # used it in both periods
    reactivated: int  # in this one, not in the one before, but earlier
    new: int  # in this one, and never before as far as our history goes
    lapsed: int  # in the one before, not in this one
    # In the one before: the retained, the lapsed, and those reclaimed of them.
    used_before: int
    # Whether anybody is known from earlier: else nobody can be told to be reactivated.
    knows_earlier: bool
    reclaimed: int | None = None  # not in this one, in which the seat was taken back
    still_idle: int | None = None  # in neither, and held a seat when this period began
    not_yet: int | None = None  # in neither, and got the seat within this period

    @property
    def everybody(self) -> int:
        """All of them together: each is in one of the groups."""
        seated = (self.reclaimed, self.still_idle, self.not_yet)
        used = self.retained + self.reactivated + self.new + self.lapsed
        return used + sum(count for count in seated if count is not None)


def lives(scope: Scope, before: Period, now: Period, *, with_seats: bool = True) -> Lives | None:
    """What became of everybody between two periods, the one before ending when this one begins or earlier.

    None unless every day of both is covered. A team's people count on the days they were in it; of its
    seats, those of its members on the newest day of this period that tells of them. Without seats nothing
    is told of who holds one, as where none is known.
    """
    sets = day_sets(scope, Period(before.first, now.last))
    then, today = union(sets, before), union(sets, now)
    if then is None or today is None:
        return None
    came = today - then
    earlier, is_old = _used_before(scope, before.first)
    again = came & earlier
    seats = _seats(scope, now) if with_seats else None
    gone = then - today
    used = Lives(
        retained=len(then & today),
        reactivated=len(again),
        new=len(came - again),
        lapsed=len(gone),
        used_before=len(then),
        knows_earlier=is_old,
    )
    if seats is None:
        return used
    taken = seats.taken_back - today
    idle = (seats.held_before | seats.granted_since) - then - today - taken
    return used._replace(
        lapsed=len(gone - taken),
        reclaimed=len(taken),
        still_idle=len(idle & seats.held_before),
        not_yet=len(idle - seats.held_before),
    )


def _used_before(scope: Scope, day: date) -> tuple[BitMap, bool]:
    """Who was active on any day before this one, and whether our history goes back that far at all."""
    stored = StoredSets(scope, Period(date.min, day - ONE), Kinds([ACTIVE]), in_detail=False)
    return stored.ever(ACTIVE), ACTIVE in stored.kinds()


class _Seats(NamedTuple):
    """Who holds a seat at the end of the period, and whose was taken back within it."""

    held_before: BitMap  # also when the period began
    granted_since: BitMap
    taken_back: BitMap


def _seats(scope: Scope, now: Period) -> _Seats | None:
    """Whose seats: what `seat_holders` says of the scope, of a team those of its newest members.

    None: no seat list tells of the end of the period, nor one of the days by which use is told late.
    """
    payer = scope.account if scope.team is None else scope.account.parent or scope.account
    holders = seat_holders(scope, Period(now.first - ONE, now.last + LATE))
    if holders.since is None or holders.since > now.last + LATE:
        return None
    # Of who holds a seat by the first list its date of the grant is known, however old it is.
    known = replace(holders, since=date.min, rosters=None)
    at_end = known.on(max(now.last, holders.since)) or BitMap()
    held_before = at_end & (known.on(now.first - ONE) or BitMap())
    taken_back = _taken_back(payer, _midnight(now.first), _midnight(now.last + ONE))
    found = _Seats(held_before, at_end - held_before, taken_back)
    if scope.team is None:
        return found
    members = _members(scope.team, now)
    return _Seats(*(users & members for users in found))


def _taken_back(account: Account, begin: datetime, end: datetime) -> BitMap:
    """Whose seat this portal took back in that time and did not give back."""
    rows = Revocation.objects.filter(
        Q(seat__account=account) | Q(seat__account__parent=account),
        state__in=[Revocation.State.REVOKED, Revocation.State.VERIFIED],
        revoked_at__gte=begin,
        revoked_at__lt=end,
    )
    return BitMap(rows.order_by().values_list("seat__user_id", flat=True))


def _members(team: Team, now: Period) -> BitMap:
    """Who was in the team on the newest day of the period that tells of it."""
    rows = TeamRoster.objects.filter(team=team, day__range=(now.first, now.last))
    newest = rows.order_by("-day").first()
    return BitMap() if newest is None else newest.user_keys


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
