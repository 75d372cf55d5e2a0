"""What activity reports say about who holds a seat.

An activity report lists everybody with a seat, but knows only logins. Two things follow from its lines
and are settled again whenever more is known: whose line it was, and which seats are known from such
reports alone. A report never ends a seat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from portal.bulk import update_rows
from seats import assignments, billed_people, current_rosters, evidence, seat_history
from seats.evidence import chunks
from seats.models import (
    Account,
    ActivityLine,
    Exemption,
    GitHubUser,
    Notice,
    Seat,
    SeatObservation,
    SeatRequest,
    SeatRoster,
    UserLogin,
)
from seats.people import Holders, provisional

# A seat ends after it was last seen.
TICK = timedelta(microseconds=1)


def settle_logins(login_keys: Iterable[str]) -> None:
    """Give the lines of these logins to whoever held the login at their time, as we know it now."""
    logins = sorted(set(login_keys))
    for keys in chunks(logins) if ActivityLine.objects.exists() else ():
        contested = set(
            GitHubUser.objects.filter(provisional_key__in=keys).values_list("login_key", flat=True)
        )
        shared = (
            UserLogin.objects.filter(login_key__in=keys).values("login_key").annotate(users=Count("user"))
        )
        contested |= {row["login_key"] for row in shared if row["users"] > 1}
        if contested:
            _give_lines(contested)
    if logins:
        assignments.join()
    billed_people.settle(logins)


def give_anew(login_keys: Iterable[str]) -> None:
    """The same after less is known of these logins: lines without a holder are again of whoever bore it."""
    for keys in chunks(sorted(set(login_keys))):
        held = set(UserLogin.objects.filter(login_key__in=keys).values_list("login_key", flat=True))
        _give_to_nobody_known({key for key in keys if key not in held})
        _give_lines(held)


def _give_to_nobody_known(login_keys: Collection[str]) -> None:
    """Lines of logins that nobody with an id was ever seen under."""
    lines = list(
        ActivityLine.objects.filter(login_key__in=login_keys, user__github_id__isnull=False).order_by(
            "report_time"
        )
    )
    if not lines:
        return
    people = provisional({line.login_key: line.login for line in lines})
    for key, user_id in people.items():
        ActivityLine.objects.filter(login_key=key).update(user_id=user_id)
    note_evidence({*people.values(), *(line.user_id for line in lines)})
    settle(Account.objects.filter(pk__in={line.account_id for line in lines}))


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
            seat_history.follow(seat, own)
    for name in ("contact_email", "language"):
        if kept := getattr(person, name):
            GitHubUser.objects.filter(pk=holder_id, **{name: ""}).update(**{name: kept})
    Notice.objects.filter(user=person).update(user_id=holder_id)
    SeatRequest.objects.filter(user=person).update(user_id=holder_id)
    assignments.hand_over(person, holder_id)
    # Its remaining seats were known by the same lines, which are the holder's now.
    person.delete()


def note_evidence(user_ids: Iterable[int]) -> None:
    """Set what activity reports, and sign-ins from any source, say of these people."""
    used: dict[int, date | None] = dict.fromkeys(user_ids)
    signed_in: dict[int, date | None] = dict.fromkeys(used)
    for keys in chunks(sorted(used)):
        lines = ActivityLine.objects.filter(user_id__in=keys).values("user_id")
        for row in lines.annotate(used=Max("last_activity_at"), seen=Max("last_authenticated_at")):
            used[row["user_id"]] = _day(row["used"])
            signed_in[row["user_id"]] = _day(row["seen"])
        # A seat known by such lines alone says nothing of its own.
        seats = Seat.objects.filter(user_id__in=keys, observed_at__isnull=False).values("user_id")
        for seat in seats.annotate(seen=Max("last_authenticated_at")):
            days = [day for day in (signed_in[seat["user_id"]], _day(seat["seen"])) if day]
            signed_in[seat["user_id"]] = max(days, default=None)
    evidence.replace("activity_report", used)
    evidence.replace("sign_in", signed_in)


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


WRITTEN_FIELDS = [
    "last_activity_at",
    "last_activity_editor",
    "last_authenticated_at",
    "first_seen_at",
    "last_seen_at",
    "ended_at",
]


class _Sightings(NamedTuple):
    """What an account's activity reports say of one person."""

    first_at: datetime
    last_at: datetime


def settle(accounts: Iterable[Account]) -> None:
    """Make what activity reports tell of seats what the reports and rosters say by now.

    A person with a seat from a roster anywhere in the enterprise needs no second one: the enterprise's
    report and the organization's roster speak of the same licence. Such a seat was seen by the reports, too.
    """
    accounts = list(accounts)
    roots = {account.parent_id or account.pk for account in accounts}
    current_rosters.release(
        Account.objects.filter(Q(pk__in=roots) | Q(parent__in=roots)).values_list("pk", flat=True)
    )
    # Where the last report is gone a seat may still be stretched over it.
    for root in Account.objects.filter(pk__in=roots).order_by("pk"):
        _Family(root).settle()


def settle_families(accounts: Iterable[Account]) -> None:
    """The same for a writer that leaves no standing roster's seats behind."""
    for root_id in sorted({account.parent_id or account.pk for account in accounts}):
        family = Account.objects.filter(Q(pk=root_id) | Q(parent=root_id))
        reported = ActivityLine.objects.filter(account__in=family).exists()
        if reported or Seat.objects.filter(account__in=family, observed_at=None).exists():
            _Family(Account.objects.get(pk=root_id)).settle()


