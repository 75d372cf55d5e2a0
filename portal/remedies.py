"""What a look at a connection found, in words: what is, and which scope, which policy, where to click."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlsplit

from django.utils import timezone

from portal.capabilities import LEGACY, REVOKING_SCOPES, Capability
from portal.github.auth import Target
from portal.github.errors import (
    BadCredentials,
    GitHubError,
    Gone,
    MissingPermission,
    NotFound,
    PolicyOff,
    RateLimited,
    ServerTrouble,
    Unprocessable,
)
from portal.github.limits import Counted
from portal.github.payloads import Billing, Credential
from portal.github.refusals import has_one_of
from portal.models import Connection
from portal.models.connection import Finding, State

Kind = Connection.Kind

EXPIRES_SOON = timedelta(days=14)
NO_ACCOUNT = Finding(
    "accounts",
    "bad",
    "No organization and no enterprise uses this connection.",
    "Name one on the connection's page, or run `manage.py connect`.",
)
LEGACY_IS_OFF = Finding(
    LEGACY.what,
    "off",
    "Not asked: GitHub closed copilot/usage in February 2025 and copilot/metrics on 2 April 2026.",
)
NEEDS_WRITE = (
    "To take seats back it needs Organization permissions → GitHub Copilot Business: read and write."
)
ONLY_READS = "This connection only reads; it takes no seat back."


# --- The credential ---------------------------------------------------------------------------


def of_known_credential(what: str, credential: Credential, counted: Counted) -> Finding:
    """Whose it is, what it may do, how much of the hour's allowance is left."""
    sentences = [_introduction(credential)]
    if counted.rate_limit_limit is not None and counted.rate_limit_remaining is not None:
        left, limit = counted.rate_limit_remaining, counted.rate_limit_limit
        sentences.append(f"{left:,} of {limit:,} requests are left this hour.")
    if credential.expires_at is not None:
        sentences.append(f"It expires on {credential.expires_at:%Y-%m-%d}.")
    return Finding(what, "ok", " ".join(sentences))


def of_expiry(what: str, connection: Connection, credential: Credential) -> Finding | None:
    """What to say of a credential that works, but not for much longer."""
    expires_at = credential.expires_at
    if expires_at is None or expires_at - timezone.now() > EXPIRES_SOON:
        return None
    text = f"The {what} expires on {expires_at:%Y-%m-%d}; after that nothing can be asked."
    return Finding("expiry", "bad", text, how_to_renew(connection, what))


def _introduction(credential: Credential) -> str:
    named = {"app": "GitHub App", "": "Credential"}.get(credential.kind, credential.kind.capitalize())
    whose = f" {credential.login}" if credential.kind == "app" else f" of {credential.login}"
    text = named + (whose if credential.login else "")
    if credential.scopes is None:
        return f"{text}."
    scopes = _listed(credential.scopes)
    return f"{text}, with the scopes {scopes}." if scopes else f"{text}, without any scope."


def of_refused_credential(what: str, connection: Connection, error: GitHubError) -> Finding:
    """GitHub does not say who this is: nothing else can be tried."""
    match error:
        case BadCredentials() | NotFound() | MissingPermission():
            return Finding(what, "bad", str(error), how_to_renew(connection, what))
        case RateLimited(until=until):
            return Finding(what, "unknown", str(error), _after(until))
        case ServerTrouble():
            return Finding(what, "bad", str(error), how_to_reach(connection))
        case _:
            return Finding(what, "bad", str(error), how_to_address(connection))


# --- Accounts ---------------------------------------------------------------------------------


def of_unknown_account(error: GitHubError, connection: Connection, target: Target) -> Finding:
    """Nothing could be asked about the account."""
    state: State = "unknown" if isinstance(error, RateLimited) else "bad"
    return Finding("account", state, str(error), _how_to_find(error, connection, target), target.login)


