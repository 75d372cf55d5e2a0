"""A dry run of people's days that writes nothing, be the file as large as it may.

The same lines are parsed, the same step classifies them; only what is held to compare them with is the
table and what the dry run itself would have written before, and what comes of it are figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from django.db import connection, transaction
from pyroaring import BitMap64

from metrics.formats.parsing import Parsed, can_share, parse_packed_user_day, parsed, parsed_beside
from metrics.formats.records import Broken, Record
from metrics.formats.users import UserDayRecord
from metrics.ingest.facts import Fact, FileHashes, Key, Known, classify
from metrics.ingest.options import Counts, Options, Refused
from metrics.ingest.rehearsal import UNMET, Rehearsal, Rehearsed
from metrics.ingest.scope import Scopes
from metrics.ingest.usage import NEVER, Coverage
from metrics.ingest.user_days import HELD, SHARED_FROM, Line, UserDays, select_of
from metrics.models import UserDay
from metrics.models.counters import COUNTERS
from portal.models import RejectedLine, ReportFile
from seats.models import Account
from seats.people import People

_counters = attrgetter(*COUNTERS)


class RehearsedScopes(Scopes):
    """Accounts as they would be met; one that is new gets no row."""

    def __init__(self, options: Options, rehearsal: Rehearsal) -> None:
        super().__init__(options)
        self.rehearsal = rehearsal

    def named(self) -> Account | None:
        with self._taken_back():
            account = super().named()
        return account and self._keyed(account)

    def _meet(self, enterprise_id: int | None, organization_id: int | None) -> Account:
        with self._taken_back():
            account = super()._meet(enterprise_id, organization_id)
        self.rehearsal.check_id(account)
        return self._keyed(account)

    def _knows_id(self) -> bool:
        return super()._knows_id() or self.rehearsal.knows_id(self._kind, self._login)

    def learn(self, enterprise_id: int | None, organization_id: int | None) -> None:
        try:
            super().learn(enterprise_id, organization_id)
        except Refused:
            # Nothing of the file is taken in: what it told before is not known either.
            self.rehearsal.forget_id(self._kind, self._login)
            raise

    @contextmanager
    def _taken_back(self) -> Iterator[None]:
        """For a moment: once for each account of a file."""
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    def _keyed(self, account: Account) -> Account:
        account.pk = self.rehearsal.key_of(account)
        return account

    def forget(self) -> None:
        """Nothing was made that is gone."""


class RehearsedPeople(People):
    """People as they would be met; a new one is known by a key that no table gives."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__()
        self.rehearsal = rehearsal

    def _make(self, github_ids: Collection[int], logins: Mapping[int, str]) -> None:
        for github_id in github_ids:
            self._keys[github_id] = UNMET + github_id
            self.rehearsal.logins[UNMET + github_id] = logins[github_id]

    def forget_keys(self) -> None:
        """Nothing was made that is gone."""

    def flush(self) -> set[str]:
        return set()


