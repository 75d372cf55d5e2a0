"""The GitHub on loopback of the syncs, and an organization whose seats may be taken back."""

from __future__ import annotations

from tests.seats.sync.conftest import account, connection, github, octo, state

__all__ = ["account", "connection", "github", "octo", "state"]
