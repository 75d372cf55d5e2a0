"""Whether the rows that decide about seats say what the audit says was done: see `portal.audit_witnesses`.

The audit is told anew from its beginning, and each row must have come to what is told last. Reasons for which
a brake left a seat alone change nothing, and are not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.audit_witnesses import Contradiction, witness
from portal.models import AuditEntry
from seats.models import Revocation, RevocationBatch, SeatCall, SeatRequest
from seats.reclaim import calls
from seats.reclaim.chain import APPROVED, BEGAN, ENDED, GIVEN_BACK, PROPOSED, SECONDED, VERIFIED
from seats.reclaim.frozen import FROZEN_ANEW, digest_of
from seats.reclaim.row_compared import RowCompared

CAME_BACK = "seats came back"
WITHDRAWN = "batch withdrawn"
EXPIRED = "batch expired"
INTENTS = {text: action for action, text in calls.INTENT.items()}
CLOSINGS = {*calls.DONE.values(), *calls.NOT_DONE.values()}
AT_ONCE, BATCHES_AT_ONCE = 500, 50

State = Revocation.State
BatchState = RevocationBatch.State
# What a brake, a refusal or a withdrawal makes of a seat that was not taken back.
NOT_TAKEN = {State.PROPOSED, State.REFUSED, State.FAILED, State.DROPPED}

Told = Mapping[str, Sequence[AuditEntry]]


def told_of(subjects: Collection[str]) -> Told:
    """The entries about these, oldest first."""
    told: dict[str, list[AuditEntry]] = defaultdict(list)
    for entry in AuditEntry.objects.filter(subject__among=set(subjects)).order_by("sequence"):
        told[entry.subject].append(entry)
    return told


@dataclass(slots=True)
class _Seat:
    """What the audit says became of one revocation."""

    states: Collection[str] = (State.LEFT_OUT,)
    call: int | None = None
    ends_on: str | None = None
    at: dict[str, datetime] = field(default_factory=dict)
    came_back_by: str | None = None
    given_back: AuditEntry | None = None
    to_be_given_back_by: int | None = None  # the last call that was to do it


# --- Batches and their seats ------------------------------------------------------------------


@witness
def batches() -> Iterator[Contradiction]:
    seen: set[int] = set()
    for keys in _pages(RevocationBatch.objects.order_by("pk").values_list("pk", flat=True), BATCHES_AT_ONCE):
        seen |= set(keys)
        rows: dict[int, list[Revocation]] = defaultdict(list)
        for row in Revocation.objects.filter(batch_id__in=keys).order_by("pk"):
            rows[row.batch_id].append(row)
        asked = _calls_of(row for some in rows.values() for row in some)
        told = told_of([*(f"batch:{key}" for key in keys), *(f"call:{key}" for key in asked)])
        for batch in RevocationBatch.objects.filter(pk__in=keys).order_by("pk"):
            yield from _batch(batch, rows[batch.pk], told)
    yield from _missing("batch", PROPOSED, seen)


def _batch(batch: RevocationBatch, rows: Sequence[Revocation], told: Told) -> Iterator[Contradiction]:
    entries, this = told.get(batch.subject, []), RowCompared(batch.subject)
    proposed = _first(entries, PROPOSED)
    if proposed is None:
        yield from this.wrong("the audit tells of nobody who proposed it")
        return
    if any(entry.erased_at for entry in entries):
        return  # what was erased cannot contradict
    yield from this.person("who proposed it", batch.proposed_by_id, proposed)
    yield from this.at_once("when it was proposed", batch.proposed_at, proposed.at)
    yield from this.same("the policy's doing", batch.is_automatic, proposed.detail.get("automatic", False))
    yield from this.same("its reason", batch.reason, proposed.detail.get("reason", ""))
    frozen = [entry for entry in entries if entry.action in (PROPOSED, FROZEN_ANEW)][-1].detail["digest"]
    yield from this.same("its digest", batch.digest, frozen)
    if digest_of(batch, rows) != frozen:
        yield from this.wrong("its account, or a seat in it, is not as it was when it was proposed")
    yield from _approvals(batch, entries, this)
    yield from _course(batch, entries, this)
    if any(entry.erased_at for entry in _about_calls(rows, told)):
        return
    seats = _seats(rows, entries, told)
    present = {row.pk for row in rows}
    for key in sorted(set(seats) - present):
        yield Contradiction(f"revocation:{key}", "it is missing, and the audit tells of it")
    for row in rows:
        yield from _seat(row, seats.get(row.pk, _Seat()))


def _approvals(
    batch: RevocationBatch, entries: Sequence[AuditEntry], this: RowCompared
) -> Iterator[Contradiction]:
    first, second = _last(entries, APPROVED), _last(entries, SECONDED)
    for what, entry, by, at in (
        ("approved", first, batch.approved_by_id, batch.approved_at),
        ("approved by a second person", second, batch.second_approved_by_id, batch.second_approved_at),
    ):
        if entry is None:
            if by is not None or at is not None:
                yield from this.wrong(f"it is {what}, and the audit tells of nobody who did")
            continue
        yield from this.person(f"who {what}", by, entry)
        yield from this.at_once(f"when it was {what}", at, entry.at)
    if first is not None:
        yield from this.same("why it was approved", batch.approval_reason, first.detail.get("reason", ""))


def _course(
    batch: RevocationBatch, entries: Sequence[AuditEntry], this: RowCompared
) -> Iterator[Contradiction]:
    """State, and when its execution began and ended."""
    state: Collection[str] = {BatchState.PROPOSED}
    began = finished = None
    for entry in entries:
        if entry.action in (APPROVED, SECONDED):
            state = {entry.detail.get("state", BatchState.APPROVED)}
        elif entry.action == BEGAN:
            state, began, finished = {BatchState.EXECUTING}, began or entry.at, None
        elif entry.action == ENDED:
            state, finished = {entry.detail["state"]}, entry.at
        elif entry.action in (WITHDRAWN, EXPIRED):
            state = {BatchState.WITHDRAWN if entry.action == WITHDRAWN else BatchState.EXPIRED}
            finished = entry.at
    yield from this.among("its state", batch.state, state)
    yield from this.at_once("when its execution began", batch.started_at, began)
    yield from this.at_once("when it was over", batch.finished_at, finished)


def _seats(rows: Iterable[Revocation], entries: Iterable[AuditEntry], told: Told) -> dict[int, _Seat]:
    """What became of each seat that the audit names, by the revocation's key."""
    everything = [*entries, *_about_calls(rows, told)]
    seats: dict[int, _Seat] = {}
    for entry in sorted(everything, key=lambda entry: entry.sequence):
        _tell(entry, seats)
    return seats


