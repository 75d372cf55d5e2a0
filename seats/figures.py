"""One definition of every figure about seats: how many, what they cost, what the idle ones cost.

Money is `Decimal` in its own currency; amounts of different currencies are never added, and a seat without
a known price is counted as such, never as free. An enterprise pays for a person once, at the higher plan,
however many of its organizations granted a seat, see
https://docs.github.com/copilot/concepts/billing/billing-for-enterprises. So the organizations of an
enterprise do not add up to it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Case, Count, Expression, F, QuerySet, Sum, Value, When
from django.db.models.functions import TruncDate

from seats.models import Account, Revocation, Seat, SeatDay, SeatPrice
from seats.models.seat import INACTIVE, PlanType, Verdict
from seats.policy import GITHUB_REMEMBERS_DAYS
from seats.policy_sql import midnight, today

# The higher plan is the one that is billed; a plan we cannot name ranks below those we can.
PLAN_RANKS: Mapping[str, int] = {PlanType.ENTERPRISE: 3, PlanType.BUSINESS: 2, PlanType.UNKNOWN: 0}
OTHER_PLAN = 1


# --- Prices -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount a month."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}"


class Prices:
    """What a seat costs a month on a day; loaded once, asked for every row without a query."""

    def __init__(self, prices: Mapping[tuple[str, str], Money]) -> None:
        self._prices = prices

    @classmethod
    def on(cls, day: date) -> Prices:
        """The prices in force on a day: per scope and plan the newest that starts on it or before."""
        return cls.history()(day)

    @classmethod
    def history(cls) -> Callable[[date], Prices]:
        """The prices of any day, from one query."""
        rows = list(SeatPrice.objects.order_by("starts_on", "pk"))

        def on(day: date) -> Prices:
            known = (row for row in rows if row.starts_on <= day)
            return cls(
                {(row.scope_key, row.plan_type): Money(row.monthly_price, row.currency) for row in known}
            )

        return on

    def of(self, account: Account, plan_type: str) -> Money | None:
        """The account's own price, else its enterprise's, else everybody's; None: unknown, never 0."""
        return self.of_keys(account.pk, account.parent_id, plan_type)

    def listed(self) -> Prices:
        """Everybody's prices alone: what a seat costs where nothing else was agreed."""
        return Prices({key: price for key, price in self._prices.items() if key[0] == "all"})

    def of_keys(self, account_id: int, parent_id: int | None, plan_type: str) -> Money | None:
        for scope in (f"account:{account_id}", f"account:{parent_id}", "all"):
            if price := self._prices.get((scope, plan_type)):
                return price
        return None


@dataclass(frozen=True, slots=True)
class Cost:
    """A monthly sum: an amount per currency, and how many licences have no known price."""

    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    @property
    def money(self) -> tuple[Money, ...]:
        """The amounts, by currency."""
        return tuple(Money(amount, currency) for currency, amount in sorted(self.amounts.items()))

    @property
    def single(self) -> Money | None:
        """The whole cost as one amount; None where prices are unknown or currencies differ."""
        if self.unpriced or len(self.amounts) != 1:
            return None
        return self.money[0]

    def __str__(self) -> str:
        parts = [str(money) for money in self.money]
        if self.unpriced:
            parts.append(f"{self.unpriced:,} without a price")
        return " + ".join(parts) or "0.00"


# --- Counts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeatFigures:
    """The seats held now in one scope: an account, an enterprise with its organizations, or all."""

    seats: int
    by_plan: Mapping[str, int]
    by_verdict: Mapping[str, int]
    licences: int
    cost: Cost
    idle_cost: Cost

    @property
    def inactive(self) -> int:
        """Seats the policy would take back: idle and never used."""
        return sum(self.by_verdict[verdict] for verdict in INACTIVE)

    @property
    def active(self) -> int:
        return self.by_verdict[Verdict.ACTIVE]


@dataclass(frozen=True, slots=True)
class PlanCost:
    """The seats of one plan in one scope, and what they cost a month: at list prices, and as agreed.

    `licences` are the seats that are paid for: a person's lower seat in an enterprise is not.
    """

    plan_type: str
    seats: int
    inactive: int
    licences: int
    list_cost: Cost
    cost: Cost
    idle_cost: Cost


