"""One look at a connection: what GitHub says of the credential, and what it can do on each account."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Protocol

from portal import remedies
from portal.capabilities import ENTERPRISE, LEGACY, ORGANIZATION, Capability
from portal.credentials import NoCredential
from portal.github.auth import Target
from portal.github.client import GitHub
from portal.github.errors import BadCredentials, GitHubError, NotFound
from portal.github.payloads import Billing, Credential, Organization
from portal.models import Connection
from portal.models.connection import Finding

CREDENTIAL = "credential"
REVOKE_CREDENTIAL = "credential for revoking"
AGAIN = "Check again."
# What GitHub calls a token's kind, by which people get the advice that fits theirs.
TOKEN_KINDS = {
    "classic token": Connection.Kind.TOKEN,
    "fine-grained token": Connection.Kind.FINE_GRAINED,
}


class OpenClient(Protocol):
    def __call__(
        self,
        connection: Connection,
        *,
        organization: str = "",
        enterprise: str = "",
        for_revoking: bool = False,
        should_stop: object = None,
    ) -> GitHub: ...


class OutOfTime(Exception):
    """The look has taken as long as it may."""


class Checkup:
    """`deadline` is by time.monotonic()."""

    def __init__(self, connection: Connection, open_client: OpenClient, *, deadline: float) -> None:
        self.connection = connection
        self.open_client = open_client
        self.deadline = deadline
        self.revoker: Credential | None = None  # who would take seats back
        self.organizations: dict[str, Organization] = {}  # those that GitHub knows, by the login asked for

    def findings(self, targets: Sequence[Target]) -> Iterator[Finding]:
        """What is found, the credential first. Where that does not do, nothing else is tried."""
        credential = yield from self._credential(CREDENTIAL)
        if credential is None:
            return
        self._learn_kind(credential)
        self.revoker = credential
        if self.connection.has_own_revoke_secret:
            self.revoker = yield from self._credential(REVOKE_CREDENTIAL)
        if not targets:
            yield remedies.NO_ACCOUNT
        for target in targets:
            yield from self._account(target)
        if not self.connection.legacy_apis:
            yield remedies.LEGACY_IS_OFF

    def _stop_when_late(self) -> None:
        if time.monotonic() > self.deadline:
            raise OutOfTime

    def _client(self, target: Target | None = None, *, for_revoking: bool = False) -> GitHub:
        return self.open_client(
            self.connection,
            organization=target.login if target and target.kind == "organization" else "",
            enterprise=target.login if target and target.kind == "enterprise" else "",
            for_revoking=for_revoking,
            should_stop=self._stop_when_late,
        )

    def _credential(self, what: str) -> Generator[Finding, None, Credential | None]:
        try:
            with self._client(for_revoking=what == REVOKE_CREDENTIAL) as github:
                credential = github.whoami()
                yield remedies.of_known_credential(what, credential, github.counted)
            if expiry := remedies.of_expiry(what, self.connection, credential):
                yield expiry
            return credential
        except NoCredential as error:
            yield Finding(what, "bad", error.says, error.remedy)
        except GitHubError as error:
            yield remedies.of_refused_credential(what, self.connection, error)
        except OutOfTime:
            silence = f"{self.connection.base_url} took too long to answer."
            yield Finding(what, "bad", silence, remedies.how_to_reach(self.connection))
        return None

    def _learn_kind(self, credential: Credential) -> None:
        """People mix the two kinds of token up; GitHub knows."""
        if not self.connection.is_app:
            self.connection.kind = TOKEN_KINDS.get(credential.kind, self.connection.kind)

    # --- One account ----------------------------------------------------------------------------

    def _account(self, target: Target) -> Iterator[Finding]:
        try:
            with self._client(target) as github:
                yield from self._try_all(github, target)
                if self.revoker is not None:
                    yield self._revoking(github, target, self.revoker)
        except GitHubError as error:
            yield remedies.of_unknown_account(error, self.connection, target)
        except OutOfTime:
            yield Finding("account", "unknown", "There was no time left to try it all.", AGAIN, target.login)

    def _try_all(self, github: GitHub, target: Target) -> list[Finding]:
        """Raises NotFound for an account of which nothing is known, and BadCredentials."""
        findings: list[Finding] = []
        missing: list[NotFound] = []
        if target.kind == "organization":
            try:
                findings.append(self._find_organization(github, target))
            except NotFound as error:
                missing.append(error)
        asked = len(missing) + len(findings)
        for capability in self._capabilities(target):
            asked += 1
            try:
                text = capability.attempt(github, target)
                findings.append(Finding(capability.what, "ok", text, account=target.login))
            except BadCredentials:
                raise
            except GitHubError as error:
                if isinstance(error, NotFound):
                    missing.append(error)
                findings.append(remedies.of_failed_attempt(error, capability, self.connection, target))
        if len(missing) == asked:
            raise missing[0]
        return findings

    def _find_organization(self, github: GitHub, target: Target) -> Finding:
        organization = self.organizations[target.login] = github.organization(target.login)
        text = f"GitHub knows it, by the number {organization.id}."
        return Finding("account", "ok", text, account=target.login)

    def _capabilities(self, target: Target) -> Sequence[Capability]:
        capabilities = ORGANIZATION if target.kind == "organization" else ENTERPRISE
        return (*capabilities, LEGACY) if self.connection.legacy_apis else capabilities

    def _revoking(self, github: GitHub, target: Target, revoker: Credential) -> Finding:
        billing: Billing | None = None
        if target.kind == "organization":
            try:
                billing = github.billing(target.login)
            except GitHubError:
                billing = None  # said already, of the subscription itself
        return remedies.of_revoking(self.connection, target, revoker, billing)
