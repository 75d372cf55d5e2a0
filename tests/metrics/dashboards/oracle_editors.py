"""Editors and versions: whose client is how old."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

from tests.metrics.dashboards.oracle import (
    ADDED,
    ASKED,
    DELETED,
    MADE,
    TAKEN,
    Expected,
    Named,
    Question,
    Truth,
    expects,
    share,
)
from tests.metrics.dashboards.oracle_named import (
    Told,
    by_name_in_sum,
    by_name_over_time,
    of,
    people_in_sum,
    people_over_time,
)

# A list of more people than these is cut.
LISTED = 200
# An editor, its version, the plugin and its version, as they are in lines, folded.
Client = tuple[str, str, str, str]
# From which versions of editor and plugin on GitHub has every line of code.
NEEDED = {
    "vscode": ("1.104.0", "0.31.0"),
    "visualstudio": ("17.14.14", "18.0.471.29466"),
    "intellij": ("2024.2.6", "1.5.52"),
    "jetbrains": ("2024.2.6", "1.5.52"),
    "xcode": ("15.2", "0.43.0"),
    "eclipse": ("4.31", "0.11.0.202508291001"),
}


@expects("editors", "people-over-time")
def editors_over_time(truth: Truth, asked: Question) -> Expected:
    return people_over_time(truth, asked, "ide")


@expects("editors", "use-over-time")
def use_over_time(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "ide"), "ide", MADE)


@expects("editors", "people")
def people(truth: Truth, asked: Question) -> Expected:
    return people_in_sum(truth, asked, "ide")


@expects("editors", "use")
def use(truth: Truth, asked: Question) -> Expected:
    editors = of(truth, "ide")
    return by_name_in_sum(asked, editors(asked), "ide", MADE, (ASKED, TAKEN, ADDED, DELETED), editors)


def parts(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def newest_clients(truth: Truth, asked: Question) -> dict[Client, set[int]]:
    """Whose newest client of an editor it is; the later day, then the greater name."""
    own: dict[tuple[int, str], tuple[Any, Client]] = {}
    for day in replace(asked, weekends=True).days:
        if not truth.is_covered(asked, day):
            continue
        for user_id, line in truth.lines(asked, day).items():
            for entry in line.get("totals_by_ide") or []:
                version = (entry.get("last_known_ide_version") or {}).get("ide_version") or ""
                plugin = entry.get("last_known_plugin_version") or {}
                names = (entry.get("ide"), version, plugin.get("plugin"), plugin.get("plugin_version"))
                client: Any = tuple((name or "").casefold() for name in names)
                if any(client[1:]):
                    key = (user_id, client[0])
                    own[key] = max(own.get(key, (day, client)), (day, client))
    found: dict[Client, set[int]] = defaultdict(set)
    for (user_id, _), (_, client) in own.items():
        found[client].add(user_id)
    return found


class Judged:
    """A client beside the newest that anybody of the account has."""

    def __init__(self, client: Client, everybody: dict[Client, set[int]]) -> None:
        ide, version, plugin, plugin_version = client
        editors = [parts(each[1]) for each in everybody if each[0] == ide]
        plugins = [parts(each[3]) for each in everybody if each[0] == ide and each[2] == plugin]
        self.editor = lag(parts(version), max(editors, default=()))
        self.plugin = lag(parts(plugin_version), max(plugins, default=()))
        known = [each for each in (self.editor, self.plugin) if each is not None]
        self.state = "unknown"
        if known:
            # A year of JetBrains has three releases; another major version is older than any minor one.
            self.state = "outdated" if max(known) >= 3 else "behind" if max(known) > 0 else "newest"
        self.tells_lines: bool | None = None
        if ide in NEEDED:
            pairs = zip((version, plugin_version), NEEDED[ide], strict=True)
            enough = [parts(told) >= parts(needed) for told, needed in pairs if parts(told)]
            self.tells_lines = all(enough) if enough else None


def lag(own: tuple[int, ...], newest: tuple[int, ...]) -> float | None:
    """Minor releases behind; infinitely many where the major version is another."""
    if not own or not newest:
        return None
    major, minor, newest_major, newest_minor = *(*own, 0)[:2], *(*newest, 0)[:2]
    if major >= 2000:
        return max((newest_major - major) * 3 + newest_minor - minor, 0)
    if major < newest_major:
        return float("inf")
    return max(newest_minor - minor, 0)


def words(behind: float | None) -> str:
    if behind is None:
        return ""
    if behind == float("inf"):
        return "an older major version"
    return {0: "newest", 1: "1 minor release"}.get(int(behind), f"{int(behind)} minor releases")


def judged(truth: Truth, asked: Question) -> list[tuple[Client, Judged, set[int]]]:
    """The clients by editor, the newest first."""
    own = newest_clients(truth, asked)
    everybody = newest_clients(truth, replace(asked, team=None))
    ranked = sorted(own, key=lambda each: (parts(each[1]), parts(each[3]), each), reverse=True)
    return [(each, Judged(each, everybody), own[each]) for each in sorted(ranked, key=lambda each: each[0])]


@expects("editors", "up-to-date")
def up_to_date(truth: Truth, asked: Question) -> Expected:
    whole = replace(asked, weekends=True)
    seen = judged(truth, asked)
    rows = []
    for ide in {*truth.named(whole, "ide:"), *(client[0] for client, _, _ in seen)}:
        own = [(each, users) for client, each, users in seen if client[0] == ide]
        by_state = {
            state: set().union(*(users for each, users in own if each.state == state))
            for state in ("newest", "behind", "outdated")
        }
        known = set().union(*by_state.values())
        people = truth.union(whole, whole.days, f"ide:{ide}").union(*(users for _, users in own))
        outdated = len(by_state["outdated"])
        rows.append(
            {
                "ide": Named("ide", ide),
                "people": len(people),
                **{state: len(users) for state, users in by_state.items()},
                "unknown": len(people - known),
                "outdated_share": share(outdated, len(known)),
                "too_old_for_lines": len(
                    set().union(*(users for each, users in own if each.tells_lines is False))
                ),
                "order": (-len(people), ide),
            }
        )
    rows.sort(key=lambda row: row.pop("order"))
    return Expected(rows)


@expects("editors", "versions")
def versions(truth: Truth, asked: Question) -> Expected:
    rows = [
        {
            "ide": Named("ide", client[0]),
            "ide_version": client[1],
            "plugin": client[2],
            "plugin_version": client[3],
            "people": len(users),
            "state": each.state,
            "editor_behind": words(each.editor),
            "plugin_behind": words(each.plugin),
            "tells_lines": each.tells_lines,
        }
        for client, each, users in judged(truth, asked)
    ]
    return Expected(rows)


@expects("editors", "outdated-people")
def outdated_people(truth: Truth, asked: Question) -> Expected:
    rows = [
        {
            "login": truth.oracle.login(user_id),
            "ide": Named("ide", client[0]),
            "ide_version": client[1],
            "plugin": client[2],
            "plugin_version": client[3],
            "editor_behind": words(each.editor),
            "plugin_behind": words(each.plugin),
        }
        for client, each, users in judged(truth, asked)
        if each.state == "outdated"
        for user_id in users
    ]
    # The list has the first ones only, by keys that no file tells.
    return Expected(rows if len(rows) <= LISTED else None, in_order=False)
