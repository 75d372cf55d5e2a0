"""The repository report `repos-1-day`: a line per repository with Copilot activity that day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from metrics.formats.errors import BadRecord, reason_for
from metrics.formats.fields import Amount, Count, Name, midnight, read_day, read_id, read_scope, read_text
from metrics.formats.rest import Remainder, check_text, content_hash
from metrics.formats.scope import PullRequests


class ReviewTimes(msgspec.Struct, gc=False):
    """Minutes; only merged pull requests count."""

    authored_by: Name | None = None
    reviewed_by: Name | None = None
    total_merged: Count | None = None
    median_minutes_ready_to_first_review: Amount | None = None
    median_minutes_first_to_final_review: Amount | None = None
    median_minutes_final_review_to_merge: Amount | None = None
    p90_minutes_ready_to_first_review: Amount | None = None
    p90_minutes_first_to_final_review: Amount | None = None
    p90_minutes_final_review_to_merge: Amount | None = None


class RepositoryLine(msgspec.Struct, kw_only=True, gc=False):
    """A line as GitHub writes it."""

    day: str
    enterprise_id: int | str | None = None
    organization_id: int | str | None = None
    repo_id: int | str
    repo_owner_name: Name | None = None
    repo_name: Name | None = None
    repo_visibility: Name | None = None
    pull_requests: PullRequests | None = None
    pull_request_review_times: list[ReviewTimes] | None = None


class RepositoryDayRecord(msgspec.Struct, frozen=True, gc=False):
    """A repository's day. Missing stays None, never 0; a name that is missing is empty."""

    day: date
    repo_id: int
    repo_owner_name: str
    repo_name: str
    repo_visibility: str
    enterprise_id: int | None
    organization_id: int | None
    total_created: int | None
    total_reviewed: int | None
    total_merged: int | None
    total_suggestions: int | None
    total_applied_suggestions: int | None
    total_created_by_copilot: int | None
    total_reviewed_by_copilot: int | None
    total_merged_created_by_copilot: int | None
    total_merged_reviewed_by_copilot: int | None
    total_copilot_suggestions: int | None
    total_copilot_applied_suggestions: int | None
    observed_at: datetime
    content_hash: bytes
    rest: bytes


_COLUMNS = frozenset(
    {
        "day",
        "enterprise_id",
        "organization_id",
        "repo_id",
        "repo_owner_name",
        "repo_name",
        "repo_visibility",
    }
)

_lines = msgspec.json.Decoder(RepositoryLine)
_remainder = Remainder(_COLUMNS, frozenset(RepositoryLine.__struct_fields__))
_NO_PULL_REQUESTS = PullRequests()


def parse_repository_day(raw: bytes, header: Mapping[str, Any]) -> RepositoryDayRecord:
    """The facts of one line; BadRecord says what is wrong with it. Pull requests stay whole in `rest`."""
    try:
        line = _lines.decode(raw)
        rest = _remainder.of(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, raw)) from None
    check_text(raw)
    day = read_day(line.day)
    enterprise_id, organization_id = read_scope(line.enterprise_id, line.organization_id, header)
    pulls = line.pull_requests or _NO_PULL_REQUESTS
    names = (
        read_text(line.repo_owner_name, "repo_owner_name"),
        read_text(line.repo_name, "repo_name"),
        read_text(line.repo_visibility, "repo_visibility"),
    )
    counts = (
        pulls.total_created,
        pulls.total_reviewed,
        pulls.total_merged,
        pulls.total_suggestions,
        pulls.total_applied_suggestions,
        pulls.total_created_by_copilot,
        pulls.total_reviewed_by_copilot,
        pulls.total_merged_created_by_copilot,
        pulls.total_merged_reviewed_by_copilot,
        pulls.total_copilot_suggestions,
        pulls.total_copilot_applied_suggestions,
    )
    return RepositoryDayRecord(
        day,
        read_id(line.repo_id, "repo_id"),
        *names,
        enterprise_id,
        organization_id,
        *counts,
        midnight(day),
        content_hash((*names, *counts), rest),
        rest,
    )