def _calls_of(rows: Iterable[Revocation]) -> set[int]:
    return {key for row in rows for key in (row.call_id, row.reinstate_call_id) if key is not None}


def _about_calls(rows: Iterable[Revocation], told: Told) -> Iterator[AuditEntry]:
    for key in _calls_of(rows):
        yield from told.get(f"call:{key}", [])


def _tell(entry: AuditEntry, seats: dict[int, _Seat]) -> None:
    detail, action = entry.detail, entry.action
    named: Any = detail.get("revocations", [])
    if action == PROPOSED:
        seats.update({key: _Seat(states=NOT_TAKEN) for key in named})
        return
    for ends_on, keys in detail.get("ends_on", {}).items():
        for seat in _known(seats, keys):
            seat.ends_on = ends_on or None
    if INTENTS.get(action) == calls.Action.REVOKE:
        for seat in _known(seats, named):
            seat.states, seat.call = {State.INTENDED}, _number(entry.subject)
    elif action in INTENTS:
        for seat in _known(seats, detail.get("reinstate", [])):
            seat.to_be_given_back_by = _number(entry.subject)
    elif action in CLOSINGS and isinstance(named, dict):
        for seat in _known(seats, named.get("revoked", [])):
            seat.states, seat.at["revoked"] = {State.REVOKED}, entry.at
        for seat in _known(seats, named.get("active", [])):
            seat.states = NOT_TAKEN
    elif action in (VERIFIED, CAME_BACK, GIVEN_BACK):
        _tell_later(entry, _known(seats, named))
        if action == CAME_BACK:
            for key, path in detail.get("by", {}).items():
                for seat in _known(seats, [int(key)]):
                    seat.came_back_by = path


def _tell_later(entry: AuditEntry, seats: Iterable[_Seat]) -> None:
    """What became of a seat after it was taken back."""
    state = {VERIFIED: State.VERIFIED, CAME_BACK: State.CAME_BACK, GIVEN_BACK: State.REINSTATED}[entry.action]
    for seat in seats:
        seat.states, seat.at[state] = {state}, entry.at
        if state == State.REINSTATED:
            seat.given_back = entry


