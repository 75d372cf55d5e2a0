"""Whose the lines of bills are, and what bills tell of people being alive.

A bill names people by login alone. Whose login that was on the day follows from what is known of logins,
so it is settled again whenever more is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from django.db.models import Max

from seats import evidence
from seats.evidence import chunks
from seats.models import BillingLine, Evidence, GitHubUser
from seats.people import Holders

# What somebody used on a day for which AI credits were billed.
CREDITS = BillingLine.Report.AI_USAGE


class Billed:
    """The people behind the logins of a bill, as far as is known; a bill makes nobody known."""

    def __init__(self, logins: Iterable[str]) -> None:
        keys = {login.lower() for login in logins if login}
        self._holders = Holders(keys)
        self._provisional: dict[str, int] = {}
        for some in chunks(sorted(keys)):
            people = GitHubUser.objects.filter(provisional_key__in=some).order_by()
            self._provisional.update(people.values_list("login_key", "pk"))

    def on(self, login: str, day: date) -> int | None:
        """The key of who held the login on that day; None where nobody is known under it."""
        key = login.lower()
        return self._holders.on(key, day) or self._provisional.get(key)


def note(people: Billed, used: Iterable[tuple[str, date]]) -> None:
    """Remember that these logins used AI credits on these days."""
    newest: dict[int, date] = {}
    for login, day in used:
        user_id = people.on(login, day) if login else None
        if user_id is not None:
            newest[user_id] = max(day, newest.get(user_id, day))
    evidence.note(Evidence.Source.AI_CREDITS.value, newest)


def settle(login_keys: Iterable[str]) -> None:
    """Give the lines of these logins to whoever held them on their days, as we know it now."""
    keys = sorted(set(login_keys))
    if not keys or not BillingLine.objects.exists():
        return
    for some in chunks(keys):
        rows = BillingLine.objects.filter(username_key__in=some).order_by()
        days = list(rows.values_list("username_key", "day", "user_id").distinct())
        if not days:
            continue
        people = Billed({login for login, _, _ in days})
        moved: dict[tuple[str, int | None], set[date]] = defaultdict(set)
        for login, day, user_id in days:
            holder = people.on(login, day)
            if holder != user_id:
                moved[login, holder].add(day)
        for (login, holder), on in moved.items():
            for some_days in chunks(sorted(on)):
                BillingLine.objects.filter(username_key=login, day__in=some_days).update(user_id=holder)
        used = rows.filter(report=CREDITS, quantity__gt=0, username_key__in={login for login, _ in moved})
        note(people, used.values_list("username_key", "day").distinct())


@evidence.tell_history
def credits_until(as_of: date, user_ids: Collection[int] | None = None) -> Mapping[int, Mapping[str, date]]:
    """Each person's newest day of AI credits on a bill, up to `as_of`; of these people, or of everybody."""
    rows = BillingLine.objects.filter(report=CREDITS, quantity__gt=0, day__lte=as_of, user__isnull=False)
    if user_ids is not None:
        rows = rows.filter(user_id__among=user_ids)
    newest = rows.order_by().values("user_id").annotate(last_on=Max("day"))
    return {row["user_id"]: {Evidence.Source.AI_CREDITS.value: row["last_on"]} for row in newest.iterator()}
