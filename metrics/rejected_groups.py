"""Rejected lines by what is wrong with them: one fault of a tool makes thousands of lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, QuerySet

from metrics.formats.kinds import Kind
from metrics.ingest import rejects
from metrics.ingest.reasons import without_particulars
from metrics.kind_labels import kind_label
from portal import jobs
from portal.models import Job, RejectedLine, ReportFile

# Reasons that differ in nothing but what they quote are one; more different ones than these say little.
MOST_REASONS = 5_000
RETRY_AT_ONCE = 2_000
KIND, DOORWAY = "retry-rejected-lines", "metrics.tasks.retry_rejected"

# Whoever may see these rows may read the lines that would have become one.
READERS = {
    Kind.USERS_1_DAY: "metrics.view_userday",
    Kind.USERS_28_DAY: "metrics.view_userday",
    Kind.USER_TEAMS_1_DAY: "metrics.view_userday",
    Kind.SEATS: "seats.view_seat",
    Kind.ACTIVITY_REPORT: "seats.view_seat",
}
OTHER_READERS = "metrics.view_userday"


@dataclass(slots=True)
class Group:
    file: ReportFile
    reason: str
    count: int
    newest: int

    @property
    def kind(self) -> str:
        return kind_label(self.file.kind)


def may_read(user: Any, kind: str) -> bool:
    """Whether the lines of such files may be shown to this user: they tell of people."""
    return bool(user.has_perm(READERS.get(kind, OTHER_READERS)))  # type: ignore[call-overload]


def readable_kinds(user: Any) -> list[str]:
    """The kinds of files whose lines this user may read."""
    return [kind.value for kind in Kind if may_read(user, kind.value)]


def groups(lines: QuerySet[RejectedLine]) -> tuple[list[Group], bool]:
    """By file and reason, the largest first, and whether those are all. Two queries, however many lines."""
    rows = (
        lines.order_by()
        .values("file", "reason")
        .annotate(count=Count("pk"), newest=Max("pk"))
        .order_by("-count", "-newest")
    )
    found = list(rows.values_list("file", "reason", "count", "newest")[: MOST_REASONS + 1])
    files = ReportFile.objects.in_bulk({file for file, *_ in found})
    merged: dict[tuple[int, str], Group] = {}
    for file, reason, count, newest in found[:MOST_REASONS]:
        key = (file, without_particulars(reason))
        if key in merged:
            merged[key].count += count
            merged[key].newest = max(newest, merged[key].newest)
        else:
            merged[key] = Group(files[file], key[1], count, newest)
    ordered = sorted(merged.values(), key=lambda group: (-group.count, -group.newest))
    return ordered, len(found) <= MOST_REASONS


def narrowed(lines: QuerySet[RejectedLine], reason: str) -> QuerySet[RejectedLine]:
    """Those rejected for this reason, whatever it quotes; for one without “…” the very same."""
    first, *others = reason.split("…")
    if not others:
        return lines.filter(reason=reason)
    lines = lines.filter(reason__startswith=first, reason__endswith=others[-1])
    for part in others[:-1]:
        if len(part) > 1:
            lines = lines.filter(reason__contains=part)
    return lines


def retry(lines: QuerySet[RejectedLine], by: Any, run: jobs.Run | None = None) -> dict[str, int]:
    """Try them all again, some at a time, so that memory stays flat. How many, and how many are in."""
    tally = {"lines": 0, "in": 0, "rejected": 0, "refused": 0}
    last = 0
    while some := list(
        lines.filter(resolved_at=None, pk__gt=last).select_related("file").order_by("pk")[:RETRY_AT_ONCE]
    ):
        last = some[-1].pk
        for outcome in rejects.retry(some, by=by):
            tally["refused"] += outcome.is_refused
            tally["rejected"] += outcome.counts.rows_rejected
            tally["in"] += outcome.counts.rows_read - outcome.counts.rows_rejected
        tally["lines"] += len(some)
        if run is not None:
            run.tally = dict(tally)
            run.progress(tally["lines"], run.arguments.get("count"))
    return tally


def enqueue_retry(file: ReportFile, reason: str, count: int, by: Any) -> Job:
    """Have the worker do it."""
    arguments = {"file": file.pk, "reason": reason, "count": count, "names": [file.name]}
    return jobs.enqueue(KIND, f"file:{file.pk}", DOORWAY, arguments, by)


def work(run: jobs.Run) -> dict[str, Any]:
    """Try a file's lines of one reason again."""
    lines = RejectedLine.objects.filter(file=run.arguments["file"])
    return dict(retry(narrowed(lines, run.arguments["reason"]), run.job.created_by, run))


def exported(lines: QuerySet[RejectedLine]) -> Iterator[dict[str, Any]]:
    """A record per line: where it came from, why it was rejected, and what it says."""
    rows = lines.select_related("file").order_by("file_id", "line_number")
    for line in rows.iterator(chunk_size=RETRY_AT_ONCE):
        yield {
            "file": line.file.name,
            "kind": line.file.kind,
            "received_at": line.file.received_at,
            "line_number": line.line_number,
            "reason": line.reason,
            "line": line.line,
        }
