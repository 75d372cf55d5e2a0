"""Granting and cancelling seats, with every reason for which GitHub refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from tests.fake_github import shapes
from tests.fake_github.exchange import Refused
from tests.fake_github.state import Account, Enterprise, Organization, Team, holder
from tests.fake_github.watched import WatchedDict


def next_cycle(day: date) -> str:
    """When a seat cancelled on that day ends: the first of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()


def check_writable(account: Account) -> None:
    """422 when seats cannot be given or taken one by one."""
    if not account.copilot_is_enabled:
        raise Refused(422, "Copilot Business is not enabled for this organization.")
    if not isinstance(account, Organization):
        return
    if account.has_payment_problem:
        raise Refused(422, "There is a problem with your account's associated payment method.")
    if account.billing["public_code_suggestions"] == "unconfigured":
        raise Refused(422, "A policy for suggestions matching public code must be set.")
    if account.billing["seat_management_setting"] != "assign_selected":
        raise Refused(422, "The organization's access setting does not allow selected users.")


def _grant(account: Account, person: WatchedDict, team: Team | None) -> bool:
    """One seat, new or no longer pending; False when it was there and stays as it is."""
    for seat in account.seats:
        same_team = (seat.get("assigning_team") or {}).get("id") == (team.id if team else None)
        if holder(seat) == person["login"].lower() and same_team:
            was_pending = seat.get("pending_cancellation_date") is not None
            seat["pending_cancellation_date"] = None
            return was_pending
    plan = account.billing["plan_type"] if isinstance(account, Organization) else "enterprise"
    account.seats.append(
        shapes.seat(
            person,
            created_at=shapes.stamp(account.state.now()),
            plan_type=plan,
            assigning_team=team.facts if team else None,
        )
    )
    return True


def _cancel(account: Account, chosen: Callable[[dict[str, Any]], bool]) -> int:
    """How many people now have a pending cancellation who had none."""
    ends, cancelled = next_cycle(account.state.today), set()
    for seat in account.seats:
        if chosen(seat) and seat.get("pending_cancellation_date") is None:
            seat["pending_cancellation_date"] = ends
            cancelled.add(holder(seat))
    return len(cancelled)


def _people(account: Account) -> dict[str, WatchedDict]:
    if isinstance(account, Enterprise):
        return account.people()
    return {person["login"].lower(): person for person in account.members}  # type: ignore[attr-defined]


def add_users(account: Account, names: Iterable[str]) -> int:
    """Seats created, and pending ones refreshed."""
    check_writable(account)
    account.settle()
    known = _people(account)
    wanted = {name.lower() for name in names}
    strangers = sorted(wanted - set(known))
    if strangers:
        raise Refused(422, f"{', '.join(strangers)}: not a member.")
    if wanted & account.stubborn:
        raise Refused(422, account.refusal)
    wanted -= account.passed_over
    return sum(_grant(account, known[name], None) for name in sorted(wanted))


def cancel_users(account: Account, names: Iterable[str]) -> int:
    """Seats set to pending cancellation. One that came through a team makes the whole call fail."""
    check_writable(account)
    account.settle()
    wanted = {name.lower() for name in names}
    for seat in account.seats:
        if holder(seat) in wanted and seat.get("assigning_team"):
            raise Refused(422, f"The seat of {holder(seat)} was assigned through a team.")
    spared = account.stubborn | account.passed_over
    is_refused = bool(wanted & account.stubborn)
    if is_refused and not account.refuses_late:
        raise Refused(422, account.refusal)
    cancelled = _cancel(account, lambda seat: holder(seat) in wanted - spared)
    if is_refused:
        raise Refused(422, account.refusal)
    return cancelled


def _teams(account: Account, names: Iterable[str]) -> list[Team]:
    found = []
    for name in names:
        # By name, in any case; an enterprise's also by slug.
        team = next((team for team in account.teams if team.name.lower() == name.lower()), None)
        if team is None and isinstance(account, Enterprise):
            team = account.find_team(name)
        if team is None:
            raise Refused(422, f"{name}: no such team.")
        found.append(team)
    return found


def add_teams(account: Account, names: Iterable[str]) -> int:
    """Seats for everybody in the teams."""
    check_writable(account)
    account.settle()
    people = set()
    for team in _teams(account, names):
        team.is_seated = True
        for person, _ in team.everybody():
            if _grant(account, person, team):
                people.add(person["id"])
    return len(people)


def cancel_teams(account: Account, names: Iterable[str]) -> int:
    """The teams lose their seats; who is covered by another team keeps that one."""
    check_writable(account)
    account.settle()
    teams = _teams(account, names)
    for team in teams:
        team.is_seated = False
    gone = {team.id for team in teams}
    still = {
        holder(seat) for seat in account.seats if (seat.get("assigning_team") or {}).get("id", 0) not in gone
    }
    cancelled = _cancel(
        account,
        lambda seat: (seat.get("assigning_team") or {}).get("id") in gone and holder(seat) not in still,
    )
    # Whoever is covered by another grant loses only this row, at once.
    account.seats[:] = [
        seat
        for seat in account.seats
        if (seat.get("assigning_team") or {}).get("id") not in gone or holder(seat) not in still
    ]
    return cancelled
