"""The header block of a file: what was asked, over which days, how fresh it is, what columns mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from portal.reports.base import Report, ReportQuery

NAME = "About"


@dataclass(frozen=True, slots=True)
class Header:
    """Facts in order, each a label and its value; then what each column holds."""

    facts: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]

    def lines(self) -> Iterator[tuple[str, str]]:
        yield from self.facts
        for name, definition in self.columns:
            yield f"Column {name}", definition


def header_of(report: Report, query: ReportQuery, by: str = "") -> Header:
    """What the block of this question says; `by` is the name of who asked."""
    facts = [
        ("Report", f"{report.title} ({report.name})"),
        ("Question", report.question),
        *asked(report, query),
        *report.facts(query),
        ("Order of rows", report.order),
        ("Made at", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"),
    ]
    if by:
        facts.append(("Made for", by))
    columns = [
        (column.name, " ".join(part for part in (column.definition, _unit(column.unit)) if part))
        for column in report.explained_columns(query)
    ]
    return Header(tuple(facts), tuple(columns))


def asked(report: Report, query: ReportQuery) -> list[tuple[str, str]]:
    """Scope, period and whatever else was asked, in words."""
    said = []
    if report.takes_scope:
        said.append(("Scope", f"{query.kind} {query.login}" if query.login else "every account by itself"))
    if {"--from", "--to"} & report.options:
        said.append(("Period", _period(query)))
    values: dict[str, object] = {
        "--team": query.team,
        "--as-of": query.as_of,
        "--days": query.days,
        "--below": query.below,
        "--by": "day" if query.by_day else "",
        "--shape": query.shape,
        **{f"--{name.replace('_', '-')}": value for name, value in query.extra.items()},
    }
    for option in report.taken():
        value = values.get(option.flag)
        if value not in (None, "", ()):
            said.append((option.label, _written(value)))
    return said


def _period(query: ReportQuery) -> str:
    if query.first_day is None and query.last_day is None:
        return "all stored days"
    if query.last_day is None:
        return f"from {query.first_day} on (UTC)"
    if query.first_day is None:
        return f"up to {query.last_day} (UTC)"
    return f"{query.first_day} to {query.last_day} (UTC)"


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "yes" if value is True else str(value)


def _unit(unit: str) -> str:
    return f"Unit: {unit}." if unit else ""
