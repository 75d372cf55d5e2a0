"""An account's day as GitHub totals it: the true sums and distinct counts of the generated people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from metrics.sample.calendar import DAY
from metrics.sample.company import SETTLED_AFTER, WINDOW, Company, Scope
from metrics.sample.dice import dice
from metrics.sample.usage import (
    CUSTOMISATION_SINCE,
    PHASE_NAMES,
    PHASES_SINCE,
    VSCODE_AGENT_SINCE,
    Activity,
    Surface,
    add,
    breakdowns,
    counted,
    panel_modes,
)

WEEK = 7
Test = Callable[[Activity], bool]


def everybody(activity: Activity) -> bool:
    return True


class Totals:
    """The days of one scope. What each day's people did is looked at once per stage of settling."""

    def __init__(self, company: Company, scope: Scope) -> None:
        self.company = company
        self.scope = scope
        self._days: dict[tuple[date, int], dict[int, Activity]] = {}
        self._matching: dict[tuple[date, int, str], set[int]] = {}

    def day(self, day: date, exported_on: date) -> dict[str, Any]:
        """The record of a day in a report that ends on `exported_on`, without what names the scope."""
        done = self._done(day, exported_on)
        cells = [cell for activity in done.values() for cell in activity.cells]
        record: dict[str, Any] = {
            **self._distinct(day, exported_on),
            **counted(add(*(activity.numbers for activity in done.values())) if done else (0,) * 7),
            **panel_modes(cells),
            **breakdowns(cells),
            "pull_requests": self._pull_requests(day, len(done)),
        }
        for key, surfaces in (
            ("totals_by_cli", [activity.cli for activity in done.values() if activity.cli]),
            ("totals_by_copilot_app", [activity.app for activity in done.values() if activity.app]),
        ):
            if surfaces:
                record[key] = _total(surfaces).record()
        return record | self._newer_fields(day, done)

    def _done(self, day: date, exported_on: date) -> dict[int, Activity]:
        age = min((exported_on - day).days, SETTLED_AFTER)
        known = self._days.get((day, age))
        if known is None:
            seen = self.company.seen(self.scope, day, age)
            known = self._days[day, age] = {person.id: activity for person, activity in seen}
        return known

    def _who(self, day: date, exported_on: date, name: str, test: Test) -> set[int]:
        key = (day, min((exported_on - day).days, SETTLED_AFTER), name)
        known = self._matching.get(key)
        if known is None:
            done = self._done(day, exported_on)
            known = self._matching[key] = {user_id for user_id, activity in done.items() if test(activity)}
        return known

    def _count(self, day: date, exported_on: date, days: int, name: str, test: Test) -> int:
        """Distinct people over the trailing `days` days."""
        window = (day - back * DAY for back in range(days))
        return len(set().union(*(self._who(each, exported_on, name, test) for each in window)))

    def _distinct(self, day: date, exported_on: date) -> dict[str, int]:
        def count(days: int, name: str, test: Test) -> int:
            return self._count(day, exported_on, days, name, test)

        figures = {
            "daily_active_users": count(1, "any", everybody),
            "weekly_active_users": count(WEEK, "any", everybody),
            "monthly_active_users": count(WINDOW, "any", everybody),
            "monthly_active_chat_users": count(WINDOW, "chat", lambda activity: activity.used_chat),
            "monthly_active_agent_users": count(WINDOW, "agent", lambda activity: activity.used_agent),
        }
        # The seven sets that come by day, week and month.
        for prefix, noun, test in (
            ("active", "copilot_cloud_agent", lambda activity: activity.cloud_agent),
            ("active", "copilot_code_review", lambda activity: bool(activity.review)),
            ("passive", "copilot_code_review", lambda activity: bool(activity.passive_review)),
        ):
            for word, days in (("daily", 1), ("weekly", WEEK), ("monthly", WINDOW)):
                figures[f"{word}_{prefix}_{noun}_users"] = count(days, prefix + noun, test)
        if cli := count(1, "cli", lambda activity: activity.cli is not None):
            figures["daily_active_cli_users"] = cli
        figures["daily_active_copilot_app_users"] = count(1, "app", lambda activity: activity.app is not None)
        if day >= VSCODE_AGENT_SINCE:
            figures["daily_active_vscode_agent_users"] = count(
                1, "vscode agent", lambda activity: activity.vscode_sessions > 0
            )
        return figures

    def _newer_fields(self, day: date, done: dict[int, Activity]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        if day >= VSCODE_AGENT_SINCE and (sessions := sum(each.vscode_sessions for each in done.values())):
            record["totals_by_vscode_agent"] = {
                "session_count": sessions,
                "total_user_messages": sessions * 4,
            }
        if day >= CUSTOMISATION_SINCE:
            skills = _named(activity.skills for activity in done.values())
            record["totals_by_skill"] = [
                {"skill": name, "interaction_count": count} for name, count in skills.most_common(5)
            ]
            record["distinct_skill_use_count"] = len(skills)
        if day >= PHASES_SINCE:
            record["totals_by_ai_adoption_phase"] = self._phases(day, done)
        return record

    def _phases(self, day: date, done: dict[int, Activity]) -> list[dict[str, Any]]:
        phases: dict[int, list[Activity]] = {}
        for user_id, activity in done.items():
            phases.setdefault(self.company.phases[day][user_id], []).append(activity)
        return [self._phase(day, number, each) for number, each in sorted(phases.items())]

    def _phase(self, day: date, number: int, activities: list[Activity]) -> dict[str, Any]:
        sums, people = add(*(activity.numbers for activity in activities)), len(activities)
        record: dict[str, Any] = {
            "phase": PHASE_NAMES[number],
            "phase_number": number,
            "total_engaged_users": people,
            "avg_user_initiated_interactions": round(sums[0] / people, 2),
            "avg_code_generation_activities": round(sums[1] / people, 2),
            "avg_code_acceptance_activities": round(sums[2] / people, 2),
            "avg_loc_added": round(sums[5] / people, 2),
            "avg_loc_deleted": round(sums[6] / people, 2),
        }
        if day >= CUSTOMISATION_SINCE:
            record["users_in_phase_28d"] = self._in_phase(day, number)
        return record

    def _in_phase(self, day: date, number: int) -> int:
        """People of the trailing 28 days whose newest phase is this one."""
        newest: dict[int, int] = {}
        for back in range(WINDOW - 1, -1, -1):
            each = day - back * DAY
            for user_id in self._done(each, day):
                newest[user_id] = self.company.phases[each][user_id]
        return sum(phase == number for phase in newest.values())

    def _pull_requests(self, day: date, people: int) -> dict[str, Any]:
        rng = dice(self.company.seed, self.scope.id, day, "pulls")
        created = round(people * (0.2 + 0.2 * rng.random()))
        merged = round(created * 0.8 * rng.random())
        by_copilot, reviewed = round(created * 0.12), round(created * 0.35)
        pulls: dict[str, Any] = {
            "total_created": created,
            "total_reviewed": round(created * 0.9),
            "total_merged": merged,
            "total_suggestions": created * 3,
            "total_applied_suggestions": created,
            "total_created_by_copilot": by_copilot,
            "total_reviewed_by_copilot": reviewed,
            "total_merged_created_by_copilot": min(by_copilot, merged),
            "total_copilot_suggestions": reviewed * 4,
            "total_copilot_applied_suggestions": reviewed,
        }
        if merged:
            pulls["median_minutes_to_merge"] = round(60 + 2000 * rng.random(), 1)
        return pulls


def _total(surfaces: Iterable[Surface]) -> Surface:
    total = Surface(0, 0, 0, 0, 0)
    for surface in surfaces:
        total += surface
    return total


def _named(tallies: Iterable[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for tally in tallies:
        total.update(tally)
    return total
