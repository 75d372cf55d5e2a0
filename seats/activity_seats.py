"""What activity reports say about who holds a seat.

An activity report lists everybody with a seat, but knows only logins. Two things follow from its lines
and are settled again whenever more is known: whose line it was, and which seats are known from such
reports alone. A report never ends a seat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Max

from portal.bulk import update_rows
from seats import evidence
from seats.evidence import chunks
from seats.models import (
    Account,
    ActivityLine,
    Exemption,
    GitHubUser,
    Seat,
    SeatReview,
    SeatRoster,
    UserLogin,
)
from seats.people import Holders


def settle_logins(login_keys: Iterable[str]) -> None:
    """Give the lines of these logins to whoever held the login at their time, as we know it now."""
    for keys in chunks(sorted(set(login_keys))):
        contested = set(
            GitHubUser.objects.filter(provisional_key__in=keys).values_list("login_key", flat=True)
        )
        shared = (
            UserLogin.objects.filter(login_key__in=keys).values("login_key").annotate(users=Count("user"))
        )
        contested |= {row["login_key"] for row in shared if row["users"] > 1}
        if contested:
            _give_lines(contested)


def _give_lines(login_keys: set[str]) -> None:
    holders = Holders(login_keys)
    moved: dict[int, list[int]] = defaultdict(list)
    touched: set[int] = set()
    accounts: set[int] = set()
    lines = ActivityLine.objects.filter(login_key__in=login_keys).order_by("report_time")
    newest_holder: dict[str, int] = {}
    for line in lines:
        user_id = holders.on(line.login_key, line.report_time.date())
        if user_id is None:
            continue
        newest_holder[line.login_key] = user_id
        if user_id != line.user_id:
            moved[user_id].append(line.pk)
            touched |= {user_id, line.user_id}
            accounts.add(line.account_id)
    for user_id, pks in moved.items():
        for some in chunks(pks):
            ActivityLine.objects.filter(pk__in=some).update(user_id=user_id)
    for person in GitHubUser.objects.filter(provisional_key__in=list(newest_holder)):
        _fold(person, newest_holder[person.login_key])
        touched.discard(person.pk)
    note_evidence(touched)
    settle(Account.objects.filter(pk__in=accounts))


def _fold(person: GitHubUser, holder_id: int) -> None:
    """A person known only by login has got an id: what was theirs is the holder's."""
    Exemption.objects.filter(user=person).update(user_id=holder_id)
    for seat in person.seats.all():
        own = Seat.objects.filter(account_id=seat.account_id, user_id=holder_id).first()
        if own is None:
            Seat.objects.filter(pk=seat.pk).update(user_id=holder_id)
        else:
            _move_reviews(seat, own)
    # Its remaining seats were known by the same lines, which are the holder's now.
    person.delete()


def _move_reviews(seat: Seat, own: Seat) -> None:
    if SeatReview.objects.open().filter(seat=own).exists():
        SeatReview.objects.open().filter(seat=seat).update(state=SeatReview.State.KEPT, open_key=None)
    SeatReview.objects.open().filter(seat=seat).update(open_key=own.pk)
    SeatReview.objects.filter(seat=seat).update(seat=own)


def note_evidence(user_ids: Iterable[int]) -> None:
    """Set what activity reports, and sign-ins from any source, say of these people."""
    used: dict[int, date | None] = dict.fromkeys(user_ids)
    signed_in: dict[int, date | None] = dict.fromkeys(used)
    for keys in chunks(sorted(used)):
        lines = ActivityLine.objects.filter(user_id__in=keys).values("user_id")
        for row in lines.annotate(used=Max("last_activity_at"), seen=Max("last_authenticated_at")):
            used[row["user_id"]] = _day(row["used"])
            signed_in[row["user_id"]] = _day(row["seen"])
        seats = Seat.objects.filter(user_id__in=keys).values("user_id")
        for seat in seats.annotate(seen=Max("last_authenticated_at")):
            days = [day for day in (signed_in[seat["user_id"]], _day(seat["seen"])) if day]
            signed_in[seat["user_id"]] = max(days, default=None)
    evidence.replace("activity_report", used)
    evidence.replace("sign_in", signed_in)


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


