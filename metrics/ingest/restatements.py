"""Note what a file changes of values that were stored before: row by row, and in sums beyond a limit.

What is noted is written with the rows, batch by batch, so a killed import has noted what it wrote. A file
that restates a million rows leaves a bounded number of notes: from a limit on, those of a day and a field
are one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.utils import timezone

from metrics.ingest.facts import Fact
from metrics.models import Restatement
from portal.bulk import insert_rows, update_values
from portal.models import ReportFile

# Notes that one file leaves of single rows.
EACH = 1_000
# Notes that it leaves of days and fields beyond; what comes after these is not noted any more.
SUMS = 5_000
COLUMNS = (
    "account", "report", "day", "what", "user", "name", "field", "before", "after", "rows",
    "noticed_at", "old_file", "new_file",
)  # fmt: skip


class Of(NamedTuple):
    """Whose row it is."""

    account_id: int
    day: date
    what: str
    user_id: int | None = None
    name: str = ""


@dataclass(slots=True)
class _Sum:
    """A field of a day over all further rows."""

    pk: int | None = None
    rows: int = 0
    before: Decimal = field(default_factory=Decimal)
    after: Decimal = field(default_factory=Decimal)


class Restatements:
    """The notes of one file that is being taken in."""

    def __init__(self, file: ReportFile, report: str, fields: Sequence[str]) -> None:
        self.file = file
        self.report = report
        self.fields = fields
        self._left: int | None = None
        self._sums: dict[tuple[int, date, str], _Sum] = {}
        self._touched: set[tuple[int, date, str]] = set()
        self._rows: list[tuple[Any, ...]] = []

    def note_changed(
        self,
        model: type[models.Model],
        changed: Mapping[int, Fact],
        values: Callable[[Any], Sequence[Any]],
        of: Callable[[Fact], Of],
    ) -> None:
        """Compare rows that are about to be changed, by key, with what they become, and write that.

        `values` of a fact's record are those of the fields.
        """
        if not changed:
            return
        was = stored(model, changed, (*self.fields, "file_id"))
        for pk, fact in changed.items():
            if pk in was:
                *before, file_id = was[pk]
                # What a file says twice, or again after a line was mended, was not told before.
                if file_id != self.file.pk:
                    self.note(of(fact), file_id, before, list(values(fact.values[0])))
        self.write()

    def note(self, of: Of, old_file_id: int | None, before: Sequence[Any], after: Sequence[Any]) -> None:
        """Compare the fields of a row with what they were."""
        if before == after:
            # What has no column of its own was told otherwise.
            self._note(of, "breakdowns", None, "changed", old_file_id)
            return
        for name, was, now in zip(self.fields, before, after, strict=True):
            if was != now:
                self._note(of, name, was, now, old_file_id)

    def note_gone(self, of: Of, old_file_id: int | None) -> None:
        """A row that a complete file took out."""
        self._note(of, "line", "told", "taken out", old_file_id)

    def _note(self, of: Of, name: str, was: Any, now: Any, old_file_id: int | None) -> None:
        if self._left is None:
            self._recall()
        if self._left:
            self._left -= 1
            self._rows.append(
                (
                    of.account_id, self.report, of.day, of.what, of.user_id, of.name[:255], name,
                    told(was), told(now), 1, timezone.now(), old_file_id, self.file.pk,
                )
            )  # fmt: skip
            return
        key = (of.account_id, of.day, name)
        if key not in self._sums and len(self._sums) >= SUMS:
            return
        known = self._sums.setdefault(key, _Sum())
        known.rows += 1
        known.before += _number(was)
        known.after += _number(now)
        self._touched.add(key)

    def write(self) -> None:
        """Write what was noted since the last time; nothing noted is no query."""
        if self._rows:
            insert_rows(Restatement, COLUMNS, self._rows)
            self._rows.clear()
        if not self._touched:
            return
        now = timezone.now()
        new = [key for key in sorted(self._touched) if self._sums[key].pk is None]
        insert_rows(Restatement, COLUMNS, [self._sum_row(key, now) for key in new])
        if new:
            self._look_up()
        update_values(
            Restatement,
            ["before", "after", "rows"],
            [
                (told(one.before), told(one.after), one.rows, one.pk)
                for key in sorted(self._touched.difference(new))
                for one in (self._sums[key],)
            ],
        )
        self._touched.clear()

    def _sum_row(self, key: tuple[int, date, str], now: datetime) -> tuple[Any, ...]:
        account_id, day, name = key
        one = self._sums[key]
        return (
            account_id, self.report, day, Restatement.What.MANY.value, None, "", name,
            told(one.before), told(one.after), one.rows, now, None, self.file.pk,
        )  # fmt: skip

    def _look_up(self) -> None:
        rows = Restatement._default_manager.filter(new_file=self.file, what=Restatement.What.MANY).order_by()
        for pk, *key in rows.values_list("pk", "account_id", "day", "field"):
            if (known := self._sums.get(tuple(key))) is not None:  # type: ignore[arg-type]
                known.pk = pk

    def _recall(self) -> None:
        """What an interrupted run of the same file noted counts."""
        rows = Restatement._default_manager.filter(new_file=self.file).order_by()
        self._left = max(0, EACH - rows.exclude(what=Restatement.What.MANY).count())
        sums = rows.filter(what=Restatement.What.MANY).values_list(
            "pk", "account_id", "day", "field", "rows", "before", "after"
        )
        for pk, account_id, day, name, number, before, after in sums:
            self._sums[account_id, day, name] = _Sum(pk, number, Decimal(before or 0), Decimal(after or 0))


def stored(
    model: type[models.Model], pks: Collection[int], columns: Sequence[str]
) -> Mapping[int, Sequence[Any]]:
    """These columns of these rows as they are now, by key."""
    if not pks:
        return {}
    rows = model._default_manager.filter(pk__among=set(pks)).order_by().values_list("pk", *columns)
    return {pk: values for pk, *values in rows.iterator()}


def told(value: Any) -> str:
    """A value as it is kept: empty where nothing was told."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)[:80]


def _number(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, (int, Decimal)) else Decimal()
