"""Take a seat list back out: seats and their histories become what all other lists and reports tell.

A history keeps the moments at which something changed, and each whole roster tells of every seat. So what
the others said can be read off the history without them: at each of their moments the state then in force.
Only the several grants of one seat are told by the list itself, where it is still kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal.bulk import insert_rows, update_rows
from portal.models import ReportFile
from seats import activity_seats, current_rosters, evidence, watching
from seats.accounts import lock
from seats.history import standing
from seats.models import (
    Account,
    Evidence,
    GitHubUser,
    Seat,
    SeatGrant,
    SeatObservation,
    SeatRoster,
    Team,
)
from seats.models.roster import SeatRosterQuerySet
from seats.models.seat import PlanType
from seats.roster.holding import Holding
from seats.roster.reported import ReportedGrant
from seats.roster.teams import Teams

# The grants that a kept list tells; None: it is no longer kept.
GrantsIn = Callable[[ReportFile], Sequence[ReportedGrant] | None]

WRITTEN = (
    "plan_type",
    "created_at",
    "last_activity_at",
    "last_activity_editor",
    "last_authenticated_at",
    "pending_cancellation_date",
    "granted_by",
    "assigning_team_id",
    "first_seen_at",
    "last_seen_at",
    "observed_at",
    "file_id",
    "ended_at",
)


@dataclass(slots=True)
class TakenOut:
    """What a list alone had brought: the moments at which nobody tells anything any more, and whose seats."""

    moments: set[datetime] = field(default_factory=set)
    seats: set[int] = field(default_factory=set)
    accounts: list[Account] = field(default_factory=list)


def rosters_of(files: Collection[ReportFile]) -> list[SeatRoster]:
    """The rosters that these files are, or are pages of; and those of their enterprises at the same moments.

    What several lists told at one moment is told apart no more: all of them go, and the others come again.
    """
    told = SeatRoster.objects.filter(told_by__in=files).select_related("account").distinct()
    rosters = {roster.pk: roster for roster in told}
    roots = {roster.account.parent_id or roster.account_id for roster in rosters.values()}
    beside = SeatRoster.objects.filter(
        Q(account_id__in=roots) | Q(account__parent_id__in=roots),
        observed_at__in={roster.observed_at for roster in rosters.values()},
    ).exclude(told_by=None)
    rosters |= {roster.pk: roster for roster in beside.select_related("account").distinct()}
    return list(rosters.values())


@transaction.atomic
def take_out(files: Collection[ReportFile], grants_in: GrantsIn) -> TakenOut:
    """Remove what these records of one list told, and settle its seats anew. Verdicts are the caller's."""
    taken = TakenOut()
    rosters = rosters_of(files)
    scopes = [roster.account for roster in rosters]
    wanted = Q(pk__in=[pk for one in scopes for pk in (one.pk, one.parent_id)])
    taken.accounts = lock(wanted | Q(parent__in=scopes))
    if not rosters:
        return taken
    current_rosters.release([account.pk for account in taken.accounts])
    for roster in rosters:
        taken.moments.add(roster.observed_at)
        _forget(roster)
    _Family(taken, grants_in).settle()
    watching.remember(taken.accounts)
    activity_seats.settle_families(taken.accounts)
    return taken


def _forget(roster: SeatRoster) -> None:
    """Drop the roster; where GitHub told the same list again later, it is one of that moment."""
    roster.refresh_from_db()
    if not roster.seen_again_at:
        roster.delete()
        return
    first, *others = roster.seen_again_at
    roster.observed_at, roster.seen_again_at = datetime.fromisoformat(first), others
    roster.file, roster.joined_files = None, []
    roster.save()
    roster.told_by.clear()


