"""Who is new, who stayed, who came back and who lapsed, between two stretches of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from metrics.figures.distinct import day_sets, union
from metrics.figures.scope import Scope
from metrics.models import ReportDay
from metrics.periods import Period, stored


@dataclass(frozen=True, slots=True)
class ComingAndGoing:
    """People active now and before, each once. None: not every day of a stretch was taken in.

    `stayed` were active in both, `lapsed` before only. Of those active now only, `returned` were seen on
    some earlier day and `new` on none since `since`, the first day that was taken in.
    """

    active: int | None = None
    active_before: int | None = None
    stayed: int | None = None
    new: int | None = None
    returned: int | None = None
    lapsed: int | None = None
    since: date | None = None


def coming_and_going(scope: Scope, days: Sequence[date], before: Sequence[date]) -> ComingAndGoing:
    """The people of `days` against those of `before`, earlier days. Three queries."""
    known = stored([scope.account], ReportDay.Report.USERS)
    if known is None or not days:
        return ComingAndGoing()
    sets = day_sets(scope, Period(min(known.first, *days, *before), days[-1]))
    since = next(iter(sets), None)
    now, then = union(sets, days), union(sets, before) if before else None
    if now is None or then is None:
        return ComingAndGoing(
            None if now is None else len(now), None if then is None else len(then), since=since
        )
    came = now - then
    earlier = union(sets, [day for day in sets if day < days[0]])
    returned = 0 if earlier is None else came.intersection_cardinality(earlier)
    return ComingAndGoing(
        active=len(now),
        active_before=len(then),
        stayed=now.intersection_cardinality(then),
        new=len(came) - returned,
        returned=returned,
        lapsed=len(then - now),
        since=since,
    )
