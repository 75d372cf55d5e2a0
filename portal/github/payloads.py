"""What GitHub's answers say, as typed facts.

Tolerant: unknown keys are ignored, and nothing is required but what tells one thing from another. A
value that is there but cannot be meant is a BadRecord.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from portal.github.fields import (
    Name,
    read_id,
    read_instant,
    read_label,
    read_login,
    read_optional_id,
    read_past_instant,
    read_text,
)
from portal.github.records import BadRecord, check_text, reason_for

# --- Seats ------------------------------------------------------------------------------------


class _Assignee(msgspec.Struct, gc=False):
    login: Name
    id: int | str | None = None
    name: str | None = None
    email: Name | None = None


class _Organization(msgspec.Struct, gc=False):
    id: int | str | None = None
    login: Name | None = None


class _Team(msgspec.Struct, gc=False):
    """Of an organization or of the enterprise; `type` says which, when it is there."""

    id: int | str | None = None
    name: str | None = None
    slug: Name | None = None
    type: str | None = None


class _Seat(msgspec.Struct, kw_only=True, gc=False):
    """A seat as GitHub writes it."""

    assignee: _Assignee | None = None
    organization: _Organization | None = None
    assigning_team: _Team | None = None
    plan_type: Name | None = None
    created_at: str | None = None
    pending_cancellation_date: str | None = None
    last_activity_at: str | None = None
    last_activity_editor: str | None = None
    last_authenticated_at: str | None = None


class _SeatPage(msgspec.Struct, gc=False):
    seats: list[_Seat]
    total_seats: Any = None


class _RawSeatPage(msgspec.Struct):
    seats: list[msgspec.Raw]
    total_seats: Any = None


class Seat(msgspec.Struct, frozen=True, gc=False):
    """One grant of a seat: a person may hold several. Instants are UTC."""

    assignee_id: int
    assignee_login: str
    assignee_name: str
    assignee_email: str
    organization_id: int | None
    organization_login: str
    team_id: int | None
    team_slug: str
    team_name: str
    team_is_enterprise: bool | None  # None where the list does not say
    plan_type: str
    created_at: datetime | None
    last_activity_at: datetime | None
    last_authenticated_at: datetime | None
    last_activity_editor: str
    pending_cancellation_date: date | None


class Broken(msgspec.Struct, frozen=True):
    """An element of a list that cannot be read; `number` counts from 1 through all pages."""

    number: int
    reason: str
    raw: bytes


class SeatPage(msgspec.Struct, frozen=True):
    """A page of a seat list. Numbers of broken seats count from 1 within the page."""

    total: int | None  # seats of the whole list, as this page says; None where it does not
    seats: list[Seat]
    broken: list[Broken]


_seat = msgspec.json.Decoder(_Seat)
_seat_page = msgspec.json.Decoder(_SeatPage)
_raw_seat_page = msgspec.json.Decoder(_RawSeatPage)

_NO_ORGANIZATION = _Organization()
_NO_TEAM = _Team()


def read_seat(raw: bytes) -> Seat:
    """The facts of one seat; BadRecord says what is wrong with it."""
    try:
        seat = _seat.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, raw)) from None
    check_text(raw)
    return _facts(seat)


def is_nobodys(raw: bytes) -> bool:
    """Whether a seat that cannot be read is one of a deleted person: GitHub counts it, with no `assignee`."""
    try:
        return _seat.decode(raw).assignee is None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def read_seat_page(body: bytes) -> SeatPage:
    """A page of `GET …/copilot/billing/seats`; raises msgspec.DecodeError where it is no such page."""
    try:
        page = _seat_page.decode(body)
        check_text(body)
        return SeatPage(read_total(page.total_seats), [_facts(seat) for seat in page.seats], [])
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError, BadRecord):
        # Rare: one after the other, so that the good ones are kept and the others have their reason.
        return _read_one_by_one(_raw_seat_page.decode(body))


def _read_one_by_one(page: _RawSeatPage) -> SeatPage:
    seats: list[Seat] = []
    broken: list[Broken] = []
    for number, raw in enumerate(page.seats, 1):
        try:
            seats.append(read_seat(bytes(raw)))
        except BadRecord as error:
            broken.append(Broken(number, str(error), bytes(raw)))
    return SeatPage(read_total(page.total_seats), seats, broken)


def read_total(value: object) -> int | None:
    """`total_seats` of a page; None where it is no count."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _facts(seat: _Seat) -> Seat:
    assignee = seat.assignee
    if assignee is None:
        raise BadRecord("the seat has no `assignee`: nobody can be told who holds it")
    if assignee.id is None:
        raise BadRecord("the `assignee` has no `id`: save the list as the API gives it")
    organization = seat.organization or _NO_ORGANIZATION
    team = seat.assigning_team or _NO_TEAM
    return Seat(
        read_id(assignee.id, "assignee.id"),
        read_login(assignee.login, "assignee.login"),
        read_label(assignee.name, "assignee.name"),
        read_text(assignee.email, "assignee.email"),
        read_optional_id(organization.id, "organization.id"),
        read_text(organization.login, "organization.login"),
        read_optional_id(team.id, "assigning_team.id"),
        read_text(team.slug, "assigning_team.slug"),
        read_label(team.name, "assigning_team.name"),
        None if team.type is None else team.type.lower() == "enterprise",
        read_text(seat.plan_type, "plan_type") or "unknown",
        read_past_instant(seat.created_at, "created_at"),
        read_past_instant(seat.last_activity_at, "last_activity_at"),
        read_past_instant(seat.last_authenticated_at, "last_authenticated_at"),
        read_label(seat.last_activity_editor, "last_activity_editor"),
        _cancellation(seat.pending_cancellation_date),
    )


