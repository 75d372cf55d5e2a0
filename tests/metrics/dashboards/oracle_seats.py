"""Who held a seat when, from the raw seat lists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tests.metrics.dashboards.oracle import DAY, Expected, Question, Truth, expects, over_time, share
from tests.metrics.oracle import Account, Row, instant

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


# The page -------------------------------------------------------------------------------------

PRICES = {"business": Decimal(19), "enterprise": Decimal(39)}
INACTIVE = ("idle", "never_used")
VERDICTS = ("active", "in_grace", "exempt", "pending", "idle", "never_used", "unknown")


@lru_cache(maxsize=64)
def _judged(truth: Truth, as_of: date) -> list[Row]:
    return truth.oracle.seats(as_of)


def held(truth: Truth, asked: Question) -> list[Row]:
    """Every seat held today that the account granted; of an enterprise with its organizations'."""
    label = truth.oracle.labels[asked.account]
    return [row for row in _judged(truth, asked.today) if row[asked.account.kind] == label]


def bill(asked: Question, rows: Iterable[Row]) -> Decimal:
    """What is paid a month: by an enterprise for each person once, at the higher plan."""
    priced: dict[object, list[Decimal]] = defaultdict(list)
    for number, row in enumerate(rows):
        whole = row["user_id"] if asked.account.kind == "enterprise" and row["user_id"] else -number
        priced[whole].append(PRICES.get(row.get("plan_type", "unknown"), Decimal(0)))
    return sum((max(prices) for prices in priced.values()), Decimal(0))


@expects("seats", "now")
def now(truth: Truth, asked: Question) -> Expected:
    rows = held(truth, asked)
    active = [row for row in rows if row["verdict"] == "active"]
    kept = [row for row in rows if row["verdict"] not in INACTIVE]
    return Expected(
        headlines={
            "Seats held": len(rows),
            "Active": len(active),
            "Inactive": len(rows) - len(kept),
            "Cost a month (USD)": bill(asked, rows),
            "Inactive, a month (USD)": bill(asked, rows) - bill(asked, kept),
        }
        if rows
        else {}
    )


@expects("seats", "plans")
def plans(truth: Truth, asked: Question) -> Expected:
    rows = held(truth, asked)
    counts = Counter(row.get("plan_type", "unknown") for row in rows)
    return Expected(
        [
            {"plan": plan.capitalize(), "seats": count, "share": share(count, len(rows))}
            for plan, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]
    )


@expects("seats", "idleness")
def idleness(truth: Truth, asked: Question) -> Expected:
    rows = held(truth, asked)
    found: Counter[str] = Counter()
    ages = ((7, "0 to 7"), (14, "8 to 14"), (30, "15 to 30"), (60, "31 to 60"), (90, "61 to 90"))
    for row in rows:
        if row.get("last_evidence_on"):
            found[next((name for most, name in ages if row["days_idle"] <= most), "Over 90")] += 1
        elif row.get("created_at") and (asked.today - row["created_at"].date()).days < 90:
            found["Never used"] += 1
        else:
            found["Unknown"] += 1
    names = [*(name for _, name in ages), "Over 90", "Never used", "Unknown"]
    table = [{"days": name, "seats": found[name], "share": share(found[name], len(rows))} for name in names]
    return Expected(table if rows else [])


@expects("seats", "pending")
def pending(truth: Truth, asked: Question) -> Expected:
    dates = Counter(row.get("pending_cancellation_date") for row in held(truth, asked))
    return Expected([{"ends_on": day, "seats": dates[day]} for day in sorted(filter(None, dates))])


@expects("seats", "states")
def states(truth: Truth, asked: Question) -> Expected:
    """As recorded: the portal here ran for the first time today."""
    rows = held(truth, asked)

    def values(days: list[date]) -> Mapping[str, Any]:
        if asked.today not in days:
            return dict.fromkeys(("seats", *VERDICTS))
        counts = Counter(row["verdict"] for row in rows)
        return {"seats": len(rows), **{verdict: counts[verdict] for verdict in VERDICTS}}

    return over_time(asked, values)


@expects("seats", "cost")
def cost(truth: Truth, asked: Question) -> Expected:
    """Each seat with its own price, whoever holds it."""
    rows = held(truth, asked)
    if asked.today not in asked.days:
        return Expected([])

    def priced(some: Iterable[Row]) -> Decimal:
        return sum((PRICES.get(row.get("plan_type", ""), Decimal(0)) for row in some), Decimal(0))

    unpriced = sum(row.get("plan_type") not in PRICES for row in rows)

    def values(days: list[date]) -> Mapping[str, Any]:
        is_told = asked.today in days
        row: dict[str, Any] = {
            "cost_usd": priced(rows) if is_told else None,
            "idle_usd": priced(row for row in rows if row["verdict"] in INACTIVE) if is_told else None,
        }
        return {**row, "unpriced": unpriced if is_told else None} if unpriced else row

    return over_time(asked, values)


@expects("seats", "moves")
def moves(truth: Truth, asked: Question) -> Expected:
    """By week (or month): the last grant of each seat, and the first whole list without it."""
    granted: Counter[date] = Counter()
    ended: Counter[date] = Counter()
    for (account, user_id), listed in _seats(truth).items():
        if account == asked.account or truth.oracle.parents.get(account) == asked.account:
            created = listed[-1].created
            assert created is not None
            granted[created.date()] += 1
            last = list(_held(truth, account, user_id))[-1][1]
            if last is not None:
                ended[last + DAY] += 1
    by_week = asked if asked.by == "month" else replace(asked, by="week")
    within = [day for day in asked.days if granted[day] or ended[day]]
    expected = over_time(
        by_week,
        lambda days: {
            "granted": sum(granted[day] for day in days),
            "ended": sum(ended[day] for day in days),
        },
    )
    return expected if within else Expected([])
