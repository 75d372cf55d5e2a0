"""What taking a seat back would do, which depends on how it was granted; or why it cannot be done here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.db.models import Max

from seats.models import (
    Account,
    BillingSummary,
    OrganizationMembership,
    Seat,
    SeatGrant,
    Team,
    TeamMembership,
)
from seats.policy_sql import today
from seats.reclaim.refusals import BRAKES, Brake, Refusal

Kind = Literal["end_of_cycle", "immediate", "not_possible"]
Path = Literal["organization", "enterprise", "team", ""]
Route = SeatGrant.Route
BY_TEAM = (Route.TEAM, Route.ENTERPRISE_TEAM)

# So many people are named; of more it is said how many.
NAMED = 3

_SETTINGS = {
    "assign_all": "gives every member a seat",
    "disabled": "has Copilot switched off",
    "unconfigured": "has not chosen who gets a seat",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """`ends_on` is about, where GitHub has not told; `ask`: whom, where it is not possible here."""

    kind: Kind
    path: Path
    says: str
    ends_on: date | None = None
    ask: str = ""
    teams: tuple[Team, ...] = ()
    brake: Brake | None = None

    @property
    def is_possible(self) -> bool:
        return self.kind != "not_possible"

    def refusal(self) -> Refusal | None:
        """Why it cannot be done here; None where it can."""
        if self.brake is None:
            return None
        return Refusal.of(self.brake, self.says, self.ask)


def of_seat(seat: Seat) -> Effect:
    return of_seats([seat])[seat.pk]


def of_seats(seats: Iterable[Seat]) -> dict[int, Effect]:
    """By the seats' keys. A handful of queries, however many seats there are."""
    seats = list(seats)
    return _Effects(seats).of_all() if seats else {}


def access_refusal(account: Account) -> Refusal | None:
    """Whether the organization's settings let single seats be taken back, as GitHub last told."""
    summary = _newest_summaries([account.pk]).get(account.pk)
    return _access(account, summary)


def credential_refusal(account: Account) -> Refusal | None:
    """Whether a connection of ours may take back seats of this account."""
    connection = account.sync_connection
    if connection is None:
        return Refusal.of(Brake.NO_CONNECTION, f"{account.label} has no connection to GitHub.")
    if not connection.is_active:
        return Refusal.of(Brake.NO_CONNECTION, f"The connection {connection} is switched off.")
    if not account.login:
        return Refusal.of(
            Brake.NO_CONNECTION,
            f"No list has told the login of the account {account.label}.",
            "Sync the connection's accounts.",
        )
    is_enterprise = account.kind == Account.Kind.ENTERPRISE
    if is_enterprise and connection.is_app and not connection.has_own_revoke_secret:
        return Refusal.of(
            Brake.NO_CONNECTION,
            f"GitHub lets no app end seats of an enterprise, and the connection {connection} is one.",
            "Give the connection a token for taking seats back.",
        )
    return None


