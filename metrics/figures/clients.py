"""Which clients people have, how far behind the newest, and which are too old to tell lines of code.

A client is an editor and Copilot's plugin in it, each with its version as reports name them.
https://docs.github.com/copilot/reference/copilot-usage-metrics/lines-of-code-metrics
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pyroaring import BitMap

from metrics.figures.newest import Client, newest_client
from metrics.figures.rates import ratio
from metrics.figures.scope import Scope
from metrics.periods import Period

# A client is outdated when its editor or its plugin is of an older major version than the newest one the
# account has, or this many minor releases older. VS Code has about one a month.
OUTDATED_AFTER = 3

# JetBrains counts 2025.1, 2025.2, 2025.3, 2026.1: the major version is a year of three releases.
YEARS_FROM = 2000
RELEASES_A_YEAR = 3

# Editor and plugin from which on GitHub has the lines of every feature: the highest of its table.
# https://docs.github.com/copilot/reference/copilot-usage-metrics/lines-of-code-metrics#version-requirements
_JETBRAINS = ("2024.2.6", "1.5.52")
NEEDED_FOR_LINES: Mapping[str, tuple[str, str]] = {
    "eclipse": ("4.31", "0.11.0.202508291001"),
    "intellij": _JETBRAINS,
    "jetbrains": _JETBRAINS,
    "visualstudio": ("17.14.14", "18.0.471.29466"),
    "vscode": ("1.104.0", "0.31.0"),
    "xcode": ("15.2", "0.43.0"),
}

Numbers = tuple[int, ...]
_LEADING = re.compile(r"v?(\d+(?:\.\d+)*)", re.ASCII | re.IGNORECASE)


def numbers(version: str) -> Numbers | None:
    """1.104.0-insider is (1, 104, 0), so that 1.104 is newer than 1.99; None for what is no number."""
    found = _LEADING.match(version.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else None


class Lag(NamedTuple):
    """How far behind the newest: by minor releases of the same major version, or a major version or more."""

    minors: int
    is_older_major: bool = False

    @property
    def is_outdated(self) -> bool:
        return self.is_older_major or self.minors >= OUTDATED_AFTER


def lag(version: str, newest: Numbers | None) -> Lag | None:
    """None where either is not known."""
    own = numbers(version)
    if own is None or newest is None:
        return None
    major, minor = (*own, 0)[:2]
    newest_major, newest_minor = (*newest, 0)[:2]
    if major >= YEARS_FROM:
        return Lag(max((newest_major - major) * RELEASES_A_YEAR + newest_minor - minor, 0))
    if major < newest_major:
        return Lag(0, is_older_major=True)
    return Lag(max(newest_minor - minor, 0))


class State(StrEnum):
    NEWEST = "newest"  # of the newest minor release, editor and plugin
    BEHIND = "behind"
    OUTDATED = "outdated"
    UNKNOWN = "unknown"  # neither version is a number


@dataclass(frozen=True, slots=True)
class SeenClient:
    """A client and whose newest it is."""

    client: Client
    people: BitMap
    editor: Lag | None
    plugin: Lag | None

    @property
    def state(self) -> State:
        """By what is known of editor and plugin, the older of the two."""
        known = [each for each in (self.editor, self.plugin) if each is not None]
        if not known:
            return State.UNKNOWN
        if any(each.is_outdated for each in known):
            return State.OUTDATED
        return State.BEHIND if any(each.minors for each in known) else State.NEWEST

    @property
    def tells_lines(self) -> bool | None:
        """Whether GitHub has all its lines of code; None where it names no version to compare with."""
        needed = NEEDED_FOR_LINES.get(self.client.ide)
        if needed is None:
            return None
        pairs = zip((self.client.ide_version, self.client.plugin_version), needed, strict=True)
        known = [
            own >= (numbers(least) or ()) for version, least in pairs if (own := numbers(version)) is not None
        ]
        return all(known) if known else None


def seen_clients(scope: Scope, period: Period) -> list[SeenClient]:
    """The clients of a period: by editor, the newest first. Newest is what anybody of the account has."""
    own = newest_client(scope, period)
    everybody = own if scope.team is None else newest_client(Scope(scope.account), period)
    editors: dict[str, Numbers] = {}
    plugins: dict[tuple[str, str], Numbers] = {}
    for client in everybody:
        if found := numbers(client.ide_version):
            editors[client.ide] = max(editors.get(client.ide, found), found)
        if found := numbers(client.plugin_version):
            plugin = (client.ide, client.plugin)
            plugins[plugin] = max(plugins.get(plugin, found), found)
    seen = [
        SeenClient(
            client,
            people,
            lag(client.ide_version, editors.get(client.ide)),
            lag(client.plugin_version, plugins.get((client.ide, client.plugin))),
        )
        for client, people in own.items()
    ]
    # Twice, since a stable order keeps what the one before made: versions from the newest down.
    seen.sort(key=lambda each: (_order(each.client), each.client), reverse=True)
    return sorted(seen, key=lambda each: each.client.ide)


def _order(client: Client) -> tuple[Numbers, Numbers]:
    return numbers(client.ide_version) or (), numbers(client.plugin_version) or ()


class EditorClients(NamedTuple):
    """How many people of an editor have which kind of client; `unknown` tell no version of it."""

    ide: str
    people: int
    newest: int
    behind: int
    outdated: int
    unknown: int
    too_old_for_lines: int

    @property
    def outdated_share(self) -> Decimal | None:
        """Of those of whom a version is known; None of nobody."""
        return ratio(self.outdated, self.people - self.unknown)


def by_editor(seen: Iterable[SeenClient], users: Mapping[str, BitMap]) -> list[EditorClients]:
    """By editor, the one with most people first. `users` are all who used each editor on the same days."""
    clients: dict[str, list[SeenClient]] = {}
    for each in seen:
        clients.setdefault(each.client.ide, []).append(each)
    found = []
    for ide in clients.keys() | users.keys():
        own = clients.get(ide, [])
        people = BitMap.union(users.get(ide, BitMap()), *(each.people for each in own))
        known = {state: people_with(own, state) for state in State}
        told = known[State.NEWEST] | known[State.BEHIND] | known[State.OUTDATED]
        found.append(
            EditorClients(
                ide,
                len(people),
                len(known[State.NEWEST]),
                len(known[State.BEHIND]),
                len(known[State.OUTDATED]),
                len(people - told),
                len(too_old_for_lines(own)),
            )
        )
    return sorted(found, key=lambda each: (-each.people, each.ide))


def people_with(seen: Iterable[SeenClient], *states: State) -> BitMap:
    """Everybody one of whose clients is in one of these states."""
    return BitMap().union(*(each.people for each in seen if each.state in states))


def too_old_for_lines(seen: Iterable[SeenClient]) -> BitMap:
    """Everybody with a client of which GitHub lacks lines of code."""
    return BitMap().union(*(each.people for each in seen if each.tells_lines is False))


def outdated(seen: Iterable[SeenClient]) -> Iterator[tuple[int, SeenClient]]:
    """Each person's key with each of the outdated clients they have, as far as they are asked for."""
    for each in seen:
        if each.state == State.OUTDATED:
            for user_key in each.people:
                yield user_key, each


def number_outdated(seen: Iterable[SeenClient]) -> int:
    """How many that is; somebody who has two outdated clients counts twice."""
    return sum(len(each.people) for each in seen if each.state == State.OUTDATED)
