"""What a person does on a day, and GitHub's record of it.

A day is made of *cells*: what one person did in one IDE, language, feature and model. Every breakdown is
a sum over the same cells, so that a line is consistent in itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from metrics.sample.calendar import at, stamp
from metrics.sample.people import Person

# Since when GitHub sends a field; it never fills in the past.
PHASES_SINCE = date(2026, 5, 29)
CREDITS_SINCE = date(2026, 6, 19)
VSCODE_AGENT_SINCE = date(2026, 9, 1)
CUSTOMISATION_SINCE = date(2026, 9, 17)

COUNTERS = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
COMPLETION, AGENT_EDIT, CLI = "code_completion", "agent_edit", "copilot_cli"
CHAT_FEATURES = frozenset(
    ("chat_inline", "chat_panel_ask_mode", "chat_panel_edit_mode", "chat_panel_plan_mode")
)
PANEL_MODES = (
    "chat_panel_ask_mode",
    "chat_panel_edit_mode",
    "chat_panel_agent_mode",
    "chat_panel_plan_mode",
    "chat_panel_custom_mode",
    "chat_panel_unknown_mode",
)
# Credits for one request, by model.
CREDITS = {"gpt-5.4": 1.0, "gpt-5.4-mini": 0.33, "claude-sonnet-4.6": 1.2, "gemini-3.1-pro": 0.9, "auto": 0.7}
MODELS = tuple(CREDITS)
LANGUAGES = (
    "python", "typescript", "go", "java", "csharp", "rust", "ruby", "kotlin",
    "swift", "javascript", "sql", "terraform", "markdown", "yaml", "css", "shell",
)  # fmt: skip
PHASE_NAMES = ("No Cohort", "Phase 1", "Phase 2", "Phase 3")

Numbers = tuple[int, int, int, int, int, int, int]
NOTHING: Numbers = (0, 0, 0, 0, 0, 0, 0)


class Cell(NamedTuple):
    ide: str  # "" outside an IDE
    language: str
    feature: str
    model: str  # "" for completions
    numbers: Numbers


@dataclass(slots=True)
class Surface:
    """Sessions on the command line or in the app."""

    sessions: int
    requests: int
    prompts: int
    output_tokens: int
    prompt_tokens: int

    def record(self) -> dict[str, Any]:
        average = (self.output_tokens + self.prompt_tokens) / self.requests if self.requests else None
        return {
            "session_count": self.sessions,
            "request_count": self.requests,
            "prompt_count": self.prompts,
            "token_usage": {
                "output_tokens_sum": self.output_tokens,
                "prompt_tokens_sum": self.prompt_tokens,
                "avg_tokens_per_request": round(average, 2) if average is not None else None,
            },
        }

    def __add__(self, other: Surface) -> Surface:
        return Surface(
            self.sessions + other.sessions,
            self.requests + other.requests,
            self.prompts + other.prompts,
            self.output_tokens + other.output_tokens,
            self.prompt_tokens + other.prompt_tokens,
        )


@dataclass(slots=True)
class Activity:
    """A person's day as GitHub will know it once the day has settled."""

    moment: datetime
    cells: list[Cell] = field(default_factory=list)
    # Known from the server only: counters without a breakdown.
    extra: Numbers = NOTHING
    cli: Surface | None = None
    app: Surface | None = None
    vscode_sessions: int = 0
    cloud_agent: bool = False
    review: bool | None = None
    passive_review: bool | None = None
    credits: float = 0.0
    skills: dict[str, int] = field(default_factory=dict)
    mcp: dict[str, int] = field(default_factory=dict)
    # The day's telemetry came late: the first exports do not have it, or not all of it.
    is_late: bool = False

    @property
    def numbers(self) -> Numbers:
        return add(self.extra, *(cell.numbers for cell in self.cells))

    @property
    def used_chat(self) -> bool:
        return bool(self.extra[0]) or any(cell.feature in CHAT_FEATURES for cell in self.cells)

    @property
    def used_agent(self) -> bool:
        return any(cell.feature in (AGENT_EDIT, "chat_panel_agent_mode") for cell in self.cells)

    @property
    def counts_as_coding(self) -> bool:
        return any(cell.feature in (COMPLETION, AGENT_EDIT) for cell in self.cells)

    def seen_after(self, days: int) -> Activity | None:
        """The day as exports show it this many days later: late telemetry is missing, then partial."""
        if not self.is_late or days >= 2:
            return self
        if days == 0 or not self.cells:
            return None
        kept = self.cells[: (len(self.cells) + 1) // 2]
        return Activity(
            self.moment, kept, self.extra, self.cli, self.app, self.vscode_sessions, self.cloud_agent,
            self.review, self.passive_review, round(self.credits / 2, 3), self.skills, self.mcp,
        )  # fmt: skip


def add(*many: Numbers) -> Numbers:
    sums = [sum(column) for column in zip(*many, strict=True)]
    return sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6]


