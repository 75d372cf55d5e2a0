"""Write what an account did in the periods that pages usually ask for, once its days are added up.

Whoever changes what a day says takes the periods with that day away in the same transaction. So a period
that is there is true, whenever the writing is stopped.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta

from django.db import transaction

from metrics.figures.broken_down import breakdowns_of
from metrics.figures.dimensions import NAMES
from metrics.figures.distinct import trailing
from metrics.figures.newest import newest_client
from metrics.figures.persons import often_active
from metrics.figures.pull_requests import STORED_AS, review_users
from metrics.figures.scope import Scope
from metrics.figures.sets_read import Kinds
from metrics.figures.stored_periods import FAMILIES, NEWEST_CLIENTS, OFTEN, family_of
from metrics.figures.stored_sets import StoredSets
from metrics.figures.windows import ActiveUsers
from metrics.models import DayUsers, DirtyDay, PeriodPart
from metrics.period_parts import (
    TRAILING,
    Counts,
    Users,
    pack_counts,
    pack_summed,
    pack_users,
    sums_of,
    users_of,
)
from metrics.periods import MONTH, Period
from metrics.presets import PERIODS, newest_days, preset_period
from portal.bulk import insert_rows
from seats.models import Account

# The kinds without a name, and all of these families.
WANTED = Kinds(DayUsers.Kind.values, [family for family in FAMILIES if family])


def outdate_periods(account_id: int, days: Collection[date]) -> None:
    """Note that these days say something else now; in the same transaction as what they say."""
    ends = min(days), max(days) + timedelta(days=MONTH - 1)
    stored = PeriodPart.objects.filter(account_id=account_id, first__lte=ends[1], last__gte=ends[0])
    for first, last in stored.order_by().values_list("first", "last").distinct():
        if _any(days, _reach(Period(first, last))):
            stored.filter(first=first, last=last).delete()


def _reach(period: Period) -> Period:
    """The days that it tells of: its first one ends a month."""
    return Period(period.first - timedelta(days=MONTH - 1), period.last)


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
    found: dict[int, set[Period]] = defaultdict(set)
    rows = PeriodPart.objects.filter(account__in=list(accounts), part=users_of("")).order_by()
    for account_id, first, last in rows.values_list("account_id", "first", "last"):
        found[account_id].add(Period(first, last))
    return found


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
    for period in there - wanted:
        PeriodPart.objects.filter(account=account, first=period.first, last=period.last).delete()
    waiting = list(DirtyDay.objects.filter(account=account).values_list("day", flat=True))
    lacking = [period for period in wanted - there if not _any(waiting, _reach(period))]
    if not lacking:
        return False
    scope = Scope(account)
    counted = _Counted(scope, Period(min(each.first for each in lacking), max(each.last for each in lacking)))
    for period in sorted(lacking, key=lambda each: (each.first, each.last)):
        parts = [*_parts(scope, period), (TRAILING, pack_counts(counted.of(period)))]
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
