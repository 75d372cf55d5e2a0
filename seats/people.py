"""Meeting people: by id, which is identity, or by a login, which is only a name.

Every sighting of a login together with an id is kept with its first and last day. From these alone
follows who held a login on a day, so it does not matter in which order files arrive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from portal.bulk import update_rows
from seats.evidence import chunks
from seats.models import GitHubUser, UserLogin


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

    def keys_of(self, logins: Mapping[int, str]) -> Mapping[int, int]:
        """Our keys of these GitHub ids, people met for the first time made; `logins` names those."""
        unknown = [github_id for github_id in logins if github_id not in self._keys]
        for ids in chunks(unknown):
            found = GitHubUser.objects.filter(github_id__in=ids).values_list("github_id", "pk")
            self._keys.update((github_id, pk) for github_id, pk in found if github_id is not None)
            missing = [github_id for github_id in ids if github_id not in self._keys]
            if missing:
                self._make(missing, logins)
        return self._keys

    def _make(self, github_ids: Iterable[int], logins: Mapping[int, str]) -> None:
        names = {github_id: logins[github_id] or str(github_id) for github_id in github_ids}
        GitHubUser.objects.bulk_create(
            GitHubUser(github_id=github_id, login=name, login_key=name.lower())
            for github_id, name in names.items()
        )
        made = GitHubUser.objects.filter(github_id__in=list(names)).values_list("github_id", "pk")
        self._keys.update((github_id, pk) for github_id, pk in made if github_id is not None)

    def forget_keys(self) -> None:
        """Drop what was looked up: after a roll-back the people made in it are gone."""
        self._keys.clear()

    def flush(self) -> set[str]:
        """Write the sightings; returns the lower-cased logins of which we now know more."""
        sightings, self._sightings = self._sightings, {}
        touched: set[str] = set()
        by_user: dict[int, list[Sighting]] = defaultdict(list)
        self.keys_of(dict(sightings.keys()))
        for (github_id, _), sighting in sightings.items():
            by_user[self._keys[github_id]].append(sighting)
        for keys in chunks(sorted(by_user)):
            touched |= _remember({key: by_user[key] for key in keys})
        return touched


def _remember(sightings: Mapping[int, Iterable[Sighting]]) -> set[str]:
    known = {
        (row.user_id, row.login_key): row for row in UserLogin.objects.filter(user_id__in=list(sightings))
    }
    new: dict[tuple[int, str], UserLogin] = {}
    changed: dict[int, UserLogin] = {}
    for user_id, seen in sightings.items():
        for sighting in seen:
            key = (user_id, sighting.login.lower())
            row = known.get(key) or new.get(key)
            if row is None:
                new[key] = UserLogin(
                    user_id=user_id,
                    login=sighting.login,
                    login_key=key[1],
                    first_seen_on=sighting.first_on,
                    last_seen_on=sighting.last_on,
                )
            elif _widen(row, sighting) and row.pk:
                changed[row.pk] = row
    UserLogin.objects.bulk_create(new.values())
    update_rows(changed.values(), ["login", "first_seen_on", "last_seen_on"])
    touched = [*new.values(), *changed.values()]
    _show_newest_login({row.user_id for row in touched})
    return {row.login_key for row in touched}


def _widen(row: UserLogin, sighting: Sighting) -> bool:
    """Stretch a known sighting over another; True if it was not inside already."""
    if sighting.first_on >= row.first_seen_on and sighting.last_on <= row.last_seen_on:
        return False
    if sighting.last_on > row.last_seen_on:
        row.login = sighting.login
    row.first_seen_on = min(row.first_seen_on, sighting.first_on)
    row.last_seen_on = max(row.last_seen_on, sighting.last_on)
    return True


def _show_newest_login(user_ids: Iterable[int]) -> None:
    """The login shown is that of the newest day, whatever the order in which files came."""
    rows: dict[int, UserLogin] = {}
    for row in UserLogin.objects.filter(user_id__in=list(user_ids)):
        shown = rows.get(row.user_id)
        if shown is None or (row.last_seen_on, row.login_key) > (shown.last_seen_on, shown.login_key):
            rows[row.user_id] = row
    outdated = [
        user for user in GitHubUser.objects.filter(pk__in=list(rows)) if user.login != rows[user.pk].login
    ]
    for user in outdated:
        user.login = rows[user.pk].login
        user.login_key = user.login.lower()
    update_rows(outdated, ["login", "login_key"])


class Holders:
    """Who held a login on a day, as far as sightings tell today."""

    def __init__(self, login_keys: Iterable[str]) -> None:
        self._rows: dict[str, list[UserLogin]] = defaultdict(list)
        for keys in chunks(sorted(set(login_keys))):
            for row in UserLogin.objects.filter(login_key__in=keys).order_by("first_seen_on", "user_id"):
                self._rows[row.login_key].append(row)

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
            return max(before, key=lambda row: (row.last_seen_on, row.user_id)).user_id
        return min(rows, key=lambda row: (row.first_seen_on, row.user_id)).user_id


def provisional(logins: Mapping[str, str]) -> dict[str, int]:
    """Keys of people known only by login (lower-cased → as written), made where they are new."""
    keys: dict[str, int] = {}
    for login_keys in chunks(sorted(logins)):
        people = GitHubUser.objects.filter(provisional_key__in=login_keys)
        keys.update((row.provisional_key or "", row.pk) for row in people)
        missing = [key for key in login_keys if key not in keys]
        GitHubUser.objects.bulk_create(
            GitHubUser(login=logins[key], login_key=key, provisional_key=key) for key in missing
        )
        made = GitHubUser.objects.filter(provisional_key__in=missing)
        keys.update((row.provisional_key or "", row.pk) for row in made)
    return keys