@dataclass(slots=True)
class _Sightings:
    """What an account's activity reports say of one person."""

    first_at: datetime
    last: ActivityLine


def settle(accounts: Iterable[Account]) -> None:
    """Make the seats known from activity reports alone what the reports and rosters say by now.

    A person with a seat from a roster anywhere in the enterprise needs no second one: the enterprise's
    report and the organization's roster speak of the same licence.
    """
    scopes = {account.pk: account for account in accounts}
    for parent in Account.objects.filter(organizations__in=list(scopes)).distinct():
        scopes.setdefault(parent.pk, parent)
    for account in scopes.values():
        seen = _sightings(account)
        if seen or account.seats.filter(observed_at=None).exists():
            _settle_account(account, seen)


def _sightings(account: Account) -> dict[int, _Sightings]:
    seen: dict[int, _Sightings] = {}
    for line in ActivityLine.objects.filter(account=account).order_by("report_time").iterator():
        known = seen.get(line.user_id)
        if known is None:
            seen[line.user_id] = _Sightings(line.report_time, line)
        else:
            known.last = line
    return seen


def _settle_account(account: Account, seen: Mapping[int, _Sightings]) -> None:
    family = Account.objects.family(account)
    by_user: dict[int, list[Seat]] = defaultdict(list)
    for seat in Seat.objects.filter(account__in=family):
        by_user[seat.user_id].append(seat)
    endings = sorted(set(SeatRoster.objects.covering(account).ending().values_list("observed_at", flat=True)))
    new: list[Seat] = []
    changed: list[Seat] = []
    surplus: list[int] = []
    for user_id in {*seen, *(seat.user_id for seats in by_user.values() for seat in seats)}:
        own = [seat for seat in by_user[user_id] if seat.observed_at is not None]
        bare = [
            seat for seat in by_user[user_id] if seat.observed_at is None and seat.account_id == account.pk
        ]
        sightings = seen.get(user_id)
        if own or sightings is None:
            surplus += [seat.pk for seat in bare]
            if sightings and len(own) == 1 and _saw(own[0], sightings.last.report_time, endings):
                changed.append(own[0])
        elif bare:
            if _take(bare[0], sightings, endings):
                changed.append(bare[0])
        else:
            seat = Seat(account=account, user_id=user_id)
            _take(seat, sightings, endings)
            new.append(seat)
    for pks in chunks(surplus):
        Seat.objects.filter(pk__in=pks).delete()
    Seat.objects.bulk_create(new, batch_size=500)
    update_rows(changed, WRITTEN_FIELDS)


WRITTEN_FIELDS = [
    "last_activity_at",
    "last_activity_editor",
    "last_authenticated_at",
    "first_seen_at",
    "last_seen_at",
    "ended_at",
]


def _saw(seat: Seat, at: datetime, endings: list[datetime]) -> bool:
    """A report shows the holder later than any roster did; True if that moved anything."""
    if at <= seat.last_seen_at:
        return False
    seat.last_seen_at = at
    seat.ended_at = _first_after(endings, at)
    return True


def _take(seat: Seat, sightings: _Sightings, endings: list[datetime]) -> bool:
    line = sightings.last
    said = (
        line.last_activity_at,
        line.last_surface_used,
        line.last_authenticated_at,
        sightings.first_at,
        line.report_time,
        _first_after(endings, line.report_time),
    )
    if said == tuple(getattr(seat, name) for name in WRITTEN_FIELDS):
        return False
    for name, value in zip(WRITTEN_FIELDS, said, strict=True):
        setattr(seat, name, value)
    return True


def _first_after(moments: list[datetime], at: datetime) -> datetime | None:
    index = bisect_right(moments, at)
    return moments[index] if index < len(moments) else None
