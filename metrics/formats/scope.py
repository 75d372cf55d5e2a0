"""The usage reports of an organization or enterprise: a record per day, 1-day or in `day_totals`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from metrics.formats.breakdowns import Usage
from metrics.formats.errors import BadRecord, reason_for
from metrics.formats.fields import Amount, Count, Name, header_text, observed_at, read_day, read_scope
from metrics.formats.rest import Remainder, check_text, content_hash

# The columns for people are 32-bit; more than two thousand million people have no seat.
People = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class ByAdoptionPhase(msgspec.Struct, gc=False):
    phase_number: Count
    phase: Name
    total_engaged_users: Count | None = None
    users_in_phase_28d: Count | None = None
    total_pull_requests_merged: Count | None = None
    avg_user_initiated_interactions: Amount | None = None
    avg_code_generation_activities: Amount | None = None
    avg_code_acceptance_activities: Amount | None = None
    avg_loc_added: Amount | None = None
    avg_loc_deleted: Amount | None = None
    avg_pull_requests_reviewed: Amount | None = None
    avg_pull_requests_created: Amount | None = None
    avg_pull_requests_merged: Amount | None = None
    avg_pull_requests_median_minutes_to_merge: Amount | None = None
    avg_pull_requests_minutes_to_review: Amount | None = None
    avg_pull_requests_review_cycles: Amount | None = None


class ByCommentType(msgspec.Struct, gc=False):
    comment_type: Name
    total_copilot_suggestions: Count | None = None
    total_copilot_applied_suggestions: Count | None = None


class PullRequests(msgspec.Struct, gc=False):
    total_created: Count | None = None
    total_reviewed: Count | None = None
    total_merged: Count | None = None
    total_suggestions: Count | None = None
    total_applied_suggestions: Count | None = None
    total_created_by_copilot: Count | None = None
    total_reviewed_by_copilot: Count | None = None
    total_merged_created_by_copilot: Count | None = None
    total_merged_reviewed_by_copilot: Count | None = None
    total_copilot_suggestions: Count | None = None
    total_copilot_applied_suggestions: Count | None = None
    median_minutes_to_merge: Amount | None = None
    median_minutes_to_merge_copilot_authored: Amount | None = None
    median_minutes_to_merge_copilot_reviewed: Amount | None = None
    copilot_suggestions_by_comment_type: list[ByCommentType] | None = None


class ScopeLine(Usage, kw_only=True, gc=False):
    """A day as GitHub writes it."""

    daily_active_users: People
    weekly_active_users: People | None = None
    monthly_active_users: People | None = None
    monthly_active_chat_users: People | None = None
    monthly_active_agent_users: People | None = None
    daily_active_cli_users: People | None = None
    daily_active_copilot_app_users: People | None = None
    daily_active_vscode_agent_users: People | None = None
    daily_active_copilot_cloud_agent_users: People | None = None
    daily_active_copilot_code_review_users: People | None = None
    weekly_active_cli_users: People | None = None
    weekly_active_copilot_app_users: People | None = None
    weekly_active_vscode_agent_users: People | None = None
    weekly_active_copilot_cloud_agent_users: People | None = None
    weekly_active_copilot_code_review_users: People | None = None
    monthly_active_cli_users: People | None = None
    monthly_active_copilot_app_users: People | None = None
    monthly_active_vscode_agent_users: People | None = None
    monthly_active_copilot_cloud_agent_users: People | None = None
    monthly_active_copilot_code_review_users: People | None = None
    daily_passive_copilot_code_review_users: People | None = None
    weekly_passive_copilot_code_review_users: People | None = None
    monthly_passive_copilot_code_review_users: People | None = None
    totals_by_ai_adoption_phase: list[ByAdoptionPhase] | None = None
    pull_requests: PullRequests | None = None
    user_id: int | str | None = None


class ScopeDayRecord(msgspec.Struct, frozen=True, gc=False):
    """An account's day as GitHub totals it. Missing stays None, never 0."""

    day: date
    enterprise_id: int | None
    organization_id: int | None
    user_initiated_interaction_count: int | None
    code_generation_activity_count: int | None
    code_acceptance_activity_count: int | None
    loc_suggested_to_add_sum: int | None
    loc_suggested_to_delete_sum: int | None
    loc_added_sum: int | None
    loc_deleted_sum: int | None
    daily_active_users: int | None
    weekly_active_users: int | None
    monthly_active_users: int | None
    monthly_active_chat_users: int | None
    monthly_active_agent_users: int | None
    daily_active_cli_users: int | None
    observed_at: datetime
    content_hash: bytes
    rest: bytes


COLUMNS = frozenset(ScopeDayRecord.__struct_fields__) - {"observed_at", "content_hash", "rest"}

_lines = msgspec.json.Decoder(ScopeLine)
_remainder = Remainder(COLUMNS, frozenset(ScopeLine.__struct_fields__))


_NO_USERS = "`daily_active_users` is missing"
_A_PERSONS = "this is a person's line (`user_id`) in a report of whole days: import it as its own file"


def parse_scope_day(raw: bytes, header: Mapping[str, Any]) -> ScopeDayRecord:
    """The facts of one day; BadRecord says what is wrong with it."""
    try:
        line = _lines.decode(raw)
        rest = _remainder.of(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = reason_for(error, raw)
        raise BadRecord(_A_PERSONS if reason == _NO_USERS and b'"user_id"' in raw else reason) from None
    check_text(raw)
    if line.user_id is not None:
        raise BadRecord(_A_PERSONS)
    day = read_day(line.day)
    enterprise_id, organization_id = read_scope(line.enterprise_id, line.organization_id, header)
    facts = (
        line.user_initiated_interaction_count,
        line.code_generation_activity_count,
        line.code_acceptance_activity_count,
        line.loc_suggested_to_add_sum,
        line.loc_suggested_to_delete_sum,
        line.loc_added_sum,
        line.loc_deleted_sum,
        line.daily_active_users,
        line.weekly_active_users,
        line.monthly_active_users,
        line.monthly_active_chat_users,
        line.monthly_active_agent_users,
        line.daily_active_cli_users,
    )
    end_day = line.report_end_day or header_text(header, "report_end_day")
    created_at = line.created_at or header_text(header, "created_at")
    return ScopeDayRecord(
        day,
        enterprise_id,
        organization_id,
        *facts,
        observed_at(day, end_day, created_at),
        content_hash(facts, rest),
        rest,
    )
