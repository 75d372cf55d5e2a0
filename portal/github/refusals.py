"""What a refusal of GitHub's means, as one of `errors`, in words that say what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from portal.github.errors import (
    BadCredentials,
    GitHubError,
    Gone,
    MissingPermission,
    NotFound,
    PolicyOff,
    UnexpectedReply,
    Unprocessable,
)

_SHOWN = 300
_SAYS_NOTHING = {"", "not found", "bad credentials", "forbidden", "requires authentication"}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]*", re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:gh[a-z]_|github_pat_)\w+|\bBearer\s+\S+|\beyJ[\w-]+\.[\w.-]+", re.IGNORECASE)

_POLICY = re.compile(
    r"polic(?:y|ies)\b|copilot (?:business |enterprise )?(?:is|has) not (?:been )?(?:enabled|set up)"
    r"|not enabled for|copilot is (?:disabled|not available)|metrics api (?:access )?(?:is )?(?:disabled|off)"
    r"|(?:no|without) (?:active )?copilot|does(?:n't| not) have (?:access to )?copilot"
    r"|(?:is|are) (?:disabled|switched off|turned off)",
    re.IGNORECASE,
)
_NOT_FOR_THE_CREDENTIAL = re.compile(
    r"not accessible by|forbids access via|saml|sso|ip allow list", re.IGNORECASE
)

# A scope that holds others: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
_HOLDS = {
    "admin:org": {"write:org", "read:org", "manage_runners:org"},
    "write:org": {"read:org"},
    "admin:enterprise": {"manage_billing:copilot", "read:enterprise", "manage_billing:enterprise"},
    "user": {"read:user", "user:email", "user:follow"},
}


def refusal(
    status: int,
    headers: Mapping[str, str],
    message: str,
    *,
    call: str,
    is_app: bool,
    secrets: Iterable[str] = (),
) -> GitHubError:
    """The error that a status of 400 to 499 means. `call` is its method and path, without a query."""
    said = plain(message, secrets)
    quoted = "" if said.lower() in _SAYS_NOTHING else f" GitHub says: “{said.strip(' .')}”."
    error = _meaning(status, headers, message, quoted, call, is_app)
    error.said = said
    return error


def _meaning(
    status: int, headers: Mapping[str, str], message: str, said: str, call: str, is_app: bool
) -> GitHubError:
    if status == 401:
        return BadCredentials(_bad_credentials(is_app) + said, status=401)
    if status in (403, 404) and (sso := headers.get("X-GitHub-SSO", "")) and "required" in sso.lower():
        return MissingPermission(_SSO + said, status=status)
    if status == 403:
        return _forbidden(headers, message, said, call, is_app)
    if status == 404:
        return NotFound(_not_found(headers, call, is_app) + said, status=404)
    if status == 410:
        return Gone(
            f"GitHub has retired {call}: it, or the version of the API, is served no more.{said}", status=410
        )
    if status == 422 and _POLICY.search(message):
        return PolicyOff(POLICY_OFF + said, status=422)
    if status == 407:
        return UnexpectedReply("The proxy asks for a login: put it into HTTPS_PROXY.", status=407)
    return Unprocessable(f"GitHub refused {call} ({status}).{said}", status=status)


def plain(message: str, secrets: Iterable[str] = ()) -> str:
    """GitHub's words without addresses and whatever looks like, or is, a credential; at most a line."""
    for secret in secrets:
        if secret:
            message = message.replace(secret, "…")
    text = _TOKEN.sub("…", _URL.sub("…", message))
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SSO = (
    "The organization asks for single sign-on, and the token is not authorised for it. On GitHub open "
    "Settings → Developer settings → Personal access tokens, choose “Configure SSO” beside the token and "
    "authorise it."
)
POLICY_OFF = (
    "Copilot, or the policy this needs, is switched off. On GitHub open the organization's or enterprise's "
    "settings → Copilot → Policies and enable “Copilot usage metrics” (“Enabled everywhere”), and see that "
    "Copilot itself is set up."
)


def _bad_credentials(is_app: bool) -> str:
    if is_app:
        return (
            "GitHub does not accept the app's credentials: see that the app ID and the private key belong "
            "together, that the key was not deleted, and that this machine's clock is right."
        )
    return (
        "GitHub does not accept the token: it has expired, was revoked or is not whole. Make a new one and "
        "enter it in the connection."
    )


