"""A dry run of several files, and what they would change: by account and day, and by seat.

A dry run writes nothing, so what one batch or file would have written must be remembered for the next to
be told right. People's days, which are many, are remembered in a scratch file beside the upload: memory
stays flat. Everything is told of accounts by name, since an account that is met here first has no key.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Count, Sum
from pyroaring import BitMap64

from metrics.ingest.rehearsed_seats import BillChange, SeatChange, Stood, stand, woken
from metrics.models import UserDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats.accounts import AnotherAccount
from seats.models import Account

# Keys of people nobody has met lie above all that a table gives.
UNMET = 1 << 48
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SCRATCH = f"""
CREATE TABLE rows (
    account INTEGER, day INTEGER, user INTEGER, number INTEGER, observed_at INTEGER, content_hash BLOB,
    file INTEGER, {", ".join(COUNTERS)}, PRIMARY KEY (account, day, user)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A row as an earlier batch of the dry run would have left it."""

    number: int
    observed_at: datetime
    content_hash: bytes
    file: int
    counters: tuple[int | None, ...]


@dataclass(slots=True)
class DayChange:
    """What would become of a day of an account: people more or fewer, and of each counter the sum."""

    active_users: int = 0
    counters: list[int] = field(default_factory=lambda: [0] * len(COUNTERS))

    def add(self, counters: Sequence[int | None]) -> None:
        for place, value in enumerate(counters):
            self.counters[place] += value or 0

    def take(self, counters: Sequence[int | None]) -> None:
        for place, value in enumerate(counters):
            self.counters[place] -= value or 0


class Rehearsal:
    """What a dry run remembers; `scratch` is a file of its own that it may write to.

    By `ends_at`, a time of the monotonic clock, it ends and tells of what it has seen. It cannot go on
    another time: what the rows read so far would have left is in no table.
    """

    def __init__(self, scratch: Path, ends_at: float = math.inf) -> None:
        self._ends_at = ends_at
        scratch.unlink(missing_ok=True)
        scratch.touch(mode=0o600)
        self._path = scratch
        self._rows = sqlite3.connect(scratch, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16384", "locking_mode=EXCLUSIVE"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute(_SCRATCH)
        self._count = 0
        self._written: dict[tuple[int, date], BitMap64] = defaultdict(BitMap64)
        # Whose rows in the table a complete file would have removed.
        self.removed: dict[tuple[int, date], BitMap64] = defaultdict(BitMap64)
        # What people are called whom nobody has met before.
        self.logins: dict[int, str] = {}
        self._known = {account.pk: account.label for account in Account.objects.all()}
        # Met here first: below zero, so that no row of any table is theirs.
        self._met: dict[tuple[str, str], int] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self.labels = {pk: (str(pk), label) for pk, label in self._known.items()}
        self.files: dict[int, str] = {}
        self.coverage: dict[tuple[int, str, date], Any] = {}
        self.days: dict[tuple[int, date], DayChange] = defaultdict(DayChange)
        self.covered: dict[int, dict[str, set[date]]] = defaultdict(lambda: defaultdict(set))
        self.seats: dict[int, SeatChange] = {}
        self._bills: dict[tuple[int, str], BillChange] = defaultdict(BillChange)
        # By GitHub's ids of people, the newest day of use, and of credits spent.
        self._used: dict[int, date] = {}
        self._credits: dict[int, date] = {}

    def is_late(self) -> bool:
        return time.monotonic() > self._ends_at

    def close(self) -> None:
        self._rows.close()
        self._path.unlink(missing_ok=True)

    # Who and what it is about.

    def key_of(self, account: Account) -> int:
        """Of an account that is in the table its key there, of any other one below zero."""
        if account.pk in self._known:
            return account.pk
        name = (account.kind, account.label.lower())
        if name not in self._met:
            self._met[name] = -1 - len(self._met)
            self.labels[self._met[name]] = ("", f"{account.label} (new)")
        return self._met[name]

    def check_id(self, account: Account) -> None:
        """Raises AnotherAccount where an earlier file would have told another id of an account so called."""
        if not account.login or account.github_id is None:
            return
        known = self._ids.setdefault((account.kind, account.login.lower()), account.github_id)
        if known != account.github_id:
            raise AnotherAccount.by_id(account.kind, account.login, known, account.github_id)

    def knows_id(self, kind: str, login: str) -> bool:
        """Whether an earlier file would have told the id of this account."""
        return (kind, login.lower()) in self._ids

    def forget_id(self, kind: str, login: str) -> None:
        """The file that would have told it is refused."""
        self._ids.pop((kind, login.lower()), None)

    def number_of(self, file: ReportFile) -> int:
        """A key for a file that is never saved."""
        number = -1 - len(self.files)
        self.files[number] = file.sha256
        return number

    # People's days.

    def rows_of(self, account: int, day: date, users: Iterable[int]) -> dict[int, Rehearsed]:
        """Those of these people's rows that this dry run would have written."""
        written = self._written.get((account, day))
        met = written & BitMap64(users) if written else None
        return self._read(account, day, met) if met else {}

    def all_rows_of(self, account: int, day: date) -> dict[int, Rehearsed]:
        """Everybody's rows of a day that this dry run would have written."""
        return self._read(account, day, self._written[account, day])

    def remove(self, account: int, day: date, user: int) -> None:
        """As if this person's row of the day were gone."""
        self.removed[account, day].add(user)
        self._written[account, day].discard(user)

    def _read(self, account: int, day: date, met: BitMap64) -> dict[int, Rehearsed]:
        listed = ",".join(map(str, met))
        found = self._rows.execute(
            f"SELECT user, number, observed_at, content_hash, file, {', '.join(COUNTERS)} FROM rows "  # noqa: S608
            f"WHERE account = ? AND day = ? AND user IN ({listed})",  # numbers of our own
            (account, day.toordinal()),
        )
        return {
            user: Rehearsed(number, _instant(at), content_hash, file, tuple(counters))
            for user, number, at, content_hash, file, *counters in found
        }

    def write(
        self, account: int, rows: Iterable[tuple[int, date, int | None, datetime, bytes, int, Sequence[Any]]]
    ) -> None:
        """Remember (person, day, number or None, moment, hash, file, counters)."""
        values = []
        for user, day, number, observed_at, content_hash, file, counters in rows:
            self._count += 1
            # A number as a table's key would be one, but below zero.
            number = -self._count if number is None else number
            self._written[account, day].add(user)
            if (account, day) in self.removed:
                self.removed[account, day].discard(user)
            values.append(
                (account, day.toordinal(), user, number, _stamp(observed_at), content_hash, file, *counters)
            )
        marks = ", ".join("?" * (7 + len(COUNTERS)))
        self._rows.execute("BEGIN")
        self._rows.executemany(f"INSERT OR REPLACE INTO rows VALUES ({marks})", values)  # noqa: S608
        self._rows.execute("COMMIT")

    # Coverage and seats.

    def cover(self, account: int, report: str, day: date) -> None:
        """A day that no file told of so far would be told of."""
        self.covered[account][report].add(day)

    def note_seats(self, accounts: Iterable[Account], changed: int, before: Stood) -> None:
        """Within the transaction in which a file of seats was applied: how they stand now."""
        some = list(accounts)
        after = stand(some)
        for account in some:
            self._follow(self.key_of(account), account.pk, before, after).changed += changed

    def note_used(self, used: Mapping[int, date], credits_spent: Mapping[int, date]) -> None:
        """Who did something, by GitHub's ids, and when last."""
        for told, known in ((used, self._used), (credits_spent, self._credits)):
            for github_id, day in told.items():
                known[github_id] = max(day, known.get(github_id, day))

    def bill(self, account: Account, report: str) -> BillChange:
        """What would change of an account's bill."""
        return self._bills[self.key_of(account), report]

    def _follow(self, key: int, account_id: int, before: Stood, after: Stood) -> SeatChange:
        none: set[str] = set()
        held = before.held.get(account_id, none), after.held.get(account_id, none)
        idle = before.idle.get(account_id, none), after.idle.get(account_id, none)
        if key not in self.seats:
            self.seats[key] = SeatChange(set(held[0]), set(held[0]), set(idle[0]), set(idle[0]))
        self.seats[key].follow(held, idle)
        return self.seats[key]

    def _wake(self) -> None:
        """Whose seat would no longer be idle, now that it is known who did something."""
        before, after = woken(self._used, self._credits)
        for account_id, idle in before.idle.items():
            if idle != after.idle[account_id]:
                self._follow(account_id, account_id, before, after)

    # What comes of it.

    def figures(self) -> dict[str, Any]:
        """Before and after, in plain values: by account and day, the seats, and the bills."""
        self._wake()
        return {
            "days": [row for key in self._accounts_of(self.days) for row in self._days_of(key)],
            "covered": [
                {"account": self.labels[key][1], "report": report, "days": sorted(map(str, days))}
                for key in self._accounts_of((key, None) for key in self.covered)
                for report, days in sorted(self.covered[key].items())
            ],
            "seats": [
                {"account": self.labels[key][1], **change.figures()}
                for key, change in sorted(self.seats.items(), key=lambda item: self.labels[item[0]][1])
            ],
            "bills": [
                {"account": self.labels[key][1], **change.figures(key, report)}
                for (key, report), change in sorted(
                    self._bills.items(), key=lambda item: (self.labels[item[0][0]][1], item[0][1])
                )
                if change.days
            ],
        }

    def _accounts_of(self, keys: Iterable[tuple[int, Any]]) -> list[int]:
        return sorted({key for key, _ in keys}, key=lambda key: self.labels[key][1])

    def _days_of(self, account: int) -> list[dict[str, Any]]:
        changes = {day: change for (key, day), change in self.days.items() if key == account}
        before = _sums(account, changes)
        rows = []
        for day, change in sorted(changes.items()):
            active, counters = before.get(day, (0, [0] * len(COUNTERS)))
            if not change.active_users and not any(change.counters):
                continue
            after = [old + more for old, more in zip(counters, change.counters, strict=True)]
            rows.append(
                {
                    "account": self.labels[account][1],
                    "day": str(day),
                    "active_users": [active, active + change.active_users],
                    **{name: [old, new] for name, old, new in zip(COUNTERS, counters, after, strict=True)},
                }
            )
        return rows


def _sums(account: int, days: Iterable[date]) -> dict[date, tuple[int, list[int]]]:
    """What the rows of these days say so far; nothing of an account that is met here first."""
    if account < 0:
        return {}
    names = [f"sum_{name}" for name in COUNTERS]
    rows = UserDay.objects.filter(account_id=account, day__in=list(days)).order_by().values("day")
    sums = rows.annotate(active=Count("pk"), **{f"sum_{name}": Sum(name) for name in COUNTERS})
    return {
        day: (active, [int(value or 0) for value in values])
        for day, active, *values in sums.values_list("day", "active", *names)
    }


def _stamp(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(stamp: int) -> datetime:
    return _EPOCH + stamp * _MICROSECOND
