"""Data health: which days which reports tell, and how well they agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from tests.metrics.dashboards.oracle import (
    ADDED,
    ASKED,
    COUNTERS,
    DAY,
    MADE,
    Expected,
    Question,
    Sums,
    Truth,
    added,
    expects,
    over_time,
    plus,
    share,
)

ACTIVE = "daily_active_users"
NUMBERS = {
    ACTIVE: "Active users, day by day",
    ASKED: "Interactions",
    MADE: "Generations",
    "code_acceptance_activity_count": "Acceptances",
    "loc_suggested_to_add_sum": "Lines suggested to add",
    "loc_suggested_to_delete_sum": "Lines suggested to delete",
    ADDED: "Lines added",
    "loc_deleted_sum": "Lines deleted",
}
NAMELESS = ("unknown", "others", "other", "none", "", "chat_panel_unknown_mode")
BROKEN_DOWN = {
    "Editors": ("ide", "ide", (ASKED, MADE, ADDED)),
    "Features": ("feature", "feature", (ASKED, MADE, ADDED)),
    "Languages": ("language_feature", "language", (MADE, ADDED)),
    "Models": ("model_feature", "model", (ASKED, MADE, ADDED)),
}


def told_by(truth: Truth, asked: Question) -> dict[str, set[date]]:
    """The days of each kind of report; usage files here never claim to name everybody."""
    held = (truth.oracle.people, truth.oracle.totals, truth.oracle.teams, truth.oracle.repositories)
    names = ("users", "scope", "user_teams", "repositories")
    return {name: set(days.get(asked.account, {})) for name, days in zip(names, held, strict=True)}


@expects("data-health", "state")
def state(truth: Truth, asked: Question) -> Expected:
    known = told_by(truth, asked)["users"]
    return Expected(
        headlines={
            "Days known, person by person": sum(day in known for day in asked.days),
            "Provisional": sum(day >= asked.today - 3 * DAY for day in asked.days),
            "Being added up": 0,
            "Rejected lines": 0,
            "Conflicting rows": 0,
        }
    )


@expects("data-health", "coverage")
def coverage(truth: Truth, asked: Question) -> Expected:
    known = told_by(truth, asked)

    def values(days: list[date]) -> Mapping[str, Any]:
        row: dict[str, Any] = {
            name: share(sum(day in told for day in days), len(days)) if told else None
            for name, told in known.items()
        }
        is_any = any(known.values())
        missing = [day for told in known.values() if told for day in days if day not in told]
        row["missing"] = len(missing) if is_any else None
        row["partial"] = sum(day in known["users"] for day in days) if is_any else None
        row["updating"] = 0 if is_any else None
        return row

    return over_time(asked, values)


def both(truth: Truth, asked: Question, days: list[date]) -> tuple[Sums, Sums]:
    """GitHub's own numbers and the people's, over the days that tell both."""
    account = replace(asked, team=None)
    pairs: dict[str, list[tuple[int, int]]] = {name: [] for name in NUMBERS}
    for day in days:
        report = truth.report(account, day)
        if report is None or not truth.is_covered(account, day):
            continue
        lines = truth.lines(account, day)
        ours = {**(plus(lines.values()) if lines else dict.fromkeys(COUNTERS, 0)), ACTIVE: len(lines)}
        for name, own in pairs.items():
            theirs, mine = report.get(name), ours[name]
            if theirs is not None and mine is not None:
                own.append((theirs, mine))
    return (
        {name: added(theirs for theirs, _ in own) for name, own in pairs.items()},
        {name: added(mine for _, mine in own) for name, own in pairs.items()},
    )


def more(theirs: int | None, ours: int | None) -> int | None:
    return None if theirs is None or ours is None else ours - theirs


@expects("data-health", "reconciliation")
def reconciliation(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        theirs, ours = both(truth, asked, days)
        return {
            "reported": theirs[ACTIVE],
            "computed": ours[ACTIVE],
            "difference": more(theirs[ACTIVE], ours[ACTIVE]),
            **{name: more(theirs[name], ours[name]) for name in COUNTERS},
        }

    return over_time(asked, values)


@expects("data-health", "reconciliation-sums")
def reconciliation_sums(truth: Truth, asked: Question) -> Expected:
    theirs, ours = both(truth, asked, asked.days)
    if theirs[ACTIVE] is None:
        return Expected([])
    return Expected(
        [
            {
                "number": label,
                "reported": theirs[name],
                "computed": ours[name],
                "difference": more(theirs[name], ours[name]),
            }
            for name, label in NUMBERS.items()
        ]
    )


@expects("data-health", "unknown")
def unknown(truth: Truth, asked: Question) -> Expected:
    rows = []
    for label, (dimension, name, counters) in BROKEN_DOWN.items():
        sums = truth.sums_by(asked, dimension, name)
        whole = plus(sums.values())
        nameless = plus(each for (named,), each in sums.items() if named in NAMELESS)
        rows += [
            {
                "dimension": label,
                "counter": NUMBERS[counter],
                "nameless": nameless[counter] or 0,
                "whole": whole[counter],
                "share": share(nameless[counter] or 0, whole[counter]),
            }
            for counter in counters
            if whole[counter] is not None
        ]
    return Expected(rows)
