"""Connect an organization or an enterprise to GitHub, and say what works and what does not."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from portal.connections import Finding
from portal.credentials import CredentialError, from_environment
from portal.github.auth import Target
from portal.github.errors import GitHubError
from portal.models.connection import check_base_url
from seats import connecting
from seats.accounts import WrongAccount
from seats.connecting import Connected, Wanted
from seats.models import Account
from seats.sync import steps
from seats.sync.tally import listed

# For so many seconds it waits when GitHub asks to, while it looks for organizations.
PATIENCE_SECONDS = 60.0
MARKS = {"ok": "works", "bad": "to fix", "off": "off", "unknown": "unknown"}


class Command(BaseCommand):
    help = (
        "Create or update a connection and check it. The credential is read from the environment variable "
        "named, whenever it is needed; it is never kept. Without one, the account's connection is checked. "
        "Exit code 0: all works; 1: connected, but something is left to fix; 2: nothing done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        account = parser.add_mutually_exclusive_group(required=True)
        account.add_argument("--organization", metavar="L", help="an organization's login")
        account.add_argument("--enterprise", metavar="S", help="an enterprise's slug")
        credential = parser.add_mutually_exclusive_group()
        credential.add_argument(
            "--token-env", metavar="NAME", help="the environment variable that holds a personal access token"
        )
        credential.add_argument("--app-id", metavar="ID", help="of a GitHub App: its id or client id")
        parser.add_argument(
            "--private-key-env",
            metavar="NAME",
            help="the environment variable that holds the GitHub App's private key",
        )
        parser.add_argument(
            "--installation-id", metavar="ID", type=int, help="of the GitHub App; asked of GitHub without it"
        )
        parser.add_argument(
            "--api-url", metavar="URL", help="where the API is; default the setting GITHUB_API_URL"
        )
        parser.add_argument(
            "--revoke-token-env",
            metavar="NAME",
            help="the environment variable that holds a token for taking seats back",
        )
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        target = _target(options)
        try:
            connected = connecting.connect(target, _wanted(target, options))
        except (CredentialError, GitHubError, WrongAccount) as error:
            self._refuse(target, [], str(error), options)
        for finding in connected.findings:
            self._say(finding)
        if connected.account is None:
            self._refuse(target, list(connected.findings), "Nothing was changed.", options)
        verb = "Connected" if connected.is_new else "Updated the connection of"
        self.stdout.write(f"{verb} the {target.kind} {connected.account.label}.")
        trouble = self._find_organizations(connected.account)
        if options["json"]:
            self.stdout.write(json.dumps(_answer(target, connected)))
        if trouble or not connected.all_works:
            sys.exit(1)

    def _find_organizations(self, account: Account) -> str:
        """GitHub lists an enterprise's organizations nowhere, so they are looked for; why that failed."""
        if account.kind != Account.Kind.ENTERPRISE:
            return ""
        job = steps.run_step("accounts", account, patience=PATIENCE_SECONDS)
        if job.error:
            self.stdout.write(f"Its organizations could not be looked for: {job.error}")
            return job.error
        labels = [organization.label for organization in account.organizations.order_by("login_key")]
        known = f"its organizations {listed(labels)}" if labels else "none of its organizations yet"
        self.stdout.write(f"The portal knows {known}.")
        self.stdout.write("More may be met in its seats, with the first sync.")
        return ""

    def _say(self, finding: Finding) -> None:
        mark = f"{MARKS[finding.state]:<8}"
        style = {"ok": self.style.SUCCESS, "bad": self.style.ERROR}.get(finding.state, self.style.WARNING)
        account = f"{finding.account}: " if finding.account else ""
        self.stdout.write(f"{style(mark)} {account}{finding.what}: {finding.text}")
        if finding.remedy:
            self.stdout.write(f"{'':<8} → {finding.remedy}")

    def _refuse(
        self, target: Target, findings: list[Finding], says: str, options: dict[str, Any]
    ) -> NoReturn:
        """Nothing was changed: leave with exit code 2."""
        if options["json"]:
            answer = {
                target.kind: target.login,
                "connected": False,
                "error": next((found.text for found in findings if found.state != "ok"), says),
                "findings": [finding.as_json() for finding in findings],
            }
            self.stdout.write(json.dumps(answer))
        raise CommandError(says, returncode=2)


def _target(options: dict[str, Any]) -> Target:
    login = options["organization"] or options["enterprise"] or ""
    if not connecting.LOGIN.fullmatch(login):
        raise CommandError(
            f"“{login}” is no login. Give what follows https://github.com/ in the browser, as octo-org.",
            returncode=2,
        )
    return Target("organization" if options["organization"] else "enterprise", login)


def _wanted(target: Target, options: dict[str, Any]) -> Wanted:
    """What was asked for. Raises CredentialError where a variable is not set."""
    if bool(options["app_id"]) != bool(options["private_key_env"]):
        raise CommandError("A GitHub App needs both --app-id and --private-key-env.", returncode=2)
    if options["installation_id"] and not options["app_id"]:
        raise CommandError("--installation-id is of a GitHub App: give --app-id too.", returncode=2)
    secret_env = options["token_env"] or options["private_key_env"]
    if not secret_env and not _has_connection(target):
        raise CommandError(
            "Name a credential: --token-env NAME, or --app-id ID --private-key-env NAME.", returncode=2
        )
    for name in filter(None, (secret_env, options["revoke_token_env"])):
        from_environment(name)
    return Wanted(
        base_url=_api_url(options["api_url"]),
        secret_env=secret_env,
        app_id=options["app_id"],
        installation_id=options["installation_id"],
        revoke_secret_env=options["revoke_token_env"],
    )


def _has_connection(target: Target) -> bool:
    found = Account.objects.named(target.kind, target.login).exclude(connection=None)
    return found.exists()


def _api_url(url: str | None) -> str | None:
    if url is None:
        return None
    url = url.rstrip("/")
    try:
        check_base_url(url)
    except ValidationError as error:
        raise CommandError(error.messages[0], returncode=2) from None
    return url


def _answer(target: Target, connected: Connected) -> dict[str, Any]:
    connection, account = connected.connection, connected.account
    organizations = account.organizations.order_by("login_key") if account else ()
    return {
        target.kind: account.label if account else target.login,
        "connected": True,
        "all_works": connected.all_works,
        "connection": {"id": connection.pk, "name": connection.name, "kind": connection.kind},
        "is_new": connected.is_new,
        "organizations": [organization.label for organization in organizations],
        "findings": [finding.as_json() for finding in connected.findings],
    }
