"""Take in bills: AI usage, premium requests and metered usage, line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from django.db.models import Min
from pyroaring import BitMap64

from metrics.formats.billing_lines import CURRENCY, BillingRecord, parse_billing_line
from metrics.formats.csv_lines import READ_AS_WINDOWS, WINDOWS
from metrics.formats.parsing import Parsed, parsed
from metrics.formats.records import Broken, Record
from metrics.ingest.facts import Classified, Fact, Known, classify
from metrics.ingest.options import Counts, Options
from metrics.ingest.rehearsed_seats import BillChange
from metrics.ingest.usage import Days, Intake
from metrics.models import ReportDay
from portal.bulk import insert_rows, update_values
from portal.models import ReportFile
from seats import billed_people, evidence
from seats.accounts import WrongAccount, meet
from seats.models import Account, BillingLine

# What the table says of a line as the bill does.
READ = (
    "product", "sku", "model", "unit_type", "quantity", "price", "gross_amount", "discount_amount",
    "net_amount", "ai_credits", "ai_credits_gross_amount", "monthly_quota", "exceeds_quota", "organization",
    "repository", "cost_center_name", "workflow_path", "more",
)  # fmt: skip
COLUMNS = (
    "account", "report", "day", "line_key", "repeat", "used_at", "username", "username_key", "user", *READ,
    "currency", "file", "observed_at", "content_hash",
)  # fmt: skip

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Each second since stands for so many microseconds: half a century is less than a day.
TICKS = 50

# Fingerprint of a line, and which of several alike it is.
LineKey = tuple[str, int]


class Bills(Intake):
    """Lines of one kind of bill.

    A bill does not say when it was made. It speaks of a day as of its own newest one, up to three days later,
    when the day is settled; of two that know as much, the one that came later is the newer.
    """

    adds_up = False
    tells_ids = False
    kind: ClassVar[BillingLine.Report]

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self._named: dict[str, Account] = {}
        # Fingerprints met in this file, and how often those that were met again: memory stays flat.
        self._met = BitMap64()
        self._met_again: Counter[str] = Counter()
        # For a complete file: every line it has, by account and day.
        self._told_lines: dict[tuple[int, date], set[LineKey]] = defaultdict(set)
        self._came_at = self._first_came()

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        rows = BillingLine.objects.filter(file=file, report=cls.kind).order_by()
        return set(rows.values_list("account_id", "day").distinct())

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        BillingLine.objects.filter(account_id=account_id, report=cls.kind, day=day).delete()

    def _first_came(self) -> datetime:
        same = ReportFile.objects.filter(sha256=self.file.sha256, kind=self.file.kind)
        first: datetime | None = same.aggregate(first=Min("received_at"))["first"]
        return min(first, self.file.received_at) if first else self.file.received_at

    def parsed(self, records: Iterable[Record | Broken]) -> Iterator[Parsed | Broken]:
        # When it came, squeezed into the day that it speaks as of: later is more.
        later = timedelta(microseconds=int((self._came_at - LONG_AGO).total_seconds() * TICKS))
        for record in parsed(self._noticed(records), parse_billing_line):
            if isinstance(record, Parsed):
                record.value.observed_at = self.options.taken_at or record.value.observed_at + later
            yield record

    def _noticed(self, records: Iterable[Record | Broken]) -> Iterator[Record | Broken]:
        for record in records:
            if isinstance(record, Record) and record.header.get("encoding") == WINDOWS:
                self.progress.notes = [READ_AS_WINDOWS]
            yield record

    def account_of(self, row: BillingRecord) -> Account:
        """The account that was named; else the organization that the line names."""
        login = row.organization.lower()
        account = self._named.get(login)
        if account is None:
            account = self._named[login] = self._account(row.organization)
        return account

    def _account(self, organization: str) -> Account:
        named = self.scopes.named()
        if named is None:
            if not organization:
                raise WrongAccount(
                    "The bill does not say whose it is: name the organization (--organization) or the "
                    "enterprise (--enterprise) it was made for."
                )
            known = Account.objects.named(Account.Kind.ORGANIZATION, organization).first()
            return known or meet(Account.Kind.ORGANIZATION, login=organization)
        is_other = organization and named.login and organization.lower() != named.login.lower()
        if named.kind == Account.Kind.ORGANIZATION and is_other and not named.bore(organization):
            raise WrongAccount(
                f"The line is of the organization {organization}, not of {named.label}: name the enterprise "
                "the bill was made for, or nobody."
            )
        return named

    def forget(self) -> None:
        super().forget()
        self._named.clear()

    def remember(self, parsed: BillingRecord) -> None:
        """Count lines that are alike: a bill may have several, and each costs."""
        fingerprint = int(parsed.key[:16], 16)
        if fingerprint not in self._met:
            self._met.add(fingerprint)
            return
        self._met_again[parsed.key] += 1
        parsed.repeat = self._met_again[parsed.key]

    def write(self, rows: Sequence[tuple[Account, BillingRecord]]) -> Counts:
        if self.is_retry and self.only is None:
            self._stand_behind(rows)
        facts: dict[int, list[Fact]] = defaultdict(list)
        covered: dict[tuple[int, date], datetime] = {}
        for account, row in rows:
            key = (row.key, row.repeat)
            facts[account.pk].append(
                Fact((key, row.day), row.observed_at, row.content_hash, (row,))  # type: ignore[arg-type]
            )
            place = (account.pk, row.day)
            covered[place] = max(row.observed_at, covered.get(place, row.observed_at))
            if self.options.complete:
                self._told_lines[place].add(key)
        counts = Counts()
        holders = billed_people.Billed(row.username for _, row in rows)
        for account_id, some in facts.items():
            counts.add(self._write_account(self.progress.accounts[account_id], some, holders))
        if self.kind == BillingLine.Report.AI_USAGE:
            billed_people.note(holders, ((row.username, row.day) for _, row in rows if row.quantity > 0))
        self.cover(covered)
        return counts

    def _stand_behind(self, rows: Sequence[tuple[Account, BillingRecord]]) -> None:
        """A line that is tried again follows those like it that the file has brought already."""
        keys = {row.key for _, row in rows}
        known = BillingLine.objects.filter(file=self.file, line_key__in=keys).order_by()
        brought = Counter(known.values_list("account_id", "line_key"))
        for account, row in rows:
            row.repeat += brought[account.pk, row.key]

    def _write_account(
        self, account: Account, facts: Sequence[Fact], holders: billed_people.Billed
    ) -> Counts:
        result = classify(
            facts,
            self._known(account, facts),
            self.file,
            self.hashes,
            lambda fact: self.is_closed(account, fact.key[1], fact.observed_at),
        )
        if self.options.rehearsal is not None:
            self._rehearse(self.options.rehearsal.bill(account, str(self.kind)), facts, result)
        new = [self._values(account, fact, holders) for fact in result.new.values()]
        changed = [(*self._values(account, fact, holders), pk) for pk, fact in result.changed.items()]
        insert_rows(BillingLine, COLUMNS, new)
        update_values(BillingLine, COLUMNS, changed)
        confirmed = [(fact.observed_at, self.file.pk, pk) for pk, fact in result.confirmed.items()]
        update_values(BillingLine, ("observed_at", "file"), confirmed)
        return result.counts

    def _rehearse(self, change: BillChange, facts: Sequence[Fact], result: Classified) -> None:
        """Note what would change of the sums."""
        change.days.update(fact.key[1] for fact in facts)
        for fact in (*result.new.values(), *result.changed.values()):
            change.add(1, fact.values[0].gross_amount, fact.values[0].net_amount)
        for row in BillingLine.objects.filter(pk__in=list(result.changed)):
            self._take_off(change, row)

    @staticmethod
    def _take_off(change: BillChange, row: BillingLine) -> None:
        gross, net = row.gross_amount, row.net_amount
        change.add(-1, gross and -gross, net and -net)

    def _known(self, account: Account, facts: Sequence[Fact]) -> dict[Any, Known]:
        rows = BillingLine.objects.filter(
            account=account,
            report=self.kind,
            day__in={fact.key[1] for fact in facts},
            line_key__in={fact.values[0].key for fact in facts},
        ).values_list("line_key", "repeat", "day", "pk", "observed_at", "content_hash", "file_id")
        return {
            ((line_key, repeat), day): Known(pk, observed_at, bytes(content_hash), file_id)
            for line_key, repeat, day, pk, observed_at, content_hash, file_id in rows
        }

    def _values(self, account: Account, fact: Fact, holders: billed_people.Billed) -> tuple[Any, ...]:
        row: BillingRecord = fact.values[0]
        return (
            account.pk,
            self.kind.value,
            row.day,
            row.key,
            row.repeat,
            row.at,
            row.username,
            row.username.lower(),
            holders.on(row.username, row.day),
            *(getattr(row, name) for name in READ),
            CURRENCY,
            self.file.pk,
            fact.observed_at,
            row.content_hash,
        )

    def finish(self) -> None:
        if self.says_who_was_absent:
            self._remove_absent()

    def _remove_absent(self) -> None:
        """A complete bill also says what is on it no more: those lines go, listed."""
        for (account_id, day), at in self.told.items():
            rows = BillingLine.objects.filter(
                account_id=account_id, report=self.kind, day=day, observed_at__lte=at
            )
            said = (at, True, self.file.sha256)
            absent = {
                row.pk: row
                for row in rows.select_related("file").defer("content_hash", "more")
                if (row.line_key, row.repeat) not in self._told_lines[account_id, day]
                and (row.observed_at, row.file.is_complete, row.file.sha256) < said
            }
            self.progress.removed += sorted(map(str, absent.values()))
            if self.options.rehearsal is not None and absent:
                change = self.options.rehearsal.bill(self.progress.accounts[account_id], str(self.kind))
                for row in absent.values():
                    self._take_off(change, row)
            if absent and not self.options.dry_run:
                for pks in evidence.chunks(sorted(absent)):
                    BillingLine.objects.filter(pk__in=pks).delete()


class AiUsageBills(Bills):
    kind = BillingLine.Report.AI_USAGE
    report = ReportDay.Report.BILLING_AI_USAGE


class RequestBills(Bills):
    kind = BillingLine.Report.PREMIUM_REQUESTS
    report = ReportDay.Report.BILLING_REQUESTS


class RequestLogs(Bills):
    kind = BillingLine.Report.REQUEST_LOG
    report = ReportDay.Report.BILLING_REQUEST_LOG


class SummarizedBills(Bills):
    kind = BillingLine.Report.SUMMARIZED
    report = ReportDay.Report.BILLING_SUMMARIZED


class DetailedBills(Bills):
    kind = BillingLine.Report.DETAILED
    report = ReportDay.Report.BILLING_DETAILED
