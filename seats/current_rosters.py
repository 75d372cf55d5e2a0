"""Rosters that still stand: every held seat of their account is as they say.

While one stands, the same list again moves only the roster's own moment, and of a list with differences
only those are compared. Its seats then lag behind: `observed_at` and `last_seen_at` on them are older than
what is known, as are the days on which its logins were seen. Whatever else is taken in of these accounts
must release it first, which brings all of that up to date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Count, DateTimeField, F, Q, Value
from django.db.models.functions import Greatest

from seats.models import Account, CurrentRoster, GitHubUser, Seat, SeatRoster, UserLogin
from seats.people import People
from seats.people_names import note, tellings_of
from seats.roster_content import Content, Person


def current_of(account: Account) -> CurrentRoster | None:
    """The standing roster of this account, if there is one and no seat was changed behind its back."""
    current = CurrentRoster.objects.select_related("roster", "account").filter(account=account).first()
    return current if current is not None and _is_intact(current, account) else None


def _is_intact(current: CurrentRoster, account: Account) -> bool:
    held, shown = _held_and_shown(account, current.roster.observed_at)
    return held == shown == current.seats


def _held_and_shown(account: Account, at: datetime) -> tuple[int, int]:
    """How many seats are held in the account's family, and how many of these a roster of `at` decides."""
    counted = Seat.objects.of_family(account).aggregate(
        held=Count("pk", filter=Q(ended_at=None)),
        shown=Count("pk", filter=Q(ended_at=None, observed_at=at)),
    )
    return counted["held"], counted["shown"]


def keep(roster: SeatRoster, content: Content, seats: int) -> None:
    """Let this roster stand, the newest of its account, if each of the held seats is one of its `seats`."""
    held, shown = _held_and_shown(roster.account, roster.observed_at)
    if held == shown == seats:
        CurrentRoster.objects.create(
            account=roster.account,
            roster=roster,
            seats=seats,
            content=content.pack(),
            logins_known_on=roster.observed_at.date(),
        )


def advance(current: CurrentRoster, roster: SeatRoster, content: Content, seats: int) -> None:
    """Let a newer roster of the same account stand in its place.

    Of the logins that both show, only the days are still to be written.
    """
    current.roster, current.content, current.seats = roster, content.pack(), seats
    current.save(update_fields=["roster", "content", "seats"])


def catch_up(
    current: CurrentRoster, observed_at: datetime, but: Collection[int] = (), **fields: object
) -> None:
    """Say on the seats it shows, `but` for those of these keys, that they were seen at this later moment."""
    if observed_at == current.roster.observed_at:
        return
    family = Account.objects.family(current.account).values_list("pk", flat=True)
    shown = Seat.objects.filter(account_id__in=list(family), observed_at=current.roster.observed_at)
    moment = Value(observed_at, output_field=DateTimeField())
    shown.exclude(pk__among=but).update(
        observed_at=moment, last_seen_at=Greatest(F("last_seen_at"), moment), **fields
    )


def release(account_ids: Iterable[int | None], people: People | None = None) -> None:
    """Write what standing rosters of these accounts, or of their enterprises, left to be derived; drop them.

    `people`: takes the sightings of their logins along; its caller flushes it.
    """
    known = {pk for pk in account_ids if pk is not None}
    parents = Account.objects.filter(pk__in=known).values("parent_id")
    standing = CurrentRoster.objects.filter(Q(account_id__in=known) | Q(account_id__in=parents))
    own = people or People()
    for current in standing.select_related("roster", "account"):
        last = current.roster.last_observed_at
        catch_up(current, last)
        if last > current.roster.observed_at:
            note(tellings_of(Content.unpack(current.content).lines), last)
        if last.date() > current.logins_known_on:
            for person in Content.unpack(current.content).people():
                own.saw(person.assignee_id, person.login, last.date())
        current.delete()
    if people is None:
        own.flush()


def disputed(people: Iterable[Person]) -> list[Person]:
    """Those whose login somebody else bears or bore, or who bear several: who saw it last decides."""
    users = UserLogin.objects.order_by()
    shared = users.values("login_key").annotate(users=Count("pk")).filter(users__gt=1)
    keys = set(shared.values_list("login_key", flat=True))
    keys |= set(GitHubUser.objects.provisional().order_by().values_list("login_key", flat=True))
    several = users.values("user__github_id").annotate(logins=Count("pk")).filter(logins__gt=1)
    ids = set(several.values_list("user__github_id", flat=True))
    if not keys and not ids:
        return []
    return [one for one in people if one.assignee_id in ids or one.login.lower() in keys]
