"""Encrypt the kept credentials with the newest of CREDENTIAL_KEYS, so that older keys can go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal import connections
from portal.credentials import CredentialError
from portal.models import Connection


class Command(BaseCommand):
    help = (
        "Encrypt every kept credential with the newest key. To replace a key: put the new one in front of "
        "CREDENTIAL_KEYS, restart, run this, and drop the old one. Exit code 1: some could not be read."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        changed, failed = 0, 0
        kept = Connection.objects.keeping_secrets()
        for connection in kept:
            try:
                if connection.reencrypt():
                    connections.record("encrypted anew", connection, None)
                    changed += 1
            except CredentialError as error:
                failed += 1
                self.stderr.write(f"{connection.name}: {error}")
        self.stdout.write(
            f"{changed} of {kept.count()} connections that keep a credential are encrypted anew; "
            f"{kept.count() - changed - failed} were under the newest key already."
        )
        if failed:
            raise CommandError(f"{failed} could not be read and stay as they are.", returncode=1)
