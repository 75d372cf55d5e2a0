"""Take in what tells who holds a seat: seat lists and activity reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction

from metrics.formats.activity_report import ActivityReportRecord
from metrics.formats.errors import BadRecord
from metrics.formats.records import Broken, Page, Record
from metrics.formats.seat_list import parse_seat, total_seats
from metrics.ingest.options import Counts, Options, Refused
from metrics.ingest.rehearsed_seats import Stood, stand
from metrics.ingest.scope import Scopes
from portal.github.payloads import is_nobodys
from portal.models import RejectedLine, ReportFile
from portal.models.rejected_line import readable
from seats import activity_report, roster
from seats.accounts import WrongAccount
from seats.activity_report import ReportedActivity
from seats.models import Account
from seats.roster import ReportedGrant, Roster

CSV_BATCH = 5_000


@dataclass(slots=True)
class SeatList:
    """A seat list read to its end, before anything is written."""

    grants: list[ReportedGrant] = field(default_factory=list)
    broken: list[tuple[int, str, bytes]] = field(default_factory=list)
    totals: set[int | None] = field(default_factory=set)

    @property
    def people(self) -> int:
        return len({grant.assignee_id for grant in self.grants})

    @property
    def total(self) -> int | None:
        """How many people the list says it has; None where its pages differ or do not say."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None

    @classmethod
    def joined(cls, lists: Iterable[SeatList]) -> SeatList:
        """Several lists as one."""
        whole = cls()
        for one in lists:
            whole.grants += one.grants
            whole.broken += one.broken
            whole.totals |= one.totals
        return whole

    @property
    def is_complete(self) -> bool:
        """Every page tells the same total, and that many different people are listed; somebody is.

        The seat of a person who was deleted has no `assignee`: it is counted, and nobody of ours holds it.
        """
        return bool(self.grants) and self._adds_up

    @property
    def _adds_up(self) -> bool:
        nobodys = sum(is_nobodys(raw) for *_, raw in self.broken)
        return nobodys == len(self.broken) and self.totals == {self.people + nobodys}

    @property
    def shortfall(self) -> str:
        """Why the list ends no seat whoever is not on it, in words."""
        if self._adds_up:
            return "it lists nobody, and an empty list may be a wrong answer: it ends no seat on purpose"
        unreadable = sum(not is_nobodys(raw) for *_, raw in self.broken)
        if unreadable:
            return f"the list is not complete, {unreadable} of its seats cannot be read"
        if len(self.totals) > 1:
            return "the list is not complete, its pages tell different totals"
        total = next(iter(self.totals), None)
        if total is None:
            return "the list is not complete, it does not tell how many seats there are"
        return f"the list is not complete, it lists {self.people:,} of {total:,} people"

    def newest_moment(self, now: datetime) -> datetime | None:
        """The newest time in the list that is not in the future."""
        times = [
            at
            for grant in self.grants
            for at in (grant.created_at, grant.last_activity_at, grant.last_authenticated_at)
            if at is not None and at <= now
        ]
        return max(times, default=None)


def read_seat_list(records: Iterable[Record | Broken | Page]) -> SeatList:
    """Read every seat; what cannot be read is listed with its reason. An empty page still tells its total."""
    seats = SeatList()
    for record in records:
        if isinstance(record, Page):
            seats.totals.add(total_seats(record.header))
            continue
        if isinstance(record, Broken):
            seats.broken.append((record.number, record.reason, record.raw))
            continue
        seats.totals.add(total_seats(record.header))
        try:
            seats.grants.append(ReportedGrant.of(record.number, parse_seat(record.raw, record.header)))
        except BadRecord as error:
            seats.broken.append((record.number, str(error), record.raw))
    return seats


@dataclass(slots=True)
class Taken:
    counts: Counts = field(default_factory=Counts)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


