"""What may be asked of a report beside its scope: options, each with a kind that reads its text.

The same text comes from a command line, a page's address and a saved report; it is read here alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

# Longer than anything we store; beyond it a date as of which to judge would leave the calendar.
MOST_DAYS = 3650

# The days that may be asked for: from long before there was anything to tell, up to a year from today (UTC),
# since savings are told ahead. All that is reckoned from one of them stays within the calendar.
FIRST_DAY = date(2000, 1, 1)
DAYS_AHEAD = 366

Choices = Sequence[tuple[str, str]]


class ReportError(Exception):
    """The question cannot be answered as asked; the text is one sentence for who asked it."""


class Kind(StrEnum):
    """How an option's text is read, and which field a page shows for it."""

    TEXT = "text"
    DAY = "day"
    NUMBER = "number"
    RATE = "rate"
    CHOICE = "choice"
    CHOICES = "choices"  # several of them, parted by commas; read as a tuple in the order of the choices
    FLAG = "flag"  # "1" or nothing; read as True


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that may be asked: `name` in addresses and saved reports, `flag` on the command line."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    # Value and words; a function where they are known only when asked (a table's rows).
    choices: Choices | Callable[[], Choices] = ()
    # What a choice or a text that is not given is called on a page: “every team”.
    otherwise: str = ""
    # Of several that may be chosen: those that stand where none is.
    usual: Sequence[str] = ()
    most: int = MOST_DAYS
    metavar: str = ""

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    def offered(self) -> Choices:
        return self.choices() if callable(self.choices) else self.choices

    def read(self, text: str, called: str) -> Any:
        """The value that the text means. `called` is the option's name where it was given, for errors."""
        match self.kind:
            case Kind.DAY:
                return _day(called, text)
            case Kind.NUMBER:
                return _number(called, text, self.most)
            case Kind.RATE:
                return _rate(called, text)
            case Kind.CHOICE:
                return _choice(called, text, self.offered())
            case Kind.CHOICES:
                return _several(called, text, self.offered())
            case Kind.FLAG:
                return _choice(called, text, (("1", "yes"),)) == "1"
        return text


def _day(called: str, text: str) -> date:
    day = _written_day(text)
    if day is None:
        raise ReportError(f"{called} takes a day such as 2026-10-31, not {text!r}.")
    last = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)
    if not FIRST_DAY <= day <= last:
        raise ReportError(f"{called} takes a day from {FIRST_DAY} to {last}, not {day}.")
    return day


def _written_day(text: str) -> date | None:
    try:
        # fromisoformat alone would also take 20261101 and 2026-W45-1.
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    return None


def _number(called: str, text: str, most: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= most:
        return int(text)
    raise ReportError(f"{called} takes a number of days from 1 to {most}, not {text!r}.")


def _rate(called: str, text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if rate.is_finite() and 0 <= rate <= 1:
        return rate
    raise ReportError(f"{called} takes a rate from 0 to 1, such as 0.10, not {text!r}.")


def _choice(called: str, text: str, choices: Choices) -> str:
    known = [value for value, _ in choices]
    if text in known:
        return text
    only = "only " if len(known) == 1 else "one of "
    raise ReportError(f"{called} takes {only}{', '.join(known)}, not {text!r}.")


def _several(called: str, text: str, choices: Choices) -> tuple[str, ...]:
    wanted = {_choice(called, part.strip(), choices) for part in text.split(",") if part.strip()}
    return tuple(value for value, _ in choices if value in wanted)


# --- Those that several reports take ----------------------------------------------------------

PERIODS: Choices = (
    ("last-7-days", "Last 7 days"),
    ("last-28-days", "Last 28 days"),
    ("last-90-days", "Last 90 days"),
    ("last-week", "Last full week (Monday to Sunday)"),
    ("this-month", "This month so far"),
    ("last-month", "Last month"),
)

# Those that a calendar cuts: whoever has them made at the beginning of their week means the one before.
CALENDAR_PERIODS = frozenset({"last-week", "this-month", "last-month"})

STANDARD: dict[str, Option] = {
    option.flag: option
    for option in (
        Option("team", "Team", help="only people of this team", otherwise="every team", metavar="SLUG"),
        Option("from", "From", Kind.DAY, "first day of the period; default: all stored", metavar="DAY"),
        Option("to", "To", Kind.DAY, "last day of the period, included", metavar="DAY"),
        Option(
            "as_of",
            "As of",
            Kind.DAY,
            "judge seats as of the end of this UTC day; default: today",
            metavar="DAY",
        ),
        Option(
            "days",
            "Inactive after days",
            Kind.NUMBER,
            "inactive after N days, whatever the policies say",
            metavar="N",
        ),
        Option("below", "Below", Kind.RATE, "a rate from 0 to 1", metavar="RATE"),
        Option(
            "by",
            "Rows",
            Kind.CHOICE,
            "a row per day",
            (("day", "a row per day"),),
            otherwise="over the whole period",
            metavar="day",
        ),
        Option(
            "shape",
            "Shape",
            Kind.CHOICE,
            "GitHub's own records, with --format ndjson",
            (("github", "GitHub's own records (NDJSON only)"),),
            otherwise="columns as listed",
            metavar="github",
        ),
    )
}
# Reports with --from and --to take it too: days counted back from the day on which the report is made.
PERIOD = Option(
    "period",
    "Period",
    Kind.CHOICE,
    "days counted back from today (UTC), instead of --from and --to",
    PERIODS,
    otherwise="all stored days, or those below",
    metavar="PRESET",
)


def days_of(preset: str, today: date) -> tuple[date, date]:
    """First and last day of a period as of today (UTC), which is not over yet: only “this month” has it."""
    yesterday = today - timedelta(days=1)
    match preset:
        case "last-7-days" | "last-28-days" | "last-90-days":
            return today - timedelta(days=int(preset.split("-")[1])), yesterday
        case "last-week":
            monday = today - timedelta(days=today.weekday() + 7)
            return monday, monday + timedelta(days=6)
        case "this-month":
            return today.replace(day=1), today
        case "last-month":
            last = today.replace(day=1) - timedelta(days=1)
            return last.replace(day=1), last
    raise ReportError(f"There is no period {preset!r}.")
