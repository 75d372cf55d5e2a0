"""What a page offers for a scope or a team. Apps above say it; the floor knows no accounts."""

from __future__ import annotations

from collections.abc import Callable

from portal.reports.options import Choices

# More than these are not listed: they are typed, or named in the address.
MOST = 500

Offer = Callable[[], Choices]
_offers: dict[str, Offer] = {}


def offers(what: str) -> Callable[[Offer], Offer]:
    """Register a function that says what may be chosen for `scope` or `team`: values and words."""

    def register(offer: Offer) -> Offer:
        _offers[what] = offer
        return offer

    return register


def offered(what: str) -> Choices:
    return _offers[what]() if what in _offers else ()
