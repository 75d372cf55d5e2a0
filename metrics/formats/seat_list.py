"""Saved seat lists: pages of `GET …/copilot/billing/seats`, `{total_seats, seats: […]}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from metrics.formats.errors import BadRecord, reason_for
from metrics.formats.fields import (
    Name,
    read_id,
    read_instant,
    read_label,
    read_login,
    read_optional_id,
    read_past_instant,
    read_text,
)
from metrics.formats.rest import check_text


class Assignee(msgspec.Struct, gc=False):
    login: Name
    id: int | str | None = None
    name: str | None = None
    email: Name | None = None


class Organization(msgspec.Struct, gc=False):
    id: int | str | None = None
    login: Name | None = None


class Team(msgspec.Struct, gc=False):
    """Of an organization or of the enterprise; `type` says which, when it is there."""

    id: int | str | None = None
    name: str | None = None
    slug: Name | None = None
    type: str | None = None


class SeatElement(msgspec.Struct, kw_only=True, gc=False):
    """A seat as GitHub writes it."""

    assignee: Assignee | None = None
    organization: Organization | None = None
    assigning_team: Team | None = None
    plan_type: Name | None = None
    created_at: str | None = None
    pending_cancellation_date: str | None = None
    last_activity_at: str | None = None
    last_activity_editor: str | None = None
    last_authenticated_at: str | None = None


class SeatRecord(msgspec.Struct, frozen=True, gc=False):
    """One grant of a seat: a person may hold several."""

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


_elements = msgspec.json.Decoder(SeatElement)


def total_seats(header: Mapping[str, Any]) -> int | None:
    """The number of seats that a page says the whole list has; None where it does not say."""
    total = header.get("total_seats")
    return total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


def parse_seat(raw: bytes, header: Mapping[str, Any]) -> SeatRecord:
    """The facts of one seat; BadRecord says what is wrong with it."""
    try:
        seat = _elements.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, raw)) from None
    check_text(raw)
    assignee = seat.assignee
    if assignee is None:
        raise BadRecord("the seat has no `assignee`: nobody can be told who holds it")
    if assignee.id is None:
        raise BadRecord("the `assignee` has no `id`: save the list as the API gives it")
    organization = seat.organization or Organization()
    team = seat.assigning_team or Team()
    return SeatRecord(
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
