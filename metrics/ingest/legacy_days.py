"""Take in days of the two older systems. Their records name no account: somebody must."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, ClassVar

from metrics import breakdowns
from metrics.formats.legacy import LegacyDayRecord, parse_legacy_metrics, parse_legacy_usage
from metrics.formats.parsing import Parsed, parsed
from metrics.formats.records import Broken, Record
from metrics.ingest.facts import Fact, Known, Table, classify
from metrics.ingest.options import Counts, Options, Refused
from metrics.ingest.restatements import Of, Restatements
from metrics.ingest.usage import Days, Intake, Progress
from metrics.models import LegacyDay, Restatement
from metrics.models.legacy_day import LEGACY_TOTALS
from portal.models import ReportFile
from seats.models import Account


class LegacyDays(Intake):
    """Days of one of the two systems, of an account or one of its teams.

    An archive may hold a day twice: the later one stands.
    """

    adds_up = False
    tells_ids = False
    api: ClassVar[LegacyDay.Api]

    COLUMNS = (
        "account",
        "team_slug",
        "api",
        "day",
        *LEGACY_TOTALS,
        "file",
        "observed_at",
        "content_hash",
        "blob",
    )

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self.team_slug = options.team.lower()
        self.table = Table(LegacyDay, self.COLUMNS)
        self.values = attrgetter(*LEGACY_TOTALS)
        self.notes = Restatements(file, self.api.value, LEGACY_TOTALS)

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        return set(LegacyDay.objects.filter(file=file).order_by().values_list("account_id", "day"))

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        LegacyDay.objects.filter(account_id=account_id, api=cls.api, day=day).delete()

    def run(
        self, records: Iterable[Record | Broken], on_batch: Callable[[int], None] | None = None
    ) -> Progress:
        if not (self.options.organization or self.options.enterprise):
            raise Refused(
                f"Days of the older {self.api.label} API do not say whose they are: name the organization "
                "or the enterprise."
            )
        return super().run(records, on_batch)

    @staticmethod
    def parse(raw: bytes, header: Mapping[str, Any]) -> LegacyDayRecord:
        """A record of this system."""
        raise NotImplementedError

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        return parsed(records, self.parse)

    def remember(self, parsed: LegacyDayRecord) -> None:
        """Nothing is kept of the whole file."""

    def write(self, rows: Sequence[tuple[Account, LegacyDayRecord]]) -> Counts:
        facts = [
            Fact((account.pk, row.day), self._observed_at(row), row.content_hash, (row,))
            for account, row in rows
        ]
        result = classify(facts, self._known(rows), self.file, self.hashes, last_wins=True)
        if self.notes_changes:
            self.notes.note_changed(
                LegacyDay,
                result.changed,
                self.values,
                lambda fact: Of(fact.key[0], fact.key[1], Restatement.What.OLDER.value, name=self.team_slug),
            )
        result.new = {key: self._ready(fact) for key, fact in result.new.items()}
        result.changed = {pk: self._ready(fact) for pk, fact in result.changed.items()}
        self.table.write(result, self.file)
        self.span({fact.key: fact.observed_at for fact in facts})
        return result.counts

    def _observed_at(self, row: LegacyDayRecord) -> datetime:
        """When the file was saved, if somebody says so; else the day itself."""
        return self.options.taken_at or row.observed_at

    def _known(self, rows: Sequence[tuple[Account, LegacyDayRecord]]) -> dict[tuple[int, date], Known]:
        known = LegacyDay.objects.filter(
            account_id__in={account.pk for account, _ in rows},
            team_slug=self.team_slug,
            api=self.api,
            day__in={row.day for _, row in rows},
        ).values_list("account_id", "day", "pk", "observed_at", "content_hash", "file_id")
        return {
            (account_id, day): Known(pk, observed_at, bytes(content_hash), file_id)
            for account_id, day, pk, observed_at, content_hash, file_id in known
        }

    def _ready(self, fact: Fact) -> Fact:
        row: LegacyDayRecord = fact.values[0]
        account_id, day = fact.key
        values = (
            account_id,
            self.team_slug,
            self.api.value,
            self.adapted[day],
            *self.values(row),
            self.file.pk,
            self.adapted[fact.observed_at],
            row.content_hash,
            breakdowns.pack(row.rest),
        )
        return fact._replace(values=values)


class LegacyMetricsDays(LegacyDays):
    """Days of `copilot/metrics`."""

    api = LegacyDay.Api.METRICS
    parse = staticmethod(parse_legacy_metrics)


class LegacyUsageDays(LegacyDays):
    """Days of `copilot/usage`."""

    api = LegacyDay.Api.USAGE
    parse = staticmethod(parse_legacy_usage)
