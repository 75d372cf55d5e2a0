"""Which version of an editor and of Copilot's plugin each person was last seen with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from django.db.models import Q
from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.stored_sets import StoredSets
from metrics.periods import Period
from metrics.whole_weeks import days_of, monday_of, week_of

PREFIX = "client:"


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
    told = StoredSets(scope, period, Q(kind__startswith=PREFIX), in_detail=True)
    found: dict[Client, BitMap] = defaultdict(BitMap)
    unclear: list[tuple[int, str, BitMap]] = []
    for ide, seen in _seen(told).items():
        placed = BitMap()
        for at in sorted(seen, reverse=True):
            clients = seen[at]
            of_several = _of_several(clients.values()) - placed if at.is_week else BitMap()
            if of_several:
                unclear.append((week_of(at.day), ide, of_several))
                placed.update(of_several)
            _place(clients, placed, found)
    # Whoever had two clients of an editor in the week that told the newest: the days tell which came last.
    days = _by_ide(told.days_of({week for week, _, _ in unclear})) if unclear else {}
    for week, ide, people in unclear:
        placed = BitMap()
        for day in sorted(days_of(week), reverse=True):
            clients = {client: users & people for client, users in days[ide].get(day, {}).items()}
            _place(clients, placed, found)
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))


def _place(clients: Mapping[Client, BitMap], placed: BitMap, found: dict[Client, BitMap]) -> None:
    # Of two on the same day the one that sorts last: a day has one of each editor, as a rule.
    for client in sorted(clients, reverse=True):
        if fresh := clients[client] - placed:
            found[client] |= fresh
            placed.update(fresh)


class _At(NamedTuple):
    """A week that is read as a whole, by its Monday, or a day of no such week."""

    day: date
    is_week: bool


def _seen(told: StoredSets) -> dict[str, dict[_At, dict[Client, BitMap]]]:
    """By editor, when its clients were seen with whom."""
    by_week = told.by_week
    found: dict[str, dict[_At, dict[Client, BitMap]]] = defaultdict(dict)
    for ide, days in _by_ide(told.by_day if by_week is None else by_week.days).items():
        found[ide] |= {_At(day, is_week=False): clients for day, clients in days.items()}
    for kind, weeks in by_week.weeks.items() if by_week is not None else ():
        if kind.startswith(PREFIX):
            client = Client.named(kind.removeprefix(PREFIX))
            for week, stored in weeks.items():
                at = _At(monday_of(week), is_week=True)
                found[client.ide].setdefault(at, {})[client] = stored.users
    return found


def _by_ide(sets: Mapping[str, Mapping[date, BitMap]]) -> dict[str, dict[date, dict[Client, BitMap]]]:
    found: dict[str, dict[date, dict[Client, BitMap]]] = defaultdict(dict)
    for kind, days in sets.items():
        if kind.startswith(PREFIX):
            client = Client.named(kind.removeprefix(PREFIX))
            for day, users in days.items():
                found[client.ide].setdefault(day, {})[client] = users
    return found


def _of_several(sets: Iterable[BitMap]) -> BitMap:
    """Who is in more than one of these."""
    once, twice = BitMap(), BitMap()
    for users in sets:
        twice |= once & users
        once |= users
    return twice
