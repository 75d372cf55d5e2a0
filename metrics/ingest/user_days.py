"""Take in people's days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import msgspec
from django.db import connection
from pyroaring import BitMap

from metrics.formats.errors import BadRecord
from metrics.formats.parsing import (
    Parsed,
    can_share,
    parse_packed_user_day,
    parsed,
    parsed_beside,
    text_of,
)
from metrics.formats.records import Broken, Record
from metrics.formats.users import UserDayGlimpse, UserDayRecord
from metrics.ingest.facts import Fact, Key, Known, Read, Row, Table, classify
from metrics.ingest.options import Counts, Options
from metrics.ingest.restatements import Of, Restatements
from metrics.ingest.usage import NEVER, Days, Intake
from metrics.models import ReportDay, Restatement, UserDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats import evidence
from seats.models import Account

# From this size on it pays to start other processes.
SHARED_FROM = 32 * 1024 * 1024

Line = UserDayRecord | UserDayGlimpse


# What is read back of a row that is there, as the database has it: converting all of it would cost more
# than reading it.
HELD = (
    "user",
    "id",
    "observed_at",
    "content_hash",
    "file",
    "line_hash",
    "only_passive_review",
    "ai_credits_used",
)
LINE_HASH = HELD.index("line_hash")
Held = tuple[Any, ...]


def select_of(names: Sequence[str]) -> str:
    """The rows of some people on a day of an account, but for the list of their keys."""
    quote = connection.ops.quote_name
    fields = {field.name: quote(str(field.column)) for field in UserDay._meta.concrete_fields}
    # SQLite parses every instant anew, unless it stands in an expression.
    as_it_is = "+" if connection.vendor == "sqlite" else ""
    columns, table = ", ".join(as_it_is + fields[name] for name in names), quote(UserDay._meta.db_table)
    where = f"{fields['account']} = %s AND {fields['day']} = %s AND {fields['user']} IN"
    return f"SELECT {columns} FROM {table} WHERE {where}"  # noqa: S608 - names come from the model


class _Memory:
    """Whether most lines of the file have been taken in before: then a glimpse at one will do."""

    def __init__(self) -> None:
        self._serves = False
        self._has_failed = False

    def serves(self) -> bool:
        return self._serves

    def would_serve(self, met: int, lines: int) -> None:
        """So many of these lines, all read whole, would have been known by a glimpse."""
        self._serves = not self._has_failed and 2 * met > lines

    def served(self, met: int, lines: int) -> None:
        """So many of these lines were known by a glimpse; the others had to be read once more."""
        if 2 * met < lines:
            self._serves, self._has_failed = False, True


class UserDays(Intake):
    """People's days."""

    report = ReportDay.Report.USERS

    READ = (
        *COUNTERS,
        "used_agent",
        "used_chat",
        "used_cli",
        "used_copilot_cloud_agent",
        "used_copilot_app",
        "used_vscode_agent",
        "used_copilot_code_review_active",
        "used_copilot_code_review_passive",
        "phase_number",
        "only_passive_review",
    )
    COLUMNS = (
        "account",
        "user",
        "day",
        *READ,
        "ai_credits_used",
        "file",
        "observed_at",
        "content_hash",
        "line_hash",
        "blob",
    )

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self.table = Table(UserDay, self.COLUMNS, seen_again=("observed_at", "file", "line_hash"))
        self.select = select_of(HELD)
        self.values = attrgetter(*self.READ)
        self.adapt_decimal: Callable[..., Any] = connection.ops.adapt_decimalfield_value
        self.read_instant = Read(UserDay, "observed_at")
        self.used: dict[int, date] = {}
        self.credits: dict[int, date] = {}
        self.added: dict[tuple[int, date], BitMap] = defaultdict(BitMap)
        # For a complete file: everybody it names, by account and day.
        self.named: dict[tuple[int, date], BitMap] = defaultdict(BitMap)
        self._fresh: dict[tuple[int, date], bool] = {}
        self.memory = _Memory()
        self.notes = Restatements(file, str(self.report), (*self.READ, "ai_credits_used"))
        self.told_values = attrgetter(*self.READ, "ai_credits_used")

    def _whose(self, account: Account) -> Callable[[Fact], Of]:
        person = Restatement.What.PERSON.value
        return lambda fact: Of(account.id, fact.key[1], person, user_id=fact.key[0])

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        return set(UserDay.objects.filter(file=file).order_by().values_list("account_id", "day").distinct())

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        UserDay.objects.filter(account_id=account_id, day=day).delete()

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        if self.file.size >= SHARED_FROM and can_share():
            return parsed_beside(records, self.memory.serves)
        return parsed(records, parse_packed_user_day)

    def remember(self, parsed: Line) -> None:
        # What is only glimpsed at may still prove to be broken.
        if isinstance(parsed, UserDayRecord):
            self._remember(parsed, parsed.only_passive_review, bool(parsed.ai_credits_used))

    def _remember(self, row: Line, only_passive_review: bool, has_credits: bool) -> None:
        user_id, day = row.user_id, row.day
        self.people.saw(user_id, row.user_login, day)
        if not only_passive_review and day > self.used.get(user_id, date.min):
            self.used[user_id] = day
        self.hear(row)
        if has_credits and day > self.credits.get(user_id, date.min):
            self.credits[user_id] = day

    def hear(self, row: Line) -> None:
        if row.window is not None:
            told = ((row.enterprise_id, row.organization_id), row.window)
            if row.observed_at > self.windows.get(told, NEVER):
                self.windows[told] = row.observed_at

    def write(self, rows: Sequence[tuple[Account, Line]]) -> Counts:
        by_account: dict[int, list[Line]] = defaultdict(list)
        for account, row in rows:
            # `id` is an attribute, `pk` a property: a third of a microsecond, a million times.
            by_account[account.id].append(row)
        counts = Counts()
        for account_id, some in by_account.items():
            counts.add(self._write_account(self.progress.accounts[account_id], some))
        return counts

    def _write_account(self, account: Account, rows: Sequence[Line]) -> Counts:
        held = self._held(account, rows)
        met, records = self._told_apart(rows, held)
        keys = self.people.keys_of({row.user_id: row.user_login for row in records})
        facts = [
            Fact((keys[row.user_id], row.day), row.observed_at, row.content_hash, (row,)) for row in records
        ]
        known = {fact.key: self._known(held[fact.key]) for fact in facts if fact.key in held}
        result = classify(facts, known, self.file, self.hashes, self._closed(account, records))
        result.counts.rows_unchanged += len(met)
        if self.notes_changes:
            self.notes.note_changed(UserDay, result.changed, self.told_values, self._whose(account))
        again = [(fact.values[0], pk) for pk, fact in result.confirmed.items()]
        again += [(row, pk) for row, pk, observed_at in met if row.observed_at > observed_at]
        self.table.write_rows(
            [self._ready(account, fact) for fact in result.new.values()],
            [(*self._ready(account, fact), pk) for pk, fact in result.changed.items()],
            [(self.adapted[row.observed_at], self.file.pk, row.line_hash, pk) for row, pk in again],
        )
        for user_key, day in result.new:
            self.added[account.pk, day].add(user_key)
        written = {fact.key[1] for fact in (*result.new.values(), *result.changed.values())}
        self.mark_dirty((account.pk, day) for day in written)
        self._cover(account, [*records, *(row for row, _, _ in met)], keys)
        return result.counts

    def _closed(self, account: Account, records: Sequence[UserDayRecord]) -> Callable[[Fact], bool] | None:
        """How to tell whether a complete file has told of a fact's day already; None where none has."""
        if not self.options.complete and all(
            self._is_fresh(account, day) for day in {row.day for row in records}
        ):
            return None
        told: dict[tuple[date, datetime], bool] = {}

        def is_closed(fact: Fact) -> bool:
            asked = (fact.key[1], fact.observed_at)
            if asked not in told:
                told[asked] = self.is_closed(account, *asked)
            return told[asked]

        return is_closed

    def _cover(self, account: Account, rows: Iterable[Line], keys: Mapping[int, int]) -> None:
        covered: dict[date, datetime] = {}
        for row in rows:
            at = covered.get(row.day)
            if at is None or row.observed_at > at:
                covered[row.day] = row.observed_at
            if self.options.complete:
                self.named[account.pk, row.day].add(keys[row.user_id])
        self.cover({(account.pk, day): at for day, at in covered.items()})

    # Lines that have been met before.

    def _told_apart(
        self, rows: Sequence[Line], held: Mapping[Key, Held]
    ) -> tuple[list[tuple[UserDayGlimpse, int, datetime]], list[UserDayRecord]]:
        """Glimpses of lines that were taken in before, with their row's key and moment; and all else.

        What was only glimpsed at and is not known has been read to its end.
        """
        met: list[tuple[UserDayGlimpse, int, datetime]] = []
        records: list[UserDayRecord] = []
        keys = self.people.known_keys_of(())
        times: Counter[Key] = Counter()
        glimpses = 0
        for row in rows:
            if isinstance(row, UserDayRecord):
                records.append(row)
                continue
            glimpses += 1
            times = times or Counter((row.user_id, row.day) for row in rows)
            there = held.get((keys.get(row.user_id, 0), row.day))
            # Which of several lines of one day stands is told by all that they say.
            if there and there[LINE_HASH] == row.line_hash and times[row.user_id, row.day] == 1:
                _, pk, observed_at, _, _, _, only_passive_review, ai_credits = there
                met.append((row, pk, self.read_instant[observed_at]))
                self._remember(row, bool(only_passive_review), bool(ai_credits))
            elif record := self._read_whole(row):
                records.append(record)
        if glimpses:
            self.memory.served(len(met), glimpses)
        elif held:
            self.memory.would_serve(
                sum(
                    there[LINE_HASH] == row.line_hash
                    for row in records
                    if row.line_hash and (there := held.get((keys.get(row.user_id, 0), row.day)))
                ),
                len(rows),
            )
        return met, records

    def _read_whole(self, glimpse: UserDayGlimpse) -> UserDayRecord | None:
        """The line behind a glimpse; None where it is rejected."""
        raw = text_of(glimpse.number, glimpse.text)
        try:
            record = parse_packed_user_day(raw, {})
        except BadRecord as error:
            self.late_rejects.append(self._reject(glimpse.number, str(error), raw))
            return None
        msgspec.structs.force_setattr(record, "observed_at", glimpse.observed_at)
        self.remember(record)
        return record

    def _held(self, account: Account, rows: Sequence[Line]) -> dict[Key, Held]:
        """What the table holds of these people's days."""
        keys = self.people.known_keys_of([row.user_id for row in rows])
        users_of: dict[date, set[int]] = defaultdict(set)
        for row in rows:
            if key := keys.get(row.user_id):
                users_of[row.day].add(key)
        held: dict[Key, Held] = {}
        for day, users in users_of.items():
            # A day that no file covered before has no rows but those this file added.
            if not self._is_fresh(account, day) or self.added[account.pk, day].intersect(BitMap(users)):
                # Numbers of our own, so they may stand in the text.
                listed = ",".join(map(str, sorted(users)))
                with connection.cursor() as cursor:
                    cursor.execute(f"{self.select} ({listed})", (account.pk, self.adapted[day]))
                    held.update(((there[0], day), there) for there in cursor.fetchall())
        return held

    def _known(self, there: Held) -> Known:
        _, pk, observed_at, content_hash, file_id, *_ = there
        return Known(pk, self.read_instant[observed_at], bytes(content_hash), file_id)

    # Rows.

    def _ready(self, account: Account, fact: Fact) -> Row:
        """The values of the columns as the database wants them."""
        row: UserDayRecord = fact.values[0]
        user_key, day = fact.key
        ai_credits = row.ai_credits_used
        if ai_credits is not None:
            ai_credits = self.adapt_decimal(ai_credits, 18, 9)
        return (
            account.id,
            user_key,
            self.adapted[day],
            *self.values(row),
            ai_credits,
            self.file.pk,
            self.adapted[row.observed_at],
            row.content_hash,
            row.line_hash,
            row.rest,
        )

    def _is_fresh(self, account: Account, day: date) -> bool:
        key = (account.pk, day)
        if key not in self._fresh:
            self._fresh[key] = self._coverage(account, day).observed_at == NEVER
        return self._fresh[key]

    def forget(self) -> None:
        super().forget()
        self._fresh.clear()
        self.added.clear()

    def finish(self) -> None:
        keys = self.people.keys_of(dict.fromkeys([*self.used, *self.credits], ""))
        evidence.note("usage_report", {keys[user_id]: day for user_id, day in self.used.items()})
        evidence.note("ai_credits", {keys[user_id]: day for user_id, day in self.credits.items()})
        if self.says_who_was_absent:
            self._remove_absent()

    def _remove_absent(self) -> None:
        """A complete file also says who was not there: those rows go, and are listed."""
        for (account_id, day), at in self.told.items():
            rows = UserDay.objects.filter(account_id=account_id, day=day, observed_at__lte=at).values_list(
                "pk", "user_id", "user__login", "file_id", "observed_at", "file__is_complete", "file__sha256"
            )
            said = (at, True, self.file.sha256)
            absent = {
                pk: (login, user_id, file_id)
                for pk, user_id, login, file_id, *known in rows.iterator()
                if user_id not in self.named[account_id, day] and tuple(known) < said
            }
            self.progress.removed += [f"{login} on {day}" for login, *_ in sorted(absent.values())]
            if absent and not self.options.dry_run:
                if self.notes_changes:
                    for _, user_id, file_id in absent.values():
                        whose = Of(account_id, day, Restatement.What.PERSON.value, user_id=user_id)
                        self.notes.note_gone(whose, file_id)
                    self.notes.write()
                for pks in evidence.chunks(sorted(absent)):
                    UserDay.objects.filter(pk__in=pks).delete()
                self.mark_dirty([(account_id, day)])
