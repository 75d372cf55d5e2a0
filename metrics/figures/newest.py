"""Which version of an editor and of Copilot's plugin each person was last seen with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple, TypeVar

from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.sets_read import Kinds
from metrics.figures.stored_periods import NEWEST_CLIENTS, stored_users
from metrics.figures.stored_sets import StoredSets
from metrics.models import WeekUsers
from metrics.periods import Period
from metrics.whole_weeks import monday_of

PREFIX = "client:"

Of = TypeVar("Of", bound=Any)


class Client(NamedTuple):
    """As reports name it, folded; "" where they do not say."""

    ide: str
    ide_version: str
    plugin: str
    plugin_version: str

    @classmethod
    def named(cls, name: str) -> Client:
        """Out of the name of a kind: four parts with "|" between them."""
        ide, version, plugin, plugin_version = [*name.split("|", 3), "", "", ""][:4]
        return cls(ide, version, plugin, plugin_version)


def newest_client(scope: Scope, period: Period) -> Mapping[Client, BitMap]:
    """By client: the people whose newest known client of that editor it is in the period.

    Somebody who uses two editors has a client of each. People whose lines tell no version are in none.
    """
    stored = stored_users(scope, period, [NEWEST_CLIENTS])
    if stored is not None:
        return _ordered({Client.named(name): each.users for name, each in stored.items()})
    told = StoredSets(
        scope,
        period,
        Kinds(prefixes=[PREFIX]),
        in_detail=True,
        in_sum=True,
        of_weeks=Kinds(prefixes=[f"{WeekUsers.LAST}{PREFIX}"]),
    )
    found: dict[Client, BitMap] = {}
    for seen in _seen(told).values():
        found |= newest(seen)
    return _ordered(found)


def _ordered(found: Mapping[Client, BitMap]) -> Mapping[Client, BitMap]:
    """Most people first."""
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))


def newest(seen: Mapping[date, Mapping[Of, BitMap]]) -> dict[Of, BitMap]:
    """What each person had last, of what was seen with whom on some days, or in weeks that a day stands for.

    Of two on the same day the one that sorts last: a day has one of each editor, as a rule.
    """
    found: dict[Of, BitMap] = {}
    placed = BitMap()
    for day in sorted(seen, reverse=True):
        of_day = seen[day]
        for one in sorted(of_day, reverse=True):
            if fresh := of_day[one] - placed:
                found[one] = found[one] | fresh if one in found else fresh
                placed |= fresh
    return found


def _seen(told: StoredSets) -> dict[str, dict[date, dict[Client, BitMap]]]:
    """By editor, when its clients were seen with whom; a week that is read as a whole by its Monday."""
    by_week = told.by_week
    found: dict[str, dict[date, dict[Client, BitMap]]] = defaultdict(lambda: defaultdict(dict))
    for kind, days in (told.by_day if by_week is None else by_week.days).items():
        if kind.startswith(PREFIX):
            client = Client.named(kind.removeprefix(PREFIX))
            for day, users in days.items():
                found[client.ide][day][client] = users
    for kind, weeks in by_week.weeks.items() if by_week is not None else ():
        if kind.startswith(WeekUsers.LAST):
            client = Client.named(kind.removeprefix(f"{WeekUsers.LAST}{PREFIX}"))
            for week, stored in weeks.items():
                found[client.ide][monday_of(week)][client] = stored.users
    return found
