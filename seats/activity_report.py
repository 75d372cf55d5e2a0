"""Take in the lines of an activity report: who had a seat at `report_time`, and when they last used it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from portal.bulk import update_rows
from portal.models import ReportFile
from seats import activity_seats, billed_people, watching
from seats.accounts import lock
from seats.evidence import chunks
from seats.models import Account, ActivityLine
from seats.people import Holders, provisional, show_as_reported


@dataclass(frozen=True, slots=True)
class ReportedActivity:
    """One line of GitHub's activity report; times are UTC, None where GitHub knows none."""

    number: int
    login: str
    report_time: datetime
    last_authenticated_at: datetime | None
    last_activity_at: datetime | None
    last_surface_used: str


@dataclass(slots=True)
class Counts:
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    superseded: int = 0
    conflicts: int = 0  # of these, how many say otherwise than another report of the same moment


# What of a kept line a report of the same moment may change.
_TOLD = ("login", "last_authenticated_at", "last_activity_at", "last_surface_used", "file")
_NEVER = datetime.min.replace(tzinfo=UTC)


@transaction.atomic
def apply(account: Account, lines: Sequence[ReportedActivity], file: ReportFile) -> Counts:
    """Keep these lines. Older ones than we know are kept as history and count as superseded."""
    lock(Q(pk=account.pk) | Q(parent=account) | Q(pk=account.parent_id))
    counts = Counts()
    logins = {line.login.lower(): line.login for line in lines}
    known = _known_lines(account, logins)
    holders = Holders(logins)
    nameless = {line.login.lower() for line in lines if _holder(holders, line) is None}
    strangers = provisional({key: logins[key] for key in nameless})
    new: list[ActivityLine] = []
    settled: list[ActivityLine] = []
    for line in lines:
        key = line.login.lower()
        history = known.get(key, {})
        if (row := history.get(line.report_time)) is not None:
            if _settle_tie(counts, row, line, file, is_newest=line.report_time == max(history)) and row.pk:
                settled.append(row)
            continue
        _count(counts, line, history)
        row = ActivityLine(
            account=account,
            login=line.login,
            login_key=key,
            report_time=line.report_time,
            user_id=_holder(holders, line) or strangers[key],
            last_authenticated_at=line.last_authenticated_at,
            last_activity_at=line.last_activity_at,
            last_surface_used=line.last_surface_used,
            file=file,
        )
        new.append(row)
        known.setdefault(key, {})[line.report_time] = row
    ActivityLine.objects.bulk_create(new, batch_size=500)
    update_rows(settled, _TOLD)
    show_as_reported(strangers)
    billed_people.settle(strangers)
    activity_seats.note_evidence({row.user_id for row in (*new, *settled)})
    return counts


def _holder(holders: Holders, line: ReportedActivity) -> int | None:
    return holders.on(line.login.lower(), line.report_time.date())


def _known_lines(account: Account, logins: Mapping[str, str]) -> dict[str, dict[datetime, ActivityLine]]:
    known: dict[str, dict[datetime, ActivityLine]] = {}
    for keys in chunks(sorted(logins)):
        for row in ActivityLine.objects.filter(account=account, login_key__in=keys).select_related("file"):
            known.setdefault(row.login_key, {})[row.report_time] = row
    return known


def _count(counts: Counts, line: ReportedActivity, history: Mapping[datetime, ActivityLine]) -> None:
    """The newest report speaks for a login; what is older and says otherwise is superseded."""
    if not history:
        counts.new += 1
    elif _says(history[max(history)]) == _says(line):
        counts.unchanged += 1
    elif line.report_time > max(history):
        counts.changed += 1
    else:
        counts.superseded += 1


def _settle_tie(
    counts: Counts, row: ActivityLine, line: ReportedActivity, file: ReportFile, *, is_newest: bool
) -> bool:
    """Two reports of the same moment about one login; True where the kept line is another one by it.

    Of two that differ the one that tells of later use stands, since neither may hide a sign of life, and
    where both tell of the same use that of the file with the higher sha256; of sign-ins the later one is
    kept, whoever tells of it. So it does not matter which came first.
    """
    before, said = _says(row), _says(line)
    sha256 = row.file.sha256 if row.file else ""
    stands = _rank(line, file.sha256) > _rank(row, sha256)
    if stands:
        row.login = line.login
        row.last_activity_at = line.last_activity_at
        row.last_surface_used = line.last_surface_used
        row.file = file
    row.last_authenticated_at = max(
        (at for at in (row.last_authenticated_at, line.last_authenticated_at) if at), default=None
    )
    has_changed = _says(row) != before
    if said == before or (not has_changed and file.sha256 == sha256):
        counts.unchanged += 1
        return stands
    counts.conflicts += 1
    if has_changed and is_newest:
        counts.changed += 1
    else:
        counts.superseded += 1
    return stands or has_changed


def _rank(line: ReportedActivity | ActivityLine, sha256: str) -> tuple[datetime, str]:
    return line.last_activity_at or _NEVER, sha256


def _says(line: ReportedActivity | ActivityLine) -> tuple[datetime | None, datetime | None, str]:
    return line.last_authenticated_at, line.last_activity_at, line.last_surface_used


@transaction.atomic
def take_out(
    files: Collection[ReportFile], told_at: Collection[datetime]
) -> tuple[list[Account], set[datetime]]:
    """Remove the lines that stand by these files; the accounts they are of, and the moments they tell of.

    `told_at` are the moments of their lines. The lines of other reports of these moments go, too: a sign-in
    in them may be from these files. What other reports of these moments say is taken in again, and then
    `settle` called, by the caller.
    """
    own = ActivityLine.objects.filter(file__in=[file.pk for file in files]).order_by()
    beside = ActivityLine.objects.filter(file__subject__in={file.subject for file in files}).order_by()
    tied = {
        pk
        for some in chunks(sorted(told_at))
        for pk in beside.filter(report_time__in=some).values_list("pk", flat=True)
    }
    lines = ActivityLine.objects.filter(pk__among=tied | set(own.values_list("pk", flat=True))).order_by()
    accounts = list(Account.objects.filter(pk__in=lines.values("account_id").distinct()))
    lock(Q(pk__in=[pk for one in accounts for pk in (one.pk, one.parent_id)]) | Q(parent__in=accounts))
    moments = set(lines.values_list("report_time", flat=True).distinct())
    people = set(lines.values_list("user_id", flat=True).distinct())
    logins = set(lines.values_list("login_key", flat=True).distinct())
    lines.delete()
    show_as_reported(logins)
    activity_seats.note_evidence(people)
    return accounts, moments


def settle(account: Account) -> None:
    """After the last line of a report: since when we watch, and which seats only reports know."""
    scopes = [*Account.objects.family(account)]
    watching.remember(scopes)
    activity_seats.settle(scopes)
