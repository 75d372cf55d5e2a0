"""Records as GitHub writes them, small and complete, and the forms in which files hold them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from metrics.formats.sources import Source

COUNTERS = {
    "user_initiated_interaction_count": 12,
    "code_generation_activity_count": 40,
    "code_acceptance_activity_count": 19,
    "loc_suggested_to_add_sum": 300,
    "loc_suggested_to_delete_sum": 0,
    "loc_added_sum": 112,
    "loc_deleted_sum": 7,
}


def user_day(**changes: Any) -> dict[str, Any]:
    return {
        "day": "2026-11-01",
        "organization_id": "9001",
        "enterprise_id": "42",
        "user_id": 1001,
        "user_login": "mona",
        **COUNTERS,
        "totals_by_ide": [
            {
                "ide": "vscode",
                **COUNTERS,
                "last_known_plugin_version": {
                    "sampled_at": "2026-11-01T08:00:00Z",
                    "plugin": "copilot-chat",
                    "plugin_version": "0.31.2",
                },
            }
        ],
        "totals_by_feature": [{"feature": "code_completion", **COUNTERS}],
        "totals_by_language_feature": [{"language": "python", "feature": "code_completion", **COUNTERS}],
        "totals_by_language_model": [],
        "totals_by_model_feature": [],
        "used_agent": False,
        "used_chat": True,
        "used_cli": False,
        "used_copilot_coding_agent": False,
        "used_copilot_cloud_agent": False,
        "used_copilot_code_review_active": None,
        "ai_credits_used": 3.25,
        "ai_adoption_phase": {"phase_number": 1, "phase": "Phase 1", "version": "v1"},
        "etl_id": "run-7",
        "day_partition": "2026-11-01",
        "entity_id_partition": 9001,
        **changes,
    }


def scope_day(**changes: Any) -> dict[str, Any]:
    return {
        "day": "2026-11-01",
        "organization_id": "9001",
        "enterprise_id": "42",
        "daily_active_users": 80,
        "weekly_active_users": 120,
        "monthly_active_users": 150,
        "monthly_active_chat_users": 90,
        "monthly_active_agent_users": 60,
        **COUNTERS,
        "totals_by_ide": [{"ide": "vscode", **COUNTERS}],
        "totals_by_feature": [],
        "pull_requests": {"total_created": 5, "total_merged": 3, "median_minutes_to_merge": None},
        **changes,
    }


def user_team(**changes: Any) -> dict[str, Any]:
    return {
        "day": "2026-11-01",
        "organization_id": "9001",
        "user_id": 1001,
        "user_login": "mona",
        "team_id": 7,
        "slug": "frontend",
        **changes,
    }


def seat(**changes: Any) -> dict[str, Any]:
    return {
        "assignee": {"login": "mona", "id": 1001, "type": "User", "site_admin": False},
        "organization": {"login": "octo", "id": 9001},
        "assigning_team": {"id": 7, "name": "Front end", "slug": "frontend", "type": "organization"},
        "plan_type": "business",
        "created_at": "2021-08-03T18:00:00-06:00",
        "updated_at": "2021-09-23T15:00:00-06:00",
        "pending_cancellation_date": None,
        "last_activity_at": "2021-10-14T00:53:32-06:00",
        "last_activity_editor": "vscode/1.77.3/copilot/1.86.82",
        "last_authenticated_at": "2021-10-14T00:53:32Z",
        **changes,
    }


def repository_day(**changes: Any) -> dict[str, Any]:
    return {
        "day": "2026-11-01",
        "organization_id": "9001",
        "enterprise_id": "42",
        "repo_id": 501,
        "repo_owner_name": "octo",
        "repo_name": "hello-world",
        "repo_visibility": "internal",
        "pull_requests": {
            "total_created": 5,
            "total_merged": 3,
            "total_created_by_copilot": 0,
            "median_minutes_to_merge": 61.5,
        },
        "pull_request_review_times": [
            {"authored_by": "human", "reviewed_by": "human", "total_merged": 3,
             "median_minutes_ready_to_first_review": 12.5, "p90_minutes_final_review_to_merge": None}
        ],
        "etl_id": "run-7",
        **changes,
    }  # fmt: skip


def metrics_language(name: str, *counts: int | None) -> dict[str, Any]:
    """Suggestions, acceptances, lines suggested, lines accepted; None is left out."""
    names = ("suggestions", "acceptances", "lines_suggested", "lines_accepted")
    said = {f"total_code_{key}": count for key, count in zip(names, counts, strict=True) if count is not None}
    return {"name": name, "total_engaged_users": 1, **said}


def legacy_metrics_day(**changes: Any) -> dict[str, Any]:
    """A day of `copilot/metrics`, in the shape of the documentation's example."""
    completions = [
        {"name": "vscode", "total_engaged_users": 13, "models": [
            {"name": "default", "is_custom_model": False, "custom_model_training_date": None,
             "total_engaged_users": 13, "languages": [
                metrics_language("python", 249, 123, 225, 135),
                metrics_language("ruby", 496, 253, 520, 270)]},
            {"name": "a-custom-model", "is_custom_model": True, "custom_model_training_date": "2024-02-01",
             "languages": []}]},
        {"name": "neovim", "models": [
            {"name": "default", "languages": [metrics_language("go", 112, 56, None, 61)]}]},
    ]  # fmt: skip
    return {
        "date": "2024-06-24",
        "total_active_users": 24,
        "total_engaged_users": 20,
        "copilot_ide_code_completions": {
            "total_engaged_users": 20,
            "languages": [{"name": "python", "total_engaged_users": 10}],
            "editors": completions,
        },
        "copilot_ide_chat": {
            "total_engaged_users": 13,
            "editors": [
                {"name": "vscode", "models": [
                    {"total_chats": 45, "total_chat_insertion_events": 12, "total_chat_copy_events": 16},
                    {"total_chats": 10}]}
            ],
        },
        "copilot_dotcom_chat": {"total_engaged_users": 14, "models": [{"total_chats": 38}]},
        "copilot_dotcom_pull_requests": {
            "total_engaged_users": 12,
            "repositories": [
                {"name": "demo/repo1", "models": [{"name": "default", "total_pr_summaries_created": 6}]},
                {"name": "demo/repo2", "models": [{"name": "default", "total_pr_summaries_created": 10}]}],
        },
        **changes,
    }  # fmt: skip


