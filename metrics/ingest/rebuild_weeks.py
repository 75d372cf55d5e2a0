"""Write whole weeks from their days: what a long window of a dashboard is read from.

Whoever changes what a day says takes the day's week away in the same transaction, and marks it. So a week
that is there is true, whenever the writing is stopped.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from pyroaring import BitMap

from metrics.figures.broken_down import breakdowns_of, days_together
from metrics.figures.dimensions import NAMES
from metrics.figures.newest import PREFIX, Client, newest
from metrics.figures.records import without_breakdowns
from metrics.figures.scope import Scope
from metrics.figures.told import rows_of_days
from metrics.ingest.rebuild_periods import outdate_periods
from metrics.models import DayUsers, DirtyDay, DirtyWeek, ReportDay, WeekTotals, WeekUsers
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import Period
from metrics.week_parts import (
    NAMED,
    NAMED_DAYS,
    RECORDS,
    TOGETHER,
    Named,
    named,
    pack_named,
    pack_records,
    pack_totals,
)
from metrics.whole_weeks import bits_of, days_of, monday_of, week_of
from portal.bulk import insert_rows
from portal.bytes_as_they_are import bytes_as_they_are
from seats.models import Account

TOLD = (ReportDay.Report.USERS, ReportDay.Report.SCOPE)
SATURDAY = 5
PHASE = "phase:"


def outdate_weeks(days: Iterable[tuple[int, date]]) -> None:
    """Note that these (account, day) say something else now; in the same transaction as what they say.

    Their weeks, and the usual periods with them.
    """
    by_account: dict[int, set[date]] = {}
    days_of_account: dict[int, set[date]] = {}
    for account_id, day in days:
        by_account.setdefault(account_id, set()).add(monday_of(week_of(day)))
        days_of_account.setdefault(account_id, set()).add(day)
    for account_id, some in days_of_account.items():
        outdate_periods(account_id, some)
    for account_id, mondays in by_account.items():
        for model in (WeekTotals, WeekUsers):
            model.objects.filter(account_id=account_id, monday__in=mondays).delete()
    marks = [(account_id, monday) for account_id, mondays in by_account.items() for monday in sorted(mondays)]
    insert_rows(DirtyWeek, ("account", "monday"), marks, ignore_conflicts=True)


def write_weeks(account: Account | None = None, ends_at: float | None = None) -> int:
    """Write every marked week that is over and of which no day waits; returns how many.

    Each is committed by itself. None is begun after `ends_at`, of `time.monotonic`.
    """
    marked = DirtyWeek.objects.all() if account is None else DirtyWeek.objects.filter(account=account)
    weeks = list(marked.order_by("-monday", "account_id").values_list("account_id", "monday"))
    if not weeks:
        return 0
    accounts = {account_id for account_id, _ in weeks}
    told = ReportDay.objects.filter(account__in=accounts, report__in=TOLD).order_by()
    newest = dict(told.values("account_id").annotate(day=Max("day")).values_list("account_id", "day"))
    done = 0
    for account_id, monday in weeks:
        if ends_at is not None and time.monotonic() > ends_at:
            break
        if account_id in newest and monday + timedelta(days=6) <= newest[account_id]:
            done += _write_marked(account_id, monday)
    return done


@transaction.atomic
def _write_marked(account_id: int, monday: date) -> bool:
    # The same lock as an import's and a rebuild's: no day changes while it is read.
    account = Account.objects.select_for_update().get(pk=account_id)
    period = days_of(week_of(monday))
    mark = DirtyWeek.objects.filter(account=account, monday=monday)
    waits = DirtyDay.objects.filter(account=account, day__range=(period.first, period.last))
    # Somebody else may have been faster.
    if waits.exists() or not mark.exists():
        return False
    for model in (WeekTotals, WeekUsers):
        model.objects.filter(account=account, monday=monday).delete()
    insert_rows(
        WeekTotals,
        ("account", "part", "monday", "blob"),
        [(account_id, part, monday, blob) for part, blob in _parts(Scope(account), period)],
    )
    insert_rows(
        WeekUsers,
        ("account", "monday", "kind", "days", "users", "weekend_users", "user_days"),
        [(account_id, monday, *row) for row in _users(account, period)],
    )
    mark.delete()
    return True


def _parts(scope: Scope, period: Period) -> Iterator[tuple[str, bytes]]:
    working = [day for day in period if day.weekday() < SATURDAY]
    of_week: dict[str, Named] = {}
    of_days: dict[int, dict[str, Named]] = {day.weekday(): {} for day in period}
    for dimension, found in breakdowns_of(scope, period, NAMES).items():
        names = NAMES[dimension]
        told = bits_of(found.days)
        filled = told & ~bits_of(found.empty_days())
        sums = found.totals(*names), found.totals(*names, days=working)
        yield dimension, pack_totals(told, filled, len(names), *sums)
        of_week[dimension] = named(told, filled, {name: found.totals(name) for name in names})
        for day in found.days:
            bit = bits_of([day])
            by_name = {name: found.totals(name, days=[day]) for name in names}
            of_days[day.weekday()][dimension] = named(bit, filled & bit, by_name)
    yield NAMED, pack_named(of_week)
    yield NAMED_DAYS, pack_named(of_days)
    together = dict(days_together(scope, period))
    filled = bits_of(day for day, entries in together.items() if entries)
    whole = _added(together.values())
    of_working = _added(entries for day, entries in together.items() if day in working)
    yield TOGETHER, pack_totals(bits_of(together), filled, 2, whole, of_working)
    records = {
        day.weekday(): record
        for day, _, row in rows_of_days(scope, period, ["blob"])
        if row is not None and (record := without_breakdowns(row[0])) is not None
    }
    yield RECORDS, pack_records(records)


def _added(several: Iterable[dict[tuple[str, str], int]]) -> dict[tuple[str, ...], tuple[int]]:
    found: dict[tuple[str, ...], tuple[int]] = {}
    for entries in several:
        for names, number in entries.items():
            found[names] = (found.get(names, (0,))[0] + number,)
    return found


def _users(account: Account, period: Period) -> Iterator[tuple[Any, ...]]:
    rows = DayUsers.objects.filter(
        account=account, team_key=WHOLE_ACCOUNT, day__range=(period.first, period.last)
    )
    by_kind: dict[str, dict[date, BitMap]] = {}
    with bytes_as_they_are():
        stored = list(rows.order_by().values_list("kind", "day", "users"))
    for kind, day, users in stored:
        by_kind.setdefault(kind, {})[day] = BitMap.deserialize(bytes(users))
    held = bits_of({day for sets in by_kind.values() for day in sets})
    for kind, sets in by_kind.items():
        everybody = BitMap.union(*sets.values())
        working = BitMap.union(BitMap(), *(users for day, users in sets.items() if day.weekday() < SATURDAY))
        at_weekends = everybody - working
        for some in (everybody, at_weekends):
            some.run_optimize()
        user_days = sum(map(len, sets.values()))
        yield kind, held, everybody.serialize(), at_weekends.serialize(), user_days
    nobody = BitMap().serialize()
    for kind, had_last in _last(by_kind):
        had_last.run_optimize()
        yield f"{WeekUsers.LAST}{kind}", held, had_last.serialize(), nobody, 0


def _last(by_kind: Mapping[str, Mapping[date, BitMap]]) -> Iterator[tuple[str, BitMap]]:
    """Who had which phase, and which client of each editor, on their newest day that tells one."""
    seen: dict[str, dict[date, dict[Any, BitMap]]] = defaultdict(lambda: defaultdict(dict))
    names: dict[Any, str] = {}
    for kind, sets in by_kind.items():
        one: Any = kind
        if kind.startswith(PREFIX):
            one = Client.named(kind.removeprefix(PREFIX))
        elif not kind.startswith(PHASE):
            continue
        names[one] = kind
        for day, users in sets.items():
            seen[getattr(one, "ide", PHASE)][day][one] = users
    for days in seen.values():
        for one, users in newest(days).items():
            yield names[one], users
