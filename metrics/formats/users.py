"""The per-user usage reports: `users-1-day` and `users-28-day`, a line per person and day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from metrics.formats.breakdowns import AdoptionPhase, Usage
from metrics.formats.errors import BadRecord, reason_for
from metrics.formats.fields import (
    Name,
    header_text,
    observed_at,
    read_credits,
    read_day,
    read_id,
    read_login,
    read_scope,
    read_window,
)
from metrics.formats.rest import Remainder, check_text, content_hash

MOST_PHASES = 32_767  # the column's size; GitHub knows 0 to 3


class UserLine(Usage, kw_only=True, gc=False):
    """A line as GitHub writes it."""

    user_id: int | str
    user_login: Name
    ai_credits_used: Decimal | None = None
    used_agent: bool | None = None
    used_chat: bool | None = None
    used_cli: bool | None = None
    used_copilot_app: bool | None = None
    used_vscode_agent: bool | None = None
    used_copilot_coding_agent: bool | None = None
    used_copilot_cloud_agent: bool | None = None
    used_copilot_code_review_active: bool | None = None
    used_copilot_code_review_passive: bool | None = None
    ai_adoption_phase: AdoptionPhase | None = None


class UserDayRecord(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A person's day. Missing stays None, never 0."""

    day: date
    user_id: int
    user_login: str
    enterprise_id: int | None
    organization_id: int | None
    user_initiated_interaction_count: int | None
    code_generation_activity_count: int | None
    code_acceptance_activity_count: int | None
    loc_suggested_to_add_sum: int | None
    loc_suggested_to_delete_sum: int | None
    loc_added_sum: int | None
    loc_deleted_sum: int | None
    used_agent: bool | None
    used_chat: bool | None
    used_cli: bool | None
    used_copilot_cloud_agent: bool | None
    used_copilot_app: bool | None
    used_vscode_agent: bool | None
    used_copilot_code_review_active: bool | None
    used_copilot_code_review_passive: bool | None
    ai_credits_used: Decimal | None
    phase_number: int | None
    observed_at: datetime
    only_passive_review: bool
    content_hash: bytes
    rest: bytes
    # The days that the report of this line tells of; a day in it without a line is one without use.
    window: tuple[date, date] | None = None
    # Fingerprint of the very text; None for a record whose wrapper says something of it.
    line_hash: bytes | None = None


class UserDayGlimpse(msgspec.Struct, gc=False, array_like=True):
    """As much of a plain line as tells whether it has been met before."""

    day: date
    user_id: int
    user_login: str
    enterprise_id: int | None
    organization_id: int | None
    observed_at: datetime
    window: tuple[date, date] | None
    line_hash: bytes
    # Which line it is, and where its text is to be had: for whoever must parse it after all.
    number: int = 0
    text: Any = None


class _GlimpsedLine(msgspec.Struct, gc=False):
    day: str
    user_id: int | str
    user_login: Name
    enterprise_id: int | str | None = None
    organization_id: int | str | None = None
    report_start_day: str | None = None
    report_end_day: str | None = None
    created_at: str | None = None


# Which reading of a line a fingerprint stands for.
READ_AS = b"user-day 1"

COLUMNS = frozenset(
    {
        "day",
        "user_id",
        "user_login",
        "enterprise_id",
        "organization_id",
        "user_initiated_interaction_count",
        "code_generation_activity_count",
        "code_acceptance_activity_count",
        "loc_suggested_to_add_sum",
        "loc_suggested_to_delete_sum",
        "loc_added_sum",
        "loc_deleted_sum",
        "used_agent",
        "used_chat",
        "used_cli",
        "used_copilot_cloud_agent",
        "used_copilot_app",
        "used_vscode_agent",
        "used_copilot_code_review_active",
        "used_copilot_code_review_passive",
        "ai_credits_used",
    }
)

_lines = msgspec.json.Decoder(UserLine)
_glimpses = msgspec.json.Decoder(_GlimpsedLine)
_remainder = Remainder(COLUMNS, frozenset(UserLine.__struct_fields__))


