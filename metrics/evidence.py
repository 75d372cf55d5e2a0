"""What usage tells seats about people being alive, for a past day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from django.db.models import Max

from metrics.models import UserDay
from seats import evidence


@evidence.tell_history
def usage_until(as_of: date) -> Mapping[int, Mapping[str, date]]:
    """Each person's newest day of use and of AI credits up to `as_of`, from whichever account's report.

    Any line is use, but for one that speaks of nothing but a review Copilot did unasked.
    """
    until = UserDay.objects.between(None, as_of).order_by()
    known: dict[int, dict[str, date]] = defaultdict(dict)
    used = until.filter(only_passive_review=False).values("user_id").annotate(last_on=Max("day"))
    for row in used.iterator():
        known[row["user_id"]]["usage_report"] = row["last_on"]
    spent = until.filter(ai_credits_used__gt=0).values("user_id").annotate(last_on=Max("day"))
    for row in spent.iterator():
        known[row["user_id"]]["ai_credits"] = row["last_on"]
    return known
