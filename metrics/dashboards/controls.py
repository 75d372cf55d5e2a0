"""The controls of a page: one form, whose fields are the parameters of the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from metrics.dashboards.asked import By
from metrics.dashboards.asking import CONTROLS, USUAL, Question, readable_accounts, readable_teams
from metrics.dashboards.registry import Page
from metrics.presets import PERIODS
from seats.models import Account, Team

# More organizations or teams than these are reached through their lists.
CHOICES = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """A select field. `usual` is the value that an address leaves out."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    selected: str
    usual: str = ""
    note: str = ""

    @property
    def written(self) -> SafeString:
        """The options as HTML. Made as text, since a template is too slow for hundreds of teams."""
        options = (
            f'<option value="{escape(value)}"{" selected" if value == self.selected else ""}>'
            f"{escape(text)}</option>"
            for value, text in self.options
        )
        return mark_safe("".join(options))  # noqa: S308 - every value went through escape()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of text that only this page has."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A box to tick; `value` is what the address says when it is ticked."""

    name: str
    label: str
    value: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class Controls:
    choices: Sequence[Choice]
    fields: Sequence[Field]
    first: str
    last: str
    newest: str
    switches: Sequence[Switch]
    # What the form carries along: the page's own parameters.
    carried: Sequence[tuple[str, str]]
    has_days: bool


def controls(question: Question, page: Page, user: Any) -> Controls:
    asked = question.asked
    made: dict[str, Callable[[], Choice | None]] = {
        "scope": lambda: _scope(asked.scope.account, page, user),
        "team": lambda: _team(asked.scope.account, asked.scope.team, user),
        "period": lambda: _period(question),
        "by": lambda: _by(question),
    }
    fields = {name for name, _label in page.fields}
    switches = [
        Switch("compare", "Compare with the period before", "1", asked.before is not None),
        Switch("weekends", "Leave weekends out", "0", not asked.weekends),
    ]
    is_own = not question.preset
    return Controls(
        choices=[
            found for name, make in made.items() if name not in page.without and (found := make()) is not None
        ],
        fields=[Field(name, label, asked.params.get(name, "")) for name, label in page.fields],
        first=str(asked.period.first) if is_own else "",
        last=str(asked.period.last) if is_own else "",
        newest=str(asked.today),
        switches=[switch for switch in switches if switch.name not in page.without],
        carried=[(name, asked.params[name]) for name in asked.params if name not in {*CONTROLS, *fields}],
        has_days="period" not in page.without,
    )


def _scope(chosen: Account, page: Page, user: Any) -> Choice | None:
    accounts = readable_accounts(user, page).order_by("kind", "login_key", "pk")
    rows = list(accounts.only("kind", "login", "github_id")[: CHOICES + 1])
    if len(rows) < 2:
        return None
    options = [(str(row.pk), f"{row.label} ({row.get_kind_display()})") for row in rows[:CHOICES]]
    note = _capped(len(rows), "organizations")
    return Choice("scope", "Scope", _with(options, str(chosen.pk), chosen.label), str(chosen.pk), note=note)


def _team(account: Account, chosen: Team | None, user: Any) -> Choice | None:
    teams = readable_teams(user, account).order_by("slug", "github_id")
    # Called as `str()` of each would, without an object for each of hundreds.
    rows = list(teams.values_list("pk", "slug", "name", "github_id")[: CHOICES + 1])
    if not rows:
        return None
    named = ((str(pk), slug or name or str(github_id)) for pk, slug, name, github_id in rows[:CHOICES])
    options = [("", "Everybody"), *named]
    key = str(chosen.pk) if chosen else ""
    return Choice(
        "team", "Team", _with(options, key, str(chosen or "")), key, note=_capped(len(rows), "teams")
    )


def _period(question: Question) -> Choice:
    options = list(PERIODS.items())
    if not question.preset:
        options = [("", "Own days"), *options]
    return Choice("period", "Period", options, question.preset, usual=USUAL)


def _by(question: Question) -> Choice:
    chosen = question.asked.params.get("by", "")
    options = [("", "Automatic"), *((by.value, f"{by.value.capitalize()}s") for by in By)]
    # The usual one needs no word in the address, but is what was chosen.
    return Choice("by", "Steps", options, chosen)


def _with(options: list[tuple[str, str]], key: str, label: str) -> list[tuple[str, str]]:
    """The options, the chosen one among them also where there are too many."""
    return options if any(value == key for value, _ in options) else [*options, (key, label)]


def _capped(count: int, what: str) -> str:
    return f"The first {CHOICES} {what}." if count > CHOICES else ""
