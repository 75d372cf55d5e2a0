"""An inactive seat on somebody's desk. One open review per seat."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from seats.models.seat import Seat


class SeatReviewQuerySet(models.QuerySet["SeatReview"]):
    def open(self) -> SeatReviewQuerySet:
        return self.filter(state__in=SeatReview.OPEN)


class SeatReview(models.Model):
    class State(models.TextChoices):
        FLAGGED = "flagged", "flagged"
        KEPT = "kept", "kept"
        REACTIVATED = "reactivated", "came back to life"
        ENDED = "ended", "seat ended"

    OPEN: ClassVar[tuple[str, ...]] = (State.FLAGGED,)

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
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SeatReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="flagged", open_key__isnull=False)
                | (~Q(state="flagged") & Q(open_key__isnull=True)),
                name="seats_review_open_key_while_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.seat}: {self.get_state_display()}"
