"""What a policy would do, before it is saved: seats by verdict at several idle times, whose, at what cost.

The policy is taken as if it were in force today, in the place of those of its own scope; seats for which a
nearer policy decides are left out. The database adds up seats that no idle time asked about tells apart;
`seats.policy` judges each such group. So the number of queries grows with nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, DateField, F, IntegerField, Q, QuerySet, Subquery, Value, When

from seats.figures import Cost, DoubleSeat, Prices, SeatGroup, falls_away
from seats.models import Account, InactivityPolicy, Seat
from seats.models.seat import INACTIVE, Verdict
from seats.policy import GITHUB_REMEMBERS_DAYS, Facts, Rule, evaluate
from seats.policy_sql import (
    exempt_seats,
    midnight,
    nearness,
    newest_evidence,
    rule_of,
    today,
    verdict_case,
    within,
)

DAYS = (14, 30, 45, 60, 90)
# Older than whatever is asked about.
LONG_AGO = 100_000
NO_DATE = -1
# Beyond twice any idle time: the policy decides at none of them.
NEVER = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """What the policy would do at one idle time. `cost` is what is paid a month for the inactive seats."""

    idle_days: int
    by_verdict: Mapping[str, int]
    by_account: Mapping[Account, int]  # inactive seats, most first
    cost: Cost

    @property
    def inactive(self) -> int:
        return sum(self.by_verdict[verdict] for verdict in INACTIVE)

    @property
    def active(self) -> int:
        return self.by_verdict[Verdict.ACTIVE]

    @property
    def exempt(self) -> int:
        return self.by_verdict[Verdict.EXEMPT]

    @property
    def in_grace(self) -> int:
        return self.by_verdict[Verdict.IN_GRACE]

    @property
    def unknown(self) -> int:
        return self.by_verdict[Verdict.UNKNOWN]

    @property
    def pending(self) -> int:
        return self.by_verdict[Verdict.PENDING]


def simulate(policy: InactivityPolicy, as_of: date | None = None, days: Iterable[int] = DAYS) -> list[Row]:
    """What the policy, saved or not, would do today at each of these idle times, shortest first."""
    day = as_of or today()
    asked = sorted(set(days))
    seats = _Seats(policy, day, asked)
    groups, doubles, prices = list(seats.groups()), list(seats.doubles()), Prices.on(day)
    accounts = Account.objects.select_related("parent").in_bulk({group.account_id for group, _ in groups})
    return [_row(number, seats.judge(number), groups, doubles, prices, accounts) for number in asked]


def decided(policy: InactivityPolicy, as_of: date | None = None) -> QuerySet[Seat]:
    """The held seats for which this policy would be the nearest."""
    day = as_of or today()
    rivals = [rival for rival in _others(policy, day) if nearness(rival) > nearness(policy)]
    seats = Seat.objects.held().filter(within(policy))
    return seats.exclude(_any_of(rivals)) if rivals else seats


def caught(policy: InactivityPolicy, as_of: date | None = None) -> QuerySet[Seat]:
    """The seats this policy would call inactive, annotated with `counted_on`, the newest use that counts."""
    day = as_of or today()
    rule = rule_of(policy)
    judged = decided(policy, day).annotate(
        counted_on=_counted_on(rule, day),
        judged=verdict_case(rule, day, exempt_seats(day), used_on="counted_on"),
    )
    return judged.filter(judged__in=INACTIVE)


def _counted_on(rule: Rule, day: date) -> Case:
    """The newest use that counts: as it is known, where the policy in force goes by the same sources."""
    alike = InactivityPolicy.objects.filter(sign_in_counts=rule.sign_in_counts).values_list("pk", flat=True)
    return Case(
        When(policy_id__in=list(alike), verdict_as_of=day, then=F("last_used_on")),
        default=Subquery(newest_evidence(rule, day).values("last_on")[:1]),
        output_field=DateField(),
    )


def _others(policy: InactivityPolicy, day: date) -> list[InactivityPolicy]:
    """The policies that decide beside this one: of other scopes."""
    beside = InactivityPolicy.objects.exclude(pk=policy.pk).deciding(day)
    return [other for other in beside if other.scope_key != policy.own_scope_key()]


def _any_of(policies: Sequence[InactivityPolicy]) -> Q:
    """In the scope of any of these: one condition for all organizations, one for each team."""
    account_ids = [policy.account_id for policy in policies if policy.account_id]
    family = Account.objects.filter(Q(pk__in=account_ids) | Q(parent_id__in=account_ids))
    scope = Q(account_id__in=family.values("pk"))
    for policy in policies:
        if policy.team_id:
            scope |= within(policy)
    return scope


class _Known(NamedTuple):
    """What tells verdicts apart: seats that agree in it agree at every idle time asked about."""

    is_decided: int  # at which idle times the policy is the nearest: see `_Seats._rank`
    is_pending: int
    is_exempt: int
    granted: int  # so many days ago, rounded up to what makes a difference
    watched: int  # for so many days, rounded down to what makes a difference
    used: int  # so many days ago, rounded up to what makes a difference


_Judge = Callable[[_Known], str]


class _Seats:
    """The held seats in the scope of a policy, with what is known of each in SQL."""

    def __init__(self, policy: InactivityPolicy, day: date, asked: Sequence[int]) -> None:
        self.policy, self.day, self.asked = policy, day, asked
        self.rule = rule_of(policy)
        self.exempt = exempt_seats(day)
        self.others = _others(policy, day)

    def groups(self) -> Iterator[tuple[SeatGroup, _Known]]:
        """So many seats of an account and a plan, of which the same is known."""
        seats = Seat.objects.held().filter(within(self.policy))
        rows = self._known(seats).values_list(
            "account_id", "account__parent_id", "plan_type", *_Known._fields
        )
        for account_id, parent_id, plan_type, *known, count in rows.annotate(seats=Count("pk")).order_by():
            yield SeatGroup(account_id, parent_id, plan_type, "", count), _Known(*known)

    def doubles(self) -> Iterator[tuple[DoubleSeat, _Known]]:
        """All seats of everybody who holds more than one: also those on which others decide are paid for."""
        held = Seat.objects.held()
        several = held.order_by().values("user_id").annotate(seats=Count("pk")).filter(seats__gt=1)
        rows = self._known(held.filter(user_id__in=several.values("user_id"))).order_by("user_id", "pk")
        fields = ("user_id", "account_id", "account__parent_id", "plan_type", *_Known._fields)
        for user_id, account_id, parent_id, plan_type, *known in rows.values_list(*fields):
            yield DoubleSeat(user_id, account_id, parent_id, plan_type, ""), _Known(*known)

    def _known(self, seats: QuerySet[Seat]) -> QuerySet[Seat]:
        edges = sorted({*self.asked, self.policy.grace_days, GITHUB_REMEMBERS_DAYS - 1})
        granted = [When(created_at__gte=midnight(self._ago(n)), then=Value(n)) for n in edges]
        watched = [
            When(watched_since__lt=midnight(self._ago(n - 1)), then=Value(n)) for n in reversed(self.asked)
        ]
        used = [When(counted_on__gte=self._ago(n), then=Value(n)) for n in self.asked]
        return seats.annotate(
            counted_on=_counted_on(self.rule, self.day),
            is_decided=self._rank(),
            is_pending=_flag(Q(pending_cancellation_date__isnull=False)),
            is_exempt=_flag(self.exempt),
            granted=_number(When(created_at=None, then=Value(NO_DATE)), *granted, default=LONG_AGO),
            watched=_number(*watched, default=NO_DATE),
            used=_number(*used, When(counted_on__isnull=False, then=Value(LONG_AGO)), default=NO_DATE),
        )

    def _rank(self) -> Case:
        """Twice the idle time up to which a nearer policy decides, and one more where it wins at that, too.

        Only among teams does the idle time tell which is the nearest.
        """
        teams = [other for other in self.others if self.policy.team_id and other.team_id]
        nearer = [one for one in self.others if one not in teams and nearness(one) > nearness(self.policy)]
        cases = []
        if self.policy.account_id or self.policy.team_id:
            cases.append(When(~within(self.policy), then=Value(NEVER)))
        if nearer:
            cases.append(When(_any_of(nearer), then=Value(NEVER)))
        for other in sorted(teams, key=nearness, reverse=True):
            wins = nearness(other)[2] > nearness(self.policy)[2]
            cases.append(When(within(other), then=Value(2 * other.idle_days + wins)))
        return _number(*cases, default=NO_DATE)

    def judge(self, idle_days: int) -> _Judge:
        """The verdict at an idle time; empty where another policy decides."""
        rule = rule_of(self.policy, idle_days)
        judged: dict[_Known, str] = {}

        def verdict(known: _Known) -> str:
            if known not in judged:
                is_ours = known.is_decided <= 2 * idle_days
                judged[known] = evaluate(self._facts(known), rule, self.day).verdict if is_ours else ""
            return judged[known]

        return verdict

    def _facts(self, known: _Known) -> Facts:
        return Facts(
            created_on=None if known.granted == NO_DATE else self._ago(known.granted),
            pending_cancellation_date=self.day if known.is_pending else None,
            is_exempt=bool(known.is_exempt),
            # From which source makes no difference: only those that count were asked.
            evidence={} if known.used == NO_DATE else {"seat": self._ago(known.used)},
            watched_since=None if known.watched == NO_DATE else self._ago(known.watched),
        )

    def _ago(self, days: int) -> date:
        return self.day - timedelta(days=days)


def _flag(condition: Q) -> Case:
    return _number(When(condition, then=Value(1)), default=0)


def _number(*cases: When, default: int) -> Case:
    return Case(*cases, default=Value(default), output_field=IntegerField())


def _row(
    idle_days: int,
    judge: _Judge,
    groups: Sequence[tuple[SeatGroup, _Known]],
    doubles: Sequence[tuple[DoubleSeat, _Known]],
    prices: Prices,
    accounts: Mapping[int, Account],
) -> Row:
    by_verdict: Counter[str] = Counter(dict.fromkeys(Verdict.values, 0))
    by_account: Counter[int] = Counter()
    taken: dict[SeatGroup, int] = defaultdict(int)
    for group, known in groups:
        verdict = judge(known)
        if not verdict:
            continue
        by_verdict[verdict] += group.seats
        if verdict in INACTIVE:
            by_account[group.account_id] += group.seats
            taken[group._replace(verdict=verdict, seats=0)] += group.seats
    ranked = sorted(by_account.items(), key=lambda item: (-item[1], accounts[item[0]].label.lower(), item[0]))
    return Row(
        idle_days=idle_days,
        by_verdict=by_verdict,
        by_account={accounts[key]: count for key, count in ranked},
        cost=falls_away(
            [group._replace(seats=count) for group, count in taken.items()],
            [double._replace(verdict=judge(known)) for double, known in doubles],
            prices,
        ),
    )
