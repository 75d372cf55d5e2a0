"""Report files as GitHub writes them, each test saying only what matters to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from metrics.ingest.intake import take_in
from metrics.ingest.options import FileOutcome, Options

NOTHING = {
    "user_initiated_interaction_count": 0,
    "code_generation_activity_count": 0,
    "code_acceptance_activity_count": 0,
    "loc_suggested_to_add_sum": 0,
    "loc_suggested_to_delete_sum": 0,
    "loc_added_sum": 0,
    "loc_deleted_sum": 0,
}


def user_day(
    user_id: int, day: str, login: str = "", organization: int | None = 1, **more: Any
) -> dict[str, Any]:
    """A line of users-1-day."""
    line = {"day": day, "user_id": user_id, "user_login": login or f"user-{user_id}", "enterprise_id": "9"}
    if organization is not None:
        line["organization_id"] = str(organization)
    return {**line, **NOTHING, "user_initiated_interaction_count": 5, "totals_by_ide": [], **more}


def team_row(user_id: int, team_id: int, day: str, organization: int = 1, **more: Any) -> dict[str, Any]:
    """A line of user-teams-1-day."""
    row = {"day": day, "user_id": user_id, "user_login": f"user-{user_id}", "team_id": team_id}
    return {**row, "slug": f"team-{team_id}", "organization_id": str(organization), **more}


def seat(user_id: int, login: str = "", **more: Any) -> dict[str, Any]:
    """An element of a seat list."""
    return {
        "assignee": {"id": user_id, "login": login or f"user-{user_id}"},
        "plan_type": "business",
        "created_at": "2026-01-15T10:00:00Z",
        "last_activity_at": None,
        "last_activity_editor": None,
        "pending_cancellation_date": None,
        **more,
    }


def write_lines(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_seats(path: Path, seats: list[dict[str, Any]], total: int | None = None) -> Path:
    path.write_text(json.dumps({"total_seats": len(seats) if total is None else total, "seats": seats}))
    return path


def take(path: Path, **options: Any) -> FileOutcome:
    """Take in one file and return its only outcome."""
    (outcome,) = take_in(path, options=Options(**options))
    return outcome