class _Family:
    """An enterprise and its organizations, or an organization of its own."""

    def __init__(self, root: Account) -> None:
        self.root = root
        self.accounts = list(Account.objects.family(root))
        self.seen = _sightings(self.accounts)

    def settle(self) -> None:
        self.endings = SeatRoster.objects.endings(self.accounts)
        rows = SeatObservation.objects.filter(seat__account__in=self.accounts).order_by().values("seat_id")
        self.first_rosters = {
            row["seat_id"]: row["first_at"] for row in rows.annotate(first_at=Min("observed_at"))
        }
        own: dict[int, list[Seat]] = defaultdict(list)
        bare: dict[tuple[int, int], Seat] = {}
        for seat in Seat.objects.filter(account__in=self.accounts):
            if seat.observed_at is not None:
                own[seat.user_id].append(seat)
            else:
                bare[seat.account_id, seat.user_id] = seat
        changed = [seat for seats in own.values() for seat in seats if self._stretch(seat, len(seats) == 1)]
        wanted = self._wanted(own)
        new: list[Seat] = []
        for key, line in _newest_lines(wanted).items():
            known = bare.pop(key, None)
            seat = known or Seat(account_id=key[0], user_id=key[1])
            if _take(seat, wanted[key].first_at, line, self.endings[key[0]]):
                (changed if known else new).append(seat)
        self._drop(list(bare.values()), own)
        Seat.objects.bulk_create(new, batch_size=500)
        update_rows(changed, WRITTEN_FIELDS)

    def _drop(self, seats: Collection[Seat], own: Mapping[int, list[Seat]]) -> None:
        """Reports know these seats no more. What was decided about one goes on with the person's other."""
        known = seat_history.known_of(seats)
        # What was decided about a seat stays, and so does the seat, as one that ended.
        kept = set(known)
        for seat in (one for one in seats if one.pk in known):
            others = own.get(seat.user_id, [])
            if others:
                seat_history.follow(seat, others[0])
                kept.discard(seat.pk)
            elif seat.pk in kept and seat.ended_at is None:
                Seat.objects.filter(pk=seat.pk).update(ended_at=max(timezone.now(), seat.last_seen_at + TICK))
        Seat.objects.filter(pk__among={seat.pk for seat in seats} - kept).delete()

    def _wanted(self, own: Mapping[int, list[Seat]]) -> dict[tuple[int, int], _Sightings]:
        """The seats that only reports know: (account, person)."""
        wanted: dict[tuple[int, int], _Sightings] = {}
        elsewhere = {user_id for user_id, seats in own.items() if seats}
        for account in self.accounts:
            if account.pk == self.root.pk:
                continue
            held_here = {
                seat.user_id for seats in own.values() for seat in seats if seat.account_id == account.pk
            }
            for user_id, sightings in self.seen[account.pk].items():
                if user_id not in held_here:
                    wanted[account.pk, user_id] = sightings
                    elsewhere.add(user_id)
        for user_id, sightings in self.seen[self.root.pk].items():
            if user_id not in elsewhere:
                wanted[self.root.pk, user_id] = sightings
        return wanted

    def _stretch(self, seat: Seat, is_only: bool) -> bool:
        """Stretch a roster's seat over the reports that show it; True if that moved anything."""
        first_at = self.first_rosters[seat.pk]
        last_at = seat.observed_at or first_at
        scopes = {seat.account_id}
        if is_only:
            # Of several seats the enterprise's report cannot say which it saw.
            scopes.add(self.root.pk)
        for scope in scopes:
            if sightings := self.seen[scope].get(seat.user_id):
                first_at = min(first_at, sightings.first_at)
                last_at = max(last_at, sightings.last_at)
        said = (first_at, last_at, _first_after(self.endings[seat.account_id], last_at))
        if said == (seat.first_seen_at, seat.last_seen_at, seat.ended_at):
            return False
        seat.first_seen_at, seat.last_seen_at, seat.ended_at = said
        return True


def _sightings(accounts: Collection[Account]) -> dict[int, dict[int, _Sightings]]:
    """The first and last sighting of each person, by the keys of account and person."""
    seen: dict[int, dict[int, _Sightings]] = {account.pk: {} for account in accounts}
    lines = ActivityLine.objects.filter(account__in=accounts).order_by().values("account_id", "user_id")
    for row in lines.annotate(first_at=Min("report_time"), last_at=Max("report_time")):
        seen[row["account_id"]][row["user_id"]] = _Sightings(row["first_at"], row["last_at"])
    return seen


def _newest_lines(wanted: Mapping[tuple[int, int], _Sightings]) -> dict[tuple[int, int], ActivityLine]:
    """The last line of each of these (account, person)."""
    lines: dict[tuple[int, int], ActivityLine] = {}
    accounts = {account_id for account_id, _ in wanted}
    users = {user_id for _, user_id in wanted}
    known = ActivityLine.objects.filter(account_id__in=accounts, user_id__among=users)
    for line in known.newest_first():
        key = (line.account_id, line.user_id)
        if key in wanted and line.report_time == wanted[key].last_at:
            lines.setdefault(key, line)
    return lines


def _take(seat: Seat, first_at: datetime, line: ActivityLine, endings: list[datetime]) -> bool:
    said = (
        line.last_activity_at,
        line.last_surface_used,
        line.last_authenticated_at,
        first_at,
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
