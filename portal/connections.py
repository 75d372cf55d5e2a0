"""From a Connection to a client for GitHub, and what can be told of a connection by trying it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from portal.credentials import CredentialError
from portal.github.auth import AppAuth, Auth, TokenAuth
from portal.github.client import GitHub, Target
from portal.github.errors import GitHubError
from portal.models import Connection
from portal.models.connection import Finding

__all__ = ["Finding", "NoCredential", "RowLimits", "check", "github_for"]


class NoCredential(GitHubError):
    """The connection's credential is missing or cannot be read; str() names the variable or setting."""


def github_for(
    connection: Connection,
    *,
    organization: str = "",
    enterprise: str = "",
    patience: float = 0.0,
    for_revoking: bool = False,
    keep_back: int = 0,
    should_stop: Callable[[], None] | None = None,
) -> GitHub:
    """A client that speaks for this connection; close it after use.

    `organization` or `enterprise` tells a GitHub App which of its installations is meant. With
    `for_revoking` the separate credential is used where there is one. Raises NoCredential.
    """
    target = _target(organization, enterprise)
    return GitHub(
        connection.base_url,
        _auth(connection, target, for_revoking=for_revoking),
        report_hosts=settings.REPORT_HOSTS,
        limits=RowLimits(connection),
        patience=patience,
        keep_back=keep_back,
        should_stop=should_stop,
    )


def _target(organization: str, enterprise: str) -> Target | None:
    if organization:
        return Target("organization", organization)
    return Target("enterprise", enterprise) if enterprise else None


@sensitive_variables()
def _auth(connection: Connection, target: Target | None, *, for_revoking: bool) -> Auth:
    try:
        if for_revoking and connection.has_own_revoke_secret:
            return TokenAuth(connection.revoke_secret())
        secret = connection.secret()
    except CredentialError as error:
        raise NoCredential(str(error)) from None
    if not connection.is_app:
        return TokenAuth(secret)
    return AppAuth(
        connection.base_url,
        connection.app_id,
        secret,
        installation_id=connection.installation_id,
        target=target,
    )


class RowLimits:
    """Until when GitHub wants to hear nothing, remembered on the connection's row for all processes.

    A client asks before every request, also from threads that fetch pages; those see what is known here
    and never touch the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._pk = connection.pk
        self._until = connection.limited_until
        self._lock = threading.Lock()

    def until(self) -> datetime | None:
        return self._until

    def hold(self, until: datetime) -> None:
        with self._lock:
            if self._until is not None and self._until >= until:
                return
            self._until = until
        Connection.objects.hold(self._pk, until)


def check(connection: Connection) -> list[Finding]:
    """Try what the connection is for, and keep what was found on its row."""
    raise NotImplementedError
