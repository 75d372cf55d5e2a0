"""Impact: phases and their flow, and who comes, stays and goes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tests.metrics.dashboards.oracle import DAY, Expected, Question, Truth, added, expects, over_time, share
from tests.metrics.dashboards.oracle_overview import earlier
from tests.metrics.dashboards.oracle_seats import listed_since, payer_of, spells

UNTOLD, AWAY = -1, -2
LABELS = {
    0: "No cohort (passive)",
    1: "Phase 1: code first",
    2: "Phase 2: one agent",
    3: "Phase 3: several agents",
    UNTOLD: "Phase not told",
    AWAY: "Not active",
}
NAMES = {UNTOLD: "untold", AWAY: "away"}


def label(number: int) -> str:
    return LABELS.get(number, f"Phase {number}")


def name(number: int) -> str:
    return NAMES.get(number, f"phase_{number}")


def in_order(numbers: Any) -> list[int]:
    return sorted(set(numbers), key=lambda number: (number < 0, abs(number)))


def phases_of(truth: Truth, asked: Question, day: date) -> dict[int, int] | None:
    """By person with a line in the 28 days up to this one: the newest phase told of them in those."""
    window = [day - DAY * back for back in range(27, -1, -1)]
    if any(not truth.is_covered(asked, each) for each in window):
        return None
    found: dict[int, int] = {}
    for each in window:
        for user_id, line in truth.lines(asked, each).items():
            number = (line.get("ai_adoption_phase") or {}).get("phase_number")
            found[user_id] = number if number is not None else found.get(user_id, UNTOLD)
    return found if any(number != UNTOLD for number in found.values()) else None


def counts(truth: Truth, asked: Question, day: date) -> dict[int, int] | None:
    """People by phase; where their days are not all covered, GitHub's own count."""
    people = phases_of(truth, asked, day)
    if people is not None:
        return dict(Counter(people.values()))
    own = truth.said(asked, day, "totals_by_ai_adoption_phase") or []
    if not own or any(entry.get("users_in_phase_28d") is None for entry in own):
        return None
    return {entry["phase_number"]: entry["users_in_phase_28d"] for entry in own}


@expects("impact", "phases")
def phases(truth: Truth, asked: Question) -> Expected:
    series = {days[-1]: counts(truth, asked, days[-1]) for _, days in asked.buckets}
    shown = in_order(number for each in series.values() for number in each or {})

    def values(days: list[date]) -> Mapping[str, Any]:
        found = series[days[-1]]
        if found is None:
            return dict.fromkeys([*map(name, shown), "people"])
        return {**{name(number): found.get(number, 0) for number in shown}, "people": sum(found.values())}

    return over_time(asked, values)


def ends(truth: Truth, asked: Question) -> tuple[date, date] | None:
    """The last day of the period before, and the newest covered one of this; weekends or not."""
    covered = [day for day in asked.every_day if truth.is_covered(replace(asked, team=None), day)]
    return (earlier(asked).last, covered[-1]) if covered else None


@expects("impact", "phases-now")
def phases_now(truth: Truth, asked: Question) -> Expected:
    days = ends(truth, asked)
    now = counts(truth, asked, days[1]) if days else None
    if days is None or now is None:
        return Expected([])
    before = counts(truth, asked, days[0])
    rows = []
    for number in in_order([*now, *(before or {})]):
        was = None if before is None else before.get(number, 0)
        rows.append(
            {
                "phase": label(number),
                "people": now.get(number, 0),
                "share": share(now.get(number, 0), sum(now.values())),
                "before": was,
                "share_before": None if before is None else share(was, sum(before.values())),
            }
        )
    return Expected(rows)