class _Family:
    """The seats of some accounts, from which the moments of one list go."""

    def __init__(self, taken: TakenOut, grants_in: GrantsIn) -> None:
        self.taken = taken
        self.grants_in = grants_in
        self.accounts = {account.pk: account for account in taken.accounts}
        self.endings = SeatRoster.objects.endings(taken.accounts)
        covering = SeatRoster.objects.filter(
            account_id__in={pk for one in taken.accounts for pk in (one.pk, one.parent_id) if pk}
        )
        self.rosters = _by_moment(covering)
        self.tellers = covering.tellers()
        self.teams = {
            (team.account_id, team.github_id): team
            for team in Team.objects.filter(account_id__in=self.accounts)
        }
        # What kept lists say, by the list's key: of which account each is, and its grants by GitHub's ids.
        self._grants: dict[int, tuple[str, Mapping[int, list[ReportedGrant]]]] = {}
        self._github_ids: dict[int, int] = {}
        self._granting = Teams(self.accounts, datetime.now(UTC).date(), self.teams)
        self.used: dict[int, set[date]] = defaultdict(set)
        self.signed_in: dict[int, set[date]] = defaultdict(set)

    def settle(self) -> None:
        moments = self.taken.moments
        here = Q(observations__observed_at__in=moments)
        for name in ("first_seen_at", "last_seen_at", "observed_at", "ended_at"):
            here |= Q(**{f"{name}__in": moments})
        pks = set(Seat.objects.filter(here, account_id__in=self.accounts).values_list("pk", flat=True))
        seats = {seat.pk: seat for seat in Seat.objects.filter(pk__among=pks)}
        self.taken.seats = pks
        people = GitHubUser.objects.filter(pk__among={seat.user_id for seat in seats.values()}).order_by()
        self._github_ids = {pk: number for pk, number in people.values_list("pk", "github_id") if number}
        histories: dict[int, list[SeatObservation]] = defaultdict(list)
        for row in SeatObservation.objects.filter(seat_id__among=pks).order_by("observed_at"):
            histories[row.seat_id].append(row)
        dropped: list[int] = []
        new: list[SeatObservation] = []
        regranted: list[tuple[Seat, Mapping[str, Any]]] = []
        for seat in seats.values():
            history = histories[seat.pk]
            self._note_evidence(seat, history)
            for moment in sorted(moments):
                history = _without(history, moment, self.endings[seat.account_id])
            kept = {row.pk for row in history if row.pk}
            dropped += [row.pk for row in histories[seat.pk] if row.pk not in kept]
            new += [row for row in history if not row.pk]
            if (won := self._derive(seat, history)) is not None:
                regranted.append((seat, won))
        SeatObservation.objects.filter(pk__among=set(dropped)).delete()
        SeatObservation.objects.bulk_create(new, batch_size=500)
        update_rows(list(seats.values()), WRITTEN)
        self._write_grants(regranted)
        self._write_evidence()

    def _derive(self, seat: Seat, history: Sequence[SeatObservation]) -> Mapping[str, Any] | None:
        """Make the seat what its history tells; its state if another list than before decides it."""
        endings = self.endings[seat.account_id]
        present = [row for row in history if row.is_present]
        decided_before = seat.observed_at
        if not present:
            _make_bare(seat)
            return {} if decided_before is not None else None
        last = _last_shown(history, endings)
        told = [row.state for row in present]
        seat.first_seen_at, seat.last_seen_at = present[0].observed_at, last
        seat.ended_at = _first_after(endings, last)
        seat.last_activity_at = _latest(state.get("last_activity_at") for state in told)
        seat.last_authenticated_at = _latest(state.get("last_authenticated_at") for state in told)
        if decided_before == last and decided_before not in self.taken.moments:
            return None
        state: dict[str, Any] = present[-1].state
        seat.observed_at, seat.file_id = last, self._teller(seat, last, state)
        seat.plan_type = state["plan_type"]
        seat.created_at = _instant(state["created_at"])
        seat.last_activity_editor = state["last_activity_editor"]
        pending = state["pending_cancellation_date"]
        seat.pending_cancellation_date = date.fromisoformat(pending) if pending else None
        routes = [(route, team_id) for route, team_id in state["grants"]]
        seat.granted_by = ";".join(sorted({route for route, _ in routes}))
        teams = sorted((team_id, route) for route, team_id in routes if team_id is not None)
        team = self._team(seat, teams[0][1], teams[0][0]) if teams else None
        seat.assigning_team_id = team.pk if team else None
        return state

    def _teller(self, seat: Seat, at: datetime, state: Mapping[str, Any]) -> int | None:
        """The file that says this of a seat; of several that say it the one with the highest sha256."""
        account = self.accounts[seat.account_id]
        found = [self.rosters.get((pk, at)) for pk in (account.pk, account.parent_id) if pk]
        rosters = [one for one in found if one is not None]
        told_by = [self.tellers.get(one.pk, ()) for one in rosters if one.observed_at == at]
        files = {file.pk: file for some in told_by for file in some}
        files |= {one.file.pk: one.file for one in rosters if one.file is not None}
        if len(files) > 1:
            showing = {pk: told for pk in files if (told := self._told(seat, pk))}
            saying = [pk for pk, told in showing.items() if standing(told.state()) == standing(state)]
            # One person's grants may be on several pages, none of which says it all.
            files = {pk: files[pk] for pk in saying or showing or files}
        return max(files, key=lambda pk: files[pk].sha256, default=None)

    def _team(self, seat: Seat, route: str, team_id: int) -> Team | None:
        account = self.accounts[seat.account_id]
        by_enterprise = route == SeatGrant.Route.ENTERPRISE_TEAM and account.parent_id
        return self.teams.get(((account.parent_id if by_enterprise else account.pk) or 0, team_id))

    # Grants.

    def _write_grants(self, regranted: Sequence[tuple[Seat, Mapping[str, Any]]]) -> None:
        SeatGrant.objects.filter(seat_id__among={seat.pk for seat, _ in regranted}).delete()
        insert_rows(
            SeatGrant,
            [
                "seat_id", "route", "assigning_team_id", "team_key",
                "plan_type", "created_at", "pending_cancellation_date",
            ],
            [row for seat, state in regranted for row in self._grants_of(seat, state)],
        )  # fmt: skip

    def _grants_of(self, seat: Seat, state: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
        routes = state.get("grants", [])
        if len(routes) > 1 and seat.file_id and (told := self._told(seat, seat.file_id)):
            rows = {}
            for grant, granted in zip(told.grants, told.granted, strict=True):
                rows[granted] = (
                    seat.pk, granted.route, granted.team_pk, granted.team_pk or 0,
                    grant.plan_type, grant.created_at, grant.pending_cancellation_date,
                )  # fmt: skip
            return list(rows.values())
        rows_of_routes = []
        for route, team_id in routes:
            team = self._team(seat, route, team_id) if team_id is not None else None
            rows_of_routes.append(
                (
                    seat.pk, route, team.pk if team else None, team.pk if team else 0,
                    seat.plan_type, seat.created_at, seat.pending_cancellation_date,
                )
            )  # fmt: skip
        return rows_of_routes

    def _told(self, seat: Seat, file_id: int) -> Holding | None:
        """What this list says of the seat, if the list is kept and shows it."""
        if file_id not in self._grants:
            file = ReportFile.objects.get(pk=file_id)
            by_person: dict[int, list[ReportedGrant]] = defaultdict(list)
            for grant in self.grants_in(file) or ():
                by_person[grant.assignee_id].append(grant)
            self._grants[file_id] = file.subject, by_person
        account = self.accounts[seat.account_id]
        subject, grants = self._grants[file_id]
        own = [
            grant
            for grant in grants.get(self._github_ids.get(seat.user_id, 0), ())
            if _is_of(grant, account, subject)
        ]
        if not own:
            return None
        granted = self._granting.granted
        own.sort(key=lambda one: one.number)
        return Holding.of(own, [granted(account.pk, grant) for grant in own])

    # Evidence.

    def _note_evidence(self, seat: Seat, history: Sequence[SeatObservation]) -> None:
        """What the list said of the person's use: it goes where nobody else says as much."""
        for row in history:
            if row.observed_at in self.taken.moments and row.is_present:
                for name, days in (
                    ("last_activity_at", self.used),
                    ("last_authenticated_at", self.signed_in),
                ):
                    if at := _instant(row.state.get(name)):
                        days[seat.user_id].add(at.date())

    def _write_evidence(self) -> None:
        for source, name, told in (
            (Evidence.Source.SEAT, "last_activity_at", self.used),
            (Evidence.Source.SIGN_IN, "last_authenticated_at", self.signed_in),
        ):
            known = Evidence.objects.filter(source=source, user_id__among=set(told))
            doubtful = {
                user_id
                for user_id, last_on in known.values_list("user_id", "last_on")
                if last_on <= max(told[user_id])
            }
            if source == Evidence.Source.SIGN_IN:
                # Seats and activity lines both tell of sign-ins.
                activity_seats.note_evidence(doubtful)
            else:
                evidence.replace(source, _newest_told(doubtful, name))


def _is_of(grant: ReportedGrant, account: Account, subject: str) -> bool:
    """Whether it granted a seat of this account: the one it names, else the one its list is of."""
    if grant.organization_id is None and not grant.organization_login:
        return account.subject == subject
    if grant.organization_id is not None and grant.organization_id == account.github_id:
        return True
    return bool(grant.organization_login) and grant.organization_login.lower() == account.login.lower()


def _by_moment(rosters: SeatRosterQuerySet) -> dict[tuple[int, datetime], SeatRoster]:
    """These rosters by their account and each moment at which they were true."""
    told = {}
    for roster in rosters.select_related("file"):
        for at in (roster.observed_at, *map(datetime.fromisoformat, roster.seen_again_at)):
            told[roster.account_id, at] = roster
    return told


def _without(
    history: Sequence[SeatObservation], moment: datetime, endings: Sequence[datetime]
) -> list[SeatObservation]:
    """A history, sorted, as it would be had nobody told of the seat at this moment.

    `endings` are the moments of the other whole rosters: each of them says what was in force then.
    """
    rows = list(history)
    index = bisect_left([row.observed_at for row in rows], moment)
    if index == len(rows) or rows[index].observed_at != moment:
        return rows
    here = rows.pop(index)
    before = rows[index - 1] if index else None
    after = rows[index] if index < len(rows) else None
    resumes_at = _first_after(endings, moment)
    if resumes_at is not None and (after is None or resumes_at < after.observed_at):
        if not _is_same(before, here):
            said = SeatObservation(
                seat_id=here.seat_id, observed_at=resumes_at, is_present=here.is_present, state=here.state
            )
            rows.insert(index, said)
    elif after is not None and after.observed_at in endings and _is_same(before, after):
        rows.pop(index)
    return rows


def _is_same(before: SeatObservation | None, row: SeatObservation) -> bool:
    """Whether a whole roster's row says nothing that was not said before; a seat begins by being shown."""
    if before is None:
        return not row.is_present
    return (before.is_present, before.state) == (row.is_present, row.state)


def _last_shown(history: Sequence[SeatObservation], endings: Sequence[datetime]) -> datetime:
    """The newest moment at which a roster showed the seat."""
    index = max(number for number, row in enumerate(history) if row.is_present)
    row = history[index]
    gone_at = history[index + 1].observed_at if index + 1 < len(history) else datetime.max.replace(tzinfo=UTC)
    again = [at for at in endings if row.observed_at < at < gone_at]
    return again[-1] if again else row.observed_at


def _make_bare(seat: Seat) -> None:
    """No list shows it any more: activity reports may, else it goes when the family is settled."""
    seat.plan_type, seat.granted_by = PlanType.UNKNOWN, ""
    seat.created_at = seat.pending_cancellation_date = None
    seat.last_activity_at = seat.last_authenticated_at = None
    seat.last_activity_editor = ""
    seat.assigning_team_id = seat.observed_at = seat.file_id = None


def _newest_told(user_ids: Collection[int], name: str) -> dict[int, date | None]:
    """The newest day that any list told of these people, by what the histories of their seats keep."""
    newest: dict[int, date | None] = dict.fromkeys(user_ids)
    rows = SeatObservation.objects.filter(seat__user_id__among=set(user_ids), is_present=True).order_by()
    for user_id, state in rows.values_list("seat__user_id", "state").iterator():
        if at := _instant(state.get(name)):
            known = newest[user_id]
            newest[user_id] = at.date() if known is None else max(known, at.date())
    return newest


def _latest(times: Iterable[str | None]) -> datetime | None:
    return max((at for at in map(_instant, times) if at is not None), default=None)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _first_after(moments: Sequence[datetime], at: datetime) -> datetime | None:
    index = bisect_right(moments, at)
    return moments[index] if index < len(moments) else None
