"""The days of the two older systems: `GET …/copilot/metrics` and `GET …/copilot/usage`.

GitHub closed the first on 2026-04-02 and the second in February 2025; what people saved of them is their
only history before the usage reports. Everything but the day may be missing, and blocks may be null. The
records name no account.
Shapes: https://docs.github.com/enterprise-cloud@latest/rest/copilot/copilot-metrics?apiVersion=2022-11-28
and the usage API of the same documentation until early 2025.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from metrics.formats.errors import BadRecord, reason_for
from metrics.formats.fields import LARGEST_COUNT, Count, Name, midnight, read_day
from metrics.formats.rest import Remainder, check_text, content_hash
from metrics.formats.scope import People

# What tells a record of either system, beside its `date` or `day`.
METRICS_KEYS = frozenset(
    {
        "total_active_users",
        "total_engaged_users",
        "copilot_ide_code_completions",
        "copilot_ide_chat",
        "copilot_dotcom_chat",
        "copilot_dotcom_pull_requests",
    }
)
USAGE_KEYS = frozenset(
    {
        "total_suggestions_count",
        "total_acceptances_count",
        "total_lines_suggested",
        "total_lines_accepted",
        "total_active_users",
        "total_chat_acceptances",
        "total_chat_turns",
        "total_active_chat_users",
        "breakdown",
    }
)


class MetricsLanguage(msgspec.Struct, gc=False):
    name: Name | None = None
    total_engaged_users: Count | None = None
    total_code_suggestions: Count | None = None
    total_code_acceptances: Count | None = None
    total_code_lines_suggested: Count | None = None
    total_code_lines_accepted: Count | None = None


class MetricsModel(msgspec.Struct, gc=False):
    name: Name | None = None
    total_engaged_users: Count | None = None
    languages: list[MetricsLanguage] | None = None
    total_chats: Count | None = None
    total_chat_insertion_events: Count | None = None
    total_chat_copy_events: Count | None = None
    total_pr_summaries_created: Count | None = None


class MetricsPart(msgspec.Struct, gc=False):
    """An editor, or a repository."""

    name: Name | None = None
    total_engaged_users: Count | None = None
    models: list[MetricsModel] | None = None


class MetricsBlock(msgspec.Struct, gc=False):
    """What one feature was used for; which lists it has depends on the feature."""

    total_engaged_users: People | None = None
    languages: list[MetricsLanguage] | None = None
    editors: list[MetricsPart] | None = None
    models: list[MetricsModel] | None = None
    repositories: list[MetricsPart] | None = None

    def all_models(self) -> Iterator[MetricsModel]:
        yield from self.models or ()
        for part in (*(self.editors or ()), *(self.repositories or ())):
            yield from part.models or ()


class MetricsLine(msgspec.Struct, kw_only=True, gc=False):
    """A day of `copilot/metrics` as GitHub wrote it."""

    date: str
    total_active_users: People | None = None
    total_engaged_users: People | None = None
    copilot_ide_code_completions: MetricsBlock | None = None
    copilot_ide_chat: MetricsBlock | None = None
    copilot_dotcom_chat: MetricsBlock | None = None
    copilot_dotcom_pull_requests: MetricsBlock | None = None


class UsageBreakdown(msgspec.Struct, gc=False):
    language: Name | None = None
    editor: Name | None = None
    suggestions_count: Count | None = None
    acceptances_count: Count | None = None
    lines_suggested: Count | None = None
    lines_accepted: Count | None = None
    active_users: Count | None = None


class UsageLine(msgspec.Struct, kw_only=True, gc=False):
    """A day of `copilot/usage` as GitHub wrote it; the newest day may lack its totals."""

    day: str
    total_suggestions_count: Count | None = None
    total_acceptances_count: Count | None = None
    total_lines_suggested: Count | None = None
    total_lines_accepted: Count | None = None
    total_active_users: People | None = None
    total_chat_acceptances: Count | None = None
    total_chat_turns: Count | None = None
    total_active_chat_users: People | None = None
    breakdown: list[UsageBreakdown] | None = None


class LegacyDayRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A day of either system. Missing stays None, never 0.

    Of `copilot/metrics`, what is not a count of people is the sum over editors, models and languages.
    """

    day: date
    total_active_users: int | None
    total_engaged_users: int | None
    total_code_suggestions: int | None = None
    total_code_acceptances: int | None = None
    total_code_lines_suggested: int | None = None
    total_code_lines_accepted: int | None = None
    total_chats: int | None = None
    total_chat_insertion_events: int | None = None
    total_chat_copy_events: int | None = None
    total_chat_acceptances: int | None = None
    total_chat_users: int | None = None
    total_dotcom_chats: int | None = None
    total_pr_summaries_created: int | None = None
    observed_at: datetime
    content_hash: bytes
    rest: bytes
    # The record does not say whose it is.
    enterprise_id: None = None
    organization_id: None = None


