"""How many seats an account held on a day, by plan and verdict, written down day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

from django.db import transaction
from django.db.models import Count

from seats.models import Seat, SeatDay
from seats.standing import standing

# Account, plan and verdict.
Group = tuple[int, str, str]


def record_held(day: date) -> None:
    """Write what the seats that are held say of themselves, for the day of which their verdicts are."""
    rows = Seat.objects.held().order_by().values_list("account_id", "plan_type", "verdict")
    counted = rows.annotate(seats=Count("pk"))
    _write(day, {(account_id, plan, verdict): seats for account_id, plan, verdict, seats in counted})


def record_past(day: date) -> None:
    """Write what a portal that had been there would have: every seat judged by what was known of that day."""
    stood = standing(day)
    _write(day, Counter((one.account.pk, one.plan_type, str(one.judgement.verdict)) for one in stood))


@transaction.atomic
def _write(day: date, seats: Mapping[Group, int]) -> None:
    """Replace what an earlier run wrote of the day."""
    SeatDay.objects.filter(day=day).delete()
    SeatDay.objects.bulk_create(
        SeatDay(account_id=account_id, day=day, plan_type=plan, verdict=verdict, seats=seats[group])
        for group in sorted(seats)
        for account_id, plan, verdict in [group]
    )
