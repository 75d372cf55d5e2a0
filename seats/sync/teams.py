"""Teams and who is in them today: for filters, policies and addressing people, never for past figures.

The list of teams is taken over whole, then the members of one team after the other, each whole and
committed by itself: a run that was stopped goes on behind the last team it finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.bulk import update_rows
from portal.github import payloads
from portal.github.client import GitHub
from portal.github.errors import MissingPermission, NotFound
from seats.accounts import lock
from seats.evidence import chunks
from seats.models import Account, Listing, Team, TeamMembership
from seats.sync.lists import doubt, meet_people, read_by_id
from seats.sync.tally import Reporter, Tally

Role = TeamMembership.Role
TEXT = 255
NEVER = datetime.min.replace(tzinfo=UTC)


def sync(account: Account, github: GitHub, run: Reporter) -> Tally:
    """Make our teams of this account, and their members, those that GitHub lists.

    Raises portal.github's errors; teams that were finished before stay finished.
    """
    tally = Tally.since_now(github)
    run.progress(0, None, "teams")
    known = Team.objects.existing().filter(account=account, listed_at__isnull=False)
    rows = read_by_id(lambda: _teams_of(account, github), set(known.values_list("github_id", flat=True)))
    run.should_stop()
    teams = _write_teams(account, rows, timezone.now(), tally)
    began_at = _began_at(run)
    waiting = [team for team in teams if not _was_read(team, began_at)]
    # Whose turn it is longest ago comes first: a run that must wait for its next hour wastes nothing.
    waiting.sort(key=lambda team: (team.members_read_at or NEVER, team.pk))
    for number, team in enumerate(waiting, start=len(teams) - len(waiting)):
        run.progress(number, len(teams), f"members of {team}")
        _sync_members(account, team, github, tally)
    run.progress(len(teams), len(teams), "")
    tally.count(github)
    return tally


def _began_at(run: Reporter) -> datetime | None:
    """When a job that goes on was asked for: what it read since then it need not read again."""
    job = getattr(run, "job", None)
    return job.created_at if job is not None and job.attempts > 1 else None


def _was_read(team: Team, since: datetime | None) -> bool:
    return since is not None and team.members_read_at is not None and team.members_read_at >= since


def _teams_of(account: Account, github: GitHub) -> Iterable[payloads.Team]:
    if account.kind == Account.Kind.ENTERPRISE:
        return github.enterprise_teams(account.login)
    # An enterprise's own list of its teams knows them better, and is read for the enterprise.
    leave_out = account.parent is not None and account.parent.connection_id is not None
    return [team for team in github.teams(account.login) if not (leave_out and team.is_enterprise)]


# --- The list of teams ------------------------------------------------------------------------


@transaction.atomic
def _write_teams(
    account: Account, rows: Mapping[int, payloads.Team], now: datetime, tally: Tally
) -> list[Team]:
    """Take over the list; the teams whose members are to be read."""
    lock(Q(pk=account.pk))
    listing, _ = Listing.objects.get_or_create(account=account, what=Listing.What.TEAMS)
    tally.rows_seen += len(rows)
    ours = {team.github_id: team for team in Team.objects.filter(account=account)}
    absent = [
        team
        for team in ours.values()
        if team.listed_at and team.gone_at is None and team.github_id not in rows
    ]
    if not rows and absent and doubt(listing.empty_since, now):
        listing.empty_since = listing.empty_since or now
        listing.save()
        tally.say(
            f"GitHub listed no team of {account.label}, where there were {len(absent)}: they stay as known. "
            "They are taken for gone if a list an hour later is empty, too."
        )
        return []
    for row in rows.values():
        if row.id in ours:
            _show(ours[row.id], account, row, now, tally)
        else:
            ours[row.id] = _meet(account, row, now)
            tally.rows_new += 1
    _set_parents(ours, account, rows)
    _note_gone(absent, now, tally)
    listing.read_at, listing.rows, listing.empty_since = now, len(rows), None
    listing.save()
    return [ours[one] for one in rows]


def _meet(account: Account, row: payloads.Team, now: datetime) -> Team:
    return Team.objects.create(
        account=account, github_id=row.id, listed_at=now, slug_seen_on=_day(now), **_facts(account, row)
    )


def _facts(account: Account, row: payloads.Team) -> dict[str, str]:
    of_enterprise = account.kind == Account.Kind.ENTERPRISE or row.is_enterprise
    return {
        "kind": Team.Kind.ENTERPRISE if of_enterprise else Team.Kind.ORGANIZATION,
        "slug": row.slug[:TEXT],
        "name": row.name[:TEXT],
        "description": (row.description or "").replace("\0", ""),
        "privacy": (row.privacy or "")[:40],
    }


def _show(team: Team, account: Account, row: payloads.Team, now: datetime, tally: Tally) -> None:
    """Let our team say what GitHub says of it now; a new slug makes the old one a former one."""
    facts = _facts(account, row)
    changed = [name for name, value in facts.items() if getattr(team, name) != value]
    if changed or team.gone_at or team.listed_at is None:
        if "slug" in changed and team.slug:
            team.former_slugs = sorted({*team.former_slugs, team.slug} - {facts["slug"]})
        for name in changed:
            setattr(team, name, facts[name])
        team.slug_seen_on = max(team.slug_seen_on or _day(now), _day(now))
        team.listed_at, team.gone_at = team.listed_at or now, None
        team.save()
        tally.rows_changed += 1
    else:
        tally.rows_unchanged += 1


def _set_parents(teams: Mapping[int, Team], account: Account, rows: Mapping[int, payloads.Team]) -> None:
    """Hang each team below its parent; one that the list does not show is known by its name alone."""
    parents = dict(teams)
    moved = []
    for row in rows.values():
        parent = None
        if row.parent is not None:
            parent = parents.get(row.parent.id)
            if parent is None:
                parent = parents[row.parent.id] = Team.objects.create(
                    account=account,
                    github_id=row.parent.id,
                    slug=(row.parent.slug or "")[:TEXT],
                    name=(row.parent.name or "")[:TEXT],
                )
        team = teams[row.id]
        if team.parent_id != (parent.pk if parent else None):
            team.parent = parent
            moved.append(team)
    update_rows(moved, ["parent"])


def _note_gone(teams: list[Team], now: datetime, tally: Tally) -> None:
    """Teams that were deleted: nobody is in them today, and their past stays."""
    for team in teams:
        team.gone_at, team.members_empty_since = now, None
        TeamMembership.objects.filter(team=team).delete()
    update_rows(teams, ["gone_at", "members_empty_since"])
    tally.rows_ended += len(teams)
    tally.ended += [f"team {team}" for team in teams]


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


# --- The members of one team ------------------------------------------------------------------


def _sync_members(account: Account, team: Team, github: GitHub, tally: Tally) -> None:
    known = TeamMembership.objects.filter(team=team, user__github_id__isnull=False)
    known_ids = {one for one in known.values_list("user__github_id", flat=True) if one is not None}
    try:
        members = read_by_id(lambda: _members_of(account, team, github), known_ids)
        maintainers = _maintainers(account, team, github, members)
    except NotFound:
        tally.say(f"The team {team} was listed, but GitHub does not show its members: they stay as known.")
    except MissingPermission as error:
        tally.say(f"The members of the team {team} stay as known. {error}")
    else:
        _write_members(team, members, maintainers, timezone.now(), tally)


def _members_of(account: Account, team: Team, github: GitHub) -> list[payloads.Member]:
    if account.kind == Account.Kind.ENTERPRISE:
        return github.enterprise_team_members(account.login, team.slug)
    return github.team_members(account.login, team.slug)


def _maintainers(
    account: Account, team: Team, github: GitHub, members: Mapping[int, payloads.Member]
) -> set[int]:
    """The list of members may tell roles; where it does not, the list of maintainers does."""
    if account.kind == Account.Kind.ENTERPRISE or not members:
        return set()
    if any(member.role for member in members.values()):
        return {one for one, member in members.items() if member.role == Role.MAINTAINER}
    return {member.id for member in github.team_members(account.login, team.slug, role="maintainer")}


@transaction.atomic
def _write_members(
    team: Team, members: Mapping[int, payloads.Member], maintainers: set[int], now: datetime, tally: Tally
) -> None:
    # One writer per account at a time: reports of usage tell of members, too.
    lock(Q(pk=team.account_id))
    held = {row.user_id: row for row in TeamMembership.objects.filter(team=team)}
    tally.rows_seen += len(members)
    if not members and held and doubt(team.members_empty_since, now):
        team.members_empty_since = team.members_empty_since or now
        team.save(update_fields=["members_empty_since"])
        tally.say(
            f"GitHub listed nobody in the team {team}, where there were {len(held)}: they stay as known. "
            "They are taken out if a list an hour later is empty, too."
        )
        return
    keys = meet_people(members, now)
    wanted = {
        keys[one]: (Role.MAINTAINER if one in maintainers else Role.MEMBER, bool(member.inherited))
        for one, member in members.items()
    }
    new, changed = [], []
    for key, (role, is_inherited) in wanted.items():
        row = held.get(key)
        if row is None:
            new.append(
                TeamMembership(
                    team=team, user_id=key, role=role, is_inherited=is_inherited, seen_on=_day(now)
                )
            )
        elif (row.role, row.is_inherited) != (role, is_inherited):
            row.role, row.is_inherited = role, is_inherited
            changed.append(row)
    gone = [row.pk for key, row in held.items() if key not in wanted]
    for doomed in chunks(gone):
        TeamMembership.objects.filter(pk__in=doomed).delete()
    TeamMembership.objects.bulk_create(new, batch_size=500)
    update_rows(changed, ["role", "is_inherited"])
    TeamMembership.objects.filter(team=team).exclude(seen_on=_day(now)).update(seen_on=_day(now))
    team.members_read_at, team.members_empty_since = now, None
    team.save(update_fields=["members_read_at", "members_empty_since"])
    tally.rows_new += len(new)
    tally.rows_changed += len(changed)
    tally.rows_unchanged += len(wanted) - len(new) - len(changed)
    tally.rows_ended += len(gone)