def _seat(row: Revocation, seat: _Seat) -> Iterator[Contradiction]:
    this = RowCompared(f"revocation:{row.pk}")
    yield from this.among("its state", row.state, seat.states)
    yield from this.same("the call that asked for it", row.call_id, seat.call)
    if row.live_key is not None:
        yield from this.same("its key", row.live_key, row.seat_id)
    ends_on = row.pending_cancellation_date
    yield from this.same("the day on which it ends", ends_on.isoformat() if ends_on else None, seat.ends_on)
    yield from this.at_once("when it was taken back", row.revoked_at, seat.at.get("revoked"))
    for what, at, state in (
        ("when it was verified", row.verified_at, State.VERIFIED),
        ("when it came back", row.came_back_at, State.CAME_BACK),
        ("when it was given back", row.reinstated_at, State.REINSTATED),
    ):
        yield from this.at_once(what, at, seat.at.get(state))
    if seat.came_back_by is not None or row.came_back_by:
        yield from this.same("how it came back", row.came_back_by, seat.came_back_by)
    if seat.given_back is not None:
        yield from this.person("who gave it back", row.reinstated_by_id, seat.given_back)
        yield from this.same(
            "the call that gave it back", row.reinstate_call_id, seat.given_back.detail.get("call")
        )
    else:
        yield from this.same("who gave it back", row.reinstated_by_id, None)
        yield from this.same(
            "the call that was to give it back", row.reinstate_call_id, seat.to_be_given_back_by
        )


# --- Calls ------------------------------------------------------------------------------------


@witness
def seat_calls() -> Iterator[Contradiction]:
    seen: set[int] = set()
    for keys in _pages(SeatCall.objects.order_by("pk").values_list("pk", flat=True)):
        seen |= set(keys)
        told = told_of([f"call:{key}" for key in keys])
        for call in SeatCall.objects.filter(pk__in=keys).select_related("account").order_by("pk"):
            yield from _call(call, told.get(call.subject, []))
    for text in INTENTS:
        yield from _missing("call", text, seen)


def _call(call: SeatCall, entries: Sequence[AuditEntry]) -> Iterator[Contradiction]:
    this = RowCompared(call.subject)
    intent = next((entry for entry in entries if entry.action in INTENTS), None)
    if intent is None:
        yield from this.wrong("the audit tells of nobody who intended it")
        return
    if any(entry.erased_at for entry in entries):
        return
    yield from this.same("what it was for", call.action, INTENTS[intent.action])
    yield from this.same("its logins", call.logins, intent.detail["logins"])
    yield from this.same("its path", call.path, intent.detail.get("path", call.path))
    yield from this.same("its account", call.account.subject, _goes_on_as(intent.detail["account"]))
    yield from this.person("who made it", call.by_id, intent)
    yield from this.at_once("when it was intended", call.intended_at, intent.at)
    closing = next((entry for entry in entries if entry.action in CLOSINGS), None)
    yield from _answer(call, closing, this)


def _answer(call: SeatCall, closing: AuditEntry | None, this: RowCompared) -> Iterator[Contradiction]:
    if closing is None:
        yield from this.same("its state", call.state, SeatCall.State.INTENDED)
        yield from this.at_once("when it was answered", call.answered_at, None)
        return
    answer = closing.detail.get("answer", {})
    if answer:
        is_done = closing.action in calls.DONE.values()
        state = SeatCall.State.ANSWERED if is_done else SeatCall.State.REFUSED
        counted = answer.get("seats_cancelled", answer.get("seats_created"))
        said = answer["said"]
    else:
        state, counted, said = SeatCall.State.SETTLED, None, closing.detail.get("read", "")
    yield from this.same("its state", call.state, state)
    yield from this.same("the status of its answer", call.status, answer.get("status") or None)
    yield from this.same("the number of seats in its answer", call.seats_changed, counted)
    yield from this.same("what was said to it", call.said, said)
    yield from this.at_once("when it was answered", call.answered_at, closing.at)


def _goes_on_as(subject: str) -> str:
    """An account that was joined with another goes on as that one."""
    while joined := AuditEntry.objects.filter(action="accounts joined", detail__was=subject).first():
        subject = joined.subject
    return subject


# --- Requests ---------------------------------------------------------------------------------