def _how_to_find(error: GitHubError, connection: Connection, target: Target) -> str:
    match error:
        case RateLimited(until=until):
            return _after(until)
        case ServerTrouble():
            return how_to_reach(connection)
        case BadCredentials():
            return how_to_renew(connection)
        case MissingPermission():
            return _how_to_let_in(error, connection, target)
        case _ if connection.is_app:
            return (
                f"Check the spelling of {target.login}, and install the app on it: on the app's page, "
                "under Install App. Leave the installation id empty unless you know it."
            )
        case _:
            place = "" if target.kind == "organization" else "enterprises/"
            return (
                f"Check the spelling: it is what follows {web_address(connection)}/{place} in the browser. "
                f"If it is right, the token may not see {target.login}: it has to be of a member, and "
                "authorized for its single sign-on."
            )


def of_failed_attempt(
    error: GitHubError, capability: Capability, connection: Connection, target: Target
) -> Finding:
    """An attempt did not succeed: why, and what to do about it."""
    state: State = "bad"
    text = str(error)
    match error:
        case BadCredentials():
            remedy = how_to_renew(connection)
        case MissingPermission(needed="") if "may not call" not in str(error):
            # Single sign-on, an allow list, a suspended app: no scope of the credential would help.
            remedy = _how_to_let_in(error, connection, target)
        case MissingPermission() | NotFound():
            if connection.kind in capability.refused and not capability.is_needed:
                state = "off"
            remedy = how_to_permit(capability, connection, target)
        case PolicyOff():
            what = f"the policy “{capability.policy}”" if capability.policy else "Copilot"
            text = f"Switched off on {target.login}: {what}.{_quoted(error)}"
            remedy = how_to_switch_on(capability, connection, target)
        case Unprocessable():
            remedy = how_to_switch_on(capability, connection, target)
        case RateLimited(until=until):
            state, remedy = "unknown", _after(until)
        case Gone():
            remedy = "GitHub has retired what was asked for. Look for a newer version of the portal."
        case ServerTrouble():
            remedy = how_to_reach(connection)
        case _:
            remedy = how_to_address(connection)
    return Finding(capability.what, state, text, remedy, target.login)


def _quoted(error: GitHubError) -> str:
    said = error.said.strip(" .")
    return f" GitHub says: “{said}”." if said else ""


# --- What to do -------------------------------------------------------------------------------


def how_to_reach(connection: Connection) -> str:
    """GitHub did not answer at all, or only with errors."""
    return (
        f"Check that this machine reaches {connection.base_url} (HTTPS_PROXY and REQUESTS_CA_BUNDLE tell of "
        "a proxy and its certificate) and what https://www.githubstatus.com says, then check again."
    )


def how_to_address(connection: Connection) -> str:
    """Something else than GitHub answered."""
    return (
        f"Check that {connection.base_url} is the address of GitHub's API, and that no proxy answers in "
        "its place."
    )


def how_to_renew(connection: Connection, what: str = "credential") -> str:
    """The credential expired, was revoked, or was mistyped."""
    if connection.is_app and what == "credential":
        return (
            "Compare the app id; make a new private key on the app's settings page, under Private keys, and "
            "replace the old one here."
        )
    return f"Make a new token at {_token_page(connection)} and replace the old one here."


def how_to_permit(capability: Capability, connection: Connection, target: Target) -> str:
    """GitHub refuses, or pretends that there is nothing: which scope or permission, and where to set it."""
    login = target.login
    if connection.kind in capability.refused:
        what = capability.what if "enterprise" in capability.what else f"{capability.what} of an enterprise"
        return (
            f"GitHub gives {what} to no {connection.get_kind_display()}; "
            f"a classic token with {capability.scopes}, of {capability.role}, would see them."
        )
    if connection.kind == Kind.TOKEN:
        return (
            f"Open {_token_page(connection)}, choose the token and tick {capability.scopes}; it has to be "
            f"of {capability.role}. If {login} uses single sign-on, choose Configure SSO beside the token "
            f"and authorize it for {login}."
        )
    if connection.kind == Kind.FINE_GRAINED:
        return (
            f"Open {_token_page(connection)}, choose the token, make {login} its resource owner and set "
            f"Organization permissions → {capability.permission}. It has to be of {capability.role}, and "
            f"an owner may have to approve it under {_settings(connection, target)}/personal-access-tokens."
        )
    return (
        f"Open the app's settings → Permissions & events, set {target.kind.capitalize()} permissions → "
        f"{capability.permission}, see that the app is installed on {login}, and accept the new permission "
        f"under {_settings(connection, target)}/installations."
    )