def _cancellation(text: str | None) -> date | None:
    """When access ends: usually a day to come, so any day of the calendar will do."""
    moment = read_instant(text, "pending_cancellation_date")
    return None if moment is None else moment.date()


# --- Subscription -----------------------------------------------------------------------------


class SeatBreakdown(msgspec.Struct, frozen=True):
    """Counts of an organization's seats; active and inactive need not add up to the total."""

    total: int | None = None
    added_this_cycle: int | None = None
    pending_cancellation: int | None = None
    pending_invitation: int | None = None
    active_this_cycle: int | None = None
    inactive_this_cycle: int | None = None


class Billing(msgspec.Struct, frozen=True):
    """An organization's Copilot subscription; settings it does not tell are empty."""

    seat_breakdown: SeatBreakdown = SeatBreakdown()
    plan_type: str | None = None  # business, enterprise
    public_code_suggestions: str | None = None  # allow, block, unconfigured
    seat_management_setting: str | None = None  # assign_all, assign_selected, disabled, unconfigured
    ide_chat: str | None = None  # enabled, disabled, unconfigured
    platform_chat: str | None = None
    cli: str | None = None


# --- Organizations, teams, people -------------------------------------------------------------


class Plan(msgspec.Struct, frozen=True):
    """GitHub's own plan of an organization, told to its owners only."""

    name: str | None = None
    seats: int | None = None
    filled_seats: int | None = None


class Organization(msgspec.Struct, frozen=True):
    id: int
    login: str
    name: str | None = None
    plan: Plan | None = None


class Member(msgspec.Struct, frozen=True):
    """A person in an organization or a team."""

    id: int
    login: str
    name: str | None = None
    email: str | None = None
    type: str | None = None  # User, Bot
    site_admin: bool | None = None
    role: str | None = None  # member, maintainer: of a team, where it is told
    inherited: bool | None = None  # through a child team, where it is told


class TeamParent(msgspec.Struct, frozen=True):
    id: int
    slug: str | None = None
    name: str | None = None


