"""What the page of savings shows: sums, a chart by month, a table by account and plan."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.urls import reverse

from portal.cards import Cell, Chart, Choice, Figure, Figures, Panel, Sentence, Series, Table
from seats.figures import Cost
from seats.models import Account, Revocation
from seats.policy_sql import today
from seats.savings import Savings, first_of, next_month, savings

REALISED, PROJECTED = "#12a150", "#7c8db5"
# Older months and more accounts are in the report.
SHOWN_ROWS = 60
CHOICES = 500


def panels(account: Account | None) -> list[Panel]:
    found = savings(account)
    shown: list[Panel] = []
    if choice := _choice(account):
        shown.append(choice)
    shown.append(_sums(found, account))
    if not found.rows:
        shown.append(
            Sentence(
                "Nothing saved yet",
                "A seat taken back is paid for until its billing cycle ends, and counts from then on.",
                [("Reviews", reverse("admin:seats_seatreview_changelist"))],
            )
        )
        return shown
    currencies = sorted({currency for row in found.rows for currency in row.cost.amounts})
    return [*shown, *(_chart(found, currency) for currency in currencies), _table(found)]


def _choice(account: Account | None) -> Choice | None:
    accounts = list(Account.objects.order_by("kind", "login_key", "pk")[:CHOICES])
    if len(accounts) < 2:
        return None
    options = [("", "All organizations and enterprises")]
    options += [(str(row.pk), f"{row.label} ({row.get_kind_display()})") for row in accounts]
    return Choice("account", "Scope", options, str(account.pk) if account else "")


def _sums(found: Savings, account: Account | None) -> Figures:
    months, this = found.by_month(), first_of(today())
    taken = Revocation.objects.taken_back()
    if account is not None:
        taken = taken.filter(seat__account__in=Account.objects.family(account))
    held = taken.filter(state__in=[Revocation.State.REVOKED, Revocation.State.VERIFIED])
    rows = reverse("admin:seats_revocation_changelist")
    by_month = reverse("reports:report", args=["savings"])
    if account is not None and account.login:
        by_month += f"?{account.kind}={account.login}"
    return Figures(
        f"Savings of {account.label}" if account else "Savings",
        [
            Figure("Seats taken back", f"{taken.count():,}", rows, f"{held.count():,} still are"),
            Figure("Saved so far", str(found.realised), by_month, "up to and with this month", "good"),
            Figure("This month", str(months.get(this, Cost())), by_month),
            Figure("Next month", str(months.get(next_month(this), Cost())), by_month, "projected"),
            Figure("The next twelve months", str(found.projected), by_month, "if nobody gets a seat again"),
        ],
        note="A seat's cost ends with its billing cycle, and nothing is paid back. At each month's price; "
        "a seat beside which the person keeps another saves only the difference.",
    )


def _chart(found: Savings, currency: str) -> Chart:
    months = found.by_month()
    labels = [f"{month:%Y-%m}" for month in months]
    amounts = [cost.amounts.get(currency, Decimal(0)) for cost in months.values()]
    return Chart(
        key=f"savings-{currency}",
        title=f"Saved by month, {currency}",
        kind="line",
        labels=labels,
        series=[
            Series("Saved", _where(months, amounts, begun=True), REALISED),
            Series("Projected", _where(months, amounts, begun=False), PROJECTED, dashed=True),
        ],
        headers=["Month", f"Saved, {currency}"],
        rows=[[Cell(label), Cell(f"{amount:,.2f}")] for label, amount in zip(labels, amounts, strict=True)],
        note="Months that have not begun are projected.",
        wide=True,
    )


def _where(months: Iterable[date], amounts: Iterable[Decimal], *, begun: bool) -> list[float | int | None]:
    """The months that have begun, or those that have not; to be drawn, hence no Decimal."""
    now = today()
    return [
        float(amount) if (month <= now) == begun else None
        for month, amount in zip(months, amounts, strict=True)
    ]


def _table(found: Savings) -> Table:
    return Table(
        "By month, account and plan",
        ["Month", "Organization or enterprise", "Plan", "Seats", "Saved", ""],
        [
            [
                Cell(f"{row.month:%Y-%m}"),
                Cell(row.account.label, reverse("admin:seats_account_change", args=[row.account.pk])),
                Cell(row.plan_type.capitalize()),
                Cell(f"{row.seats:,}"),
                Cell(str(row.cost)),
                Cell("projected" if row.is_projected else ""),
            ]
            for row in found.rows[:SHOWN_ROWS]
        ],
        note=f"The first {SHOWN_ROWS} of {len(found.rows):,} rows; all of them are in the report “savings”."
        if len(found.rows) > SHOWN_ROWS
        else "",
    )
