"""Take in accounts' days, as GitHub totals them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter

from metrics import breakdowns
from metrics.formats.parsing import Parsed, parsed
from metrics.formats.records import Broken, Record
from metrics.formats.scope import ScopeDayRecord, parse_scope_day
from metrics.ingest.facts import Fact, Known, Table, classify
from metrics.ingest.options import Counts, Options
from metrics.ingest.rebuild_weeks import outdate_weeks
from metrics.ingest.restatements import Of, Restatements
from metrics.ingest.usage import NEVER, Days, Intake
from metrics.models import ReportDay, Restatement, ScopeDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats.models import Account


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

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self.table = Table(ScopeDay, self.COLUMNS)
        self.values = attrgetter(*self.READ)
        self.notes = Restatements(file, str(self.report), self.READ)

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        return set(ScopeDay.objects.filter(file=file).order_by().values_list("account_id", "day").distinct())

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        ScopeDay.objects.filter(account_id=account_id, day=day, source=ScopeDay.Source.REPORT).delete()

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
        accounts = {account.pk: account for account, _ in rows}
        result = classify(
            facts,
            known,
            self.file,
            self.hashes,
            lambda fact: self.is_closed(accounts[fact.key[0]], fact.key[1], fact.observed_at),
        )
        if self.notes_changes:
            self.notes.note_changed(
                ScopeDay,
                result.changed,
                self.values,
                lambda fact: Of(fact.key[0], fact.key[1], Restatement.What.ACCOUNT.value),
            )
        result.new = {key: self._ready(fact) for key, fact in result.new.items()}
        result.changed = {pk: self._ready(fact) for pk, fact in result.changed.items()}
        self.table.write(result, self.file)
        if result.new or result.changed:
            outdate_weeks((account.pk, row.day) for account, row in rows)
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
