"""People over a period, as one account's reports tell of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, islice

from django.db.models import Count, Max, Min
from pyroaring import BitMap

from metrics.figures.counted import Counted, sums, total
from metrics.models import DayUsers, DirtyDay, UserDay
from metrics.models.counters import COUNTERS
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import between
from seats.models import Account, GitHubUser

# People whose lines are read together: the first ones soon, then so many that questions cost little.
FIRST_AT_ONCE, AT_ONCE = 200, 2_000
SETS_AT_ONCE = 50


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
    """Everybody with a line in the period, by GitHub's id; some thousand people at a time."""
    rows = UserDay.objects.filter(between(first, last), account=account)
    for keys in in_order(with_lines(account, first, last)):
        groups = rows.filter(user__among=keys).order_by().values("user_id")
        totals = groups.annotate(active_days=Count("pk"), first_day=Min("day"), last_day=Max("day"), **sums())
        names = ("user_id", "active_days", "first_day", "last_day", *COUNTERS)
        told = {key: rest for key, *rest in totals.values_list(*names)}
        for key, (user_id, login) in named(keys).items():
            if key in told:
                days, first_day, last_day, *counters = told[key]
                yield PersonFigures(key, user_id, login, days, first_day, last_day, tuple(counters))


def people_of_teams(
    account: Account, team_keys: Collection[int], first: date | None = None, last: date | None = None
) -> Iterator[PersonFigures]:
    """The same, but only the days on which the person was in one of these teams."""
    members = active_members(account, team_keys, first, last)
    rows = UserDay.objects.filter(account=account, day__in=list(members)).order_by("user_id", "day")
    for keys in in_order(BitMap.union(BitMap(), *members.values())):
        some = rows.filter(user__among=keys).values_list("user_id", "day", *COUNTERS)
        told = {
            key: [line[1:] for line in lines]
            for key, lines in groupby(
                (row for row in some if row[0] in members[row[1]]), key=lambda row: row[0]
            )
        }
        for key, (user_id, login) in named(keys).items():
            if days := told.get(key):
                counters = tuple(total(column) for column in zip(*(line[1:] for line in days), strict=True))
                yield PersonFigures(key, user_id, login, len(days), days[0][0], days[-1][0], counters)


def with_lines(account: Account, first: date | None = None, last: date | None = None) -> BitMap:
    """Who has a line in the period: from the days' sets, and from the lines of days yet to be added up.

    From the lines first: whose day is added up meanwhile is in its set by then.
    """
    found = BitMap()
    for day in DirtyDay.objects.filter(between(first, last), account=account).values_list("day", flat=True):
        lines = UserDay.objects.filter(account=account, day=day).order_by()
        found.update(lines.values_list("user_id", flat=True).iterator())
    sets = DayUsers.objects.filter(
        between(first, last), account=account, team_key=WHOLE_ACCOUNT, kind=DayUsers.Kind.ACTIVE
    )
    for users in sets.order_by().values_list("users", flat=True).iterator(chunk_size=SETS_AT_ONCE):
        found |= BitMap.deserialize(bytes(users))
    return found


def in_order(people: BitMap) -> Iterator[Sequence[int]]:
    """The keys of these people by GitHub's id, a few at first, then some thousand at a time."""
    remaining = _keys_in_order(people)
    number = FIRST_AT_ONCE
    while some := list(islice(remaining, number)):
        number = AT_ONCE
        yield some


def _keys_in_order(people: BitMap) -> Iterator[int]:
    """Of many, everybody known is gone through as their index has them: nothing is sorted, and none held."""
    users = GitHubUser.objects.order_by("github_id").exclude(github_id=None)
    if len(people) <= AT_ONCE:
        yield from users.filter(pk__among=people).values_list("pk", flat=True)
        return
    after = 0
    while page := list(users.filter(github_id__gt=after).values_list("github_id", "pk")[:AT_ONCE]):
        yield from (key for _, key in page if key in people)
        after = page[-1][0] or 0


def named(keys: Sequence[int]) -> Mapping[int, tuple[int, str]]:
    """GitHub's id and login of each, in this order.

    Asked by itself: a database that joins it to sums over a few people may read everybody for it.
    """
    rows = GitHubUser.objects.filter(pk__among=keys).values_list("pk", "github_id", "login")
    # Whoever has a line has an id.
    known = {key: (user_id or 0, login) for key, user_id, login in rows}
    return {key: known[key] for key in keys if key in known}


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
