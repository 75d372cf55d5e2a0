"""Who asks, and may they: tokens, scopes, permissions, apps' signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import jwt

from tests.fake_github.exchange import Refused
from tests.fake_github.operations import Operation
from tests.fake_github.state import App, State, Token

LONGEST_JWT_LIFE = 600  # seconds
CLOCK_SKEW = 60


def identify(state: State, authorization: str | None) -> tuple[Token | None, App | None]:
    """The token or the app behind the header; 401 for one that is unknown, expired or forged."""
    if not authorization:
        return None, None
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() not in ("bearer", "token"):
        raise Refused(401, "Bad credentials")
    if value.count(".") == 2 and value.startswith("ey"):
        return None, _app(state, value)
    token = state.tokens.get(value)
    if token is None or token.is_revoked:
        raise Refused(401, "Bad credentials")
    if token.expires_at is not None and token.expires_at <= state.now():
        raise Refused(401, "Bad credentials")
    installation = token.installation
    if installation is not None:
        if installation not in installation.app.installations:
            raise Refused(404, "Not Found")
        if installation.is_suspended:
            raise Refused(403, "This installation has been suspended")
    return token, None


def _app(state: State, value: str) -> App:
    """The app that signed the JSON web token: RS256, at most ten minutes long, not from the future."""
    try:
        claims: dict[str, Any] = jwt.decode(value, options={"verify_signature": False})
        app = state.find_app(str(claims.get("iss", "")))
        if app is None:
            raise Refused(404, "Integration not found")
        jwt.decode(
            value,
            app.public_key,
            algorithms=["RS256"],
            # The server's own time counts, which a test may have set.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_iss": False},
        )
    except jwt.PyJWTError:
        raise Refused(401, "A JSON web token could not be decoded") from None
    now = state.now().timestamp()
    issued, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(ends, int) or ends <= now:
        raise Refused(401, "'Expiration time' claim ('exp') must be a numeric value in the future")
    if ends > now + LONGEST_JWT_LIFE + 5:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int) or issued > now + CLOCK_SKEW:
        raise Refused(401, "'Issued at' claim ('iat') must be an Integer in the past")
    return app


def check(operation: Operation, token: Token | None, app: App | None, path: str) -> None:
    """Whether this credential may call this operation at all; 401 or 403 otherwise."""
    if operation.is_public:
        return
    if operation.needs_jwt:
        if app is None:
            raise Refused(401, "A JSON web token could not be decoded")
        return
    if token is None:
        if app is not None:
            raise Refused(403, "Resource not accessible by integration")
        raise Refused(401, "Requires authentication")
    _check_sign_on(token, path)
    if token.kind == "classic":
        if operation.scopes and not any(token.has_scope(scope) for scope in operation.scopes):
            raise Refused(403, f"This API operation needs the {_list(operation.scopes)} scope.")
        return
    who = "integration" if token.kind == "installation" else "personal access token"
    takes = operation.takes_apps if token.kind == "installation" else operation.takes_fine_grained
    if not takes:
        raise Refused(403, f"Resource not accessible by {who}")
    if not _is_permitted(token, operation.permissions):
        headers = {"X-Accepted-GitHub-Permissions": operation.permissions}
        raise Refused(403, f"Resource not accessible by {who}", headers)


def _check_sign_on(token: Token, path: str) -> None:
    parts = path.lower().split("/")
    if len(parts) > 2 and parts[1] in ("orgs", "enterprises") and parts[2] in token.needs_sso:
        url = f"https://github.com/{parts[1]}/{parts[2]}/sso?authorization_request=AAAA"
        raise Refused(
            403,
            "Resource protected by organization SAML enforcement. You must grant your Personal Access "
            "token access to this organization.",
            {"X-GitHub-SSO": f"required; url={url}"},
        )


def _is_permitted(token: Token, accepted: str) -> bool:
    """`a=read,b=read; c=write`: a comma means and, a semicolon means or."""
    if not accepted or accepted == "metadata=read":
        return True
    for choice in accepted.split(";"):
        wanted = [each.strip().partition("=") for each in choice.split(",")]
        if all(token.permissions.get(name) in (level, "write", "admin") for name, _, level in wanted):
            return True
    return False


def _list(scopes: tuple[str, ...]) -> str:
    return " or ".join(f'"{scope}"' for scope in scopes)


def expires_text(moment: datetime) -> str:
    """As the header `GitHub-Authentication-Token-Expiration` has it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
