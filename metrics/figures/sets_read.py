"""Stored sets of people as rows: of days and of weeks.

As text, since panels ask it again and again: made of querysets it takes longer than the database does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db import connection, models

from metrics.models import DayUsers, WeekUsers
from metrics.periods import Period
from portal.bytes_as_they_are import bytes_as_they_are


class Kinds(NamedTuple):
    """Kinds by name, and all that begin so."""

    names: Sequence[str] = ()
    prefixes: Sequence[str] = ()

    def __or__(self, other: object) -> Kinds:
        if not isinstance(other, Kinds):
            return NotImplemented
        return Kinds((*self.names, *other.names), (*self.prefixes, *other.prefixes))


def rows_of_days(
    account_id: int,
    team_key: int,
    period: Period,
    kinds: Kinds,
    *,
    within: Sequence[Period] = (),
    but: Sequence[Period] = (),
) -> Iterator[tuple[str, date, bytes]]:
    """Kind, day and set of a period; of those days of it that lie `within`, without those of `but`."""
    if not any(kinds):
        return
    wanted = _Wanted()
    wanted.add("team_key = %s", team_key)
    wanted.between("day", [period])
    if within:
        wanted.between("day", within)
    for some in but:
        wanted.between("day", [some], negated=True)
    for kind, day, users in wanted.rows(DayUsers, account_id, kinds, "kind, day, users"):
        yield kind, _day(day), users


def rows_of_weeks(
    account_id: int, mondays: Period, kinds: Kinds, columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """Monday, kind and some more columns of the weeks of these Mondays."""
    wanted = _Wanted()
    wanted.between("monday", [mondays])
    for monday, *rest in wanted.rows(WeekUsers, account_id, kinds, ", ".join(("monday", "kind", *columns))):
        yield _day(monday), *rest


class _Wanted:
    """What a statement asks for besides the account and kinds."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._values: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        self._texts.append(text)
        self._values += values

    def between(self, column: str, periods: Collection[Period], *, negated: bool = False) -> None:
        text = " OR ".join([f"{column} BETWEEN %s AND %s"] * len(periods))
        ends = (str(end) for some in periods for end in (some.first, some.last))
        self.add(f"{'NOT ' if negated else ''}({text})", *ends)

    def rows(
        self, model: type[models.Model], account_id: int, kinds: Kinds, columns: str
    ) -> list[tuple[Any, ...]]:
        named = [f"kind IN ({', '.join(['%s'] * len(kinds.names))})"] if kinds.names else []
        named += ["kind LIKE %s"] * len(kinds.prefixes)
        self.add(
            f"({' OR '.join(named)})", *map(str, kinds.names), *(f"{prefix}%" for prefix in kinds.prefixes)
        )
        table = connection.ops.quote_name(model._meta.db_table)
        with bytes_as_they_are(), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {table} WHERE account_id = %s AND {' AND '.join(self._texts)}",  # noqa: S608 - names and constants
                [account_id, *self._values],
            )
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _day(told: date | str) -> date:
    # SQLite knows no days.
    return date.fromisoformat(told) if isinstance(told, str) else told