ASKED = "seat requested"
Request = SeatRequest.State
DECISIONS = {
    "seat request approved": Request.APPROVED,
    "seat request refused": Request.REFUSED,
    "seat request withdrawn": Request.WITHDRAWN,
}


@witness
def seat_requests() -> Iterator[Contradiction]:
    seen: set[int] = set()
    for keys in _pages(SeatRequest.objects.order_by("pk").values_list("pk", flat=True)):
        seen |= set(keys)
        requests = list(SeatRequest.objects.filter(pk__in=keys).select_related("account").order_by("pk"))
        asked = {one.call_id for one in requests if one.call_id is not None}
        told = told_of([*(f"request:{key}" for key in keys), *(f"call:{key}" for key in asked)])
        for request in requests:
            yield from _request(request, told.get(request.subject, []))
            yield from _call_of(request, told.get(f"call:{request.call_id}", []))
    yield from _missing("request", ASKED, seen)


def _request(request: SeatRequest, entries: Sequence[AuditEntry]) -> Iterator[Contradiction]:
    this, asked = RowCompared(request.subject), _first(entries, ASKED)
    if asked is None:
        yield from this.wrong("the audit tells of nobody who asked for it")
        return
    if any(entry.erased_at for entry in entries):
        return
    for name in ("login", "reason", "asked_by"):
        yield from this.same(f"its {name}", getattr(request, name), asked.detail[name])
    yield from this.same("its account", request.account.subject, _goes_on_as(asked.detail["account"]))
    yield from this.person("who entered it", request.created_by_id, asked)
    states: Collection[str] = {Request.WAITING}
    granted_at, call = None, None
    for entry in entries:
        if entry.action in DECISIONS:
            states = {DECISIONS[entry.action]}
            if entry.action == "seat request approved":
                states = {Request.APPROVED, Request.GRANTING}
        elif entry.action == "seat request not granted":
            states = {Request.FAILED, Request.APPROVED, Request.GRANTING}
        elif entry.action == "seat request granted":
            states, granted_at, call = {Request.GRANTED}, entry.at, entry.detail["call"]
    yield from this.among("its state", request.state, states)
    yield from this.at_once("when it was granted", request.granted_at, granted_at)
    if call is not None:
        yield from this.same("the call that granted it", request.call_id, call)
    decided = [entry for entry in entries if entry.action in DECISIONS]
    if decided:
        yield from this.at_once("when it was decided", request.decided_at, decided[-1].at)
        yield from this.same("why it was decided so", request.decision, decided[-1].detail["reason"])
        if decided[-1].action != "seat request refused" or request.decided_by_id is not None:
            yield from this.person("who decided it", request.decided_by_id, decided[-1])


def _call_of(request: SeatRequest, entries: Iterable[AuditEntry]) -> Iterator[Contradiction]:
    """The call it names must have been made for it."""
    if request.call_id is None:
        return
    for entry in entries:
        if entry.action in INTENTS and (entry.erased_at or request.pk in entry.detail.get("requests", [])):
            return
    yield Contradiction(request.subject, f"the call {request.call_id} was not made for it")


# --- Entries ----------------------------------------------------------------------------------


def _missing(kind: str, action: str, present: Collection[int]) -> Iterator[Contradiction]:
    """Rows that the audit tells of, and that are gone."""
    subjects = AuditEntry.objects.filter(action=action).order_by("sequence").values_list("subject", flat=True)
    for subject in subjects.iterator():
        if subject.startswith(f"{kind}:") and _number(subject) not in present:
            yield Contradiction(subject, "it is missing, and the audit tells of it")


def _pages(keys: Any, at_once: int = AT_ONCE) -> Iterator[list[int]]:
    after = 0
    while page := list(keys.filter(pk__gt=after)[:at_once]):
        yield page
        after = page[-1]


def _known(seats: Mapping[int, _Seat], keys: Iterable[int]) -> list[_Seat]:
    return [seats[key] for key in keys if key in seats]


def _number(subject: str) -> int:
    key = subject.partition(":")[2]
    return int(key) if key.isdecimal() else 0


def _first(entries: Iterable[AuditEntry], action: str) -> AuditEntry | None:
    return next((entry for entry in entries if entry.action == action), None)


def _last(entries: Sequence[AuditEntry], action: str) -> AuditEntry | None:
    return _first(reversed(entries), action)
