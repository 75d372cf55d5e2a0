"""Apply a roster, from a file or the API: the only writer of seats.

What a roster says holds from its moment on. Each seat keeps what the newest roster said, our memory
(which only moves forward), and its history as the moments at which what was said changed. All of it
follows from the set of rosters taken in, not from the order in which they came.

A roster that is partial adds and changes; only one that is complete, and confirmed to be so, ends seats.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from portal.bulk import update_rows
from portal.models import ReportFile
from seats import activity_seats, evidence, watching
from seats.accounts import WrongAccount, meet
from seats.evidence import chunks
from seats.history import insert_observation
from seats.models import Account, Seat, SeatGrant, SeatObservation, SeatRoster, Team
from seats.models.seat import PlanType
from seats.people import People

PLAN_RANK: dict[str, int] = {PlanType.UNKNOWN: 0, PlanType.BUSINESS: 1, PlanType.ENTERPRISE: 2}


@dataclass(frozen=True, slots=True)
class ReportedGrant:
    """One element of a seat list: a person's seat as one account or team granted it."""

    number: int
    assignee_id: int
    assignee_login: str
    organization_id: int | None = None
    organization_login: str = ""
    team_id: int | None = None
    team_slug: str = ""
    team_name: str = ""
    team_is_enterprise: bool | None = None
    plan_type: str = PlanType.UNKNOWN
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    last_activity_editor: str = ""
    last_authenticated_at: datetime | None = None
    pending_cancellation_date: date | None = None
    assignee_name: str = ""
    assignee_email: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """A seat list read to its end. `scope` is None when every grant names its organization itself."""

    scope: Account | None
    observed_at: datetime
    grants: Sequence[ReportedGrant]
    is_complete: bool
    is_confirmed: bool = False
    file: ReportFile | None = None
    # Nobody looked at it: it does not end many seats at once by itself.
    is_unattended: bool = False


@dataclass(slots=True)
class Applied:
    """What became of each element of the list, and what followed."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    superseded: int = 0
    ended: list[str] = field(default_factory=list)
    # Seats that would have ended, had they not been so many: somebody, or a second list, must confirm it.
    held_back: int = 0
    # The same list as the newest one: nothing was written but the moment.
    is_repeat: bool = False
    accounts: list[Account] = field(default_factory=list)


@dataclass(slots=True)
class _Holding:
    """All grants of one seat in this roster, and what they come to."""

    grants: list[ReportedGrant]

    @property
    def newest(self) -> ReportedGrant:
        return max(self.grants, key=lambda grant: (_known(grant.last_activity_at), grant.number))

    @property
    def plan_type(self) -> str:
        return max((grant.plan_type for grant in self.grants), key=lambda plan: PLAN_RANK.get(plan, 0))

    @property
    def created_at(self) -> datetime | None:
        return max((grant.created_at for grant in self.grants if grant.created_at), default=None)

    @property
    def last_activity_at(self) -> datetime | None:
        return self.newest.last_activity_at

    @property
    def last_authenticated_at(self) -> datetime | None:
        times = [grant.last_authenticated_at for grant in self.grants if grant.last_authenticated_at]
        return max(times, default=None)

    @property
    def pending_cancellation_date(self) -> date | None:
        """Cancelling one of several grants ends nothing: pending only when every grant is."""
        dates = [grant.pending_cancellation_date for grant in self.grants]
        return None if None in dates else max(day for day in dates if day)

    def state(self, routes: Sequence[tuple[str, int | None]]) -> dict[str, Any]:
        """GitHub's fields as history keeps them."""
        return {
            "plan_type": self.plan_type,
            "created_at": _text(self.created_at),
            "last_activity_at": _text(self.last_activity_at),
            "last_activity_editor": self.newest.last_activity_editor,
            "last_authenticated_at": _text(self.last_authenticated_at),
            "pending_cancellation_date": _text(self.pending_cancellation_date),
            "grants": [list(route) for route in routes],
        }


@transaction.atomic
def apply(roster: Roster) -> Applied:
    """Make our seats say what this roster says, where nothing newer says otherwise."""
    applied = Applied()
    accounts = _meet_accounts(roster)
    people = People()
    keys = people.keys_of({grant.assignee_id: grant.assignee_login for grant in roster.grants})
    for grant in roster.grants:
        people.saw(grant.assignee_id, grant.assignee_login, roster.observed_at.date())
    logins = people.flush()

    holdings: dict[tuple[int, int], _Holding] = {}
    for grant in roster.grants:
        key = (accounts[_account_key(grant)].pk, keys[grant.assignee_id])
        holdings.setdefault(key, _Holding([])).grants.append(grant)

    covered = _covered_accounts(roster, accounts.values())
    _log(roster, accounts.values())
    writer = _Writer(roster, covered, applied)
    writer.write(holdings)
    applied.accounts = list(covered.values())
    watching.remember(applied.accounts)
    _note_evidence(holdings)
    activity_seats.settle_logins(logins)
    activity_seats.settle(applied.accounts)
    return applied


