"""Models by name, and requests of which no model is known.

https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from metrics.figures.broken_down import Breakdown
from metrics.figures.by_name import sum_of
from metrics.figures.chat import REQUESTS
from metrics.figures.counted import total
from metrics.figures.rates import ratio

# What stands in a model's place: the choice left to Copilot, and what reports do not tell.
NO_MODEL = ("auto", "unknown", "others")


def requests_without_model(models: Breakdown, days: Iterable[date]) -> dict[str, int | None]:
    """Requests under each of these words, over the days that are told."""
    sums = models.only(model=NO_MODEL).totals("model", days=days)
    return {word: sum_of([sums[word,]] if (word,) in sums else [], REQUESTS) for word in NO_MODEL}


def share_without_model(models: Breakdown, days: Iterable[date]) -> Decimal | None:
    """Their share of all requests of the breakdown; None where there were none."""
    wanted = list(days)
    every = sum_of(models.totals(days=wanted).values(), REQUESTS)
    return ratio(total(requests_without_model(models, wanted).values()), every)
