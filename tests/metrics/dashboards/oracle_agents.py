"""The CLI, the app, agents, and AI credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from tests.metrics.dashboards.oracle import (
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

NAMES = {
    "sessions": "session_count",
    "requests": "request_count",
    "prompts": "prompt_count",
    "output_tokens": "output_tokens_sum",
    "prompt_tokens": "prompt_tokens_sum",
    "messages": "total_user_messages",
}
CLI, APP, EDITOR = "totals_by_cli", "totals_by_copilot_app", "totals_by_vscode_agent"
KINDS = {
    "cli": "Copilot CLI",
    "app": "Copilot app",
    "cloud_agent": "Cloud agent",
    "vscode_agent": "Agent of VS Code",
    "agent": "Agent mode in an editor",
}
GITHUBS = {
    "cli": "cli",
    "app": "copilot_app",
    "cloud_agent": "copilot_cloud_agent",
    "vscode_agent": "vscode_agent",
}


def summed(truth: Truth, asked: Question, surface: str, days: Iterable[date]) -> Sums:
    told = (truth.surface(asked, day, surface) for day in days)
    return plus((each for each in told if each is not None), NAMES.values())


def average(truth: Truth, asked: Question, surface: str, days: Iterable[date]) -> Decimal | None:
    """Tokens ÷ requests, over the days that tell all three."""
    needed = ("request_count", "output_tokens_sum", "prompt_tokens_sum")
    told = [each for day in days if (each := truth.surface(asked, day, surface)) is not None]
    found = plus((each for each in told if all(each[name] is not None for name in needed)), needed)
    return share(added((found["output_tokens_sum"], found["prompt_tokens_sum"])), found["request_count"])


def known(truth: Truth, asked: Question, days: Iterable[date]) -> bool:
    return all(truth.is_told(asked, day) for day in days)


def series(truth: Truth, asked: Question, surface: str, *names: str) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        if not known(truth, asked, days):
            return dict.fromkeys(names)
        found = summed(truth, asked, surface, days)
        row: dict[str, Any] = {name: found[NAMES[name]] for name in names if name != "average"}
        if "average" in names:
            row["average"] = average(truth, asked, surface, days)
        return row

    return over_time(asked, values)


@expects("agents", "cli-in-sum")
def cli_in_sum(truth: Truth, asked: Question) -> Expected:
    now = summed(truth, asked, CLI, asked.days)
    if all(value is None for value in now.values()):
        return Expected(headlines={})
    was: Sums = dict.fromkeys(NAMES.values())
    was_average = None
    if asked.before and known(truth, asked, asked.earlier().days):
        was = summed(truth, asked, CLI, asked.earlier().days)
        was_average = average(truth, asked, CLI, asked.earlier().days)
    headlines: dict[str, Any] = {
        label: (now[NAMES[name]], was[NAMES[name]])
        for label, name in (
            ("Sessions", "sessions"),
            ("Requests", "requests"),
            ("Prompts", "prompts"),
            ("Output tokens", "output_tokens"),
            ("Prompt tokens", "prompt_tokens"),
        )
    }
    headlines["Tokens per request"] = (average(truth, asked, CLI, asked.days), was_average)
    return Expected(headlines=headlines)


@expects("agents", "cli-sessions")
def cli_sessions(truth: Truth, asked: Question) -> Expected:
    return series(truth, asked, CLI, "sessions", "requests", "prompts")


@expects("agents", "cli-tokens")
def cli_tokens(truth: Truth, asked: Question) -> Expected:
    return series(truth, asked, CLI, "output_tokens", "prompt_tokens", "average")


@expects("agents", "app-sessions")
def app_sessions(truth: Truth, asked: Question) -> Expected:
    return series(truth, asked, APP, "sessions", "requests", "prompts")


@expects("agents", "app-tokens")
def app_tokens(truth: Truth, asked: Question) -> Expected:
    return series(truth, asked, APP, "output_tokens", "prompt_tokens", "average")


@expects("agents", "vscode-agent")
def vscode_agent(truth: Truth, asked: Question) -> Expected:
    return series(truth, asked, EDITOR, "sessions", "messages")


@expects("agents", "people")
def people(truth: Truth, asked: Question) -> Expected:
    active = truth.distinct(asked)
    if active is None or not asked.days:
        return Expected([])
    rows = []
    for kind, label in KINDS.items():
        count = truth.distinct(asked, kind)
        row: dict[str, Any] = {"what": label, "people": count, "share": share(count, active)}
        if asked.before:
            row["before"] = truth.distinct(asked.earlier(), kind)
        rows.append(row)
    return Expected(rows)


def users(truth: Truth, asked: Question, kind: str) -> Expected:
    """From people where every day of the window is covered, else as GitHub counts."""

    def values(days: list[date]) -> Mapping[str, Any]:
        row = {}
        for often, length in (("daily", 1), ("weekly", 7), ("monthly", 28)):
            counted = truth.trailing(asked, days[-1], length, kind)
            own = truth.said(asked, days[-1], f"{often}_active_{GITHUBS[kind]}_users")
            row[often] = own if counted is None else counted
        return row

    return over_time(asked, values)


@expects("agents", "cli-users")
def cli_users(truth: Truth, asked: Question) -> Expected:
    return users(truth, asked, "cli")


@expects("agents", "cloud-agent-users")
def cloud_agent_users(truth: Truth, asked: Question) -> Expected:
    return users(truth, asked, "cloud_agent")


@expects("agents", "app-users")
def app_users(truth: Truth, asked: Question) -> Expected:
    return users(truth, asked, "app")


@expects("agents", "vscode-agent-users")
def vscode_agent_users(truth: Truth, asked: Question) -> Expected:
    return users(truth, asked, "vscode_agent")


def listed(truth: Truth, asked: Question, key: str) -> list[Mapping[str, Any]]:
    """The entries of an array of every day: of GitHub's own record, else of the people's lines."""
    found: list[Mapping[str, Any]] = []
    for day in asked.days:
        report = truth.report(asked, day)
        if report is not None:
            found += report.get(key) or []
        elif truth.is_covered(asked, day):
            for line in truth.lines(asked, day).values():
                found += line.get(key) or []
    return found


@expects("agents", "other-agents")
def other_agents(truth: Truth, asked: Question) -> Expected:
    by_id: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in listed(truth, asked, "totals_by_3rd_party_agent"):
        by_id[entry["agent_id"]].append(entry)
    rows = [
        {
            # Names are folded where people's lines are added up.
            "agent": own[-1]["agent_name"],
            "tasks": added(entry.get("user_initiated_interaction_count") for entry in own),
            "sessions": added(entry.get("session_count") for entry in own),
        }
        for own in by_id.values()
    ]
    return Expected(sorted(rows, key=lambda row: (-(row["tasks"] or 0), row["agent"])))


def customised(truth: Truth, asked: Question, name: str) -> Expected:
    counts: dict[str, list[int | None]] = defaultdict(list)
    for entry in listed(truth, asked, f"totals_by_{name}"):
        counts[entry[name].casefold()].append(entry.get("interaction_count"))
    rows = [{name: each, "interactions": added(own)} for each, own in counts.items()]
    return Expected(sorted(rows, key=lambda row: (-(row["interactions"] or 0), row[name])))


@expects("agents", "skills")
def skills(truth: Truth, asked: Question) -> Expected:
    return customised(truth, asked, "skill")


@expects("agents", "custom-agents")
def custom_agents(truth: Truth, asked: Question) -> Expected:
    return customised(truth, asked, "custom_agent")


@expects("agents", "mcp-servers")
def mcp_servers(truth: Truth, asked: Question) -> Expected:
    return customised(truth, asked, "mcp")


@expects("agents", "slash-commands")
def slash_commands(truth: Truth, asked: Question) -> Expected:
    return customised(truth, asked, "slash_cmd")


@expects("agents", "plugins")
def plugins(truth: Truth, asked: Question) -> Expected:
    return customised(truth, asked, "plugin")


@expects("agents", "credits")
def credits_used(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        if any(not truth.is_covered(asked, day) for day in days):
            return {"credits": None}
        told = [line.get("ai_credits_used") for _, _, line in truth.all_lines(asked, days)]
        amounts = [Decimal(str(value)) for value in told if value is not None]
        return {"credits": sum(amounts, Decimal(0)) if amounts else None}

    return over_time(asked, values)
