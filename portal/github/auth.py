"""Credentials: what proves to GitHub who asks. No repr, no error and no copy of one shows a secret."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NoReturn, Protocol
from urllib.parse import quote

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portal.github.errors import BadCredentials, NotFound, UnexpectedReply
from portal.github.fields import read_instant
from portal.github.limits import read_date
from portal.github.payloads import Installation, InstallationToken
from portal.github.records import BadRecord

Scope = Literal["organization", "enterprise"]

RENEW_EARLY = timedelta(minutes=5)
_JWT_BEGINS_EARLY = 60  # seconds: GitHub's clock may be behind ours
_JWT_LIFE = 540  # seconds; GitHub takes ten minutes at most, by its own clock


@dataclass(frozen=True)
class Target:
    """An organization, by its login, or an enterprise, by its slug."""

    kind: Scope
    login: str

    @property
    def path(self) -> str:
        """Where its calls begin: `/orgs/octo`, `/enterprises/octo-corp`."""
        return f"/{'orgs' if self.kind == 'organization' else 'enterprises'}/{quote(self.login, safe='')}"


class Exchange(Protocol):
    """Asks GitHub with an authorization of its own: (method, path, authorization) → (body, headers)."""

    def __call__(self, method: str, path: str, authorization: str) -> tuple[bytes, Mapping[str, str]]: ...


class Auth(Protocol):
    """What a client needs of a credential."""

    is_app: bool

    def authorization(self, exchange: Exchange) -> str:
        """The header for a request. May ask GitHub for a token first."""

    def app_authorization(self) -> str:
        """The header for a request in the name of the app itself; the same as ever for a token."""

    def renew(self, refused: str) -> bool:
        """GitHub refused this header with 401. True where another one can be had."""

    def secrets(self) -> list[str]:
        """What must not be shown, wherever it turns up."""


class _Hidden:
    """Neither printed nor pickled: a task's arguments and a log are no place for a secret."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: secret hidden>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret: it is not copied or stored")


class TokenAuth(_Hidden):
    """A personal access token, classic or fine-grained, or an installation token made elsewhere."""

    is_app = False

    def __init__(self, token: str) -> None:
        """Raises BadCredentials where the text cannot be a token."""
        token = token.strip()
        # Length and form are GitHub's affair, and change; but only this much goes into a header.
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise BadCredentials("The token is empty or holds characters that no token has: enter it again.")
        self._token = token

    def authorization(self, exchange: Exchange) -> str:
        return f"Bearer {self._token}"

    def app_authorization(self) -> str:
        return f"Bearer {self._token}"

    def renew(self, refused: str) -> bool:
        return False

    def secrets(self) -> list[str]:
        return [self._token]


@dataclass(slots=True)
class _Kept:
    """The newest token of an installation. Whoever needs one while it is fetched waits for it."""

    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    header: str = field(default="", repr=False)
    renew_at: datetime | None = None


class InstallationTokens:
    """Installation tokens of this process: a day's jobs share one instead of fetching one each."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._lock = threading.Lock()

    def of(self, *key: str) -> _Kept:
        with self._lock:
            return self._kept.setdefault(key, _Kept())


_shared = InstallationTokens()


class AppAuth(_Hidden):
    """A GitHub App: signs with its private key for tokens that live an hour, one for each installation.

    Without `installation_id` the app is looked up on `target`. With neither it can only ask in its own
    name: which installations there are, who it is.
    """

    is_app = True

    def __init__(
        self,
        base_url: str,
        app_id: str | int,
        private_key: str,
        installation_id: str | int | None = None,
        target: Target | None = None,
        *,
        tokens: InstallationTokens | None = None,
    ) -> None:
        """`app_id`: the app's number or client ID. Raises BadCredentials where the key cannot be read."""
        self._app_id = str(app_id).strip()
        self._key, fingerprint = _read_key(private_key)
        self._installation_id = str(installation_id or "")
        self._target = target
        where = self._installation_id or (f"{target.kind}:{target.login.lower()}" if target else "")
        self._kept = (tokens or _shared).of(base_url.rstrip("/"), self._app_id, fingerprint, where)

    def authorization(self, exchange: Exchange) -> str:
        if not self._installation_id and self._target is None:
            raise BadCredentials(
                "The app was not told on whose behalf to ask: name the organization or enterprise, or enter "
                "the installation's ID."
            )
        with self._kept.lock:
            renew_at = self._kept.renew_at
            if not self._kept.header or renew_at is None or datetime.now(UTC) >= renew_at:
                self._fetch(exchange)
            return self._kept.header

    def _fetch(self, exchange: Exchange) -> None:
        if not self._installation_id:
            self._installation_id = self._find(exchange)
        path = f"/app/installations/{quote(self._installation_id, safe='')}/access_tokens"
        body, headers = exchange("POST", path, self.app_authorization())
        token = _decoded(body, InstallationToken)
        now = datetime.now(UTC)
        try:
            expires_at = read_instant(token.expires_at, "expires_at") or now
        except BadRecord:
            expires_at = now  # it is used once, then
        # For as long as GitHub's own clock says: ours may be wrong.
        life = expires_at - (read_date(headers) or now)
        self._kept.header, self._kept.renew_at = f"Bearer {token.token}", now + life - RENEW_EARLY

    def _find(self, exchange: Exchange) -> str:
        target = self._target
        assert target is not None  # noqa: S101 - for the type checker: looked at before
        missing = False
        try:
            body, _ = exchange("GET", f"{target.path}/installation", self.app_authorization())
        except NotFound:
            missing = True
        if missing:
            raise NotFound(
                f"The GitHub App is not installed on the {target.kind} “{target.login}”: an owner can "
                "install it from the app's page.",
                status=404,
            )
        return str(_decoded(body, Installation).id)

    def app_authorization(self) -> str:
        now = int(datetime.now(UTC).timestamp())
        claims = {"iat": now - _JWT_BEGINS_EARLY, "exp": now + _JWT_LIFE, "iss": self._app_id}
        return f"Bearer {jwt.encode(claims, self._key, algorithm='RS256')}"

    def renew(self, refused: str) -> bool:
        with self._kept.lock:
            if self._kept.header == refused:
                self._kept.header = ""
                return True
            return bool(self._kept.header)  # another thread has fetched a new one meanwhile

    def secrets(self) -> list[str]:
        return [self._kept.header.removeprefix("Bearer ")] if self._kept.header else []


def _decoded(body: bytes, kind: Callable[..., Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise UnexpectedReply("GitHub's answer to the app's request for a token cannot be read.")


def _read_key(private_key: str) -> tuple[RSAPrivateKey, str]:
    """The key, and a fingerprint to tell it from others by."""
    # A line break in an environment variable is often written as two characters.
    text = private_key.strip().replace("\\n", "\n").replace("\r\n", "\n")
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise BadCredentials(
            "The app's private key cannot be read: enter the whole PEM file that GitHub gave, from "
            "“-----BEGIN RSA PRIVATE KEY-----” to its last line."
        )
    return key, hashlib.sha256(text.encode()).hexdigest()
