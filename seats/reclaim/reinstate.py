"""Undo: give seats back that were taken back, while their cycle lasts; intent and answer as everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from portal import jobs
from portal.github.client import GitHub
from portal.github.errors import NotFound, Unprocessable
from portal.models import AuditEntry, Job
from seats import verdicts
from seats.accounts import WrongAccount
from seats.models import Account, Revocation, RevocationBatch, SeatCall, SeatReview
from seats.policy_sql import today
from seats.reclaim import calls, executing, live_account
from seats.reclaim.refusals import Brake, Refusal, Refused
from seats.reclaim.shown import Reading
from seats.sync import one_seat, steps
from seats.sync.one_seat import ChangedHands

KIND = "give-back"
DOORWAY = "seats.tasks.give_back"
PERMISSION = "seats.reinstate_revocationbatch"
CHUNK = 50
# Where no policy says how long a seat that was given back is left alone.
KEEP_DAYS = 90

State = Revocation.State
TAKEN = (State.REVOKED, State.VERIFIED)


def can_be_given_back(revocation: Revocation) -> bool:
    """Taken back, and the cycle in which the person keeps access lasts."""
    ends_on = revocation.pending_cancellation_date
    return revocation.state in TAKEN and ends_on is not None and ends_on > today()


def reinstate(revocations: Iterable[Revocation], by: Any, reason: str) -> Job:
    """A job that gives these seats, of one batch, back. Raises Refused."""
    return jobs.enqueue(*_job(revocations, by, reason))


def reinstate_here(revocations: Iterable[Revocation], by: Any, reason: str) -> Job:
    """The same in this process; the job as it ended, or as it waits."""
    return jobs.run_here(*_job(revocations, by, reason))


def _job(
    revocations: Iterable[Revocation], by: Any, reason: str
) -> tuple[str, str, str, dict[str, Any], Any]:
    rows = [one for one in revocations if can_be_given_back(one)]
    _check_permission(by)
    if not reason.strip():
        raise Refused(Refusal.of(Brake.NOT_CONFIRMED, "Nobody said why they are given back.", "Say why."))
    if not rows:
        raise Refused(
            Refusal.of(
                Brake.SEAT_ENDED,
                "None of these seats can be given back: its cycle is over, or it was not taken back.",
                "Ask for a new seat instead.",
            )
        )
    if len({one.batch_id for one in rows}) > 1:
        raise ValueError("seats of several batches are given back batch by batch")
    batch = rows[0].batch
    if Job.objects.filter(live_key=f"{KIND}:{batch.subject}").exists():
        raise Refused(
            Refusal.of(
                Brake.IN_ANOTHER_BATCH,
                f"Seats of {batch} are being given back at this moment.",
                "Wait until that is done.",
            )
        )
    arguments = {
        "batch": batch.pk,
        "revocations": sorted(one.pk for one in rows),
        "reason": reason.strip(),
        "names": [str(batch)],
    }
    return KIND, batch.subject, DOORWAY, arguments, by


def _check_permission(by: Any) -> None:
    if by is None or not by.has_perm(PERMISSION):
        name = by.get_username() if by is not None else "The portal by itself"
        raise Refused(Refusal.of(Brake.MISSING_PERMISSION, f"{name} may not give seats back."))


# --- The job ----------------------------------------------------------------------------------


def work(run: jobs.Run) -> dict[str, Any]:
    """What the job does."""
    batch = RevocationBatch.objects.select_related("account__connection", "account__parent__connection").get(
        pk=run.arguments["batch"]
    )
    by = get_user_model().objects.filter(pk=run.job.created_by_id or 0).first()
    try:
        _check_permission(by)
    except Refused as refused:
        raise jobs.Refused(str(refused)) from refused
    if batch.state == RevocationBatch.State.EXECUTING and executing.is_at_work(batch):
        raise jobs.Later(
            timezone.now() + executing.AGAIN_AFTER, f"{batch} is being executed: seats are given back after."
        )
    try:
        with steps.open_github(batch.account, for_revoking=True, should_stop=run.should_stop) as github:
            return _GivingBack(batch, by, run, github).go()
    except WrongAccount as error:
        raise jobs.Refused(str(error)) from error


class _GivingBack:
    def __init__(self, batch: RevocationBatch, by: Any, run: jobs.Run, github: GitHub) -> None:
        self.batch = batch
        self.account: Account = batch.account
        self.by = by
        self.run = run
        self.github = github
        self.reason: str = run.arguments["reason"]
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self._by_login_alone: set[int] = set()

    def go(self) -> dict[str, Any]:
        live_account.check_identity(self.account, self.github)
        settle_left(self.account, self.github, self.run.should_stop)
        rows = self._rows()
        total = len(rows)
        for first in range(0, total, CHUNK):
            self.run.progress(first, total, f"{first:,} of {total:,} seats")
            self._give(rows[first : first + CHUNK])
        verdicts.refresh(accounts=[self.account])
        return {**self.counts, "requests": self.github.counted.requests, "notes": self.notes}

    def _rows(self) -> list[Revocation]:
        rows = Revocation.objects.filter(
            pk__in=self.run.arguments["revocations"], batch=self.batch, state__in=TAKEN
        )
        rows = rows.select_related("seat__user", "seat__account", "policy", "batch").order_by("pk")
        return [one for one in rows if can_be_given_back(one)]

    # --- Some seats ---

    def _give(self, rows: Sequence[Revocation]) -> None:
        names = {}
        for one in rows:
            self.run.should_stop()
            if login := self._login(one):
                names[one.pk] = login
        asked = [one for one in rows if one.pk in names]
        if not asked:
            return
        call = calls.intend(
            calls.Action.GRANT,
            self.account,
            [names[one.pk] for one in asked],
            self.by,
            claim=lambda call: _bind(call, asked, self.reason),
        )
        calls.carry_out(
            call,
            self.github,
            conclude=lambda call: _given(call, asked) if self._is_clear(call, asked) else {},
        )
        if not self._is_clear(call, asked):
            self._find_out(call, asked)
        given = Revocation.objects.filter(reinstate_call=call, state=State.REINSTATED)
        self.counts["given_back"] += given.count()

    def _login(self, one: Revocation) -> str | None:
        """Under which login to ask for it; None where there is nothing to ask for."""
        seat = one.seat
        try:
            answer = one_seat.read(seat, self.github)
        except NotFound as error:
            # What an enterprise grants ends at once, and can be granted again.
            if self.account.kind == Account.Kind.ENTERPRISE:
                self._by_login_alone.add(one.pk)
                return seat.user.login
            self._note(one, str(error))
            return None
        except (ChangedHands, Unprocessable) as error:
            self._note(one, str(error))
            return None
        one_seat.take_in([answer])
        if answer.ends_on is None:
            self._note(one, "it is not cancelled: GitHub shows it without a date.")
            return None
        return answer.own[0].assignee_login

    def _is_clear(self, call: SeatCall, asked: Sequence[Revocation]) -> bool:
        """GitHub says that it gave as many seats as were asked for, and all to those who are meant.

        Of whom it showed no seat before, nobody knows whether the login is theirs until it is read.
        """
        is_whole = call.state == SeatCall.State.ANSWERED and call.seats_changed == len(call.logins)
        return is_whole and self._by_login_alone.isdisjoint(one.pk for one in asked)

    def _find_out(self, call: SeatCall, asked: Sequence[Revocation]) -> None:
        held = _settle(call, asked, Reading(self.account, self.github))
        for one in asked:
            if one not in held:
                self._note(
                    one, call.said or "GitHub shows no seat of theirs that goes on. Is the login theirs?"
                )

    def _note(self, one: Revocation, says: str) -> None:
        self.counts["refused"] += 1
        self.notes.append(f"{one.seat.user} was not given back: {says}")


# --- What came of it --------------------------------------------------------------------------


def settle_left(account: Account, github: GitHub, should_stop: Callable[[], None]) -> int:
    """Read what came of calls that died, before anything is asked; how many seats they were for.

    Raises jobs.Later where one may still be under way, and GitHubError.
    """
    ours = Revocation.objects.filter(reinstate_call__isnull=False, seat__account=account)
    dead = calls.unanswered(account, calls.Action.GRANT).filter(reinstatements__in=ours)
    reading = Reading(account, github)
    settled = 0
    for call in dead.select_related("account", "by").distinct().order_by("pk"):
        should_stop()
        if until := calls.may_still_happen(call):
            raise jobs.Later(until, "What came of the last call is not known yet.")
        rows = Revocation.objects.filter(reinstate_call=call, state__in=[*TAKEN, State.CAME_BACK])
        asked = list(rows.select_related("seat__user", "seat__account", "policy", "batch").order_by("pk"))
        _settle(call, asked, reading)
        settled += len(asked)
    return settled


def _settle(call: SeatCall, asked: Sequence[Revocation], reading: Reading) -> list[Revocation]:
    """Those of the seats that go on."""
    shown = reading.of([one.seat for one in asked])
    held = [one for one in asked if shown[one.seat_id].kind == "held"]
    calls.settle(
        call,
        f"Read one by one: {len(held)} of {len(asked)} seats go on.",
        done=bool(held),
        conclude=lambda call: _given(call, held),
    )
    return held


def _given(call: SeatCall, rows: Sequence[Revocation]) -> dict[str, Any]:
    """Write that these were given back, within the transaction that commits the answer."""
    keys = {one.pk for one in rows}
    if not keys:
        return {"reinstated": []}
    reason = _reason_of(call)
    Revocation.objects.filter(pk__in=keys, reinstate_call=call, state__in=[*TAKEN, State.CAME_BACK]).update(
        state=State.REINSTATED, live_key=None, reinstated_at=timezone.now(), reinstated_by=call.by
    )
    for one in rows:
        _keep(one, call.by, reason)
    AuditEntry.objects.record(
        "seats given back",
        subject=rows[0].batch.subject,
        actor=call.by,
        detail={"call": call.pk, "revocations": sorted(keys), "reason": reason},
    )
    return {"reinstated": sorted(keys)}


def _reason_of(call: SeatCall) -> str:
    """As it was said with the intent: whoever settles the call may be another job, much later."""
    told = AuditEntry.objects.filter(subject=call.subject, action=calls.INTENT[calls.Action.GRANT]).first()
    return str(told.detail.get("reason", "")) if told is not None else ""


def _keep(one: Revocation, by: Any, reason: str) -> None:
    """Whoever gives a seat back has decided that it stays for a while."""
    days = one.policy.keep_days if one.policy is not None else KEEP_DAYS
    SeatReview.objects.filter(pk=one.review_id or 0).update(
        state=SeatReview.State.KEPT,
        open_key=None,
        closed_at=timezone.now(),
        decided_by=by,
        decision=reason[:500],
        kept_until=today() + timedelta(days=days),
    )


def _bind(call: SeatCall, rows: Sequence[Revocation], reason: str) -> dict[str, Any]:
    keys = {one.pk for one in rows}
    free = list(Revocation.objects.select_for_update().filter(pk__in=keys, state__in=TAKEN))
    before = {one.reinstate_call_id for one in free if one.reinstate_call_id is not None}
    is_asked = SeatCall.objects.filter(pk__in=before, state=SeatCall.State.INTENDED).exists()
    if is_asked or len(free) < len(keys):
        raise jobs.Refused("Somebody else is giving these seats back at this moment: try again.")
    Revocation.objects.filter(pk__in=keys).update(reinstate_call=call)
    return {"batch": rows[0].batch_id, "reinstate": sorted(keys), "reason": reason}