def _how_to_let_in(error: GitHubError, connection: Connection, target: Target) -> str:
    if "single sign-on" in str(error):
        return (
            f"Open {_token_page(connection)}, choose Configure SSO beside the token and authorize it for "
            f"{target.login}. Then check again."
        )
    return f"An owner of {target.login} can change that. Then check again."


def how_to_switch_on(capability: Capability, connection: Connection, target: Target) -> str:
    """The credential would do, but the account has it switched off or not set up."""
    if not capability.policy:
        return f"Set Copilot up for {target.login}: {_settings(connection, target)}/copilot."
    everywhere = f"AI controls → Copilot, set {capability.policy} to Enabled everywhere"
    if target.kind == "enterprise":
        return f"Open {web_address(connection)}/enterprises/{quote(target.login)} and, under {everywhere}."
    return (
        f"Open {_settings(connection, target)}/copilot/policies and set {capability.policy} to Enabled. If "
        f"the organization belongs to an enterprise, its owner decides: under {everywhere}."
    )


def web_address(connection: Connection) -> str:
    """Where people of this GitHub open its pages: https://github.com, https://SUBDOMAIN.ghe.com."""
    host = urlsplit(connection.base_url).hostname or ""
    if host.startswith("api.") and host.endswith(".ghe.com"):
        return f"https://{host.removeprefix('api.')}"
    return "https://github.com"


def _token_page(connection: Connection) -> str:
    page = "personal-access-tokens" if connection.kind == Kind.FINE_GRAINED else "tokens"
    return f"{web_address(connection)}/settings/{page}"


def _settings(connection: Connection, target: Target) -> str:
    kind = "organizations" if target.kind == "organization" else "enterprises"
    return f"{web_address(connection)}/{kind}/{quote(target.login)}/settings"


# --- Taking seats back ------------------------------------------------------------------------


def of_revoking(
    connection: Connection, target: Target, credential: Credential, billing: Billing | None
) -> Finding:
    """Whether seats could be taken back, told without taking any.

    `credential` is the one that would do it; `billing` the organization's subscription, if it was read.
    """
    state, text, remedy = _may_revoke(connection, target, credential)
    setting = billing.seat_management_setting if billing else None
    if state == "ok" and setting not in (None, "assign_selected"):
        state = "bad"
        text = f"The credential may take seats back, but GitHub lets nobody while access is {setting}."
        remedy = (
            f"Open {_settings(connection, target)}/copilot/seat_management and give access to selected "
            "members and teams."
        )
    return Finding("revoking", state, text, remedy, target.login)


def _may_revoke(connection: Connection, target: Target, credential: Credential) -> tuple[State, str, str]:
    """A separate credential that does not do is wrong; without one, the connection is meant to read."""
    lacking: State = "bad" if connection.has_own_revoke_secret else "off"
    wanted = REVOKING_SCOPES[target.kind]
    with_token = (
        "To let the portal take seats back, add a credential for revoking: a classic token with "
        f"{_listed(wanted, ' or ')}, made at {web_address(connection)}/settings/tokens."
    )
    if credential.scopes is not None:
        if has_one_of(wanted, credential.scopes):
            return "ok", "Seats can be taken back: the token's scopes allow it.", ""
        return lacking, ONLY_READS, with_token
    if target.kind == "enterprise":
        return lacking, f"{ONLY_READS} GitHub wants a classic token for an enterprise's seats.", with_token
    if credential.permissions is None:
        return "unknown", "What this credential may write shows only when it does.", NEEDS_WRITE
    if credential.permissions.get("organization_copilot_seat_management") == "write":
        return "ok", "Seats can be taken back: the app may write GitHub Copilot Business.", ""
    return (
        lacking,
        ONLY_READS,
        (
            "To let the portal take seats back, set Organization permissions → GitHub Copilot Business: read "
            "and write on the app, or add a classic token as credential for revoking."
        ),
    )


def _listed(names: frozenset[str], joint: str = ", ") -> str:
    return joint.join(sorted(names))


def _after(until: object) -> str:
    return f"Check again after {until:%Y-%m-%d %H:%M} UTC."
