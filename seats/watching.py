"""Since when an account has been watched without a gap: the rosters and activity reports we have of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from portal.bulk import update_rows
from portal.models import ReportFile
from seats.models import Account, SeatRoster
from seats.policy import GITHUB_REMEMBERS_DAYS

# GitHub forgets a last activity after 90 days: a longer gap may hide one, so watching starts again.
LONGEST_GAP = timedelta(days=GITHUB_REMEMBERS_DAYS)


def moments(account: Account) -> list[datetime]:
    """When we saw who holds this account's seats: complete rosters and activity reports, sorted."""
    return moments_of([account])[account.pk]


def moments_of(accounts: Collection[Account]) -> dict[int, list[datetime]]:
    """The same of several accounts, by their keys."""
    rosters = SeatRoster.objects.complete().moments_by_account(accounts)
    subjects = {
        account.pk: [account.subject, f"{Account.Kind.ENTERPRISE.value}:{account.parent_id}"]
        for account in accounts
    }
    reports = _reports({subject for some in subjects.values() for subject in some})
    return {
        pk: sorted({*rosters[pk], *(at for subject in some for at in reports[subject])})
        for pk, some in subjects.items()
    }


def _reports(subjects: Collection[str]) -> dict[str, list[datetime]]:
    """When activity reports were made, by the subject of the account they are of."""
    reports: dict[str, list[datetime]] = defaultdict(list)
    files = ReportFile.objects.filter(kind="activity-report", observed_at__isnull=False).order_by()
    files = files.exclude(state__in=(ReportFile.State.UNDOING, ReportFile.State.UNDONE))
    for subject, at in files.filter(subject__among=subjects).values_list("subject", "observed_at"):
        if at is not None:
            reports[subject].append(at)
    return reports


def last_run(times: Sequence[datetime]) -> tuple[datetime, datetime] | None:
    """First and last moment of the newest run of sorted moments without a gap over 90 days."""
    if not times:
        return None
    start = times[0]
    for earlier, later in pairwise(times):
        if later - earlier > LONGEST_GAP:
            start = later
    return start, times[-1]


def remember(accounts: Iterable[Account]) -> None:
    """Cache on each account since when and until when it has been watched."""
    accounts = list(accounts)
    told = moments_of(accounts)
    moved = []
    for account in accounts:
        since, until = last_run(told[account.pk]) or (None, None)
        if (account.watched_since, account.watched_until) != (since, until):
            account.watched_since, account.watched_until = since, until
            moved.append(account)
    update_rows(moved, ["watched_since", "watched_until"])


def remember_newest(accounts: Iterable[Account], at: datetime) -> None:
    """The same after one more complete roster, newer than all others: most runs only grow longer."""
    longer, others = [], []
    for account in accounts:
        until = account.watched_until
        if until is not None and until <= at <= until + LONGEST_GAP:
            account.watched_until = at
            longer.append(account)
        else:
            others.append(account)
    update_rows(longer, ["watched_until"])
    if others:
        remember(others)
