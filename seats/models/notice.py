"""What people are told before a seat is taken back: the words, and each mail with what became of it."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q
from django.utils import timezone

from seats.models.account import Account
from seats.models.github_user import GitHubUser
from seats.models.review import SeatReview
from seats.models.team import Team


class NoticeTemplate(models.Model):
    """The words of a notice: of one organization or enterprise, else of everybody; one per language."""

    class Kind(models.TextChoices):
        PERSON = "person", "to the person who holds the seat"
        MAINTAINERS = "maintainers", "digest to a team's maintainers"

    # "all" or "account:3": unique without a NULL.
    scope_key = models.CharField(max_length=40, editable=False, default="all")
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="notice_templates",
        help_text="Empty: every account without a template of its own.",
    )  # fmt: skip
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.PERSON)
    language = models.CharField(max_length=10, default="en", help_text="As en or pt-br.")
    is_default = models.BooleanField(
        default=False, help_text="The language for people of whom none is known."
    )
    subject = models.CharField(max_length=200)
    body = models.TextField()

    class Meta:
        ordering = ["scope_key", "kind", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope_key", "kind", "language"], name="seats_notice_template_once_per_language"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.language}, {self.account or 'everybody'}"

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.scope_key = f"account:{self.account_id}" if self.account_id else "all"
        super().save(*args, **kwargs)


def new_nonce() -> str:
    """What a link must name besides the notice: nobody makes one from its number alone."""
    return secrets.token_hex(16)


class Notice(models.Model):
    """One mail to one person: written down before it is sent, sent once."""

    class Kind(models.TextChoices):
        PERSON = "person", "to the person"
        MAINTAINERS = "maintainers", "digest to maintainers"
        BY_HAND = "by_hand", "told by somebody"

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"
        NO_ADDRESS = "no_address", "no address"
        WITHDRAWN = "withdrawn", "withdrawn"

    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.PERSON)
    # What it is about, so that it is sent once: "review:7" or "team:3:2026-W47:user:9".
    once_key = models.CharField(max_length=120, unique=True, editable=False)
    review = models.ForeignKey(
        SeatReview, null=True, blank=True, on_delete=models.CASCADE, related_name="notices"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="notices")
    recipient = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=10, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    # Without the link that answers it: that is a secret of the person, made when it is sent.
    body = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When a worker took it up to send it; of one that died meanwhile nobody knows whether it did.
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("send_notice", "Can send notices")]
        indexes = [models.Index(fields=["state", "id"], name="seats_notice_by_state")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="seats_notice_sent_at_a_moment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.user}"