def spend_day(person: Person, day: date, rng: Random, zeal: float) -> Activity:
    """What this person does on a day on which they do something. `zeal`: 1 is an ordinary day."""
    persona = person.persona
    activity = Activity(at(day, 7 + 11 * rng.random()), is_late=rng.random() < 0.06)
    if persona.name == "reviewed":
        activity.passive_review = True
        return activity
    volume = persona.volume * zeal * (0.5 + rng.random())
    if not persona.has_breakdowns:
        activity.extra = (_amount(rng, 1, 9, volume), 0, 0, 0, 0, 0, 0)
        activity.credits = round(activity.extra[0] * 0.8, 3)
        return activity
    _code(activity, person, rng, volume)
    _surfaces(activity, person, day, rng, volume)
    if not activity.cells and activity.cli is None:
        activity.cells = _chat(person, rng, volume, "chat_panel_ask_mode")
        if persona.completion >= 1:
            activity.cells = _completions(person, rng, volume)
    activity.credits = _credits(activity)
    return activity


def _code(activity: Activity, person: Person, rng: Random, volume: float) -> None:
    persona = person.persona
    if rng.random() < persona.completion:
        activity.cells += _completions(person, rng, volume)
    for feature, chance in (
        ("chat_panel_ask_mode", persona.ask),
        ("chat_panel_edit_mode", persona.edit),
        ("chat_inline", persona.inline),
        ("chat_panel_plan_mode", persona.plan),
    ):
        if rng.random() < chance:
            activity.cells += _chat(person, rng, volume, feature)
    if rng.random() < persona.agent:
        activity.cells += _agent(person, rng, volume)


def _surfaces(activity: Activity, person: Person, day: date, rng: Random, volume: float) -> None:
    persona = person.persona
    if rng.random() < persona.cli:
        activity.cli = _sessions(rng, volume)
        activity.cells.append(_cli_cell(person, rng, activity.cli))
        if day >= CUSTOMISATION_SINCE and rng.random() < 0.4:
            activity.skills = {"release-notes": _amount(rng, 1, 4, 1), "other": _amount(rng, 1, 3, 1)}
            activity.mcp = {"github": _amount(rng, 1, 6, 1)}
    if rng.random() < persona.app:
        activity.app = _sessions(rng, volume)
    if activity.used_agent and day >= VSCODE_AGENT_SINCE and "vscode" in person.ides:
        activity.vscode_sessions = _amount(rng, 1, 5, volume)
    activity.cloud_agent = rng.random() < persona.cloud_agent
    if rng.random() < persona.review:
        activity.review = True
    if rng.random() < persona.passive_review:
        activity.passive_review = True


def _amount(rng: Random, low: int, high: int, volume: float) -> int:
    """A count between `low` and `high`, mostly small, scaled; at least `low`."""
    return max(low, round((low + (high - low) * rng.random() ** 2) * volume))


def _completions(person: Person, rng: Random, volume: float) -> list[Cell]:
    ide = _favourite(rng, person.ides)
    cells = []
    for language in _some(rng, person.languages):
        generated = _amount(rng, 6, 90, volume)
        accepted = round(generated * person.persona.acceptance * (0.7 + 0.6 * rng.random()))
        suggested = round(generated * (1.2 + 2 * rng.random()))
        added = round(accepted * (1.0 + 1.4 * rng.random()))
        cells.append(Cell(ide, language, COMPLETION, "", (0, generated, accepted, suggested, 0, added, 0)))
    return cells


def _chat(person: Person, rng: Random, volume: float, feature: str) -> list[Cell]:
    ide, model = _favourite(rng, person.ides), _favourite(rng, person.models)
    asked = _amount(rng, 1, 14, volume)
    cells = []
    for index, language in enumerate(_some(rng, (*person.languages[:2], "unknown"))):
        generated = round(asked * (0.3 + rng.random()))
        accepted = round(generated * person.persona.acceptance * rng.random())
        suggested, added = generated * rng.randint(2, 14), accepted * rng.randint(2, 11)
        deleted = round(added * 0.2 * rng.random()) if feature == "chat_panel_edit_mode" else 0
        numbers = (asked if index == 0 else 0, generated, accepted, suggested, deleted, added, deleted)
        cells.append(Cell(ide, language, feature, model, numbers))
    return cells


