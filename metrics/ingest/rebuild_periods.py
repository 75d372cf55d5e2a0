"""Write what an account did in the periods that pages usually ask for, once its days are added up.

Whoever changes what a day says takes the periods with that day away in the same transaction. So a period
that is there is true, whenever the writing is stopped.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q

from metrics.figures.broken_down import breakdowns_of, language_by_ide
from metrics.figures.dimensions import NAMES
from metrics.figures.distinct import trailing
from metrics.figures.newest import newest_client
from metrics.figures.persons import often_active
from metrics.figures.phases import ONE, People, flow_of, phase_activity, phase_counts, phase_sets
from metrics.figures.pull_requests import STORED_AS, review_users
from metrics.figures.scope import Scope
from metrics.figures.sets_read import Kinds
from metrics.figures.stored_periods import FAMILIES, NEWEST_CLIENTS, OFTEN, STEPPED, family_of
from metrics.figures.stored_sets import StoredSets
from metrics.figures.team_history import team_steps
from metrics.figures.windows import ActiveUsers
from metrics.models import DayUsers, DirtyDay, PeriodPart
from metrics.period_parts import (
    ACTIVITY,
    MONTHS,
    OF_TEAM,
    PHASES,
    TEAMS,
    TRAILING,
    Activity,
    Counts,
    Phases,
    Stepped,
    Users,
    pack_activity,
    pack_counts,
    pack_phases,
    pack_stepped,
    pack_summed,
    pack_team_steps,
    pack_users,
    steps_of,
    sums_of,
    team_of,
    users_of,
)
from metrics.period_steps import are_read_by_weeks, from_month, month_steps, usual_steps
from metrics.periods import MONTH, Period
from metrics.presets import PERIODS, newest_days, preset_period
from metrics.week_parts import TOGETHER, Names, Row
from portal.bulk import insert_rows
from seats.models import Account

# The kinds without a name, and all of these families.
WANTED = Kinds(DayUsers.Kind.values, [family for family in FAMILIES if family])
# No period tells of a day that lies further back: of that of its first month, or of the phases before it.
REACH = timedelta(days=31)


def outdate_periods(account_id: int, days: Collection[date]) -> None:
    """Note that these days say something else now; in the same transaction as what they say."""
    ends = min(days), max(days) + REACH
    stored = PeriodPart.objects.filter(account_id=account_id, first__lte=ends[1], last__gte=ends[0])
    for first, last in stored.order_by().values_list("first", "last").distinct():
        if _any(days, _reach(Period(first, last))):
            stored.filter(first=first, last=last).delete()


def outdate_teams_of_periods(account_id: int, days: Collection[date]) -> None:
    """Note that on these days other people are in teams, before what they did is added up again."""
    stored = PeriodPart.objects.filter(account_id=account_id, part=TEAMS).order_by()
    for first, last in stored.values_list("first", "last"):
        if _any(days, Period(first, last)):
            own = PeriodPart.objects.filter(account_id=account_id, first=first, last=last)
            own.filter(Q(part=TEAMS) | Q(part__startswith=OF_TEAM)).delete()


def _reach(period: Period) -> Period:
    """The days that it tells of: the day before it ends a month, and its first month is told in the whole."""
    return Period(min(period.first - timedelta(days=MONTH), from_month(period).first), period.last)


def _any(days: Iterable[date], period: Period) -> bool:
    return any(day in period for day in days)


def write_periods(account: Account | None = None, ends_at: float | None = None) -> int:
    """Write the periods of every account that lacks some, or of this one; returns of how many accounts.

    Only those of which no day waits. Each account is committed by itself; none is begun after `ends_at`, of
    `time.monotonic`.
    """
    some = Account.objects.all() if account is None else Account.objects.filter(pk=account.pk)
    newest = newest_days(list(some.order_by().values_list("pk", flat=True)))
    stored = _stored(newest)
    done = 0
    for account_id, day in sorted(newest.items()):
        if ends_at is not None and time.monotonic() > ends_at:
            break
        if stored.get(account_id) != _usual(day):
            done += _write(account_id)
    return done


def _stored(accounts: Collection[int]) -> Mapping[int, set[Period]]:
    found: dict[str, dict[int, set[Period]]] = {part: defaultdict(set) for part in (ACTIVITY, TEAMS)}
    # By the parts that came last: periods that an older version wrote lack them.
    rows = PeriodPart.objects.filter(account__in=list(accounts), part__in=list(found)).order_by()
    for part, account_id, first, last in rows.values_list("part", "account_id", "first", "last"):
        found[part][account_id].add(Period(first, last))
    return {
        account_id: {
            period
            for period in periods
            if period in found[TEAMS][account_id] or not are_read_by_weeks(period)
        }
        for account_id, periods in found[ACTIVITY].items()
    }


def _usual(newest: date) -> set[Period]:
    return {preset_period(preset, newest) for preset in PERIODS}


@transaction.atomic
def _write(account_id: int) -> bool:
    """Whether anything was written: what is there stays, what nobody asks for any more goes."""
    # The same lock as an import's and a rebuild's: no day changes while it is read.
    account = Account.objects.select_for_update().get(pk=account_id)
    newest = newest_days([account_id]).get(account_id)
    wanted = _usual(newest) if newest is not None else set()
    there = _stored([account_id]).get(account_id, set())
    rows = PeriodPart.objects.filter(account=account)
    for ends in rows.order_by().values_list("first", "last").distinct():
        if Period(*ends) not in wanted & there:
            rows.filter(first=ends[0], last=ends[1]).delete()
    waiting = list(DirtyDay.objects.filter(account=account).values_list("day", flat=True))
    lacking = [period for period in wanted - there if not _any(waiting, _reach(period))]
    if not lacking:
        return False
    scope = Scope(account)
    whole = Period(min(each.first for each in lacking), max(each.last for each in lacking))
    counted = _Counted(scope, whole)
    phases = phase_sets(scope, [whole.first - ONE, *whole])
    for period in sorted(lacking, key=lambda each: (each.first, each.last)):
        parts = [
            *_parts(scope, period),
            *_stepped(scope, period),
            (TRAILING, pack_counts(counted.of(period))),
            (PHASES, pack_phases(_phases(phases, period))),
            *_of_teams(account, period),
            (ACTIVITY, pack_activity(_activity(scope, period))),
        ]
        insert_rows(
            PeriodPart,
            ("account", "first", "last", "part", "blob"),
            [(account_id, period.first, period.last, *part) for part in parts],
        )
    return True


class _Counted:
    """How many did something on each day, and in the 7 and 28 that end with it: once for several periods."""

    def __init__(self, scope: Scope, period: Period) -> None:
        self._period = period
        self._counts: dict[str, list[Counts]] = {}
        for kind in DayUsers.Kind.values:
            told = trailing(scope, period, kind)
            self._counts[kind] = [_counts(told[day]) for day in period]
        reviews = review_users(scope, period)
        for place, kind in enumerate(STORED_AS):
            self._counts[kind] = [_counts(reviews[day][place]) for day in period]

    def of(self, period: Period) -> dict[str, list[Counts]]:
        start = (period.first - self._period.first).days
        return {kind: counts[start : start + len(period)] for kind, counts in self._counts.items()}


def _parts(scope: Scope, period: Period) -> Iterator[tuple[str, bytes]]:
    for dimension, found in breakdowns_of(scope, period, NAMES, in_sum=True).items():
        names = NAMES[dimension]
        empty = set(found.empty_days())
        told = list(found.days)
        filled = [day for day in told if day not in empty]
        yield sums_of(dimension), pack_summed(period.first, told, filled, len(names), found.totals(*names))
    together: dict[Names, Row] = {
        names: (user_days,) for names, user_days in language_by_ide(scope, period).items()
    }
    yield sums_of(TOGETHER), pack_summed(period.first, [], [], 2, together)
    sets = StoredSets(scope, period, WANTED, in_detail=True, in_sum=True)
    by_family: dict[str, dict[str, Users]] = {family: {} for family in FAMILIES}
    for kind in sets.kinds():
        if users := sets.ever(kind):
            by_family[family_of(kind)][kind] = Users(users, sets.user_days(kind))
    for family, users_by_kind in by_family.items():
        yield users_of(family), pack_users(users_by_kind)
    digits = often_active(scope, list(period)).digits
    yield users_of(OFTEN), pack_users({str(place): Users(digit, 0) for place, digit in enumerate(digits)})
    clients = newest_client(scope, period)
    named = {"|".join(client): Users(users, 0) for client, users in clients.items()}
    yield users_of(NEWEST_CLIENTS), pack_users(named)


def _counts(users: ActiveUsers) -> Counts:
    return users.daily, users.weekly, users.monthly


def _stepped(scope: Scope, period: Period) -> Iterator[tuple[str, bytes]]:
    steps = usual_steps(period)
    kinds = Kinds(DayUsers.Kind.values, [family for family in STEPPED if family])
    sets = StoredSets(scope, period, kinds, in_detail=True)
    for family in STEPPED:
        yield steps_of(family), pack_stepped(_over(sets, steps, family))
    sets = StoredSets(scope, from_month(period), Kinds(DayUsers.Kind.values), in_detail=True)
    months = month_steps(period)
    sets.open_for(months)
    yield MONTHS, pack_stepped(_over(sets, months, ""))


def _activity(scope: Scope, period: Period) -> dict[int, Activity]:
    found = phase_activity(scope, period)
    return {
        number: Activity(each.person_days, dict(each.averages), each.merged) for number, each in found.items()
    }


def _of_teams(account: Account, period: Period) -> Iterator[tuple[str, bytes]]:
    if are_read_by_weeks(period):
        for team_key, steps in team_steps(account, period, [list(step) for step in usual_steps(period)]):
            yield team_of(team_key), pack_team_steps(steps)
        yield TEAMS, b""


def _over(sets: StoredSets, steps: Sequence[Period], family: str) -> Stepped:
    kinds = [kind for kind in sets.kinds() if family_of(kind) == family]
    counts: dict[str, list[int]] = {kind: [] for kind in kinds}
    for step in steps:
        users = sets.unions(step)
        for kind in kinds:
            counts[kind].append(len(users(kind)))
    told, in_detail = set(sets.covered_at_all), set(sets.covered)
    return Stepped(
        [step.is_within(told) for step in steps],
        [step.is_within(in_detail) for step in steps],
        {kind: (sets.user_days(kind), counts[kind]) for kind in kinds},
    )


def _phases(sets: Mapping[date, People | None], period: Period) -> Phases:
    known = [period.first - ONE, *period]
    counts = phase_counts({day: sets[day] for day in known})
    crossed = flow_of(sets, known[0], known[-1])
    return Phases(
        [None if (people := counts[day]) is None else dict(people) for day in known],
        None if crossed is None else [(*places, people) for places, people in crossed.items()],
    )
