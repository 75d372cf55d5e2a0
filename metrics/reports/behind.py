"""From a row of a report on use to the days or lines that it is made of, as lists of the admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from metrics.models.team_day import NO_TEAM
from portal.reports.base import ReportQuery, Value
from seats.models import Account, GitHubUser, Team
from seats.reports.scope import accounts_of, teams_of

Cells = Mapping[str, Value]


class RowsBehind:
    """Of the rows of a page: what each names decides which list it leads to; two queries, however many rows.

    A row that names a person leads to their lines, one that names a team to its days, any other to the days
    of its account; over the days that it names, else over those that were asked.
    """

    def __init__(self, query: ReportQuery, rows: Sequence[Cells]) -> None:
        self.query = query
        self.rows = rows
        self._accounts = {_labels(account): account for account in accounts_of(query)}
        ids = {user_id for row in rows if isinstance(user_id := row.get("user_id"), int)}
        people = GitHubUser.objects.filter(github_id__in=ids).values_list("github_id", "pk")
        self._people: Mapping[Any, int] = dict(people) if ids else {}
        self._teams = self._named_teams()

    def urls(self, user: Any) -> list[str]:
        """The address for each row; "" where this user sees no such list, or there is none."""
        return [self._url(row, user) for row in self.rows]

    def _named_teams(self) -> Mapping[tuple[int, Any], int]:
        """By account and GitHub's id or slug: the teams of the rows, and the one that was asked for."""
        ids = {team_id for row in self.rows if isinstance(team_id := row.get("team_id"), int)}
        slugs = {str(row["team"]) for row in self.rows if row.get("team")}
        found: list[Team] = []
        if ids or slugs:
            accounts = [account.pk for account in self._accounts.values()]
            theirs = Team.objects.filter(account__in=accounts)
            found = list(theirs.filter(github_id__in=ids) if ids else theirs.filter(slug__in=slugs))
        elif self.query.team:
            found = teams_of(self.query, with_organizations=False)
            return {(team.account_id, ""): team.pk for team in found}
        return {(team.account_id, key): team.pk for team in found for key in (team.github_id, team.slug)}

    def _url(self, row: Cells, user: Any) -> str:
        account = self._accounts.get((str(row.get("organization")), str(row.get("enterprise"))))
        if account is None:
            return ""
        asked = {"account__id__exact": account.pk, **self._days(row)}
        if "user_id" in row:
            person = self._people.get(row["user_id"])
            return _list("metrics.userday", user, {**asked, "user__id__exact": person} if person else {})
        named = row.get("team_id") if "team_id" in row else row.get("team")
        team = self._teams.get((account.pk, named or ""))
        if team is not None:
            return _list("metrics.teamday", user, {**asked, "team__id__exact": team})
        if NO_TEAM in (row.get("slug"), row.get("team")):
            return _list("metrics.teamday", user, asked)
        return _list("metrics.scopeday", user, asked)

    def _days(self, row: Cells) -> dict[str, date]:
        first = row.get("day") or row.get("first_day") or self.query.first_day
        last = row.get("day") or row.get("last_day") or self.query.last_day
        days = {"day_from": first, "day_to": last}
        return {name: day for name, day in days.items() if isinstance(day, date)}


def _labels(account: Account) -> tuple[str, str]:
    return account.organization_label, account.enterprise_label


def _list(model: str, user: Any, asked: Mapping[str, Any]) -> str:
    app, name = model.split(".")
    if not asked or not user.has_perm(f"{app}.view_{name}"):
        return ""
    return f"{reverse(f'admin:{app}_{name}_changelist')}?{urlencode(asked)}"
