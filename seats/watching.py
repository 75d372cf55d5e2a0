"""Since when an account has been watched without a gap: the rosters and activity reports we have of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from portal.models import ReportFile
from seats.models import Account, SeatRoster
from seats.policy import GITHUB_REMEMBERS_DAYS

# GitHub forgets a last activity after 90 days: a longer gap may hide one, so watching starts again.
LONGEST_GAP = timedelta(days=GITHUB_REMEMBERS_DAYS)


def moments(account: Account) -> list[datetime]:
    """When we saw who holds this account's seats: complete rosters and activity reports, sorted."""
    rosters = SeatRoster.objects.covering(account).complete().moments()
    subjects = [account.subject, *([account.parent.subject] if account.parent else [])]
    reports = ReportFile.objects.filter(
        kind="activity-report", subject__in=subjects, observed_at__isnull=False
    ).values_list("observed_at", flat=True)
    return sorted({*rosters, *(at for at in reports if at is not None)})


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
    for account in accounts:
        run = last_run(moments(account))
        since, until = run if run else (None, None)
        if (account.watched_since, account.watched_until) != (since, until):
            account.watched_since, account.watched_until = since, until
            account.save(update_fields=["watched_since", "watched_until"])
