"""From an address to a question: whose use, which days, put together how.

Nothing in an address is an error: what cannot be read falls back to the usual, and the page says so.
The parameters that are usual are left out of addresses, so that a link is short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

from django.db.models import Max, Min, Model, Q, QuerySet

from metrics.cards import largest
from metrics.dashboards.asked import Asked, By
from metrics.dashboards.registry import Page
from metrics.figures.scope import Scope
from metrics.models import ReportDay
from metrics.periods import MONTH, SETTLES_AFTER, Period
from seats.models import Account, Team
from seats.verdicts import today

# No day of Copilot lies before; and a page shows about three years at most.
BEGINNING = date(2021, 1, 1)
MOST_DAYS = 1096
DAILY_UP_TO = 92
USUAL = str(MONTH)

PERIODS = {
    "7": "7 days",
    "28": "28 days",
    "90": "90 days",
    "365": "365 days",
    "month": "This month",
    "last-month": "Last month",
    "quarter": "This quarter",
    "last-quarter": "Last quarter",
}
CONTROLS = ("scope", "team", "period", "from", "to", "compare", "weekends", "by")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

T = TypeVar("T")
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Covered:
    """From the first to the newest day of which anything of an account was taken in."""

    first: date
    newest: date


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what the page has to say about the asking. `preset` is "" where days were given."""

    asked: Asked
    covered: Covered | None
    preset: str
    said: tuple[str, ...]


def readable_accounts(user: Any, page: Page) -> QuerySet[Account]:
    """The accounts that a reader of the page may ask about: the page's own permission is enough."""
    may = bool(page.permission) or user.has_perm("metrics.view_scopeday")
    return Account.objects.all() if may else Account.objects.none()


def readable_teams(user: Any, account: Account) -> QuerySet[Team]:
    teams = Team.objects.filter(account=account)
    return teams if user.has_perm("metrics.view_teamday") else teams.none()


def question(given: Mapping[str, str], user: Any, page: Page) -> Question | None:
    """What an address asks of a page; None where there is no account to speak of."""
    reading = _Reading(given, page)
    account = reading.account(user)
    if account is None:
        return None
    team = reading.team(user, account)
    covered = covered_span(account)
    newest = covered.newest if covered else today() - timedelta(days=1)
    period, preset = reading.period(newest)
    by = reading.by(period)
    asked = Asked(
        scope=Scope(account, team),
        period=period,
        today=today(),
        user=user,
        before=period.before() if reading.is_on("compare") else None,
        weekends=not reading.is_off("weekends"),
        by=by,
        params=reading.canonical | reading.own(),
    )
    return Question(asked, covered, preset, tuple(reading.said))


def covered_span(account: Account) -> Covered | None:
    """None: nothing was taken in. Reports of the account itself that are far ahead of its people's count."""
    of_people = Q(report=ReportDay.Report.USERS)
    rows = ReportDay.objects.filter(
        account=account, report__in=[ReportDay.Report.USERS, ReportDay.Report.SCOPE]
    )
    ends = rows.aggregate(first=Min("day"), newest=Max("day"), people=Max("day", filter=of_people))
    if ends["newest"] is None:
        return None
    # The two come a little apart: windows of people end where both are known.
    is_near = ends["people"] and (ends["newest"] - ends["people"]).days <= SETTLES_AFTER
    return Covered(ends["first"], ends["people"] if is_near else ends["newest"])


