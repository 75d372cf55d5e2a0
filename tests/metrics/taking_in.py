"""Files in, figures out, by the commands an admin uses; and the whole database told by its natural keys."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import time_machine
from django.core.management import call_command
from django.db import models, transaction

from metrics.models import DayUsers, ReportDay, ScopeDay, TeamDay, TeamRoster, UserDay
from metrics.sample import Company, SampleFile, write_files
from seats.models import (
    Account,
    ActivityLine,
    Evidence,
    GitHubUser,
    Seat,
    SeatGrant,
    SeatObservation,
    TeamMembership,
    UserLogin,
)

# The last day of every company here: the clock stands at noon of the day after.
LAST_DAY = date(2026, 11, 19)
Row = dict[str, Any]


@contextmanager
def the_day_after() -> Iterator[None]:
    noon = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 12, tzinfo=UTC) + timedelta(days=1)
    with time_machine.travel(noon, tick=False):
        yield


@contextmanager
def passing_database(blocker: Any) -> Iterator[None]:
    """The test database, for a fixture that outlives a test; nothing written to it stays."""
    with blocker.unblock(), the_day_after(), transaction.atomic():
        yield
        transaction.set_rollback(True)


def write_company(folder: Path, people: int, days: int, last_day: date = LAST_DAY) -> list[SampleFile]:
    return write_files(Company(last_day, people=people, days=days), folder)


def import_reports(*paths: Path, **options: Any) -> Row:
    """What `import_reports --json` answers."""
    output = io.StringIO()
    # An exit status of 1 or 2 says what the answer says as well.
    with suppress(SystemExit):
        call_command(
            "import_reports", *map(str, paths), json=True, stdout=output, stderr=io.StringIO(), **options
        )
    return dict(json.loads(output.getvalue().splitlines()[-1]))


def take_in(files: Sequence[SampleFile]) -> list[Row]:
    """Every file by the command, in this order; neighbours with the same options go together."""

    def options(file: SampleFile) -> tuple[Any, ...]:
        return file.organization, file.enterprise, file.is_complete, file.taken_at

    answers = []
    for (organization, enterprise, is_complete, taken_at), some in groupby(files, key=options):
        given: Row = {"complete": is_complete, "taken_at": taken_at}
        given |= {"organization": organization} if organization else {"enterprise": enterprise}
        answers += import_reports(*(file.path for file in some), **given)["files"]
    return answers


def export(name: str, *options: str) -> list[Row]:
    """The rows of `export_report`, as CSV has them."""
    output = io.StringIO()
    call_command("export_report", name, *options, stdout=output)
    return list(csv.DictReader(io.StringIO(output.getvalue())))


EXPORTS: tuple[tuple[str, ...], ...] = (
    ("daily-metrics",),
    ("user-metrics",),
    ("user-metrics", "--by", "day"),
    ("team-metrics",),
    ("seats", "--as-of", str(LAST_DAY)),
    ("seats", "--as-of", str(LAST_DAY - timedelta(days=12))),
    ("inactive-seats",),
    ("activity",),
    ("users-low-acceptance",),
    ("teams-low-adoption",),
)


def exports() -> dict[tuple[str, ...], list[Row]]:
    return {question: export(*question) for question in EXPORTS}


# The database by natural keys ------------------------------------------------------------------

KEYED: dict[type[models.Model], tuple[str, ...]] = {
    Account: ("kind", "login", "github_id", "parent__github_id", "watched_since", "watched_until"),
    GitHubUser: ("github_id", "login", "provisional_key"),
    UserLogin: ("user__github_id", "login", "first_seen_on", "last_seen_on"),
    Evidence: ("user__github_id", "user__login", "source", "last_on"),
    ActivityLine: ("account__login", "login", "report_time", "user__login", "last_activity_at"),
    Seat: (
        "account__login", "user__github_id", "user__login", "plan_type", "created_at", "last_activity_at",
        "last_activity_editor", "last_authenticated_at", "pending_cancellation_date", "granted_by",
        "first_seen_at", "last_seen_at", "observed_at", "ended_at",
    ),
    SeatGrant: ("seat__account__login", "seat__user__github_id", "route", "assigning_team__github_id"),
    SeatObservation: ("seat__account__login", "seat__user__github_id", "observed_at", "is_present", "state"),
    TeamMembership: ("team__github_id", "user__github_id", "seen_on"),
    UserDay: ("account__login", "user__github_id", "day", "observed_at", "content_hash"),
    ScopeDay: ("account__login", "day", "source", "daily_active_users", "observed_at", "content_hash"),
    ReportDay: ("account__login", "report", "day", "observed_at", "is_complete"),
    TeamDay: ("account__login", "team__github_id", "day", "member_count", "active_users", "loc_added_sum"),
}  # fmt: skip

JUDGED = ("verdict", "last_used_on", "last_used_source", "watched_since")


def database() -> dict[str, list[Any]]:
    """Every row by what it says, without our own keys: equal databases say the same."""
    told = {
        model.__name__: sorted(map(_plain, model._default_manager.values_list(*fields)), key=repr)
        for model, fields in KEYED.items()
    }
    # A seat that ended keeps the verdict of its last day as it was: only those held are judged anew.
    held = Seat.objects.held().values_list("account__login", "user__login", *JUDGED)
    told["verdicts"] = sorted(held, key=repr)
    return told | {"TeamRoster": _bitmaps(TeamRoster, "members"), "DayUsers": _bitmaps(DayUsers, "users")}


def _plain(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in values)


def _bitmaps(model: type[models.Model], field: str) -> list[Any]:
    ids = dict(GitHubUser.objects.values_list("pk", "github_id"))
    told: Callable[[Any], tuple[Any, ...]] = (
        (lambda row: (row.team.github_id, row.day))
        if model is TeamRoster
        else (lambda row: (row.account.login, row.day, row.kind, row.team_key > 0))
    )
    rows = model._default_manager.all()
    return sorted(((*told(row), sorted(ids[key] for key in row.user_keys)) for row in rows), key=repr)
