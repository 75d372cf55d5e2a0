"""Who held a seat when, from the raw seat lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from tests.metrics.dashboards.oracle import DAY, Question, Truth
from tests.metrics.oracle import Account, instant

# From which day to which one a person held a seat at the day's end; None: still does.
Spell = tuple[int, date, date | None]


@dataclass
class Listed:
    """What a list says of a person's seat: that it is there, and when it was granted."""

    moment: datetime
    created: datetime | None


@lru_cache(maxsize=64)
def spells(truth: Truth, payer: Account) -> tuple[Spell, ...]:
    """Of every seat that the account, or an organization of it, granted."""
    found: list[Spell] = []
    for account, user_id in sorted(_seats(truth)):
        if account == payer or truth.oracle.parents.get(account) == payer:
            found += [(user_id, first, last) for first, last in _held(truth, account, user_id)]
    # Logins that an activity report newer than every list shows, and nothing else knows.
    newest = max((each.moment for each in truth.oracle.seat_lists if each.is_ending), default=None)
    for line in truth.oracle.activity:
        day = line.moment.date()
        is_own = line.scope == payer or truth.oracle.parents.get(line.scope) == payer
        is_newer = newest is None or line.moment >= newest
        if is_own and is_newer and truth.oracle.holder(line.login, day) is None:
            found.append((-1 - len(found), day, None))
    return tuple(found)


@lru_cache(maxsize=8)
def _seats(truth: Truth) -> dict[tuple[Account, int], list[Listed]]:
    found: dict[tuple[Account, int], list[Listed]] = defaultdict(list)
    for seat_list in sorted(truth.oracle.seat_lists, key=lambda each: each.moment):
        grants: dict[tuple[Account, int], list[datetime]] = defaultdict(list)
        for seat in seat_list.seats:
            organization = seat.get("organization")
            granted = Account("organization", organization["id"]) if organization else seat_list.scope
            created = instant(seat["created_at"])
            assert created is not None
            grants[granted, seat["assignee"]["id"]].append(created)
        for key, created_at in grants.items():
            found[key].append(Listed(seat_list.moment, max(created_at)))
    return found


def _held(truth: Truth, account: Account, user_id: int) -> Iterable[tuple[date, date | None]]:
    """From the grant on, or the first list that shows it, until the first whole list that does not."""
    shown = {each.moment: each for each in _seats(truth)[account, user_id]}
    scopes = {account, truth.oracle.parents.get(account)}
    moments = sorted(
        {each.moment for each in truth.oracle.seat_lists if each.is_ending and each.scope in scopes}
        | set(shown)
    )
    begun: date | None = None
    is_first = True
    for moment in moments:
        if moment in shown and begun is None:
            created = shown[moment].created
            begun = moment.date()
            if is_first and created is not None:
                begun = min(begun, created.date())
            is_first = False
        elif moment not in shown and begun is not None:
            yield begun, moment.date() - DAY
            begun = None
    if begun is not None:
        yield begun, None


def payer_of(truth: Truth, asked: Question) -> Account:
    """Whose seats count: the account's own, of a team those of the whole enterprise."""
    if asked.team is None:
        return asked.account
    return truth.oracle.parents.get(asked.account, asked.account)


def listed_since(truth: Truth, account: Account) -> date | None:
    """The day of the first list that tells of the account or of one of its organizations."""
    own = {account, truth.oracle.parents.get(account)}
    own |= {each for each, parent in truth.oracle.parents.items() if parent == account}
    return min((each.moment.date() for each in truth.oracle.seat_lists if each.scope in own), default=None)


def holders(truth: Truth, asked: Question, day: date) -> set[int] | None:
    """Who held a seat at the end of a day; of a team, its members of that day. None: no list tells."""
    payer = payer_of(truth, asked)
    since = listed_since(truth, payer)
    if since is None or day < since:
        return None
    found = {
        user_id
        for user_id, first, last in spells(truth, payer)
        if first <= day and (last is None or day <= last)
    }
    if asked.team is None:
        return found
    if asked.team not in truth.oracle.teams.get(asked.account, {}).get(day, {}):
        return None
    return found & truth.members(asked.account, asked.team, day)


def granted_on(truth: Truth, payer: Account) -> dict[int, date]:
    """When each person's seat was granted as of its newest list; of several seats the first."""
    found: dict[int, date] = {}
    for (account, user_id), listed in _seats(truth).items():
        if account == payer or truth.oracle.parents.get(account) == payer:
            created = listed[-1].created
            assert created is not None
            found[user_id] = min(found.get(user_id, date.max), created.date())
    return found
