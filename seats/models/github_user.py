"""People: the numeric id is identity, a login is only a name that can change hands."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class GitHubUserQuerySet(models.QuerySet["GitHubUser"]):
    def provisional(self) -> GitHubUserQuerySet:
        """People known only by login, from an activity report."""
        return self.filter(github_id=None)


class GitHubUser(models.Model):
    github_id = models.BigIntegerField(unique=True, null=True, blank=True)
    login = models.CharField(max_length=255, help_text="The login of the newest day we saw.")
    login_key = models.CharField(max_length=255, db_index=True, editable=False)
    # The lower-cased login of a person without an id: one provisional person per login.
    provisional_key = models.CharField(max_length=255, unique=True, null=True, blank=True, editable=False)
    name = models.CharField(max_length=255, blank=True)
    email = models.CharField(max_length=254, blank=True, help_text="As GitHub told it.")
    # The moments of the lists that told them: an older list changes neither.
    name_told_at = models.DateTimeField(null=True, blank=True, editable=False)
    email_told_at = models.DateTimeField(null=True, blank=True, editable=False)
    contact_email = models.CharField(
        max_length=254, blank=True, help_text="Kept by hand: where notices go, before GitHub's address."
    )
    language = models.CharField(
        max_length=10, blank=True, help_text="Of notices, as en or pt-br; empty: the organization's."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GitHubUserQuerySet.as_manager()

    class Meta:
        verbose_name = "GitHub user"
        ordering = ["login_key", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(github_id__isnull=False, provisional_key__isnull=True)
                | Q(github_id__isnull=True, provisional_key__isnull=False),
                name="seats_user_has_an_id_or_is_provisional",
            )
        ]

    def __str__(self) -> str:
        return self.login

    @property
    def address(self) -> str:
        """Where mail reaches the person; empty where nobody told."""
        return self.contact_email or self.email

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.login_key = self.login.lower()
        super().save(*args, **kwargs)


class UserLogin(models.Model):
    """A login seen together with an id, and the first and last day it was."""

    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="logins")
    login = models.CharField(max_length=255)
    login_key = models.CharField(max_length=255, db_index=True)
    first_seen_on = models.DateField()
    last_seen_on = models.DateField()

    class Meta:
        ordering = ["-last_seen_on", "login_key"]
        constraints = [
            models.UniqueConstraint(fields=["user", "login_key"], name="seats_user_login_once"),
            models.CheckConstraint(
                condition=Q(last_seen_on__gte=models.F("first_seen_on")),
                name="seats_user_login_seen_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.login