@expects("impact", "engaged")
def engaged(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        found = counts(truth, asked, days[-1])
        if found is None:
            return dict.fromkeys(("engaged", "passive", "untold", "share"))
        in_phases = sum(count for number, count in found.items() if number > 0)
        passive = found.get(0, 0)
        return {
            "engaged": in_phases,
            "passive": passive,
            "untold": found.get(UNTOLD, 0),
            "share": share(in_phases, in_phases + passive),
        }

    return over_time(asked, values)


@expects("impact", "flow")
def flow(truth: Truth, asked: Question) -> Expected:
    days = ends(truth, asked)
    then, now = (phases_of(truth, asked, day) for day in days) if days else (None, None)
    if then is None or now is None:
        return Expected([])
    crossed = Counter((then.get(user_id, AWAY), now.get(user_id, AWAY)) for user_id in {*then, *now})
    columns = in_order(column for _, column in crossed)
    rows = [
        {"before": label(row), **{name(column): crossed[row, column] for column in columns}}
        for row in in_order(row for row, _ in crossed)
    ]
    return Expected(rows)


AVERAGES = (
    "avg_user_initiated_interactions",
    "avg_code_generation_activities",
    "avg_code_acceptance_activities",
    "avg_loc_added",
    "avg_loc_deleted",
    "avg_pull_requests_created",
    "avg_pull_requests_reviewed",
    "avg_pull_requests_merged",
)


@expects("impact", "activity")
def activity(truth: Truth, asked: Question) -> Expected:
    entries: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for day in asked.days:
        for entry in truth.said(asked, day, "totals_by_ai_adoption_phase") or []:
            entries[entry["phase_number"]].append(entry)
    shown = [each for each in AVERAGES if any(each in entry for own in entries.values() for entry in own)]
    rows = []
    for number, own in sorted(entries.items()):
        row: dict[str, Any] = {
            "phase": label(number),
            "person_days": sum(entry["total_engaged_users"] for entry in own),
            "merged": added(entry.get("total_pull_requests_merged") for entry in own),
        }
        for each in shown:
            told = [entry for entry in own if entry.get(each) is not None]
            people = sum(entry["total_engaged_users"] for entry in told)
            weighed = sum(Decimal(str(entry[each])) * entry["total_engaged_users"] for entry in told)
            row[each] = weighed / people if people else None
        rows.append(row)
    return Expected(rows)


GROUPS = {
    "retained": "Retained",
    "reactivated": "Reactivated",
    "new": "New",
    "lapsed": "Lapsed",
    "reclaimed": "Reclaimed",
    "still_idle": "Still idle",
    "not_yet": "Not yet",
}


@expects("impact", "lives")
def lives(truth: Truth, asked: Question) -> Expected:
    """Everybody who used it in one of two periods, or holds a seat; nobody's seat was taken back here."""
    days = ends(truth, asked)
    if days is None:
        return Expected([])
    now = replace(asked, last=days[1], weekends=True)
    before = replace(earlier(now) if asked.before is None else asked.earlier(), weekends=True)
    if truth.distinct(now) is None or truth.distinct(before) is None:
        return Expected([])
    today, then = truth.union(now, now.days), truth.union(before, before.days)
    history = [day for day in truth.oracle.people[asked.account] if day < before.first]
    known = truth.union(asked, history)
    found: dict[str, int | None] = {
        "retained": len(today & then),
        "reactivated": len((today - then) & known),
        "new": len(today - then - known),
        "lapsed": len(then - today),
        **dict.fromkeys(("reclaimed", "still_idle", "not_yet")),
    }
    seats = idle(truth, now)
    if seats is not None:
        held, granted = seats
        found |= {
            "reclaimed": 0,
            "still_idle": len(held - today - then),
            "not_yet": len(granted - today - then),
        }
    everybody = sum(count for count in found.values() if count is not None)
    rows = [
        {"group": label, "people": found[group], "share": share(found[group], everybody)}
        for group, label in GROUPS.items()
    ]
    return Expected(rows)


def idle(truth: Truth, now: Question) -> tuple[set[int], set[int]] | None:
    """Who holds a seat at the end and did when the period began, and who got it since.

    Use is told up to three days late: a first list as late as that still tells of the end.
    """
    payer = payer_of(truth, now)
    since = listed_since(truth, payer)
    if since is None or since > now.last + 3 * DAY:
        return None
    at_end = held_on(truth, now, max(now.last, since))
    begun = held_on(truth, now, now.first - DAY)
    if now.team is not None:
        told = [day for day in now.days if now.team in truth.oracle.teams[now.account].get(day, {})]
        members = truth.members(now.account, now.team, told[-1]) if told else set()
        at_end &= members
    return at_end & begun, at_end - begun


def held_on(truth: Truth, asked: Question, day: date) -> set[int]:
    own = spells(truth, payer_of(truth, asked))
    return {user for user, first, last in own if first <= day and (last is None or day <= last)}