def next_cycle(day: date) -> date:
    """The first of the next month: GitHub's billing cycle begins there, unless it told otherwise."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


class _Effects:
    def __init__(self, seats: list[Seat]) -> None:
        self.seats = seats
        self.today = today()
        keys = {seat.pk for seat in seats}
        account_ids = {seat.account_id for seat in seats}
        accounts = Account.objects.select_related("parent").in_bulk(account_ids)
        self.accounts: Mapping[int, Account] = accounts
        self.grants = _grants(keys)
        self.summaries = _newest_summaries(account_ids)
        self.cycles = _told_cycles(account_ids, self.today)
        teams = {grant.assigning_team_id for some in self.grants.values() for grant in some}
        self.maintainers = _maintainers({key for key in teams if key is not None})
        self.owners = _owners(account_ids) if any(teams) else {}

    def of_all(self) -> dict[int, Effect]:
        return {seat.pk: self._of(seat) for seat in self.seats}

    def _of(self, seat: Seat) -> Effect:
        if seat.ended_at is not None:
            return _impossible(Brake.SEAT_ENDED)
        if seat.pending_cancellation_date is not None:
            ends_on = seat.pending_cancellation_date
            return Effect(
                "not_possible", "", f"Cancelled already: it ends on {ends_on}.", ends_on,
                brake=Brake.PENDING_ALREADY,
            )  # fmt: skip
        grants = self.grants.get(seat.pk, [])
        by_team = [grant for grant in grants if grant.route in BY_TEAM]
        if by_team:
            return self._by_team(seat, grants, by_team)
        account = self.accounts[seat.account_id]
        if not grants:
            return _impossible(
                Brake.WRONG_PATH,
                "No seat list has told how it was granted.",
                f"Sync the seats of {account.label}.",
            )
        routes = {grant.route for grant in grants}
        if refusal := _access(account, self.summaries.get(account.pk)):
            return Effect("not_possible", "", refusal.says, ask=refusal.remedy, brake=refusal.brake)
        if routes == {Route.DIRECT} and account.kind == Account.Kind.ORGANIZATION:
            return self._at_end_of_cycle(account)
        if routes == {Route.ENTERPRISE} and account.kind == Account.Kind.ENTERPRISE:
            return self._at_once(account)
        return _impossible(
            Brake.SEVERAL_GRANTS if len(routes) > 1 else Brake.WRONG_PATH,
            "It was granted in a way that cannot be ended from here.",
            f"Ask {self._owners_of(account)}.",
        )

    def _at_end_of_cycle(self, account: Account) -> Effect:
        told = self.cycles.get(account.pk)
        ends_on = told or next_cycle(self.today)
        about = "" if told else "about "
        return Effect(
            "end_of_cycle",
            "organization",
            f"Access ends with the billing cycle, on {about}{ends_on}. Nothing is paid back; the seat costs "
            "nothing from then on. Until then it can be given back.",
            ends_on,
        )

    def _at_once(self, account: Account) -> Effect:
        ends_on = self.cycles.get(account.pk) or next_cycle(self.today)
        return Effect(
            "immediate",
            "enterprise",
            f"Access ends at once, since the enterprise granted it. It is paid for until the billing cycle "
            f"ends, about {ends_on}.",
            self.today,
        )

    def _by_team(self, seat: Seat, grants: Collection[SeatGrant], by_team: Collection[SeatGrant]) -> Effect:
        teams = tuple(grant.assigning_team for grant in by_team if grant.assigning_team is not None)
        names = _listed([str(team) for team in teams]) or "a team nobody knows"
        word = "team" if len(by_team) == 1 else "teams"
        several = len(grants) > 1
        also = " in several ways, among them" if several else ""
        says = (
            f"Granted{also} by the {word} {names}: GitHub takes back no seat that a team grants. The person "
            "has to leave the team."
        )
        return Effect(
            "not_possible",
            "team",
            says,
            ask=self._whom_to_ask(seat, teams),
            teams=teams,
            brake=Brake.SEVERAL_GRANTS if several else Brake.WRONG_PATH,
        )

    def _whom_to_ask(self, seat: Seat, teams: Collection[Team]) -> str:
        asked = [
            f"{_listed(names)} (of the team {team})"
            for team in teams
            if (names := self.maintainers.get(team.pk))
        ]
        if asked:
            return f"Ask {'; '.join(asked)}."
        return f"Ask {self._owners_of(self.accounts[seat.account_id])}."

    def _owners_of(self, account: Account) -> str:
        names = self.owners.get(account.pk)
        return f"{_listed(names)} (owners of {account.label})" if names else f"an owner of {account.label}"


def _impossible(brake: Brake, says: str = "", ask: str = "") -> Effect:
    return Effect("not_possible", "", says or BRAKES[brake].sentence, ask=ask, brake=brake)


def _access(account: Account, summary: BillingSummary | None) -> Refusal | None:
    if summary is None or account.kind != Account.Kind.ORGANIZATION:
        return None
    setting = summary.seat_management_setting
    if setting in _SETTINGS:
        return Refusal.of(
            Brake.ACCESS_SETTING,
            f"{account.label} {_SETTINGS[setting]} ({setting}): nobody can be removed singly.",
            "On GitHub open the organization's settings → Copilot → Access and choose selected members; "
            "then sync its billing.",
        )
    if summary.public_code_suggestions == "unconfigured":
        return Refusal.of(
            Brake.ACCESS_SETTING,
            f"{account.label} has not chosen what suggestions matching public code may do: GitHub refuses "
            "changes of seats until it has.",
            "On GitHub open the organization's settings → Copilot → Policies and choose; then sync its "
            "billing.",
        )
    return None


def _grants(seat_ids: Collection[int]) -> Mapping[int, list[SeatGrant]]:
    grants: dict[int, list[SeatGrant]] = defaultdict(list)
    rows = SeatGrant.objects.filter(seat_id__among=seat_ids).select_related("assigning_team")
    for grant in rows.order_by("pk"):
        grants[grant.seat_id].append(grant)
    return grants


def _newest_summaries(account_ids: Collection[int]) -> Mapping[int, BillingSummary]:
    newest = BillingSummary.objects.filter(account_id__in=account_ids).order_by()
    days = dict(newest.values("account_id").annotate(newest=Max("day")).values_list("account_id", "newest"))
    rows = BillingSummary.objects.filter(account_id__in=days, day__in=set(days.values()))
    return {row.account_id: row for row in rows if row.day == days[row.account_id]}


def _told_cycles(account_ids: Collection[int], day: date) -> Mapping[int, date]:
    """When the running cycle ends, where GitHub has told it of any cancelled seat."""
    told = Seat.objects.held().filter(account_id__in=account_ids, pending_cancellation_date__gt=day)
    rows = told.order_by().values("account_id").annotate(ends_on=Max("pending_cancellation_date"))
    return dict(rows.values_list("account_id", "ends_on"))


def _maintainers(team_ids: Collection[int]) -> Mapping[int, list[str]]:
    if not team_ids:
        return {}
    people: dict[int, list[str]] = defaultdict(list)
    rows = TeamMembership.objects.filter(
        team_id__in=team_ids, role=TeamMembership.Role.MAINTAINER, is_inherited=False
    )
    for team_id, login in rows.order_by("user__login_key").values_list("team_id", "user__login"):
        people[team_id].append(login)
    return people


def _owners(account_ids: Collection[int]) -> Mapping[int, list[str]]:
    people: dict[int, list[str]] = defaultdict(list)
    rows = OrganizationMembership.objects.filter(
        account_id__in=account_ids, role=OrganizationMembership.Role.ADMIN
    )
    for account_id, login in rows.order_by("user__login_key").values_list("account_id", "user__login"):
        people[account_id].append(login)
    return people


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:NAMED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
