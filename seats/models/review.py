"""An inactive seat on somebody's desk. One open review per seat."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from seats.models.seat import Seat


class SeatReviewQuerySet(models.QuerySet["SeatReview"]):
    def open(self) -> SeatReviewQuerySet:
        return self.filter(state__in=SeatReview.OPEN)

    def keeping(self, day: date) -> SeatReviewQuerySet:
        """Reviews whose decision to keep the seat still holds on this day."""
        return self.filter(state=SeatReview.State.KEPT, kept_until__gte=day)


class SeatReview(models.Model):
    class State(models.TextChoices):
        FLAGGED = "flagged", "flagged"
        NOTIFIED = "notified", "notified"
        APPROVED = "approved", "approved"
        REVOKED = "revoked", "taken back, to be verified"
        FAILED = "failed", "failed"
        VERIFIED = "verified", "taken back"
        KEPT = "kept", "kept"
        REACTIVATED = "reactivated", "came back to life"
        ENDED = "ended", "seat ended"

    class Answer(models.TextChoices):
        NEEDED = "needed", "still needs it"

    # On somebody's desk: the seat is not decided for good.
    OPEN: ClassVar[tuple[str, ...]] = (
        State.FLAGGED, State.NOTIFIED, State.APPROVED, State.REVOKED, State.FAILED,
    )  # fmt: skip

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="reviews")
    # The seat's id while the review is open, NULL afterwards: one open review per seat.
    open_key = models.BigIntegerField(unique=True, null=True, blank=True, editable=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.FLAGGED)
    verdict = models.CharField(max_length=20, help_text="The verdict when it was flagged.")
    reason = models.TextField(help_text="What the policy, or the person who flagged it, said.")
    opened_on = models.DateField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Empty: the policy.",
    )  # fmt: skip
    notified_at = models.DateTimeField(null=True, blank=True)
    notice_ends_on = models.DateField(
        null=True, blank=True, help_text="The last day on which the person may still answer."
    )
    answer = models.CharField(max_length=20, choices=Answer.choices, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Who closed it or kept the seat; empty: the portal, or the person who holds it.",
    )  # fmt: skip
    decision = models.CharField(max_length=500, blank=True, help_text="Why it was decided so.")
    kept_until = models.DateField(
        null=True, blank=True, help_text="The last day on which a kept seat is left alone."
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SeatReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("decide_seatreview", "Can decide reviews of seats")]
        indexes = [
            models.Index(fields=["state", "id"], name="seats_review_by_state"),
            models.Index(fields=["notice_ends_on", "id"], name="seats_review_by_notice"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=["flagged", "notified", "approved", "revoked", "failed"], open_key__isnull=False
                )
                | (
                    ~Q(state__in=["flagged", "notified", "approved", "revoked", "failed"])
                    & Q(open_key__isnull=True)
                ),
                name="seats_review_open_key_while_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.seat}: {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN
