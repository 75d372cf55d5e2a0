"""Take seats back through the same door as the pages do: a dry run, unless it is told to execute."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import BaseCommand, CommandError

from portal.models import Job
from seats.models import Account, InactivityPolicy, RevocationBatch, Seat
from seats.policy_sql import today
from seats.reclaim import approve, brakes, propose, revoke
from seats.reclaim.refusals import BRAKES, Brake, Refused
from seats.reclaim.told import Told, name_of, of_batch, of_dry_run, of_proposal
from seats.sync import steps

State = RevocationBatch.State
UNDECIDED = (State.PROPOSED, State.HALF_APPROVED)
OVER = (State.DONE, State.WITHDRAWN, State.EXPIRED)
# For so many seconds it waits when GitHub asks to.
PATIENCE_SECONDS = 300.0
LONGEST_REASON = RevocationBatch._meta.get_field("reason").max_length or 0
# So many people are named; --json has them all.
NAMED = 20


class Command(BaseCommand):
    help = (
        "Take back the seats of a batch; or propose a batch of the inactive seats of an organization whose "
        "notice is over, approve it and take those back. Without --execute it only says what would be done. "
        "With it somebody answers for it: --as names a user of the portal, whose permissions count, unless "
        "the policy's mode is automatic. Exit code 0: done; 1: done, but something was refused, left out or "
        "is left to do; 2: nothing done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--batch", metavar="N", type=int, help="the batch with this number")
        what.add_argument("--organization", metavar="L", help="this organization's inactive seats")
        what.add_argument("--enterprise", metavar="S", help="inactive seats that this enterprise granted")
        parser.add_argument("--execute", action="store_true", help="do it; without it, a dry run")
        parser.add_argument("--reason", metavar="R", default="", help="why; kept by the audit")
        parser.add_argument("--as", dest="user", metavar="USER", help="the user of the portal who decides")
        parser.add_argument(
            "--confirm", metavar="N", type=int, help="how many seats, where the policy has that typed"
        )
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        if len(options["reason"]) > LONGEST_REASON:
            raise CommandError(f"Say why in at most {LONGEST_REASON} characters.", returncode=2)
        self.user = self._user(options["user"])
        batch = self._batch(options["batch"]) if options["batch"] is not None else None
        account = batch.account if batch else self._account()
        try:
            told = self._execute(account, batch) if options["execute"] else self._try_out(account, batch)
        except Refused as refused:
            self._refuse(account, batch, refused)
        self._tell(told)
        if options["json"]:
            self.stdout.write(json.dumps(told.as_json()))
        if not told.is_all_done:
            sys.exit(1)

    def _try_out(self, account: Account, batch: RevocationBatch | None) -> Told:
        if batch is None:
            own = None if self.user else self._own(account)
            by = self.user or (None if own else AnonymousUser())
            return of_proposal(propose.preview(account, own or None, by=by, automatic=bool(own)))
        if batch.state in OVER:
            return of_batch(batch)
        needs = "" if batch.state not in UNDECIDED else "Somebody has to approve it."
        return of_dry_run(batch, revoke.dry_run(batch), needs)

    # --- Doing it -------------------------------------------------------------------------------

    def _execute(self, account: Account, batch: RevocationBatch | None) -> Told:
        """Propose, approve and execute, as far as that is not done yet."""
        self._check_who_decides(account, batch)
        is_new = batch is None
        batch = batch or self._propose(account)
        if batch.state in OVER:
            raise CommandError(
                f"{batch} is {batch.get_state_display()}: nothing is left to do.", returncode=2
            )
        try:
            return self._go_on(batch)
        except Refused as refused:
            if not is_new:
                raise
            # Something was done: the batch is there, for somebody to go on with.
            batch.refresh_from_db()
            return of_batch(batch, str(refused))

    def _go_on(self, batch: RevocationBatch) -> Told:
        if batch.state in UNDECIDED:
            if batch.is_automatic and self.user is None:
                batch = approve.approve_automatically(batch)
            else:
                reason, confirm = self.options["reason"], self.options["confirm"]
                batch = approve.approve(batch, self.user, reason, confirm)
        if batch.state == State.HALF_APPROVED:
            return of_batch(batch, "A second person has to approve it, neither you nor who proposed it.")
        with steps.here(patience=PATIENCE_SECONDS):
            job = revoke.execute_here(batch, self.user)
        batch.refresh_from_db()
        return of_batch(batch, _left_to_do(batch, job))

    def _propose(self, account: Account) -> RevocationBatch:
        reason = self.options["reason"]
        if self.user is not None:
            return propose.propose(account, None, by=self.user, reason=reason)
        reason = reason or "By the policy."
        return propose.propose(account, self._own(account), by=None, automatic=True, reason=reason)

    def _own(self, account: Account) -> list[Seat]:
        """Seats that the automatic mode may take back without anybody."""
        by_itself = {policy.pk for policy in _automatic(account)}
        return [seat for seat in propose.ready(account, today()) if seat.policy_id in by_itself]

    def _check_who_decides(self, account: Account, batch: RevocationBatch | None) -> None:
        if self.user is not None:
            if not self.options["reason"] and (batch is None or batch.state in UNDECIDED):
                raise CommandError("Say why: --reason R.", returncode=2)
            return
        if batch.is_automatic if batch else _automatic(account):
            return
        raise CommandError(
            "Name who decides: --as USER. Only what the policy's automatic mode does needs nobody.",
            returncode=2,
        )

    # --- What it is about -----------------------------------------------------------------------

    def _user(self, name: str | None) -> Any:
        if not name:
            return None
        user = get_user_model().objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {name} of this portal.", returncode=2)
        return user

    def _batch(self, number: int) -> RevocationBatch:
        batch = RevocationBatch.objects.select_related("account__parent").filter(pk=number).first()
        if batch is None:
            newest = RevocationBatch.objects.values_list("pk", flat=True)[:5]
            known = ", ".join(map(str, newest)) or "none yet"
            raise CommandError(f"There is no batch {number}; the newest: {known}.", returncode=2)
        return batch

    def _account(self) -> Account:
        login = self.options["organization"] or self.options["enterprise"]
        kind = Account.Kind.ORGANIZATION if self.options["organization"] else Account.Kind.ENTERPRISE
        account = Account.objects.select_related("parent").named(kind, login).first()
        if account is None:
            known = ", ".join(found.label for found in Account.objects.filter(kind=kind)) or "none yet"
            raise CommandError(f"There is no {kind} {login}; known: {known}.", returncode=2)
        return account

    # --- Telling --------------------------------------------------------------------------------

    def _tell(self, told: Told) -> None:
        write = self.stdout.write
        what = str(told.batch) if told.batch else told.account.label
        good = told.good
        would = "would be" if told.is_dry_run else "were" if len(good) != 1 else "was"
        write(f"{what}: {_seats(len(good))} {would} taken back, {told.saving} a month.")
        if good:
            more = f" and {len(good) - NAMED:,} more" if len(good) > NAMED else ""
            write(f"  {', '.join(seat.login for seat in good[:NAMED])}{more}")
        for refusal in told.refusals:
            write(self.style.ERROR(f"Nothing of it now. {refusal.name}: {refusal}"))
        counted = {brake: count for brake, count in told.brakes.items() if count}
        if counted:
            write("Refused or left out:")
        for brake, count in counted.items():
            write(f"  {count:>6,}  {name_of(brake)}. {BRAKES[Brake(brake)].remedy}")
        for seat in [seat for seat in told.seats if seat.outcome == "failed"][:NAMED]:
            write(f"  {seat.login}: {seat.says}")
        if told.needs:
            write(self.style.WARNING(f"Left to do: {told.needs}"))
        if told.is_dry_run:
            write("This was a dry run: nothing was written, and nothing asked of GitHub. --execute does it.")

    def _refuse(self, account: Account, batch: RevocationBatch | None, refused: Refused) -> NoReturn:
        """Nothing was done: leave with exit code 2."""
        if self.options["json"]:
            told = Told(account, [], batch, refusals=refused.refusals)
            self.stdout.write(json.dumps(told.as_json()))
        said = " ".join(f"{refusal.name}: {refusal}" for refusal in refused.refusals)
        raise CommandError(said, returncode=2) from None


def _automatic(account: Account) -> list[InactivityPolicy]:
    """The account's policies that need nobody's approval."""
    return [
        policy
        for policy in brakes.policies_of(account)
        if policy.mode == InactivityPolicy.Mode.AUTOMATIC and not policy.needs_second_person
    ]


def _left_to_do(batch: RevocationBatch, job: Job) -> str:
    """Why it is not over; empty where it is."""
    if job.is_live:
        return f"It goes on in the background. {job.error}".strip()
    if batch.state == State.DONE:
        return ""
    return batch.says or job.error or "It was stopped; execute it once more."


def _seats(count: int) -> str:
    return "1 seat" if count == 1 else f"{count:,} seats"