class SeatGroup(NamedTuple):
    """So many seats of one account, one plan and one verdict."""

    account_id: int
    parent_id: int | None
    plan_type: str
    verdict: str
    seats: int

    @property
    def root_id(self) -> int:
        """Who pays: the enterprise, or an organization that stands alone."""
        return self.parent_id or self.account_id


class DoubleSeat(NamedTuple):
    """A seat of somebody who holds several."""

    user_id: int
    account_id: int
    parent_id: int | None
    plan_type: str
    verdict: str

    @property
    def root_id(self) -> int:
        return self.parent_id or self.account_id


def all_seats(day: date | None = None) -> SeatFigures:
    """Every seat held now, at the prices of `day` (today)."""
    return _Ledger.of_today(day).everything()


def of_account(account: Account, day: date | None = None) -> SeatFigures:
    """The seats an account granted; for an enterprise, with those of its organizations."""
    return _Ledger.of_today(day).account(account)


def as_recorded(account: Account) -> SeatFigures:
    """The same as they were counted when verdicts were last made today, without counting every seat again.

    Verdicts are made whenever a list, a policy or evidence changes; where they were not made today, the
    seats are counted.
    """
    rows = SeatDay.objects.filter(account__in=Account.objects.family(account), day=today())
    columns = ("account_id", "account__parent_id", "plan_type", "verdict", "seats")
    groups = [SeatGroup(*row) for row in rows.order_by().values_list(*columns)]
    if not groups:
        return of_account(account)
    # Nobody holds two seats of one account.
    is_alone = len({row.account_id for row in groups}) == 1
    held = Seat.objects.of_family(account).held()
    return _Ledger(groups, () if is_alone else _doubles(held), Prices.on(today())).account(account)


def by_account(day: date | None = None) -> Callable[[Account], SeatFigures]:
    """The same for any account of a list, from the same three queries whatever its length."""
    return _Ledger.of_today(day).account


def costs_by_plan(day: date | None = None) -> Callable[[Account], list[PlanCost]]:
    """Of any account of a list: a row per plan, by name, at the prices of `day` (today). Three queries."""
    return _Ledger.of_today(day).plans


def falls_away(groups: Iterable[SeatGroup], doubles: Iterable[DoubleSeat], prices: Prices) -> Cost:
    """What is paid a month less once the inactive among these seats are gone.

    `groups` may leave out seats that are not inactive; `doubles` are all seats of people with several.
    """
    return _Ledger(groups, doubles, prices).everything().idle_cost


# How many, by plan and by price; None: no price is known.
Licences = Counter[tuple[str, Money | None]]


