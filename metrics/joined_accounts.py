"""What becomes of usage when two accounts prove to be one: the days that move are added up again."""

from __future__ import annotations

from datetime import date

from metrics.ingest.rebuild_teams import outdate_teams
from metrics.ingest.rebuild_weeks import outdate_weeks
from metrics.models import DirtyDay, ReportDay, Restatement, ScopeDay, UserDay
from seats.accounts import before_joining
from seats.models import Account

# What these tell is added up, or shown beside it.
ADDED_UP = (ReportDay.Report.USERS, ReportDay.Report.SCOPE, ReportDay.Report.USER_TEAMS)


@before_joining
def outdate(loser: Account, winner: Account) -> None:
    """Mark the days of the account that goes on the one that stays, and what is stored of them there.

    What is added up, the marks included, goes with an account; what files told moves.
    """
    days = _days_of(loser)
    _move_people(loser, winner)
    Restatement.objects.filter(account=loser).update(account=winner)
    some = [(winner.pk, day) for day in sorted(days)]
    DirtyDay.objects.bulk_create(
        (DirtyDay(account_id=account_id, day=day) for account_id, day in some), ignore_conflicts=True
    )
    outdate_teams(some)
    outdate_weeks(some)


def _days_of(account: Account) -> set[date]:
    covered = ReportDay.objects.filter(account=account, report__in=ADDED_UP)
    told = (covered, ScopeDay.objects.filter(account=account), UserDay.objects.filter(account=account))
    days = {day for rows in told for day in rows.order_by().values_list("day", flat=True).distinct()}
    return days | set(DirtyDay.objects.filter(account=account).values_list("day", flat=True))


def _move_people(loser: Account, winner: Account) -> None:
    """People's days; of two of a person on a day the one that is already in place stays."""
    rows = UserDay.objects.filter(account=loser)
    for day in list(rows.order_by().values_list("day", flat=True).distinct()):
        there = UserDay.objects.filter(account=winner, day=day).order_by().values_list("user_id", flat=True)
        rows.filter(day=day).exclude(user_id__among=set(there)).update(account=winner)