def _agent(person: Person, rng: Random, volume: float) -> list[Cell]:
    ide, model = person.ides[0], _favourite(rng, person.models)
    asked = _amount(rng, 2, 18, volume)
    generated = round(asked * (0.5 + rng.random()))
    talk = (asked, generated, round(generated * 0.1), generated * rng.randint(3, 9), 0, 0, 0)
    cells = [Cell(ide, "unknown", "chat_panel_agent_mode", model, talk)]
    for language in _some(rng, person.languages):
        edits = _amount(rng, 2, 30, volume)
        added = edits * rng.randint(3, 16)
        deleted = round(added * (0.1 + 0.5 * rng.random()))
        cells.append(Cell(ide, language, AGENT_EDIT, model, (0, edits, 0, 0, 0, added, deleted)))
    return cells


def _sessions(rng: Random, volume: float) -> Surface:
    sessions, prompts = _amount(rng, 1, 6, volume), _amount(rng, 2, 25, volume)
    requests = prompts + _amount(rng, 1, 40, volume)
    return Surface(
        sessions, requests, prompts, requests * rng.randint(250, 900), requests * rng.randint(4000, 19000)
    )


def _cli_cell(person: Person, rng: Random, cli: Surface) -> Cell:
    edits = round(cli.requests * 0.5 * rng.random())
    added = edits * rng.randint(2, 12)
    numbers = (cli.prompts, edits, 0, 0, 0, added, round(added * 0.3 * rng.random()))
    return Cell("", person.languages[0], CLI, _favourite(rng, person.models), numbers)


def _credits(activity: Activity) -> float:
    asked = sum(cell.numbers[0] * CREDITS.get(cell.model, 0.0) for cell in activity.cells)
    edits = sum(cell.numbers[1] * 0.11 for cell in activity.cells if cell.feature == AGENT_EDIT)
    tasks = 25.0 if activity.cloud_agent else 0.0
    sessions = activity.app.requests * 0.4 if activity.app else 0.0
    return round(asked + edits + tasks + sessions, 3)


def _favourite(rng: Random, choices: tuple[str, ...]) -> str:
    return choices[0] if len(choices) == 1 or rng.random() < 0.7 else rng.choice(choices)


def _some(rng: Random, choices: tuple[str, ...]) -> list[str]:
    return list(choices[: rng.randint(1, len(choices))])


# GitHub's records --------------------------------------------------------------------------------


def group(cells: Iterable[Cell], key: Callable[[Cell], Any]) -> dict[Any, list[int]]:
    """The counters of cells summed by a key, in order of first appearance."""
    groups: dict[Any, list[int]] = {}
    for cell in cells:
        name = key(cell)
        sums = groups.get(name)
        if sums is None:
            groups[name] = list(cell.numbers)
        else:
            for index, number in enumerate(cell.numbers):
                sums[index] += number
    return groups


def breakdowns(cells: list[Cell]) -> dict[str, list[dict[str, Any]]]:
    """The five overlapping arrays, without IDE versions. Languages and models come without interactions."""
    talk = [cell for cell in cells if cell.feature != COMPLETION]
    by_ide = group((cell for cell in cells if cell.ide), lambda cell: cell.ide)
    by_feature = group(cells, lambda cell: cell.feature)
    by_language = group(cells, lambda cell: (cell.language, cell.feature))
    by_model = group(talk, lambda cell: (cell.language, cell.model))
    by_model_feature = group(talk, lambda cell: (cell.model, cell.feature))
    return {
        "totals_by_ide": [{"ide": ide} | counted(sums) for ide, sums in by_ide.items()],
        "totals_by_feature": [{"feature": name} | counted(sums) for name, sums in by_feature.items()],
        "totals_by_language_feature": [
            {"language": language, "feature": feature} | counted(sums, first=1)
            for (language, feature), sums in by_language.items()
        ],
        "totals_by_language_model": [
            {"language": language, "model": model} | counted(sums, first=1)
            for (language, model), sums in by_model.items()
        ],
        "totals_by_model_feature": [
            {"model": model, "feature": feature} | counted(sums)
            for (model, feature), sums in by_model_feature.items()
        ],
    }


