"""Giving seats that were asked for: the same guarded door as for taking them back, the other way round.

Each person is read at GitHub before anything is asked, the intent is committed before the call, and whoever
finds an intent without an answer reads what came of it first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from portal import jobs
from portal.github import payloads
from portal.github.client import GitHub
from portal.github.errors import NotFound, Unprocessable
from portal.models import AuditEntry, Job
from seats import roster, verdicts
from seats.accounts import WrongAccount
from seats.connecting import target_of
from seats.models import Account, GitHubUser, Listing, OrganizationMembership, Seat, SeatCall, SeatRequest
from seats.reclaim import calls, live_account
from seats.reclaim.effects import access_refusal, credential_refusal
from seats.reclaim.refusals import Brake, Refusal, Refused
from seats.reclaim.seat_requests import (
    approve_request,
    freed,
    in_line,
    refuse_request,
    withdraw_request,
)
from seats.roster import Roster
from seats.sync import one_seat, steps
from seats.sync.seats import meet_accounts, reported

__all__ = [
    "approve_request",
    "freed",
    "grant",
    "grant_here",
    "grant_next",
    "in_line",
    "refuse_request",
    "settle_left",
    "withdraw_request",
    "work",
]

KIND = "grant-seats"
DOORWAY = "seats.tasks.grant_seats"
PERMISSION = "seats.decide_seatrequest"

State = SeatRequest.State


# --- Begin ------------------------------------------------------------------------------------


def grant(requests: Iterable[SeatRequest], by: Any) -> list[Job]:
    """Jobs, one per account, that give these approved requests their seats, in the order of the line.

    Raises Refused where `by` may not, and jobs.Refused where seats of an account are being given right now.
    """
    return _begin(requests, by, jobs.enqueue)


def grant_here(requests: Iterable[SeatRequest], by: Any) -> list[Job]:
    """The same in this process; the jobs as they ended, or as they wait."""
    return _begin(requests, by, jobs.run_here)


def grant_next(account: Account, by: Any, count: int | None = None) -> Job | None:
    """Give the seats that were freed, or so many, to the next in line; None where there is no such seat."""
    number = freed(account) if count is None else count
    chosen = list(in_line(account)[:number]) if number > 0 else []
    return grant(chosen, by)[0] if chosen else None


def settle_left() -> list[Job]:
    """Jobs that find out what came of calls whose own job is over, and ask for nothing."""
    left = SeatRequest.objects.filter(state=State.GRANTING).order_by().values_list("account", flat=True)
    return [
        jobs.enqueue(KIND, account.subject, DOORWAY, _arguments(account, []))
        for account in Account.objects.filter(pk__in=set(left))
    ]


def _begin(requests: Iterable[SeatRequest], by: Any, begin: Callable[..., Job]) -> list[Job]:
    _check_permission(by)
    by_account: dict[Account, list[SeatRequest]] = {}
    for request in sorted(requests, key=lambda one: (one.created_at, one.pk)):
        by_account.setdefault(request.account, []).append(request)
    for account in by_account:
        if Job.objects.filter(live_key=f"{KIND}:{account.subject}").exists():
            raise jobs.Refused(
                f"Seats of {account.label} are being given right now: wait until that job is over."
            )
    return [
        begin(KIND, account.subject, DOORWAY, _arguments(account, wanted), by)
        for account, wanted in by_account.items()
    ]


def _arguments(account: Account, wanted: Sequence[SeatRequest]) -> dict[str, Any]:
    return {
        "account": account.pk,
        "requests": [request.pk for request in wanted],
        "names": [request.login for request in wanted],
    }


def _check_permission(by: Any) -> None:
    if by is None or not by.is_active or not by.has_perm(PERMISSION):
        name = by.get_username() if by is not None else "The portal by itself"
        raise Refused(Refusal.of(Brake.MISSING_PERMISSION, f"{name} may not grant seats."))


# --- The job ----------------------------------------------------------------------------------


def work(run: jobs.Run) -> dict[str, Any]:
    """What the job does."""
    account = (
        Account.objects.select_related("connection", "parent__connection")
        .filter(pk=run.arguments["account"])
        .first()
    )
    if account is None:
        raise jobs.Refused("The account is gone: it was joined with another one.")
    by = get_user_model().objects.filter(pk=run.job.created_by_id or 0).first()
    try:
        if run.arguments["requests"]:
            _check_permission(by)
        _check_account(account)
    except Refused as refused:
        raise jobs.Refused(str(refused)) from refused
    with steps.open_github(account, for_revoking=True, should_stop=run.should_stop) as github:
        giving = _Giving(account, by, github, run)
        try:
            live_account.check_identity(account, github)
            giving.settle_left()
            giving.go(run.arguments["requests"])
        except WrongAccount as error:
            raise jobs.Refused(str(error)) from error
        finally:
            run.tally = giving.tally()
    return giving.tally()


def _check_account(account: Account) -> None:
    """Raises Refused where no seat of the account can be given from here."""
    if refusal := credential_refusal(account):
        raise Refused(refusal)
    if refusal := access_refusal(account):
        says = f"The Copilot settings of {account.label} do not let seats be given one by one."
        raise Refused(Refusal.of(refusal.brake, says, refusal.remedy))


@dataclass(frozen=True, slots=True)
class _Look:
    """What GitHub shows of a person's seat: those that go on or end, and why there is none to see."""

    found: Sequence[payloads.Seat]
    read_at: datetime
    says: str = ""  # GitHub's words where it refuses to tell

    @property
    def is_held(self) -> bool:
        return any(one.pending_cancellation_date is None for one in self.found)

    @property
    def person_id(self) -> int | None:
        return self.found[0].assignee_id if self.found else None


