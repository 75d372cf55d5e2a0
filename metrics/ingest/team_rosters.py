"""Take in who was in which team on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from pyroaring import BitMap

from metrics.formats.parsing import Parsed, parsed
from metrics.formats.records import Broken, Record
from metrics.formats.user_teams import UserTeamRecord, parse_user_team
from metrics.ingest.options import Counts, Options
from metrics.ingest.restatements import Of, Restatements
from metrics.ingest.usage import Days, Intake
from metrics.models import ReportDay, Restatement, TeamRoster
from portal.models import ReportFile
from seats import evidence
from seats.models import Account, Team, TeamMembership
from seats.roster import meet_team


class TeamRosters(Intake):
    """Who was in which team on a day."""

    report = ReportDay.Report.USER_TEAMS

    def __init__(
        self, file: ReportFile, options: Options, *, is_retry: bool = False, only: Days | None = None
    ) -> None:
        super().__init__(file, options, is_retry=is_retry, only=only)
        self.teams: dict[tuple[int, int], Team] = {}
        self.touched: set[int] = set()
        self.notes = Restatements(file, str(self.report), ["member_count"])
        # For a complete file: all members it names, by team and day.
        self.seen: dict[tuple[int, int, date], BitMap] = {}

    @classmethod
    def days_written(cls, file: ReportFile) -> Days:
        rosters = TeamRoster.objects.filter(file=file).order_by()
        return set(rosters.values_list("team__account_id", "day").distinct())

    @classmethod
    def empty(cls, account_id: int, day: date) -> None:
        TeamRoster.objects.filter(team__account_id=account_id, day=day).delete()

    def parsed(self, records: Iterable[Record | Broken]) -> Iterable[Parsed | Broken]:
        return parsed(records, parse_user_team)

    def remember(self, parsed: UserTeamRecord) -> None:
        self.people.saw(parsed.user_id, parsed.user_login, parsed.day)

    def write(self, rows: Sequence[tuple[Account, UserTeamRecord]]) -> Counts:
        keys = self.people.keys_of({row.user_id: row.user_login for _, row in rows})
        named: dict[tuple[int, date], list[tuple[int, UserTeamRecord]]] = defaultdict(list)
        covered: dict[tuple[int, date], datetime] = {}
        for account, row in rows:
            team = self._team(account, row)
            named[team.pk, row.day].append((keys[row.user_id], row))
            if self.options.complete:
                self.seen.setdefault((account.pk, team.pk, row.day), BitMap()).add(keys[row.user_id])
            key = (account.pk, row.day)
            covered[key] = max(row.observed_at, covered.get(key, row.observed_at))
        counts = self._merge(named)
        self.cover(covered)
        return counts

    def _team(self, account: Account, row: UserTeamRecord) -> Team:
        key = (account.pk, row.team_id)
        team = self.teams.get(key)
        if team is None or (row.slug and _is_news(team, row)):
            team = meet_team(account.pk, row.team_id, slug=row.slug, name="", day=row.day)
            if not self.options.dry_run:
                self.teams[key] = team
        return team

    def _merge(self, named: Mapping[tuple[int, date], Sequence[tuple[int, UserTeamRecord]]]) -> Counts:
        counts = Counts()
        teams = {team_id for team_id, _ in named}
        held = {
            (roster.team_id, roster.day): roster
            for roster in TeamRoster.objects.filter(
                team_id__in=teams, day__in={day for _, day in named}
            ).select_related("team")
        }
        accounts = dict(Team.objects.filter(pk__in=teams).values_list("pk", "account_id"))
        for (team_id, day), rows in named.items():
            roster = held.get((team_id, day))
            members = roster.user_keys if roster else BitMap()
            before = len(members)
            account = self.progress.accounts[accounts[team_id]]
            for user_key, row in rows:
                if user_key in members:
                    counts.rows_unchanged += 1
                elif self.is_closed(account, day, row.observed_at):
                    counts.rows_superseded += 1
                else:
                    counts.rows_new += 1
                    members.add(user_key)
            observed_at = max(row.observed_at for _, row in rows)
            if len(members) != before:
                if roster is not None and roster.file_id != self.file.pk and self.notes_changes:
                    whose = Of(account.pk, day, Restatement.What.TEAM.value, name=str(roster.team))
                    self.notes.note(whose, roster.file_id, [before], [len(members)])
                self._save(team_id, day, members, observed_at)
                self.mark_dirty([(account.pk, day)])
        self.notes.write()
        return counts

    def _save(self, team_id: int, day: date, members: BitMap, observed_at: datetime) -> None:
        self.touched.add(team_id)
        TeamRoster.objects.update_or_create(
            team_id=team_id,
            day=day,
            defaults={
                "members": members.serialize(),
                "member_count": len(members),
                "file": self.file,
                "observed_at": observed_at,
            },
        )

    def finish(self) -> None:
        if self.says_who_was_absent:
            self._remove_absent()
        show_memberships(self.touched)

    def _remove_absent(self) -> None:
        """A complete file also says who was in no team that day."""
        for (account_id, day), at in self.told.items():
            rosters = TeamRoster.objects.filter(team__account_id=account_id, day=day, observed_at__lte=at)
            for roster in rosters.select_related("team"):
                named = self.seen.get((account_id, roster.team_id, day), BitMap())
                gone = roster.user_keys - named
                if not gone:
                    continue
                self.progress.removed.append(f"{len(gone)} of {roster.team} on {day}")
                if self.options.dry_run:
                    continue
                self.touched.add(roster.team_id)
                self.mark_dirty([(account_id, day)])
                if named:
                    self._save(roster.team_id, day, named, at)
                else:
                    roster.delete()


def _is_news(team: Team, row: UserTeamRecord) -> bool:
    """Whether the row tells of a slug that was not met, or of a later day than is known of today's."""
    if row.day > (team.slug_seen_on or date.min):
        return True
    return row.slug != team.slug and row.slug not in team.former_slugs


def show_memberships(team_ids: Collection[int]) -> None:
    """Make the membership shown today that of each team's newest covered day.

    Where GitHub's own list of members was read on that day or later, it knows better: a report leaves out
    whoever holds no seat, and small teams altogether.
    """
    read_at = dict(Team.objects.filter(pk__in=team_ids).values_list("pk", "members_read_at"))
    for team_id, listed_at in read_at.items():
        roster = TeamRoster.objects.filter(team_id=team_id).order_by("-day").first()
        if listed_at is not None and (roster is None or roster.day <= listed_at.astimezone(UTC).date()):
            continue
        members = set(roster.user_keys) if roster else set()
        held = set(TeamMembership.objects.filter(team_id=team_id).values_list("user_id", flat=True))
        for gone in evidence.chunks(sorted(held - members)):
            TeamMembership.objects.filter(team_id=team_id, user_id__in=gone).delete()
        if roster:
            TeamMembership.objects.filter(team_id=team_id).update(seen_on=roster.day)
            TeamMembership.objects.bulk_create(
                (
                    TeamMembership(team_id=team_id, user_id=user_id, seen_on=roster.day)
                    for user_id in sorted(members - held)
                ),
                batch_size=500,
            )
