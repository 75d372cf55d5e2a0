"""What the database knows of the reports: read once for a run, brought up to date as it goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from metrics.models import AskedDay, ReportDay
from metrics.sync.reports import names
from metrics.sync.wanted import Known
from seats.models import Account

# By account key and report.
AllKnown = Mapping[tuple[int, str], Known]


def known_of(accounts: Collection[Account], first: date | None = None) -> AllKnown:
    """What is known of these accounts' reports, of all days or from `first` on, in two queries."""
    known: dict[tuple[int, str], Known] = defaultdict(Known)
    keys = [account.pk for account in accounts]
    covered = ReportDay.objects.filter(account__in=keys, report__in=names()).order_by()
    asked = AskedDay.objects.filter(account__in=keys, report__in=names()).order_by()
    if first is not None:
        covered, asked = covered.filter(day__gte=first), asked.filter(day__gte=first)
    for account_id, report, day, at in covered.values_list(
        "account_id", "report", "day", "observed_at"
    ).iterator():
        known[account_id, report].covered[day] = at
    for account_id, report, day, at, answer in asked.values_list(
        "account_id", "report", "day", "asked_at", "answer"
    ).iterator():
        one = known[account_id, report]
        (one.refused if answer == AskedDay.Answer.REFUSED else one.absent)[day] = at
    return known
