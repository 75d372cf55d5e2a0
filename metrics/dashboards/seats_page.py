"""Seats: in which states they are, for how long nobody used them, what that costs, and what was saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TypeVar

from django.urls import reverse

from metrics.dashboards.asked import Asked, Bucket, By
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Panel, Row, Value
from metrics.dashboards.registry import page
from metrics.dashboards.rows_behind import linked
from metrics.dashboards.wording import percent, several
from metrics.figures import ratio, total
from metrics.figures.seat_sets import dates_of
from seats import figures
from seats.cards import seats_url
from seats.figures import Cost, Idleness, SeatFigures
from seats.models import Account, Revocation
from seats.models.seat import PlanType, Verdict
from seats.policy import GITHUB_REMEMBERS_DAYS
from seats.savings import savings
from seats.verdicts import today

SEATS_API = "https://docs.github.com/en/rest/copilot/copilot-user-management"
BILLING = "https://docs.github.com/en/copilot/concepts/billing/organizations-and-enterprises"
ENTERPRISE_BILLING = "https://docs.github.com/en/copilot/concepts/billing/billing-for-enterprises"
CONCEPTS = "https://docs.github.com/en/copilot/concepts/copilot-usage-metrics"

# In reading order: what is fine, what is waiting, what is to be looked at.
VERDICTS = (
    Verdict.ACTIVE,
    Verdict.IN_GRACE,
    Verdict.EXEMPT,
    Verdict.PENDING,
    Verdict.IDLE,
    Verdict.NEVER_USED,
    Verdict.UNKNOWN,
)
NOT_RECORDED = "No seats were recorded on these days: the portal records them each day from its first day on."
NO_SEATS = "No seat list of this account was taken in, or it holds no seat."

T = TypeVar("T")

seats = page(
    "seats",
    "Seats",
    "event_seat",
    order=100,
    permission="seats.view_seat",
    without=frozenset({"team", "compare", "weekends"}),
)


# --- Now --------------------------------------------------------------------------------------


@seats.panel(
    "now",
    "Seats today",
    definition="Seats held today by what the policy says of each; inactive are those idle and never used. "
    "What they cost a month at today's prices: an enterprise pays for a person once, at the higher plan. "
    "What the inactive ones cost is what the bill would be less without them.",
    source=ENTERPRISE_BILLING,
    wide=True,
)
def now(asked: Asked) -> Panel:
    account = asked.scope.account
    found = figures.as_recorded(account)
    if not found.seats:
        return Panel(empty=NO_SEATS)
    billed = several(found.licences, "licence", "licences")
    if found.cost.unpriced:
        billed += f", {found.cost.unpriced:,} without a known price"
    inactive_url = seats_url(account, verdict="inactive")
    return Panel(
        headlines=[
            Headline("Seats held", found.seats, url=seats_url(account), note=f"today, {today()}"),
            Headline(
                "Active",
                found.active,
                url=seats_url(account, verdict="active"),
                note=_share(found.active, found.seats),
            ),
            Headline("Inactive", found.inactive, url=inactive_url, note=_share(found.inactive, found.seats)),
            *_money("Cost a month", found.cost, billed, reverse("admin:seats_seatprice_changelist")),
            *_money("Inactive, a month", found.idle_cost, "if all were taken back", inactive_url),
        ],
    )


def _share(part: int, whole: int) -> str:
    rate = ratio(part, whole)
    return "" if rate is None else f"{percent(rate)} of seats held"


def _money(label: str, cost: Cost, note: str, url: str) -> list[Headline]:
    """A headline per currency: amounts of different ones are never added."""
    return [
        Headline(f"{label} ({money.currency})", money.amount, Kind.MONEY, url=url, note=note)
        for money in cost.money
    ]


@seats.panel(
    "plans",
    "Seats by plan",
    definition="Seats held today by the plan that GitHub's list names; an unknown plan is known from "
    "activity reports alone.",
    source=SEATS_API,
)
def plans(asked: Asked) -> Panel:
    account = asked.scope.account
    recorded = figures.seats_by_day(account, today(), today())
    found = recorded.get(today()) or figures.of_account(account)
    names = dict(PlanType.choices)
    return Panel(
        columns=[
            Column("plan", "Plan", Kind.TEXT),
            Column("seats", "Seats"),
            Column("share", "Share", Kind.RATE),
        ],
        rows=[
            [
                str(names.get(plan, plan)).capitalize(),
                linked(count, seats_url(account, plan=plan)),
                ratio(count, found.seats),
            ]
            for plan, count in sorted(found.by_plan.items(), key=lambda row: (-row[1], row[0]))
        ],
        drawing=Drawing(Form.RANKED, ["seats"]),
        empty=NO_SEATS,
    )


@seats.panel(
    "idleness",
    "How long seats were idle",
    definition="Seats held today by the days since the newest evidence that their holder used Copilot, of "
    f"any kind that the policy counts. GitHub forgets a use after {GITHUB_REMEMBERS_DAYS} days: a seat "
    "without evidence was never used if it was granted later than that; otherwise nobody can say.",
    source=CONCEPTS,
)
def idleness(asked: Asked) -> Panel:
    found = figures.idleness(dates_of(asked.scope.account))
    whole = total(some.seats for some in found)
    return Panel(
        columns=[
            Column("days", "Days since use", Kind.TEXT),
            Column("seats", "Seats"),
            Column("share", "Share", Kind.RATE),
        ],
        rows=[
            [_age(some), linked(some.seats, _idle_url(asked.scope.account, some)), ratio(some.seats, whole)]
            for some in found
        ]
        if whole
        else [],
        drawing=Drawing(Form.BARS, ["seats"]),
        empty=NO_SEATS,
    )


def _age(some: Idleness) -> str:
    if some.least is None:
        return "Never used" if some.is_new else "Unknown"
    return f"Over {some.least - 1}" if some.most is None else f"{some.least} to {some.most}"


def _idle_url(account: Account, some: Idleness) -> str:
    """The seats themselves; of those without evidence all, whenever they were granted, are one list."""
    if some.least is None:
        since = figures.remembered_since(today())
        if some.is_new:
            return seats_url(account, last_used_on__isnull="True", created_at__gte=f"{since}T00:00:00Z")
        return ""
    least = {"idle_days_from": str(some.least)} if some.least else {}
    # Without a bound seats without evidence would be among them.
    most = {"idle_days_to": str(some.most)} if some.most is not None else {}
    return seats_url(account, **least, **most)


@seats.panel(
    "pending",
    "Cancelled seats",
    definition="Seats held today that are cancelled, by the date on which access and cost end.",
    source=SEATS_API,
)
def pending(asked: Asked) -> Panel:
    account = asked.scope.account
    return Panel(
        columns=[Column("ends_on", "Ends on", Kind.DAY), Column("seats", "Seats")],
        rows=[
            [day, linked(count, seats_url(account, pending_cancellation_date=str(day)))]
            for day, count in dates_of(account).pending.items()
        ],
        drawing=Drawing(Form.BARS, ["seats"]),
        empty="No seat is cancelled.",
    )


# --- Over time --------------------------------------------------------------------------------


@seats.panel(
    "states",
    "Seats by state over time",
    definition="Seats by what the policy said of them, as the portal recorded it each day; of a week or "
    "month, the newest day that was recorded. Days before the portal ran, or without a run, are gaps.",
    wide=True,
)
def states(asked: Asked) -> Panel:
    days = figures.seats_by_day(asked.scope.account, asked.period.first, asked.period.last)

    def values(bucket: Bucket) -> Row:
        found = _newest(days, bucket)
        if found is None:
            return [None] * (len(VERDICTS) + 1)
        return [found.seats, *(found.by_verdict[verdict] for verdict in VERDICTS)]

    columns = [
        Column("seats", "All"),
        *(Column(verdict.value, str(verdict.label).capitalize()) for verdict in VERDICTS),
    ]
    drawing = Drawing(Form.STACKED, [verdict.value for verdict in VERDICTS])
    return _settled(asked.over_time(columns, values, drawing), NOT_RECORDED)


@seats.panel(
    "cost",
    "Cost of seats and of idle ones over time",
    definition="A month's price of the seats recorded on the day, and of the inactive ones among them, at "
    "that day's prices, each currency by itself. Every seat counts with its own price: an enterprise pays "
    "less where a person holds several.",
    source=BILLING,
    wide=True,
)
def cost(asked: Asked) -> Panel:
    days = figures.seats_by_day(asked.scope.account, asked.period.first, asked.period.last)
    shown = [found for bucket in asked.buckets() if (found := _newest(days, bucket)) is not None]
    currencies = sorted({currency for day in shown for currency in day.cost.amounts})
    is_unpriced = any(day.cost.unpriced for day in shown)

    def values(bucket: Bucket) -> Row:
        found = _newest(days, bucket)
        amounts: list[Value] = []
        for currency in currencies:
            if found is None:
                amounts += [None, None]
            else:
                amounts += [_amount(found.cost, currency), _amount(found.idle_cost, currency)]
        return amounts if not is_unpriced else [*amounts, None if found is None else found.cost.unpriced]

    columns = []
    for currency in currencies:
        columns.append(Column(f"cost_{currency.lower()}", f"All ({currency})", Kind.MONEY))
        columns.append(Column(f"idle_{currency.lower()}", f"Inactive ({currency})", Kind.MONEY))
    drawn = [column.name for column in columns]
    if is_unpriced:
        columns.append(Column("unpriced", "Seats without a price"))
    made = asked.over_time(columns, values, Drawing(Form.LINES, drawn))
    if not drawn:
        made = replace(made, drawing=None)
    return _settled(made, NOT_RECORDED)


def _amount(cost: Cost, currency: str) -> Value:
    """Of a known cost a currency without any amount is nothing."""
    return cost.amounts.get(currency, 0)


@seats.panel(
    "moves",
    "Seats granted and ended",
    definition="Seats by the week (or month) in which access was granted last, as GitHub tells it, and in "
    "which a complete seat list first showed them no more.",
    source=SEATS_API,
)
def moves(asked: Asked) -> Panel:
    account = asked.scope.account
    found = figures.moves(dates_of(account), asked.period.first, asked.period.last)

    def values(bucket: Bucket) -> Row:
        begin, end = f"{bucket.days[0]}T00:00:00Z", f"{bucket.last}T23:59:59.999999Z"
        return [
            linked(
                found.granted_on(bucket.days),
                seats_url(account, held="all", created_at__gte=begin, created_at__lte=end),
            ),
            linked(
                found.ended_on(bucket.days),
                seats_url(account, held="ended", ended_at__gte=begin, ended_at__lte=end),
            ),
        ]

    by_week = asked if asked.by == By.MONTH else replace(asked, by=By.WEEK)
    columns = [Column("granted", "Granted"), Column("ended", "Ended")]
    made = by_week.over_time(columns, values, Drawing(Form.BARS, ["granted", "ended"]))
    undated = f"Of {several(found.undated, 'seat', 'seats')} no list told when it was granted."
    if not found.granted and not found.ended:
        return Panel(empty="No seat was granted or ended on these days.")
    return _settled(replace(made, note=undated if found.undated else ""))


def _newest(days: Mapping[date, T], bucket: Bucket) -> T | None:
    """Of the days put together the newest that is told."""
    return next((days[day] for day in reversed(bucket.days) if day in days), None)


def _settled(made: Panel, empty: str = "") -> Panel:
    """GitHub restates use, never seats."""
    return replace(made, provisional=frozenset(), empty=empty or made.empty)


# --- Taken back -------------------------------------------------------------------------------


@seats.panel(
    "taken-back",
    "Seats taken back, and what that saves",
    definition="Seats that GitHub cancelled for the portal on the days of the period, by what has become of "
    "them since. A seat saves from the month in which its cycle ends, at that month's price, until the "
    "person has a seat again; what nobody verified yet, and the twelve months ahead, are to come.",
    source=BILLING,
    permission="seats.view_revocation",
    wide=True,
)
def taken_back(asked: Asked) -> Panel:
    account = asked.scope.account
    states = figures.taken_back(account, asked.period.first, asked.period.last)
    found = savings(account)
    months = found.by_month()
    currencies = sorted({currency for month in months.values() for currency in month.amounts})
    if not months and not any(states.values()):
        return Panel(empty="No seat was taken back.")
    labels = dict(Revocation.State.choices)
    url = f"{reverse('admin:seats_savings')}?account={account.pk}"
    this_month = today()
    return Panel(
        headlines=[
            *(
                Headline(str(labels[state]).capitalize(), count, note="in the period")
                for state, count in states.items()
            ),
            *_money("Saved so far", found.realised, "up to this month", url),
            *_money("To come", found.projected, "in twelve months", url),
        ],
        columns=[
            Column("month", "Month", Kind.DAY),
            Column("is", "", Kind.TEXT),
            *(Column(f"saved_{each.lower()}", f"Saved ({each})", Kind.MONEY) for each in currencies),
            Column("unpriced", "Seats without a price"),
        ],
        rows=[
            [
                f"{month:%Y-%m}",
                "to come" if month > this_month else "saved",
                *(_amount(saved, each) for each in currencies),
                saved.unpriced,
            ]
            for month, saved in months.items()
        ],
        drawing=Drawing(Form.BARS, [f"saved_{each.lower()}" for each in currencies]) if currencies else None,
    )


# --- Words ------------------------------------------------------------------------------------


@seats.opens_with
def words(asked: Asked) -> list[str]:
    account = asked.scope.account
    found = figures.as_recorded(account)
    said = [
        held_in_words(account, found),
        idle_cost_in_words(found),
        pending_in_words(dates_of(account).pending),
    ]
    return [sentence for sentence in said if sentence]


def held_in_words(account: Account, found: SeatFigures) -> str:
    """How many seats are held, and how many of them nobody uses."""
    if not found.seats:
        return f"No seat of {account.label} is known."
    held = several(found.seats, "seat is held", "seats are held")
    rate = ratio(found.inactive, found.seats)
    if not found.inactive or rate is None:
        return f"{held}, and none of them is inactive."
    inactive = "is inactive" if found.inactive == 1 else "are inactive"
    return f"{held}; {found.inactive:,} of them ({percent(rate)}) {inactive}."


def idle_cost_in_words(found: SeatFigures) -> str:
    """What the inactive seats cost; nothing where there are none."""
    if not found.inactive:
        return ""
    cost = found.idle_cost
    if not cost.amounts:
        return "What the inactive ones cost is not known: no price is." if cost.unpriced else ""
    amounts = " and ".join(str(money) for money in cost.money)
    without = ""
    if cost.unpriced:
        without = f", not counting {several(cost.unpriced, 'seat', 'seats')} without a price"
    return f"Without the inactive ones {amounts} less would be paid a month{without}."


def pending_in_words(dates: Mapping[date, int]) -> str:
    """When cancelled seats end; nothing where none is cancelled."""
    if not dates:
        return ""
    first = min(dates)
    whole = total(dates.values()) or 0
    cancelled = several(whole, "seat is cancelled", "seats are cancelled")
    if len(dates) == 1:
        return f"{cancelled} and {'ends' if whole == 1 else 'end'} on {first}."
    return f"{cancelled}; the first {'ends' if dates[first] == 1 else 'end'} on {first}."
