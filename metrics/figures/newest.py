"""Which version of an editor and of Copilot's plugin each person was last seen with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from django.db.models import Q
from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.stored_sets import stored_sets
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
        ide, version, plugin, plugin_version = [*name.split("|", 3), "", "", ""][:4]
        return cls(ide, version, plugin, plugin_version)


def newest_client(scope: Scope, period: Period) -> Mapping[Client, BitMap]:
    """By client: the people whose newest known client of that editor it is in the period.

    Somebody who uses two editors has a client of each. People whose lines tell no version are in none.
    """
    by_ide: dict[str, list[tuple[date, Client, BitMap]]] = defaultdict(list)
    told = stored_sets(scope, period, Q(kind__startswith=PREFIX), in_detail=True)
    for kind, sets in told.found.items():
        if kind.startswith(PREFIX):
            client = Client.named(kind.removeprefix(PREFIX))
            by_ide[client.ide] += ((day, client, users) for day, users in sets.items())
    found: dict[Client, BitMap] = {}
    for seen in by_ide.values():
        placed = BitMap()
        # Of two on the same day the one that sorts last: a day has one of each editor, as a rule.
        for _, client, users in sorted(seen, key=lambda each: each[:2], reverse=True):
            fresh = users - placed
            if fresh:
                found[client] = found.get(client, BitMap()) | fresh
                placed |= fresh
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))
