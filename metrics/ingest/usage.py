"""Take in usage: people's days, accounts' days and team membership, batch by batch.

A batch commits its rows, its rejects, its dirty days and how far it got in one transaction: a killed
import goes on behind it. What is kept per file and not per batch (logins seen, evidence) is gathered
again from the records that are skipped, so an interrupted import ends with the same rows as another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

from django.db import connection, transaction
from pyroaring import BitMap

from metrics import breakdowns
from metrics.formats.parsing import Parsed, can_share, parse_packed_user_day, parsed, parsed_beside
from metrics.formats.records import Broken, Record
from metrics.formats.scope import ScopeDayRecord, parse_scope_day
from metrics.formats.user_teams import UserTeamRecord, parse_user_team
from metrics.formats.users import UserDayRecord
from metrics.ingest.facts import Adapted, Fact, FileHashes, Key, Known, Table, classify
from metrics.ingest.options import Counts, Options, Refused
from metrics.ingest.scope import Scopes
from metrics.models import DirtyDay, ReportDay, ScopeDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from portal.models import RejectedLine, ReportFile
from seats import activity_seats, evidence
from seats.accounts import WrongAccount
from seats.models import Account, Team, TeamMembership
from seats.people import People
from seats.roster import meet_team

BATCH = 2_500
# From this size on it pays to start a second process.
SHARED_FROM = 32 * 1024 * 1024
# What is kept of a rejected line; a longer one is in the kept file.
KEPT_OF_A_LINE = 64 * 1024

NEVER = datetime.min.replace(tzinfo=UTC)


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


@dataclass(slots=True)
class Progress:
    """What an import remembers beside its rows."""

    counts: Counts = field(default_factory=Counts)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    accounts: dict[int, Account] = field(default_factory=dict)


class Intake:
    """The common part of taking in one usage file; subclasses know one kind of record."""

    report: ReportDay.Report

    def __init__(self, file: ReportFile, options: Options, *, is_retry: bool = False) -> None:
        self.file = file
        self.options = options
        self.is_retry = is_retry
        self.scopes = Scopes(options)
        self.people = People()
        self.hashes = FileHashes(file)
        self.adapted = Adapted()
        self.progress = Progress()
        self._covered: dict[tuple[int, date], tuple[datetime, str, bool]] = {}
        self._marked: set[tuple[int, date]] = set()

    # Subclasses say how a record is read, remembered and written.

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        raise NotImplementedError

    def remember(self, parsed: Any) -> None:
        """Gather what is kept per file: also called for records that a resumed import skips."""

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
        stream = iter(self.parsed(records))
        position = 0
        while batch := list(islice(stream, BATCH)):
            skipped = batch[: max(0, done - position)]
            position += len(batch)
            for record in skipped:
                if isinstance(record, Parsed):
                    self.remember(record.value)
            if len(skipped) < len(batch):
                self._take(batch[len(skipped) :], position)
            if on_batch is not None:
                on_batch(position)
        with transaction.atomic():
            if self.options.dry_run:
                self._insert_file()
            self.finish()
            activity_seats.settle_logins(self.people.flush())
            if self.options.dry_run:
                transaction.set_rollback(True)
        return self.progress

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
        with transaction.atomic():
            if self.options.dry_run:
                self._insert_file()
            rows: list[tuple[Account, Any]] = []
            for record in batch:
                if isinstance(record, Broken):
                    continue
                row = record.value
                try:
                    rows.append((self.scopes.of(row.enterprise_id, row.organization_id), row))
                except WrongAccount as error:
                    if not rows and self.file.records_done == 0 and not self.is_retry:
                        raise Refused(str(error)) from error
                    rejects.append(self._reject(record.number, str(error), record.raw))
            for _, row in rows:
                self.remember(row)
            self._lock({account.id: account for account, _ in rows})
            counts.add(self.write(rows))
            counts.rows_rejected += len(rejects)
            self.progress.counts.add(counts)
            self.progress.rejected += [(reject.line_number, reject.reason) for reject in rejects]
            self._record(counts, rejects, position)
            if self.options.dry_run:
                transaction.set_rollback(True)
        if self.options.dry_run:
            self.forget()

    def forget(self) -> None:
        """After a roll-back nothing that was met or marked in it is there."""
        self.scopes.forget()
        self.people.forget_keys()
        self._covered.clear()
        self._marked.clear()

    def _reject(self, number: int, reason: str, raw: bytes) -> RejectedLine:
        line = raw[:KEPT_OF_A_LINE].decode("utf-8", "replace").replace("\0", "\N{SYMBOL FOR NULL}")
        return RejectedLine(file=self.file, line_number=number, reason=reason, line=line)

    def _lock(self, accounts: Mapping[int, Account]) -> None:
        """One writer per account at a time: a second import of the same waits for this batch."""
        new = {pk: account for pk, account in accounts.items() if pk not in self.progress.accounts}
        self.progress.accounts.update(new)
        list(
            Account.objects.select_for_update().filter(pk__in=list(accounts)).order_by("pk").values_list("pk")
        )

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
        """Whether a newer complete file has already told all there was of this day."""
        at, sha256, is_complete = self._coverage(account, day)
        return is_complete and (at, sha256) > (observed_at, self.file.sha256)

    def _coverage(self, account: Account, day: date) -> tuple[datetime, str, bool]:
        key = (account.pk, day)
        if key not in self._covered:
            known = (
                ReportDay.objects.filter(account=account, report=self.report, day=day)
                .values_list("observed_at", "file__sha256", "is_complete")
                .first()
            )
            self._covered[key] = known or (NEVER, "", False)
        return self._covered[key]

    def cover(self, days: Mapping[tuple[int, date], datetime]) -> None:
        """Say that this file covers these (account, day), as of these moments."""
        for (account_id, day), observed_at in days.items():
            account = self.progress.accounts[account_id]
            at, sha256, is_complete = self._coverage(account, day)
            complete = self.options.complete or (is_complete and at >= observed_at)
            if (observed_at, self.file.sha256) <= (at, sha256) and complete == is_complete:
                continue
            newest = max((at, sha256), (observed_at, self.file.sha256))
            ReportDay.objects.update_or_create(
                account_id=account_id,
                report=self.report,
                day=day,
                defaults={"is_complete": complete}
                | (
                    {"file": self.file, "observed_at": observed_at}
                    if newest == (observed_at, self.file.sha256)
                    else {}
                ),
            )
            self._covered[account_id, day] = (*newest, complete)
        if days:
            first = min(day for _, day in days)
            last = max(day for _, day in days)
            self.file.first_day = min(first, self.file.first_day or first)
            self.file.last_day = max(last, self.file.last_day or last)
            newest_at = max(days.values())
            self.file.observed_at = max(newest_at, self.file.observed_at or newest_at)

    def mark_dirty(self, days: Iterable[tuple[int, date]]) -> None:
        """Say that these (account, day) must be added up again."""
        new = sorted(set(days) - self._marked)
        DirtyDay.objects.bulk_create(
            (DirtyDay(account_id=account_id, day=day) for account_id, day in new), ignore_conflicts=True
        )
        self._marked.update(new)


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

    def __init__(self, file: ReportFile, options: Options, *, is_retry: bool = False) -> None:
        super().__init__(file, options, is_retry=is_retry)
        self.table = Table(UserDay, self.COLUMNS)
        self.values = attrgetter(*self.READ)
        self.adapt_decimal: Callable[..., Any] = connection.ops.adapt_decimalfield_value
        self.used: dict[int, date] = {}
        self.credits: dict[int, date] = {}
        self.added: dict[tuple[int, date], BitMap] = defaultdict(BitMap)
        self._fresh: dict[tuple[int, date], bool] = {}

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        if self.file.size >= SHARED_FROM and can_share():
            return parsed_beside(records)
        return parsed(records, parse_packed_user_day)

    def remember(self, parsed: UserDayRecord) -> None:
        user_id, day = parsed.user_id, parsed.day
        self.people.saw(user_id, parsed.user_login, day)
        if not parsed.only_passive_review and day > self.used.get(user_id, date.min):
            self.used[user_id] = day
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
        if self.options.complete and not self.is_retry:
            self._remove_absent()

    def _remove_absent(self) -> None:
        """A complete file also says who was not there: those rows go, and are listed."""
        covered = ReportDay.objects.filter(file=self.file, report=self.report, is_complete=True)
        for report_day in covered.select_related("account"):
            # What this file said, or confirmed, bears its moment; whatever is older it did not contain.
            absent = UserDay.objects.filter(account_id=report_day.account_id, day=report_day.day).filter(
                observed_at__lt=report_day.observed_at
            )
            logins = list(absent.values_list("user__login", flat=True))
            if logins:
                absent.delete()
                self.progress.removed += [f"{login} on {report_day.day}" for login in sorted(logins)]
                self.mark_dirty([(report_day.account_id, report_day.day)])


class ScopeDays(Intake):
    """Accounts' days, as GitHub totals them."""

    report = ReportDay.Report.SCOPE

    READ = (
        *COUNTERS,
        "daily_active_users",
        "weekly_active_users",
        "monthly_active_users",
        "monthly_active_chat_users",
        "monthly_active_agent_users",
        "daily_active_cli_users",
    )
    COLUMNS = ("account", "day", "source", *READ, "file", "observed_at", "content_hash", "blob")

    def __init__(self, file: ReportFile, options: Options, *, is_retry: bool = False) -> None:
        super().__init__(file, options, is_retry=is_retry)
        self.table = Table(ScopeDay, self.COLUMNS)
        self.values = attrgetter(*self.READ)

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        return parsed(records, parse_scope_day)

    def write(self, rows: Sequence[tuple[Account, ScopeDayRecord]]) -> Counts:
        facts = [
            Fact((account.pk, row.day), row.observed_at, row.content_hash, (row,)) for account, row in rows
        ]
        known = {
            (account_id, day): Known(pk, observed_at or NEVER, bytes(content_hash or b""), file_id)
            for account_id, day, pk, observed_at, content_hash, file_id in ScopeDay.objects.filter(
                account_id__in={account.pk for account, _ in rows},
                day__in={row.day for _, row in rows},
                source=ScopeDay.Source.REPORT,
            ).values_list("account_id", "day", "pk", "observed_at", "content_hash", "file_id")
        }
        result = classify(facts, known, self.file, self.hashes)
        result.new = {key: self._ready(fact) for key, fact in result.new.items()}
        result.changed = {pk: self._ready(fact) for pk, fact in result.changed.items()}
        self.table.write(result, self.file)
        covered: dict[tuple[int, date], datetime] = {}
        for account, row in rows:
            key = (account.pk, row.day)
            covered[key] = max(row.observed_at, covered.get(key, row.observed_at))
        self.cover(covered)
        return result.counts

    def _ready(self, fact: Fact) -> Fact:
        row: ScopeDayRecord = fact.values[0]
        account_id, day = fact.key
        values = (
            account_id,
            self.adapted[day],
            ScopeDay.Source.REPORT.value,
            *self.values(row),
            self.file.pk,
            self.adapted[row.observed_at],
            row.content_hash,
            breakdowns.pack(row.rest),
        )
        return fact._replace(values=values)


