"""Meeting people: by id, which is identity, or by a login, which is only a name.

Every sighting of a login together with an id is kept with its first and last day. From these alone
follows who held a login on a day, so it does not matter in which order files arrive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from django.db.models import F
from django.utils import timezone

from portal.bulk import insert_rows, update_values
from seats.evidence import chunks
from seats.models import ActivityLine, CurrentRoster, GitHubUser, UserLogin
from seats.roster_content import Content

# Of how many people logins are held as rows at once while they are written.
WRITTEN_AT_ONCE = 10_000


@dataclass(slots=True)
class Sighting:
    login: str
    first_on: date
    last_on: date


class People:
    """The people of one import: keys by GitHub id, and the logins it saw them under.

    `keys_of` writes at once (other rows need the keys); `flush` writes the sightings.
    """

    def __init__(self) -> None:
        self._keys: dict[int, int] = {}
        # Under which login those were made whom nobody had met before.
        self._made: dict[int, str] = {}
        self._sightings: dict[tuple[int, str], Sighting] = {}

    def saw(self, github_id: int, login: str, day: date) -> None:
        """Note that this person bore this login on this day."""
        if not login:
            return
        seen = self._sightings.get((github_id, login))
        if seen is None:
            self._sightings[github_id, login] = Sighting(login, day, day)
        elif day > seen.last_on:
            seen.last_on = day
        elif day < seen.first_on:
            seen.first_on = day

    @property
    def sightings(self) -> Mapping[tuple[int, str], Sighting]:
        """What was seen since the last time it was written, by GitHub id and login."""
        return self._sightings

    def keys_of(self, logins: Mapping[int, str]) -> Mapping[int, int]:
        """Our keys of these GitHub ids, people met for the first time made; `logins` names those."""
        self.known_keys_of(logins)
        missing = [github_id for github_id in logins if github_id not in self._keys]
        if missing:
            self._make(missing, logins)
        return self._keys

    def known_keys_of(self, github_ids: Iterable[int]) -> Mapping[int, int]:
        """Our keys of these GitHub ids; who was never met has none."""
        unknown = [github_id for github_id in github_ids if github_id not in self._keys]
        if unknown:
            self._look_up(unknown)
        return self._keys

    def _look_up(self, github_ids: Collection[int]) -> None:
        found = GitHubUser.objects.filter(github_id__among=set(github_ids)).order_by()
        self._keys.update(found.values_list("github_id", "pk"))  # type: ignore[arg-type]

    def _make(self, github_ids: Collection[int], logins: Mapping[int, str]) -> None:
        names = {github_id: logins[github_id] or str(github_id) for github_id in sorted(github_ids)}
        now = timezone.now()
        # Another import may meet some of them at the same moment; all do so in the order of their ids.
        inserted = insert_rows(
            GitHubUser,
            ["github_id", "login", "login_key", "name", "email", "contact_email", "language", "created_at"],
            [(github_id, name, name.lower(), "", "", "", "", now) for github_id, name in names.items()],
            ignore_conflicts=True,
        )
        self._look_up(github_ids)
        if inserted == len(names):
            self._made.update((self._keys[github_id], name) for github_id, name in names.items())

    def forget_keys(self) -> None:
        """Drop what was looked up: after a roll-back the people made in it are gone."""
        self._keys.clear()
        self._made.clear()

    def flush(self) -> set[str]:
        """Write the sightings; returns the lower-cased logins of which we now know more."""
        self.keys_of(dict(self._sightings.keys()))
        self._see_again()
        sightings, self._sightings = self._sightings, {}
        made, self._made = self._made, {}
        told: set[str] = set()
        for some in self._portions(sightings):
            told |= _remember(some, made)
        return told

    def _portions(
        self, sightings: dict[tuple[int, str], Sighting]
    ) -> Iterator[Mapping[int, Sequence[Sighting]]]:
        """By person, some people at a time, in the order of their keys; what is given out is let go."""

        def whose(seen: tuple[int, str]) -> int:
            return self._keys[seen[0]]

        portion: dict[int, Sequence[Sighting]] = {}
        for user_id, seen in groupby(sorted(sightings, key=whose), key=whose):
            portion[user_id] = [sightings.pop(each) for each in seen]
            if len(portion) >= WRITTEN_AT_ONCE:
                yield portion
                portion = {}
        if portion:
            yield portion

    def _see_again(self) -> None:
        """Add what repeated lists say of the same people, lest an older file have the last word."""
        seen = {github_id for github_id, _ in self._sightings}
        for late in late_sightings():
            if late.github_id in seen:
                self.saw(late.github_id, late.login, late.day)


class LateSighting(NamedTuple):
    github_id: int
    login: str
    day: date


def late_sightings() -> Iterator[LateSighting]:
    """Logins that a list showed again on a later day than is written: a repeated list writes no row."""
    current = CurrentRoster.objects.values_list("pk", "roster__last_observed_at", "logins_known_on")
    late = {pk: at.date() for pk, at, known_on in current if at.date() > known_on}
    for pk, content in CurrentRoster.objects.filter(pk__in=late).values_list("pk", "content"):
        for person in Content.unpack(content).people():
            if person.login:
                yield LateSighting(person.assignee_id, person.login, late[pk])


class _Borne(NamedTuple):
    """A login as it was borne, by its row; `pk` is None until it has one."""

    pk: int | None
    user_id: int
    login: str
    login_key: str
    first_on: date
    last_on: date

    def widened(self, sighting: Sighting) -> _Borne:
        """Stretched over another sighting; itself if that was inside already.

        It is written as on its newest day, and of two ways on one day it is the same in any order.
        """
        is_newest = (sighting.last_on, sighting.login) > (self.last_on, self.login)
        if not is_newest and sighting.first_on >= self.first_on:
            return self
        return self._replace(
            login=sighting.login if is_newest else self.login,
            first_on=min(self.first_on, sighting.first_on),
            last_on=max(self.last_on, sighting.last_on),
        )


def _remember(sightings: Mapping[int, Iterable[Sighting]], made: Mapping[int, str]) -> set[str]:
    """Write sightings by person; `made` are people just met, under the login they were made with."""
    known = _known_logins({user_id for user_id in sightings if user_id not in made})
    touched: dict[tuple[int, str], _Borne] = {}
    for user_id, seen in sightings.items():
        borne = known.setdefault(user_id, {})
        for sighting in seen:
            key = sighting.login.lower()
            before = borne.get(key)
            if before is None:
                after = _Borne(None, user_id, sighting.login, key, sighting.first_on, sighting.last_on)
            else:
                after = before.widened(sighting)
            if after is not before:
                borne[key] = touched[user_id, key] = after
    new = [row[1:] for row in sorted(touched.values(), key=_in_order) if row.pk is None]
    inserted = insert_rows(
        UserLogin,
        ["user_id", "login", "login_key", "first_seen_on", "last_seen_on"],
        new,
        ignore_conflicts=True,
    )
    update_values(
        UserLogin,
        ["login", "first_seen_on", "last_seen_on"],
        [(row.login, row.first_on, row.last_on, row.pk) for row in touched.values() if row.pk],
    )
    # Most people who were just made bear the one login they were made with.
    others = {
        row.user_id
        for row in touched.values()
        if made.get(row.user_id) != row.login or len(known[row.user_id]) > 1
    }
    _show_newest_login({user_id: known[user_id].values() for user_id in others}, made)
    told = {login_key for _, login_key in touched}
    # Another import may have seen some of them at the same moment: what it wrote is widened.
    return told if inserted == len(new) else told | _remember(sightings, {})


_in_order = attrgetter("user_id", "login_key")


def _known_logins(user_ids: Collection[int]) -> dict[int, dict[str, _Borne]]:
    known: dict[int, dict[str, _Borne]] = defaultdict(dict)
    rows = UserLogin.objects.filter(user_id__among=set(user_ids)).order_by()
    for values in rows.values_list("pk", "user_id", "login", "login_key", "first_seen_on", "last_seen_on"):
        row = _Borne(*values)
        known[row.user_id][row.login_key] = row
    return known


def _show_newest_login(borne: Mapping[int, Iterable[_Borne]], made: Mapping[int, str]) -> None:
    """The login shown is that of the newest day, whatever the order in which files came."""
    newest = {
        user_id: max(rows, key=lambda row: (row.last_on, row.login_key)).login
        for user_id, rows in borne.items()
    }
    shown = {user_id: made[user_id] for user_id in newest if user_id in made}
    others = GitHubUser.objects.filter(pk__among=newest.keys() - shown.keys())
    shown.update(others.order_by().values_list("pk", "login"))
    update_values(
        GitHubUser,
        ["login", "login_key"],
        [
            (login, login.lower(), user_id)
            for user_id, login in newest.items()
            if user_id in shown and shown[user_id] != login
        ],
    )


class Holders:
    """Who held a login on a day, as far as sightings tell today."""

    def __init__(self, login_keys: Iterable[str]) -> None:
        self._rows: dict[str, list[UserLogin]] = defaultdict(list)
        rows = UserLogin.objects.filter(login_key__among=set(login_keys)).select_related("user")
        for row in rows.order_by("first_seen_on", "user__github_id"):
            self._rows[row.login_key].append(row)
        self._see_again()

    def _see_again(self) -> None:
        """Stretch what was loaded over the days on which a repeated list showed it again."""
        for late in late_sightings() if self._rows else ():
            for row in self._rows.get(late.login.lower(), ()):
                if row.user.github_id == late.github_id:
                    row.last_seen_on = max(row.last_seen_on, late.day)

    def on(self, login_key: str, day: date) -> int | None:
        """The key of the holder: seen under it around that day, else last before it, else first after it.

        None: nobody with an id was ever seen under this login.
        """
        rows = self._rows.get(login_key)
        if not rows:
            return None
        around = [row for row in rows if row.first_seen_on <= day <= row.last_seen_on]
        if around:
            return around[-1].user_id
        before = [row for row in rows if row.last_seen_on < day]
        if before:
            return max(before, key=lambda row: (row.last_seen_on, row.user.github_id)).user_id
        return min(rows, key=lambda row: (row.first_seen_on, row.user.github_id)).user_id


def provisional(logins: Mapping[str, str]) -> dict[str, int]:
    """Keys of people known only by login (lower-cased → as written), made where they are new."""
    keys: dict[str, int] = {}
    for login_keys in chunks(sorted(logins)):
        people = GitHubUser.objects.filter(provisional_key__in=login_keys)
        keys.update((row.provisional_key or "", row.pk) for row in people)
        missing = [key for key in login_keys if key not in keys]
        GitHubUser.objects.bulk_create(
            (GitHubUser(login=logins[key], login_key=key, provisional_key=key) for key in missing),
            batch_size=500,
        )
        made = GitHubUser.objects.filter(provisional_key__in=missing)
        keys.update((row.provisional_key or "", row.pk) for row in made)
    return keys


def show_as_reported(login_keys: Iterable[str]) -> None:
    """People known only by one of these logins are shown as the newest activity report writes it."""
    newest: dict[str, tuple[datetime, str]] = {}
    for keys in chunks(sorted(set(login_keys))):
        lines = ActivityLine.objects.filter(login_key__in=keys, user__provisional_key__in=keys).order_by()
        # Hardly anybody is written in two ways.
        differing = lines.exclude(login=F("user__login")).values_list("login_key", flat=True)
        some = lines.filter(login_key__in=set(differing))
        for key, at, login in some.values_list("login_key", "report_time", "login"):
            newest[key] = max(newest.get(key, (at, login)), (at, login))
    people = GitHubUser.objects.filter(provisional_key__among=newest.keys()).order_by()
    update_values(
        GitHubUser,
        ["login"],
        [
            (newest[key][1], pk)
            for pk, key, login in people.values_list("pk", "login_key", "login")
            if newest[key][1] != login
        ],
    )
