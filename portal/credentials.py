"""Credentials for GitHub: kept encrypted, or read from an environment variable when they are needed.

CREDENTIAL_KEYS encrypts what is kept. The newest key encrypts, every one of them decrypts, so that a
key is replaced by putting a new one in front, re-encrypting, and dropping the old one.
"""

from __future__ import annotations

import os
import re

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from portal.github.errors import GitHubError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Settings of the portal that are secrets, or hold one. Whoever may add a connection must not be able to
# have them sent to a server of their choice as if they were a token.
NEVER_A_CREDENTIAL = frozenset(
    {
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "CREDENTIAL_KEYS",
        "AUDIT_KEYS",
        "DATABASE_URL",
        "REDIS_URL",
        "EMAIL_URL",
    }
)

HOW_TO_SET_KEYS = (
    "Put the credential in an environment variable and name that; or set CREDENTIAL_KEYS to what this "
    "prints: "
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


class CredentialError(Exception):
    """A credential cannot be kept or read; the texts never hold it."""

    def __init__(self, says: str, remedy: str = "") -> None:
        super().__init__(f"{says} {remedy}".strip())
        self.says = says
        self.remedy = remedy


class NoCredential(GitHubError):
    """A connection's credential is missing or cannot be read, so GitHub was not asked."""

    def __init__(self, says: str, remedy: str = "") -> None:
        super().__init__(f"{says} {remedy}".strip())
        self.says = says
        self.remedy = remedy


def can_be_kept() -> bool:
    """Whether CREDENTIAL_KEYS has a key to encrypt with."""
    return bool(settings.CREDENTIAL_KEYS)


@sensitive_variables()
def encrypt(secret: str) -> str:
    """The secret as it is kept, under the newest key. Raises CredentialError where there is none."""
    return _keys().encrypt(secret.encode()).decode()


@sensitive_variables()
def decrypt(kept: str) -> str:
    """The secret again. Raises CredentialError where none of today's keys encrypted it."""
    try:
        return _keys().decrypt(kept.encode()).decode()
    except InvalidToken:
        raise _not_ours() from None


@sensitive_variables()
def reencrypt(kept: str) -> str:
    """The same secret under the newest key. Raises CredentialError where none of the keys fits."""
    try:
        return _keys().rotate(kept.encode()).decode()
    except InvalidToken:
        raise _not_ours() from None


@sensitive_variables()
def is_under_newest_key(kept: str) -> bool:
    """Whether the older keys could be dropped as far as this secret is concerned."""
    try:
        Fernet(settings.CREDENTIAL_KEYS[0]).decrypt(kept.encode())
    except (InvalidToken, ValueError, IndexError):
        return False
    return True


@sensitive_variables("value")
def from_environment(name: str) -> str:
    """The credential in that environment variable. Raises CredentialError where it is not set."""
    check_name(name)
    value = os.environ.get(name, "").strip()
    if not value:
        raise CredentialError(
            f"The environment variable {name} is not set.",
            "Set it, or add it to .env, and restart the web server and the worker.",
        )
    return value


def check_name(name: str) -> None:
    """Raises CredentialError where the environment variable of that name must not be a credential."""
    if not NAME.fullmatch(name):
        raise CredentialError(
            "This cannot be the name of an environment variable.",
            "Name one of letters, digits and underscores, as GITHUB_TOKEN.",
        )
    if name.upper() in NEVER_A_CREDENTIAL:
        raise CredentialError(
            f"{name} is a secret of the portal itself and is never sent anywhere.",
            "Put the credential in a variable of its own, as GITHUB_TOKEN.",
        )


def _keys() -> MultiFernet:
    if not settings.CREDENTIAL_KEYS:
        raise CredentialError("Without CREDENTIAL_KEYS no credential is kept here.", HOW_TO_SET_KEYS)
    try:
        return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])
    except ValueError:
        raise CredentialError("CREDENTIAL_KEYS holds a text that is no key.", HOW_TO_SET_KEYS) from None


def _not_ours() -> CredentialError:
    return CredentialError(
        "The kept credential was encrypted with a key that is no longer in CREDENTIAL_KEYS.",
        "Add that key again, at the end, or enter the credential anew.",
    )
