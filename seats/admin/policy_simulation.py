"""The simulator on the page of a policy: what its values would do, before they are saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.db.models import F, QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from portal.cards import Cell, Table
from seats import simulator
from seats.admin.base import day
from seats.models import Account, InactivityPolicy, Seat, Team
from seats.models.policy import MOST_DAYS
from seats.simulator import Row

# So many accounts and people are named; the rest is counted.
SHOWN_ACCOUNTS = 10
NAMED = 10


class SimulatedForm(forms.Form):
    """The values of a policy's form that decide about verdicts."""

    account = forms.ModelChoiceField(Account.objects.select_related("parent"), required=False)
    team = forms.ModelChoiceField(Team.objects.select_related("account"), required=False)
    idle_days = forms.IntegerField(min_value=1, max_value=MOST_DAYS)
    grace_days = forms.IntegerField(min_value=0, max_value=MOST_DAYS)
    sign_in_counts = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("account") and found.get("team"):
            raise forms.ValidationError("Choose an account or a team, not both.")
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """A policy that need not be saved, and for a link the one account whose seats are looked at."""

    policy: InactivityPolicy
    account: Account | None = None

    @property
    def value(self) -> str:
        """How an address names it."""
        policy = self.policy
        account_id = self.account.pk if self.account else 0
        days, signs_in = (policy.idle_days, policy.grace_days), int(policy.sign_in_counts)
        parts = (policy.own_scope_key(), *days, signs_in, policy.pk or 0, account_id)
        return ",".join(map(str, parts))

    @property
    def words(self) -> str:
        where = f", in {self.account}" if self.account else ""
        return f"Inactive at {self.policy.idle_days} days ({self.policy.scope_label}{where})"

    def seats(self) -> QuerySet[Seat]:
        seats = simulator.caught(self.policy)
        return seats.filter(account=self.account) if self.account else seats

    def url(self) -> str:
        return f"{reverse('admin:seats_seat_changelist')}?{urlencode({'simulated': self.value})}"