def take_seat_list(file: ReportFile, options: Options, seats: SeatList) -> Taken:
    """Apply a seat list; raises Refused where it is of another account than the one named."""
    taken = Taken()
    now = datetime.now(UTC)
    observed_at = options.taken_at or seats.newest_moment(now) or now
    with transaction.atomic():
        if options.dry_run:
            insert_for_now(file)
        scope = Scopes(options).named()
        check_seat_scope(scope, options, seats.grants)
        before = _stood(options, scope)
        try:
            applied = roster.apply(
                Roster(
                    scope=scope,
                    observed_at=observed_at,
                    grants=seats.grants,
                    is_complete=seats.is_complete,
                    is_confirmed=options.complete,
                    file=file,
                )
            )
        except WrongAccount as error:
            raise Refused(str(error)) from error
        taken.counts = Counts(
            rows_new=applied.new,
            rows_changed=applied.changed,
            rows_unchanged=applied.unchanged,
            rows_superseded=applied.superseded,
            rows_rejected=len(seats.broken),
        )
        taken.ended = sorted(applied.ended)
        taken.rejected = [(number, reason) for number, reason, _ in seats.broken]
        file.observed_at = observed_at
        file.subject = _subject(applied.scope, applied.accounts)
        record(file, taken.counts, seats.broken)
        if options.rehearsal is not None and before is not None:
            options.rehearsal.note_seats(applied.accounts, applied.changed, before)
        if options.dry_run:
            transaction.set_rollback(True)
    if not seats.is_complete:
        taken.notes.append(f"No seat was ended: {seats.shortfall}.")
    elif not options.complete and seats.is_complete:
        taken.notes.append("The list is complete, but was not confirmed to be: it ended no seat.")
    return taken


def apply_joined(options: Options, pages: Sequence[tuple[ReportFile, SeatList]]) -> list[str]:
    """Apply pages that are complete together, once each is in by itself; returns whose seats end.

    In a dry run none of them is in: each was taken back. Raises Refused where they name accounts that
    contradict each other.
    """
    now = datetime.now(UTC)
    seats = SeatList.joined(page for _, page in pages)
    with transaction.atomic():
        if options.dry_run:
            for file, _ in pages:
                insert_for_now(file)
        scope = Scopes(options).named()
        before = _stood(options, scope)
        joined = Roster(
            scope=scope,
            observed_at=options.taken_at or seats.newest_moment(now) or now,
            grants=seats.grants,
            is_complete=True,
            is_confirmed=options.complete,
            pages=[file for file, _ in pages],
            page_of={
                grant.assignee_id: file
                for file, page in sorted(pages, key=lambda one: one[0].sha256)
                for grant in page.grants
            },
        )
        try:
            applied = roster.apply(joined)
        except WrongAccount as error:
            raise Refused(str(error)) from error
        if options.rehearsal is not None and before is not None:
            # What changes in seats was counted page by page.
            options.rehearsal.note_seats(applied.accounts, 0, before)
        if options.dry_run:
            transaction.set_rollback(True)
    return sorted(applied.ended)


def _subject(scope: Account | None, accounts: Sequence[Account]) -> str:
    if scope is not None:
        return scope.subject
    return accounts[0].subject if len(accounts) == 1 else ""


def check_seat_scope(scope: Account | None, options: Options, grants: Sequence[ReportedGrant]) -> None:
    """A list must say, or be told, whose seats it lists; and the two must not contradict."""
    if scope is None:
        if any(grant.organization_id is None and not grant.organization_login for grant in grants):
            raise Refused(
                "The seat list does not say which organization or enterprise granted its seats: name the "
                "organization (--organization) or enterprise (--enterprise) it is of."
            )
        return
    if scope.kind == Account.Kind.ENTERPRISE:
        return
    for grant in grants:
        login, github_id = grant.organization_login, grant.organization_id
        is_other = login and scope.login and login.lower() != scope.login.lower()
        if is_other or (github_id and scope.github_id and github_id != scope.github_id):
            by, named = login, scope.label
            if not is_other:
                by, named = (
                    f"the organization with the id {github_id}",
                    f"{named}, whose id is {scope.github_id}",
                )
            raise Refused(
                f"Seat {grant.number} was granted by {by}, not by {named}: this is the seat list of another "
                f"organization, or of the enterprise (--enterprise)."
            )