_metrics = msgspec.json.Decoder(MetricsLine)
_usage = msgspec.json.Decoder(UsageLine)
# The blob holds the whole document: only the day is known without it.
_metrics_rest = Remainder(frozenset({"date"}), frozenset(MetricsLine.__struct_fields__))
_usage_rest = Remainder(frozenset({"day"}), frozenset(UsageLine.__struct_fields__))


def parse_legacy_metrics(raw: bytes, header: Mapping[str, Any]) -> LegacyDayRecord:
    """A day of `copilot/metrics`; BadRecord says what is wrong with it."""
    line, rest = _decoded(raw, _metrics, _metrics_rest)
    chat = _models(line.copilot_ide_chat)
    languages = [
        language for model in _models(line.copilot_ide_code_completions) for language in model.languages or ()
    ]
    return _record(
        read_day(line.date, "date"),
        rest,
        total_active_users=line.total_active_users,
        total_engaged_users=line.total_engaged_users,
        total_code_suggestions=_sum("total_code_suggestions", languages),
        total_code_acceptances=_sum("total_code_acceptances", languages),
        total_code_lines_suggested=_sum("total_code_lines_suggested", languages),
        total_code_lines_accepted=_sum("total_code_lines_accepted", languages),
        total_chats=_sum("total_chats", chat),
        total_chat_insertion_events=_sum("total_chat_insertion_events", chat),
        total_chat_copy_events=_sum("total_chat_copy_events", chat),
        total_chat_users=line.copilot_ide_chat and line.copilot_ide_chat.total_engaged_users,
        total_dotcom_chats=_sum("total_chats", _models(line.copilot_dotcom_chat)),
        total_pr_summaries_created=_sum(
            "total_pr_summaries_created", _models(line.copilot_dotcom_pull_requests)
        ),
    )


def parse_legacy_usage(raw: bytes, header: Mapping[str, Any]) -> LegacyDayRecord:
    """A day of `copilot/usage`; BadRecord says what is wrong with it."""
    line, rest = _decoded(raw, _usage, _usage_rest)
    return _record(
        read_day(line.day),
        rest,
        total_active_users=line.total_active_users,
        total_engaged_users=None,
        total_code_suggestions=line.total_suggestions_count,
        total_code_acceptances=line.total_acceptances_count,
        total_code_lines_suggested=line.total_lines_suggested,
        total_code_lines_accepted=line.total_lines_accepted,
        total_chats=line.total_chat_turns,
        total_chat_acceptances=line.total_chat_acceptances,
        total_chat_users=line.total_active_chat_users,
    )


def _decoded(raw: bytes, decoder: msgspec.json.Decoder[Any], remainder: Remainder) -> tuple[Any, bytes]:
    try:
        line = decoder.decode(raw)
        rest = remainder.of(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, raw)) from None
    check_text(raw)
    return line, rest


def _record(day: date, rest: bytes, **totals: int | None) -> LegacyDayRecord:
    return LegacyDayRecord(
        day=day,
        observed_at=midnight(day),
        content_hash=content_hash(tuple(sorted(totals.items())), rest),
        rest=rest,
        **totals,  # type: ignore[arg-type]
    )


def _models(block: MetricsBlock | None) -> list[MetricsModel]:
    return [] if block is None else list(block.all_models())


def _sum(name: str, parts: Iterable[MetricsLanguage | MetricsModel]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known: list[int] = [value for part in parts if (value := getattr(part, name)) is not None]
    if not known:
        return None
    total = sum(known)
    if total > LARGEST_COUNT:
        raise BadRecord(f"`{name}` adds up to {total:,}, which cannot be")
    return total
