"""The stored sets of people, each made a bitmap once; of a long window by weeks if that will do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Q, QuerySet
from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.told import covered
from metrics.models import DayUsers, ReportDay, WeekUsers
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import Period
from metrics.whole_weeks import LONG, cut, mondays, runs, week_of
from portal.bytes_as_they_are import bytes_as_they_are

ACTIVE = DayUsers.Kind.ACTIVE.value
ByDay = Mapping[date, BitMap]
# So often the days of single weeks are read by themselves; then all are.
OPENINGS = 3


class WeekOfUsers(NamedTuple):
    """Who did something in a week, and on how many days they did, added up."""

    users: BitMap
    user_days: int


class ByWeek(NamedTuple):
    """The weeks that stand, with the days that each holds; by kind the sets of them and of other days."""

    held: dict[int, int]
    weeks: dict[str, dict[int, WeekOfUsers]]
    days: dict[str, dict[date, BitMap]]


class StoredSets:
    """The sets of the wanted kinds, read when they are asked for.

    Covered is a day told person by person; a team's also by its members. A team has sets of its own for
    TEAM_KINDS; of any other kind (`in_detail`) it has those of the account's people who were in the team
    that day.
    """

    def __init__(self, scope: Scope, period: Period, wanted: Q, *, in_detail: bool) -> None:
        self.scope = scope
        self.period = period
        self.wanted = wanted
        self.in_detail = in_detail
        # Days of weeks of which only a part was asked for.
        self._opened: dict[str, dict[date, BitMap]] = {}
        self._opened_weeks: set[int] = set()
        self._openings = 0

    @cached_property
    def covered(self) -> list[date]:
        """The covered days, in order."""
        if self.scope.team is not None and not self.in_detail:
            return sorted(self.by_day.get(ACTIVE, {}))
        days = covered(self.scope.account, self.period, ReportDay.Report.USERS, in_detail=self.in_detail)
        if self.scope.team is None:
            return days
        active = self.by_day.get(ACTIVE, {})
        return [day for day in days if day in active]

    @cached_property
    def by_day(self) -> Mapping[str, ByDay]:
        """By kind, who did it on the days on which anybody did."""
        return self._days_of_account() if self.scope.team is None else self._days_of_team()

    @cached_property
    def by_week(self) -> ByWeek | None:
        """The same by weeks; None where the window is not long, or a team's."""
        if self.scope.team is not None or len(self.period) <= LONG:
            return None
        found = ByWeek({}, {}, {})
        rows = self._weeks().filter(Q(kind=ACTIVE) | self.wanted)
        with bytes_as_they_are():
            stored = list(rows.values_list("monday", "kind", "days", "users", "user_days"))
        for monday, kind, held, users, user_days in stored:
            week = week_of(monday)
            if kind == ACTIVE:
                found.held[week] = held
            found.weeks.setdefault(kind, {})[week] = WeekOfUsers(BitMap.deserialize(bytes(users)), user_days)
        found.days.update(self._days_of_account(but=runs(found.held)))
        return found

    @cached_property
    def _weekends(self) -> Mapping[tuple[str, int], BitMap]:
        """By kind and week who did it at the weekend alone: only who leaves weekends out reads them."""
        rows = self._weeks().filter(self.wanted)
        with bytes_as_they_are():
            stored = list(rows.values_list("kind", "monday", "weekend_users"))
        return {(kind, week_of(monday)): BitMap.deserialize(bytes(users)) for kind, monday, users in stored}

    def kinds(self) -> list[str]:
        """The kinds of which there is any set; ACTIVE may be one that is not wanted."""
        return sorted(self.by_day if self.by_week is None else {*self.by_week.weeks, *self.by_week.days})

    def user_days(self, kind: str) -> int:
        """On how many days people did it, added up."""
        if self.by_week is None:
            return sum(map(len, self.by_day.get(kind, {}).values()))
        of_days = sum(map(len, self.by_week.days.get(kind, {}).values()))
        return of_days + sum(week.user_days for week in self.by_week.weeks.get(kind, {}).values())

    def unions(self, days: Iterable[date]) -> Callable[[str], BitMap]:
        """Everybody who did something on any of these days, by its kind."""
        by_week = self.by_week
        if by_week is None:
            asked = list(days)
            return lambda kind: _union(self.by_day.get(kind, {}), asked)
        whole, working, rest = cut(days, by_week.held)
        # A part of a week is only in its days.
        opened = self.days_of({week for day in rest if (week := week_of(day)) in by_week.held})

        def union(kind: str) -> BitMap:
            weeks = by_week.weeks.get(kind, {})
            return BitMap.union(
                _union(by_week.days.get(kind, {}), rest),
                _union(opened.get(kind, {}), rest),
                *(weeks[week].users for week in whole if week in weeks),
                *(
                    weeks[week].users - self._weekends.get((kind, week), BitMap())
                    for week in working
                    if week in weeks
                ),
            )

        return union

    def days_of(self, weeks: Collection[int]) -> Mapping[str, ByDay]:
        """By kind the sets of the days of some weeks, and maybe of others."""
        if "by_day" in self.__dict__:
            return self.by_day
        missing = set(weeks) - self._opened_weeks
        if not missing:
            return self._opened
        self._openings += 1
        if self._openings > OPENINGS:
            return self.by_day
        ranges = [Q(day__range=(some.first, some.last)) for some in runs(missing)]
        rows = self._rows().filter(reduce(or_, ranges), self.wanted, team_key=WHOLE_ACCOUNT)
        for kind, sets in _by_kind(rows).items():
            self._opened.setdefault(kind, {}).update(sets)
        self._opened_weeks |= missing
        return self._opened

    def _days_of_account(self, but: Iterable[Period] = ()) -> dict[str, dict[date, BitMap]]:
        rows = self._rows().filter(self.wanted, team_key=WHOLE_ACCOUNT)
        for some in but:
            rows = rows.exclude(day__range=(some.first, some.last))
        return _by_kind(rows)

    def _days_of_team(self) -> Mapping[str, ByDay]:
        own = Q(kind=ACTIVE) | self.wanted
        found = _by_kind(self._rows().filter(own, team_key=self.scope.team_key, kind__in=DayUsers.TEAM_KINDS))
        if not self.in_detail:
            return found
        active = found.get(ACTIVE, {})
        whole = self._rows().filter(self.wanted, team_key=WHOLE_ACCOUNT)
        for kind, sets in _by_kind(whole.exclude(kind__in=DayUsers.TEAM_KINDS)).items():
            found[kind] = {
                day: some for day, users in sets.items() if day in active and (some := users & active[day])
            }
        return found

    def _weeks(self) -> QuerySet[WeekUsers]:
        within = mondays(self.period)
        return WeekUsers.objects.filter(
            account=self.scope.account, monday__range=(within.first, within.last)
        ).order_by()

    def _rows(self) -> QuerySet[DayUsers]:
        return DayUsers.objects.filter(
            account=self.scope.account, day__range=(self.period.first, self.period.last)
        ).order_by()


def _union(by_day: ByDay, days: Iterable[date]) -> BitMap:
    return BitMap.union(BitMap(), *(by_day[day] for day in days if day in by_day))


def _by_kind(rows: QuerySet[DayUsers]) -> dict[str, dict[date, BitMap]]:
    found: dict[str, dict[date, BitMap]] = {}
    with bytes_as_they_are():
        stored = list(rows.values_list("kind", "day", "users"))
    for kind, day, users in stored:
        found.setdefault(kind, {})[day] = BitMap.deserialize(bytes(users))
    return found
