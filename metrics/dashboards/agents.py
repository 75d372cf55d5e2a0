"""The CLI, the Copilot app and agents: how much they are used, by how many, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import moved, several
from metrics.figures import day_sets_of, ratio, union
from metrics.figures.surfaces import (
    AgentSessions,
    CommandSurface,
    Customisation,
    Sessions,
    average_tokens,
    credit_days,
    credits_of,
    customisation,
    other_agents,
    session_days,
    surface_users,
    vscode_agent_days,
)
from metrics.models import DayUsers
from metrics.periods import Period

FIELDS = "https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
CREDITS = "https://docs.github.com/copilot/concepts/billing/copilot-requests"

CLI: CommandSurface = "totals_by_cli"
APP: CommandSurface = "totals_by_copilot_app"
USERS = {
    DayUsers.Kind.CLI: "Copilot CLI",
    DayUsers.Kind.APP: "Copilot app",
    DayUsers.Kind.CLOUD_AGENT: "Cloud agent",
    DayUsers.Kind.VSCODE_AGENT: "Agent of VS Code",
    DayUsers.Kind.AGENT: "Agent mode in an editor",
}
# Everybody active, and of them how many used what.
Counted = tuple[int, dict[DayUsers.Kind, int]]
# How many names of one kind a table shows.
TOP = 50

agents = page("agents", "CLI and cloud agent", "terminal", order=90)


# --- The CLI and the app -----------------------------------------------------------------------


def _sessions_over_time(asked: Asked, surface: CommandSurface, name: str) -> Panel:
    days = session_days(asked.scope, asked.period, surface)
    columns = [Column("sessions", "Sessions"), Column("requests", "Requests"), Column("prompts", "Prompts")]

    def values(bucket: Bucket) -> Row:
        told = bucket.among(days)
        summed = Sessions() if told is None else Sessions.of(told)
        return [summed.sessions, summed.requests, summed.prompts]

    panel = asked.over_time(columns, values, Drawing(Form.LINES, [column.name for column in columns]))
    return panel if panel.rows else _unused(asked, bool(days), name)


def _unused(asked: Asked, is_told: bool, name: str) -> Panel:
    return Panel(empty=f"The days that are told of say nothing of the {name}.") if is_told else Panel()


def _tokens_over_time(asked: Asked, surface: CommandSurface, name: str) -> Panel:
    days = session_days(asked.scope, asked.period, surface)
    columns = [
        Column("output_tokens", "Output tokens"),
        Column("prompt_tokens", "Prompt tokens"),
        Column("average", "Tokens per request", Kind.DECIMAL),
    ]

    def values(bucket: Bucket) -> Row:
        told = bucket.among(days)
        if told is None:
            return [None] * len(columns)
        summed = Sessions.of(told)
        return [summed.output_tokens, summed.prompt_tokens, average_tokens(told)]

    panel = asked.over_time(columns, values, Drawing(Form.STACKED, ["output_tokens", "prompt_tokens"]))
    return panel if panel.rows else _unused(asked, bool(days), name)


def _in_sum(asked: Asked, surface: CommandSurface, name: str) -> Panel:
    """The sums of the days told of, with what they were before where all of those are told."""
    days = session_days(asked.scope, asked.period, surface)
    told = list(asked.only_asked(days))
    now = Sessions.of(told)
    if all(value is None for value in now):
        return _unused(asked, bool(told), name)
    was, average_before = Sessions(), None
    if asked.before is not None:
        before = session_days(asked.scope, asked.before, surface)
        if all(day in before for day in asked.days(asked.before)):
            earlier = list(asked.only_asked(before, asked.before))
            was, average_before = Sessions.of(earlier), average_tokens(earlier)
    note = ""
    if len(told) < len(asked.days()):
        note = f"Of the {len(told)} of {len(asked.days())} days that are told of."
    return Panel(
        headlines=[
            Headline("Sessions", now.sessions, before=was.sessions),
            Headline("Requests", now.requests, before=was.requests),
            Headline("Prompts", now.prompts, before=was.prompts),
            Headline("Output tokens", now.output_tokens, before=was.output_tokens),
            Headline("Prompt tokens", now.prompt_tokens, before=was.prompt_tokens),
            Headline("Tokens per request", average_tokens(told), Kind.DECIMAL, average_before),
        ],
        note=note,
    )


TOKENS = (
    "Output and prompt tokens of all requests, and both together ÷ requests, summed first over the days that "
    "tell all three."
)
SESSIONS = (
    "Sessions, requests to models (agents make several for a prompt) and prompts of people. A gap is a day "
    "that does not speak of it: it was not used, or GitHub did not tell."
)


@agents.panel(
    "cli-in-sum", "The CLI in sum", definition=f"Over the period. {TOKENS}", source=FIELDS, wide=True
)
def cli_in_sum(asked: Asked) -> Panel:
    return _in_sum(asked, CLI, "CLI")


@agents.panel("cli-sessions", "CLI sessions, requests and prompts", definition=SESSIONS, source=FIELDS)
def cli_sessions(asked: Asked) -> Panel:
    return _sessions_over_time(asked, CLI, "CLI")


@agents.panel("cli-tokens", "Tokens on the CLI", definition=TOKENS, source=FIELDS)
def cli_tokens(asked: Asked) -> Panel:
    return _tokens_over_time(asked, CLI, "CLI")


# --- People ------------------------------------------------------------------------------------


@agents.panel(
    "people",
    "Who uses the CLI and agents",
    definition="Distinct people over the period, and their share of everybody active in it. One person may "
    "use several: the rows do not add up.",
    source=FIELDS,
)
def people(asked: Asked) -> Panel:
    counted = _people(asked, asked.period)
    if counted is None:
        return Panel(empty="How many people it was can be told only if every day of the period is covered.")
    active, users = counted
    columns = [
        Column("what", "Used", Kind.TEXT),
        Column("people", "People"),
        Column("share", "Of active people", Kind.RATE),
    ]
    rows: list[list[Value]] = [
        [label, users[kind], ratio(users[kind], active)] for kind, label in USERS.items()
    ]
    if asked.before is not None:
        columns.append(Column("before", "People before"))
        before = _people(asked, asked.before)
        for row, kind in zip(rows, USERS, strict=True):
            row.append(None if before is None else before[1][kind])
    return Panel(columns, rows, Drawing(Form.RANKED, ["people"]))


def _people(asked: Asked, period: Period, kinds: Iterable[DayUsers.Kind] = USERS) -> Counted | None:
    """Everybody active in the period, and how many used what; None unless all days are covered."""
    wanted = (DayUsers.Kind.ACTIVE, *kinds)
    sets = day_sets_of(asked.scope, period, [kind.value for kind in wanted], in_sum=True)
    days = asked.days(period)
    found = {kind: union(sets[kind.value], days) for kind in wanted}
    active = found.pop(DayUsers.Kind.ACTIVE)
    if active is None or not days:
        return None
    return len(active), {kind: len(users) for kind, users in found.items() if users is not None}


USERS_DEFINITION = (
    "Distinct people on the day and in the 7 and 28 days that end with it; where those are not all covered, "
    "GitHub's own number. For weeks and months, as of their last day."
)


def _users_over_time(asked: Asked, kind: DayUsers.Kind) -> Panel:
    users = surface_users(asked.scope, asked.period, kind)
    columns = [
        Column("daily", "That day"),
        Column("weekly", "7 days"),
        Column("monthly", "28 days"),
    ]

    def values(bucket: Bucket) -> Row:
        told = users[bucket.last]
        return [told.daily, told.weekly, told.monthly]

    return asked.over_time(columns, values, Drawing(Form.LINES, [column.name for column in columns]))


@agents.panel("cli-users", "People on the CLI", definition=USERS_DEFINITION, source=FIELDS)
def cli_users(asked: Asked) -> Panel:
    return _users_over_time(asked, DayUsers.Kind.CLI)


@agents.panel("cloud-agent-users", "People with the cloud agent", definition=USERS_DEFINITION, source=FIELDS)
def cloud_agent_users(asked: Asked) -> Panel:
    return _users_over_time(asked, DayUsers.Kind.CLOUD_AGENT)


# --- The app and the agent of VS Code ----------------------------------------------------------


@agents.panel("app-sessions", "Copilot app: sessions, requests, prompts", definition=SESSIONS, source=FIELDS)
def app_sessions(asked: Asked) -> Panel:
    return _sessions_over_time(asked, APP, "Copilot app")


@agents.panel("app-tokens", "Tokens in the Copilot app", definition=TOKENS, source=FIELDS)
def app_tokens(asked: Asked) -> Panel:
    return _tokens_over_time(asked, APP, "Copilot app")


@agents.panel("app-users", "People in the Copilot app", definition=USERS_DEFINITION, source=FIELDS)
def app_users(asked: Asked) -> Panel:
    return _users_over_time(asked, DayUsers.Kind.APP)


@agents.panel(
    "vscode-agent",
    "Agent of VS Code: sessions and messages",
    definition="Sessions of VS Code's agent, and the messages people sent in them.",
    source=FIELDS,
)
def vscode_agent(asked: Asked) -> Panel:
    days = vscode_agent_days(asked.scope, asked.period)
    columns = [Column("sessions", "Sessions"), Column("messages", "Messages")]

    def values(bucket: Bucket) -> Row:
        told = bucket.among(days)
        summed = AgentSessions() if told is None else AgentSessions.of(told)
        return [summed.sessions, summed.messages]

    panel = asked.over_time(columns, values, Drawing(Form.LINES, ["sessions", "messages"]))
    return panel if panel.rows else _unused(asked, bool(days), "agent of VS Code")


@agents.panel(
    "vscode-agent-users", "People with the agent of VS Code", definition=USERS_DEFINITION, source=FIELDS
)
def vscode_agent_users(asked: Asked) -> Panel:
    return _users_over_time(asked, DayUsers.Kind.VSCODE_AGENT)


# --- Agents of others, and what agents were extended with --------------------------------------


@agents.panel(
    "other-agents",
    "Agents by others",
    definition="Tasks people started in agents that are not GitHub's, by the agent's number; they are in "
    "no other counter.",
    source=FIELDS,
)
def agents_by_others(asked: Asked) -> Panel:
    rows = [
        [agent.name or f"agent {agent.agent_id}", agent.tasks, agent.sessions]
        for agent in other_agents(asked.scope, asked.period, asked.days())
    ]
    return Panel(
        [
            Column("agent", "Agent", Kind.TEXT),
            Column("tasks", "Tasks started"),
            Column("sessions", "Sessions"),
        ],
        rows,
        Drawing(Form.RANKED, ["tasks"]),
        empty="No agent by others was used on the days that are told of.",
    )


TOP_FIVE = "GitHub tells of the five most used a line only, and calls private ones “other” or “custom”."


def _customised(asked: Asked, array: Customisation, heading: str, counter: str) -> Panel:
    counts = customisation(asked.scope, asked.period, array, asked.days())
    rows: Sequence[Row] = [[name, count] for name, count in counts.items()][:TOP]
    left = f"The first {TOP} of {len(counts):,} names." if len(counts) > TOP else ""
    return Panel(
        [Column(array.removeprefix("totals_by_"), heading, Kind.TEXT), Column("interactions", counter)],
        rows,
        Drawing(Form.RANKED, ["interactions"]),
        note=f"{TOP_FIVE} {left}".strip(),
        empty="The days that are told of name none.",
    )


@agents.panel(
    "skills",
    "Skills",
    definition="Interactions with skills on the CLI, the five most used of each line added up.",
    source=FIELDS,
)
def skills(asked: Asked) -> Panel:
    return _customised(asked, "totals_by_skill", "Skill", "Interactions")


@agents.panel(
    "custom-agents",
    "Custom agents",
    definition="Interactions with custom agents on the CLI, the five most used of each line added up.",
    source=FIELDS,
)
def custom_agents(asked: Asked) -> Panel:
    return _customised(asked, "totals_by_custom_agent", "Custom agent", "Interactions")


@agents.panel(
    "mcp-servers",
    "MCP servers",
    definition="Connections to MCP servers on the CLI, the five most used of each line added up.",
    source=FIELDS,
)
def mcp_servers(asked: Asked) -> Panel:
    return _customised(asked, "totals_by_mcp", "MCP server", "Connections")


@agents.panel(
    "slash-commands",
    "Slash commands",
    definition="Uses of slash commands on the CLI, the five most used of each line added up.",
    source=FIELDS,
)
def slash_commands(asked: Asked) -> Panel:
    return _customised(asked, "totals_by_slash_cmd", "Slash command", "Interactions")


@agents.panel(
    "plugins",
    "Plugins",
    definition="Interactions with plugins on the CLI, the five most used of each line added up; a plugin's "
    "skills count among skills as well.",
    source=FIELDS,
)
def plugins(asked: Asked) -> Panel:
    return _customised(asked, "totals_by_plugin", "Plugin", "Interactions")


# --- AI credits --------------------------------------------------------------------------------


@agents.panel(
    "credits",
    "AI credits",
    definition="The credits that the lines of people tell, added up. A trend, not the bill: only GitHub's "
    "billing knows what is paid.",
    source=CREDITS,
    wide=True,
)
def ai_credits(asked: Asked) -> Panel:
    days = credit_days(asked.scope, asked.period)

    def values(bucket: Bucket) -> Row:
        told = bucket.among(days)
        return [None if told is None else credits_of(told)]

    panel = asked.over_time(
        [Column("credits", "AI credits", Kind.DECIMAL)], values, Drawing(Form.BARS, ["credits"])
    )
    if panel.rows:
        return panel
    return Panel(empty="The lines of these days do not tell of AI credits.") if days else Panel()


# --- Words -------------------------------------------------------------------------------------


@agents.opens_with
def words(asked: Asked) -> list[str]:
    before = asked.before or asked.period.before()
    days = session_days(asked.scope, Period(before.first, asked.period.last), CLI)
    told = list(asked.only_asked(days))
    since = f"against the {several(len(before), 'day', 'days')} before"
    cli, cloud_agent = DayUsers.Kind.CLI, DayUsers.Kind.CLOUD_AGENT
    counted, earlier = (_people(asked, each, (cli, cloud_agent)) for each in (asked.period, before))
    sentences = (
        users_moved("CLI", counted, earlier, cli, since),
        users_moved("Cloud agent", counted, earlier, cloud_agent, since),
        cli_volume(told, len(asked.days())),
    )
    return [sentence for sentence in sentences if sentence] or [
        "Nothing is known of these days of the CLI or of agents."
    ]


def users_moved(
    name: str, now: Counted | None, before: Counted | None, kind: DayUsers.Kind, since: str
) -> str:
    """The share of active people who used a surface, and how it moved; nothing unless all days are known."""
    if now is None or not now[0]:
        return ""
    used = several(now[1][kind], "person", "people")
    if before is None or not before[0]:
        return f"{name}: {used} of {now[0]:,} active."
    return moved(f"{name} use", ratio(before[1][kind], before[0]), ratio(now[1][kind], now[0]), since)


def cli_volume(days: Iterable[Sessions], asked_days: int) -> str:
    """How many requests were made on the CLI, and how many tokens each took."""
    told = list(days)
    summed, average = Sessions.of(told), average_tokens(told)
    if summed.requests is None:
        return ""
    said = f"The CLI made {several(summed.requests, 'request', 'requests')}"
    if summed.sessions is not None:
        said += f" in {several(summed.sessions, 'session', 'sessions')}"
    if average is not None:
        said += f", {average.quantize(Decimal(1)):,} tokens each on average"
    if len(told) < asked_days:
        said += f", on the {len(told)} of {asked_days} days that are told of"
    return f"{said}."