def counted(numbers: Iterable[int], first: int = 0) -> dict[str, int]:
    return dict(zip(COUNTERS[first:], list(numbers)[first:], strict=True))


def panel_modes(cells: Iterable[Cell]) -> dict[str, int]:
    modes = dict.fromkeys(PANEL_MODES, 0)
    for cell in cells:
        if cell.feature in modes:
            modes[cell.feature] += cell.numbers[0]
    return modes


def record(person: Person, day: date, activity: Activity, phase: int) -> dict[str, Any]:
    """GitHub's record of a person's day, without what names the scope and the file."""
    arrays = breakdowns(activity.cells)
    for entry in arrays["totals_by_ide"]:
        entry |= ide_versions(entry["ide"], activity.moment)
    facts: dict[str, Any] = {
        "user_id": person.id,
        "user_login": person.login_on(day),
        **counted(activity.numbers),
        **arrays,
        "used_agent": activity.used_agent,
        "used_chat": activity.used_chat,
        "used_cli": activity.cli is not None,
        "used_copilot_coding_agent": activity.cloud_agent,
        "used_copilot_cloud_agent": activity.cloud_agent,
        "used_copilot_code_review_active": activity.review,
        "used_copilot_code_review_passive": activity.passive_review,
    }
    if activity.cells and any(cell.ide for cell in activity.cells):
        facts |= panel_modes(activity.cells)
    if activity.cli:
        facts["totals_by_cli"] = activity.cli.record() | {
            "last_known_cli_version": {
                "cli_version": f"1.0.{_months(day) * 4}",
                "sampled_at": stamp(activity.moment),
            }
        }
    if activity.app:
        facts["totals_by_copilot_app"] = activity.app.record()
    return facts | _newer_fields(day, activity, phase)


def _newer_fields(day: date, activity: Activity, phase: int) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if day >= PHASES_SINCE:
        facts["ai_adoption_phase"] = {"phase_number": phase, "phase": PHASE_NAMES[phase], "version": "v1"}
    if day >= CREDITS_SINCE:
        facts["ai_credits_used"] = activity.credits
        facts["used_copilot_app"] = activity.app is not None
    if day >= VSCODE_AGENT_SINCE:
        facts["used_vscode_agent"] = activity.vscode_sessions > 0
        if activity.vscode_sessions:
            facts["totals_by_vscode_agent"] = {
                "session_count": activity.vscode_sessions,
                "total_user_messages": activity.vscode_sessions * 4,
            }
    if day >= CUSTOMISATION_SINCE and activity.skills:
        facts["totals_by_skill"] = [
            {"skill": name, "interaction_count": count} for name, count in activity.skills.items()
        ]
        facts["totals_by_mcp"] = [
            {"mcp": name, "interaction_count": count} for name, count in activity.mcp.items()
        ]
        facts["distinct_skill_use_count"] = len(activity.skills)
        facts["distinct_mcp_use_count"] = len(activity.mcp)
    return facts


def _months(day: date) -> int:
    return (day.year - 2025) * 12 + day.month


def ide_versions(ide: str, moment: datetime) -> dict[str, Any]:
    """The client versions of a month, as sampled a while before."""
    version, plugin, plugin_version = client(ide, moment.date())
    sampled = stamp(moment - timedelta(minutes=17))
    return {
        "last_known_ide_version": {"ide_version": version, "sampled_at": sampled},
        "last_known_plugin_version": {
            "plugin": plugin,
            "plugin_version": plugin_version,
            "sampled_at": sampled,
        },
    }


def client(ide: str, day: date) -> tuple[str, str, str]:
    """Version, plugin and plugin version of an IDE in the month of a day."""
    month = _months(day)
    if ide == "intellij":
        return f"{day.year}.{(day.month + 3) // 4}", "copilot-intellij", f"1.{month + 38}.0"
    if ide == "visualstudio":
        return f"18.{month}.1", "copilot-vs", f"18.{month}.482"
    return f"1.{month + 96}.0", "copilot-chat", f"0.{month + 22}.1"


def editor_text(ide: str, day: date) -> str:
    """How a seat list names the editor somebody used last."""
    version, plugin, plugin_version = client(ide, day)
    return f"{ide}/{version}/{plugin}/{plugin_version}"


def body(facts: dict[str, Any]) -> str:
    """A record without its opening brace, to be led by the keys of scope and file."""
    return json.dumps(facts, separators=(",", ":"))[1:]
