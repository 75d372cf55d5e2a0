"""The keys that sign the audit trail: AUDIT_KEYS, the newest first; without any, SECRET_KEY.

The newest key signs; every key that is known verifies, and so do SECRET_KEY and SECRET_KEY_FALLBACKS, so that
entries outlive the day on which a key is replaced, or AUDIT_KEYS set for the first time.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.views.decorators.debug import sensitive_variables


def are_own() -> bool:
    """Whether the trail has keys of its own, which need not change when SECRET_KEY does."""
    return bool(settings.AUDIT_KEYS)


@sensitive_variables()
def sign(message: bytes) -> str:
    """The signature of the newest key, in hex."""
    return _signature(_known()[0], message)


class Verifier:
    """Says whether a signature is of one of today's keys; the key that fitted last is tried first."""

    def __init__(self) -> None:
        self._keys = _known()

    @sensitive_variables()
    def fits(self, message: bytes, signature: str) -> bool:
        for number, key in enumerate(self._keys):
            if hmac.compare_digest(_signature(key, message).encode(), signature.encode()):
                if number:
                    self._keys.insert(0, self._keys.pop(number))
                return True
        return False


def _known() -> list[bytes]:
    keys = [*settings.AUDIT_KEYS, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [key.encode() for key in keys]


@sensitive_variables()
def _signature(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, "sha256").hex()