def _known(at: datetime | None) -> tuple[bool, str]:
    return (at is not None, at.isoformat() if at else "")


def _text(value: date | datetime | None) -> str | None:
    return value.isoformat() if value else None


def _account_key(grant: ReportedGrant) -> tuple[int | None, str]:
    return (grant.organization_id, grant.organization_login.lower())


def _meet_accounts(roster: Roster) -> dict[tuple[int | None, str], Account]:
    """The account that granted each seat: the organization it names, else the list's own."""
    accounts: dict[tuple[int | None, str], Account] = {}
    enterprise = roster.scope if roster.scope and roster.scope.kind == Account.Kind.ENTERPRISE else None
    for grant in roster.grants:
        key = _account_key(grant)
        if key in accounts:
            continue
        if key == (None, ""):
            if roster.scope is None:
                raise WrongAccount("A seat names no organization, and no account was given for the list.")
            accounts[key] = roster.scope
        else:
            accounts[key] = meet(
                Account.Kind.ORGANIZATION, login=grant.organization_login, github_id=key[0], parent=enterprise
            )
    return accounts


def _covered_accounts(roster: Roster, met: Iterable[Account]) -> dict[int, Account]:
    covered = {account.pk: account for account in met}
    if roster.scope:
        covered |= {account.pk: account for account in Account.objects.family(roster.scope)}
    # One writer per account at a time, in one order: no two imports deadlock.
    locked = Account.objects.select_for_update().select_related(None).filter(pk__in=list(covered))
    return {account.pk: account for account in locked.order_by("pk")}


def _log(roster: Roster, met: Iterable[Account]) -> None:
    for scope in {roster.scope} if roster.scope else set(met):
        known, made = SeatRoster.objects.get_or_create(
            account=scope,
            observed_at=roster.observed_at,
            defaults={
                "is_complete": roster.is_complete,
                "is_confirmed": roster.is_confirmed and roster.is_complete,
                "seats": len(roster.grants),
                "file": roster.file,
            },
        )
        confirmed = roster.is_confirmed and roster.is_complete
        if not made and (
            (roster.is_complete and not known.is_complete) or (confirmed and not known.is_confirmed)
        ):
            known.is_complete, known.is_confirmed = True, known.is_confirmed or confirmed
            known.save(update_fields=["is_complete", "is_confirmed"])


