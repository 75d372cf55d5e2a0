"""Write what teams did in the periods that pages usually ask for, once their days are added up.

What changes a day marks it to be added up again; with the mark, and again when it is added up, the periods
with that day go. So a period that is there is true, whenever the writing is stopped.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef

from metrics.figures.stored_teams import days_with, packed
from metrics.figures.team_comparison import teams_of
from metrics.ingest.rebuild_periods import outdate_teams_of_periods
from metrics.models import DirtyDay, TeamPeriod, TeamRoster
from metrics.periods import Period
from metrics.presets import PERIODS, newest_days, preset_period
from portal.bulk import insert_rows
from seats.models import Account, Team

# A period, and whether weekends are of it.
Asked = tuple[date, date, bool]


def outdate_teams(days: Iterable[tuple[int, date]]) -> None:
    """Note that these (account, day) say something else now; in the same transaction as what they say."""
    by_account: dict[int, list[date]] = defaultdict(list)
    for account_id, day in days:
        by_account[account_id].append(day)
    for account_id, some in by_account.items():
        stored = TeamPeriod.objects.filter(account_id=account_id, first__lte=max(some), last__gte=min(some))
        gone = [
            pk for pk, first, last in stored.values_list("pk", "first", "last") if _any(some, first, last)
        ]
        if gone:
            TeamPeriod.objects.filter(pk__in=gone).delete()
        outdate_teams_of_periods(account_id, some)


def _any(days: Iterable[date], first: date, last: date) -> bool:
    return any(first <= day <= last for day in days)


def write_teams(account: Account | None = None, ends_at: float | None = None) -> int:
    """Write the periods of every account that lacks some, or of this one; returns of how many accounts.

    Only those of which no day waits. Each account is committed by itself; none is begun after `ends_at`, of
    `time.monotonic`.
    """
    with_rosters = Team.objects.filter(Exists(TeamRoster.objects.filter(team=OuterRef("pk"))))
    accounts = set(with_rosters.order_by().values_list("account_id", flat=True).distinct())
    if account is not None:
        accounts &= {account.pk}
    if not accounts:
        return 0
    stored: dict[int, set[Asked]] = defaultdict(set)
    rows = TeamPeriod.objects.filter(account__in=accounts).order_by()
    for account_id, first, last, weekends in rows.values_list("account_id", "first", "last", "weekends"):
        stored[account_id].add((first, last, weekends))
    newest = newest_days(accounts)
    done = 0
    for account_id in sorted(accounts & newest.keys()):
        if ends_at is not None and time.monotonic() > ends_at:
            break
        if stored[account_id] != _usual(newest[account_id]):
            done += _write(account_id)
    return done


def _usual(newest: date) -> set[Asked]:
    """From the first to the last day that counts: without weekends never a Saturday."""
    periods = [preset_period(preset, newest) for preset in PERIODS]
    found = (
        (days_with(period, weekends=weekends), weekends) for period in periods for weekends in (True, False)
    )
    return {(days[0], days[-1], weekends) for days, weekends in found if days}


@transaction.atomic
def _write(account_id: int) -> bool:
    """Whether anything was written: what is there stays, what nobody asks for any more goes."""
    # The same lock as an import's and a rebuild's: no day changes while it is read.
    account = Account.objects.select_for_update().get(pk=account_id)
    newest = newest_days([account_id]).get(account_id)
    wanted = _usual(newest) if newest is not None else set()
    stored = TeamPeriod.objects.filter(account=account)
    there: set[Asked] = set()
    for pk, first, last, weekends in stored.values_list("pk", "first", "last", "weekends"):
        if (first, last, weekends) in wanted:
            there.add((first, last, weekends))
        else:
            stored.filter(pk=pk).delete()
    waiting = list(DirtyDay.objects.filter(account=account).values_list("day", flat=True))
    lacking = sorted(
        (first, last, weekends) for first, last, weekends in wanted - there if not _any(waiting, first, last)
    )
    found = teams_of(
        account, [days_with(Period(first, last), weekends=weekends) for first, last, weekends in lacking]
    )
    insert_rows(
        TeamPeriod,
        ("account", "first", "last", "weekends", "told"),
        [(account_id, *period, packed(teams)) for period, teams in zip(lacking, found, strict=True)],
    )
    return bool(lacking)
