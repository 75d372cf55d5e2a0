"""People over a period, as one account's reports tell of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.db.models import Count, Max, Min
from pyroaring import BitMap

from metrics.figures.counted import Counted, sums, total
from metrics.models import DayUsers, UserDay
from metrics.models.counters import COUNTERS
from metrics.periods import between
from seats.models import Account


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """What one account's reports say of a person over a period. `user_id` and login are GitHub's."""

    user_key: int
    user_id: int
    login: str
    active_days: int
    first_day: date
    last_day: date
    counters: Counted

    def counted(self, name: str) -> int | None:
        return self.counters[COUNTERS.index(name)]


def people(account: Account, first: date | None = None, last: date | None = None) -> Iterator[PersonFigures]:
    """Everybody with a line in the period, by GitHub's id; one query, read as a stream."""
    rows = UserDay.objects.filter(between(first, last), account=account)
    groups = rows.order_by().values("user_id", "user__github_id", "user__login")
    totals = groups.annotate(
        active_days=Count("pk"), first_day=Min("day"), last_day=Max("day"), **sums()
    ).order_by("user__github_id")
    for key, user_id, login, days, first_day, last_day, *counters in totals.values_list(
        "user_id", "user__github_id", "user__login", "active_days", "first_day", "last_day", *COUNTERS
    ).iterator():
        yield PersonFigures(key, user_id, login, days, first_day, last_day, tuple(counters))


def people_of_teams(
    account: Account, team_keys: Collection[int], first: date | None = None, last: date | None = None
) -> Iterator[PersonFigures]:
    """The same, but only the days on which the person was in one of these teams."""
    members = active_members(account, team_keys, first, last)
    rows = UserDay.objects.filter(account=account, day__in=list(members)).order_by("user__github_id", "day")
    names = ("user_id", "user__github_id", "user__login", "day", *COUNTERS)
    together = (row for row in rows.values_list(*names).iterator() if row[0] in members[row[3]])
    for (key, user_id, login), lines in groupby(together, key=lambda row: row[:3]):
        days = [line[3:] for line in lines]
        counters = tuple(total(column) for column in zip(*(line[1:] for line in days), strict=True))
        yield PersonFigures(key, user_id, login, len(days), days[0][0], days[-1][0], counters)


def active_members(
    account: Account, team_keys: Collection[int], first: date | None = None, last: date | None = None
) -> Mapping[date, BitMap]:
    """By day: who was active and in one of these teams that day; only days with a figure of one of them."""
    rows = DayUsers.objects.filter(
        between(first, last), account=account, team_key__in=list(team_keys), kind=DayUsers.Kind.ACTIVE
    )
    members: dict[date, BitMap] = {}
    for row in rows.iterator():
        members[row.day] = members.get(row.day, BitMap()) | row.user_keys
    return members