class _Giving:
    """One run for one account."""

    def __init__(self, account: Account, by: Any, github: GitHub, run: jobs.Run) -> None:
        self._account = account
        self._by = by
        self._github = github
        self._run = run
        self._counts = {"settled": 0, "granted": 0, "refused": 0, "failed": 0}
        self._notes: list[str] = []

    def tally(self) -> dict[str, Any]:
        return {**self._counts, "requests": self._github.counted.requests, "notes": self._notes}

    # --- What came of earlier calls ---

    def settle_left(self) -> None:
        """Before anything is asked: what nobody knows the end of is read."""
        left = SeatRequest.objects.filter(account=self._account, state=State.GRANTING)
        for request in left.select_related("account", "user", "call").order_by("pk"):
            self._run.should_stop()
            call = request.call
            if call is None:
                continue  # the database forbids it
            if call.state == SeatCall.State.INTENDED and (until := calls.may_still_happen(call)):
                raise jobs.Later(
                    until,
                    "What came of the last call is not known yet: GitHub is asked when it must be over.",
                )
            self._settle(request, call, otherwise=State.APPROVED)
            self._counts["settled"] += 1

    def _settle(self, request: SeatRequest, call: SeatCall, *, otherwise: State) -> None:
        look = self._look(request.login)
        if look.is_held:
            says = f"Read: {request.login} holds a seat."
            calls.settle(call, says, done=True, conclude=lambda call: self._granted(request, call))
            self._take_in(request, look)
            return
        says = look.says or call.said or f"Read: {request.login} holds no seat that goes on."
        calls.settle(
            call, says, done=False, conclude=lambda _call: self._not_granted(request, otherwise, says)
        )

    # --- One after the other ---

    def go(self, keys: Sequence[int]) -> None:
        wanted = SeatRequest.objects.filter(pk__in=keys, account=self._account, state=State.APPROVED)
        requests = list(wanted.select_related("account", "user").order_by("created_at", "pk"))
        for number, request in enumerate(requests):
            self._run.progress(number, len(requests), request.login)
            self._give(request)
        self._run.progress(len(requests), len(requests))

    def _give(self, request: SeatRequest) -> None:
        look = self._look(request.login)
        if look.found and self._is_somebody_else(request, look):
            self._fail(request, f"The login {request.login} is another person's by now.")
        elif look.is_held:
            self._take_in(request, look)
            self._close(request, f"{request.login} holds a seat in {self._account.label} already.")
        elif look.says:
            self._fail(request, look.says)
        elif why_not := self._is_no_member(request, look):
            self._fail(request, why_not)
        else:
            self._ask(request)

    def _ask(self, request: SeatRequest) -> None:
        try:
            call = calls.intend(
                calls.Action.GRANT,
                self._account,
                [request.login],
                self._by,
                claim=lambda call: self._claim(request, call),
            )
        except _Lost:
            self._notes.append(f"{request.login}: decided otherwise in the meantime.")
            return
        calls.carry_out(call, self._github, conclude=lambda call: self._conclude(request, call))
        request.refresh_from_db()
        if request.state == State.GRANTING:
            self._settle(request, call, otherwise=State.FAILED)
        elif request.state == State.GRANTED:
            self._take_in(request, self._look(request.login))

    @staticmethod
    def _claim(request: SeatRequest, call: SeatCall) -> dict[str, Any]:
        approved = SeatRequest.objects.filter(pk=request.pk, state=State.APPROVED)
        if not approved.update(state=State.GRANTING, call=call, says=""):
            raise _Lost
        return {"requests": [request.pk]}

    def _conclude(self, request: SeatRequest, call: SeatCall) -> dict[str, Any]:
        """A clear answer says it all; where it is not clear the seat is read next."""
        if call.state == SeatCall.State.REFUSED:
            return self._not_granted(request, State.FAILED, call.said)
        if call.state == SeatCall.State.ANSWERED and call.seats_changed == 1:
            return self._granted(request, call)
        return {"requests": [request.pk]}

    # --- What became of it ---

    def _granted(self, request: SeatRequest, call: SeatCall) -> dict[str, Any]:
        asked = SeatRequest.objects.filter(pk=request.pk, state=State.GRANTING)
        if asked.update(state=State.GRANTED, open_key=None, granted_at=timezone.now(), says=call.said):
            self._counts["granted"] += 1
            self._record(request, "granted", call=call.pk)
        return {"requests": [request.pk]}

    def _not_granted(self, request: SeatRequest, state: State, says: str) -> dict[str, Any]:
        if SeatRequest.objects.filter(pk=request.pk, state=State.GRANTING).update(state=state, says=says):
            self._counts["failed"] += state == State.FAILED
            self._record(request, "not granted", says=says)
        return {"requests": [request.pk]}

    def _fail(self, request: SeatRequest, says: str) -> None:
        """It cannot be granted as things are: out of the line, until somebody approves it again."""
        with transaction.atomic():
            approved = SeatRequest.objects.filter(pk=request.pk, state=State.APPROVED)
            if approved.update(state=State.FAILED, says=says):
                self._counts["failed"] += 1
                self._record(request, "not granted", says=says)

    def _close(self, request: SeatRequest, says: str) -> None:
        """There is nothing to grant."""
        with transaction.atomic():
            approved = SeatRequest.objects.filter(pk=request.pk, state=State.APPROVED)
            if approved.update(
                state=State.REFUSED, open_key=None, decision=says, decided_by=None, decided_at=timezone.now()
            ):
                self._counts["refused"] += 1
                self._record(request, "refused", reason=says)

    def _record(self, request: SeatRequest, done: str, **detail: Any) -> None:
        AuditEntry.objects.record(
            f"seat request {done}",
            subject=request.subject,
            actor=self._by,
            detail={"login": request.login, "account": self._account.subject, **detail},
        )

    # --- Reading ---

    def _look(self, login: str) -> _Look:
        read_at = one_seat.moment_after_all_known(self._account)
        try:
            return _Look(self._github.seat(target_of(self._account), login), read_at)
        except NotFound:
            return _Look([], read_at)
        except Unprocessable as error:
            return _Look([], read_at, says=str(error))

    def _take_in(self, request: SeatRequest, look: _Look) -> None:
        """What GitHub shows is known here at once, not only with the next list."""
        if not look.found:
            return
        seat = (
            Seat.objects.filter(account=self._account, user__github_id=look.person_id)
            .select_related("account", "user")
            .first()
        )
        if seat is not None:
            applied = one_seat.take_in([one_seat.Answer(seat, look.found, look.read_at)])
        else:
            with transaction.atomic():
                scope = meet_accounts(self._account, look.found)
                grants = reported(look.found)
                applied = roster.apply(Roster(scope, look.read_at, grants, is_complete=False))
        verdicts.refresh(accounts=applied.accounts)
        holder = GitHubUser.objects.filter(github_id=look.person_id).first()
        SeatRequest.objects.filter(pk=request.pk).update(user=holder)

    @staticmethod
    def _is_somebody_else(request: SeatRequest, look: _Look) -> bool:
        person = request.user
        return person is not None and person.github_id not in (None, look.person_id)

    def _is_no_member(self, request: SeatRequest, look: _Look) -> str:
        """That the list of members lacks the person; empty where it does not, or was never read."""
        listing = Listing.objects.filter(
            account=self._account, what=Listing.What.MEMBERS, read_at__isnull=False
        ).first()
        if listing is None or listing.read_at is None or look.found:
            return ""
        members = OrganizationMembership.objects.filter(account=self._account)
        if members.filter(user__login_key=request.login.lower()).exists():
            return ""
        return (
            f"{request.login} was no member of {self._account.label} on {listing.read_at:%Y-%m-%d %H:%M} "
            "UTC. Invite them on GitHub, sync the members, and approve the request again."
        )


class _Lost(Exception):
    """Somebody decided the request otherwise while it was being read."""
