"""What taking seats back has saved, and will: by account, plan and month.

A seat is paid for until its billing cycle ends, and nothing is paid back, see
https://docs.github.com/copilot/concepts/billing/organizations-and-enterprises. So a seat that was taken back
saves from the month in which it ends on, at that month's price, as long as the person has no seat again.
What is counted is what the bill is less: a seat beside which the person keeps another saves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from seats.figures import Cost, Prices
from seats.models import Account, Revocation, Seat
from seats.policy_sql import today

# So many months, from the next one on, are told ahead.
MONTHS_AHEAD = 12
State = Revocation.State


def first_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def months(first: date, last: date) -> Iterator[date]:
    """The first days of the months from that of `first` to that of `last`."""
    month = first_of(first)
    while month <= last:
        yield month
        month = next_month(month)


@dataclass(frozen=True, slots=True)
class Saved:
    """One account, plan and month. `seats` counts those that cost nothing any more."""

    account: Account
    plan_type: str
    month: date
    seats: int
    cost: Cost
    is_projected: bool  # the month has not begun


@dataclass(frozen=True, slots=True)
class Savings:
    """Rows by month, newest first, then by account and plan."""

    rows: tuple[Saved, ...] = field(default=())

    @property
    def realised(self) -> Cost:
        """All that was saved up to and with this month."""
        return total(row.cost for row in self.rows if not row.is_projected)

    @property
    def projected(self) -> Cost:
        """What the next twelve months will cost less, if nobody gets a seat back."""
        return total(row.cost for row in self.rows if row.is_projected)

    def by_month(self) -> dict[date, Cost]:
        """What each month costs less, the oldest month first."""
        return {
            month: total(row.cost for row in self.rows if row.month == month)
            for month in sorted({row.month for row in self.rows})
        }


def total(costs: Iterable[Cost]) -> Cost:
    """Costs added up, each currency by itself."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    unpriced = 0
    for cost in costs:
        unpriced += cost.unpriced
        for currency, amount in cost.amounts.items():
            amounts[currency] += amount
    return Cost(dict(amounts), unpriced)


def savings(account: Account | None = None, as_of: date | None = None) -> Savings:
    """Of one account, an enterprise with its organizations, or of all; three queries, however much it was.

    Seats that nobody has verified yet are told as projected, never as realised.
    """
    day = as_of or today()
    rows = Revocation.objects.taken_back().filter(state__in=_SAVING)
    if account is not None:
        rows = rows.filter(seat__account__in=Account.objects.family(account))
    return Savings(tuple(_added_up(rows, day)))


# What was given back while the cycle lasted never saved anything.
_SAVING = (State.REVOKED, State.VERIFIED, State.CAME_BACK)
_Key = tuple[int, str, date]


def _added_up(rows: QuerySet[Revocation], day: date) -> Iterator[Saved]:
    prices = Prices.history()
    granted = _granted(rows)
    on: dict[date, Prices] = {}
    horizon = _ahead(day)
    costs: dict[_Key, list[Cost]] = defaultdict(list)
    accounts: dict[int, Account] = {}
    for row in rows.select_related("seat__account__parent", "batch").order_by("pk").iterator(chunk_size=2000):
        accounts[row.seat.account_id] = row.seat.account
        for month in _saved_months(row, granted, day, horizon):
            cost = _saved_in(row, month, prices, on)
            if cost is not None:
                costs[row.seat.account_id, row.plan_type, month].append(cost)
    for (account_id, plan_type, month), saved in sorted(
        costs.items(), key=lambda item: (-item[0][2].toordinal(), accounts[item[0][0]].label, item[0][1])
    ):
        account = accounts[account_id]
        yield Saved(account, plan_type, month, len(saved), total(saved), is_projected=month > day)


def _ahead(day: date) -> date:
    last = first_of(day)
    for _ in range(MONTHS_AHEAD):
        last = next_month(last)
    return last


# When each person was granted which seats, by the person and whoever pays: in an enterprise only once.
_Granted = Mapping[tuple[int, int], list[tuple[int, datetime]]]


def _granted(rows: QuerySet[Revocation]) -> _Granted:
    granted: dict[tuple[int, int], list[tuple[int, datetime]]] = defaultdict(list)
    seats = Seat.objects.filter(user__in=rows.order_by().values("seat__user")).order_by()
    columns = ("pk", "user_id", "account_id", "account__parent_id", "created_at", "first_seen_at")
    for key, user_id, account_id, parent_id, created_at, seen_at in seats.values_list(*columns):
        granted[user_id, parent_id or account_id].append((key, created_at or seen_at))
    return granted


def _saved_months(row: Revocation, granted: _Granted, day: date, horizon: date) -> Iterator[date]:
    """The months that cost less: from the end of the seat's cycle until the person has a seat again."""
    if row.revoked_at is None:
        return
    ends_on = row.pending_cancellation_date or next_month(row.revoked_at.astimezone(UTC).date())
    first, last = first_of(ends_on), horizon
    if row.came_back_at is not None and row.verified_at is None:
        return  # no list ever bore it out: GitHub never cancelled it
    # The month in which a seat is granted again is paid for.
    back = _back_at(row, granted)
    until = first_of(back.astimezone(UTC).date()) if back is not None else None
    for month in months(first, last):
        if until is not None and month >= until:
            return
        if row.state == State.REVOKED and month <= day:
            continue
        yield month


def _back_at(row: Revocation, granted: _Granted) -> datetime | None:
    """When the person had a seat again: this one, or one of another organization of the enterprise."""
    account = row.seat.account
    found = [
        at
        for key, at in granted.get((row.seat.user_id, account.parent_id or account.pk), ())
        if key != row.seat_id and row.revoked_at is not None and at > row.revoked_at
    ]
    if row.came_back_at is not None:
        found.append(row.came_back_at)
    return min(found, default=None)


def _saved_in(
    row: Revocation, month: date, prices: Callable[[date], Prices], on: dict[date, Prices]
) -> Cost | None:
    """What this seat less saves in a month; None where it saves nothing."""
    if row.monthly_saving is not None and not row.monthly_saving:
        return None
    proposed_on = row.batch.proposed_at.astimezone(UTC).date()
    for needed in (proposed_on, month):
        if needed not in on:
            on[needed] = prices(needed)
    then = on[proposed_on].of(row.seat.account, row.plan_type)
    if row.monthly_saving is not None and (then is None or then.amount != row.monthly_saving):
        # The person keeps another seat, of a lower plan: the difference that was found then.
        return Cost({row.currency: row.monthly_saving})
    now = on[month].of(row.seat.account, row.plan_type)
    return Cost(unpriced=1) if now is None else Cost({now.currency: now.amount})
