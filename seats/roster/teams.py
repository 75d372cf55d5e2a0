"""Assigning teams: made when first met, renamed by the newest sighting of their slug."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from portal.bulk import update_rows
from seats.models import Account, SeatGrant, Team
from seats.roster.reported import ReportedGrant


def meet_team(account_id: int, github_id: int, *, slug: str, name: str, day: date) -> Team:
    """The team with this id in this account, made if new; the slug shown is that of the newest day."""
    team, _ = Team.objects.get_or_create(
        account_id=account_id,
        github_id=github_id,
        defaults={"slug": slug, "name": name, "slug_seen_on": day},
    )
    if fields := _see(team, slug, name, day):
        team.save(update_fields=fields)
    return team


def _see(team: Team, slug: str, name: str, day: date) -> list[str]:
    """Let a sighting say what it has to say of a known team; returns the fields that changed by it."""
    newer = team.slug_seen_on is None or (day, slug) > (team.slug_seen_on, team.slug)
    fields = []
    if slug and slug != team.slug:
        current, older = (slug, team.slug) if newer else (team.slug, slug)
        # It may be called again as it was before.
        former = sorted({*team.former_slugs, older} - {current, ""})
        if former != team.former_slugs:
            team.former_slugs = former
            fields.append("former_slugs")
    if slug and newer:
        team.slug, team.slug_seen_on = slug, day
        fields += ["slug", "slug_seen_on"]
    if name and name != team.name and (newer or not team.name):
        team.name = name
        fields.append("name")
    return fields


class Granted(NamedTuple):
    """How a seat was granted; both ids are of the team, GitHub's and ours, where a team granted it."""

    route: str
    team_id: int | None
    team_pk: int | None


class Teams:
    """The teams of one roster, and so the way in which each of its seats was granted."""

    def __init__(
        self, accounts: Mapping[int, Account], day: date, known: Mapping[tuple[int, int], Team] | None = None
    ) -> None:
        self._accounts = accounts
        self._day = day
        # By the account that has it, by our key, and GitHub's id.
        self._teams: dict[tuple[int, int], Team] = {**(known or {})}
        self._granted: dict[tuple[int, int | None, bool | None, str], Granted] = {}

    def meet(self, named: Iterable[tuple[int, ReportedGrant]]) -> None:
        """Make or rename the teams of these grants, each with the account that granted it."""
        owned: dict[tuple[int, int], tuple[str, str]] = {}
        for account_id, grant in named:
            if grant.team_id is not None:
                key = (self._owner(account_id, grant), grant.team_id)
                # Of two names in one list the same one wins, whatever the order.
                owned[key] = max(owned.get(key, ("", "")), (grant.team_slug, grant.team_name))
        self._load(owned)
        new = [key for key in owned if key not in self._teams]
        if new:
            Team.objects.bulk_create(
                (
                    Team(
                        account_id=account_id,
                        github_id=github_id,
                        slug=owned[account_id, github_id][0],
                        name=owned[account_id, github_id][1],
                        slug_seen_on=self._day,
                    )
                    for account_id, github_id in sorted(new)
                ),
                batch_size=500,
                ignore_conflicts=True,
            )
            self._load(owned)
        seen = [(team, _see(team, *owned[key], self._day)) for key, team in self._teams.items()]
        update_rows(
            [team for team, fields in seen if fields], ["former_slugs", "slug", "slug_seen_on", "name"]
        )

    def _load(self, owned: Mapping[tuple[int, int], object]) -> None:
        known = Team.objects.filter(
            account_id__in={account_id for account_id, _ in owned}, github_id__in={team for _, team in owned}
        )
        for team in known if owned else ():
            if (team.account_id, team.github_id) in owned:
                self._teams[team.account_id, team.github_id] = team

    def granted(self, account_id: int, grant: ReportedGrant) -> Granted:
        """By which route this grant came: directly, by a team, by the enterprise."""
        key = (account_id, grant.team_id, grant.team_is_enterprise, grant.team_slug)
        known = self._granted.get(key)
        if known is None:
            known = self._granted[key] = self._route(account_id, grant)
        return known

    def _route(self, account_id: int, grant: ReportedGrant) -> Granted:
        account = self._accounts[account_id]
        if grant.team_id is not None:
            by_enterprise = _is_enterprise_team(account, grant)
            route = SeatGrant.Route.ENTERPRISE_TEAM if by_enterprise else SeatGrant.Route.TEAM
            team = self._teams[self._owner(account_id, grant), grant.team_id]
            return Granted(route.value, grant.team_id, team.pk)
        is_enterprise = account.kind == Account.Kind.ENTERPRISE
        route = SeatGrant.Route.ENTERPRISE if is_enterprise else SeatGrant.Route.DIRECT
        return Granted(route.value, None, None)

    def _owner(self, account_id: int, grant: ReportedGrant) -> int:
        return owner_of(self._accounts[account_id], grant)


def owner_of(account: Account, grant: ReportedGrant) -> int:
    """An enterprise team belongs to the enterprise, whichever organization's seat it granted: our key."""
    if _is_enterprise_team(account, grant) and account.parent_id:
        return account.parent_id
    return account.pk


def _is_enterprise_team(account: Account, grant: ReportedGrant) -> bool:
    if grant.team_is_enterprise is not None:
        return grant.team_is_enterprise
    return account.kind == Account.Kind.ENTERPRISE or grant.team_slug.startswith("ent:")
