"""`doctor` notices days whose totals nobody rebuilds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from metrics.models import DirtyDay
from portal.probes import Finding, all_findings
from seats.models import Account


def days() -> Finding:
    [found] = [finding for finding in all_findings() if finding.probe == "days"]
    return found


@pytest.mark.django_db
def test_days_that_wait_too_long_are_a_problem() -> None:
    octo = Account.objects.create(kind=Account.Kind.ORGANIZATION, login="octo")
    dirty = DirtyDay.objects.create(account=octo, day=date(2026, 11, 19))
    assert days().is_fine  # just marked: the worker comes every five minutes

    dirty.marked_at = timezone.now() - timedelta(hours=1)
    dirty.save()

    assert not days().is_fine
    assert "run_worker" in days().remedy