class Team(msgspec.Struct, frozen=True):
    """Of an organization or an enterprise."""

    id: int
    name: str
    slug: str
    description: str | None = None
    privacy: str | None = None
    type: str | None = None  # organization, enterprise; where it is told
    parent: TeamParent | None = None
    organization_id: int | None = None
    enterprise_id: int | None = None
    group_id: str | None = None
    organization_selection_type: str | None = None  # enterprise teams: disabled, selected, all

    @property
    def is_enterprise(self) -> bool:
        """Whether the enterprise's, also where an organization lists it: there its slug tells."""
        return self.type == "enterprise" or self.slug.startswith("ent:")


# --- The credential ---------------------------------------------------------------------------


class InstallationAccount(msgspec.Struct, frozen=True):
    """Where an app is installed: an organization or a user has a login, an enterprise a slug."""

    id: int | None = None
    login: str | None = None
    slug: str | None = None
    type: str | None = None


class Installation(msgspec.Struct, frozen=True):
    """A GitHub App on one account."""

    id: int
    account: InstallationAccount | None = None
    target_type: str | None = None  # Organization, Enterprise, User
    app_slug: str | None = None
    permissions: dict[str, str] = {}
    suspended_at: str | None = None


class App(msgspec.Struct, frozen=True):
    id: int | None = None
    slug: str | None = None
    name: str | None = None
    html_url: str | None = None
    permissions: dict[str, str] = {}


class User(msgspec.Struct, frozen=True):
    id: int | None = None
    login: str = ""
    name: str | None = None


class InstallationToken(msgspec.Struct, frozen=True):
    """A token that lives for an hour; its repr does not show it."""

    token: str
    expires_at: str
    permissions: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"InstallationToken(expires_at={self.expires_at!r})"


class Credential(msgspec.Struct, frozen=True):
    """Whose credential it is and what it may do, as far as GitHub tells."""

    kind: str  # classic token, fine-grained token, installation token, app
    login: str = ""  # of the user, or the app's slug; empty where it cannot be asked
    scopes: frozenset[str] | None = None  # None for all but classic tokens: they have permissions
    permissions: dict[str, str] | None = None  # of an app
    expires_at: datetime | None = None


class RateLimit(msgspec.Struct, frozen=True):
    """The allowance of this hour. `reset` is when the next one begins, UTC."""

    limit: int
    remaining: int
    used: int
    reset: datetime


class _Resource(msgspec.Struct):
    limit: int
    remaining: int
    reset: int
    used: int = 0


class _Resources(msgspec.Struct):
    core: _Resource


class _RateLimits(msgspec.Struct):
    resources: _Resources


_rate_limits = msgspec.json.Decoder(_RateLimits)


def read_rate_limit(body: bytes) -> RateLimit:
    """`GET /rate_limit`; newer versions of the API have no top-level `rate`."""
    core = _rate_limits.decode(body).resources.core
    try:
        reset = datetime.fromtimestamp(core.reset, UTC)
    except (ValueError, OverflowError, OSError):
        raise msgspec.ValidationError("`reset` is no time") from None
    return RateLimit(core.limit, core.remaining, core.used, reset)


# --- Reports ----------------------------------------------------------------------------------


class ReportLinks(msgspec.Struct, frozen=True):
    """Where a report's parts lie. The links are signed: its repr does not show them."""

    download_links: list[str] | None = None
    report_day: str | None = None
    report_start_day: str | None = None
    report_end_day: str | None = None

    def __repr__(self) -> str:
        return f"ReportLinks({len(self.download_links or [])} parts, report_day={self.report_day!r})"


# --- Errors -----------------------------------------------------------------------------------


class _ErrorBody(msgspec.Struct):
    message: Any = None
    errors: Any = None


_error_body = msgspec.json.Decoder(_ErrorBody)


def read_error(body: bytes) -> str:
    """What GitHub says of a refusal; empty where it says nothing. Every key of the body is optional."""
    try:
        error = _error_body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return " ".join(dict.fromkeys(_messages([error.message, error.errors])))


def _messages(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif isinstance(value, Sequence) and not isinstance(value, str) and depth < 3:
        for item in value:
            yield from _messages(item, depth + 1)
    elif isinstance(value, dict):
        yield from _messages(value.get("message"), depth + 1)