def asked_for(value: str) -> Asked | None:
    """The policy that an address names; None if it is not one of ours."""
    scope, *numbers = value.split(",")
    if len(numbers) != 5 or not all(number.isdecimal() and len(number) < 18 for number in numbers):
        return None
    kind, _, key = scope.partition(":")
    form = SimulatedForm(
        {
            kind: key if kind in ("account", "team") else "",
            "idle_days": numbers[0],
            "grace_days": numbers[1],
            "sign_in_counts": numbers[2] == "1",
        }
    )
    account = Account.objects.filter(pk=int(numbers[4])).first()
    if kind not in ("all", "account", "team") or not form.is_valid() or (int(numbers[4]) and not account):
        return None
    policy = InactivityPolicy(pk=int(numbers[3]) or None, **form.cleaned_data)
    return Asked(policy, account) if policy.own_scope_key() == scope else None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the page shows: a sentence, figures by idle time, whose seats, and what is wrong with the form."""

    says: str
    errors: Sequence[str] = ()
    figures: Table | None = None
    accounts: Table | None = None
    people: Sequence[Cell] = ()
    more_people: Cell | None = None


def simulation(request: HttpRequest, policy: InactivityPolicy, data: QueryDict) -> Simulation:
    """What the policy would do with the values that a form holds; those it does not hold stay as they are."""
    if "idle_days" in data:
        form = SimulatedForm(_scope_of(policy) | data.dict())
        if not form.is_valid():
            errors = [
                f"{form.fields[name].label or name.replace('_', ' ').capitalize()}: {error}"
                if name in form.fields
                else str(error)
                for name, found in form.errors.items()
                for error in found
            ]
            return Simulation("Nothing to show with these values.", errors)
        for name, value in form.cleaned_data.items():
            setattr(policy, name, value)
    return _of(policy, may_see_people=request.user.has_perm("seats.view_seat"))


def _scope_of(policy: InactivityPolicy) -> dict[str, Any]:
    return {"account": policy.account_id, "team": policy.team_id}


def _of(policy: InactivityPolicy, *, may_see_people: bool) -> Simulation:
    own = policy.idle_days
    rows = simulator.simulate(policy, days={*simulator.DAYS, own})
    ours = next(row for row in rows if row.idle_days == own)
    asked = Asked(policy)
    people: list[Cell] = []
    more = None
    if may_see_people and ours.inactive:
        first = asked.seats().select_related("user").order_by(F("counted_on").asc(nulls_last=True), "pk")
        people = [_person(seat) for seat in first[:NAMED]]
        rest = ours.inactive - len(people)
        more = Cell(f"{rest:,} more" if rest else "all in the list of seats", asked.url())
    return Simulation(
        says=_sentence(ours),
        figures=_figures(rows, policy, is_linked=may_see_people),
        accounts=_accounts(rows, ours, policy, is_linked=may_see_people) if ours.by_account else None,
        people=people,
        more_people=more,
    )


def _sentence(row: Row) -> str:
    seats = "1 seat is" if row.inactive == 1 else f"{row.inactive:,} seats are"
    days = "1 day" if row.idle_days == 1 else f"{row.idle_days:,} days"
    return f"After {days} without use {seats} inactive today, {row.cost} a month."


def _figures(rows: Sequence[Row], policy: InactivityPolicy, *, is_linked: bool) -> Table:
    return Table(
        "By idle days",
        ["Idle days", "Inactive", "Active", "Exempt", "In grace", "Unknown", "Access ends", "Per month"],
        [
            [
                Cell(f"{row.idle_days:,}" + (" (as entered)" if row.idle_days == policy.idle_days else "")),
                Cell(f"{row.inactive:,}", _link(policy, row) if is_linked else ""),
                *(
                    Cell(f"{count:,}")
                    for count in (row.active, row.exempt, row.in_grace, row.unknown, row.pending)
                ),
                Cell(str(row.cost)),
            ]
            for row in rows
        ],
        note="Seats for which a nearer policy decides are left out. The money is what falls away with the "
        "inactive seats: nothing, where a person keeps another seat that is as dear.",
    )


def _accounts(rows: Sequence[Row], ours: Row, policy: InactivityPolicy, *, is_linked: bool) -> Table:
    """By those who have most at the policy's own idle time."""
    accounts = list(ours.by_account)
    shown = accounts[:SHOWN_ACCOUNTS]
    lines = [
        [
            Cell(account.label),
            *(
                Cell(f"{row.by_account.get(account, 0):,}", _link(policy, row, account) if is_linked else "")
                for row in rows
            ),
        ]
        for account in shown
    ]
    if rest := accounts[SHOWN_ACCOUNTS:]:
        sums = [sum(row.by_account.get(account, 0) for account in rest) for row in rows]
        lines.append([Cell(f"{len(rest):,} more"), *(Cell(f"{count:,}") for count in sums)])
    return Table(
        "Whose seats would be inactive",
        ["Granted by", *(f"{row.idle_days:,} days" for row in rows)],
        lines,
    )


def _link(policy: InactivityPolicy, row: Row, account: Account | None = None) -> str:
    """To the seats that the number counts."""
    if not (row.by_account.get(account, 0) if account else row.inactive):
        return ""
    at = InactivityPolicy(
        pk=policy.pk,
        account=policy.account,
        team=policy.team,
        idle_days=row.idle_days,
        grace_days=policy.grace_days,
        sign_in_counts=policy.sign_in_counts,
    )
    return replace(Asked(at), account=account).url()


def _person(seat: Any) -> Cell:
    last = f"last used {day(seat.counted_on)}" if seat.counted_on else "no use known"
    return Cell(f"{seat.user.login} ({last})", reverse("admin:seats_seat_change", args=[seat.pk]))
