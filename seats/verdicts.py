"""The cached verdict on every held seat, recomputed in SQL: one statement per policy, none per seat."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import Exact

from seats.accounts import take_turns
from seats.models import Account, InactivityPolicy, Seat
from seats.models.seat import INACTIVE
from seats.policy import GITHUB_REMEMBERS_DAYS, Rule
from seats.policy_sql import (
    assign_policies,
    exempt_seats,
    midnight,
    newest_evidence,
    rule_of,
    today,
    verdict_case,
    within,
)
from seats.recorded_days import record_held
from seats.standing import SeatStanding, standing

__all__ = ["SeatStanding", "refresh", "standing", "today", "would_catch"]

# Stands for no moment at all, where two are compared.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@transaction.atomic
def refresh(as_of: date | None = None, accounts: Collection[Account] | None = None) -> int:
    """Recompute the cached policy, evidence and verdict of all held seats; returns how many.

    `accounts` bounds the work to the people who hold seats there, wherever else they hold one.
    """
    take_turns()
    day = as_of or today()
    seats = Seat.objects.held()
    if accounts is not None:
        holders = Seat.objects.filter(account__in=[account.pk for account in accounts]).values("user_id")
        seats = seats.filter(user_id__in=holders)
    policies = InactivityPolicy.objects.deciding(day)
    assign_policies(seats, policies)
    exempt = exempt_seats(day)
    for policy in policies:
        _judge(seats.filter(policy=policy), rule_of(policy), day, exempt)
    if not any(policy.scope_key == "all" for policy in policies):
        # Nobody decided on these: they are judged as if nobody had changed anything.
        _judge(seats.filter(policy=None), Rule(), day, exempt)
    if day == today():
        record_held(day)
    return seats.count()


def _watched_since(day: date) -> Case:
    """Since when this seat is watched: first seen, or the account's unbroken run, whichever is later."""
    watched = Account.objects.filter(
        pk=OuterRef("account_id"), watched_until__gte=midnight(day - timedelta(days=GITHUB_REMEMBERS_DAYS))
    )
    return Case(
        When(
            Exists(watched), then=Greatest(F("first_seen_at"), Subquery(watched.values("watched_since")[:1]))
        ),
        default=None,
    )


def _judge(seats: QuerySet[Seat], rule: Rule, day: date, exempt: Q) -> None:
    """Two statements, which write the seats alone of which they say something new."""
    newest = newest_evidence(rule, day)
    known = {
        "watched_since": _watched_since(day),
        "last_used_on": Subquery(newest.values("last_on")[:1]),
        "last_used_source": Coalesce(Subquery(newest.values("source")[:1]), Value("")),
    }
    told = seats.annotate(
        same_watch=_same(F("watched_since"), known["watched_since"], NEVER),
        same_day=_same(F("last_used_on"), known["last_used_on"], NEVER.date()),
        same_source=_same(F("last_used_source"), known["last_used_source"], ""),
    )
    is_known = Q(same_watch=True, same_day=True, same_source=True)
    told.filter(Q(verdict_as_of=None) | ~is_known).update(**known)
    verdict = verdict_case(rule, day, exempt)
    is_old = Q(verdict_as_of=None) | ~Q(verdict_as_of=day)
    seats.annotate(judged=verdict).filter(is_old | ~Q(verdict=F("judged"))).update(
        verdict=verdict, verdict_as_of=day
    )


def _same(one: F, other: Any, nothing: Any) -> Any:
    """Whether two values are equal, or both empty."""
    empty = Value(nothing)
    return Exact(Coalesce(one, empty), Coalesce(other, empty))


def would_catch(policy: InactivityPolicy, as_of: date | None = None) -> int:
    """How many held seats in the policy's scope it would call inactive, were it in force and the nearest."""
    day = as_of or today()
    rule = rule_of(policy)
    seats = Seat.objects.held().filter(within(policy))
    judged = seats.annotate(
        # The cached evidence follows the nearest policy, which may count other sources.
        counted_on=Subquery(newest_evidence(rule, day).values("last_on")[:1]),
        judged=verdict_case(rule, day, exempt_seats(day), used_on="counted_on"),
    )
    return judged.filter(judged__in=INACTIVE).count()
