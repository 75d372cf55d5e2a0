"""What a page was asked to show: whose use, which days, how they are put together: all in its address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeVar
from urllib.parse import urlencode

from metrics.dashboards.panel import Column, Drawing, Kind, Panel, Row
from metrics.figures.scope import Scope
from metrics.periods import Period, is_provisional
from metrics.whole_weeks import monday_of, week_of

SATURDAY = 5

T = TypeVar("T")


class By(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Days put together: one day, the asked days of a week from Monday on, or those of a month."""

    label: str
    days: tuple[date, ...]

    @property
    def last(self) -> date:
        return self.days[-1]

    @property
    def period(self) -> Period:
        return Period(self.days[0], self.days[-1])

    def among(self, told: Mapping[date, T]) -> list[T] | None:
        """What is told of its days; None unless every one of them is: half a week is no week."""
        if any(day not in told for day in self.days):
            return None
        return [told[day] for day in self.days]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that a page answers.

    `before` is the period to compare with, where that is asked for. `params` are the address's parameters
    as they came, for what only one page knows (a person, teams to compare, an order).
    """

    scope: Scope
    period: Period
    today: date
    user: Any  # who asks; django.contrib.auth's user
    before: Period | None = None
    weekends: bool = True
    by: By = By.DAY
    params: Mapping[str, str] = field(default_factory=dict)

    def days(self, period: Period | None = None) -> list[date]:
        """The days of the period (or of another one) that count: all, or those from Monday to Friday."""
        return [day for day in period or self.period if self.weekends or day.weekday() < SATURDAY]

    def buckets(self, period: Period | None = None) -> list[Bucket]:
        """The same, put together as asked, in order."""
        if self.by == By.DAY:
            return [Bucket(day.isoformat(), (day,)) for day in self.days(period)]
        if self.by == By.MONTH:
            months = groupby(self.days(period), key=lambda day: (day.year, day.month))
            return [Bucket(f"{year:04}-{month:02}", tuple(days)) for (year, month), days in months]
        weeks = groupby(self.days(period), key=week_of)
        return [Bucket(monday_of(week).isoformat(), tuple(days)) for week, days in weeks]

    def only_asked(self, told: Mapping[date, T], period: Period | None = None) -> Iterator[T]:
        """What is told of the days that count; a day nobody told of is passed over."""
        return (told[day] for day in self.days(period) if day in told)

    def over_time(
        self,
        columns: Iterable[Column],
        values: Callable[[Bucket], Row],
        drawing: Drawing,
        *,
        note: str = "",
    ) -> Panel:
        """A panel with a row per bucket: its label, then what `values` says of it."""
        buckets = self.buckets()
        rows = [[bucket.label, *values(bucket)] for bucket in buckets]
        is_daily = self.by == By.DAY
        known = any(value is not None for row in rows for value in row[1:])
        return Panel(
            columns=[Column(self.by.value, self.by.value.capitalize(), Kind.DAY), *columns],
            rows=rows if known else [],
            drawing=drawing,
            note=note,
            weekend=frozenset(
                number
                for number, bucket in enumerate(buckets)
                if is_daily and bucket.last.weekday() >= SATURDAY
            ),
            provisional=frozenset(
                number for number, bucket in enumerate(buckets) if is_provisional(bucket.last, self.today)
            ),
        )

    def query(self, **changes: str | None) -> str:
        """The parameters of the address, some of them changed; None leaves one out."""
        params = {**self.params, **changes}
        return urlencode({name: value for name, value in params.items() if value not in (None, "")})