class RehearsedUserDays(UserDays):
    def __init__(self, file: ReportFile, options: Options) -> None:
        super().__init__(file, options)
        assert isinstance(options.rehearsal, Rehearsal)  # noqa: S101 - whoever chose this class has one
        self.rehearsal = options.rehearsal
        file.pk = self.rehearsal.number_of(file)
        self.scopes = RehearsedScopes(options, self.rehearsal)
        self.people = RehearsedPeople(self.rehearsal)
        self.hashes = _Hashes(file, self.rehearsal)
        self.select = select_of((*HELD, *COUNTERS))
        self._named: dict[tuple[int, date], BitMap64] = defaultdict(BitMap64)

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        # What an earlier batch would have written has no row: every line is read to its end.
        if self.file.size >= SHARED_FROM and can_share():
            return parsed_beside(records)
        return parsed(records, parse_packed_user_day)

    # What a real run does around the rows, it does not.

    @contextmanager
    def in_one_go(self) -> Iterator[None]:
        yield

    def take_turns(self) -> None:
        """Nobody has to wait for it."""

    def take_back(self) -> None:
        """Nothing was written."""

    def _insert_file(self) -> None:
        """It is never saved."""

    def _lock(self, accounts: Mapping[int, Account]) -> None:
        self.progress.accounts.update(accounts)

    def forget(self) -> None:
        """Nothing was made that is gone."""

    def mark_dirty(self, days: Iterable[tuple[int, date]]) -> None:
        """Nothing is to be added up."""

    def _record(self, counts: Counts, rejects: Sequence[RejectedLine], position: int) -> None:
        for name, number in counts.as_dict().items():
            setattr(self.file, name, getattr(self.file, name) + number)
        if len(self.progress.accounts) == 1:
            self.file.subject = next(iter(self.progress.accounts.values())).subject

    # Coverage, as far as the dry run itself would have told it.

    def _coverage(self, account: Account, day: date) -> Coverage:
        key = (account.pk, str(self.report), day)
        if key not in self.rehearsal.coverage:
            self.rehearsal.coverage[key] = super()._coverage(account, day)
        known: Coverage = self.rehearsal.coverage[key]
        return known

    def cover(self, days: Mapping[tuple[int, date], datetime]) -> None:
        for (account_id, day), observed_at in days.items():
            known = self._coverage(self.progress.accounts[account_id], day)
            said = known.and_of(observed_at, self.options.complete, self.file.sha256)
            if self.tells_all(said, observed_at):
                self.told[account_id, day] = observed_at
            if known.observed_at == NEVER:
                self.rehearsal.cover(account_id, str(self.report), day)
            self.rehearsal.coverage[account_id, str(self.report), day] = said
        self.span(days)

    # Rows.

    def _write_account(self, account: Account, rows: Sequence[Line]) -> Counts:
        records = [row for row in rows if isinstance(row, UserDayRecord)]
        keys = self.people.keys_of({row.user_id: row.user_login for row in records})
        facts = [
            Fact((keys[row.user_id], row.day), row.observed_at, row.content_hash, (row,)) for row in records
        ]
        held = self._held(account, records)
        rehearsed = self._rehearsed(account, facts)
        known: dict[Key, Known] = {key: self._known(there) for key, there in held.items()}
        known |= {
            key: Known(row.number, row.observed_at, row.content_hash, row.file)
            for key, row in rehearsed.items()
        }
        result = classify(facts, known, self.file, self.hashes, self._closed(account, records))
        before: dict[int, tuple[int | None, ...]] = {
            there[1]: tuple(there[len(HELD) :]) for there in held.values()
        }
        before |= {row.number: row.counters for row in rehearsed.values()}
        changes = self.rehearsal.days
        for (_, day), fact in result.new.items():
            changes[account.pk, day].active_users += 1
            changes[account.pk, day].add(_counters(fact.values[0]))
        for number, fact in result.changed.items():
            change = changes[account.pk, fact.key[1]]
            change.take(before[number])
            change.add(_counters(fact.values[0]))
        written: list[tuple[int | None, Fact]] = [(None, fact) for fact in result.new.values()]
        written += [*result.changed.items(), *result.confirmed.items()]
        self.rehearsal.write(
            account.pk,
            [
                (
                    *fact.key,
                    number,
                    fact.observed_at,
                    fact.content_hash,
                    self.file.pk,
                    _counters(fact.values[0]),
                )
                for number, fact in written
            ],
        )
        self._cover(account, records, keys)
        return result.counts

    def _rehearsed(self, account: Account, facts: Sequence[Fact]) -> dict[Key, Rehearsed]:
        users_of: dict[date, set[int]] = defaultdict(set)
        for fact in facts:
            users_of[fact.key[1]].add(fact.key[0])
        return {
            (user, day): row
            for day, users in users_of.items()
            for user, row in self.rehearsal.rows_of(account.pk, day, users).items()
        }

    def _held(self, account: Account, rows: Sequence[Line]) -> dict[Key, Any]:
        """What the table holds of these people's days."""
        held: dict[Key, Any] = {}
        if account.pk < 0:
            return held
        keys = self.people.known_keys_of([row.user_id for row in rows])
        users_of: dict[date, set[int]] = defaultdict(set)
        for row in rows:
            if (key := keys.get(row.user_id, UNMET)) < UNMET:
                users_of[row.day].add(key)
        for day, users in users_of.items():
            listed = ",".join(map(str, sorted(users)))  # numbers of our own
            with connection.cursor() as cursor:
                cursor.execute(f"{self.select} ({listed})", (account.pk, self.adapted[day]))
                rows_held = cursor.fetchall()
            gone = self.rehearsal.removed.get((account.pk, day), ())
            held.update(((there[0], day), there) for there in rows_held if there[0] not in gone)
        return held

    def _cover(self, account: Account, rows: Iterable[Line], keys: Mapping[int, int]) -> None:
        covered: dict[date, datetime] = {}
        for row in rows:
            if (at := covered.get(row.day)) is None or row.observed_at > at:
                covered[row.day] = row.observed_at
            if self.options.complete:
                self._named[account.pk, row.day].add(keys[row.user_id])
        self.cover({(account.pk, day): at for day, at in covered.items()})

    def finish(self) -> None:
        self.rehearsal.note_used(self.used, self.credits)
        if self.says_who_was_absent:
            self._remove_absent()

    def _remove_absent(self) -> None:
        for (account_id, day), at in self.told.items():
            said = (at, True, self.file.sha256)
            named = self._named[account_id, day]
            change = self.rehearsal.days[account_id, day]
            absent: list[str] = []
            for user_id, login, known, counters in self._standing(account_id, day):
                if user_id not in named and known < said:
                    absent.append(login)
                    change.active_users -= 1
                    change.take(counters)
                    self.rehearsal.remove(account_id, day, user_id)
            self.progress.removed += [f"{login} on {day}" for login in sorted(absent)]

    def _standing(
        self, account_id: int, day: date
    ) -> Iterator[tuple[int, str, tuple[datetime, bool, str], Sequence[int | None]]]:
        """Everybody with a row on that day by now: who, called how, told when by which file, and counters."""
        rehearsed = self.rehearsal.all_rows_of(account_id, day)
        gone = self.rehearsal.removed[account_id, day].copy()
        logins = self.rehearsal.logins
        rows = UserDay.objects.filter(account_id=account_id, day=day).values_list(
            "user_id", "user__login", "observed_at", "file__is_complete", "file__sha256", *COUNTERS
        )
        for user_id, login, at, is_complete, sha256, *counters in rows.iterator():
            if user_id in rehearsed:
                logins[user_id] = login
            elif user_id not in gone:
                yield user_id, login, (at, is_complete, sha256), counters
        for user_id, row in rehearsed.items():
            told = (row.observed_at, self.options.complete, self.rehearsal.files[row.file])
            yield user_id, logins.get(user_id, ""), told, row.counters


class _Hashes(FileHashes):
    """sha256 by file, those of the dry run among them."""

    def __init__(self, file: ReportFile, rehearsal: Rehearsal) -> None:
        super().__init__(file)
        self._hashes.update(rehearsal.files.items())
