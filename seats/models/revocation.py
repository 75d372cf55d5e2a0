"""Taking seats back: the batch that was proposed and approved, each seat in it, each call made to GitHub.

A call's intent is committed before the call and its answer after it, so that whoever finds an intent
without an answer asks GitHub what happened.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from seats.models.account import Account
from seats.models.github_user import GitHubUser
from seats.models.policy import InactivityPolicy
from seats.models.review import SeatReview
from seats.models.seat import Seat
from seats.models.team import Team


class SeatCall(models.Model):
    """One call that gives or takes seats: what was to be done, and what GitHub said."""

    class Action(models.TextChoices):
        REVOKE = "revoke", "take back"
        GRANT = "grant", "grant"

    class State(models.TextChoices):
        INTENDED = "intended", "asked, no answer yet"
        ANSWERED = "answered", "answered"
        REFUSED = "refused", "refused by GitHub"
        SETTLED = "settled", "no answer; found out by reading"

    action = models.CharField(max_length=20, choices=Action.choices)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="seat_calls")
    path = models.CharField(max_length=300, help_text="Of GitHub's API, as it was called.")
    logins = models.JSONField(default=list, help_text="The names sent.")
    state = models.CharField(max_length=20, choices=State.choices, default=State.INTENDED)
    intended_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the HTTP answer.")
    seats_changed = models.PositiveIntegerField(
        null=True, blank=True, help_text="GitHub's seats_cancelled or seats_created."
    )
    said = models.TextField(blank=True, help_text="GitHub's words, or why there are none.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Empty: the portal.",
    )  # fmt: skip

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="intended", answered_at=None)
                | (~Q(state="intended") & Q(answered_at__isnull=False)),
                name="seats_call_answered_at_a_moment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {len(self.logins)} in {self.account}"

    @property
    def subject(self) -> str:
        """How the audit names it."""
        return f"call:{self.pk}"


class RevocationBatchQuerySet(models.QuerySet["RevocationBatch"]):
    def undecided(self) -> RevocationBatchQuerySet:
        return self.filter(state__in=[RevocationBatch.State.PROPOSED, RevocationBatch.State.HALF_APPROVED])


class RevocationBatch(models.Model):
    """A frozen selection of seats of one account."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "proposed"
        HALF_APPROVED = "half_approved", "approved by one, a second is needed"
        APPROVED = "approved", "approved"
        EXECUTING = "executing", "being executed"
        STOPPED = "stopped", "stopped"
        DONE = "done", "done"
        WITHDRAWN = "withdrawn", "withdrawn"
        EXPIRED = "expired", "expired"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="revocation_batches")
    state = models.CharField(max_length=20, choices=State.choices, default=State.PROPOSED)
    is_automatic = models.BooleanField(default=False, help_text="Proposed and approved by the policy.")
    reason = models.CharField(max_length=500, blank=True)
    digest = models.CharField(
        max_length=64, editable=False, help_text="SHA-256 of the frozen selection, in one order."
    )
    seats_held = models.PositiveIntegerField(help_text="Seats the account held when it was proposed.")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Empty: the portal.",
    )  # fmt: skip
    proposed_at = models.DateTimeField(default=timezone.now)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approval_reason = models.CharField(max_length=500, blank=True)
    second_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    second_approved_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    says = models.TextField(blank=True, help_text="Why it was stopped or withdrawn.")

    objects = RevocationBatchQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "revocation batches"
        permissions = [
            ("propose_revocationbatch", "Can propose seats to be taken back"),
            ("approve_revocationbatch", "Can approve that seats are taken back"),
            ("execute_revocationbatch", "Can take back seats that were approved"),
            ("reinstate_revocationbatch", "Can give back seats that were taken back"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "withdrawn", "expired"]) | Q(approved_at__isnull=False),
                name="seats_batch_goes_on_when_approved",
            )
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk} of {self.account}"

    @property
    def subject(self) -> str:
        """How jobs and the audit name it."""
        return f"batch:{self.pk}"


