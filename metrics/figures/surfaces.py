"""Copilot beside the editor: the CLI, the Copilot app, agents and what they were extended with.

A day's record leaves an object out when there was no such activity, and left it out before GitHub told of it:
which of the two it was cannot be seen, so it stays unknown.
https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from metrics.figures import ActiveUsers, day_records, total, trailing
from metrics.figures.records import Surface, ThirdPartyAgent, Tokens
from metrics.figures.scope import Scope
from metrics.figures.told import rows_of_days
from metrics.models import DayUsers
from metrics.periods import Period

CommandSurface = Literal["totals_by_cli", "totals_by_copilot_app"]
Customisation = Literal[
    "totals_by_skill", "totals_by_custom_agent", "totals_by_mcp", "totals_by_slash_cmd", "totals_by_plugin"
]
# What GitHub calls a surface in the numbers of people it counts itself.
OWN_NAMES: Mapping[str, str] = {
    DayUsers.Kind.CLI: "cli",
    DayUsers.Kind.APP: "copilot_app",
    DayUsers.Kind.VSCODE_AGENT: "vscode_agent",
    DayUsers.Kind.CLOUD_AGENT: "copilot_cloud_agent",
}


# --- Sessions and tokens -----------------------------------------------------------------------


class Sessions(NamedTuple):
    """What was done on the command line or in the Copilot app; None where nothing says it.

    A request is a call to a model: each prompt of somebody makes one, and agents make further ones.
    """

    sessions: int | None = None
    requests: int | None = None
    prompts: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None

    @classmethod
    def of(cls, many: Iterable[Sessions]) -> Sessions:
        """Several days added up; what none of them says stays unknown."""
        return cls(*(total(column) for column in zip(*many, strict=True)))


def session_days(scope: Scope, period: Period, surface: CommandSurface) -> Mapping[date, Sessions]:
    """Every covered day, in order; a day that does not speak of the surface says nothing in any field."""
    records = day_records(scope, period, surface)
    return {day: _sessions(getattr(record, surface)) for day, record in records.items()}


def _sessions(said: Surface | None) -> Sessions:
    if said is None:
        return Sessions()
    tokens = said.token_usage or Tokens()
    return Sessions(
        said.session_count,
        said.request_count,
        said.prompt_count,
        tokens.output_tokens_sum,
        tokens.prompt_tokens_sum,
    )


def average_tokens(days: Iterable[Sessions]) -> Decimal | None:
    """(Output + prompt tokens) ÷ requests, summed first, over the days that tell all three."""
    told = [day for day in days if None not in (day.requests, day.output_tokens, day.prompt_tokens)]
    summed = Sessions.of(told)
    if summed.output_tokens is None or summed.prompt_tokens is None or not summed.requests:
        return None
    return Decimal(summed.output_tokens + summed.prompt_tokens) / Decimal(summed.requests)


class AgentSessions(NamedTuple):
    """Of the agent of VS Code."""

    sessions: int | None = None
    messages: int | None = None

    @classmethod
    def of(cls, many: Iterable[AgentSessions]) -> AgentSessions:
        return cls(*(total(column) for column in zip(*many, strict=True)))


def vscode_agent_days(scope: Scope, period: Period) -> Mapping[date, AgentSessions]:
    """Every covered day, in order: sessions, and the messages people sent in them."""
    found = {}
    for day, record in day_records(scope, period, "totals_by_vscode_agent").items():
        said = record.totals_by_vscode_agent
        found[day] = AgentSessions(said.session_count, said.total_user_messages) if said else AgentSessions()
    return found


# --- People ------------------------------------------------------------------------------------


def surface_users(scope: Scope, period: Period, kind: DayUsers.Kind) -> Mapping[date, ActiveUsers]:
    """Distinct people on a surface on each day and in the 7 and 28 days that end with it.

    From people where all days of the window are covered, else GitHub's own number, else None.
    """
    counted = trailing(scope, period, kind)
    if scope.team is not None or all(None not in _three(users) for users in counted.values()):
        return counted
    name = OWN_NAMES[kind]
    words = [f"{often}_active_{name}_users" for often in ("daily", "weekly", "monthly")]
    found = dict(counted)
    for day, record in day_records(scope, period, *words).items():
        own = [getattr(record, word) for word in words]
        pairs = zip(_three(counted[day]), own, strict=True)
        found[day] = ActiveUsers(*(theirs if value is None else value for value, theirs in pairs))
    return found


def _three(users: ActiveUsers) -> tuple[int | None, int | None, int | None]:
    return users.daily, users.weekly, users.monthly


# --- Agents of others, and what agents were extended with --------------------------------------


class OtherAgent(NamedTuple):
    """An agent by somebody else. A task started in it is in no other counter."""

    agent_id: str
    name: str
    tasks: int | None
    sessions: int | None


def other_agents(scope: Scope, period: Period, days: Collection[date] | None = None) -> list[OtherAgent]:
    """Agents by others with the tasks people started in them, most first; one agent is one id."""
    names: dict[str, str] = {}
    entries: dict[str, list[ThirdPartyAgent]] = defaultdict(list)
    for day, record in day_records(scope, period, "totals_by_3rd_party_agent").items():
        if days is not None and day not in days:
            continue
        for entry in record.totals_by_3rd_party_agent or []:
            name = entry.agent_name or ""
            agent_id = str(entry.agent_id or "") or name.casefold()
            # Days come in order: the newest name stays.
            names[agent_id] = name or names.get(agent_id, "")
            entries[agent_id].append(entry)
    found = [
        OtherAgent(
            agent_id,
            names[agent_id],
            total(entry.user_initiated_interaction_count for entry in told),
            total(entry.session_count for entry in told),
        )
        for agent_id, told in entries.items()
    ]
    return sorted(found, key=lambda agent: (-(agent.tasks or 0), agent.name.casefold(), agent.agent_id))


def customisation(
    scope: Scope, period: Period, array: Customisation, days: Collection[date] | None = None
) -> dict[str, int | None]:
    """Interactions by folded name, most first; of MCP servers they are connections.

    A line tells of its five most used only; private names come as `other` or `custom`.
    """
    counts: dict[str, list[int | None]] = defaultdict(list)
    for day, record in day_records(scope, period, array).items():
        if days is None or day in days:
            for entry in getattr(record, array) or []:
                counts[entry.name].append(entry.count)
    summed = {name: total(told) for name, told in counts.items()}
    return dict(sorted(summed.items(), key=lambda item: (-(item[1] or 0), item[0])))


# --- AI credits --------------------------------------------------------------------------------


def credit_days(scope: Scope, period: Period) -> Mapping[date, Decimal | None]:
    """AI credits per covered day, added up over its people; None where no line tells them.

    A trend, not the bill: https://docs.github.com/copilot/concepts/billing
    """
    days = rows_of_days(scope, period, ["ai_credits_used"], computed=True)
    return {day: None if row is None else row[0] for day, _, row in days}


def credits_of(days: Iterable[Decimal | None]) -> Decimal | None:
    """Days' credits added up over what is known; None where nothing is."""
    known = [value for value in days if value is not None]
    return sum(known, Decimal(0)) if known else None
