"""AI credits by person, and what they come to.

`ai_credits_used` of the usage reports shows a trend: it is no bill, since credits included in plans and
discounts are not told.
https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from django.db.models import Case, Count, IntegerField, QuerySet, Sum, Value, When

from metrics.figures.people import active_members
from metrics.models import UserDay
from metrics.periods import Period
from seats.figures import Cost, Money
from seats.models import Account
from seats.unit_prices import PricedDays, UnitPrices

# Key, GitHub's id and login of a person; which of the spans; days and credits in it.
Spent = tuple[int, int | None, str, int, int, Decimal]


@dataclass(frozen=True, slots=True)
class PersonCredits:
    """What one account's reports tell of a person: on how many days credits were used, and how many."""

    user_key: int
    user_id: int | None
    login: str
    days: int
    ai_credits_used: Decimal
    list_cost: Cost
    cost: Cost


def credits_by_person(
    account: Account, period: Period, prices: UnitPrices, team_keys: Collection[int] | None = None
) -> Iterator[PersonCredits]:
    """Everybody who used credits, by GitHub's id; of teams, only on the days they were in one of them.

    The credits of a day cost what a credit cost that day; where no price was known they are `unpriced`,
    rounded up to whole credits.
    """
    spans = list(prices.spans(account, period.first, period.last))
    rows = UserDay.objects.filter(
        account=account, day__range=(period.first, period.last), ai_credits_used__gt=0
    )
    spent = _grouped(rows, spans) if team_keys is None else _of_teams(account, rows, spans, team_keys, period)
    for (key, user_id, login), parts in groupby(spent, key=lambda part: part[:3]):
        told = list(parts)
        yield PersonCredits(
            key,
            user_id,
            login,
            sum(part[4] for part in told),
            sum((part[5] for part in told), Decimal(0)),
            _cost((spans[part[3]].list_price, part[5]) for part in told),
            _cost((spans[part[3]].price, part[5]) for part in told),
        )


def _grouped(rows: QuerySet[UserDay], spans: Sequence[PricedDays]) -> Iterator[Spent]:
    """One query, added up by the database and read as a stream."""
    whens = [When(day__lte=span.last, then=Value(place)) for place, span in enumerate(spans)]
    groups = rows.order_by().annotate(span=Case(*whens, output_field=IntegerField()))
    totals = groups.values("user_id", "user__github_id", "user__login", "span").annotate(
        days=Count("pk"), spent=Sum("ai_credits_used")
    )
    return (
        totals.order_by("user__github_id", "span")
        .values_list("user_id", "user__github_id", "user__login", "span", "days", "spent")
        .iterator()
    )


def _of_teams(
    account: Account,
    rows: QuerySet[UserDay],
    spans: Sequence[PricedDays],
    team_keys: Collection[int],
    period: Period,
) -> Iterator[Spent]:
    members = active_members(account, team_keys, period.first, period.last)
    lines = rows.filter(day__in=list(members)).order_by("user__github_id", "day")
    places = {day: place for place, span in enumerate(spans) for day in Period(span.first, span.last)}
    names = ("user_id", "user__github_id", "user__login", "day", "ai_credits_used")
    for key, user_id, login, day, spent in lines.values_list(*names).iterator():
        if spent is not None and key in members[day]:
            yield key, user_id, login, places[day], 1, spent


def _cost(parts: Iterable[tuple[Money | None, Decimal]]) -> Cost:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    unpriced = Decimal(0)
    for price, spent in parts:
        if price is None:
            unpriced += spent
        else:
            amounts[price.currency] += spent * price.amount
    return Cost(dict(amounts), int(unpriced.to_integral_value(rounding="ROUND_CEILING")))
