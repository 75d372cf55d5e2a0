"""Small files as somebody would upload them, and the steps of the upload."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

DAY = "2026-11-18"
BROKEN = '{"day": "2026-11-18", "user_id": 12'


def user_line(user_id: int, **fields: Any) -> str:
    """A line of the per-user report of one day, of organization 777."""
    line = {
        "day": DAY,
        "organization_id": "777",
        "user_id": user_id,
        "user_login": f"dev-{user_id}",
        "user_initiated_interaction_count": 3,
        "code_generation_activity_count": 5,
        "code_acceptance_activity_count": 2,
        "loc_suggested_to_add_sum": 30,
        "loc_suggested_to_delete_sum": 0,
        "loc_added_sum": 20,
        "loc_deleted_sum": 1,
        "used_chat": True,
    }
    return json.dumps(line | fields)


def users_file(*lines: str, name: str = "users.ndjson") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "\n".join(lines).encode() + b"\n")


def seats_file(*user_ids: int, name: str = "seats.json", total: int | None = None) -> SimpleUploadedFile:
    seats = [
        {
            "created_at": "2026-05-01T00:00:00Z",
            "updated_at": "2026-05-01T00:00:00Z",
            "pending_cancellation_date": None,
            "last_activity_at": "2026-11-01T10:00:00Z",
            "last_activity_editor": "vscode/1.105.0",
            "plan_type": "business",
            "assignee": {"login": f"dev-{user_id}", "id": user_id, "type": "User"},
            "assigning_team": None,
        }
        for user_id in user_ids
    ]
    page = {"total_seats": len(seats) if total is None else total, "seats": seats}
    return SimpleUploadedFile(name, json.dumps(page).encode())


def send(client: Client, *files: SimpleUploadedFile, **said: str) -> str:
    """Upload; the address of the upload's page."""
    response = client.post("/upload/", {"report_files": list(files), **said})
    assert response.status_code == 302, response.context["form"].errors
    return str(response["Location"])


def text_of(response: Any) -> str:
    """What the page says, with the blanks between words made one."""
    return " ".join(response.content.decode().split())
