"""One run of an approved batch: some seats at a time, each read, checked, asked for once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from portal import jobs
from portal.github.errors import GitHubError
from portal.models import Job
from seats import verdicts
from seats.accounts import take_turns
from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, SeatCall
from seats.reclaim import brakes, calls, executing, live_account, outcomes, settling
from seats.reclaim.live_account import LiveAccount
from seats.reclaim.outcomes import Lost
from seats.reclaim.rechecks import Checked, Recheck
from seats.reclaim.refusals import Brake, Refusal
from seats.reclaim.shown import Reading
from seats.sync import one_seat, steps
from seats.sync.tally import Reporter

# Names in one call: GitHub takes more, but all of them fail with one that is refused.
CHUNK = 50
# So many seats that GitHub refuses one after the other end the run: something else is wrong.
REFUSALS_IN_A_ROW = 3
# So often what was checked may have changed, or grown old, before it was asked.
TRIES = 5
FRESH_SECONDS = 300.0
# A job that takes longer than half an hour is stopped by the queue.
RUN_SECONDS = 1200.0

State = Revocation.State


class Halt(Exception):
    """A brake ends the run; what is still to do stays to do."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Execution:
    """One run of a batch that has been claimed."""

    def __init__(self, batch: RevocationBatch, by: Any, run: jobs.Run, reporter: Reporter) -> None:
        self.batch = batch
        self.account = batch.account
        self.by = by
        self.run = run
        self.reporter = reporter
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self.refused_in_a_row = 0
        self._call: SeatCall | None = None  # about to be sent
        self._done = self._total = 0

    def go(self) -> None:
        # Without patience: between the last look and the call nobody may sleep for long.
        with steps.open_github(self.account, for_revoking=True, should_stop=self._should_stop) as self.github:
            try:
                self._go()
            finally:
                self.counts["requests"] = self.github.counted.requests
                verdicts.refresh(accounts=[self.account])
                self.run.tally = self.tally()

    def tally(self) -> dict[str, Any]:
        return {**self.counts, "notes": self.notes}

    def _go(self) -> None:
        live_account.check_identity(self.account, self.github)
        self.live = LiveAccount(self.account, self.github)
        reading = Reading(self.account, self.github)
        self.counts["settled"] = settling.settle_all(self.account, reading, self.reporter.should_stop)
        rows = to_do(self.batch, limit=CHUNK)
        if rows and (refusal := executing.check_unchanged(self.batch)):
            raise Halt(refusal)
        self._progress()
        began = time.monotonic()
        while rows:
            self._check_account()
            self._take(rows)
            rows = to_do(self.batch, limit=CHUNK)
            if rows and time.monotonic() - began > RUN_SECONDS:
                raise jobs.Later(timezone.now(), "It has been at work for long, and goes on in a moment.")

    def _check_account(self) -> None:
        """Before each call: somebody may have switched off what this goes by."""
        account = Account.objects.select_related("connection", "parent__connection").get(pk=self.account.pk)
        refusals = brakes.of_account(
            account, automatic=self.batch.is_automatic, policies=policies_of(self.batch)
        )
        if refusals:
            raise Halt(refusals[0])

    # --- Some seats ---

    def _take(self, rows: Sequence[Revocation]) -> None:
        """Take these back, each if it still may be."""
        for _ in range(TRIES):
            began = time.monotonic()
            good, halt = self._within_limits(self._checked(rows))
            if good:
                try:
                    if time.monotonic() - began > FRESH_SECONDS:
                        raise Lost
                    call = self._intend(good)
                except Lost:
                    self._still_wanted()
                    rows = to_do(self.batch, among=[one.pk for one in rows])
                    continue
                self._ask(call)
            if halt is not None:
                raise Halt(halt)
            return
        raise Halt(Refusal.of(Brake.CHANGED_SINCE_PROPOSED, "The seats changed each time they were checked."))

    def _checked(self, rows: Sequence[Revocation]) -> list[Checked]:
        recheck = Recheck(self.batch, self.github)
        good = []
        for checked in recheck(rows, self._reading):
            if checked.refusal is None:
                good.append(checked)
            else:
                outcomes.refuse(checked.revocation, checked.refusal)
                self.counts["refused"] += 1
        self._progress()
        return good

    def _within_limits(self, good: list[Checked]) -> tuple[list[Checked], Refusal | None]:
        """As many of them as the caps and the last seat let go; the brake that ends the run after them."""
        if not good:
            return [], None
        allowed, halt = allowed_by_caps(self.batch, good)
        good = good[:allowed]
        if good:
            if refusal := self.live.refusal():
                return [], refusal
            last = brakes.of_last_seat(self.account, wanted=len(good), remaining=self.live.remaining())
            if last.refusal is not None:
                good, halt = good[: last.seats], last.refusal
        return good, halt

    # --- One call ---

    def _intend(self, good: Sequence[Checked]) -> SeatCall:
        self._still_ours()
        return calls.intend(
            calls.Action.REVOKE,
            self.account,
            [one.login for one in good],
            self.by,
            claim=lambda call: self._bind(call, [one.revocation for one in good]),
        )

    def _bind(self, call: SeatCall, rows: Sequence[Revocation]) -> dict[str, Any]:
        """Within the intent's transaction. GitHub took its time: what became known since counts as well.

        Whoever writes evidence waits until the intent stands; accounts are locked first, as everywhere.
        """
        take_turns()
        bound = outcomes.bind(call, rows)
        if any(checked.refusal for checked in Recheck(self.batch, None)(rows)):
            raise Lost
        return bound

    def _ask(self, call: SeatCall) -> None:
        ends_on = settling.cycle_ends_on(self.account)
        asked = outcomes.asked_by(call)
        self._call = call
        try:
            calls.carry_out(
                call,
                self.github,
                conclude=lambda call: outcomes.took_back(call, ends_on) if _is_clear(call) else {},
            )
        finally:
            self._call = None
        self.live.took(len(asked))
        if _is_clear(call):
            self.refused_in_a_row = 0
            self.counts["revoked"] += len(asked)
            self._learn_the_date(asked)
        else:
            self._find_out(call, asked)
        self._progress()

    def _learn_the_date(self, asked: Sequence[Revocation]) -> None:
        """One seat of the call tells when the cycle ends that they all end with."""
        try:
            answer = one_seat.read(asked[0].seat, self.github)
        except (GitHubError, one_seat.ChangedHands):
            return  # the next list tells it
        one_seat.take_in([answer])
        if answer.ends_on is not None:
            outcomes.learn_end(asked, answer.ends_on)

    def _find_out(self, call: SeatCall, asked: Sequence[Revocation]) -> None:
        """The answer leaves open which seats were cancelled: read them, and ask for the others singly."""
        shown = settling.settle(call, Reading(self.account, self.github))
        active = [one for one in asked if not shown[one.seat_id].is_cancelled]
        self.counts["revoked"] += len(asked) - len(active)
        if not active:
            self.refused_in_a_row = 0
            return
        if call.state == SeatCall.State.REFUSED and call.status not in (400, 409, 422):
            raise Halt(Refusal.of(Brake.GITHUB_REFUSES, call.said))
        if len(asked) == 1:
            self._failed(active[0], call)
        else:
            for one in active:
                self._take(to_do(self.batch, among=[one.pk]))

    def _failed(self, one: Revocation, call: SeatCall) -> None:
        says = call.said or "GitHub gave no reason: it answered, and the seat goes on."
        outcomes.fail(one, says)
        self.counts["failed"] += 1
        self.refused_in_a_row += 1
        if self.refused_in_a_row >= REFUSALS_IN_A_ROW:
            raise Halt(
                Refusal.of(
                    Brake.GITHUB_REFUSES, f"GitHub refused {self.refused_in_a_row} seats in a row: {says}"
                )
            )

    # --- Going on ---

    def _should_stop(self) -> None:
        """Called by the client before it sends, and while it waits."""
        self.reporter.should_stop()
        if self._call is not None:
            self._still_ours()

    def _still_ours(self) -> None:
        """Nobody who took this run for dead may have taken its place: then nothing more is sent."""
        if not Job.objects.attempt(self.run.job).exists():
            raise jobs.TakenAway
        call = self._call
        if call is not None and not calls.is_open(call):
            raise jobs.TakenAway

    def _still_wanted(self) -> None:
        self.batch.refresh_from_db()
        if self.batch.state != RevocationBatch.State.EXECUTING:
            raise jobs.Refused(f"{self.batch} is {self.batch.get_state_display()} by now.")

    def _reading(self, number: int) -> None:
        self.reporter.progress(
            self._done, self._total, f"{self._done:,} of {self._total:,} seats, looking at {number + 1} more"
        )

    def _progress(self) -> None:
        rows = Revocation.objects.filter(batch=self.batch).exclude(state=State.LEFT_OUT)
        self._total = rows.count()
        self._done = self._total - rows.filter(state__in=[State.PROPOSED, State.INTENDED]).count()
        self.reporter.progress(self._done, self._total, f"{self._done:,} of {self._total:,} seats")


