"""Says on the home page that a scheduled report failed, to whom it belongs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.cards import Sentence, card
from portal.models import ReportRun

SAID_FOR = timedelta(days=14)
NAMED = 3


@card(order=5)
def failed_reports(request: HttpRequest) -> Sentence | None:
    """The newest run of each of the reader's schedules counts: one that went well since is well."""
    user: Any = request.user
    mine = ReportRun.objects.filter(owner=user.pk, due_at__gte=timezone.now() - SAID_FOR)
    newest = mine.exclude(state__in=[ReportRun.State.WAITING, ReportRun.State.RUNNING])
    keys = (
        newest.order_by()
        .values("schedule", "name")
        .annotate(newest=Max("pk"))
        .values_list("newest", flat=True)
    )
    failed = list(ReportRun.objects.filter(pk__in=list(keys), state=ReportRun.State.FAILED)[: NAMED + 1])
    if not failed:
        return None
    told = " ".join(f"“{run.name}” of {run.due_at:%Y-%m-%d}: {run.error}" for run in failed[:NAMED])
    more = " There are more." if len(failed) > NAMED else ""
    links = [(run.name, reverse("admin:portal_reportrun_change", args=[run.pk])) for run in failed[:NAMED]]
    return Sentence("A scheduled report failed", f"{told}{more}", links)