class _Ledger:
    """Held seats in groups, and one by one those of people with several: enough to bill anybody."""

    def __init__(self, groups: Iterable[SeatGroup], doubles: Iterable[DoubleSeat], prices: Prices) -> None:
        self._groups = list(groups)
        self._doubles = list(doubles)
        self._prices = prices

    @classmethod
    def of_today(cls, day: date | None) -> _Ledger:
        held = Seat.objects.held()
        return cls(_groups(held), _doubles(held), Prices.on(day or today()))

    def everything(self) -> SeatFigures:
        return self._figures(self._groups, self._doubles)

    def account(self, account: Account) -> SeatFigures:
        return self._figures(*self._seats_of(account))

    def plans(self, account: Account) -> list[PlanCost]:
        groups, doubles = self._seats_of(account)
        paid = self._bill(groups, doubles)
        kept = self._kept(groups, doubles)
        listed = _Ledger((), (), self._prices.listed())._bill(groups, doubles)
        plans = []
        for plan_type in sorted({row.plan_type for row in groups}):
            own = [row for row in groups if row.plan_type == plan_type]
            billed = _of_plan(paid, plan_type)
            plans.append(
                PlanCost(
                    plan_type,
                    seats=sum(row.seats for row in own),
                    inactive=sum(row.seats for row in own if row.verdict in INACTIVE),
                    licences=sum(billed.values()),
                    list_cost=_or_nothing(_of_plan(listed, plan_type)),
                    cost=_or_nothing(billed),
                    idle_cost=_cost(billed, _of_plan(kept, plan_type)),
                )
            )
        return plans

    def _seats_of(self, account: Account) -> tuple[list[SeatGroup], list[DoubleSeat]]:
        if account.kind == Account.Kind.ENTERPRISE:
            groups = [row for row in self._groups if row.root_id == account.pk]
            return groups, [row for row in self._doubles if row.root_id == account.pk]
        # What an organization granted is counted whole, whoever else pays for the same people.
        return [row for row in self._groups if row.account_id == account.pk], []

    def _figures(self, groups: list[SeatGroup], doubles: list[DoubleSeat]) -> SeatFigures:
        by_plan: Counter[str] = Counter()
        by_verdict = Counter(dict.fromkeys(Verdict.values, 0))
        for row in groups:
            by_plan[row.plan_type] += row.seats
            by_verdict[row.verdict] += row.seats
        paid = self._bill(groups, doubles)
        return SeatFigures(
            seats=sum(by_plan.values()),
            by_plan=by_plan,
            by_verdict=by_verdict,
            licences=sum(paid.values()),
            cost=_cost(paid),
            idle_cost=_cost(paid, self._kept(groups, doubles)),
        )

    def _kept(self, groups: Iterable[SeatGroup], doubles: Iterable[DoubleSeat]) -> Licences:
        """What is left to pay without the inactive. What is saved is the difference to what is paid now:
        taking back one of several seats may save nothing.
        """
        return self._bill(
            [row for row in groups if row.verdict not in INACTIVE],
            [row for row in doubles if row.verdict not in INACTIVE],
        )

    def _bill(self, groups: Iterable[SeatGroup], doubles: Iterable[DoubleSeat]) -> Licences:
        """Every seat of the groups, less those that a person's higher seat makes free."""
        licences: Licences = Counter()
        for row in groups:
            price = self._prices.of_keys(row.account_id, row.parent_id, row.plan_type)
            licences[row.plan_type, price] += row.seats
        people: dict[tuple[int, int], list[DoubleSeat]] = defaultdict(list)
        for double in doubles:
            people[double.user_id, double.root_id].append(double)
        for seats in people.values():
            for seat in sorted(seats, key=self._rank)[:-1]:
                price = self._prices.of_keys(seat.account_id, seat.parent_id, seat.plan_type)
                licences[seat.plan_type, price] -= 1
        return licences

    def _rank(self, seat: DoubleSeat) -> tuple[int, Decimal]:
        """The higher plan is billed; at the same plan, the dearer seat: GitHub picks one at random."""
        price = self._prices.of_keys(seat.account_id, seat.parent_id, seat.plan_type)
        return plan_rank(seat.plan_type), price.amount if price else Decimal(0)


def plan_rank(plan_type: str) -> int:
    return PLAN_RANKS.get(plan_type, OTHER_PLAN)


def _of_plan(licences: Licences, plan_type: str) -> Licences:
    return Counter({key: count for key, count in licences.items() if key[0] == plan_type})


def _or_nothing(licences: Licences) -> Cost:
    """Their cost; where none of them is paid for, 0 of the currency that they would cost."""
    cost = _cost(licences)
    if cost.amounts or cost.unpriced:
        return cost
    return Cost({price.currency: Decimal("0.00") for _, price in licences if price})


def _cost(paid: Licences, kept: Licences | None = None) -> Cost:
    """What these licences cost; with `kept`, what falls away when only those are left."""
    left = kept or Counter()
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    unpriced = 0
    for key in {*paid, *left}:
        before, after = paid[key], left[key]
        if (price := key[1]) is None:
            unpriced += before - after
        elif before or after:
            amounts[price.currency] += (before - after) * price.amount
    return Cost(dict(amounts), abs(unpriced))


def _groups(seats: QuerySet[Seat]) -> Iterator[SeatGroup]:
    rows = seats.order_by().values_list("account_id", "account__parent_id", "plan_type", "verdict")
    return (SeatGroup(*row) for row in rows.annotate(seats=Count("pk")))


