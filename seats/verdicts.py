"""The cached verdict on every held seat, recomputed in SQL: one statement per policy, none per seat."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
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
    if seats.exists():
        _judge_all(seats, day)
    if day == today():
        record_held(day)
    return seats.count()


def _judge_all(seats: QuerySet[Seat], day: date) -> None:
    """Each by its nearest policy."""
    policies = InactivityPolicy.objects.deciding(day)
    assign_policies(seats, policies)
    exempt = exempt_seats(day)
    for policy in policies:
        _judge(seats.filter(policy=policy), rule_of(policy), day, exempt)
    if not any(policy.scope_key == "all" for policy in policies):
        # Nobody decided on these: they are judged as if nobody had changed anything.
        _judge(seats.filter(policy=None), Rule(), day, exempt)


def _watched_since(day: date) -> Subquery:
    """Since when this seat is watched: first seen, or the account's unbroken run, whichever is later."""
    watched = Account.objects.filter(
        pk=OuterRef("account_id"), watched_until__gte=midnight(day - timedelta(days=GITHUB_REMEMBERS_DAYS))
    )
    return Subquery(watched.order_by().values(later=Greatest(OuterRef("first_seen_at"), F("watched_since"))))


def _judge(seats: QuerySet[Seat], rule: Rule, day: date, exempt: Q) -> None:
    """Two statements, which write the seats alone of which they say something new."""
    newest = newest_evidence(rule, day)
    told = seats.annotate(
        watched_now=_watched_since(day),
        # Of several pieces of evidence of one day the preferred one names the source; the day is the same.
        day_now=Subquery(newest.order_by("-last_on").values("last_on")[:1]),
        source_now=Coalesce(Subquery(newest.values("source")[:1]), Value("")),
        same_watch=_same(F("watched_since"), F("watched_now"), NEVER),
        same_day=_same(F("last_used_on"), F("day_now"), NEVER.date()),
        same_source=Exact(F("last_used_source"), F("source_now")),
    )
    is_known = Q(same_watch=True, same_day=True, same_source=True)
    told.filter(Q(verdict_as_of=None) | ~is_known).update(
        watched_since=F("watched_now"), last_used_on=F("day_now"), last_used_source=F("source_now")
    )
    is_old = Q(verdict_as_of=None) | ~Q(verdict_as_of=day)
    judged = seats.annotate(judged=verdict_case(rule, day, exempt))
    judged.filter(is_old | ~Q(verdict=F("judged"))).update(verdict=F("judged"), verdict_as_of=day)


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
