"""What the teams of an account did in usual periods, as it was stored when their days were added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from metrics.figures.entries import Sums
from metrics.figures.team_use import Parts, Teams, TeamUse
from metrics.models import TeamPeriod
from metrics.periods import WEEK, Period
from portal.bytes_as_they_are import bytes_as_they_are
from seats.models import Account, Team

WORKING = WEEK - 2
Counts = tuple[int | None, ...]


class _Stored(msgspec.Struct, array_like=True):
    """A row per team: its key, the numbers of TeamUse, the seven counters. Names are asked for anew."""

    teams: list[Counts]
    unattributed: Counts | None
    people: Counts
    user_days: Counts
    interactions: Counts
    members_on: date | None
    days_told: int
    days_with_teams: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)
_NUMBERS = ("members", "active_members", "active_users", "agent_users", "cli_users", "user_days")


def days_with(period: Period, *, weekends: bool) -> list[date]:
    """All days of a period, or those from Monday to Friday."""
    return [day for day in period if weekends or day.weekday() < WORKING]


def stored_teams(account: Account, asked: Sequence[date]) -> Teams | None:
    """Of these days, in order; None where just these are not stored. Two queries."""
    if not asked:
        return None
    rows = TeamPeriod.objects.filter(account=account, first=asked[0], last=asked[-1]).order_by()
    with bytes_as_they_are():
        stored = list(rows.values_list("weekends", "told"))
    period = Period(asked[0], asked[-1])
    for weekends, told in stored:
        if len(asked) == len(days_with(period, weekends=weekends)):
            return unpacked(account, told)
    return None


def packed(teams: Teams) -> bytes:
    return _encoder.encode(
        _Stored(
            [_counts(use) for use in teams.teams],
            None if teams.unattributed is None else _counts(teams.unattributed),
            _parts(teams.people),
            _parts(teams.user_days),
            _parts(teams.interactions),
            teams.members_on,
            teams.days_told,
            teams.days_with_teams,
        )
    )


def unpacked(account: Account, told: bytes | memoryview) -> Teams:
    """With the teams' names of now; one query."""
    stored = _decoder.decode(told)
    rows = Team.objects.filter(account=account).order_by()
    called = {key: (team_id, slug) for key, team_id, slug in rows.values_list("pk", "github_id", "slug")}
    teams = [_use(counts, called) for counts in stored.teams]
    teams.sort(key=lambda use: (use.slug, use.team_key))
    return Teams(
        teams=teams,
        unattributed=None if stored.unattributed is None else _use(stored.unattributed, called),
        people=Parts(*stored.people),
        user_days=Parts(*stored.user_days),
        interactions=Parts(*stored.interactions),
        members_on=stored.members_on,
        days_told=stored.days_told,
        days_with_teams=stored.days_with_teams,
    )


def _counts(use: TeamUse) -> Counts:
    return use.team_key, *(getattr(use, name) for name in _NUMBERS), *use.sums


def _use(counts: Counts, called: Mapping[int, tuple[int | None, str]]) -> TeamUse:
    team_key, *numbers = counts
    own: dict[str, Any] = dict(zip(_NUMBERS, numbers, strict=False))
    team_id, slug = called.get(team_key or 0, (None, ""))
    return TeamUse(team_key or 0, team_id, slug, sums=Sums(*numbers[len(_NUMBERS) :]), **own)


def _parts(parts: Parts) -> Counts:
    return parts.in_teams, parts.attributed, parts.unattributed, parts.everybody