def _doubles(seats: QuerySet[Seat]) -> Iterator[DoubleSeat]:
    """In one query: the seats of everybody who holds more than one."""
    several = seats.order_by().values("user_id").annotate(seats=Count("pk")).filter(seats__gt=1)
    rows = seats.filter(user_id__in=several.values("user_id")).order_by("user_id", "pk")
    return (
        DoubleSeat(*row)
        for row in rows.values_list("user_id", "account_id", "account__parent_id", "plan_type", "verdict")
    )


# --- Over time --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeatsOnDay:
    """The seats of a scope as they were counted on a day, and what they cost a month at that day's prices.

    Each seat is counted with its own price: who held several on a past day is not known any more, so an
    enterprise pays less than `cost` by the seats that some of its people hold beside another.
    """

    by_verdict: Mapping[str, int]
    by_plan: Mapping[str, int]
    cost: Cost
    idle_cost: Cost

    @property
    def seats(self) -> int:
        return sum(self.by_verdict.values())

    @property
    def inactive(self) -> int:
        """Seats that the policy would have taken back: idle and never used."""
        return sum(self.by_verdict[verdict] for verdict in INACTIVE)


def seats_by_day(account: Account, first: date, last: date) -> Mapping[date, SeatsOnDay]:
    """What was recorded of the seats an account granted (of an enterprise: and its organizations), in order.

    A day on which nothing was recorded is not there: it is unknown, not a day without seats. Two queries.
    """
    with_prices = SeatPrice.objects.exclude(account=None).order_by().values_list("account_id", flat=True)
    rows = SeatDay.objects.filter(account__in=Account.objects.family(account), day__range=(first, last))
    groups = (
        rows.order_by("day")
        # Organizations without a price of their own pay the same: they need not be told apart.
        .annotate(priced=Case(When(account_id__in=[0, *with_prices], then=F("account_id")), default=Value(0)))
        .values_list("day", "priced", "plan_type", "verdict")
        .annotate(total=Sum("seats"))
    )
    on = Prices.history()
    # The parent of an organization without one is nobody, as is that of an enterprise.
    parent_id = account.parent_id or account.pk
    days: dict[date, list[SeatGroup]] = defaultdict(list)
    for day, priced, plan_type, verdict, seats in groups:
        days[day].append(SeatGroup(priced, parent_id, plan_type, verdict, seats))
    return _OnDays(days, on)


class _OnDays(Mapping[date, SeatsOnDay]):
    """Worked out when it is looked at: a year is shown by weeks, of which one day each is told."""

    def __init__(self, groups: Mapping[date, Sequence[SeatGroup]], on: Callable[[date], Prices]) -> None:
        self._groups = dict(groups)
        self._on = on
        self._known: dict[date, SeatsOnDay] = {}

    def __getitem__(self, day: date) -> SeatsOnDay:
        if day not in self._known:
            self._known[day] = _on_day(self._groups[day], self._on(day))
        return self._known[day]

    def __contains__(self, day: object) -> bool:
        return day in self._groups

    def __iter__(self) -> Iterator[date]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


def _on_day(groups: Iterable[SeatGroup], prices: Prices) -> SeatsOnDay:
    found = _Ledger(groups, (), prices).everything()
    return SeatsOnDay(found.by_verdict, found.by_plan, found.cost, found.idle_cost)


@dataclass(frozen=True, slots=True)
class SeatDates:
    """How many seats there are by the days that matter of them; UTC days without any are not there.

    `granted` goes by GitHub's `created_at`, which is when access was granted last; `ended` by the first
    complete list that shows the seat no more. The others are of seats that are held: `undated`, of which no
    list told when they were granted; `used` by the newest evidence of use; `unused`, those without any, by
    the day of the grant; `pending`, those that are cancelled, by the date on which they end.
    """

    granted: Mapping[date, int]
    ended: Mapping[date, int]
    undated: int
    used: Mapping[date, int]
    unused: Mapping[date, int]
    unused_undated: int
    pending: Mapping[date, int]


