"""What a dry run would change of seats and of bills: held, idle, billed, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum

from seats import evidence, verdicts
from seats.models import Account, BillingLine, Seat

# By account, who of its people: by lower-cased login.
Whose = Mapping[int, set[str]]


@dataclass(frozen=True, slots=True)
class Stood:
    """Who held a seat, and who of them was idle or never used it."""

    held: Whose
    idle: Whose


@dataclass(slots=True)
class SeatChange:
    """Of one account; several files of one dry run change it one after the other."""

    held_before: set[str] = field(default_factory=set)
    held_after: set[str] = field(default_factory=set)
    idle_before: set[str] = field(default_factory=set)
    idle_after: set[str] = field(default_factory=set)
    changed: int = 0

    def follow(self, held: tuple[set[str], set[str]], idle: tuple[set[str], set[str]]) -> None:
        """Take what one file would make of what it found."""
        self.held_after = (self.held_after | (held[1] - held[0])) - (held[0] - held[1])
        self.idle_after = (self.idle_after | (idle[1] - idle[0])) - (idle[0] - idle[1])

    def figures(self) -> dict[str, int]:
        return {
            "before": len(self.held_before),
            "after": len(self.held_after),
            "added": len(self.held_after - self.held_before),
            "ended": len(self.held_before - self.held_after),
            "changed": self.changed,
            "idle_before": len(self.idle_before),
            "idle_after": len(self.idle_after),
            "newly_idle": len(self.idle_after - self.idle_before),
            "no_longer_idle": len(self.idle_before - self.idle_after),
        }


@dataclass(slots=True)
class BillChange:
    """What would be added to the lines of an account's report, over the days a file tells of."""

    days: set[date] = field(default_factory=set)
    lines: int = 0
    gross: Decimal = Decimal(0)
    net: Decimal = Decimal(0)

    def add(self, lines: int, gross: Decimal | None, net: Decimal | None) -> None:
        """So many lines more; to take something away, all is below zero."""
        self.lines += lines
        self.gross += gross or 0
        self.net += net or 0

    def figures(self, account: int, report: str) -> dict[str, Any]:
        rows = BillingLine.objects.none()
        if account > 0:
            rows = BillingLine.objects.filter(account_id=account, report=report, day__in=self.days)
        lines, gross, net = (
            rows.order_by()
            .aggregate(lines=Count("pk"), gross=Sum("gross_amount"), net=Sum("net_amount"))
            .values()
        )
        gross, net = gross or Decimal(0), net or Decimal(0)
        return {
            "report": report,
            "first": str(min(self.days)),
            "last": str(max(self.days)),
            "lines": [lines, lines + self.lines],
            "gross": [str(gross), str(gross + self.gross)],
            "net": [str(net), str(net + self.net)],
        }


def stand(accounts: Iterable[Account]) -> Stood:
    """How the seats of these accounts stand, judged anew. Within a transaction that is rolled back."""
    some = list(accounts)
    verdicts.refresh(accounts=some)
    return as_judged([account.pk for account in some])


def as_judged(accounts: Iterable[int]) -> Stood:
    """How the seats of these accounts stand, as they were judged last."""
    keys = list(accounts)
    held: dict[int, set[str]] = {pk: set() for pk in keys}
    idle: dict[int, set[str]] = {pk: set() for pk in keys}
    seats = Seat.objects.held().filter(account__in=keys).order_by()
    for account, login_key in seats.values_list("account_id", "user__login_key"):
        held[account].add(login_key)
    for account, login_key in seats.inactive().values_list("account_id", "user__login_key"):
        idle[account].add(login_key)
    return Stood(held, idle)


def woken(used: Mapping[int, date], credits_spent: Mapping[int, date]) -> tuple[Stood, Stood]:
    """How the seats of the accounts stand where people are idle who did something on these days, by GitHub's
    ids; and how they would stand if that were known. Writes nothing.
    """
    ids = {*used, *credits_spent}
    idle = Seat.objects.inactive().filter(user__github_id__among=ids).order_by()
    found = list(idle.values_list("user__github_id", "user_id", "account_id"))
    accounts = list(Account.objects.filter(pk__in={account for _, _, account in found}))
    if not accounts:
        return Stood({}, {}), Stood({}, {})
    keys = {github_id: key for github_id, key, _ in found}
    with transaction.atomic():
        before = stand(accounts)
        for source, days in (("usage_report", used), ("ai_credits", credits_spent)):
            evidence.note(source, {keys[one]: day for one, day in days.items() if one in keys})
        after = stand(accounts)
        transaction.set_rollback(True)
    return before, after