def legacy_usage_day(**changes: Any) -> dict[str, Any]:
    """A day of `copilot/usage`."""
    return {
        "day": "2023-10-15",
        "total_suggestions_count": 1000,
        "total_acceptances_count": 800,
        "total_lines_suggested": 1800,
        "total_lines_accepted": 1200,
        "total_active_users": 10,
        "total_chat_acceptances": 32,
        "total_chat_turns": 200,
        "total_active_chat_users": 4,
        "breakdown": [
            {"language": "python", "editor": "vscode", "suggestions_count": 300, "acceptances_count": 250,
             "lines_suggested": 900, "lines_accepted": 700, "active_users": 5}
        ],
        **changes,
    }  # fmt: skip


def without(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}


def dumped(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def lines(records: Iterable[Any]) -> bytes:
    return b"".join(dumped(record) + b"\n" for record in records)


def stream_of(content: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(content)


def source_of(content: bytes) -> Source:
    return Source(Path("export"), "", len(content), stream_of(content))


class Trickle(io.RawIOBase):
    """Content that comes a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        self._rest = memoryview(content)
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        part = self._rest[: min(self._step, len(target))]
        target[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)


class Endless(io.RawIOBase):
    """A beginning, then the same byte again and again, then an end: large without being held."""

    def __init__(self, start: bytes, filler: bytes, count: int, end: bytes) -> None:
        self._start, self._filler, self._left, self._end = start, filler, count, end

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        if self._start:
            part, self._start = self._start[: len(target)], self._start[len(target) :]
        elif self._left:
            part = self._filler * min(len(target), self._left)
            self._left -= len(part)
        else:
            part, self._end = self._end[: len(target)], self._end[len(target) :]
        target[: len(part)] = part
        return len(part)


def trickling(content: bytes, step: int) -> Callable[[], BinaryIO]:
    # A buffer of the same size, so that every read ends somewhere else.
    return lambda: io.BufferedReader(Trickle(content, step), max(1, step))
