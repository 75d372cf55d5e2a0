"""Take in usage: people's days, accounts' days and team membership, batch by batch.

A batch commits its rows, its rejects, its dirty days and how far it got in one transaction: a killed
import goes on behind it. What is kept per file and not per batch (logins seen, evidence) is gathered
again from the records that are skipped, so an interrupted import ends with the same rows as another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, Protocol

import msgspec
from django.db import transaction

from metrics.formats.parsing import Parsed
from metrics.formats.records import Broken, Record
from metrics.ingest.facts import Adapted, FileHashes
from metrics.ingest.ids_told import ids_told, tells_one
from metrics.ingest.options import Counts, Options, Refused
from metrics.ingest.rebuild_teams import outdate_teams
from metrics.ingest.scope import Ids, Scopes
from metrics.models import DirtyDay, ReportDay
from portal.models import RejectedLine, ReportFile
from seats import activity_seats
from seats.accounts import WrongAccount, take_turns
from seats.models import Account
from seats.people import People

BATCH = 2_500
# What is kept of a rejected line; a longer one is in the kept file.
KEPT_OF_A_LINE = 64 * 1024

NEVER = datetime.min.replace(tzinfo=UTC)


# (account, day)
Days = set[tuple[int, date]]
# From its first to its last day, both included.
Window = tuple[date, date]


class Dated(Protocol):
    """What all usage records have in common."""

    @property
    def day(self) -> date: ...
    @property
    def observed_at(self) -> datetime: ...
    @property
    def enterprise_id(self) -> int | None: ...
    @property
    def organization_id(self) -> int | None: ...


class Coverage(NamedTuple):
    """What is known of a day by one report: as of when, and of which file; and of the newest complete one."""

    observed_at: datetime = NEVER
    is_complete: bool = False
    sha256: str = ""
    closed_at: datetime = NEVER
    closed_by: str = ""

    def and_of(self, observed_at: datetime, is_complete: bool, sha256: str) -> Coverage:
        """The same once another file has told of the day, too; it does not matter which came first."""
        newest = max(self[:3], (observed_at, is_complete, sha256))
        closed = max(self[3:], (observed_at, sha256)) if is_complete else self[3:]
        return Coverage(*newest, *closed)


@dataclass(slots=True)
class Progress:
    """What an import remembers beside its rows."""

    counts: Counts = field(default_factory=Counts)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    accounts: dict[int, Account] = field(default_factory=dict)


class Intake:
    """The common part of taking in one usage file; subclasses know one kind of record."""

    # What it covers; a system that is closed covers nothing, and its days are added to none.
    report: ReportDay.Report | None = None
    adds_up = True
    # Whether its lines tell the ids of their accounts.
    tells_ids = True

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        """`is_retry`: the file's own record stands, only its rows are written; `only`: of these days."""
        self.file = file
        self.options = options
        self.is_retry = is_retry
        self.only = only
        self.scopes = Scopes(options)
        self.people = People()
        self.hashes = FileHashes(file)
        self.adapted = Adapted()
        self.progress = Progress()
        self._covered: dict[tuple[int, date], Coverage] = {}
        # For a complete file: the days of which it tells all there was, and as of when.
        self.told: dict[tuple[int, date], datetime] = {}
        # The days that lines say their report tells of, by whose it is, and as of when.
        self.windows: dict[tuple[Ids, Window], datetime] = {}
        self.is_cut = False
        # Of a dry run that had to end before the file did: behind which record.
        self.ended_behind: int | None = None
        # What `write` finds wrong with records that were not read to their end before.
        self.late_rejects: list[RejectedLine] = []

    # Subclasses say where their rows are, and how a record is read, remembered and written.

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        """The (account, day) in which rows of this file stand."""
        raise NotImplementedError

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        """Remove what this report said of a day."""
        raise NotImplementedError

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        raise NotImplementedError

    def account_of(self, row: Any) -> Account:
        """Whose the record is; raises WrongAccount where that contradicts what was named."""
        return self.scopes.of(row.enterprise_id, row.organization_id)

    def remember(self, parsed: Any) -> None:
        """Gather what is kept per file: also called for records that a resumed import skips."""

    def hear(self, row: Any) -> None:
        """What a record of a day that is not made anew says of days that are: a window covers quiet ones."""

    def write(self, rows: Sequence[tuple[Account, Any]]) -> Counts:
        raise NotImplementedError

    def finish(self) -> None:
        """Write what was gathered over the whole file."""

    # The run.

    def run(
        self, records: Iterable[Record | Broken], on_batch: Callable[[int], None] | None = None
    ) -> Progress:
        """Take in all records; raises Refused before anything is written if the file is another account's."""
        done = 0 if self.is_retry else self.file.records_done
        self.scopes.file = self.file
        stream = iter(self.parsed(records))
        position = 0
        while batch := list(islice(stream, BATCH)):
            skipped = batch[: max(0, done - position)]
            position += len(batch)
            self.is_cut = self.is_cut or any(isinstance(record, Broken) and record.is_cut for record in batch)
            for record in skipped:
                if isinstance(record, Parsed):
                    self.remember(record.value)
            if position == len(batch) == BATCH and not self.is_retry:
                self._look_ahead()
            if len(skipped) < len(batch):
                self._take(batch[len(skipped) :], position)
            if on_batch is not None:
                on_batch(position)
            if self.options.rehearsal is not None and self.options.rehearsal.is_late():
                self.is_cut, self.ended_behind = True, position
                break
        with self.in_one_go():
            if self.options.dry_run:
                self._insert_file()
            self.take_turns()
            self._cover_windows()
            self.finish()
            activity_seats.settle_logins(self.people.flush())
            if self.options.dry_run:
                self.take_back()
        return self.progress

    def _look_ahead(self) -> None:
        """Raises Refused where the file is at odds over who the named account is, before a batch is written.

        Only where its id is not known, as a rule of the first file of an account: to read just the ids costs
        little beside reading the lines. A dry run has nothing to take back: it looks at them as they come.
        """
        if self.tells_ids and self.scopes.may_learn() and not tells_one(self.file, self.scopes.key):
            for ids in ids_told(self.file):
                self.scopes.learn(*ids)

    def in_one_go(self) -> AbstractContextManager[None]:
        """Around what is written together or not at all."""
        return transaction.atomic()

    def take_turns(self) -> None:
        """Wait for whoever writes, before what concerns the whole file is written.

        And for whoever adds up days of its accounts: it would take their marks away, not having read what
        is written now.
        """
        take_turns()
        self._lock(self.progress.accounts)

    def take_back(self) -> None:
        """At the end of what a dry run wrote."""
        transaction.set_rollback(True)

    @property
    def says_who_was_absent(self) -> bool:
        """Whether rows that the file does not have are to go.

        Where GitHub sent lines that cannot be read, one of them may be the one that seems to be missing; it
        may come behind the place where a file breaks off.
        """
        is_unclear = self.options.observed_at is not None and self.progress.counts.rows_rejected > 0
        reads_it_whole = not self.is_retry or self.only is not None
        return self.options.complete and reads_it_whole and not is_unclear and not self.is_cut

    @property
    def notes_changes(self) -> bool:
        """Whether what it changes of stored values is noted: not where days are only made anew."""
        return not self.options.dry_run and self.only is None

    def _insert_file(self) -> None:
        """A dry run rolls back batch by batch: the file's own row must be there anew in each."""
        self.file.pk = None
        self.file._state.adding = True
        self.file.save()
        self.hashes = FileHashes(self.file)

    def _take(self, batch: Sequence[Parsed | Broken], position: int) -> None:
        counts = Counts()
        rejects = [
            self._reject(record.number, record.reason, record.raw)
            for record in batch
            if isinstance(record, Broken)
        ]
        with self.in_one_go():
            if self.options.dry_run:
                self._insert_file()
            rows: list[tuple[Account, Any]] = []
            covers, observed_at = self.options.covers, self.options.observed_at
            takes_all = self.options.days is None and self.only is None
            wrong: WrongAccount | None = None
            for record in batch:
                if isinstance(record, Broken):
                    continue
                row = record.value
                if observed_at is not None:
                    # In place, of a record that nobody else holds: a copy of each would be twice the work.
                    msgspec.structs.force_setattr(row, "observed_at", observed_at)
                try:
                    account = self.account_of(row)
                    if covers and not covers[0] <= row.day <= covers[1]:
                        reason = f"it is of {row.day}, a day that the report it came in does not tell of"
                        rejects.append(self._reject(record.number, reason, record.raw))
                    elif takes_all or self._is_asked_for(account, row.day):
                        rows.append((account, row))
                    elif self.options.days is None or row.day in self.options.days:
                        self.hear(row)
                except WrongAccount as error:
                    wrong = wrong or error
                    rejects.append(self._reject(record.number, str(error), record.raw))
            # Whatever comes first: that no line of many is of the account that was named is no accident.
            if wrong is not None and not rows and self.file.records_done == 0 and not self.is_retry:
                raise Refused(str(wrong)) from wrong
            for _, row in rows:
                self.remember(row)
            self._lock({account.id: account for account, _ in rows})
            counts.add(self.write(rows))
            if self.late_rejects:
                rejects = sorted([*rejects, *self.late_rejects], key=lambda reject: reject.line_number)
                self.late_rejects.clear()
            counts.rows_rejected += len(rejects)
            self.progress.counts.add(counts)
            self.progress.rejected += [(reject.line_number, reject.reason) for reject in rejects]
            self._record(counts, rejects, position)
            if self.options.dry_run:
                self.take_back()
        if self.options.dry_run:
            self.forget()

    def _is_asked_for(self, account: Account, day: date) -> bool:
        if self.options.days is not None and day not in self.options.days:
            return False
        return self.only is None or (account.id, day) in self.only

    def forget(self) -> None:
        """After a roll-back nothing that was met in it is there."""
        self.scopes.forget()
        self.people.forget_keys()
        self._covered.clear()

    def _reject(self, number: int, reason: str, raw: bytes) -> RejectedLine:
        line = raw[:KEPT_OF_A_LINE].decode("utf-8", "replace").replace("\0", "\N{SYMBOL FOR NULL}")
        return RejectedLine(file=self.file, line_number=number, reason=reason, line=line)

    def _lock(self, accounts: Mapping[int, Account]) -> None:
        """One writer per account at a time: a second import of the same waits for this batch."""
        new = {pk: account for pk, account in accounts.items() if pk not in self.progress.accounts}
        self.progress.accounts.update(new)
        rows = Account.objects.select_for_update().filter(pk__in=list(accounts))
        list(rows.order_by("pk").values_list("pk"))

    def _record(self, counts: Counts, rejects: Sequence[RejectedLine], position: int) -> None:
        """Bring the file's own record up to date, in the same transaction as the rows."""
        if self.is_retry:
            return
        RejectedLine.objects.bulk_create(rejects, batch_size=200)
        file = self.file
        for name, number in counts.as_dict().items():
            setattr(file, name, getattr(file, name) + number)
        file.conflicts += counts.conflicts
        if not self.options.dry_run:
            file.records_done = position
        if len(self.progress.accounts) == 1:
            file.subject = next(iter(self.progress.accounts.values())).subject
        file.save()

    # Coverage.

    def is_closed(self, account: Account, day: date, observed_at: datetime) -> bool:
        """Whether a complete file has told all there was of this day, and is the newer one.

        At the same moment a complete file beats one that is not, and of two complete ones the sha256 decides.
        A line of that file itself, mended since, is what it told.
        """
        known = self._coverage(account, day)
        if known.closed_by in ("", self.file.sha256):
            return False
        if known.closed_at != observed_at:
            return known.closed_at > observed_at
        return not self.options.complete or known.closed_by > self.file.sha256

    def _coverage(self, account: Account, day: date) -> Coverage:
        key = (account.pk, day)
        if key not in self._covered:
            self._look_up_coverage([key])
        return self._covered[key]

    def _look_up_coverage(self, days: Iterable[tuple[int, date]]) -> None:
        """As it stands now; those of an account with one question."""
        by_account: dict[int, list[date]] = defaultdict(list)
        for account_id, day in days:
            self._covered[account_id, day] = Coverage()
            by_account[account_id].append(day)
        for account_id, some in by_account.items():
            known = ReportDay.objects.filter(account_id=account_id, report=self.report, day__in=some)
            rows = known.order_by().values_list(
                "day", "observed_at", "is_complete", "file__sha256", "closed_at", "closed_by__sha256"
            )
            for day, observed_at, is_complete, sha256, closed_at, closed_by in rows:
                self._covered[account_id, day] = Coverage(
                    observed_at, is_complete, sha256, closed_at or NEVER, closed_by or ""
                )

    def tells_all(self, known: Coverage, observed_at: datetime) -> bool:
        """Whether this file is the newest complete one of a day."""
        return self.options.complete and known[3:] == (observed_at, self.file.sha256)

    def cover(self, days: Mapping[tuple[int, date], datetime]) -> None:
        """Say that this file covers these (account, day), as of these moments; their accounts are locked."""
        self._look_up_coverage(days)
        new: list[ReportDay] = []
        for (account_id, day), observed_at in days.items():
            known = self._covered[account_id, day]
            said = known.and_of(observed_at, self.options.complete, self.file.sha256)
            if self.tells_all(said, observed_at):
                self.told[account_id, day] = observed_at
            if said == known:
                continue
            if self.options.rehearsal is not None and known.observed_at == NEVER:
                account = self.options.rehearsal.key_of(self.progress.accounts[account_id])
                self.options.rehearsal.cover(account, str(self.report), day)
            told: dict[str, Any] = {}
            if said[:3] != known[:3]:
                told |= {"file": self.file, "observed_at": observed_at, "is_complete": said.is_complete}
            if said[3:] != known[3:]:
                told |= {"closed_at": observed_at, "closed_by": self.file}
            if known.observed_at == NEVER:
                new.append(ReportDay(account_id=account_id, report=str(self.report), day=day, **told))
            else:
                row = ReportDay.objects.filter(account_id=account_id, report=self.report, day=day)
                row.update(**told)
            self._covered[account_id, day] = said
        ReportDay.objects.bulk_create(new)
        self.span(days)

    def span(self, days: Mapping[tuple[int, date], datetime]) -> None:
        """Note from when to when the file speaks, and as of when."""
        if days:
            first = min(day for _, day in days)
            last = max(day for _, day in days)
            self.file.first_day = min(first, self.file.first_day or first)
            self.file.last_day = max(last, self.file.last_day or last)
            newest_at = max(days.values())
            self.file.observed_at = max(newest_at, self.file.observed_at or newest_at)

    def _cover_windows(self) -> None:
        """Cover the days that the report tells of by telling nothing: nobody did anything on them.

        Not for a file that breaks off, and not for single lines that are tried again.
        """
        if self.report is None or self.is_cut or (self.is_retry and self.only is None):
            return
        windows: list[tuple[Account, Window, datetime]] = []
        for (ids, window), at in self.windows.items():
            # The lines of another account were rejected, one by one.
            with suppress(WrongAccount):
                windows.append((self.scopes.of(*ids), window, at))
        if self.options.covers and self.options.observed_at and (named := self.scopes.named()):
            windows.append((named, self.options.covers, self.options.observed_at))
        days: dict[tuple[int, date], datetime] = {}
        for account, (first, last), at in windows:
            for number in range((last - first).days + 1):
                day = first + timedelta(days=number)
                if self._is_asked_for(account, day):
                    days[account.pk, day] = max(at, days.get((account.pk, day), at))
        self._lock({account.pk: account for account, _, _ in windows})
        if self.adds_up:
            accounts = self.progress.accounts
            self.mark_dirty(
                (account_id, day)
                for account_id, day in days
                if self._coverage(accounts[account_id], day).observed_at == NEVER
            )
        self.cover(days)

    def mark_dirty(self, days: Iterable[tuple[int, date]]) -> None:
        """Say that these (account, day) must be added up again; in the transaction of what they say.

        Every batch says so anew: whoever adds up what waits may have done a day while it still comes in.
        """
        some = sorted(set(days))
        DirtyDay.objects.bulk_create(
            (DirtyDay(account_id=account_id, day=day) for account_id, day in some), ignore_conflicts=True
        )
        outdate_teams(some)
