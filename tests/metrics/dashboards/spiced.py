"""The sample company's files and what else GitHub sends: unknown names, missing keys, another phase."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from metrics.sample import SampleFile
from tests.metrics.oracle import contents, documents

Record = dict[str, Any]
# A language and a model come up that nobody used before.
NEW_SINCE = "2026-11-09"
CUSTOMISATIONS = {"custom_agent": "other", "slash_cmd": "/Review", "plugin": "octo-tools"}


def spice(files: Sequence[SampleFile]) -> None:
    """Change the usage files in place: each person's day in the same way in every file that tells of it."""
    for file in files:
        if file.path.suffix in (".csv", ".zip") or "seat" in str(file.path) or "teams" in file.path.name:
            continue
        [data] = contents(file.path)
        text = data.decode("utf-8-sig")
        found = documents(text)
        is_array = text.startswith("[")
        records = found[0] if is_array else found
        for record in records:
            for each in record.get("day_totals", [record]):
                _person(each) if "user_id" in each else _account(each)
        text = json.dumps(records) if is_array else "".join(f"{json.dumps(each)}\n" for each in records)
        packed = gzip.compress(text.encode(), 1, mtime=0) if file.path.suffix == ".gz" else text.encode()
        file.path.write_bytes(packed)


def repositories(folder: Path, last_day: date) -> Sequence[SampleFile]:
    """Reports of an enterprise's and an organization's repositories; one changes its name."""
    files = []
    for scope, keys in (
        ("octo-industries", {"enterprise_id": "40817"}),
        ("octo-apps", {"enterprise_id": "40817", "organization_id": "71204511"}),
    ):
        path = folder / f"repos of {scope}.ndjson"
        lines = [
            _repository(day, number) | keys
            for day in (last_day - timedelta(days=back) for back in range(40))
            for number in range(30)
            if (day.toordinal() + number) % 3
        ]
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        named = {"enterprise": scope} if scope == "octo-industries" else {"organization": scope}
        files.append(SampleFile(path, **named))
    return files


def _repository(day: date, number: int) -> Record:
    roll = day.toordinal() * 7 + number * 13
    record: Record = {
        "day": str(day),
        "repo_id": 500 + number,
        "repo_owner_name": "octo-apps",
        "repo_name": f"repo-{number}" + ("-renamed" if number == 3 and day.day > 10 else ""),
        "repo_visibility": ("public", "private", "internal")[number % 3],
        "pull_requests": {
            "total_created": roll % 9,
            "total_reviewed": roll % 7,
            "total_merged": roll % 5,
            "total_created_by_copilot": roll % 2,
            "total_reviewed_by_copilot": roll % 3,
            "total_merged_created_by_copilot": roll % 2,
        },
    }
    if number % 4 == 0 and roll % 5:
        record["pull_request_review_times"] = [
            {
                "authored_by": author,
                "reviewed_by": "human",
                "total_merged": roll % 5,
                "median_minutes_ready_to_first_review": 10.5 + roll % 50,
                "p90_minutes_ready_to_first_review": 70.25 + roll % 50,
                "median_minutes_final_review_to_merge": None if roll % 2 else 3.0,
            }
            for author in ("human", "copilot")
        ]
    return record


def _person(record: Record) -> None:
    roll = record["user_id"] * 31 + date.fromisoformat(record["day"]).toordinal()
    if roll % 5 == 0:
        for entry in record["totals_by_ide"]:
            entry["ide"] = entry["ide"].upper()
        for entry in record["totals_by_language_feature"]:
            entry["language"] = entry["language"].title()
    if roll % 4 == 1 and record["day"] >= NEW_SINCE:
        for entry in record["totals_by_language_feature"][:1]:
            entry["language"] = "zig"
        for entry in record["totals_by_model_feature"][:1]:
            entry["model"] = "gpt-6"
    if roll % 11 == 0:
        for entry in (*record["totals_by_language_model"], *record["totals_by_model_feature"]):
            entry["model"] = "a-model-of-tomorrow"
        for entry in record["totals_by_ide"]:
            entry["ide"] = "typewriter"
    if roll % 13 == 0:
        del record["totals_by_language_model"]
    if roll % 17 == 0:
        for entry in (record, *record["totals_by_feature"]):
            del entry["loc_suggested_to_delete_sum"]
    if roll % 19 == 0 and "ai_adoption_phase" in record:
        record["ai_adoption_phase"] = {"phase_number": 4, "phase": "Phase 4", "version": "v2"}
    if roll % 23 == 0:
        for entry in (*record["totals_by_feature"], *record["totals_by_model_feature"]):
            entry["feature"] = "chat_holodeck_mode"
    if roll % 7 == 0:
        record["totals_by_3rd_party_agent"] = [
            {
                "agent_id": "77",
                "agent_name": "Somebody's agent",
                "user_initiated_interaction_count": 1 + roll % 4,
            }
        ]
        for name, value in CUSTOMISATIONS.items():
            record[f"totals_by_{name}"] = [{name: value, "interaction_count": 1 + roll % 3}]
    if roll % 29 == 0:
        # Nothing but that there is a line.
        for name in [name for name in record if name.startswith(("totals_by_", "used_"))]:
            del record[name]


def _account(record: Record) -> None:
    roll = date.fromisoformat(record["day"]).toordinal()
    pulls = record["pull_requests"]
    if pulls["total_merged"]:
        pulls["median_minutes_to_merge_copilot_reviewed"] = 30.5 + roll % 400
        pulls["median_minutes_to_merge_copilot_authored"] = None if roll % 3 else 12.25 + roll % 90
        pulls["total_merged_reviewed_by_copilot"] = roll % (pulls["total_merged"] + 1)
    suggested = pulls["total_copilot_suggestions"]
    if suggested:
        pulls["copilot_suggestions_by_comment_type"] = [
            {
                "comment_type": "security",
                "total_copilot_suggestions": suggested // 3,
                "total_copilot_applied_suggestions": suggested // 9,
            },
            {
                "comment_type": "Bug_Risk",
                "total_copilot_suggestions": suggested - suggested // 3,
                "total_copilot_applied_suggestions": suggested // 4,
            },
        ]
    if roll % 9 == 0:
        del record["pull_requests"]
    if roll % 7 == 3:
        # GitHub's own record of a day without what it is made of.
        for name in ("ide", "feature", "language_feature", "language_model", "model_feature"):
            record[f"totals_by_{name}"] = []
        record.pop("totals_by_cli", None)
    if roll % 4 == 0:
        record["totals_by_3rd_party_agent"] = [
            {
                "agent_id": "77",
                "agent_name": "Somebody's agent",
                "user_initiated_interaction_count": roll % 8,
            },
            {
                "agent_id": "78",
                "agent_name": "Another",
                "user_initiated_interaction_count": 2,
                "session_count": 1,
            },
        ]
    for phase in record.get("totals_by_ai_adoption_phase", []):
        phase["avg_pull_requests_merged"] = round(phase["phase_number"] * 0.7 + roll % 5 / 10, 2)
        phase["avg_pull_requests_created"] = round(phase["phase_number"] * 0.9 + roll % 6 / 10, 2)
