"""Whatever leaves as a file is noted in the audit: who, which report, what was asked, how many rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from portal.models import AuditEntry
from portal.reports import writers
from portal.reports.base import Column, Report, ReportQuery, Row
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

    def over() -> None:
        if counted is not None and rows:
            counted(rows[0])

    return _until_over(chunks, rows, ACTION, f"report:{report.name}", by, detail, over)


def noted_rows(
    columns: Sequence[Column],
    rows: Iterable[Row],
    file_format: str,
    *,
    title: str,
    subject: str,
    by: Any,
    asked: Mapping[str, str],
) -> Generator[bytes]:
    """Any rows as chunks of bytes, noted in the same way."""
    number: list[int] = []
    chunks = writers.stream_rows(columns, writers.counting(rows, number.append), file_format, title)
    detail = {"list": title, "asked": dict(asked), "format": file_format}
    return _until_over(chunks, number, "list exported", subject, by, detail)


def _until_over(
    chunks: Iterator[bytes],
    rows: Sequence[int],
    action: str,
    subject: str,
    by: Any,
    detail: Mapping[str, Any],
    over: Callable[[], None] = lambda: None,
) -> Generator[bytes]:
    try:
        yield from chunks
        over()
    finally:
        end: dict[str, Any] = {"rows": rows[0]} if rows else {"broken_off": True}
        AuditEntry.objects.record(action, subject=subject, actor=by, detail={**detail, **end})
