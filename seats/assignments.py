"""Who belongs where on a day, and the joining of people who were named before anybody knew them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Q

from portal.bulk import update_rows
from seats.models import Account, Assignment, GitHubUser, Seat, TeamOwner
from seats.policy_sql import midnight

Named = TypeVar("Named", Assignment, TeamOwner)


@dataclass(frozen=True, slots=True)
class Stay:
    """One person's place from a day until a day; both belong to it, None is without end."""

    user_id: int
    starts_on: date
    ends_on: date | None
    department_id: int | None
    cost_centre_id: int | None
    manager: str

    def covers(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


class Places:
    """The places of everybody known, as far as they touch a period: one query, whatever the company."""

    def __init__(self, first: date, last: date, user_ids: Collection[int] | None = None) -> None:
        held = Assignment.objects.filter(Q(ends_on=None) | Q(ends_on__gte=first), starts_on__lte=last)
        held = held.filter(user__isnull=False) if user_ids is None else held.filter(user__among=set(user_ids))
        rows = held.order_by("starts_on", "pk").values_list(
            "user_id", "starts_on", "ends_on", "department_id", "cost_centre_id", "manager"
        )
        self._stays: dict[int, list[Stay]] = defaultdict(list)
        for row in rows:
            stay = Stay(*row)
            self._stays[stay.user_id].append(stay)

    def of(self, user_id: int, day: date) -> Stay | None:
        """Where this person belongs on this day; of several that hold, the one that began last."""
        return next((stay for stay in reversed(self._stays.get(user_id, ())) if stay.covers(day)), None)

    def stays(self, user_id: int) -> list[Stay]:
        """All places of this person in the period, the earliest first."""
        return list(self._stays.get(user_id, ()))

    def by_department(self, user_ids: Iterable[int], day: date) -> dict[int | None, set[int]]:
        """These people by the key of their department on this day; None: those who have none."""
        return self._grouped(user_ids, day, "department_id")

    def by_cost_centre(self, user_ids: Iterable[int], day: date) -> dict[int | None, set[int]]:
        """These people by the key of their own cost centre on this day; None: those who have none."""
        return self._grouped(user_ids, day, "cost_centre_id")

    def _grouped(self, user_ids: Iterable[int], day: date, name: str) -> dict[int | None, set[int]]:
        grouped: dict[int | None, set[int]] = defaultdict(set)
        for user_id in user_ids:
            stay = self.of(user_id, day)
            grouped[getattr(stay, name) if stay else None].add(user_id)
        return dict(grouped)


def holders_on(account: Account, day: date) -> set[int]:
    """Keys of the people who held a seat of this account, or of its organizations, on this UTC day."""
    after = midnight(day + timedelta(days=1))
    held = Seat.objects.filter(account__in=Account.objects.family(account)).filter(
        Q(ended_at=None) | Q(ended_at__gte=after)
    )
    return set(held.filter(first_seen_at__lt=after).order_by().values_list("user_id", flat=True))


def people_by_department(account: Account, day: date) -> dict[int | None, set[int]]:
    """Who held a seat of this account on this day, by the key of their department then; None: in none."""
    people = holders_on(account, day)
    return Places(day, day, people).by_department(people, day)


def people_by_cost_centre(account: Account, day: date) -> dict[int | None, set[int]]:
    """As `people_by_department`; who has no cost centre of their own is with the account's, if it has one."""
    people = holders_on(account, day)
    grouped = Places(day, day, people).by_cost_centre(people, day)
    if account.cost_centre_id and None in grouped:
        grouped.setdefault(account.cost_centre_id, set()).update(grouped.pop(None))
    return grouped


# --- People who were named before anybody knew them -------------------------------------------


def known_people(names: Iterable[str]) -> dict[str, GitHubUser]:
    """Who bears these logins and addresses today, by the name in small letters; two queries.

    A name that several people bear is nobody's, but for one person with an id among some known by login only.
    """
    keys = {name.strip().lower() for name in names if name.strip()}
    logins = {key for key in keys if "@" not in key}
    found: dict[str, list[GitHubUser]] = defaultdict(list)
    for person in GitHubUser.objects.filter(login_key__among=logins).order_by("pk"):
        found[person.login_key].append(person)
    if mails := keys - logins:
        # Addresses are kept as written, so each is compared in small letters.
        told = GitHubUser.objects.exclude(email="", contact_email="").order_by("pk")
        for person in told.only("pk", "github_id", "login", "login_key", "email", "contact_email"):
            for mail in {person.email.lower(), person.contact_email.lower()} & mails:
                found[mail].append(person)
    return {key: people[0] for key, some in found.items() if len(people := _identified(some)) == 1}


def _identified(people: list[GitHubUser]) -> list[GitHubUser]:
    return [person for person in people if person.github_id is not None] or people


def join() -> int:
    """Give assignments and ownerships to the people they name, now that these are known; how many.

    What contradicts another one of the same person stays as it is: its page says so.
    """
    return _join_assignments() + _join_owners()


@transaction.atomic
def _join_assignments() -> int:
    waiting = list(Assignment.objects.unjoined().order_by("starts_on", "pk"))
    people = known_people(row.person for row in waiting) if waiting else {}
    own = _by_user(Assignment.objects.filter(user__among={person.pk for person in people.values()}))
    joined = []
    for row in _named(waiting, people):
        theirs = own[row.user_id or 0]
        if any(row.overlaps(other) for other in theirs):
            continue
        row.keep_keys()
        theirs.append(row)
        joined.append(row)
    update_rows(joined, ["user", "person_key", "open_key"])
    return len(joined)


@transaction.atomic
def _join_owners() -> int:
    waiting = list(TeamOwner.objects.filter(user=None).order_by("pk"))
    people = known_people(row.person for row in waiting) if waiting else {}
    owners = TeamOwner.objects.filter(user__among={person.pk for person in people.values()})
    taken = {(row.team_id, row.user_id) for row in owners}
    joined = []
    for row in _named(waiting, people):
        if (row.team_id, row.user_id) not in taken:
            taken.add((row.team_id, row.user_id))
            row.keep_keys()
            joined.append(row)
    update_rows(joined, ["user", "person_key"])
    return len(joined)


def _named(rows: Iterable[Named], people: Mapping[str, GitHubUser]) -> Iterable[Named]:
    for row in rows:
        if person := people.get(row.person.strip().lower()):
            row.user = person
            yield row


def _by_user(rows: Iterable[Assignment]) -> dict[int, list[Assignment]]:
    grouped: dict[int, list[Assignment]] = defaultdict(list)
    for row in rows:
        grouped[row.user_id or 0].append(row)
    return grouped


@transaction.atomic
def hand_over(person: GitHubUser, holder_id: int) -> None:
    """A person known only by login has got an id: what names them is the holder's.

    Where the holder has another assignment at that time, the holder's stands.
    """
    theirs = list(Assignment.objects.filter(user_id=holder_id))
    for row in Assignment.objects.filter(user=person):
        if not any(row.overlaps(other) for other in theirs):
            row.user_id = holder_id
            row.save()
            theirs.append(row)
    owned = set(TeamOwner.objects.filter(user_id=holder_id).values_list("team_id", flat=True))
    for owner in TeamOwner.objects.filter(user=person).exclude(team_id__in=owned):
        owner.user_id = holder_id
        owner.save()
