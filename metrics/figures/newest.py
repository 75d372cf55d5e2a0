"""Which version of an editor and of Copilot's plugin each person was last seen with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pyroaring import BitMap

from metrics.figures.distinct import day_sets_by_name
from metrics.figures.scope import Scope
from metrics.periods import Period

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
        return cls(*(name.split("|", 3) + [""] * 4)[:4])


def newest_client(scope: Scope, period: Period) -> Mapping[Client, BitMap]:
    """By client: the people whose newest known client of that editor it is in the period.

    Somebody who uses two editors has a client of each. People whose lines tell no version are in none.
    """
    days: dict[str, list[tuple[object, Client, BitMap]]] = {}
    for name, sets in day_sets_by_name(scope, period, PREFIX).items():
        client = Client.named(name)
        for day, users in sets.items():
            days.setdefault(client.ide, []).append((day, client, users))
    found: dict[Client, BitMap] = {}
    for seen in days.values():
        placed = BitMap()
        for _, client, users in sorted(seen, key=lambda each: (each[0], each[1]), reverse=True):
            fresh = users - placed
            if fresh:
                found[client] = found.get(client, BitMap()) | fresh
                placed |= fresh
    return found
