"""Up to which day use is known, from which source, and which days GitHub may still change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.http import HttpRequest
from django.urls import reverse

from metrics.newest_report import days_waiting, newest_report
from metrics.periods import SETTLES_AFTER
from metrics.presets import REPORTS
from portal.freshness import AsOf, Late, freshness
from portal.kept import kept
from portal.models import SyncSchedule
from seats.freshness import late
from seats.models import Account
from seats.sync.accounts import accounts_of
from seats.verdicts import today


@freshness("metrics", permission="metrics.view_reportday")
def use(request: HttpRequest) -> Iterator[AsOf | Late]:
    yield from use_as_of()
    yield from late(SyncSchedule.Kind.USAGE, "Use", accounts_of)


def use_as_of(account: Account | None = None, reports: Sequence[str] = REPORTS) -> Iterator[AsOf]:
    """The newest day that reports of these kinds cover; of all accounts, or of one."""
    key = f"freshness of use, {today()}, {account.pk if account else ''}, {','.join(reports)}"
    if text := kept(key, lambda: _up_to(account, reports)):
        yield AsOf("Use", text, reverse("admin:metrics_reportday_changelist"))


def _up_to(account: Account | None, reports: Sequence[str]) -> str:
    """Up to which day, as of when and from where; empty where nothing was taken in."""
    newest = newest_report(account, reports=reports)
    if newest is None:
        return ""
    first_provisional = today() - timedelta(days=SETTLES_AFTER)
    text = f"up to {newest.day} (UTC), as of {newest.observed_at:%Y-%m-%d %H:%M} UTC"
    text += f", from {newest.source}"
    if newest.day >= first_provisional:
        text += f"; days from {first_provisional} on are provisional"
    if updating := days_waiting(account):
        text += "; 1 day is being added up" if updating == 1 else f"; {updating:,} days are being added up"
    return text