class TeamRosters(Intake):
    """Who was in which team on a day."""

    report = ReportDay.Report.USER_TEAMS

    def __init__(self, file: ReportFile, options: Options, *, is_retry: bool = False) -> None:
        super().__init__(file, options, is_retry=is_retry)
        self.teams: dict[tuple[int, int], Team] = {}
        self.touched: set[int] = set()
        # For a complete file: all members it names, by team and day.
        self.seen: dict[tuple[int, int, date], BitMap] = {}

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        return parsed(records, parse_user_team)

    def remember(self, parsed: UserTeamRecord) -> None:
        self.people.saw(parsed.user_id, parsed.user_login, parsed.day)

    def write(self, rows: Sequence[tuple[Account, UserTeamRecord]]) -> Counts:
        keys = self.people.keys_of({row.user_id: row.user_login for _, row in rows})
        named: dict[tuple[int, date], list[tuple[int, UserTeamRecord]]] = defaultdict(list)
        covered: dict[tuple[int, date], datetime] = {}
        for account, row in rows:
            team = self._team(account, row)
            named[team.pk, row.day].append((keys[row.user_id], row))
            if self.options.complete:
                self.seen.setdefault((account.pk, team.pk, row.day), BitMap()).add(keys[row.user_id])
            key = (account.pk, row.day)
            covered[key] = max(row.observed_at, covered.get(key, row.observed_at))
        counts = self._merge(named)
        self.cover(covered)
        return counts

    def _team(self, account: Account, row: UserTeamRecord) -> Team:
        key = (account.pk, row.team_id)
        team = self.teams.get(key)
        if team is None or (
            row.slug and row.slug != team.slug and row.day >= (team.slug_seen_on or date.min)
        ):
            team = meet_team(account.pk, row.team_id, slug=row.slug, name="", day=row.day)
            if not self.options.dry_run:
                self.teams[key] = team
        return team

    def _merge(self, named: Mapping[tuple[int, date], Sequence[tuple[int, UserTeamRecord]]]) -> Counts:
        counts = Counts()
        teams = {team_id for team_id, _ in named}
        held = {
            (roster.team_id, roster.day): roster
            for roster in TeamRoster.objects.filter(
                team_id__in=teams, day__in={day for _, day in named}
            ).select_related("team")
        }
        accounts = dict(Team.objects.filter(pk__in=teams).values_list("pk", "account_id"))
        for (team_id, day), rows in named.items():
            roster = held.get((team_id, day))
            members = roster.user_keys if roster else BitMap()
            before = len(members)
            account = self.progress.accounts[accounts[team_id]]
            for user_key, row in rows:
                if user_key in members:
                    counts.rows_unchanged += 1
                elif self.is_closed(account, day, row.observed_at):
                    counts.rows_superseded += 1
                else:
                    counts.rows_new += 1
                    members.add(user_key)
            observed_at = max(row.observed_at for _, row in rows)
            if len(members) != before:
                self._save(team_id, day, members, observed_at)
                self.mark_dirty([(account.pk, day)])
        return counts

    def _save(self, team_id: int, day: date, members: BitMap, observed_at: datetime) -> None:
        self.touched.add(team_id)
        TeamRoster.objects.update_or_create(
            team_id=team_id,
            day=day,
            defaults={
                "members": members.serialize(),
                "member_count": len(members),
                "file": self.file,
                "observed_at": observed_at,
            },
        )

    def finish(self) -> None:
        if self.options.complete and not self.is_retry:
            self._remove_absent()
        show_memberships(self.touched)

    def _remove_absent(self) -> None:
        """A complete file also says who was in no team that day."""
        covered = ReportDay.objects.filter(file=self.file, report=self.report, is_complete=True)
        for report_day in covered:
            rosters = TeamRoster.objects.filter(team__account_id=report_day.account_id, day=report_day.day)
            for roster in rosters.select_related("team"):
                named = self.seen.get((report_day.account_id, roster.team_id, report_day.day), BitMap())
                gone = roster.user_keys - named
                if not gone:
                    continue
                self.touched.add(roster.team_id)
                self.mark_dirty([(report_day.account_id, report_day.day)])
                self.progress.removed.append(f"{len(gone)} of {roster.team} on {report_day.day}")
                if named:
                    self._save(roster.team_id, report_day.day, named, report_day.observed_at)
                else:
                    roster.delete()


def show_memberships(team_ids: Iterable[int]) -> None:
    """Make the membership shown today that of each team's newest covered day."""
    for team_id in team_ids:
        roster = TeamRoster.objects.filter(team_id=team_id).order_by("-day").first()
        members = set(roster.user_keys) if roster else set()
        held = set(TeamMembership.objects.filter(team_id=team_id).values_list("user_id", flat=True))
        for gone in evidence.chunks(sorted(held - members)):
            TeamMembership.objects.filter(team_id=team_id, user_id__in=gone).delete()
        if roster:
            TeamMembership.objects.filter(team_id=team_id).update(seen_on=roster.day)
            TeamMembership.objects.bulk_create(
                (
                    TeamMembership(team_id=team_id, user_id=user_id, seen_on=roster.day)
                    for user_id in sorted(members - held)
                ),
                batch_size=500,
            )
