"""What is asked of a report, read from text by one parser, wherever the text comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from portal.reports.options import PERIOD, STANDARD, Option, ReportError, days_of

KINDS = ("organization", "enterprise")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    # What a report's own options were given, by their names; see Report.own_options.
    extra: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def parse(
        cls,
        options: Mapping[str, Any],
        own: Sequence[Option] = (),
        *,
        today: date | None = None,
        by_label: bool = False,
    ) -> ReportQuery:
        """From text, as a command line, a page's address or a saved report gives it; "" is not given.

        Keys: organization, enterprise (or scope, `organization:acme`), period, the names of STANDARD and
        those of `own`; others are ignored. Periods are counted from `today`. Errors name options by their
        flags, or by the labels that a page shows.
        """
        given = {key: str(value).strip() for key, value in options.items() if value not in (None, "")}
        read = _Reading(given, by_label=by_label)
        kind, login = read.scope()
        first, last = read.days(today or datetime.now(UTC).date())
        return cls(
            kind=kind,
            login=login,
            team=given.get("team", ""),
            first_day=first,
            last_day=last,
            as_of=read.standard("--as-of"),
            days=read.standard("--days"),
            below=read.standard("--below"),
            by_day=read.standard("--by") is not None,
            shape=read.standard("--shape") or "",
            extra={option.name: read.value(option) for option in own if given.get(option.name)},
        )

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
            **{f"--{name.replace('_', '-')}": value for name, value in self.extra.items()},
        }
        return (option for option, value in values.items() if value not in (None, "", False, ()))


class _Reading:
    """Reads the given texts, naming what is wrong as it is called where it was given."""

    def __init__(self, given: Mapping[str, str], *, by_label: bool) -> None:
        self.given = given
        self.by_label = by_label

    def called(self, option: Option) -> str:
        return f"“{option.label}”" if self.by_label else option.flag

    def value(self, option: Option) -> Any:
        text = self.given.get(option.name)
        return None if text is None else option.read(text, self.called(option))

    def standard(self, flag: str) -> Any:
        return self.value(STANDARD[flag])

    def scope(self) -> tuple[str, str]:
        named = [(kind, self.given[kind]) for kind in KINDS if kind in self.given]
        if scope := self.given.get("scope"):
            kind, _, login = scope.partition(":")
            if kind not in KINDS or not login:
                raise ReportError(f"A scope is organization:LOGIN or enterprise:SLUG, not {scope!r}.")
            named.append((kind, login))
        if len(named) > 1:
            raise ReportError("Give --organization or --enterprise, not both.")
        return named[0] if named else ("", "")

    def days(self, today: date) -> tuple[date | None, date | None]:
        first, last = self.standard("--from"), self.standard("--to")
        if preset := self.value(PERIOD):
            if first or last:
                raise ReportError(f"Give {self.called(PERIOD)}, or the first and last day, not both.")
            return days_of(preset, today)
        if first and last and first > last:
            names = self.called(STANDARD["--from"]), self.called(STANDARD["--to"])
            raise ReportError(f"{names[0]} {first} lies after {names[1]} {last}.")
        return first, last
