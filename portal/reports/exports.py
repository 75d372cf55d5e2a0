"""Whatever leaves as a file is noted in the audit: who, which report, what was asked, how many rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from portal.models import AuditEntry
from portal.reports import writers
from portal.reports.base import Report, ReportQuery
from portal.reports.header import header_of

ACTION = "report exported"


def noted(
    report: Report,
    query: ReportQuery,
    file_format: str,
    *,
    asked: Mapping[str, str],
    by: Any,
    how: str,
    with_header: bool = False,
    counted: Callable[[int], None] | None = None,
) -> Generator[bytes]:
    """The report as chunks of bytes. ReportError is raised at once; the entry is made when it is over.

    One that was broken off is noted as well: its rows are not counted, but names of people have left.
    """
    rows: list[int] = []
    header = header_of(report, query, by.get_username() if by else "") if with_header else None
    chunks = writers.stream(report, query, file_format, rows.append, header)
    detail = {"report": report.name, "asked": dict(asked), "format": file_format, "how": how}

    def until_over() -> Generator[bytes]:
        try:
            yield from chunks
            if counted is not None and rows:
                counted(rows[0])
        finally:
            end: dict[str, Any] = {"rows": rows[0]} if rows else {"broken_off": True}
            AuditEntry.objects.record(ACTION, subject=f"report:{report.name}", actor=by, detail=detail | end)

    return until_over()
