"""What a connection is for, piece by piece: how each is tried, and what it takes for it to work.

The scopes, permissions and policies are those of GitHub's documentation of each endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from portal.github import payloads
from portal.github.auth import Target
from portal.github.client import GitHub
from portal.github.errors import UnexpectedReply
from portal.models import Connection

Kind = Connection.Kind


@dataclass(frozen=True, slots=True)
class Capability:
    """`attempt` asks GitHub for as little as shows that it works, and says in words what came."""

    what: str
    attempt: Callable[[GitHub, Target], str]
    scopes: str  # of a classic token
    permission: str  # of an app or a fine-grained token, as GitHub's pages call it
    role: str  # whose token it has to be
    policy: str = ""
    # Kinds of credential that GitHub does not serve here, whatever they may do elsewhere.
    refused: frozenset[str] = frozenset()
    is_needed: bool = True  # False: there is another way to know, so a refusal is nothing to mend


# --- Attempts ---------------------------------------------------------------------------------


def _seats(github: GitHub, target: Target) -> str:
    answer = github.call("GET", f"{target.path}/copilot/billing/seats", params={"per_page": 1})
    try:
        total = payloads.read_seat_page(answer.body).total
    except msgspec.DecodeError:
        raise UnexpectedReply("GitHub's answer is no list of seats.") from None
    return "The list of seats can be read." if total is None else f"{_seat_count(total)} can be read."


def _billing(github: GitHub, target: Target) -> str:
    billing = github.billing(target.login)
    plan = f"Copilot {billing.plan_type.capitalize()}" if billing.plan_type else "The subscription"
    return f"{plan} with {_seat_count(billing.seat_breakdown.total or 0)} can be read."


def _seat_count(number: int) -> str:
    return "1 seat" if number == 1 else f"{number:,} seats"


def _members(github: GitHub, target: Target) -> str:
    github.call("GET", f"{target.path}/members", params={"per_page": 1})
    return "The members can be read."


def _teams(github: GitHub, target: Target) -> str:
    github.call("GET", f"{target.path}/teams", params={"per_page": 1})
    return "The teams can be read."


def _usage(github: GitHub, target: Target) -> str:
    report = github.report(target, f"{target.kind}-28-day", None)
    if report is None:
        return "Usage reports can be asked for; GitHub has none yet."
    return f"Usage reports can be read, up to {report.report_end_day or report.report_day}."


def _legacy(github: GitHub, target: Target) -> str:
    github.call("GET", f"{target.path}/copilot/metrics", params={"per_page": 1})
    return "The server still answers the older metrics API."


# --- What there is ----------------------------------------------------------------------------

ORGANIZATION: tuple[Capability, ...] = (
    Capability(
        "seats",
        _seats,
        "manage_billing:copilot or read:org",
        "GitHub Copilot Business: read-only",
        "an owner of the organization",
    ),
    Capability(
        "billing",
        _billing,
        "manage_billing:copilot or read:org",
        "GitHub Copilot Business: read-only",
        "an owner of the organization",
    ),
    Capability("members", _members, "read:org", "Members: read-only", "a member of the organization"),
    Capability("teams", _teams, "read:org", "Members: read-only", "a member of the organization"),
    Capability(
        "usage reports",
        _usage,
        "read:org",
        "Organization Copilot metrics: read-only",
        "an owner of the organization, or somebody whose role includes View Organization Copilot Metrics",
        policy="Copilot usage metrics",
    ),
)
ENTERPRISE: tuple[Capability, ...] = (
    Capability(
        "seats",
        _seats,
        "manage_billing:copilot or read:enterprise",
        "GitHub Copilot Business: read-only",
        "an owner or a billing manager of the enterprise",
        refused=frozenset({Kind.FINE_GRAINED}),
    ),
    Capability(
        "enterprise teams",
        _teams,
        "read:enterprise",
        "",
        "an owner of the enterprise",
        refused=frozenset({Kind.FINE_GRAINED, Kind.APP}),
        is_needed=False,
    ),
    Capability(
        "usage reports",
        _usage,
        "manage_billing:copilot or read:enterprise",
        "Enterprise Copilot metrics: read-only",
        "an owner or a billing manager of the enterprise, or somebody whose role includes "
        "View Enterprise Copilot Metrics",
        policy="Copilot usage metrics",
        refused=frozenset({Kind.FINE_GRAINED}),
    ),
)
LEGACY = Capability(
    "older metrics APIs",
    _legacy,
    "manage_billing:copilot or read:org",
    "GitHub Copilot Business: read-only",
    "an owner",
    policy="Copilot Metrics API access",
)
# Any one of these lets a classic token take seats back.
REVOKING_SCOPES = {
    "organization": frozenset({"manage_billing:copilot", "admin:org"}),
    "enterprise": frozenset({"manage_billing:copilot", "admin:enterprise"}),
}