def parse_user_day(
    raw: bytes, header: Mapping[str, Any], pack: Callable[[bytes], bytes] | None = None
) -> UserDayRecord:
    """The facts of one line; BadRecord says what is wrong with it. `pack` is applied to its `rest`."""
    try:
        line = _lines.decode(raw)
        rest = _remainder.of(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(_reason(error, raw)) from None
    check_text(raw)
    day = read_day(line.day)
    enterprise_id, organization_id = read_scope(line.enterprise_id, line.organization_id, header)
    start_day, end_day, created_at = line.report_start_day, line.report_end_day, line.created_at
    if header:
        start_day = start_day or header_text(header, "report_start_day")
        end_day = end_day or header_text(header, "report_end_day")
        created_at = created_at or header_text(header, "created_at")
    cloud_agent = line.used_copilot_cloud_agent
    if cloud_agent is None:
        cloud_agent = line.used_copilot_coding_agent
    ai_credits = read_credits(line.ai_credits_used)
    phase = line.ai_adoption_phase
    phase_number = None if phase is None else phase.phase_number
    if phase_number is not None and phase_number > MOST_PHASES:
        raise BadRecord(f"`phase_number` is {phase_number}, a phase nobody knows")
    facts = (
        line.user_initiated_interaction_count,
        line.code_generation_activity_count,
        line.code_acceptance_activity_count,
        line.loc_suggested_to_add_sum,
        line.loc_suggested_to_delete_sum,
        line.loc_added_sum,
        line.loc_deleted_sum,
        line.used_agent,
        line.used_chat,
        line.used_cli,
        cloud_agent,
        line.used_copilot_app,
        line.used_vscode_agent,
        line.used_copilot_code_review_active,
        line.used_copilot_code_review_passive,
        ai_credits,
        phase_number,
    )
    return UserDayRecord(
        day,
        read_id(line.user_id, "user_id"),
        read_login(line.user_login, "user_login"),
        enterprise_id,
        organization_id,
        *facts,
        observed_at(day, end_day, created_at),
        _is_only_passive_review(line, cloud_agent, ai_credits),
        content_hash(facts, rest),
        rest if pack is None else pack(rest),
        read_window(start_day, end_day),
        None if header else line_hash(raw),
    )


def glimpse_user_day(raw: bytes) -> UserDayGlimpse:
    """Whose day a plain line is of, and its fingerprint; BadRecord where that cannot be told.

    Nothing else in it is checked.
    """
    try:
        line = _glimpses.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(_reason(error, raw)) from None
    day = read_day(line.day)
    return UserDayGlimpse(
        day,
        read_id(line.user_id, "user_id"),
        read_login(line.user_login, "user_login"),
        *read_scope(line.enterprise_id, line.organization_id, {}),
        observed_at(day, line.report_end_day, line.created_at),
        read_window(line.report_start_day, line.report_end_day),
        line_hash(raw),
    )


def line_hash(raw: bytes) -> bytes:
    """16 bytes over the text of a line. Another READ_AS where a line comes to say more than it did."""
    return blake2b(raw, digest_size=16, person=READ_AS).digest()


def _is_only_passive_review(line: UserLine, cloud_agent: bool | None, ai_credits: Decimal | None) -> bool:
    """Whether nothing speaks of the person but a review that Copilot did unasked."""
    if not line.used_copilot_code_review_passive:
        return False
    return not (
        line.user_initiated_interaction_count
        or line.code_generation_activity_count
        or line.code_acceptance_activity_count
        or line.loc_suggested_to_add_sum
        or line.loc_suggested_to_delete_sum
        or line.loc_added_sum
        or line.loc_deleted_sum
        or line.used_agent
        or line.used_chat
        or line.used_cli
        or line.used_copilot_app
        or line.used_vscode_agent
        or line.used_copilot_code_review_active
        or cloud_agent
        or ai_credits
        or line.totals_by_ide
        or line.totals_by_feature
        or line.totals_by_language_feature
        or line.totals_by_language_model
        or line.totals_by_model_feature
        or line.totals_by_cli
        or line.totals_by_copilot_app
        or line.totals_by_vscode_agent
        or line.totals_by_3rd_party_agent
        or line.totals_by_skill
        or line.totals_by_custom_agent
        or line.totals_by_mcp
        or line.totals_by_slash_cmd
        or line.totals_by_plugin
    )


def _reason(error: Exception, raw: bytes) -> str:
    """A line without a day is not broken but of another kind of file: say which one to get."""
    reason = reason_for(error, raw)
    if reason == "`day` is missing" and (b'"report_end_day"' in raw or b'"report_start_day"' in raw):
        return "`day` is missing: totals over several days cannot be used, get the daily per-user report"
    if reason == "`user_id` is missing" and b'"daily_active_users"' in raw:
        return (
            "this is an account's day, and people's were expected (no `user_id`): import it as its own file"
        )
    return reason
