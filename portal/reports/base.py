"""A report says what it is, which columns it has and how its rows come about; nothing about files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Any, ClassVar

from portal.reports.options import MOST_DAYS, PERIOD, STANDARD, Option, ReportError
from portal.reports.query import KINDS, ReportQuery

__all__ = [
    "MOST_DAYS",
    "Cells",
    "Column",
    "Meaning",
    "Option",
    "Report",
    "ReportError",
    "ReportQuery",
    "Row",
    "Value",
    "columns_named",
    "explain",
]

Value = str | int | bool | Decimal | date | datetime | None
Row = Sequence[Value]


class Cells(StrEnum):
    """What the cells of a column hold; a page writes and aligns them by it."""

    TEXT = "text"
    NUMBER = "number"
    DECIMAL = "decimal"
    RATE = "rate"
    MONEY = "money"
    DAY = "day"
    MOMENT = "moment"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its stable name in files, its heading on a page, and what it holds."""

    name: str
    label: str = ""
    cells: Cells | None = None
    unit: str = ""
    definition: str = ""

    @property
    def heading(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()


def columns_named(*names: str) -> list[Column]:
    return [Column(name) for name in names]


# --- What columns of the same name mean in every report ----------------------------------------


@dataclass(frozen=True, slots=True)
class Meaning:
    """What every column of a name holds, where the column does not say it itself."""

    definition: str
    cells: Cells = Cells.TEXT
    unit: str = ""


_meanings: dict[str, Meaning] = {}


def explain(meanings: Mapping[str, Meaning]) -> None:
    """Say what columns of these names mean, once for all reports; apps do so beside their reports."""
    _meanings.update(meanings)


def _explained(column: Column) -> Column:
    known = _meanings.get(column.name)
    if known is None:
        return replace(column, cells=column.cells or Cells.TEXT)
    return replace(
        column,
        cells=column.cells or known.cells,
        unit=column.unit or known.unit,
        definition=column.definition or known.definition,
    )


# --- Reports ----------------------------------------------------------------------------------


class Report:
    """One question and its answer as rows. Subclasses say the rest; one module each."""

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    # The heading under which the list of reports shows it: “Seats”, “Use”, “Money” …
    subject: ClassVar[str] = "Other"
    # The order of the rows, in words: it is part of what the report promises.
    order: ClassVar[str]
    permission: ClassVar[str]
    # Flags of STANDARD that it takes. One that takes --from and --to takes --period as well.
    options: ClassVar[frozenset[str]] = frozenset()
    # Options that no other report has; what they were given stands in query.extra.
    own_options: ClassVar[tuple[Option, ...]] = ()
    # Whether an organization or enterprise may be named.
    takes_scope: ClassVar[bool] = True
    # Whether the list of reports shows it; one that only means something with options of its own is
    # reached from the page that sets them.
    is_listed: ClassVar[bool] = True

    # --- What it is asked ---------------------------------------------------------------------

    def taken(self) -> list[Option]:
        """Every option it takes, in the order in which a page shows them; the scope aside."""
        has_period = {"--from", "--to"} <= self.options
        standard = [option for flag, option in STANDARD.items() if flag in self.options]
        return [*([PERIOD] if has_period else []), *standard, *self.own_options]

    def read(
        self, given: Mapping[str, Any], *, today: date | None = None, by_label: bool = False
    ) -> ReportQuery:
        """The question that these texts put, checked; ReportError if it cannot be put. One reader for all.

        Keys that are no option of any report are passed over: an address has others.
        """
        if given.get("period") and PERIOD not in self.taken():
            raise ReportError(f"The report {self.name} does not take {PERIOD.flag}.")
        query = ReportQuery.parse(given, self.own_options, today=today, by_label=by_label)
        self.check(query)
        return query

    def filters(self, given: Mapping[str, Any]) -> dict[str, str]:
        """What of these texts is asked of this report: what its address and a saved report keep."""
        names = [*KINDS, *(option.name for option in self.taken())]
        kept = {name: str(given[name]).strip() for name in names if given.get(name) not in (None, "")}
        kind, _, login = str(given.get("scope") or "").partition(":")
        return {kind: login, **kept} if kind in KINDS and login else kept

    def check(self, query: ReportQuery) -> None:
        """Raise ReportError if this question cannot be put; call it before the first row is asked for."""
        if query.login and not self.takes_scope:
            raise ReportError(f"The report {self.name} is about all accounts: it takes no --{query.kind}.")
        known = {option.flag for option in self.taken()}
        for option in query.given():
            if option not in known:
                raise ReportError(f"The report {self.name} does not take {option}.")

    def permissions(self, query: ReportQuery) -> frozenset[str]:
        """What a reader must hold for this question; more than `permission` where an answer shows more."""
        return frozenset({self.permission})

    def is_open_to(self, user: Any, query: ReportQuery | None = None) -> bool:
        """Whether this user may read it: asked at the time of reading, whoever saved or shared it."""
        needed = self.permissions(query) if query is not None else frozenset({self.permission})
        return bool(user.is_active and user.has_perms(needed))

    # --- What it answers ----------------------------------------------------------------------

    def columns(self, query: ReportQuery) -> list[Column]:
        raise NotImplementedError

    def explained_columns(self, query: ReportQuery) -> list[Column]:
        """The columns, each with what it holds and means."""
        return [_explained(column) for column in self.columns(query)]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        """The rows, one at a time, values in the order of the columns; None is unknown."""
        raise NotImplementedError

    def records(self, query: ReportQuery) -> Iterator[Mapping[str, Any]]:
        """The rows as objects, for NDJSON; a report with shapes of its own overrides it."""
        names = [column.name for column in self.columns(query)]
        return (dict(zip(names, row, strict=True)) for row in self.rows(query))

    def count(self, query: ReportQuery) -> int | None:
        """How many rows there will be, where a short query tells exactly; None: only making them tells."""
        return None

    def some_rows(self, query: ReportQuery, start: int, number: int) -> list[Row]:
        """So many rows from the one at `start` on, for a page; overridden where the database can skip."""
        return list(islice(self.rows(query), start, start + number))

    def rows_behind(self, query: ReportQuery, rows: Sequence[Row], user: Any) -> Sequence[str]:
        """For each of these rows of a page where that is what it is made of; "" where this user sees none."""
        return [""] * len(rows)

    def facts(self, query: ReportQuery) -> list[tuple[str, str]]:
        """What the header block tells beside what is asked: how fresh the rows are, and from which source."""
        return []
