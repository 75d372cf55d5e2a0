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

from django.db.models import Model, QuerySet

from metrics.accounts import account_of, largest
from metrics.dashboards.asked import Asked, By
from metrics.dashboards.registry import Page
from metrics.figures.scope import Scope
from metrics.period_steps import DAILY_UP_TO
from metrics.periods import MONTH, Period
from metrics.presets import PERIODS, Covered, covered_span, preset_period
from seats.models import Account, Team
from seats.verdicts import today

# No day of Copilot lies before; and a page shows about three years at most.
BEGINNING = date(2021, 1, 1)
MOST_DAYS = 1096
USUAL = str(MONTH)

CONTROLS = ("scope", "team", "period", "from", "to", "compare", "weekends", "by")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

T = TypeVar("T")
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what the page has to say about the asking. `preset` is "" where days were given."""

    asked: Asked
    covered: Covered | None
    preset: str
    said: tuple[str, ...]


def readable_accounts(user: Any, page: Page) -> QuerySet[Account]:
    """The accounts that a reader of the page may ask about: the page's own permission is enough."""
    return Account.objects.all() if _may_read(user, page) else Account.objects.none()


def _may_read(user: Any, page: Page) -> bool:
    return bool(page.permission) or user.has_perm("metrics.view_scopeday")


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
            found = account_of(int(key)) if _is_key(key) and _may_read(user, self.page) else None
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
    return rows.filter(pk=int(key)).first() if _is_key(key) else None


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
