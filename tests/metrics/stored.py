"""Days, people and teams put straight into the database, and added up as an import would.

Many days are added up at once: when the next statement asks for anything but what is put in here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection
from pyroaring import BitMap

from metrics import breakdowns
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.models import DirtyDay, ReportDay, ScopeDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats.models import Account, GitHubUser, Team

# Of these nothing is added up: more may be put in before the days are.
_APART = ("seats_account", "seats_githubuser", "seats_team", "SAVEPOINT", "auth_", "django_")


class _Later:
    """The days that are still to be added up, and the watch over what is asked meanwhile."""

    def __init__(self) -> None:
        self.days: set[tuple[int, date]] = set()
        self._is_busy = False
        self._usual: list[Any] = []

    @contextmanager
    def putting_in(self) -> Iterator[None]:
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, self)
        if not self._is_busy:
            self._usual = list(connection.execute_wrappers)
        before, self._is_busy = self._is_busy, True
        try:
            yield
        finally:
            self._is_busy = before

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        if self.days and not self._is_busy and ("metrics_" in sql or not any(name in sql for name in _APART)):
            self.add_up()
        return execute(sql, params, many, context)

    def add_up(self) -> None:
        days, self.days = self.days, set()
        # Nobody who counts queries counts these, and what is meant for the statement at hand is not for them.
        counted, connection.force_debug_cursor = connection.force_debug_cursor, False
        wrappers, connection.execute_wrappers = connection.execute_wrappers, self._usual
        try:
            with self.putting_in():
                DirtyDay.objects.bulk_create(
                    [DirtyDay(account_id=account_id, day=day) for account_id, day in days],
                    ignore_conflicts=True,
                )
                for account_id in sorted({account_id for account_id, _day in days}):
                    rebuild_dirty_days(account=Account.objects.get(pk=account_id))
        finally:
            connection.force_debug_cursor, connection.execute_wrappers = counted, wrappers


_later = _Later()


def forget() -> None:
    """The test is over, and what it put in is gone."""
    _later.days.clear()


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
    with _later.putting_in():
        _cover(account, day, report_file(), *(reports or ("users",)))


def _cover(account: Account, day: date, file: ReportFile, *reports: str) -> None:
    at = midnight(day)
    ReportDay.objects.bulk_create(
        [ReportDay(account=account, report=report, day=day, file=file, observed_at=at) for report in reports],
        ignore_conflicts=True,
    )


def use(account: Account, day: date, people: Mapping[GitHubUser, Mapping[str, Any]]) -> None:
    """A covered day on which these people had lines with these columns; a counter left out is 0."""
    with _later.putting_in():
        file = report_file()
        _cover(account, day, file, "users")
        UserDay.objects.bulk_create(
            UserDay(
                account=account,
                user=user,
                day=day,
                file=file,
                observed_at=midnight(day),
                content_hash=hashlib.blake2b(repr(columns).encode(), digest_size=16).digest(),
                blob=breakdowns.pack(columns.get("rest", b"{}")),
                **{**dict.fromkeys(COUNTERS, 0), **{key: columns[key] for key in columns if key != "rest"}},
            )
            for user, columns in people.items()
        )
    _later.days.add((account.pk, day))


def roster(account: Account, day: date, teams: Mapping[str, Collection[GitHubUser]]) -> dict[str, Team]:
    """A day whose user-teams report shows these teams, by slug, with these members."""
    made = {}
    with _later.putting_in():
        cover(account, day, "user-teams")
        file = report_file("user-teams-1-day")
        for slug, members in teams.items():
            number = 7000 + int.from_bytes(hashlib.blake2b(slug.encode(), digest_size=2).digest())
            made[slug], _ = Team.objects.get_or_create(
                account=account, github_id=number, defaults={"slug": slug}
            )
            TeamRoster.objects.create(
                team=made[slug],
                day=day,
                members=BitMap(user.pk for user in members).serialize(),
                member_count=len(members),
                file=file,
                observed_at=midnight(day),
            )
    _later.days.add((account.pk, day))
    return made


def totals(account: Account, day: date, **columns: Any) -> ScopeDay:
    """The account's own report of a day."""
    with _later.putting_in():
        cover(account, day, "scope")
        return ScopeDay.objects.create(
            account=account, day=day, source="report", file=report_file("organization-1-day"), **columns
        )
