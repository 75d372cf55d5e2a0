"""How the portal reaches GitHub: where, as whom, and what came of the last look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from portal import credentials
from portal.credentials import CredentialError
from portal.github.links import origin_of

State = Literal["ok", "bad", "off", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw of one capability: `text` says what is, `remedy` what to do where it is not well.

    ok: works · bad: does not, and somebody has to act · off: not used, nothing to do · unknown: could
    not be told. `account` is the login or slug it was tried on, empty for the connection itself.
    """

    what: str
    state: State
    text: str
    remedy: str = ""
    account: str = ""

    @property
    def state_in_words(self) -> str:
        return {"ok": "works", "bad": "to fix"}.get(self.state, self.state)

    def as_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Finding:
        return cls(**{name: saved.get(name, "") for name in ("what", "state", "text", "remedy", "account")})


def default_base_url() -> str:
    return str(settings.GITHUB_API_URL)


def check_base_url(url: str) -> None:
    """Raises ValidationError unless this is where an API may be: https, or http on this machine."""
    origin = origin_of(url)
    if origin is None or "?" in url or "#" in url:
        raise ValidationError("Give the API's address in full, without user, ? or #: https://api.github.com.")
    if origin.scheme == "http" and not origin.is_loopback:
        raise ValidationError("A credential is sent over https only; http is for a server on this machine.")


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def active(self) -> ConnectionQuerySet:
        return self.filter(is_active=True)

    def keeping_secrets(self) -> ConnectionQuerySet:
        """Those whose credentials lie in the database, encrypted."""
        return self.exclude(kept_secret="", kept_revoke_secret="")

    def hold(self, until: datetime) -> int:
        """Let these send nothing before `until`, unless they wait longer already. How many it moved."""
        return self.filter(Q(limited_until=None) | Q(limited_until__lt=until)).update(limited_until=until)


class Connection(models.Model):
    class Kind(models.TextChoices):
        TOKEN = "token", "personal access token (classic)"
        FINE_GRAINED = "fine-grained", "fine-grained personal access token"
        APP = "app", "GitHub App"

    name = models.CharField(
        max_length=120, unique=True, help_text="What people call it: the organization's name, for instance."
    )
    base_url = models.CharField(
        "API address",
        max_length=200,
        default=default_base_url,
        validators=[check_base_url],
        help_text="https://api.github.com, or https://api.SUBDOMAIN.ghe.com with data residency.",
    )
    kind = models.CharField("kind of credential", max_length=20, choices=Kind.choices, default=Kind.TOKEN)
    # The token, or the app's private key: encrypted here, or in an environment variable named here.
    kept_secret = models.TextField(blank=True, editable=False)
    secret_env = models.CharField("environment variable", max_length=120, blank=True)
    app_id = models.CharField(
        "app id or client id", max_length=60, blank=True, help_text="On the app's settings page, under About."
    )
    installation_id = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="Only where GitHub is not to be asked for it: it differs for every organization.",
    )
    # A token that may also take seats back. Without one, the credential above is used for that too.
    kept_revoke_secret = models.TextField(blank=True, editable=False)
    revoke_secret_env = models.CharField("environment variable for revoking", max_length=120, blank=True)
    is_active = models.BooleanField("active", default=True, help_text="Off: nothing is asked of GitHub.")
    legacy_apis = models.BooleanField(
        "older metrics APIs",
        default=False,
        help_text="GitHub closed copilot/usage in February 2025 and copilot/metrics on 2 April 2026. "
        "Turn this on only for a server that still answers them.",
    )
    limited_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="GitHub asked to send nothing before this."
    )
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    findings = models.JSONField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="app") | ~Q(app_id=""), name="portal_connection_app_has_an_app_id"
            ),
            models.CheckConstraint(
                condition=Q(kept_secret="") | Q(secret_env=""),
                name="portal_connection_secret_is_kept_or_named",
            ),
            models.CheckConstraint(
                condition=Q(kept_revoke_secret="") | Q(revoke_secret_env=""),
                name="portal_connection_revoke_secret_is_kept_or_named",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A row that is there keeps what GitHub asked to wait for: other processes write that meanwhile."""
        if not self._state.adding and kwargs.get("update_fields") is None and not kwargs.get("force_insert"):
            fields = self._meta.concrete_fields
            kwargs["update_fields"] = [
                field.name for field in fields if not field.primary_key and field.name != "limited_until"
            ]
        super().save(*args, **kwargs)

    @property
    def subject(self) -> str:
        """How audit entries and jobs name this connection."""
        return f"connection:{self.pk}"

    @property
    def is_app(self) -> bool:
        return self.kind == self.Kind.APP

    @property
    def has_own_revoke_secret(self) -> bool:
        return bool(self.kept_revoke_secret or self.revoke_secret_env)

    @sensitive_variables()
    def secret(self) -> str:
        """The token or private key. Raises CredentialError where it is missing or cannot be read."""
        return _read(self.kept_secret, self.secret_env)

    @sensitive_variables()
    def revoke_secret(self) -> str:
        """The token for revoking. Raises CredentialError where it is missing or cannot be read."""
        return _read(self.kept_revoke_secret, self.revoke_secret_env)

    @sensitive_variables("secret")
    def keep(self, secret: str) -> None:
        """Take this token or private key from now on. Raises CredentialError without CREDENTIAL_KEYS."""
        self.kept_secret, self.secret_env = credentials.encrypt(secret), ""

    @sensitive_variables("secret")
    def keep_for_revoking(self, secret: str) -> None:
        """Take this token for revoking. Raises CredentialError without CREDENTIAL_KEYS."""
        self.kept_revoke_secret, self.revoke_secret_env = credentials.encrypt(secret), ""

    @property
    def is_under_newest_key(self) -> bool:
        """Whether older keys could go. Also true where nothing is kept, or there is no key at all."""
        if not credentials.can_be_kept():
            return True
        kept = filter(None, (self.kept_secret, self.kept_revoke_secret))
        return all(credentials.is_under_newest_key(secret) for secret in kept)

    def reencrypt(self) -> bool:
        """Put the kept credentials under the newest key; False where they are. Raises CredentialError."""
        names = ("kept_secret", "kept_revoke_secret")
        older = {
            name: kept
            for name in names
            if (kept := getattr(self, name)) and not credentials.is_under_newest_key(kept)
        }
        anew = {name: credentials.reencrypt(kept) for name, kept in older.items()}
        # Somebody may have entered another one in between: theirs stays.
        if not anew or not Connection.objects.filter(pk=self.pk, **older).update(**anew):
            return False
        for name, kept in anew.items():
            setattr(self, name, kept)
        return True

    @property
    def what_was_found(self) -> list[Finding]:
        """What the last check saw, in its order."""
        return [Finding.from_json(saved) for saved in self.findings]

    def to_fix(self) -> Iterator[Finding]:
        """What the last check saw that somebody has to act on."""
        return (finding for finding in self.what_was_found if finding.state == "bad")


@sensitive_variables()
def _read(kept: str, env_name: str) -> str:
    if kept:
        return credentials.decrypt(kept)
    if env_name:
        return credentials.from_environment(env_name)
    raise CredentialError(
        "No credential is set.", "Enter one, or name the environment variable that holds it."
    )
