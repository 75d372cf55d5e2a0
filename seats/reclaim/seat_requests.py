"""Requests for seats: asked for, approved into line, refused, taken back; oldest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Min
from django.db.models.functions import Lower
from django.utils import timezone

from portal.models import AuditEntry
from seats.models import Account, GitHubUser, Revocation, Seat, SeatRequest
from seats.models.revocation import SeatRequestQuerySet
from seats.people import Holders
from seats.policy_sql import today

State = SeatRequest.State

# GitHub's own rule, with room: managed users have an underscore in theirs.
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class CannotAsk(Exception):
    """Such a request makes no sense; str() says why, to whoever asks."""


# --- Asking -----------------------------------------------------------------------------------


def objection(account: Account, login: str, *, besides: SeatRequest | None = None) -> str:
    """Why nobody can ask for this seat; empty where they can."""
    return Objections([login]).to(account, login, besides=besides)


class Objections:
    """What stands against asking for seats of these logins: looked up once for all of them."""

    def __init__(self, logins: Iterable[str]) -> None:
        keys = {login.lower() for login in logins}
        self._persons = _persons_of(keys)
        # Of every account: a sheet names a few logins, and asks for most of them in one.
        open_requests = SeatRequest.objects.open().annotate(key=Lower("login")).filter(key__among=keys)
        self._open = {request.own_open_key(): request for request in open_requests}
        held = Seat.objects.held().filter(pending_cancellation_date=None)
        people = {person.pk for person in self._persons.values()}
        self._held = set(held.filter(user__among=people).order_by().values_list("account_id", "user_id"))

    def person_of(self, login: str) -> GitHubUser | None:
        """Who bears this login today, as far as we know."""
        return self._persons.get(login.lower())

    def to(self, account: Account, login: str, *, besides: SeatRequest | None = None) -> str:
        """Why nobody can ask for this seat; empty where they can."""
        if not LOGIN.fullmatch(login):
            return f"{login!r} cannot be a login at GitHub."
        if account.kind != Account.Kind.ORGANIZATION:
            return f"{account.label} is an enterprise: ask for a seat of one of its organizations."
        other = self._open.get(SeatRequest(account=account, login=login).own_open_key())
        if other is not None and (besides is None or other.pk != besides.pk):
            state = other.get_state_display()
            return f"A seat for {login} in {account.label} was asked for already: {state}."
        person = self.person_of(login)
        if person is not None and (account.pk, person.pk) in self._held:
            return f"{person.login} holds a seat in {account.label} already."
        return ""

    def now_asked(self, request: SeatRequest) -> None:
        """A request that is about to be written stands against a second one."""
        self._open[request.own_open_key()] = request


def person_of(login: str) -> GitHubUser | None:
    """Who bears this login today, as far as we know."""
    return _persons_of({login.lower()}).get(login.lower())


def _persons_of(keys: set[str]) -> dict[str, GitHubUser]:
    """By login in small letters: who held it last, else whoever with an id is shown under it."""
    holders = Holders(keys)
    tomorrow = today() + timedelta(days=1)
    held = {key: holder for key in keys if (holder := holders.on(key, tomorrow)) is not None}
    people = GitHubUser.objects.in_bulk(list(held.values())) if held else {}
    shown = GitHubUser.objects.filter(login_key__among=keys - held.keys(), github_id__isnull=False)
    found = {person.login_key: person for person in shown.order_by("id")}
    return {**found, **{key: people[holder] for key, holder in held.items() if holder in people}}


def ask(account: Account, login: str, *, reason: str, asked_by: str = "", by: Any = None) -> SeatRequest:
    """Ask for a seat; it waits to be decided. Raises CannotAsk."""
    if why_not := objection(account, login):
        raise CannotAsk(why_not)
    request = SeatRequest(
        account=account, login=login, reason=reason, asked_by=asked_by, created_by=by, user=person_of(login)
    )
    try:
        with transaction.atomic():
            request.save()
            record_asked(request, by)
    except IntegrityError as error:
        raise CannotAsk(
            f"A seat for {login} in {account.label} was asked for already, a moment ago."
        ) from error
    return request


def record_asked(request: SeatRequest, by: Any) -> None:
    detail = {
        "account": request.account.subject,
        "login": request.login,
        "reason": request.reason,
        "asked_by": request.asked_by,
    }
    AuditEntry.objects.record("seat requested", subject=request.subject, actor=by, detail=detail)


# --- Deciding ---------------------------------------------------------------------------------


def approve_request(requests: Iterable[SeatRequest], by: Any, reason: str = "") -> int:
    """Let them stand in line, those too that could not be granted before; how many do from now on."""
    return _decide(requests, (State.WAITING, State.FAILED), State.APPROVED, "approved", by, reason)


def refuse_request(requests: Iterable[SeatRequest], by: Any, reason: str) -> int:
    """How many were open and are refused now."""
    return _decide(requests, UNDECIDED, State.REFUSED, "refused", by, reason)


def withdraw_request(requests: Iterable[SeatRequest], by: Any, reason: str = "") -> int:
    """Nobody wants them any more; how many were open."""
    return _decide(requests, UNDECIDED, State.WITHDRAWN, "withdrawn", by, reason)


# Of those that GitHub was asked for nobody knows yet: they are not decided meanwhile.
UNDECIDED = (State.WAITING, State.APPROVED, State.FAILED)


def _decide(
    requests: Iterable[SeatRequest], among: Sequence[str], state: State, done: str, by: Any, reason: str
) -> int:
    decided = 0
    with transaction.atomic():
        for request in sorted(requests, key=lambda one: one.pk):
            closing = {} if state in SeatRequest.OPEN else {"open_key": None}
            open_ones = SeatRequest.objects.filter(pk=request.pk, state__in=among)
            if not open_ones.update(
                state=state, decided_by=by, decided_at=timezone.now(), decision=reason, says="", **closing
            ):
                continue
            AuditEntry.objects.record(
                f"seat request {done}",
                subject=request.subject,
                actor=by,
                detail={"login": request.login, "account": request.account.subject, "reason": reason},
            )
            decided += 1
    return decided


# --- The line ---------------------------------------------------------------------------------


def in_line(account: Account) -> SeatRequestQuerySet:
    """Approved requests of the account, the next first."""
    return SeatRequest.objects.in_line().filter(account=account)


def freed(account: Account) -> int:
    """Seats that were taken back, verified, and have not gone to somebody else since."""
    verified = Revocation.objects.filter(seat__account=account, state=Revocation.State.VERIFIED)
    since = verified.aggregate(first=Min("verified_at"))["first"]
    if since is None:
        return 0
    given = SeatRequest.objects.filter(account=account, state=State.GRANTED, granted_at__gte=since)
    under_way = SeatRequest.objects.filter(account=account, state=State.GRANTING)
    return max(0, verified.count() - given.count() - under_way.count())