def preset_period(preset: str, newest: date) -> Period:
    """The days of a preset: up to the newest covered day, or the whole month or quarter before its own."""
    if preset.isdecimal():
        return Period.trailing(newest, int(preset))
    months = 3 if preset.endswith("quarter") else 1
    first = date(newest.year, (newest.month - 1) // months * months + 1, 1)
    if not preset.startswith("last-"):
        return Period(first, newest)
    last = first - timedelta(days=1)
    return Period(date(last.year, last.month - months + 1, 1), last)


class _Reading:
    """Reads parameters one by one; keeps what is to be said, and what a short address needs."""

    def __init__(self, given: Mapping[str, str], page: Page) -> None:
        self.page = page
        self.given = given
        self.said: list[str] = []
        self.canonical: dict[str, str] = {}

    def own(self) -> dict[str, str]:
        """The page's own parameters, as they came."""
        names = self.page.params | {name for name, _label in self.page.fields}
        return {name: self.given[name] for name in sorted(names) if self.given.get(name)}

    def account(self, user: Any) -> Account | None:
        if key := self._value("scope"):
            found = _by_key(readable_accounts(user, self.page).select_related("parent"), key)
            if found is not None:
                self.canonical["scope"] = str(found.pk)
                return found
        account = (
            largest() or Account.objects.select_related("parent").order_by("kind", "login_key", "pk").first()
        )
        if key and account is not None:
            self.said.append(f"There is no such organization or enterprise to show; this is {account.label}.")
        return account

    def team(self, user: Any, account: Account) -> Team | None:
        key = self._value("team")
        if not key:
            return None
        team = _by_key(readable_teams(user, account), key)
        if team is None:
            self.said.append(f"There is no such team of {account.label} to show; this is all of it.")
            return None
        self.canonical["team"] = str(team.pk)
        return team

    def period(self, newest: date) -> tuple[Period, str]:
        """The days, and the preset they are of; "" where they were given one by one."""
        if "period" not in self.page.without and (own := self._own_days(newest)):
            self.canonical |= {"from": str(own.first), "to": str(own.last)}
            return own, ""
        preset = self._one_of("period", PERIODS, str) or USUAL
        if preset != USUAL:
            self.canonical["period"] = preset
        return preset_period(preset, newest), preset

    def by(self, period: Period) -> By:
        usual = By.DAY if len(period) <= DAILY_UP_TO else By.WEEK
        asked = self._one_of("by", tuple(By), By)
        if asked is None or asked == usual:
            return usual
        self.canonical["by"] = asked.value
        return asked

    def is_on(self, name: str) -> bool:
        return self._switch(name, "1", "0")

    def is_off(self, name: str) -> bool:
        return self._switch(name, "0", "1")

    def _switch(self, name: str, wanted: str, usual: str) -> bool:
        if self._one_of(name, (wanted, usual), str) != wanted:
            return False
        self.canonical[name] = wanted
        return True

    def _value(self, name: str) -> str:
        return "" if name in self.page.without else self.given.get(name, "").strip()

    def _one_of(self, name: str, choices: Any, made: Callable[[str], T]) -> T | None:
        value = self._value(name)
        if not value:
            return None
        if value in choices:
            return made(value)
        self.said.append(f"“{_cut(value)}” is nothing that “{name}” can be; the usual is shown.")
        return None

    def _own_days(self, newest: date) -> Period | None:
        first, last = self._day("from"), self._day("to")
        if first is None and last is None:
            return None
        last = last or newest
        first = first or Period.trailing(last, MONTH).first
        if first > last:
            self.said.append(f"{first} lies after {last}: they were exchanged.")
            first, last = last, first
        if first > today() or last < BEGINNING:
            self.said.append(f"Nothing can be known from {first} to {last}; the usual days are shown.")
            return None
        if last > today():
            self.said.append(f"{last} lies ahead; days are shown up to today.")
            last = today()
        if first < BEGINNING:
            self.said.append(f"There was no Copilot on {first}; days are shown from {BEGINNING} on.")
            first = BEGINNING
        if len(Period(first, last)) > MOST_DAYS:
            self.said.append("At most three years are shown at once: the last ones of these.")
            first = Period.trailing(last, MOST_DAYS).first
        return Period(first, last)

    def _day(self, name: str) -> date | None:
        value = self.given.get(name, "").strip()
        if not value:
            return None
        try:
            # fromisoformat alone would also take 20261101 and 2026-W45-1.
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self.said.append(f"“{_cut(value)}” is no day such as 2026-10-31.")
        return None


def _by_key(rows: QuerySet[M], key: str) -> M | None:
    """The row with this key; None for what is no key."""
    if not (key.isascii() and key.isdecimal() and len(key) <= 18):
        return None
    return rows.filter(pk=int(key)).first()


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
