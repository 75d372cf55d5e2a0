"""Which accounts a connection speaks for, and making the two meet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from portal import connections, sync_schedules
from portal.connections import Finding, register_targets
from portal.github.auth import Target
from portal.models import AuditEntry, Connection
from seats.accounts import meet, meet_current
from seats.models import Account

# An organization's login or an enterprise's slug, as GitHub lets them be; longer ones may come.
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# Organizations of an enterprise that are tried through its connection: the others will fare alike.
TRIED_OF_ENTERPRISE = 2
# Whoever connects waits for it and wants to know it all.
CHECK_WITHIN_SECONDS = 120.0
# Findings of these say whether there is a connection at all.
ESSENTIAL = frozenset({"credential", "account"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """The connection somebody asks for. What is None stays as it is, or is as for every new one."""

    base_url: str | None = None
    secret_env: str | None = None
    app_id: str | None = None
    installation_id: int | None = None
    revoke_secret_env: str | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """What came of it. Without an account nothing was changed."""

    connection: Connection
    account: Account | None
    is_new: bool
    findings: Sequence[Finding]

    @property
    def all_works(self) -> bool:
        """Whether nothing is left to mend. That a connection only reads is nothing to mend."""
        return self.account is not None and not any(
            finding.state == "bad" or (finding.state == "unknown" and finding.what != "revoking")
            for finding in self.findings
        )


# --- Which accounts ---------------------------------------------------------------------------


def targets_of(connection: Connection) -> Iterator[Target]:
    """The accounts of a connection, and a few of an enterprise's organizations without one of their own."""
    for account in (
        Account.objects.filter(connection=connection).exclude(login="").order_by("kind", "login_key")
    ):
        yield target_of(account)
        if account.kind == Account.Kind.ENTERPRISE:
            inherit = account.organizations.filter(connection=None).exclude(login="")
            for organization in inherit.order_by("login_key")[:TRIED_OF_ENTERPRISE]:
                yield target_of(organization)


def target_of(account: Account) -> Target:
    """The account as GitHub's client names it."""
    kind: Any = account.kind
    return Target(kind, account.login)


register_targets(targets_of)


@transaction.atomic
def assign(connection: Connection, organizations: Sequence[str], enterprises: Sequence[str], by: Any) -> None:
    """Let the connection speak for these accounts and no others; accounts never met before are made."""
    accounts = [
        *(_met(Account.Kind.ENTERPRISE, slug) for slug in enterprises),
        *(_met(Account.Kind.ORGANIZATION, login) for login in organizations),
    ]
    named = {account.pk for account in accounts}
    for dropped in Account.objects.filter(connection=connection).exclude(pk__in=named):
        _point(dropped, None, by)
    for account in accounts:
        if account.connection_id != connection.pk:
            _point(account, connection, by)


def _met(kind: str, login: str) -> Account:
    # One that is known by its id alone is called by that.
    return Account.objects.named(kind, login).first() or meet(kind, login=login)


def _point(account: Account, connection: Connection | None, by: Any) -> None:
    Account.objects.filter(pk=account.pk).update(connection=connection)
    AuditEntry.objects.record(
        "account connected" if connection else "account disconnected",
        subject=account.subject,
        actor=by,
        detail={"connection": str(connection or account.connection)},
    )
    account.connection = connection


# --- Connecting from the command line ---------------------------------------------------------


def connect(target: Target, wanted: Wanted, by: Any = None) -> Connected:
    """Try a connection for this account, and keep both when GitHub knows credential and account.

    Raises CredentialError, GitHubError or WrongAccount; then, as where the credential or the account
    proves unknown, nothing is changed.
    """
    connection = _connection_for(target, wanted)
    is_new = connection.pk is None
    before = {} if is_new else connections.described(Connection.objects.get(pk=connection.pk))
    look = connections.checkup(connection, within=CHECK_WITHIN_SECONDS)
    findings = list(look.findings([target]))
    if any(finding.what in ESSENTIAL and finding.state != "ok" for finding in findings):
        return Connected(connection, None, is_new, findings)
    with transaction.atomic():
        connection.save()
        sync_schedules.install_for(connection)
        found = look.organizations.get(target.login)
        account = (
            meet_current(target.kind, login=found.login, github_id=found.id)
            if found
            else _met(target.kind, target.login)
        )
        if account.connection_id != connection.pk:
            _point(account, connection, by)
        connections.keep_findings(connection, findings, of_some=True)
        changed = {
            key: value for key, value in connections.described(connection).items() if before.get(key) != value
        }
        if changed:
            connections.record("created" if is_new else "changed", connection, by, **changed)
        connections.record_check(connection, findings, by)
    return Connected(connection, account, is_new, findings)


def _connection_for(target: Target, wanted: Wanted) -> Connection:
    """Unsaved: the one with this credential; else the account's own, if none shares it; else a new one."""
    account = Account.objects.named(target.kind, target.login).select_related("connection").first()
    own = account.connection if account else None
    if wanted.secret_env is None:
        connection = own
    else:
        connection = _same_credential(wanted)
        if connection is None and own is not None and own.accounts.count() == 1:
            connection = own
    return _filled(connection or Connection(name=_free_name(target)), wanted)


def _same_credential(wanted: Wanted) -> Connection | None:
    return Connection.objects.filter(
        base_url=wanted.base_url or Connection().base_url,
        secret_env=wanted.secret_env,
        app_id=wanted.app_id or "",
        installation_id=wanted.installation_id,
    ).first()


def _filled(connection: Connection, wanted: Wanted) -> Connection:
    if wanted.base_url is not None:
        connection.base_url = wanted.base_url
    if wanted.secret_env is not None:
        connection.secret_env, connection.kept_secret = wanted.secret_env, ""
        connection.app_id = wanted.app_id or ""
        connection.installation_id = wanted.installation_id
        if wanted.app_id:
            connection.kind = Connection.Kind.APP
        elif connection.is_app:
            connection.kind = Connection.Kind.TOKEN
    if wanted.revoke_secret_env is not None:
        connection.revoke_secret_env, connection.kept_revoke_secret = wanted.revoke_secret_env, ""
    connection.is_active = True
    return connection


def _free_name(target: Target) -> str:
    names = [target.login, f"{target.login} ({target.kind})"]
    names += [f"{target.login} {number}" for number in range(2, 1000)]
    taken = set(Connection.objects.filter(name__in=names).values_list("name", flat=True))
    return next(name for name in names if name not in taken)