def _forbidden(
    headers: Mapping[str, str], message: str, said: str, call: str, is_app: bool
) -> MissingPermission | PolicyOff:
    is_theirs = _NOT_FOR_THE_CREDENTIAL.search(message)
    if not is_theirs and _POLICY.search(message):
        return PolicyOff(POLICY_OFF + said, status=403)
    lowered = message.lower()
    if "ip allow list" in lowered:
        says = f"The organization's IP allow list does not let this machine in: add its address there.{said}"
        return MissingPermission(says, status=403)
    if "suspended" in lowered:
        says = "The GitHub App is suspended there: an owner can unsuspend it under Settings → GitHub Apps."
        return MissingPermission(says + said, status=403)
    if "forbids access via" in lowered:
        says = f"The organization does not allow this kind of token: use the kind that it allows.{said}"
        return MissingPermission(says, status=403)
    needed, says = _needed(headers, is_app)
    return MissingPermission(f"The credential may not call {call}. {says}{said}", needed=needed, status=403)


def _needed(headers: Mapping[str, str], is_app: bool) -> tuple[str, str]:
    """What would be needed, as GitHub names it, and in a sentence."""
    if accepted := headers.get("X-Accepted-GitHub-Permissions", "").strip():
        where = "the app, and have the change approved where it is installed" if is_app else "the token"
        return accepted, f"It needs {_permissions(accepted)}: add that to {where}."
    scopes = _names(headers.get("X-Accepted-OAuth-Scopes", ""))
    if "X-OAuth-Scopes" not in headers:
        return ", ".join(scopes), _NOT_THIS_KIND
    held = _names(headers["X-OAuth-Scopes"])
    if scopes and not has_one_of(scopes, held):
        has = ", ".join(f"`{scope}`" for scope in held) or "none"
        return ", ".join(scopes), f"It needs {_one_of(scopes)}, and has {has}: edit the token on GitHub."
    return ", ".join(scopes), _A_ROLE


_NOT_THIS_KIND = (
    "It lacks a permission, or GitHub serves this call to classic tokens alone: add the permission, or use a "
    "classic token of an owner."
)
_A_ROLE = (
    "Its owner lacks the role: an owner of the organization or the enterprise, or a billing manager of the "
    "enterprise, has to make the token or grant the role."
)


def _not_found(headers: Mapping[str, str], call: str, is_app: bool) -> str:
    says = f"GitHub knows no {_what(call)}, or this credential may not see it."
    if is_app:
        return f"{says} Check the name, and that the app is installed there with the permissions it needs."
    scopes = _names(headers.get("X-Accepted-OAuth-Scopes", ""))
    held = _names(headers.get("X-OAuth-Scopes", ""))
    if scopes and "X-OAuth-Scopes" in headers and not has_one_of(scopes, held):
        return f"{says} Check the name; the token lacks {_one_of(scopes)}."
    return f"{says} Check the name, the token's scopes and its authorisation for single sign-on."


def _what(call: str) -> str:
    """What a call asks for, as an admin would name it."""
    path = call.partition(" ")[2]
    parts = [unquote(part) for part in path.split("/")[1:]]
    kind = {"orgs": "organization", "organizations": "organization", "enterprises": "enterprise"}.get(
        parts[0]
    )
    if kind is None or len(parts) < 2:
        return path
    account = f"{kind} “{plain(parts[1])}”"
    if len(parts) > 3 and parts[2] in ("team", "teams"):
        return f"team “{plain(parts[3])}” of the {account}"
    if len(parts) > 3 and parts[2] == "members":
        return f"seat of “{plain(parts[3])}” in the {account}"
    return f"{account} with Copilot" if "copilot" in parts else account


def has_one_of(scopes: Iterable[str], held: Iterable[str]) -> bool:
    """Whether a token that holds these scopes has one of those that would do."""
    widened = set(held)
    for scope in held:
        widened |= _HOLDS.get(scope, set())
    return not widened.isdisjoint(scopes)


def _names(header: str) -> list[str]:
    return [name for part in header.split(",") if (name := part.strip())]


def _one_of(scopes: list[str]) -> str:
    return ("the scope " if len(scopes) == 1 else "one of the scopes ") + ", ".join(
        f"`{name}`" for name in scopes
    )


def _permissions(accepted: str) -> str:
    """`a=read,b=read; c=write` → “`a` (read) and `b` (read), or `c` (write)”."""
    ways = []
    for way in accepted.split(";"):
        parts = (part.strip().partition("=") for part in way.split(",") if part.strip())
        ways.append(" and ".join(f"`{name}` ({level or 'any'})" for name, _, level in parts))
    return "the permission " + ", or ".join(way for way in ways if way)
