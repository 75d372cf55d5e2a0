"""Names and mail addresses that seat lists tell of people: the newest list that told one has the last word.

An empty one erases nothing. As with logins it does not matter in which order lists come, also where the
newest telling is known only from a list that was repeated and wrote no row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from portal.bulk import update_values
from seats.models import CurrentRoster, GitHubUser
from seats.roster_content import Content, names_in

MOST_NAME: int = GitHubUser._meta.get_field("name").max_length or 0
MOST_EMAIL: int = GitHubUser._meta.get_field("email").max_length or 0


class Telling(NamedTuple):
    """What a list says of a person; either may be empty."""

    github_id: int
    name: str
    email: str


@dataclass(slots=True)
class _Known:
    """A person's row, as far as it is about this."""

    pk: int
    name: str
    email: str
    name_told_at: datetime | None
    email_told_at: datetime | None

    def hear(self, telling: Telling, at: datetime) -> None:
        if _wins(telling.name, at, self.name, self.name_told_at):
            self.name, self.name_told_at = telling.name, at
        if _wins(telling.email, at, self.email, self.email_told_at):
            self.email, self.email_told_at = telling.email, at

    def contradicts(self, telling: Telling) -> bool:
        return bool(
            (self.name and telling.name and self.name != telling.name)
            or (self.email and telling.email and self.email != telling.email)
        )


def note(tellings: Iterable[Telling], at: datetime) -> None:
    """Write what a list of this moment tells of people we know. Nothing told is no query."""
    told: dict[int, list[Telling]] = {}
    for telling in map(_fitting, tellings):
        if telling.name or telling.email:
            told.setdefault(telling.github_id, []).append(telling)
    if not told:
        return
    known = _known(told)
    before = {github_id: replace(one) for github_id, one in known.items()}
    disputed = {
        github_id
        for github_id, one in known.items()
        if any(one.contradicts(telling) for telling in told[github_id])
    }
    for later, tellings_then in _told_later(disputed, at):
        for telling in tellings_then:
            known[telling.github_id].hear(telling, later)
    for github_id, one in known.items():
        for telling in told[github_id]:
            one.hear(telling, at)
    update_values(
        GitHubUser,
        ["name", "email", "name_told_at", "email_told_at"],
        [
            (one.name, one.email, one.name_told_at, one.email_told_at, one.pk)
            for github_id, one in known.items()
            if before[github_id] != one
        ],
    )


def tellings_of(lines: Collection[bytes]) -> Iterable[Telling]:
    """What the lines of a list's content tell; those without a name or an address are passed over."""
    return (Telling(*names) for names in names_in(lines))


def _fitting(telling: Telling) -> Telling:
    """An address too long for one is none."""
    email = telling.email.strip()
    return Telling(
        telling.github_id, telling.name.strip()[:MOST_NAME], email if len(email) <= MOST_EMAIL else ""
    )


def _known(github_ids: Collection[int]) -> dict[int, _Known]:
    rows = GitHubUser.objects.filter(github_id__among=set(github_ids)).order_by("pk")
    fields = ("github_id", "pk", "name", "email", "name_told_at", "email_told_at")
    return {github_id: _Known(*rest) for github_id, *rest in rows.values_list(*fields) if github_id}


def _wins(new: str, at: datetime, old: str, told_at: datetime | None) -> bool:
    if not new:
        return False
    # Of two lists of one moment the same one wins, whichever came first.
    return told_at is None or at > told_at or (at == told_at and new > old)


def _told_later(disputed: Collection[int], at: datetime) -> Iterable[tuple[datetime, list[Telling]]]:
    """What standing lists told of these people by being repeated after this moment."""
    if not disputed:
        return
    standing = CurrentRoster.objects.filter(roster__last_observed_at__gt=at)
    for content, last in standing.values_list("content", "roster__last_observed_at"):
        tellings = map(_fitting, tellings_of(Content.unpack(content).lines))
        yield last, [telling for telling in tellings if telling.github_id in disputed]
