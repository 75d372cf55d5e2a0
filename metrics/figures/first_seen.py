"""Languages and models that were new in a period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from django.db.models import Min
from pyroaring import BitMap

from metrics.figures.distinct import day_sets_of, union
from metrics.figures.scope import Scope
from metrics.models import DayUsers, ReportDay
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import MONTH, Period
from seats.models import Account

# Days that must be known before a period.
HISTORY = MONTH


class New(NamedTuple):
    """A name, the first day on which anybody of the account used it, and how many did since."""

    name: str
    day: date
    people: int | None


def first_seen(account: Account, prefix: str) -> Mapping[str, date]:
    """By name of what begins so ("language:", "model:"): the first day on which somebody used it."""
    rows = DayUsers.objects.filter(account=account, team_key=WHOLE_ACCOUNT, kind__startswith=prefix)
    firsts = rows.order_by().values_list("kind").annotate(first=Min("day"))
    return {kind.removeprefix(prefix): first for kind, first in firsts}


def new_in(scope: Scope, period: Period, prefix: str) -> list[New] | None:
    """What the account saw first in the period, the newest first; of a team, only what it used itself.

    None where fewer than 28 days before the period are known: then nearly everything would seem new. The
    people are None unless every day of the period is covered.
    """
    earlier = ReportDay.objects.filter(
        account=scope.account, report=ReportDay.Report.USERS, day__lt=period.first
    )
    if earlier.count() < HISTORY:
        return None
    firsts = {name: day for name, day in first_seen(scope.account, prefix).items() if day in period}
    sets = day_sets_of(scope, period, [f"{prefix}{name}" for name in firsts], in_sum=True)
    found = []
    for name, first in firsts.items():
        own = sets[f"{prefix}{name}"]
        users = union(own, own) or BitMap()
        # What a team did not use itself may be among them.
        if users or scope.team is None:
            found.append(New(name, first, len(users) if period.is_within(own) else None))
    return sorted(found, key=lambda each: (-each.day.toordinal(), each.name))
