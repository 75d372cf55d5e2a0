"""The whole record of a day: what breakdowns and counters leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import Any, get_type_hints

import msgspec

from metrics.breakdowns import DamagedBlob, payload
from metrics.figures.scope import Scope
from metrics.figures.stored_weeks import blobs_beside
from metrics.figures.told import rows_of_days
from metrics.periods import Period
from metrics.week_parts import RECORDS, records_of
from metrics.whole_weeks import runs, week_of


class CommentType(msgspec.Struct, frozen=True, gc=False):
    """Copilot's suggestions in reviews, by what they are about ("security" …)."""

    comment_type: str | None = None
    total_copilot_suggestions: int | None = None
    total_copilot_applied_suggestions: int | None = None


class PullRequests(msgspec.Struct, frozen=True, gc=False):
    """The day's pull requests; medians are minutes, None where nothing was merged."""

    total_created: int | None = None
    total_reviewed: int | None = None
    total_merged: int | None = None
    total_suggestions: int | None = None
    total_applied_suggestions: int | None = None
    total_created_by_copilot: int | None = None
    total_reviewed_by_copilot: int | None = None
    total_merged_created_by_copilot: int | None = None
    total_merged_reviewed_by_copilot: int | None = None
    total_copilot_suggestions: int | None = None
    total_copilot_applied_suggestions: int | None = None
    median_minutes_to_merge: float | None = None
    median_minutes_to_merge_copilot_authored: float | None = None
    median_minutes_to_merge_copilot_reviewed: float | None = None
    copilot_suggestions_by_comment_type: list[CommentType] | None = None


class Phase(msgspec.Struct, frozen=True, gc=False):
    """People of an AI adoption phase: engaged that day, those of the 28 days, and averages per person."""

    phase: str | None = None
    phase_number: int | None = None
    total_engaged_users: int | None = None
    users_in_phase_28d: int | None = None
    total_pull_requests_merged: int | None = None
    avg_user_initiated_interactions: float | None = None
    avg_code_generation_activities: float | None = None
    avg_code_acceptance_activities: float | None = None
    avg_loc_added: float | None = None
    avg_loc_deleted: float | None = None
    avg_pull_requests_reviewed: float | None = None
    avg_pull_requests_created: float | None = None
    avg_pull_requests_merged: float | None = None
    avg_pull_requests_median_minutes_to_merge: float | None = None
    avg_pull_requests_minutes_to_review: float | None = None
    avg_pull_requests_review_cycles: float | None = None


class Tokens(msgspec.Struct, frozen=True, gc=False):
    output_tokens_sum: int | None = None
    prompt_tokens_sum: int | None = None


class Surface(msgspec.Struct, frozen=True, gc=False):
    """Use of the CLI or of the Copilot app."""

    session_count: int | None = None
    request_count: int | None = None
    prompt_count: int | None = None
    token_usage: Tokens | None = None


class EditorAgent(msgspec.Struct, frozen=True, gc=False):
    """Use of the agents of VS Code."""

    session_count: int | None = None
    total_user_messages: int | None = None


class ThirdPartyAgent(msgspec.Struct, frozen=True, gc=False):
    """`user_initiated_interaction_count` are tasks started."""

    agent_id: str | int | None = None
    agent_name: str | None = None
    user_initiated_interaction_count: int | None = None
    session_count: int | None = None


class Customisation(msgspec.Struct, frozen=True, gc=False):
    """A skill, custom agent, MCP server, slash command or plugin of the CLI, and how often it was used."""

    skill: str | None = None
    custom_agent: str | None = None
    mcp: str | None = None
    slash_cmd: str | None = None
    plugin: str | None = None
    interaction_count: int | None = None
    user_initiated_interaction_count: int | None = None

    @property
    def name(self) -> str:
        """What it is called, folded."""
        names = (self.skill, self.custom_agent, self.mcp, self.slash_cmd, self.plugin)
        return next((name.casefold() for name in names if name), "unknown")

    @property
    def count(self) -> int | None:
        """By whichever of its two names GitHub sent it."""
        if self.interaction_count is not None:
            return self.interaction_count
        return self.user_initiated_interaction_count


class EntityDay(msgspec.Struct, gc=False):
    """A day of an account as GitHub's own record has it, or as its people (or a team's) add up.

    None: the record does not say. Added-up days say nothing of pull requests, of phases and of people
    beyond `daily_active_users` and `daily_active_cli_users`.
    """

    source: str = ""  # of ScopeDay.Source
    daily_active_users: int | None = None
    weekly_active_users: int | None = None
    monthly_active_users: int | None = None
    monthly_active_chat_users: int | None = None
    monthly_active_agent_users: int | None = None
    daily_active_cli_users: int | None = None
    weekly_active_cli_users: int | None = None
    monthly_active_cli_users: int | None = None
    daily_active_copilot_app_users: int | None = None
    weekly_active_copilot_app_users: int | None = None
    monthly_active_copilot_app_users: int | None = None
    daily_active_vscode_agent_users: int | None = None
    weekly_active_vscode_agent_users: int | None = None
    monthly_active_vscode_agent_users: int | None = None
    daily_active_copilot_cloud_agent_users: int | None = None
    weekly_active_copilot_cloud_agent_users: int | None = None
    monthly_active_copilot_cloud_agent_users: int | None = None
    daily_active_copilot_code_review_users: int | None = None
    weekly_active_copilot_code_review_users: int | None = None
    monthly_active_copilot_code_review_users: int | None = None
    daily_passive_copilot_code_review_users: int | None = None
    weekly_passive_copilot_code_review_users: int | None = None
    monthly_passive_copilot_code_review_users: int | None = None
    distinct_skill_use_count: int | None = None
    distinct_custom_agent_use_count: int | None = None
    distinct_mcp_use_count: int | None = None
    distinct_slash_cmd_use_count: int | None = None
    distinct_plugin_use_count: int | None = None
    pull_requests: PullRequests | None = None
    totals_by_ai_adoption_phase: list[Phase] | None = None
    totals_by_cli: Surface | None = None
    totals_by_copilot_app: Surface | None = None
    totals_by_vscode_agent: EditorAgent | None = None
    totals_by_3rd_party_agent: list[ThirdPartyAgent] | None = None
    totals_by_skill: list[Customisation] | None = None
    totals_by_custom_agent: list[Customisation] | None = None
    totals_by_mcp: list[Customisation] | None = None
    totals_by_slash_cmd: list[Customisation] | None = None
    totals_by_plugin: list[Customisation] | None = None


