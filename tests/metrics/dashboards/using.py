"""People's days with every breakdown, and questions to ask of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from metrics.dashboards.asked import Asked, By
from metrics.dashboards.panel import Panel, plain
from metrics.figures import Scope
from metrics.models.counters import COUNTERS
from metrics.periods import Period
from metrics.sample.usage import Cell, add, breakdowns
from seats.models import Account, Team
from tests.metrics import stored

MONDAY = date(2026, 11, 2)
LATER = date(2026, 12, 1)
Client = tuple[str, str, str]


def day(number: int) -> date:
    """Days counted from a Monday, which is 0."""
    return MONDAY + timedelta(days=number)


def cell(
    feature: str,
    *,
    ide: str = "vscode",
    language: str = "python",
    model: str = "gpt-5.4",
    requests: int = 0,
    generations: int = 0,
    acceptances: int = 0,
    suggested: int = 0,
    added: int = 0,
    deleted: int = 0,
) -> Cell:
    """What somebody did in one editor, language, feature and model."""
    return Cell(
        ide, language, feature, model, (requests, generations, acceptances, suggested, 0, added, deleted)
    )


def line(*cells: Cell, clients: Mapping[str, Client] | None = None) -> dict[str, Any]:
    """A person's day of these, as `stored.use` takes it; clients by editor: version, plugin, its version."""
    arrays: dict[str, Any] = breakdowns(list(cells))
    for ide, (version, plugin, plugin_version) in (clients or {}).items():
        entry = next((each for each in arrays["totals_by_ide"] if each["ide"] == ide), None)
        if entry is None:
            entry = {"ide": ide, **dict.fromkeys(COUNTERS, 0)}
            arrays["totals_by_ide"].append(entry)
        entry["last_known_ide_version"] = {"ide_version": version, "sampled_at": None}
        entry["last_known_plugin_version"] = {
            "plugin": plugin,
            "plugin_version": plugin_version,
            "sampled_at": None,
        }
    numbers = add(*(each.numbers for each in cells)) if cells else (0,) * len(COUNTERS)
    return dict(zip(COUNTERS, numbers, strict=True)) | {"rest": json.dumps(arrays).encode()}


def server_only(requests: int) -> dict[str, Any]:
    """Somebody whom GitHub knows from its servers alone: a counter, and no breakdown."""
    return line() | {COUNTERS[0]: requests}


def known_before(account: Account, number: int) -> None:
    """28 days with a report, up to the day before this one."""
    for back in range(1, 29):
        stored.cover(account, day(number - back), "users")


def asking(
    account: Account,
    first: int = 0,
    last: int = 6,
    *,
    team: Team | None = None,
    by: By = By.DAY,
    weekends: bool = True,
    compare: bool = False,
) -> Asked:
    """A question about days counted as `day` does."""
    period = Period(day(first), day(last))
    return Asked(
        scope=Scope(account, team),
        period=period,
        today=LATER,
        user=None,
        before=period.before() if compare else None,
        weekends=weekends,
        by=by,
    )


def table(panel: Panel) -> list[dict[str, Any]]:
    """The rows by the names of their columns."""
    names = [column.name for column in panel.columns]
    return [dict(zip(names, map(plain, row), strict=True)) for row in panel.rows]


def column(panel: Panel, name: str) -> list[Any]:
    return [row[name] for row in table(panel)]