class _Writer:
    """Compares a roster's seats with ours and writes the difference."""

    def __init__(self, roster: Roster, accounts: Mapping[int, Account], applied: Applied) -> None:
        self.roster = roster
        self.accounts = accounts
        self.applied = applied
        self.teams: dict[tuple[int, int], Team] = {}
        self.endings: dict[int, list[datetime]] = {}
        for account in accounts.values():
            self.endings[account.pk] = SeatRoster.objects.covering(account).ending().moments()

    def write(self, holdings: Mapping[tuple[int, int], _Holding]) -> None:
        self._meet_teams(holdings)
        ours = {
            (seat.account_id, seat.user_id): seat
            for seat in Seat.objects.filter(account_id__in=list(self.accounts)).select_related("user")
        }
        before = {seat.pk: _written(seat) for seat in ours.values()}
        new: list[Seat] = []
        regranted: list[tuple[Seat, _Holding]] = []
        states: list[tuple[Seat, dict[str, Any]]] = []
        for key, holding in holdings.items():
            seat = ours.get(key)
            state = holding.state([self._route(key[0], grant) for grant in holding.grants])
            if seat is None:
                seat = self._new(key, holding)
                new.append(seat)
                regranted.append((seat, holding))
                self.applied.new += len(holding.grants)
            else:
                wins = self._wins(seat)
                if wins and state != self._current_state(seat):
                    regranted.append((seat, holding))
                self._count(seat, holding, state, wins)
                self._remember(seat, holding, wins)
            states.append((seat, state))
        Seat.objects.bulk_create(new)
        self._settle_endings([*new, *ours.values()])
        update_rows([seat for seat in ours.values() if _written(seat) != before[seat.pk]], WRITTEN_FIELDS)
        update_rows([seat for seat in new if seat.ended_at], ["ended_at"])
        self._write_grants(regranted)
        self._write_history(states, [seat for key, seat in ours.items() if key not in holdings])

    def _wins(self, seat: Seat) -> bool:
        """The newer roster wins; two of the same moment are told apart by their files' sha256."""
        if seat.observed_at is None or self.roster.observed_at > seat.observed_at:
            return True
        if self.roster.observed_at < seat.observed_at:
            return False
        known = seat.file.sha256 if seat.file else ""
        return (self.roster.file.sha256 if self.roster.file else "") > known

    def _new(self, key: tuple[int, int], holding: _Holding) -> Seat:
        at = self.roster.observed_at
        seat = Seat(account_id=key[0], user_id=key[1], first_seen_at=at, last_seen_at=at)
        self._take(seat, holding)
        seat.last_activity_at = holding.last_activity_at
        seat.last_authenticated_at = holding.last_authenticated_at
        return seat

    def _take(self, seat: Seat, holding: _Holding) -> None:
        routes = sorted({self._route(seat.account_id, grant)[0] for grant in holding.grants})
        seat.plan_type = holding.plan_type
        seat.created_at = holding.created_at
        seat.last_activity_editor = holding.newest.last_activity_editor
        seat.pending_cancellation_date = holding.pending_cancellation_date
        seat.granted_by = ";".join(routes)
        teams = [team for grant in holding.grants if (team := self._team(seat.account_id, grant))]
        seat.assigning_team = min(teams, key=lambda team: team.github_id) if teams else None
        seat.observed_at = self.roster.observed_at
        seat.file = self.roster.file

    def _remember(self, seat: Seat, holding: _Holding, wins: bool) -> None:
        at = self.roster.observed_at
        if seat.observed_at is None:
            # Until now only activity reports knew it: what they said stays with their lines.
            seat.last_activity_at = seat.last_authenticated_at = None
        if wins:
            self._take(seat, holding)
        seat.first_seen_at = min(seat.first_seen_at, at)
        seat.last_seen_at = max(seat.last_seen_at, at)
        seat.last_activity_at = _latest(seat.last_activity_at, holding.last_activity_at)
        seat.last_authenticated_at = _latest(seat.last_authenticated_at, holding.last_authenticated_at)

    def _count(self, seat: Seat, holding: _Holding, state: Mapping[str, Any], wins: bool) -> None:
        same = state == self._current_state(seat)
        rows = len(holding.grants)
        if same:
            self.applied.unchanged += rows
        elif wins:
            self.applied.changed += rows
        else:
            self.applied.superseded += rows

    def _current_state(self, seat: Seat) -> Mapping[str, Any] | None:
        """What the newest roster said of the seat, from its history; None if none ever spoke of it."""
        if not hasattr(self, "_newest"):
            self._newest: dict[int, SeatObservation] = {}
            for row in SeatObservation.objects.filter(
                seat__account_id__in=list(self.accounts), is_present=True
            ).order_by("observed_at"):
                self._newest[row.seat_id] = row
        newest = self._newest.get(seat.pk)
        return newest.state if newest else None

    def _settle_endings(self, seats: Iterable[Seat]) -> None:
        """A seat ends with the first complete, confirmed roster after the last file that shows it."""
        for seat in seats:
            endings = self.endings[seat.account_id]
            index = bisect_right(endings, seat.last_seen_at)
            ended_at = endings[index] if index < len(endings) else None
            if ended_at is not None and seat.ended_at is None:
                self.applied.ended.append(seat.user.login)
            seat.ended_at = ended_at

    def _meet_teams(self, holdings: Mapping[tuple[int, int], _Holding]) -> None:
        """Assigning teams, made or renamed; an enterprise team belongs to the enterprise."""
        day = self.roster.observed_at.date()
        for (account_id, _), holding in holdings.items():
            for grant in holding.grants:
                if grant.team_id is None or (account_id, grant.team_id) in self.teams:
                    continue
                owner = self._team_owner(account_id, grant)
                self.teams[account_id, grant.team_id] = meet_team(
                    owner, grant.team_id, slug=grant.team_slug, name=grant.team_name, day=day
                )

    def _team_owner(self, account_id: int, grant: ReportedGrant) -> int:
        account = self.accounts[account_id]
        if _is_enterprise_team(account, grant) and account.parent_id:
            return account.parent_id
        return account_id

    def _team(self, account_id: int, grant: ReportedGrant) -> Team | None:
        return self.teams.get((account_id, grant.team_id)) if grant.team_id is not None else None

    def _route(self, account_id: int, grant: ReportedGrant) -> tuple[str, int | None]:
        account = self.accounts[account_id]
        if grant.team_id is not None:
            by_enterprise = _is_enterprise_team(account, grant)
            return (SeatGrant.Route.ENTERPRISE_TEAM if by_enterprise else SeatGrant.Route.TEAM), grant.team_id
        if account.kind == Account.Kind.ENTERPRISE:
            return SeatGrant.Route.ENTERPRISE, None
        return SeatGrant.Route.DIRECT, None

    def _write_grants(self, regranted: Iterable[tuple[Seat, _Holding]]) -> None:
        regranted = list(regranted)
        for keys in chunks([seat.pk for seat, _ in regranted]):
            SeatGrant.objects.filter(seat_id__in=keys).delete()
        rows: dict[tuple[int, str, int], SeatGrant] = {}
        for seat, holding in regranted:
            for grant in holding.grants:
                team = self._team(seat.account_id, grant)
                route, _ = self._route(seat.account_id, grant)
                rows[seat.pk, route, team.pk if team else 0] = SeatGrant(
                    seat=seat,
                    route=route,
                    assigning_team=team,
                    team_key=team.pk if team else 0,
                    plan_type=grant.plan_type,
                    created_at=grant.created_at,
                    pending_cancellation_date=grant.pending_cancellation_date,
                )
        SeatGrant.objects.bulk_create(rows.values(), batch_size=500)

    def _write_history(self, states: Iterable[tuple[Seat, dict[str, Any]]], absent: Iterable[Seat]) -> None:
        """Insert this roster into each seat's history, which holds only the moments of change."""
        said: dict[int, tuple[Seat, bool, dict[str, Any]]] = {
            seat.pk: (seat, True, state) for seat, state in states
        }
        if self.roster.is_complete and self.roster.is_confirmed:
            said |= {seat.pk: (seat, False, {}) for seat in absent if seat.observed_at}
        histories: dict[int, list[SeatObservation]] = defaultdict(list)
        for keys in chunks(sorted(said)):
            for row in SeatObservation.objects.filter(seat_id__in=keys).order_by("observed_at"):
                histories[row.seat_id].append(row)
        new: list[SeatObservation] = []
        replaced: list[SeatObservation] = []
        dropped: list[int] = []
        for pk, (seat, is_present, state) in said.items():
            change = insert_observation(
                histories[pk],
                SeatObservation(
                    seat=seat, observed_at=self.roster.observed_at, is_present=is_present, state=state
                ),
                self.endings[seat.account_id],
                wins=seat.observed_at == self.roster.observed_at and seat.file_id == _pk(self.roster.file),
            )
            new += change.new
            replaced += change.replaced
            dropped += change.dropped
        for doomed in chunks(dropped):
            SeatObservation.objects.filter(pk__in=doomed).delete()
        SeatObservation.objects.bulk_create(new, batch_size=500)
        update_rows(replaced, ["is_present", "state"])