class RevocationQuerySet(models.QuerySet["Revocation"]):
    def to_do(self) -> RevocationQuerySet:
        """Not asked of GitHub yet."""
        return self.filter(state=Revocation.State.PROPOSED)

    def unanswered(self) -> RevocationQuerySet:
        """Asked of GitHub, and nobody knows what came of it."""
        return self.filter(state=Revocation.State.INTENDED)

    def taken_back(self) -> RevocationQuerySet:
        """GitHub cancelled the seat, whatever became of it later."""
        return self.filter(state__in=Revocation.TAKEN_BACK)


class Revocation(models.Model):
    """One seat in a batch: what was known when it was proposed, and what became of it."""

    class State(models.TextChoices):
        LEFT_OUT = "left_out", "left out"
        PROPOSED = "proposed", "proposed"
        INTENDED = "intended", "asked, no answer yet"
        REVOKED = "revoked", "taken back, to be verified"
        VERIFIED = "verified", "taken back, verified"
        REFUSED = "refused", "refused by a brake"
        FAILED = "failed", "refused by GitHub"
        CAME_BACK = "came_back", "has a seat again"
        REINSTATED = "reinstated", "given back"
        DROPPED = "dropped", "not done"

    # A seat is in one batch at a time.
    LIVE: ClassVar[tuple[str, ...]] = (State.PROPOSED, State.INTENDED, State.REVOKED)
    TAKEN_BACK: ClassVar[tuple[str, ...]] = (
        State.REVOKED, State.VERIFIED, State.CAME_BACK, State.REINSTATED,
    )  # fmt: skip

    batch = models.ForeignKey(RevocationBatch, on_delete=models.PROTECT, related_name="revocations")
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="revocations")
    review = models.ForeignKey(
        SeatReview, null=True, blank=True, on_delete=models.SET_NULL, related_name="revocations"
    )
    # The seat's id while it is live, NULL otherwise.
    live_key = models.BigIntegerField(unique=True, null=True, blank=True, editable=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.PROPOSED)

    # As it stood when it was proposed.
    login = models.CharField(max_length=255)
    verdict = models.CharField(max_length=20)
    reason = models.TextField(help_text="The policy's words.")
    policy = models.ForeignKey(
        InactivityPolicy, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_evidence_on = models.DateField(null=True, blank=True)
    last_evidence_source = models.CharField(max_length=20, blank=True)
    granted_by = models.CharField(max_length=60, blank=True)
    plan_type = models.CharField(max_length=20, blank=True)
    monthly_saving = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True,
        help_text="What a month costs less without it; empty where no price is known.",
    )  # fmt: skip
    currency = models.CharField(max_length=3, blank=True)

    # Why it was left out or refused, and GitHub's words.
    brake = models.CharField(max_length=40, blank=True)
    says = models.TextField(blank=True)

    call = models.ForeignKey(
        SeatCall, null=True, blank=True, on_delete=models.PROTECT, related_name="revocations"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    pending_cancellation_date = models.DateField(
        null=True, blank=True, help_text="The day on which access, and cost, end."
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    came_back_at = models.DateTimeField(null=True, blank=True)
    came_back_by = models.CharField(max_length=200, blank=True, help_text="By which path.")
    reinstated_at = models.DateTimeField(null=True, blank=True)
    reinstated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reinstate_call = models.ForeignKey(
        SeatCall, null=True, blank=True, on_delete=models.PROTECT, related_name="reinstatements"
    )

    objects = RevocationQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "id"]
        indexes = [models.Index(fields=["state", "revoked_at"], name="seats_revocation_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["batch", "seat"], name="seats_revocation_once_per_batch"),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "intended", "revoked"], live_key__isnull=False)
                | (~Q(state__in=["proposed", "intended", "revoked"]) & Q(live_key__isnull=True)),
                name="seats_revocation_live_key_while_live",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["intended", "revoked", "verified", "came_back", "reinstated"])
                | Q(call__isnull=False),
                name="seats_revocation_is_asked_by_a_call",
            ),
            models.CheckConstraint(
                condition=Q(verified_at=None) | Q(verified_at__gte=F("revoked_at")),
                name="seats_revocation_verified_after_it_was_made",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.login}: {self.get_state_display()}"


class RemovalTask(models.Model):
    """A seat that a team grants and only the team's owner can end: nobody is removed from a team by us."""

    class State(models.TextChoices):
        OPEN = "open", "to do"
        DONE = "done", "done"
        WITHDRAWN = "withdrawn", "no longer wanted"

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="removal_tasks")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="removal_tasks")
    review = models.ForeignKey(
        SeatReview, null=True, blank=True, on_delete=models.SET_NULL, related_name="removal_tasks"
    )
    # "seat:team" while it is open: one open task for each.
    open_key = models.CharField(max_length=50, unique=True, null=True, blank=True, editable=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    reason = models.TextField(blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open", open_key__isnull=False)
                | (~Q(state="open") & Q(open_key__isnull=True)),
                name="seats_removal_task_open_key_while_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.seat} through {self.team}"


class SeatRequestQuerySet(models.QuerySet["SeatRequest"]):
    def open(self) -> SeatRequestQuerySet:
        return self.filter(state__in=SeatRequest.OPEN)

    def in_line(self) -> SeatRequestQuerySet:
        """Approved, and not granted yet: the next first."""
        return self.filter(state=SeatRequest.State.APPROVED).order_by("created_at", "pk")


class SeatRequest(models.Model):
    """Somebody asks for a seat; a freed one can go to the next in line."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        APPROVED = "approved", "approved, in line"
        GRANTING = "granting", "asked of GitHub, no answer yet"
        GRANTED = "granted", "granted"
        REFUSED = "refused", "refused"
        FAILED = "failed", "could not be granted"
        WITHDRAWN = "withdrawn", "withdrawn"

    OPEN: ClassVar[tuple[str, ...]] = (State.WAITING, State.APPROVED, State.GRANTING, State.FAILED)

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="seat_requests")
    login = models.CharField(max_length=255)
    user = models.ForeignKey(
        GitHubUser, null=True, blank=True, on_delete=models.SET_NULL, related_name="seat_requests",
        help_text="Whom we know under this login.",
    )  # fmt: skip
    # "account:login" while it is open: one open request for each.
    open_key = models.CharField(max_length=300, unique=True, null=True, blank=True, editable=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=500)
    asked_by = models.CharField(max_length=150, blank=True, help_text="The manager who asks, for instance.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=500, blank=True)
    call = models.ForeignKey(
        SeatCall, null=True, blank=True, on_delete=models.PROTECT, related_name="seat_requests"
    )
    granted_at = models.DateTimeField(null=True, blank=True)
    says = models.TextField(blank=True, help_text="GitHub's words, or ours where it was not asked.")

    objects = SeatRequestQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["account", "state", "created_at"], name="seats_request_in_line")]
        permissions = [("decide_seatrequest", "Can decide requests for seats, and grant them")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "approved", "granting", "failed"], open_key__isnull=False)
                | (~Q(state__in=["waiting", "approved", "granting", "failed"]) & Q(open_key__isnull=True)),
                name="seats_request_open_key_while_open",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="seats_request_has_a_reason",
                violation_error_message="Say why.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.login} in {self.account}"

    @property
    def subject(self) -> str:
        """How the audit names it."""
        return f"request:{self.pk}"

    def own_open_key(self) -> str:
        return f"{self.account_id}:{self.login.lower()}"

    def _set_open_key(self) -> None:
        self.open_key = self.own_open_key() if self.state in self.OPEN else None

    def clean(self) -> None:
        self._set_open_key()

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self._set_open_key()
        super().save(*args, **kwargs)
