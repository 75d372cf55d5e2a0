"""From a Connection to a client for GitHub, and what comes of trying it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from portal.checkup import Checkup
from portal.credentials import CredentialError, NoCredential
from portal.github.auth import AppAuth, Auth, Target, TokenAuth
from portal.github.client import GitHub
from portal.models import AuditEntry, Connection
from portal.models.connection import Finding

__all__ = [
    "Finding",
    "NoCredential",
    "check",
    "checkup",
    "described",
    "github_for",
    "keep_findings",
    "record",
    "record_check",
    "register_targets",
    "targets_of",
]

# A page waits for a check, so it must not take longer than its reader's patience.
CHECK_WITHIN_SECONDS = 40.0
# A sync tries for long; whoever checks wants to hear soon that nobody answers.
RETRIES, CHECK_RETRIES = 8, 1
# Of two hundred organizations behind one credential the first few tell enough.
MOST_ACCOUNTS = 10

TargetsOf = Callable[[Connection], Iterable[Target]]
_targets_of: list[TargetsOf] = []


def github_for(
    connection: Connection,
    *,
    organization: str = "",
    enterprise: str = "",
    patience: float = 0.0,
    for_revoking: bool = False,
    keep_back: int = 0,
    should_stop: Callable[[], None] | None = None,
    retries: int = RETRIES,
) -> GitHub:
    """A client that speaks for this connection; close it after use.

    `organization` or `enterprise` tells a GitHub App which of its installations is meant. With
    `for_revoking` the separate credential is used where there is one. Raises NoCredential.
    """
    return GitHub(
        connection.base_url,
        _auth(connection, _target(organization, enterprise), for_revoking=for_revoking),
        report_hosts=settings.REPORT_HOSTS,
        limits=RowLimits(connection),
        patience=patience,
        retries=retries,
        keep_back=keep_back,
        should_stop=should_stop,
    )


def _target(organization: str, enterprise: str) -> Target | None:
    if organization:
        return Target("organization", organization)
    return Target("enterprise", enterprise) if enterprise else None


@sensitive_variables()
def _auth(connection: Connection, target: Target | None, *, for_revoking: bool) -> Auth:
    is_separate = for_revoking and connection.has_own_revoke_secret
    try:
        secret = connection.revoke_secret() if is_separate else connection.secret()
    except CredentialError as error:
        raise NoCredential(error.says, error.remedy) from None
    if is_separate or not connection.is_app:
        return TokenAuth(secret)
    return AppAuth(
        connection.base_url,
        connection.app_id,
        secret,
        installation_id=connection.installation_id,
        target=target,
    )


class RowLimits:
    """Until when GitHub wants to hear nothing, kept on the connection's row for all processes.

    A connection that is tried before it is saved has no row yet: until then the object remembers.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._row = Connection.objects.filter(pk=connection.pk)

    def until(self) -> datetime | None:
        if self._connection._state.adding:
            return self._connection.limited_until
        return self._row.values_list("limited_until", flat=True).first()

    def hold(self, until: datetime) -> None:
        if self._connection._state.adding:
            known = self._connection.limited_until
            self._connection.limited_until = until if known is None else max(known, until)
        else:
            self._row.hold(until)


def register_targets(of_connection: TargetsOf) -> None:
    """Let an app tell which accounts a connection speaks for: the floor knows none."""
    _targets_of.append(of_connection)


def targets_of(connection: Connection) -> list[Target]:
    """The accounts that the connection speaks for, those first that it was made for."""
    return [target for tell in _targets_of for target in tell(connection)]


def checkup(connection: Connection, *, within: float = CHECK_WITHIN_SECONDS) -> Checkup:
    """A look at the connection, saved or not, that takes no longer than so many seconds."""
    return Checkup(connection, partial(github_for, retries=CHECK_RETRIES), deadline=time.monotonic() + within)


def check(connection: Connection, *, within: float = CHECK_WITHIN_SECONDS) -> list[Finding]:
    """Try what the connection is for, on the first of its accounts, and keep what was found on its row.

    Asks a handful of questions per account and changes nothing at GitHub.
    """
    targets = targets_of(connection)
    findings = list(checkup(connection, within=within).findings(targets[:MOST_ACCOUNTS]))
    if (untried := len(targets) - MOST_ACCOUNTS) > 0:
        text = f"{untried:,} more are not tried here; the jobs of their syncs say how they fare."
        findings.append(Finding("accounts", "off", text))
    keep_findings(connection, findings)
    return findings


def keep_findings(connection: Connection, findings: Sequence[Finding], *, of_some: bool = False) -> None:
    """Remember on the row what was found; `of_some`: what was found earlier of other accounts stays."""
    known = {"", *(finding.account for finding in findings)}
    others = [old for old in connection.what_was_found if of_some and old.account not in known]
    connection.findings = [finding.as_json() for finding in (*findings, *others)]
    connection.checked_at = timezone.now()
    connection.save(update_fields=["kind", "findings", "checked_at"])


# --- The audit trail --------------------------------------------------------------------------


def record(action: str, connection: Connection, by: Any, **detail: Any) -> None:
    """Note in the audit trail what was done to the connection. Never give it a credential."""
    AuditEntry.objects.record(
        f"connection {action}",
        subject=connection.subject,
        actor=by,
        detail={"connection": connection.name, **detail},
    )


def described(connection: Connection) -> dict[str, Any]:
    """What may be said of a connection anywhere: where its credentials lie, never what they are."""
    return {
        "api": connection.base_url,
        "kind": connection.kind,
        "credential": _whereabouts(connection.kept_secret, connection.secret_env),
        "app_id": connection.app_id,
        "installation_id": connection.installation_id,
        "credential_for_revoking": _whereabouts(connection.kept_revoke_secret, connection.revoke_secret_env),
        "active": connection.is_active,
        "older_metrics_apis": connection.legacy_apis,
    }


def _whereabouts(kept: str, env_name: str) -> str:
    if kept:
        return "kept here, encrypted"
    return f"environment variable {env_name}" if env_name else ""


def record_check(connection: Connection, findings: Sequence[Finding], by: Any) -> None:
    """Note that the connection was checked, and how much works."""
    states = [finding.state for finding in findings]
    record("checked", connection, by, works=states.count("ok"), to_fix=states.count("bad"))
