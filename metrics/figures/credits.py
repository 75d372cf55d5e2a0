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
from pyroaring import BitMap

from metrics.figures.people import active_members, in_order, named, with_lines
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
    if team_keys is None:
        spent = _grouped(account, period, rows, spans)
    else:
        spent = _of_teams(account, rows, spans, team_keys, period)
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


def _grouped(
    account: Account, period: Period, rows: QuerySet[UserDay], spans: Sequence[PricedDays]
) -> Iterator[Spent]:
    """Added up by the database, some thousand people at a time."""
    whens = [When(day__lte=span.last, then=Value(place)) for place, span in enumerate(spans)]
    for keys in in_order(with_lines(account, period.first, period.last)):
        groups = rows.filter(user__among=keys).order_by()
        spans_of = groups.annotate(span=Case(*whens, output_field=IntegerField())).values("user_id", "span")
        totals = spans_of.annotate(days=Count("pk"), spent=Sum("ai_credits_used")).order_by("span")
        yield from _by_person(keys, totals.values_list("user_id", "span", "days", "spent"))


def _by_person(keys: Sequence[int], parts: Iterable[tuple[int, int, int, Decimal]]) -> Iterator[Spent]:
    told: dict[int, list[tuple[int, int, Decimal]]] = defaultdict(list)
    for key, span, days, spent in parts:
        told[key].append((span, days, spent))
    for key, (user_id, login) in named(keys).items():
        for span, days, spent in told.get(key, ()):
            yield key, user_id, login, span, days, spent


def _of_teams(
    account: Account,
    rows: QuerySet[UserDay],
    spans: Sequence[PricedDays],
    team_keys: Collection[int],
    period: Period,
) -> Iterator[Spent]:
    members = active_members(account, team_keys, period.first, period.last)
    lines = rows.filter(day__in=list(members)).order_by("day")
    places = {day: place for place, span in enumerate(spans) for day in Period(span.first, span.last)}
    for keys in in_order(BitMap.union(BitMap(), *members.values())):
        some = lines.filter(user__among=keys).values_list("user_id", "day", "ai_credits_used")
        parts = (
            (key, places[day], 1, spent)
            for key, day, spent in some
            if spent is not None and key in members[day]
        )
        yield from _by_person(keys, parts)


def _cost(parts: Iterable[tuple[Money | None, Decimal]]) -> Cost:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    unpriced = Decimal(0)
    for price, spent in parts:
        if price is None:
            unpriced += spent
        else:
            amounts[price.currency] += spent * price.amount
    return Cost(dict(amounts), int(unpriced.to_integral_value(rounding="ROUND_CEILING")))
