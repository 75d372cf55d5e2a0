"""Up to which day use is known, from which source, and which days GitHub may still change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.http import HttpRequest
from django.urls import reverse

from metrics.models import DirtyDay, ReportDay
from metrics.periods import SETTLES_AFTER
from portal.freshness import AsOf, Late, freshness, source_of
from portal.kept import kept
from portal.models import SyncSchedule
from seats.freshness import late
from seats.sync.accounts import accounts_of
from seats.verdicts import today

USE_REPORTS = (ReportDay.Report.USERS, ReportDay.Report.SCOPE)


@freshness("metrics", permission="metrics.view_reportday")
def use(request: HttpRequest) -> Iterator[AsOf | Late]:
    yield from use_as_of()
    yield from late(SyncSchedule.Kind.USAGE, "Use", accounts_of)


def use_as_of() -> Iterator[AsOf]:
    """The newest covered day; reports say it of themselves as well."""
    if text := kept(f"freshness of use, {today()}", _up_to):
        yield AsOf("Use", text, reverse("admin:metrics_reportday_changelist"))


def _up_to() -> str:
    """Up to which day, as of when and from where; empty where nothing was taken in."""
    days = ReportDay.objects.filter(report__in=USE_REPORTS).select_related("file")
    days = days.only("day", "observed_at", "file__source", "file__name")
    newest = days.order_by("-day", "-observed_at", "-pk").first()
    if newest is None:
        return ""
    first_provisional = today() - timedelta(days=SETTLES_AFTER)
    text = f"up to {newest.day} (UTC), as of {newest.observed_at:%Y-%m-%d %H:%M} UTC"
    text += f", from {source_of(newest.file)}"
    if newest.day >= first_provisional:
        text += f"; days from {first_provisional} on are provisional"
    if updating := DirtyDay.objects.count():
        text += "; 1 day is being added up" if updating == 1 else f"; {updating:,} days are being added up"
    return text
