"""Enterprises and organizations: every scope anywhere is one Account."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from portal.models import Connection
from seats.models.cost_centre import CostCentre


class AccountQuerySet(models.QuerySet["Account"]):
    def organizations(self) -> AccountQuerySet:
        return self.filter(kind=Account.Kind.ORGANIZATION)

    def enterprises(self) -> AccountQuerySet:
        return self.filter(kind=Account.Kind.ENTERPRISE)

    def named(self, kind: str, login: str) -> AccountQuerySet:
        """By login or slug, in any case: today's, else one that a single account bore before.

        An id in digits names an account whose login we never met.
        """
        by_login = self.filter(login_key=Account.key_of(kind, login))
        if by_login.exists():
            return by_login
        if login.isdecimal():
            return self.filter(id_key=Account.key_of(kind, login))
        known = self.filter(kind=kind).select_related(None).only("former_logins")
        bore = [account.pk for account in known if account.bore(login)]
        return self.filter(pk__in=bore) if len(bore) == 1 else by_login

    def family(self, account: Account) -> AccountQuerySet:
        """The accounts a file of this one speaks of: itself and, for an enterprise, its organizations."""
        return self.filter(models.Q(pk=account.pk) | models.Q(parent=account))


class Account(models.Model):
    class Kind(models.TextChoices):
        ENTERPRISE = "enterprise", "enterprise"
        ORGANIZATION = "organization", "organization"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="organizations",
        help_text="The enterprise an organization belongs to.",
    )  # fmt: skip
    login = models.CharField(
        max_length=255,
        blank=True,
        help_text="An organization's login or an enterprise's slug; empty until met.",
    )
    name = models.CharField(max_length=255, blank=True)
    github_id = models.BigIntegerField(null=True, blank=True, help_text="GitHub's number; empty until met.")
    # Kind and lower-cased login, kind and id: GitHub compares logins without case, and an enterprise
    # and an organization may share a number. NULL until known; both are unique.
    login_key = models.CharField(max_length=280, unique=True, null=True, editable=False)
    id_key = models.CharField(max_length=40, unique=True, null=True, editable=False)
    former_logins = models.JSONField(default=list, blank=True)
    # Which of `login`, `github_id` and `parent` a file alone told of an account that was known without: our
    # key of the file by the name of the field. What GitHub itself said since is no more in it.
    told_by = models.JSONField(default=dict, blank=True, editable=False)
    connection = models.ForeignKey(
        Connection, null=True, blank=True, on_delete=models.SET_NULL, related_name="accounts",
        help_text="How GitHub is asked about it. An organization without one uses its enterprise's.",
    )  # fmt: skip
    # Kept by hand, for people who ask whose it is and who pays.
    owner = models.CharField(max_length=150, blank=True, help_text="Who answers for it: a name.")
    owner_contact = models.EmailField(
        "owner's address", max_length=254, blank=True, help_text="Where its owner is reached."
    )
    cost_centre = models.ForeignKey(
        CostCentre, null=True, blank=True, on_delete=models.PROTECT, related_name="accounts",
        help_text="Who pays for people that have no cost centre of their own.",
    )  # fmt: skip
    # The start of the unbroken run of complete rosters (no gap over 90 days): "watched since".
    watched_since = models.DateTimeField(null=True, blank=True, editable=False)
    watched_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "login_key", "github_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(login_key__isnull=False) | models.Q(id_key__isnull=False),
                name="seats_account_has_a_login_or_an_id",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="organization") | models.Q(parent=None),
                name="seats_account_enterprise_has_no_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @staticmethod
    def key_of(kind: str, login_or_id: str | int) -> str:
        return f"{kind}:{str(login_or_id).lower()}"

    def bore(self, login: str) -> bool:
        """Whether it was called so before."""
        return login.lower() in (str(former).lower() for former in self.former_logins)

    @property
    def label(self) -> str:
        """The login, else the id: what reports print in `organization` and `enterprise`."""
        return self.login or str(self.github_id)

    @property
    def subject(self) -> str:
        """How jobs, files and audit entries name this account."""
        return f"{self.kind}:{self.pk}"

    @property
    def sync_connection(self) -> Connection | None:
        """The connection that speaks for this account: its own, else its enterprise's."""
        return self.connection or (self.parent.connection if self.parent else None)

    @property
    def organization_label(self) -> str:
        return self.label if self.kind == self.Kind.ORGANIZATION else ""

    @property
    def enterprise_label(self) -> str:
        if self.kind == self.Kind.ENTERPRISE:
            return self.label
        return self.parent.label if self.parent else ""

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.login_key = self.key_of(self.kind, self.login) if self.login else None
        self.id_key = self.key_of(self.kind, self.github_id) if self.github_id is not None else None
        super().save(*args, **kwargs)
