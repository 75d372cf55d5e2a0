"""What taking seats back has saved, added up once more from what GitHub did and what its lists showed.

A seat saves from the month in which it ends, once a list has borne it out, until the month in which a list
shows the person with a seat that goes on. Nothing is paid back; what was given back saved nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from tests.seats.reclaim.ledger import Asked, Ledger

PRICES = {"business": Decimal(19), "enterprise": Decimal(39)}
MONTHS_AHEAD = 12


def months_from(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)


def saved(ledger: Ledger, today: date) -> tuple[Decimal, Decimal]:
    """Realised with this month, and projected for the twelve months after it."""
    horizon = date(today.year + 1, today.month, 1)
    realised = projected = Decimal(0)
    for one in ledger.asked:
        for month in _months(ledger, one, today, horizon):
            if month <= today:
                realised += PRICES[one.plan]
            else:
                projected += PRICES[one.plan]
    return realised, projected


def _months(ledger: Ledger, one: Asked, today: date, horizon: date) -> Iterator[date]:
    if not one.is_done or one.is_given_back or one.ends_on is None:
        return
    borne_out, back = _shown(ledger, one)
    for month in months_from(one.ends_on, horizon):
        if back is not None and month >= back.replace(day=1):
            return
        if month > today or borne_out:
            yield month


def _shown(ledger: Ledger, one: Asked) -> tuple[bool, date | None]:
    """Whether a list bore it out, and the day of the first one that showed them with a lasting seat."""
    key, borne_out = (one.account, one.person), False
    for each in ledger.covering(one.account):
        if each.at <= one.at or not each.is_believed:
            continue
        if key in each.lasting:
            return borne_out, each.at.date()
        borne_out = True
    return borne_out, None
