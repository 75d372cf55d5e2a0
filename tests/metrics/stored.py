"""Days, people and teams put straight into the database, and added up as an import would."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from pyroaring import BitMap

from metrics import breakdowns
from metrics.ingest.rebuild import rebuild_day
from metrics.models import ReportDay, ScopeDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats.models import Account, GitHubUser, Team


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def report_file(kind: str = "users-1-day") -> ReportFile:
    return ReportFile.objects.get_or_create(
        kind=kind, defaults={"source": "command", "name": f"{kind}.ndjson", "sha256": "0" * 64, "size": 1}
    )[0]


def organization(login: str = "acme", github_id: int = 501, parent: Account | None = None) -> Account:
    return Account.objects.create(kind="organization", login=login, github_id=github_id, parent=parent)


def enterprise(login: str = "octo", github_id: int = 901) -> Account:
    return Account.objects.create(kind="enterprise", login=login, github_id=github_id)


def person(github_id: int, login: str = "") -> GitHubUser:
    return GitHubUser.objects.get_or_create(
        github_id=github_id,
        defaults={"login": login or f"user-{github_id}", "login_key": login or f"user-{github_id}"},
    )[0]


def cover(account: Account, day: date, *reports: str) -> None:
    for report in reports or ("users",):
        ReportDay.objects.get_or_create(
            account=account,
            report=report,
            day=day,
            defaults={"file": report_file(), "observed_at": midnight(day)},
        )


def use(account: Account, day: date, people: Mapping[GitHubUser, Mapping[str, Any]]) -> None:
    """A covered day on which these people had lines with these columns; a counter left out is 0."""
    cover(account, day, "users")
    for user, columns in people.items():
        rest = columns.get("rest", b"{}")
        UserDay.objects.create(
            account=account,
            user=user,
            day=day,
            file=report_file(),
            observed_at=midnight(day),
            content_hash=hashlib.blake2b(repr(columns).encode(), digest_size=16).digest(),
            blob=breakdowns.pack(rest),
            **{**dict.fromkeys(COUNTERS, 0), **{key: columns[key] for key in columns if key != "rest"}},
        )
    rebuild_day(account.pk, day)


def roster(account: Account, day: date, teams: Mapping[str, Collection[GitHubUser]]) -> dict[str, Team]:
    """A day whose user-teams report shows these teams, by slug, with these members."""
    cover(account, day, "user-teams")
    made = {}
    for slug, members in teams.items():
        number = 7000 + int.from_bytes(hashlib.blake2b(slug.encode(), digest_size=2).digest())
        made[slug], _ = Team.objects.get_or_create(account=account, github_id=number, defaults={"slug": slug})
        TeamRoster.objects.create(
            team=made[slug],
            day=day,
            members=BitMap(user.pk for user in members).serialize(),
            member_count=len(members),
            file=report_file("user-teams-1-day"),
            observed_at=midnight(day),
        )
    rebuild_day(account.pk, day)
    return made


def totals(account: Account, day: date, **columns: Any) -> ScopeDay:
    """The account's own report of a day."""
    cover(account, day, "scope")
    return ScopeDay.objects.create(
        account=account, day=day, source="report", file=report_file("organization-1-day"), **columns
    )
