"""Take in repositories' days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter

from metrics import breakdowns
from metrics.formats.parsing import Parsed, parsed
from metrics.formats.records import Broken, Record
from metrics.formats.repositories import RepositoryDayRecord, parse_repository_day
from metrics.ingest.facts import Fact, Key, Known, Table, classify
from metrics.ingest.options import Counts, Options
from metrics.ingest.restatements import Of, Restatements
from metrics.ingest.scope import Scopes
from metrics.ingest.usage import Days, Intake
from metrics.models import ReportDay, RepositoryDay, Restatement
from metrics.models.repository_day import PULL_REQUEST_COUNTERS
from portal.models import ReportFile
from seats import evidence
from seats.models import Account


class RepositoryDays(Intake):
    """Repositories' days: those with Copilot activity."""

    report = ReportDay.Report.REPOSITORIES
    adds_up = False

    READ = ("repo_owner_name", "repo_name", "repo_visibility", *PULL_REQUEST_COUNTERS)
    COLUMNS = ("account", "repo_id", "day", *READ, "file", "observed_at", "content_hash", "blob")

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self.scopes = Scopes(options, names_owners=True)
        self.table = Table(RepositoryDay, self.COLUMNS)
        self.values = attrgetter(*self.READ)
        self.notes = Restatements(file, str(self.report), self.READ)
        # For a complete file: every repository it names, by account and day.
        self.named: dict[tuple[int, date], set[int]] = defaultdict(set)

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        return set(
            RepositoryDay.objects.filter(file=file).order_by().values_list("account_id", "day").distinct()
        )

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        RepositoryDay.objects.filter(account_id=account_id, day=day).delete()

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        return parsed(records, parse_repository_day)

    def remember(self, parsed: RepositoryDayRecord) -> None:
        """Nothing is kept of the whole file."""

    def write(self, rows: Sequence[tuple[Account, RepositoryDayRecord]]) -> Counts:
        facts: dict[int, list[Fact]] = defaultdict(list)
        covered: dict[tuple[int, date], datetime] = {}
        for account, row in rows:
            at, key = row.observed_at, (account.pk, row.day)
            facts[account.pk].append(Fact((row.repo_id, row.day), at, row.content_hash, (row,)))
            covered[key] = max(at, covered.get(key, at))
            if self.options.complete:
                self.named[account.pk, row.day].add(row.repo_id)
        counts = Counts()
        for account_id, some in facts.items():
            counts.add(self._write_account(self.progress.accounts[account_id], some))
        self.cover(covered)
        return counts

    def _write_account(self, account: Account, facts: Sequence[Fact]) -> Counts:
        result = classify(
            facts,
            self._known(account, facts),
            self.file,
            self.hashes,
            lambda fact: self.is_closed(account, fact.key[1], fact.observed_at),
        )
        if self.notes_changes:
            self.notes.note_changed(
                RepositoryDay,
                result.changed,
                self.values,
                lambda fact: Of(
                    account.pk, fact.key[1], Restatement.What.REPOSITORY.value, name=fact.values[0].repo_name
                ),
            )
        result.new = {key: self._ready(account, fact) for key, fact in result.new.items()}
        result.changed = {pk: self._ready(account, fact) for pk, fact in result.changed.items()}
        self.table.write(result, self.file)
        return result.counts

    def _known(self, account: Account, facts: Sequence[Fact]) -> dict[Key, Known]:
        rows = RepositoryDay.objects.filter(
            account=account,
            repo_id__in={fact.key[0] for fact in facts},
            day__in={fact.key[1] for fact in facts},
        ).values_list("repo_id", "day", "pk", "observed_at", "content_hash", "file_id")
        return {
            (repo_id, day): Known(pk, observed_at, bytes(content_hash), file_id)
            for repo_id, day, pk, observed_at, content_hash, file_id in rows
        }

    def _ready(self, account: Account, fact: Fact) -> Fact:
        row: RepositoryDayRecord = fact.values[0]
        repo_id, day = fact.key
        values = (
            account.pk,
            repo_id,
            self.adapted[day],
            *self.values(row),
            self.file.pk,
            self.adapted[fact.observed_at],
            row.content_hash,
            breakdowns.pack(row.rest),
        )
        return fact._replace(values=values)

    def finish(self) -> None:
        if self.says_who_was_absent:
            self._remove_absent()

    def _remove_absent(self) -> None:
        """A complete file also says which repositories had nothing that day: those rows go, listed."""
        for (account_id, day), at in self.told.items():
            rows = RepositoryDay.objects.filter(account_id=account_id, day=day, observed_at__lte=at)
            said = (at, True, self.file.sha256)
            absent = {
                row.pk: str(row)
                for row in rows.select_related("file").defer("blob", "content_hash")
                if row.repo_id not in self.named[account_id, day]
                and (row.observed_at, row.file.is_complete, row.file.sha256) < said
            }
            self.progress.removed += sorted(absent.values())
            if absent and not self.options.dry_run:
                for pks in evidence.chunks(sorted(absent)):
                    RepositoryDay.objects.filter(pk__in=pks).delete()