def seat_dates(account: Account) -> SeatDates:
    """Of the seats an account granted; of an enterprise, with its organizations'. Every seat is looked at."""
    seats = Seat.objects.of_family(account).order_by()
    held = seats.held()
    unused = held.filter(last_used_on=None)
    return SeatDates(
        granted=_by_day(seats, TruncDate("created_at", tzinfo=UTC)),
        ended=_by_day(seats, TruncDate("ended_at", tzinfo=UTC)),
        undated=held.filter(created_at=None).count(),
        used=_by_day(held, F("last_used_on")),
        unused=_by_day(unused, TruncDate("created_at", tzinfo=UTC)),
        unused_undated=unused.filter(created_at=None).count(),
        pending=_by_day(held, F("pending_cancellation_date")),
    )


def _by_day(seats: QuerySet[Seat], day: Expression | F) -> dict[date, int]:
    """How many seats of each day, in order, without those of none."""
    days = seats.annotate(on=day).exclude(on=None).values_list("on")
    return dict(days.annotate(seats=Count("pk")).order_by("on"))


@dataclass(frozen=True, slots=True)
class SeatMoves:
    """How many seats were granted and ended, by UTC day, see SeatDates. `undated` are of all times."""

    granted: Mapping[date, int]
    ended: Mapping[date, int]
    undated: int

    def granted_on(self, days: Iterable[date]) -> int:
        return sum(self.granted.get(day, 0) for day in days)

    def ended_on(self, days: Iterable[date]) -> int:
        return sum(self.ended.get(day, 0) for day in days)


def moves(dates: SeatDates, first: date, last: date) -> SeatMoves:
    """Seats granted and ended from `first` to `last`."""

    def within(counts: Mapping[date, int]) -> dict[date, int]:
        return {day: count for day, count in counts.items() if first <= day <= last}

    return SeatMoves(within(dates.granted), within(dates.ended), dates.undated)


# --- Idleness ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idleness:
    """For how long held seats were without use: so many days, both ends included; None: no end.

    Without both ends there is no evidence of use. `is_new` tells those apart that were granted so lately
    that GitHub would still remember a use: they were never used. Of the others nobody can say whether they
    ever were.
    """

    least: int | None
    most: int | None
    seats: int
    is_new: bool = False

    @property
    def has_evidence(self) -> bool:
        return self.least is not None


def remembered_since(day: date) -> date:
    """Whoever was granted a seat on this day or later, and used it, GitHub would still remember."""
    return day - timedelta(days=GITHUB_REMEMBERS_DAYS - 1)


IDLE_DAYS = ((0, 7), (8, 14), (15, 30), (31, 60), (61, 90), (91, None))


def idleness(dates: SeatDates, day: date | None = None) -> list[Idleness]:
    """Held seats by days since the newest evidence of use, fewest first, then those without.

    See https://docs.github.com/copilot/concepts/copilot-usage-metrics: GitHub remembers for 90 days.
    """
    as_of = day or today()
    found = [Idleness(least, most, _idle(dates, as_of, least, most)) for least, most in IDLE_DAYS]
    remembered = remembered_since(as_of)
    never = sum(count for granted, count in dates.unused.items() if granted >= remembered)
    without = sum(dates.unused.values()) + dates.unused_undated
    return [*found, Idleness(None, None, never, is_new=True), Idleness(None, None, without - never)]


def _idle(dates: SeatDates, as_of: date, least: int, most: int | None) -> int:
    # Evidence of a day that has not begun here counts as today's.
    ages = ((max((as_of - used).days, 0), count) for used, count in dates.used.items())
    return sum(count for age, count in ages if age >= least and (most is None or age <= most))


# --- Taken back -------------------------------------------------------------------------------


def taken_back(account: Account, first: date, last: date) -> dict[str, int]:
    """Seats that GitHub cancelled for the portal on these UTC days, by what has become of them since.

    The keys are those of `Revocation.TAKEN_BACK`; states without any are 0.
    """
    rows = Revocation.objects.taken_back().filter(
        seat__account__in=Account.objects.family(account),
        revoked_at__gte=midnight(first),
        revoked_at__lt=midnight(last + timedelta(days=1)),
    )
    counts = dict(rows.order_by().values_list("state").annotate(seats=Count("pk")))
    return {state: counts.get(state, 0) for state in Revocation.TAKEN_BACK}