WRITTEN_FIELDS = [
    "plan_type",
    "created_at",
    "last_activity_at",
    "last_activity_editor",
    "last_authenticated_at",
    "pending_cancellation_date",
    "granted_by",
    "assigning_team",
    "first_seen_at",
    "last_seen_at",
    "observed_at",
    "file",
    "ended_at",
]
WRITTEN_ATTRIBUTES = [
    {"assigning_team": "assigning_team_id", "file": "file_id"}.get(name, name) for name in WRITTEN_FIELDS
]


def meet_team(account_id: int, github_id: int, *, slug: str, name: str, day: date) -> Team:
    """The team with this id in this account, made if new; the slug shown is that of the newest day."""
    team, _ = Team.objects.get_or_create(
        account_id=account_id,
        github_id=github_id,
        defaults={"slug": slug, "name": name, "slug_seen_on": day},
    )
    newer = team.slug_seen_on is None or (day, slug) > (team.slug_seen_on, team.slug)
    fields = []
    if slug and slug != team.slug:
        older = team.slug if newer else slug
        if older and older not in team.former_slugs:
            team.former_slugs = sorted({*team.former_slugs, older})
            fields.append("former_slugs")
    if slug and newer:
        team.slug, team.slug_seen_on = slug, day
        fields += ["slug", "slug_seen_on"]
    if name and name != team.name and (newer or not team.name):
        team.name = name
        fields.append("name")
    if fields:
        team.save(update_fields=fields)
    return team


def _written(seat: Seat) -> tuple[Any, ...]:
    return tuple(getattr(seat, name) for name in WRITTEN_ATTRIBUTES)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at), default=None)


def _pk(file: ReportFile | None) -> int | None:
    return file.pk if file else None


def _is_enterprise_team(account: Account, grant: ReportedGrant) -> bool:
    if grant.team_is_enterprise is not None:
        return grant.team_is_enterprise
    return account.kind == Account.Kind.ENTERPRISE or grant.team_slug.startswith("ent:")


def _note_evidence(holdings: Mapping[tuple[int, int], _Holding]) -> None:
    used: dict[int, date] = {}
    signed_in: dict[int, date] = {}
    for (_, user_id), holding in holdings.items():
        if at := holding.last_activity_at:
            used[user_id] = max(used.get(user_id, date.min), at.date())
        if at := holding.last_authenticated_at:
            signed_in[user_id] = max(signed_in.get(user_id, date.min), at.date())
    evidence.note("seat", used)
    evidence.note("sign_in", signed_in)
