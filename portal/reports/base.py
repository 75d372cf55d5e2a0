"""A report says what it is, which columns it has and how its rows come about; nothing about files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

Value = str | int | bool | Decimal | date | datetime | None
Row = Sequence[Value]

# Longer than anything we store; beyond it a date as of which to judge would leave the calendar.
MOST_DAYS = 3650


class ReportError(Exception):
    """The question cannot be answered as asked; the text is one sentence for who asked it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its stable name in files, and its heading on a page."""

    name: str
    label: str = ""

    @property
    def heading(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()


def columns_named(*names: str) -> list[Column]:
    return [Column(name) for name in names]


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What is asked of a report. Accounts and teams are names still: each app resolves its own."""

    kind: str = ""  # "organization", "enterprise", or "" for every account
    login: str = ""
    team: str = ""
    first_day: date | None = None
    last_day: date | None = None
    as_of: date | None = None
    days: int | None = None
    below: Decimal | None = None
    by_day: bool = False
    shape: str = ""
    # Keys of the rows wanted, when they were picked by hand on a page; None: all.
    only: frozenset[int] | None = None

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> ReportQuery:
        """From text, as a command line or a page's address gives it; absent and "" are not given.

        Keys: organization, enterprise, team, from, to, as_of, days, below, by, shape; others are ignored.
        """
        given = {key: str(value).strip() for key, value in options.items() if value not in (None, "")}
        if "organization" in given and "enterprise" in given:
            raise ReportError("Give --organization or --enterprise, not both.")
        if given.get("by", "day") != "day":
            raise ReportError(f"--by takes only day, not {given['by']!r}.")
        if given.get("shape", "github") != "github":
            raise ReportError(f"--shape takes only github, not {given['shape']!r}.")
        kind = next((kind for kind in ("organization", "enterprise") if kind in given), "")
        query = cls(
            kind=kind,
            login=given.get(kind, ""),
            team=given.get("team", ""),
            first_day=_day("--from", given.get("from")),
            last_day=_day("--to", given.get("to")),
            as_of=_day("--as-of", given.get("as_of")),
            days=_days(given.get("days")),
            below=_rate(given.get("below")),
            by_day="by" in given,
            shape=given.get("shape", ""),
        )
        if query.first_day and query.last_day and query.first_day > query.last_day:
            raise ReportError(f"--from {query.first_day} lies after --to {query.last_day}.")
        return query

    def given(self) -> Iterator[str]:
        """The options that were given, as written on the command line; the account aside."""
        values = {
            "--team": self.team,
            "--from": self.first_day,
            "--to": self.last_day,
            "--as-of": self.as_of,
            "--days": self.days,
            "--below": self.below,
            "--by": self.by_day,
            "--shape": self.shape,
        }
        return (option for option, value in values.items() if value not in (None, "", False))


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        # fromisoformat alone would also take 20261101 and 2026-W45-1.
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ReportError(f"{option} takes a day such as 2026-10-31, not {text!r}.")


def _days(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= MOST_DAYS:
        return int(text)
    raise ReportError(f"--days takes a number of days from 1 to {MOST_DAYS}, not {text!r}.")


def _rate(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if rate.is_finite() and 0 <= rate <= 1:
        return rate
    raise ReportError(f"--below takes a rate from 0 to 1, such as 0.10, not {text!r}.")


class Report:
    """One question and its answer as rows. Subclasses say the rest; one module each."""

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    # The order of the rows, in words: it is part of what the report promises.
    order: ClassVar[str]
    permission: ClassVar[str]
    options: ClassVar[frozenset[str]] = frozenset()

    def check(self, query: ReportQuery) -> None:
        """Raise ReportError if this question cannot be put; call it before the first row is asked for."""
        for option in query.given():
            if option not in self.options:
                raise ReportError(f"The report {self.name} does not take {option}.")

    def columns(self, query: ReportQuery) -> list[Column]:
        raise NotImplementedError

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        """The rows, one at a time, values in the order of the columns; None is unknown."""
        raise NotImplementedError

    def records(self, query: ReportQuery) -> Iterator[Mapping[str, Any]]:
        """The rows as objects, for NDJSON; a report with shapes of its own overrides it."""
        names = [column.name for column in self.columns(query)]
        return (dict(zip(names, row, strict=True)) for row in self.rows(query))
