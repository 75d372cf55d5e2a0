"""Users per week, counted as GitHub's guide counts them, over every system that ever told them.

The guide takes the days there are, in order, seven entries at a time, adds up the daily counts and divides
by the number of days: https://docs.github.com/copilot/rolling-out-github-copilot-at-scale (“Analyzing usage
over time with the Copilot metrics API”). Its “week” is no calendar week, its totals are sums of daily counts
and no distinct people.

A day is told by one system only: by the older metrics API, else by the older usage API, else by today's
reports. A week is of one system only, too: they count different things, so the series breaks where one
takes over from another. Weeks of the metrics API pass over what lies between its days, so they are the
guide's own; those of the others also end where a day of a preferred system lies between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, islice
from typing import NamedTuple

from metrics.figures import total

ENTRIES = 7
CENT = Decimal("0.01")


class DayUsers(NamedTuple):
    """An entry: how many people were active and engaged on a day; None where the source does not say."""

    day: date
    active: int | None
    engaged: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Week:
    """Up to seven entries. Averages are per entry that says the count; None: none does."""

    first_day: date
    last_day: date
    days: int
    total_active_users: int | None
    total_engaged_users: int | None
    avg_active_users: Decimal | None
    avg_engaged_users: Decimal | None
    source: str


def weekly(systems: Sequence[Mapping[date, DayUsers]]) -> list[Week]:
    """The weeks of all systems, the preferred one first, in the order of their first days."""
    chosen: dict[date, int] = {}
    for day in sorted({day for system in systems for day in system}):
        there = [place for place, system in enumerate(systems) if day in system]
        # One that names the day but no number yields to one that has a number.
        chosen[day] = next((place for place in there if systems[place][day].active is not None), there[0])
    weeks = chain.from_iterable(
        _weeks(system[day] for day in run)
        for place, system in enumerate(systems)
        for run in _runs(chosen, place)
    )
    return sorted(weeks, key=lambda week: week.first_day)


def _runs(chosen: Mapping[date, int], place: int) -> Iterator[list[date]]:
    """The days of one system, apart where days of a preferred one lie between."""
    run: list[date] = []
    for day, of in chosen.items():
        if of == place:
            run.append(day)
        elif of < place and run:
            yield run
            run = []
    if run:
        yield run


def _weeks(entries: Iterable[DayUsers]) -> Iterator[Week]:
    stream = iter(entries)
    while some := list(islice(stream, ENTRIES)):
        active, engaged = [entry.active for entry in some], [entry.engaged for entry in some]
        yield Week(
            some[0].day,
            some[-1].day,
            len(some),
            total(active),
            total(engaged),
            _average(active),
            _average(engaged),
            ";".join(sorted({entry.source for entry in some})),
        )


def _average(counts: Sequence[int | None]) -> Decimal | None:
    """To two places. Of at most seven whole numbers no average lies between two hundredths, so this is
    what the guide's `toFixed(2)` shows."""
    known = [count for count in counts if count is not None]
    return (Decimal(sum(known)) / len(known)).quantize(CENT, ROUND_HALF_UP) if known else None
