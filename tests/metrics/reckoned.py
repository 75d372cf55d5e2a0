"""What days of people add up to, reckoned from their lines in plain Python: nothing here is the portal's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
COUNTERS = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
NAMES = {
    "totals_by_ide": ("ide",),
    "totals_by_feature": ("feature",),
    "totals_by_language_feature": ("language", "feature"),
    "totals_by_language_model": ("language", "model"),
    "totals_by_model_feature": ("model", "feature"),
    "totals_by_3rd_party_agent": ("agent_id",),
    "totals_by_skill": ("skill",),
    "totals_by_custom_agent": ("custom_agent",),
    "totals_by_mcp": ("mcp",),
    "totals_by_slash_cmd": ("slash_cmd",),
    "totals_by_plugin": ("plugin",),
}
NUMBERS = {
    "totals_by_3rd_party_agent": ("user_initiated_interaction_count", "session_count"),
    **{
        f"totals_by_{what}": ("interaction_count", "user_initiated_interaction_count")
        for what in ("skill", "custom_agent", "mcp", "slash_cmd", "plugin")
    },
}
SURFACE = ("session_count", "request_count", "prompt_count")
OBJECTS = {
    "totals_by_cli": SURFACE,
    "totals_by_copilot_app": SURFACE,
    "totals_by_vscode_agent": ("session_count", "total_user_messages"),
}
TOKENS = ("output_tokens_sum", "prompt_tokens_sum")
FLAGS = {
    "chat": ("used_chat",),
    "agent": ("used_agent",),
    "cli": ("used_cli",),
    "cloud_agent": ("used_copilot_cloud_agent", "used_copilot_coding_agent"),
    "app": ("used_copilot_app",),
    "vscode_agent": ("used_vscode_agent",),
    "code_review_active": ("used_copilot_code_review_active",),
    "code_review_passive": ("used_copilot_code_review_passive",),
}


def said(rows: Iterable[Row], names: Iterable[str]) -> dict[str, int]:
    """The sums of those numbers that any of the rows has."""
    rows = list(rows)
    return {
        name: sum(row[name] for row in rows if row.get(name) is not None)
        for name in names
        if any(row.get(name) is not None for row in rows)
    }


def record(lines: Iterable[Row]) -> dict[str, Any]:
    """The record of these people's day, in GitHub's own layout; entries in the order of their names."""
    lines = list(lines)
    found: dict[str, Any] = {}
    for array, names in NAMES.items():
        told = [line[array] for line in lines if line.get(array) is not None]
        if told:
            entries: dict[tuple[str, ...], list[Row]] = defaultdict(list)
            for entry in (entry for each in told for entry in each):
                entries[tuple(entry[name].casefold() for name in names)].append(entry)
            found[array] = [
                dict(zip(names, key, strict=True)) | said(some, NUMBERS.get(array, COUNTERS)) | called(some)
                for key, some in sorted(entries.items())
            ]
    for name, numbers in OBJECTS.items():
        objects = [line[name] for line in lines if line.get(name) is not None]
        if objects:
            found[name] = said(objects, numbers)
            tokens = [each["token_usage"] for each in objects if each.get("token_usage") is not None]
            if tokens:
                found[name]["token_usage"] = said(tokens, TOKENS)
    both = Counter(
        (language, ide)
        for line in lines
        for language in used(line, "language", "totals_by_language_feature", "totals_by_language_model")
        for ide in used(line, "ide", "totals_by_ide")
    )
    if both:
        found["user_days_by_language_ide"] = [
            {"language": language, "ide": ide, "user_days": days}
            for (language, ide), days in sorted(both.items())
        ]
    return found


def called(entries: Iterable[Row]) -> dict[str, str]:
    names = [entry["agent_name"] for entry in entries if entry.get("agent_name")]
    return {"agent_name": min(names)} if names else {}


def used(line: Row, name: str, *arrays: str) -> set[str]:
    return {
        entry[name].casefold()
        for array in arrays
        for entry in line.get(array) or ()
        if entry[name] and any(entry.get(counter) for counter in COUNTERS)
    }


def sets(lines: Mapping[int, Row]) -> dict[str, set[int]]:
    """By kind of use the people who did it."""
    found: dict[str, set[int]] = defaultdict(set)
    for user_id, line in lines.items():
        for kind in kinds(line):
            found[kind].add(user_id)
    return dict(found)


def kinds(line: Row) -> Collection[str]:
    found = {kind for kind, names in FLAGS.items() if any(line.get(name) for name in names)} | {"active"}
    if line.get("ai_adoption_phase"):
        found.add(f"phase:{line['ai_adoption_phase']['phase_number']}")
    for name, arrays in {
        "feature": ("totals_by_feature", "totals_by_language_feature", "totals_by_model_feature"),
        "ide": ("totals_by_ide",),
        "language": ("totals_by_language_feature", "totals_by_language_model"),
        "model": ("totals_by_language_model", "totals_by_model_feature"),
    }.items():
        found |= {f"{name}:{what}" for what in used(line, name, *arrays)}
    for entry in line.get("totals_by_ide") or ():
        version = entry.get("last_known_ide_version") or {}
        plugin = entry.get("last_known_plugin_version") or {}
        parts = [version.get("ide_version"), plugin.get("plugin"), plugin.get("plugin_version")]
        if any(parts):
            found.add("client:" + "|".join((part or "").casefold() for part in [entry["ide"], *parts]))
    return found
