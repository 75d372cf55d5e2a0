"""`seats.policy` and `seats.exemptions` as SQL: which policy holds for a seat, who is exempt, which evidence
counts, what the verdict is.

A property test holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Case, CharField, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from seats.models import (
    Account,
    Evidence,
    Exemption,
    GitHubUser,
    InactivityPolicy,
    Seat,
    SeatGrant,
    Team,
    TeamMembership,
)
from seats.models.seat import Verdict
from seats.policy import GITHUB_REMEMBERS_DAYS, SOURCES, Rule


def today() -> date:
    """GitHub's day: UTC."""
    return timezone.now().astimezone(UTC).date()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def rule_of(policy: InactivityPolicy, days: int | None = None) -> Rule:
    """The rule a policy asks for; `days` overrides its idle days."""
    return Rule(
        idle_days=days if days is not None else policy.idle_days,
        grace_days=policy.grace_days,
        sign_in_counts=policy.sign_in_counts,
    )


def assign_policies(seats: QuerySet[Seat], policies: Iterable[InactivityPolicy]) -> None:
    """Give each seat its nearest policy: team, organization, enterprise, everybody; of teams the longest.

    `policies` are those that decide on the day, one of each scope.
    """
    ranked = sorted(policies, key=nearness)
    if not ranked or ranked[0].scope_key != "all":
        # None is for everybody, so some seats may have lost theirs.
        seats.exclude(policy=None).update(policy=None)
    for policy in ranked:
        # Most have it already: a row that is not written costs nothing.
        seats.filter(within(policy)).filter(~Q(policy=policy) | Q(policy=None)).update(policy=policy)


def nearness(policy: InactivityPolicy) -> tuple[int, int, float]:
    """Of two policies in whose scope a seat lies the one that ranks higher decides."""
    if policy.team_id:
        # One that is not saved yet will be the newest.
        return 3, policy.idle_days, policy.pk or float("inf")
    if policy.account is None:
        return 0, 0, 0
    return (1 if policy.account.kind == Account.Kind.ENTERPRISE else 2), 0, 0


def within(policy: InactivityPolicy) -> Q:
    """The seats in the scope of a policy, whether or not a nearer one wins."""
    if policy.team is not None:
        return _in_team(policy.team)
    if policy.account is not None:
        return Q(account=policy.account) | Q(account__in=Account.objects.filter(parent=policy.account))
    return Q()


def _in_team(team: Team) -> Q:
    granted = SeatGrant.objects.filter(assigning_team=team).values("seat_id")
    members = TeamMembership.objects.filter(team=team).values("user_id")
    return Q(pk__in=granted) | Q(
        user_id__in=members, account__in=Account.objects.family(team.account).values("pk")
    )


def newest_evidence(rule: Rule, day: date) -> QuerySet[Evidence]:
    """For a subquery on seats: the holder's evidence that counts, the one to name first."""
    return (
        Evidence.objects.filter(user_id=OuterRef("user_id"), source__in=rule.sources, last_on__lte=day)
        .annotate(
            preference=Case(
                *(When(source=source, then=Value(rank)) for rank, source in enumerate(SOURCES)),
                output_field=IntegerField(),
            )
        )
        .order_by("-last_on", "preference")
    )


def exempt_seats(day: date, exemptions: QuerySet[Exemption] | None = None) -> Q:
    """`seats.exemptions` in SQL: the seats that any exemption covers on `day`, or any of `exemptions`.

    Asks for the rules, once.
    """
    held = exemptions if exemptions is not None else Exemption.objects.in_force(day)
    here = held.filter(
        Q(account=None)
        | Q(account_id=OuterRef("account_id"))
        | Q(account__organizations=OuterRef("account_id"))
    )
    exempt = Q(Exists(here.filter(user_id=OuterRef("user_id"))))
    patterns: dict[int | None, list[str]] = defaultdict(list)
    newcomers: dict[int | None, int] = {}
    rules = list(held.filter(user=None))
    for rule in rules:
        if rule.login_pattern:
            patterns[rule.account_id].append(rule.login_regex)
        elif rule.newcomer_days is not None:
            newcomers[rule.account_id] = max(rule.newcomer_days, newcomers.get(rule.account_id, 0))
    if any(rule.team_id for rule in rules):
        exempt |= Q(Exists(here.filter(team__memberships__user_id=OuterRef("user_id"))))
        exempt |= Q(Exists(here.filter(team__grants__seat_id=OuterRef("pk"))))
    for account_id, regexes in patterns.items():
        fitting = GitHubUser.objects.filter(login_key__regex=f"^({'|'.join(regexes)})$")
        exempt |= Q(user_id__in=fitting.values("pk")) & _of_account(account_id)
    for account_id, days in newcomers.items():
        exempt |= Q(~Exists(_seen_before(day - timedelta(days=days)))) & _of_account(account_id)
    return exempt


def _of_account(account_id: int | None) -> Q:
    """Seats that this account granted, or an organization of it; any seat, where it is none."""
    if account_id is None:
        return Q()
    return Q(account_id=account_id) | Q(
        account_id__in=Account.objects.filter(parent_id=account_id).values("pk")
    )


def _seen_before(day: date) -> QuerySet[Seat]:
    """For a subquery on seats: those of the same person that were granted, or seen, before a day."""
    before = Q(first_seen_at__lt=midnight(day)) | Q(created_at__lt=midnight(day))
    return Seat.objects.filter(before, user_id=OuterRef("user_id"))


def verdict_case(rule: Rule, day: date, exempt: Q, used_on: str = "last_used_on") -> Case:
    """`seats.policy.evaluate` in SQL, over a seat's own columns as of `day`.

    `exempt` is `exempt_seats(day)`; `used_on` names the column, or annotation, with the newest evidence
    that counts under the rule.
    """
    limit = timedelta(days=rule.idle_days)
    remembered = midnight(day - timedelta(days=GITHUB_REMEMBERS_DAYS - 1))
    watched_long_enough = Q(watched_since__lt=midnight(day - limit + timedelta(days=1)))
    rules = [
        When(pending_cancellation_date__isnull=False, then=Value(Verdict.PENDING)),
        When(**{f"{used_on}__gte": day - limit}, then=Value(Verdict.ACTIVE)),
        When(exempt, then=Value(Verdict.EXEMPT)),
        When(created_at__gte=midnight(day - timedelta(days=rule.grace_days)), then=Value(Verdict.IN_GRACE)),
        When(Q((used_on, None)), created_at__gte=midnight(day - limit), then=Value(Verdict.IN_GRACE)),
        When(**{f"{used_on}__isnull": False}, then=Value(Verdict.IDLE)),
    ]
    if rule.idle_days <= GITHUB_REMEMBERS_DAYS:
        rules += [
            When(created_at__gte=remembered, then=Value(Verdict.NEVER_USED)),
            When(created_at__isnull=False, then=Value(Verdict.IDLE)),
        ]
    rules.append(When(watched_long_enough, then=Value(Verdict.IDLE)))
    return Case(*rules, default=Value(Verdict.UNKNOWN), output_field=CharField())