def to_do(
    batch: RevocationBatch, among: Sequence[int] | None = None, limit: int | None = None
) -> list[Revocation]:
    rows = Revocation.objects.to_do().filter(batch=batch)
    if among is not None:
        rows = rows.filter(pk__in=among)
    rows = rows.select_related("seat__user", "seat__account__parent", "review", "batch").order_by("pk")
    return list(rows[:limit])


def policies_of(batch: RevocationBatch) -> list[InactivityPolicy]:
    """Those that decide today over the seats that are still to do."""
    seats = Revocation.objects.to_do().filter(batch=batch).order_by()
    return list(
        InactivityPolicy.objects.filter(pk__in=seats.values("seat__policy_id"))
        .select_related("account", "team")
        .order_by("pk")
    )


def allowed_by_caps(batch: RevocationBatch, good: Sequence[Checked]) -> tuple[int, Refusal | None]:
    """How many of these the caps let go."""
    if not good:
        return 0, None
    taken = [State.INTENDED, *Revocation.TAKEN_BACK]
    allowance = brakes.of_caps(
        batch.account,
        list({one.policy.pk: one.policy for one in good if one.policy is not None}.values()),
        wanted=len(good),
        in_run=Revocation.objects.filter(batch=batch, state__in=taken).count(),
    )
    return allowance.seats, allowance.refusal


def _is_clear(call: SeatCall) -> bool:
    """GitHub says that it cancelled as many seats as were asked for."""
    return call.state == SeatCall.State.ANSWERED and call.seats_changed == len(call.logins)
