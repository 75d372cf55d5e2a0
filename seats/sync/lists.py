"""Lists that tell no total: how to know that somebody who is missing has really gone.

A page that shifts while the list is read skips a row, and an answer may be empty for no reason. So
nobody is taken out on the word of one list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from portal.github.payloads import Member
from seats import activity_seats
from seats.evidence import chunks
from seats.models import GitHubUser
from seats.people import People

# An empty list where there was something is believed when it is still empty after this time.
DOUBT_FOR = timedelta(hours=1)


class Identified(Protocol):
    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Identified)


def read_by_id(read: Callable[[], Iterable[Row]], known: Collection[int]) -> dict[int, Row]:
    """What GitHub lists, by id. Where it lacks something of `known`, it is read once more.

    Only what both readings lack is missing; a list that shifted skips hardly the same row twice.
    """
    rows = {row.id: row for row in read()}
    if any(one not in rows for one in known):
        again = {row.id: row for row in read()}
        rows = {**again, **rows}
    return rows


def doubt(empty_since: datetime | None, now: datetime) -> bool:
    """Whether an empty list is not to be believed yet."""
    return empty_since is None or now - empty_since < DOUBT_FOR


def meet_people(members: Mapping[int, Member], now: datetime) -> dict[int, int]:
    """Our keys of these people by GitHub's id. Writes only what is new: people, and other logins."""
    shown: dict[int, tuple[int, str]] = {}
    for ids in chunks(sorted(members)):
        for github_id, key, login in GitHubUser.objects.filter(github_id__in=ids).values_list(
            "github_id", "pk", "login"
        ):
            if github_id is not None:
                shown[github_id] = (key, login)
    told = {
        one: member for one, member in members.items() if one not in shown or shown[one][1] != member.login
    }
    people = People()
    keys = people.keys_of({one: member.login for one, member in told.items()})
    for one, member in told.items():
        people.saw(one, member.login, now.astimezone(UTC).date())
    activity_seats.settle_logins(people.flush())
    return {one: shown[one][0] if one in shown else keys[one] for one in members}
