"""Take in people's days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from django.db import connection
from pyroaring import BitMap

from metrics.formats.parsing import Parsed, can_share, parse_packed_user_day, parsed, parsed_beside
from metrics.formats.records import Broken, Record
from metrics.formats.users import UserDayRecord
from metrics.ingest.facts import Fact, Key, Known, Table, classify
from metrics.ingest.options import Counts, Options
from metrics.ingest.usage import NEVER, Days, Intake
from metrics.models import ReportDay, UserDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats import evidence
from seats.models import Account

# From this size on it pays to start a second process.
SHARED_FROM = 32 * 1024 * 1024


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
        "blob",
    )

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self.table = Table(UserDay, self.COLUMNS)
        self.values = attrgetter(*self.READ)
        self.adapt_decimal: Callable[..., Any] = connection.ops.adapt_decimalfield_value
        self.used: dict[int, date] = {}
        self.credits: dict[int, date] = {}
        self.added: dict[tuple[int, date], BitMap] = defaultdict(BitMap)
        # For a complete file: everybody it names, by account and day.
        self.named: dict[tuple[int, date], BitMap] = defaultdict(BitMap)
        self._fresh: dict[tuple[int, date], bool] = {}

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        return set(UserDay.objects.filter(file=file).order_by().values_list("account_id", "day").distinct())

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        UserDay.objects.filter(account_id=account_id, day=day).delete()

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        if self.file.size >= SHARED_FROM and can_share():
            return parsed_beside(records)
        return parsed(records, parse_packed_user_day)

    def remember(self, parsed: UserDayRecord) -> None:
        user_id, day = parsed.user_id, parsed.day
        self.people.saw(user_id, parsed.user_login, day)
        if not parsed.only_passive_review and day > self.used.get(user_id, date.min):
            self.used[user_id] = day
        if parsed.window is not None:
            told = ((parsed.enterprise_id, parsed.organization_id), parsed.window)
            if parsed.observed_at > self.windows.get(told, NEVER):
                self.windows[told] = parsed.observed_at
        if parsed.ai_credits_used and day > self.credits.get(user_id, date.min):
            self.credits[user_id] = day

    def write(self, rows: Sequence[tuple[Account, UserDayRecord]]) -> Counts:
        keys = self.people.keys_of({row.user_id: row.user_login for _, row in rows})
        facts: dict[int, list[Fact]] = defaultdict(list)
        covered: dict[tuple[int, date], datetime] = {}
        for account, row in rows:
            key = (keys[row.user_id], row.day)
            # `id` is an attribute, `pk` a property: a third of a microsecond, a million times.
            account_id = account.id
            facts[account_id].append(Fact(key, row.observed_at, row.content_hash, (row,)))
            at = covered.get((account_id, row.day))
            if at is None or row.observed_at > at:
                covered[account_id, row.day] = row.observed_at
            if self.options.complete:
                self.named[account_id, row.day].add(key[0])
        counts = Counts()
        for account_id, some in facts.items():
            counts.add(self._write_account(self.progress.accounts[account_id], some))
        self.cover(covered)
        return counts

    def _write_account(self, account: Account, facts: Sequence[Fact]) -> Counts:
        known = self._known(account, facts)
        result = classify(
            facts,
            known,
            self.file,
            self.hashes,
            lambda fact: self.is_closed(account, fact.key[1], fact.observed_at),
        )
        result.new = {fact.key: self._ready(account, fact) for fact in result.new.values()}
        result.changed = {pk: self._ready(account, fact) for pk, fact in result.changed.items()}
        self.table.write(result, self.file)
        written = {(account.pk, fact.key[1]) for fact in (*result.new.values(), *result.changed.values())}
        self.mark_dirty(written)
        for user_key, day in result.new:
            self.added[account.pk, day].add(user_key)
        return result.counts

    def _known(self, account: Account, facts: Sequence[Fact]) -> dict[Key, Known]:
        users_of: dict[date, set[int]] = defaultdict(set)
        for fact in facts:
            users_of[fact.key[1]].add(fact.key[0])
        # A day that no file covered before has no rows but those this file added.
        days = [
            day
            for day, users in users_of.items()
            if not self._is_fresh(account, day) or self.added[account.pk, day].intersect(BitMap(users))
        ]
        if not days:
            return {}
        users = set().union(*(users_of[day] for day in days))
        rows = UserDay.objects.filter(account=account, day__in=days, user_id__in=users).values_list(
            "user_id", "day", "pk", "observed_at", "content_hash", "file_id"
        )
        return {
            (user_id, day): Known(pk, observed_at, bytes(content_hash), file_id)
            for user_id, day, pk, observed_at, content_hash, file_id in rows
        }

    def _ready(self, account: Account, fact: Fact) -> Fact:
        """The fact with its columns' values as the database wants them."""
        row: UserDayRecord = fact.values[0]
        user_key, day = fact.key
        ai_credits = row.ai_credits_used
        if ai_credits is not None:
            ai_credits = self.adapt_decimal(ai_credits, 18, 9)
        values = (
            account.id,
            user_key,
            self.adapted[day],
            *self.values(row),
            ai_credits,
            self.file.pk,
            self.adapted[row.observed_at],
            row.content_hash,
            row.rest,
        )
        return fact._replace(values=values)

    def _is_fresh(self, account: Account, day: date) -> bool:
        key = (account.pk, day)
        if key not in self._fresh:
            self._fresh[key] = self._coverage(account, day)[0] == NEVER
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
                "pk", "user_id", "user__login", "observed_at", "file__is_complete", "file__sha256"
            )
            said = (at, True, self.file.sha256)
            absent = {
                pk: login
                for pk, user_id, login, *known in rows.iterator()
                if user_id not in self.named[account_id, day] and tuple(known) < said
            }
            self.progress.removed += [f"{login} on {day}" for login in sorted(absent.values())]
            if absent and not self.options.dry_run:
                for pks in evidence.chunks(sorted(absent)):
                    UserDay.objects.filter(pk__in=pks).delete()
                self.mark_dirty([(account_id, day)])
