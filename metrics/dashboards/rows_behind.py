"""Where the rows are behind what a page shows: addresses of lists in the admin.

Every panel leads to the rows that its figures are made of; a row's page tells its file and who brought it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse

from metrics import cards
from metrics.dashboards.asked import Asked
from metrics.dashboards.mine import subject_of
from metrics.dashboards.panel import Linked, Value
from metrics.figures.scope import Scope
from seats.cards import seats_url


def days_url(scope: Scope, first: date, last: date | None = None) -> str:
    """The days of an account or a team."""
    if scope.team is None:
        return cards.days_url(scope.account, first, last)
    asked = f"team__id__exact={scope.team.pk}&day_from={first}&day_to={last or first}"
    return f"{reverse('admin:metrics_teamday_changelist')}?{asked}"


def people_url(scope: Scope, first: date, last: date | None = None) -> str:
    """Who was active."""
    if scope.team is not None:
        return _members_url(scope, first, last or first)
    return cards.people_url(scope.account, first, last)


def _members_url(scope: Scope, first: date, last: date) -> str:
    """The lines of a team's people, each day of its own members: a report, since no list of lines knows them.

    A report finds accounts and teams by their names: empty where one has none.
    """
    account, team = scope.account, scope.team
    if team is None or not team.slug or not account.login:
        return ""
    asked = {
        "scope": f"{account.kind}:{account.login}",
        "team": team.slug,
        "from": first,
        "to": last,
        "by": "day",
    }
    return f"{reverse('reports:report', args=['user-metrics'])}?{urlencode(asked)}"


def covered_url(scope: Scope, report: str, first: date, last: date | None = None) -> str:
    """The days of which a report of the account was taken in."""
    asked = f"account__id__exact={scope.account.pk}&report__exact={report}"
    between = f"day_from={first}&day_to={last or first}"
    return f"{reverse('admin:metrics_reportday_changelist')}?{asked}&{between}"


def linked(value: Value, url: str) -> Value | Linked:
    """The value with the way to its rows; alone where it is unknown, or no list has them."""
    return value if value is None or not url else Linked(value, url)


# --- What is behind each panel ----------------------------------------------------------------


class Rows(NamedTuple):
    """A list of the admin that has the rows behind a panel: what it is called, where, and who may see it."""

    words: str
    permission: str
    url: Callable[[Asked], str]


def _list(name: str, asked: Asked, account: str = "account") -> str:
    """A list of days; `account` is its way to the account."""
    days = f"day_from={asked.period.first}&day_to={asked.period.last}"
    whose = f"{account}__id__exact={asked.scope.account.pk}"
    return f"{reverse(f'admin:{name}_changelist')}?{whose}&{days}"


def _days(asked: Asked) -> str:
    return days_url(asked.scope, asked.period.first, asked.period.last)


def _people(asked: Asked) -> str:
    return people_url(asked.scope, asked.period.first, asked.period.last)


def _of_person(asked: Asked) -> str:
    person = asked.params.get("person", "")
    lines = cards.people_url(asked.scope.account, asked.period.first, asked.period.last)
    return f"{lines}&user__id__exact={person}" if person.isdecimal() else ""


def _own(asked: Asked) -> str:
    subject = subject_of(asked)
    if subject.user is None:
        return ""
    lines = cards.people_url(subject.account, asked.period.first, asked.period.last)
    return f"{lines}&user__id__exact={subject.user.pk}"


def _seats(asked: Asked) -> str:
    return seats_url(asked.scope.account)


DAYS = Rows("Days", "metrics.view_scopeday", _days)
PEOPLE = Rows("Lines of people", "metrics.view_userday", _people)
PERSON = Rows("Lines of this person", "metrics.view_userday", _of_person)
OWN = Rows("My lines", "metrics.view_userday", _own)
TEAM_DAYS = Rows("Days of teams", "metrics.view_teamday", lambda asked: _list("metrics_teamday", asked))
ROSTERS = Rows(
    "Members of teams",
    "metrics.view_teamroster",
    lambda asked: _list("metrics_teamroster", asked, "team__account"),
)
REPOSITORIES = Rows(
    "Days of repositories", "metrics.view_repositoryday", lambda asked: _list("metrics_repositoryday", asked)
)
REPORTS = Rows("Reports", "metrics.view_reportday", lambda asked: _list("metrics_reportday", asked))
RESTATED = Rows("Restatements", "metrics.view_restatement", lambda asked: _list("metrics_restatement", asked))
# Of all accounts: a file may tell of several.
FILES = Rows("Files", "portal.view_reportfile", lambda _: reverse("admin:portal_reportfile_changelist"))
REJECTS = Rows(
    "Rejected lines", "portal.view_rejectedline", lambda _: reverse("admin:portal_rejectedline_changelist")
)
SEATS = Rows("Seats", "seats.view_seat", _seats)
SEAT_LISTS = Rows(
    "Seat lists", "seats.view_seatroster", lambda _: reverse("admin:seats_seatroster_changelist")
)
PRICES = Rows("Prices", "seats.view_seatprice", lambda _: reverse("admin:seats_seatprice_changelist"))
TAKEN_BACK = Rows(
    "Seats taken back", "seats.view_revocation", lambda _: reverse("admin:seats_revocation_changelist")
)

_USE = (DAYS, PEOPLE, REPORTS)
_HELD = (SEATS, SEAT_LISTS)

# By page, and by panel where it is made of other rows than its page.
BEHIND: Mapping[str, tuple[Rows, ...]] = {
    "overview": _USE,
    "overview seats-now": (*_USE, *_HELD),
    "adoption": _USE,
    "adoption seats": (*_USE, *_HELD),
    "adoption seats-over-time": (*_USE, *_HELD),
    "adoption first-use": (PEOPLE, *_HELD),
    "features": _USE,
    "code-generation": _USE,
    "languages": _USE,
    "models": _USE,
    "editors": _USE,
    "agents": _USE,
    "impact": _USE,
    "pull-requests": (DAYS, REPORTS),
    "pull-requests repositories": (REPOSITORIES, REPORTS),
    "pull-requests review-users": _USE,
    "teams": (TEAM_DAYS, ROSTERS, REPORTS),
    "people": (PEOPLE, REPORTS),
    "people without-use": (PEOPLE, *_HELD),
    "person": (PERSON, REPORTS),
    "mine": (OWN,),
    "seats": _HELD,
    "seats cost": (*_HELD, PRICES),
    "seats taken-back": (TAKEN_BACK, PRICES),
    "data-health": (REPORTS, FILES),
    "data-health rejects": (REJECTS, FILES),
    "data-health restated": (RESTATED, FILES),
}


def behind(page: str, panel: str) -> tuple[Rows, ...]:
    """The lists that have the rows of a panel."""
    return BEHIND.get(f"{page} {panel}") or BEHIND.get(page, ())


def ways_behind(page: str, panel: str, asked: Asked) -> Iterator[tuple[str, str]]:
    """Words and address of each of these lists that whoever asks may see."""
    for rows in behind(page, panel):
        if asked.user.has_perm(rows.permission) and (url := rows.url(asked)):
            yield rows.words, url
