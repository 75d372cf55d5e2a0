"""The people who use the portal: admins who propose, approve, withdraw and execute; people who answer.

Each does what a page would do, and writes into the ledger what they did and saw.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from django.core import mail
from django.db.models import Q
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.models import Job
from seats.models import Account, Revocation, RevocationBatch, Seat, SeatReview
from seats.reclaim import flag, notify
from seats.reclaim.approve import approve, withdraw
from seats.reclaim.automatic import propose_and_execute
from seats.reclaim.propose import propose
from seats.reclaim.refusals import Refused
from seats.reclaim.reinstate import reinstate_here
from seats.reclaim.revoke import KIND, execute_here
from tests.seats.reclaim.ledger import ApprovedBatch
from tests.seats.reclaim.lives import Life
from tests.seats.reclaim.rules_desk import RulesDesk, key_of

LINK = re.compile(r"https?://[^/\s]+(/\S+key=\S+)")


class Quiet:
    """A run that nobody looks on at, and nobody stops."""

    def should_stop(self) -> None: ...

    def progress(self, done: int, total: int | None = None, note: str = "") -> None: ...


class Desk(RulesDesk):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._read_mails = 0
        self._browser = Client()
        # Person → the links of their mails, oldest first.
        self.links: dict[int, list[str]] = {}
        # What jobs that failed said, and how often.
        self.errors: Counter[str] = Counter()
        self.last_refusal = ""

    def interfere(self, life: Life) -> None:
        """Somebody decides otherwise in the very moment in which seats are taken back."""
        what = self.dice.choice(["exempt", "keep", "answer", "withdraw", "edit"])
        if what == "exempt":
            self.exempt(life)
        elif what == "keep":
            self.keep(life)
        elif what == "answer":
            self.answer(life)
        elif what == "edit":
            self.edit_policy()
        else:
            held = RevocationBatch.objects.filter(revocations__live_key__isnull=False)
            if batch := held.filter(revocations__seat__user__github_id=life.id).first():
                self.withdraw(batch)

    # --- Flagging and telling -------------------------------------------------------------------

    def flag(self) -> None:
        flag.review()

    def tell(self) -> None:
        notify.notify()
        self._read_mail()
        unreached = [review for review in notify.unreached() if self.dice.random() < 0.3]
        if unreached and notify.told_by_hand(unreached, self.admins[0], "by telephone"):
            for review in unreached:
                self._was_told(review.seat)

    def _was_told(self, seat: Seat) -> None:
        number = seat.user.github_id
        if number is not None:
            self.ledger.note_told(key_of(seat.account), number, timezone.now())

    def _read_mail(self) -> None:
        """Whoever got a mail has been told; of which organization stands in it. Teams get theirs, too."""
        by_address = {f"{life.person['email']}".lower(): life for life in self.company.lives.values()}
        for message in mail.outbox[self._read_mails :]:
            text = str(message.body)
            if "person" not in message.subject:
                continue
            for address in message.to:
                life = by_address.get(address.lower())
                for account in self.company.accounts if life else ():
                    if life and re.search(rf"\b{re.escape(account.login)}\b", text):
                        kind = "enterprise" if account is self.company.enterprise else "organization"
                        key = f"{kind}:{account.login.lower()}"
                        self.ledger.note_told(key, life.id, timezone.now())
                        self.counts["told"] += 1
                if life is not None and (found := LINK.search(text)):
                    self.links.setdefault(life.id, []).append(found.group(1))
        self._read_mails = len(mail.outbox)

    def answer(self, life: Life) -> None:
        """They follow the link of their newest mail, and say that they need it."""
        if not self.links.get(life.id):
            return
        before = set(SeatReview.objects.exclude(answer="").values_list("pk", flat=True))
        path, _, query = self.links[life.id][-1].partition("?")
        self._browser.post(path, {name: value[0] for name, value in parse_qs(query).items()})
        new = SeatReview.objects.exclude(answer="").exclude(pk__in=before).select_related("seat__account")
        for review in new:
            self.ledger.answered[key_of(review.seat.account), life.id] = timezone.now()
            self.counts["answered"] += 1

    # --- Batches --------------------------------------------------------------------------------

    def open_people(self) -> set[int]:
        rows = SeatReview.objects.open().values_list("seat__user__github_id", flat=True)
        return {number for number in rows if number is not None}

    def people_in_batches(self) -> set[int]:
        rows = Revocation.objects.filter(
            state__in=["proposed", "intended"],
            batch__state__in=["approved", "executing", "stopped", "proposed"],
        ).values_list("seat__user__github_id", flat=True)
        return {number for number in rows if number is not None}

    def morning(self) -> None:
        dice, people = self.dice, self.company.everybody()
        if dice.random() < 0.05:
            self.edit_policy()
        if people and dice.random() < 0.05:
            self.exempt(dice.choice(people))
        if dice.random() < 0.03:
            self.drop_exemption()
        on_desk = [life for life in people if life.id in self.open_people()]
        if on_desk and dice.random() < 0.1:
            self.keep(dice.choice(on_desk))
        if on_desk and dice.random() < 0.1:
            self.answer(dice.choice(on_desk))
        for account in self.portal.all_ours():
            if dice.random() < 0.6:
                self.propose(account)
        self.decide()

    def evening(self) -> None:
        """Whoever changed their mind, or gives back what was taken."""
        dice = self.dice
        if dice.random() < 0.1:
            taken = list(Revocation.objects.filter(state__in=["revoked", "verified"]).order_by("-id")[:3])
            if taken:
                self.give_back([dice.choice(taken)])
        if dice.random() < 0.03:
            for batch in RevocationBatch.objects.filter(state__in=["proposed", "approved"])[:1]:
                self.withdraw(batch)

    def propose(self, account: Account) -> None:
        by = self.dice.choice(self.admins)
        try:
            batch = propose(account, None, by=by)
        except Refused as refused:
            self._refused(refused)
            return
        self._note_batch(batch, by.get_username())
        self.counts["proposed"] += 1

    def _note_batch(self, batch: RevocationBatch, proposed_by: str) -> None:
        rows = batch.revocations.exclude(state=Revocation.State.LEFT_OUT)
        people = frozenset(rows.values_list("seat__user__github_id", flat=True))
        left_out = batch.revocations.filter(state=Revocation.State.LEFT_OUT).values_list("brake", flat=True)
        self.refusals.update(f"left out: {brake}" for brake in left_out)
        self.ledger.batches[batch.pk] = ApprovedBatch(
            batch.pk, key_of(batch.account), people, proposed_by, batch.is_automatic
        )

    def _refused(self, refused: Refused) -> None:
        self.refusals[str(refused.refusal.brake)] += 1
        self.last_refusal = str(refused)

    def decide(self) -> None:
        waiting = RevocationBatch.objects.filter(state__in=["proposed", "half_approved"])
        for batch in waiting.select_related("account"):
            known = self.ledger.batches.get(batch.pk)
            if known is None:
                self._note_batch(batch, "portal")
            for by in self.dice.sample(self.admins, self.dice.choice([0, 1, 2, 3])):
                self.approve(batch, by)
            if self.dice.random() < 0.1:
                self.withdraw(batch)

    def approve(self, batch: RevocationBatch, by: Any) -> None:
        seats = batch.revocations.filter(state=Revocation.State.PROPOSED).count()
        batch = RevocationBatch.objects.select_related("account").get(pk=batch.pk)
        try:
            approve(batch, by, "they do not use it", typed=self.dice.choice([seats, seats, seats, None, 1]))
        except Refused as refused:
            self._refused(refused)
            return
        self.ledger.batches[batch.pk].approvals.append((by.get_username(), timezone.now()))
        self.counts["approved"] += 1

    def withdraw(self, batch: RevocationBatch) -> None:
        try:
            withdraw(batch, self.admins[2], "on second thoughts")
        except Refused as refused:
            self._refused(refused)
            return
        self.ledger.batches[batch.pk].is_withdrawn = True
        self.counts["withdrawn"] += 1

    # --- Taking back ----------------------------------------------------------------------------

    def execute(self) -> None:
        for account in self.portal.all_ours():
            self._run_by_itself(account)
        self.work_off()
        ready = RevocationBatch.objects.filter(state__in=["approved", "stopped", "executing"])
        for batch in list(ready.select_related("account")):
            if self.dice.random() < 0.8:
                self._execute(batch)
                if self.dice.random() < 0.3:
                    self._execute(batch)

    def _begin(self, batch: ApprovedBatch | None) -> None:
        ledger = self.ledger
        ledger.run += 1
        ledger.run_began, ledger.executing = ledger.number, batch

    def _execute(self, batch: RevocationBatch) -> None:
        self._begin(self.ledger.batches.get(batch.pk))
        try:
            self._note_end(
                execute_here(RevocationBatch.objects.get(pk=batch.pk), self.dice.choice(self.admins))
            )
        except Refused as refused:
            self._refused(refused)
        finally:
            self.ledger.executing = None

    def _note_end(self, job: Job) -> None:
        self.counts[f"execution {job.state}"] += 1
        self.errors[job.error[:90]] += bool(job.error)
        self.ledger.executing = None

    def _run_by_itself(self, account: Account) -> None:
        told = propose_and_execute(account, Quiet())  # type: ignore[arg-type]
        for key in told["proposed"]:
            self._note_batch(RevocationBatch.objects.select_related("account").get(pk=key), "portal")
            self.counts["proposed by itself"] += 1

    def work_off(self) -> None:
        """What a worker does whom the queue wakes: each execution whose time has come."""
        waiting = Job.objects.filter(kind=KIND, state=Job.State.QUEUED).order_by("pk")
        for job in waiting.filter(Q(run_after=None) | Q(run_after__lte=timezone.now())):
            batch = self.ledger.batches.get(int(job.subject.removeprefix("batch:")))
            self._begin(batch)
            import_string(job.task)(job.pk)
            self._note_end(Job.objects.get(pk=job.pk))

    def give_back(self, revocations: Iterable[Revocation]) -> None:
        try:
            revocations = list(revocations)
            reinstate_here(revocations, self.admins[0], "they asked for it")
            self.counts["given back"] += 1
            # Whoever gives a seat back has decided that it stays, for a while.
            for row in Revocation.objects.filter(
                pk__in=[one.pk for one in revocations], state="reinstated"
            ).select_related("seat__account", "seat__user"):
                key = key_of(row.seat.account), row.seat.user.github_id or 0
                self.ledger.kept[key] = timezone.now().date() + timedelta(days=30)
        except Refused as refused:
            self._refused(refused)
