"""The stored sets of people, each made a bitmap once; of a long window by weeks if that will do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.sets_read import Kinds, rows_of_days, rows_of_weeks
from metrics.figures.stored_periods import FAMILIES, stored_users
from metrics.figures.told import covered
from metrics.models import DayUsers, ReportDay, WeekUsers
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.period_parts import Users
from metrics.periods import Period
from metrics.whole_weeks import WORKING, Cut, cut, days_in, is_by_weeks, monday_of, mondays, runs, week_of

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

    Of weeks other kinds may be wanted: those that say who had which client or phase last in them. With
    `in_sum` and `families` what is asked of the whole period is taken as it is stored of usual ones.
    """

    def __init__(
        self,
        scope: Scope,
        period: Period,
        wanted: Kinds,
        *,
        in_detail: bool,
        of_weeks: Kinds | None = None,
        in_sum: bool = False,
        families: Collection[str] = (),
    ) -> None:
        self.scope = scope
        self.period = period
        self.wanted = wanted
        self.wanted_of_weeks = wanted if of_weeks is None else of_weeks
        self.in_detail = in_detail
        # Whether no day or week is asked for by itself.
        self.in_sum = in_sum
        # Of which all wanted kinds are, where these may be stored of the whole period.
        self.families = families
        # Days of weeks of which only a part was asked for.
        self._opened: dict[str, dict[date, BitMap]] = {}
        self._opened_weeks: set[int] = set()
        self._openings = 0

    @cached_property
    def covered(self) -> list[date]:
        """The covered days, in order."""
        if not self.in_detail:
            return self.covered_at_all
        days = covered(self.scope.account, self.period, ReportDay.Report.USERS, in_detail=True)
        if self.scope.team is None:
            return days
        active = self.by_day.get(ACTIVE, {})
        return [day for day in days if day in active]

    @cached_property
    def covered_at_all(self) -> list[date]:
        """The days of which it is known who was active; of a team that must have been read, too."""
        if self.scope.team is not None:
            return sorted(self.by_day.get(ACTIVE, {}))
        return covered(self.scope.account, self.period, ReportDay.Report.USERS)

    @cached_property
    def by_day(self) -> Mapping[str, ByDay]:
        """By kind, who did it on the days on which anybody did."""
        return self._days_of_account() if self.scope.team is None else self._days_of_team()

    @cached_property
    def by_week(self) -> ByWeek | None:
        """The same by weeks; None where the window is not read so, or is a team's."""
        if self.scope.team is not None or not is_by_weeks(len(self.period), in_sum=self.in_sum):
            return None
        found = ByWeek({}, {}, {})
        rows = self._weeks(Kinds([ACTIVE]) | self.wanted_of_weeks, ["days", "users", "user_days"])
        for monday, kind, held, users, user_days in rows:
            week = week_of(monday)
            if kind == ACTIVE:
                found.held[week] = held
            found.weeks.setdefault(kind, {})[week] = WeekOfUsers(BitMap.deserialize(bytes(users)), user_days)
        found.days.update(self._days_of_account(but=runs(found.held)))
        return found

    @cached_property
    def whole(self) -> Mapping[str, Users] | None:
        """By kind who did it on any day of the period; None where that is not stored."""
        if not (self.in_sum and self.families) or not set(self.families).issubset(FAMILIES):
            return None
        return stored_users(self.scope, self.period, self.families)

    @cached_property
    def _weekends(self) -> Mapping[tuple[str, int], BitMap]:
        """By kind and week who did it at the weekend alone: only who leaves weekends out reads them."""
        rows = self._weeks(self.wanted, ["weekend_users"])
        return {(kind, week_of(monday)): BitMap.deserialize(bytes(users)) for monday, kind, users in rows}

    def kinds(self) -> list[str]:
        """The kinds of which there is any set; ACTIVE may be one that is not wanted."""
        if self.__dict__.get("whole") is not None:
            return sorted(self.whole or ())
        return sorted(self.by_day if self.by_week is None else {*self.by_week.weeks, *self.by_week.days})

    def user_days(self, kind: str) -> int:
        """On how many days people did it, added up."""
        if self.by_week is None:
            return sum(map(len, self.by_day.get(kind, {}).values()))
        of_days = sum(map(len, self.by_week.days.get(kind, {}).values()))
        return of_days + sum(week.user_days for week in self.by_week.weeks.get(kind, {}).values())

    def unions(self, days: Iterable[date]) -> Callable[[str], BitMap]:
        """Everybody who did something on any of these days, by its kind."""
        asked = list(days)
        if self._is_whole(asked) and (stored := self.whole) is not None:
            return lambda kind: stored[kind].users if kind in stored else BitMap()
        by_week = self.by_week
        if by_week is None:
            return lambda kind: _union(self.by_day.get(kind, {}), asked)
        whole, working, rest = cut(asked, by_week.held)
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

    def _is_whole(self, days: Collection[date]) -> bool:
        return len(set(days)) == len(self.period) and all(day in self.period for day in days)

    def ever(self, kind: str) -> BitMap:
        """Everybody who did it on any day of the period."""
        if self.by_week is None:
            return BitMap.union(BitMap(), *self.by_day.get(kind, {}).values())
        weeks = (week.users for week in self.by_week.weeks.get(kind, {}).values())
        return BitMap.union(BitMap(), *weeks, *self.by_week.days.get(kind, {}).values())

    def open_for(self, several: Iterable[Iterable[date]]) -> None:
        """Read at once the days of weeks of which any of these windows has a part alone."""
        if (by_week := self.by_week) is not None:
            parts = [_cut(days, by_week.held).days for days in several]
            self.days_of({week_of(day) for days in parts for day in days} & by_week.held.keys())

    def last_of(self, days: Iterable[date], prefix: str) -> dict[date, dict[str, BitMap]]:
        """By day what was seen with whom of the kinds that begin so; of a whole week, by its Monday, last."""
        by_week = self.by_week
        whole, _, rest = _cut(days, {} if by_week is None else by_week.held)
        several: list[Mapping[str, ByDay]] = [self.by_day] if by_week is None else [by_week.days]
        if by_week is not None:
            several.append(self.days_of({week_of(day) for day in rest} & by_week.held.keys()))
        found: dict[date, dict[str, BitMap]] = defaultdict(dict)
        for sets in several:
            for kind, of_kind in sets.items():
                if kind.startswith(prefix):
                    for day in rest:
                        if day in of_kind:
                            found[day][kind] = of_kind[day]
        for kind, weeks in by_week.weeks.items() if by_week is not None else ():
            if kind.startswith(f"{WeekUsers.LAST}{prefix}"):
                for week in whole:
                    if week in weeks:
                        found[monday_of(week)][kind.removeprefix(WeekUsers.LAST)] = weeks[week].users
        return found

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
        rows = self._days(WHOLE_ACCOUNT, self.wanted, within=runs(missing))
        for kind, sets in rows.items():
            self._opened.setdefault(kind, {}).update(sets)
        self._opened_weeks |= missing
        return self._opened

    def _days_of_account(self, but: Sequence[Period] = ()) -> dict[str, dict[date, BitMap]]:
        return self._days(WHOLE_ACCOUNT, self.wanted, but=but)

    def _days_of_team(self) -> Mapping[str, ByDay]:
        own = {ACTIVE, *self.wanted.names} & set(DayUsers.TEAM_KINDS)
        found = self._days(self.scope.team_key, Kinds(sorted(own)))
        if not self.in_detail:
            return found
        active = found.get(ACTIVE, {})
        others = sorted(set(self.wanted.names) - set(DayUsers.TEAM_KINDS))
        for kind, sets in self._days(WHOLE_ACCOUNT, Kinds(others, self.wanted.prefixes)).items():
            found[kind] = {
                day: some for day, users in sets.items() if day in active and (some := users & active[day])
            }
        return found

    def _weeks(self, kinds: Kinds, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        return rows_of_weeks(self.scope.account.pk, mondays(self.period), kinds, columns)

    def _days(
        self, team_key: int, kinds: Kinds, *, within: Sequence[Period] = (), but: Sequence[Period] = ()
    ) -> dict[str, dict[date, BitMap]]:
        found: dict[str, dict[date, BitMap]] = {}
        rows = rows_of_days(self.scope.account.pk, team_key, self.period, kinds, within=within, but=but)
        for kind, day, users in rows:
            found.setdefault(kind, {})[day] = BitMap.deserialize(bytes(users))
        return found


def _cut(days: Iterable[date], held: Mapping[int, int]) -> Cut:
    """Without weeks of which only Monday to Friday is asked for: their weekends may say what was last."""
    whole, working, rest = cut(days, held)
    return Cut(whole, [], [*rest, *(day for week in working for day in days_in(week, WORKING))])


def _union(by_day: ByDay, days: Iterable[date]) -> BitMap:
    return BitMap.union(BitMap(), *(by_day[day] for day in days if day in by_day))