def take_activity_report(
    file: ReportFile,
    options: Options,
    lines: Iterable[tuple[int, ActivityReportRecord] | Broken],
    on_batch: Callable[[int], None] | None = None,
) -> Taken:
    """Apply an activity report, batch by batch; a second run of the same lines changes nothing."""
    taken = Taken()
    broken: list[tuple[int, str, bytes]] = []
    if not (options.organization or options.enterprise):
        raise Refused(
            "An activity report does not say which organization or enterprise it is of: name it "
            "(--organization or --enterprise)."
        )
    with transaction.atomic():
        if options.dry_run:
            insert_for_now(file)
        account = Scopes(options).named()
        assert account is not None  # noqa: S101 - one was named, above; for the type checker
        before = _stood(options, account)
        rows: list[tuple[int, ActivityReportRecord]] = []
        for line in lines:
            if isinstance(line, Broken):
                broken.append((line.number, line.reason, line.raw))
            else:
                rows.append(line)
        taken_at = options.taken_at or _newest_moment(row for _, row in rows) or file.received_at
        batch = [
            ReportedActivity(
                number=number,
                login=row.login,
                report_time=row.report_time or taken_at,
                last_authenticated_at=row.last_authenticated_at,
                last_activity_at=row.last_activity_at,
                last_surface_used=row.last_surface_used,
            )
            for number, row in rows
        ]
        for start in range(0, len(batch), CSV_BATCH):
            told = activity_report.apply(account, batch[start : start + CSV_BATCH], file)
            counts = Counts(told.new, told.changed, told.unchanged, told.superseded, conflicts=told.conflicts)
            taken.counts.add(counts)
            if on_batch is not None:
                on_batch(start + CSV_BATCH)
        taken.counts.rows_rejected = len(broken)
        taken.rejected = [(number, reason) for number, reason, _ in broken]
        file.observed_at = max((line.report_time for line in batch), default=None)
        file.subject = account.subject
        record(file, taken.counts, broken)
        activity_report.settle(account)
        if options.rehearsal is not None and before is not None:
            options.rehearsal.note_seats([account], taken.counts.rows_changed, before)
        if options.dry_run:
            transaction.set_rollback(True)
    return taken


def _stood(options: Options, account: Account | None) -> Stood | None:
    """For a dry run that tells figures: how the seats stand that a file may touch."""
    if options.rehearsal is None:
        return None
    if account is not None and account.kind == Account.Kind.ORGANIZATION:
        return stand([account])
    # An enterprise's list may name organizations that nobody knows to be its own yet.
    return stand(Account.objects.all())


def _newest_moment(rows: Iterable[ActivityReportRecord]) -> datetime | None:
    """The newest time in a report: older ones do not say when they were made."""
    times = [at for row in rows for at in (row.last_activity_at, row.last_authenticated_at) if at is not None]
    return max(times, default=None)


def insert_for_now(file: ReportFile) -> None:
    """A dry run needs the file's own row within its transaction, which is rolled back."""
    file.pk = None
    file._state.adding = True
    file.save()


def record(file: ReportFile, counts: Counts, broken: Sequence[tuple[int, str, bytes]]) -> None:
    """Write the file's counts and rejects, in the transaction of its rows."""
    RejectedLine.objects.filter(file=file).delete()
    RejectedLine.objects.bulk_create(
        (
            RejectedLine(file=file, line_number=number, reason=reason, line=readable(raw))
            for number, reason, raw in broken
        ),
        batch_size=200,
        ignore_conflicts=True,
    )
    for name, number in counts.as_dict().items():
        setattr(file, name, number)
    file.conflicts = counts.conflicts
    file.save()
