"""The team membership report `user-teams-1-day`: a line per person and team that day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from metrics.formats.errors import BadRecord, reason_for
from metrics.formats.fields import Name, midnight, read_day, read_id, read_login, read_scope, read_text
from metrics.formats.rest import check_text


class UserTeamLine(msgspec.Struct, kw_only=True, gc=False):
    """A line as GitHub writes it."""

    day: str
    user_id: int | str
    user_login: Name | None = None
    team_id: int | str
    slug: Name | None = None
    enterprise_id: int | str | None = None
    organization_id: int | str | None = None


class UserTeamRecord(msgspec.Struct, frozen=True, gc=False):
    day: date
    user_id: int
    user_login: str  # empty where the line does not say
    team_id: int
    slug: str
    enterprise_id: int | None
    organization_id: int | None
    observed_at: datetime


_lines = msgspec.json.Decoder(UserTeamLine)


def parse_user_team(raw: bytes, header: Mapping[str, Any]) -> UserTeamRecord:
    """One person's membership of one team; BadRecord says what is wrong with the line."""
    try:
        line = _lines.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, raw)) from None
    check_text(raw)
    day = read_day(line.day)
    enterprise_id, organization_id = read_scope(line.enterprise_id, line.organization_id, header)
    return UserTeamRecord(
        day,
        read_id(line.user_id, "user_id"),
        read_login(line.user_login, "user_login") if line.user_login else "",
        read_id(line.team_id, "team_id"),
        read_text(line.slug, "slug"),
        enterprise_id,
        organization_id,
        midnight(day),
    )
