"""What `doctor` looks at in metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from metrics.models import DirtyDay
from portal.probes import Finding, Saying, probe

# The worker rebuilds touched days every five minutes.
DAYS_WAIT_TOO_LONG_AFTER = timedelta(minutes=30)


@probe("days")
def look_for_days_left_updating(say: Saying) -> Iterator[Finding]:
    dirty = DirtyDay.objects.order_by("marked_at").first()
    if dirty is not None and timezone.now() - dirty.marked_at > DAYS_WAIT_TOO_LONG_AFTER:
        yield say.bad(
            f"The totals of {DirtyDay.objects.count()} days wait to be rebuilt, "
            f"the longest since {dirty.marked_at:%Y-%m-%d %H:%M} UTC.",
            "A running worker rebuilds them: `manage.py run_worker`.",
        )
    else:
        yield say.ok("The totals of all days are up to date.")
