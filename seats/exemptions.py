"""Whom the policy leaves alone on a day, and by which exemption. `seats.policy_sql` says the same in SQL.

An exemption speaks of a person, of whoever is in a team (as last known) or was granted the seat by it, of
whoever's login fits a pattern, or of newcomers: people of whom nobody had granted or seen a seat more than
so many days before. Given an account, it covers seats of this account alone, an enterprise including its
organizations.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta

from django.db.models import Min, Q

from seats.models import Exemption, Seat, SeatGrant, TeamMembership
from seats.policy_sql import midnight


class Exempt:
    """The exemptions in force on a day, and whom they cover: loaded once, asked without a query per seat.

    `only` bounds what is loaded to what one seat needs.
    """

    def __init__(self, as_of: date, only: Seat | None = None) -> None:
        self.by_user: dict[int, list[Exemption]] = defaultdict(list)
        self.by_team: dict[int, list[Exemption]] = defaultdict(list)
        self.patterns: list[tuple[re.Pattern[str], Exemption]] = []
        self.newcomers: list[tuple[date, Exemption]] = []
        held = Exemption.objects.in_force(as_of).select_related("user", "team", "account", "created_by")
        for exemption in sorted(held, key=_lasting):
            self._add(exemption, as_of)
        self.members, self.granted = _people_of_teams(self.by_team, only)
        self.first_seen = _first_seen(min((since for since, _ in self.newcomers), default=None), only)

    def _add(self, exemption: Exemption, as_of: date) -> None:
        if exemption.user_id is not None:
            self.by_user[exemption.user_id].append(exemption)
        elif exemption.team_id is not None:
            self.by_team[exemption.team_id].append(exemption)
        elif exemption.login_pattern:
            self.patterns.append((re.compile(exemption.login_regex), exemption))
        elif exemption.newcomer_days is not None:
            self.newcomers.append((as_of - timedelta(days=exemption.newcomer_days), exemption))

    def covers(self, seat: Seat, assigning_team_ids: Collection[int] | None = None) -> Exemption | None:
        """The exemption that covers the seat; of several that of the person first, and the longest first.

        The seat's user and account must be loaded. `assigning_team_ids` are the teams that granted the
        seat, where they are not today's.
        """
        return next(self.covering(seat, assigning_team_ids), None)

    def covering(self, seat: Seat, assigning_team_ids: Collection[int] | None = None) -> Iterator[Exemption]:
        """All that cover the seat, in the same order."""
        return (one for one in self._fitting(seat, assigning_team_ids) if _concerns(one, seat))

    def _fitting(self, seat: Seat, assigning_team_ids: Collection[int] | None) -> Iterable[Exemption]:
        yield from self.by_user.get(seat.user_id, ())
        if self.by_team:
            granting = self.granted.get(seat.pk, ()) if assigning_team_ids is None else assigning_team_ids
            teams = {*self.members.get(seat.user_id, ()), *granting} & self.by_team.keys()
            yield from sorted((one for team in teams for one in self.by_team[team]), key=_lasting)
        for pattern, exemption in self.patterns:
            if pattern.fullmatch(seat.user.login_key):
                yield exemption
        first_seen = self.first_seen.get(seat.user_id)
        for since, exemption in self.newcomers:
            if first_seen is not None and first_seen >= since:
                yield exemption


def _lasting(exemption: Exemption) -> tuple[int, int]:
    """To sort by: the one that ends last comes first."""
    return -(exemption.until or date.max).toordinal(), exemption.pk


def _concerns(exemption: Exemption, seat: Seat) -> bool:
    return exemption.account_id in (None, seat.account_id, seat.account.parent_id)


def _people_of_teams(
    team_ids: Collection[int], only: Seat | None
) -> tuple[Mapping[int, set[int]], Mapping[int, set[int]]]:
    """The teams each person is in, and those each seat was granted by."""
    members: dict[int, set[int]] = defaultdict(set)
    granted: dict[int, set[int]] = defaultdict(set)
    if team_ids:
        memberships = TeamMembership.objects.filter(team_id__in=list(team_ids))
        grants = SeatGrant.objects.filter(assigning_team_id__in=list(team_ids))
        if only is not None:
            memberships, grants = memberships.filter(user_id=only.user_id), grants.filter(seat_id=only.pk)
        for user_id, team_id in memberships.values_list("user_id", "team_id"):
            members[user_id].add(team_id)
        for seat_id, granting_id in grants.values_list("seat_id", "assigning_team_id"):
            if granting_id is not None:
                granted[seat_id].add(granting_id)
    return members, granted


def _first_seen(since: date | None, only: Seat | None) -> Mapping[int, date]:
    """When the first seat of each person was granted or seen, of those for whom it was not before a day."""
    if since is None:
        return {}
    seats = Seat.objects.all() if only is None else Seat.objects.filter(user_id=only.user_id)
    people = seats.order_by().values("user_id")
    people = people.annotate(granted=Min("created_at"), seen=Min("first_seen_at"))
    new = people.filter(Q(granted=None) | Q(granted__gte=midnight(since)), seen__gte=midnight(since))
    return {row["user_id"]: min(row["granted"] or row["seen"], row["seen"]).date() for row in new}