COLUMNS = (
    "daily_active_users",
    "weekly_active_users",
    "monthly_active_users",
    "monthly_active_chat_users",
    "monthly_active_agent_users",
    "daily_active_cli_users",
)
_by_key = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TYPES = get_type_hints(EntityDay)


def day_records(
    scope: Scope, period: Period, *names: str, with_row: bool = False
) -> Mapping[date, EntityDay]:
    """The record of every covered day of the period, in order; of a damaged one only what columns keep.

    An account's day is from GitHub's own record where there is one, else added up from its people; a
    team's is always added up. With `names` these fields of it alone, which takes a part of the time;
    `with_row`: without the days on which nobody did anything.
    """
    shape = _Shape.of(names)
    told_in = dict(zip(COLUMNS, COLUMNS, strict=True))
    if scope.team is not None:
        told_in = {"daily_active_users": "active_users"}
    columns = {name: column for name, column in told_in.items() if name in shape.names}
    days: dict[date, EntityDay] = {}
    weeks = _stored_weeks(scope, period)
    # Most of a blob is what weeks hold already.
    told = rows_of_days(
        scope, period, ["blob", *columns.values()], without_blob=runs(weeks), with_row=with_row
    )
    for day, source, row in told:
        # A day without a row is one on which nobody did anything.
        blob, *values = row or (None, *(0 if name == "daily_active_users" else None for name in columns))
        week = None if row is None else weeks.get(week_of(day))
        record = _read(shape, blob) if week is None else _decoded(shape, week.get(day.weekday()))
        days[day] = record
        if "source" in shape.names:
            record.source = source
        for name, value in zip(columns, values, strict=True):
            setattr(record, name, value)
    return days


class _Shape:
    """Some of the fields of a record: only these are made of what a day tells."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Without names all of them."""
        self.names = frozenset(names or _TYPES)
        fields = [(name, _TYPES[name], "" if name == "source" else None) for name in names]
        shape: Any = msgspec.defstruct(EntityDay.__name__, fields, gc=False) if names else EntityDay
        self.empty: Callable[[], EntityDay] = shape
        self.decode: Callable[[bytes | msgspec.Raw], EntityDay] = msgspec.json.Decoder(shape).decode

    @staticmethod
    @lru_cache(maxsize=50)
    def of(names: tuple[str, ...]) -> _Shape:
        return _Shape(names)


def _stored_weeks(scope: Scope, period: Period) -> dict[int, dict[int, msgspec.Raw]]:
    """By week and day of it what its record says, without its breakdowns."""
    if scope.team is not None:
        return {}
    found = {}
    for week, blob in blobs_beside(scope, period, RECORDS):
        with suppress(DamagedBlob):
            found[week] = records_of(blob)
    return found


def _read(shape: _Shape, blob: bytes | memoryview | None) -> EntityDay:
    try:
        return _decoded(shape, None if blob is None else payload(blob))
    except DamagedBlob:
        return shape.empty()


def _decoded(shape: _Shape, text: bytes | msgspec.Raw | None) -> EntityDay:
    if text is None:
        return shape.empty()
    try:
        try:
            return shape.decode(text)
        except msgspec.ValidationError:
            return _what_can_be_read(shape, text)
    except msgspec.DecodeError:
        return shape.empty()


def without_breakdowns(blob: bytes | memoryview | None) -> msgspec.Raw | None:
    """The JSON of a record with what `day_records` reads of it; None where nothing can be read."""
    try:
        kept = {} if blob is None else _by_key.decode(payload(blob))
    except (DamagedBlob, msgspec.DecodeError):
        return None
    kept = {key: value for key, value in kept.items() if key in _TYPES}
    return msgspec.Raw(msgspec.json.encode(kept)) if kept else None


def _what_can_be_read(shape: _Shape, text: bytes | msgspec.Raw) -> EntityDay:
    """A record in which GitHub changed the shape of something: that is unknown, and nothing else."""
    record = shape.empty()
    for key, value in _by_key.decode(text).items():
        if key in shape.names:
            with suppress(msgspec.ValidationError):
                setattr(record, key, msgspec.json.decode(value, type=_TYPES[key]))
    return record
