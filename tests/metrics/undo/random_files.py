"""Files that overlap in every way, by a seed; and the whole database told by what it says."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from metrics.models import LegacyDay, RepositoryDay
from portal.models import ReportFile
from seats import current_rosters
from seats.models import Account, SeatRoster, Team
from tests.metrics.formats import made
from tests.metrics.report_files import seat, take, team_row, user_day
from tests.metrics.taking_in import KEYED, database, exports

START = date(2026, 9, 1)
PEOPLE = range(1, 7)
KINDS = ("users", "users", "teams", "scope", "repos", "legacy", "seats", "seats", "activity")
# Files that tell more of an account than its name, among others.
NAMED = ("named", "named", "named", "named", "scope", "teams")
# Lists and reports of few moments, so that several tell of each.
TIED = ("tied", "tied", "tied", "tied activity", "seats")


@dataclass(frozen=True)
class File:
    path: Path
    options: dict[str, Any] = field(default_factory=dict)


def day_of(dice: random.Random) -> str:
    return str(START + timedelta(days=dice.randrange(6)))


def login_of(dice: random.Random, user: int) -> str:
    """Now and then a new login, or one that somebody else bears, too."""
    return dice.choice([f"user-{user}"] * 4 + [f"User-{user}", f"new-{user}", f"user-{user % 6 + 1}"])


def make_files(dice: random.Random, folder: Path, count: int, kinds: Sequence[str] = KINDS) -> list[File]:
    files = []
    for number in range(count):
        kind = dice.choice(kinds)
        path = folder / f"{number}-{kind}"
        files.append(MAKERS[kind](dice, path))
    return files


def _lines(path: Path, lines: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _users(dice: random.Random, path: Path) -> File:
    end = START + timedelta(days=dice.randrange(5, 12))
    is_window = dice.random() < 0.5
    lines = []
    for user in dice.sample(PEOPLE, dice.randrange(1, 6)):
        for day in sorted({day_of(dice) for _ in range(dice.randrange(1, 4))}):
            line = user_day(
                user,
                day,
                login_of(dice, user),
                organization=dice.choice([1, 1, 2]),
                user_initiated_interaction_count=dice.randrange(3),
                loc_added_sum=dice.randrange(3),
            )
            if dice.random() < 0.3:
                line["ai_credits_used"] = dice.choice([0, 1.5])
            if is_window:
                line |= {"report_start_day": str(end - timedelta(days=27)), "report_end_day": str(end)}
            lines.append(line)
    return File(_lines(path, lines), {"complete": dice.random() < 0.4})


def _teams(dice: random.Random, path: Path) -> File:
    lines = [
        team_row(user, dice.choice([10, 11, 12]), day_of(dice), slug=f"team-{dice.choice('abc')}")
        for user in dice.choices(PEOPLE, k=dice.randrange(1, 8))
    ]
    return File(_lines(path, lines), {"complete": dice.random() < 0.4})


def _scope(dice: random.Random, path: Path) -> File:
    lines = [
        {
            **made.scope_day(day=day, daily_active_users=dice.randrange(4)),
            "organization_id": "1",
            "enterprise_id": "9",
        }
        for day in sorted({day_of(dice) for _ in range(3)})
    ]
    return File(_lines(path, lines), {"complete": dice.random() < 0.3})


def _repos(dice: random.Random, path: Path) -> File:
    lines = [
        made.repository_day(repo_id=number, day=day_of(dice), total_created=dice.randrange(3))
        for number in dice.sample(range(1, 5), 3)
    ]
    return File(_lines(path, lines), {"complete": dice.random() < 0.4})


def _named(dice: random.Random, path: Path) -> File:
    """Of an account that is known by its name alone before the first of these tells its id and enterprise."""
    if dice.random() < 0.3:
        # No two alike: the same content is undone as one.
        day = made.legacy_metrics_day(date=day_of(dice), total_active_users=dice.randrange(10**6))
        path.write_text(json.dumps([day]))
    else:
        lines = [
            user_day(user, day_of(dice), organization=77, enterprise_id=dice.choice(["9", "42", None]))
            for user in dice.sample(PEOPLE, dice.randrange(1, 4))
        ]
        _lines(path, lines)
    return File(path, {"organization": "solo"})


def _legacy(dice: random.Random, path: Path) -> File:
    days = [
        made.legacy_metrics_day(date=day, total_active_users=dice.randrange(4))
        for day in sorted({day_of(dice) for _ in range(3)})
    ]
    path.write_text(json.dumps(days))
    options: dict[str, Any] = {"organization": "acme", "team": dice.choice(["", "core"])}
    if dice.random() < 0.5:
        options["taken_at"] = _moment(dice)
    return File(path, options)


def _seats(dice: random.Random, path: Path) -> File:
    options = {"organization": "acme", "taken_at": _moment(dice), "complete": dice.random() < 0.6}
    return File(_list(path, _grants(dice), dice), options)


def _tied(dice: random.Random, path: Path) -> File:
    """Of one of two moments, of organizations and of their enterprise."""
    grants = _grants(dice)
    named = dice.choice(["acme", "acme", "beta", "octo"])
    for grant in grants:
        if named == "octo" and dice.random() < 0.8:
            github_id = dice.choice([1, 2])
            grant["organization"] = {"id": github_id, "login": {1: "acme", 2: "beta"}[github_id]}
    taken_at = datetime(2026, 9, 1, 9, tzinfo=UTC) + timedelta(days=dice.choice([1, 2]))
    of = {"enterprise" if named == "octo" else "organization": named}
    options = {**of, "taken_at": taken_at, "complete": dice.random() < 0.6}
    return File(_list(path, grants, dice), options)


def _list(path: Path, grants: Sequence[Any], dice: random.Random) -> Path:
    people = len({one["assignee"]["id"] for one in grants})
    total = people if dice.random() < 0.8 else people + 1
    path.write_text(json.dumps({"total_seats": total, "seats": grants}))
    return path


def _grants(dice: random.Random) -> list[dict[str, Any]]:
    grants = []
    for user in dice.sample(PEOPLE, dice.randrange(2, 6)):
        login = f"user-{user}" if dice.random() < 0.8 else f"new-{user}"
        for _ in range(dice.choice([1, 1, 1, 2])):
            more: dict[str, Any] = {"plan_type": dice.choice(["business", "enterprise"])}
            if dice.random() < 0.6:
                more["last_activity_at"] = _instant(dice)
                more["last_activity_editor"] = dice.choice(["vscode", "vim"])
            if dice.random() < 0.4:
                more["last_authenticated_at"] = _instant(dice)
            if dice.random() < 0.4:
                team = dice.choice([10, 11])
                more["assigning_team"] = {"id": team, "slug": f"team-{dice.choice('ab')}", "name": f"T{team}"}
            if dice.random() < 0.2:
                more["created_at"] = _instant(dice)
            grants.append(seat(user, login, **more))
            if dice.random() < 0.3:
                grants[-1]["assignee"] |= {"name": f"N{dice.randrange(3)} {user}", "email": f"{user}@x.test"}
    return grants


def _tied_activity(dice: random.Random, path: Path) -> File:
    """Of two moments in one report, as no report of GitHub's is, and the first that of others, too."""
    lines = ["report_time,login,last_authenticated_at,last_activity_at,last_surface_used"]
    for day in dice.sample([2, 3, 4], 2):
        for user in dice.sample(range(1, 5), 3):
            used = _instant(dice) if dice.random() < 0.7 else ""
            seen = _instant(dice) if dice.random() < 0.7 else ""
            lines.append(
                f"2026-09-0{day}T09:00:00Z,user-{user},{seen},{used},{dice.choice(['vscode/1', ''])}"
            )
    path.write_text("\n".join(lines) + "\n")
    return File(path, {"organization": "acme"})


def _activity(dice: random.Random, path: Path) -> File:
    at = _moment(dice).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = ["report_time,login,last_authenticated_at,last_activity_at,last_surface_used"]
    for user in dice.sample(range(1, 9), 4):
        used = _instant(dice) if dice.random() < 0.7 else ""
        seen = _instant(dice) if dice.random() < 0.5 else ""
        lines.append(f"{at},user-{user},{seen},{used},{dice.choice(['vscode/1', 'vim/2'])}")
    path.write_text("\n".join(lines) + "\n")
    return File(path, {"organization": "acme"})


def _moment(dice: random.Random) -> datetime:
    return datetime(2026, 9, 1, 9, tzinfo=UTC) + timedelta(
        days=dice.randrange(8), hours=dice.choice([0, 0, 3])
    )


def _instant(dice: random.Random) -> str:
    day = START - timedelta(days=dice.randrange(20))
    return f"{day}T0{dice.randrange(9)}:00:00Z"


MAKERS = {
    "users": _users,
    "teams": _teams,
    "scope": _scope,
    "repos": _repos,
    "legacy": _legacy,
    "named": _named,
    "seats": _seats,
    "tied": _tied,
    "tied activity": _tied_activity,
    "activity": _activity,
}


def know_accounts() -> None:
    """The accounts are known by name before any file speaks of them, and all but one by id."""
    Account.objects.create(kind="organization", login="solo")
    enterprise = Account.objects.create(kind="enterprise", login="octo", github_id=9)
    for github_id, login in ((1, "acme"), (2, "beta")):
        Account.objects.create(kind="organization", login=login, github_id=github_id, parent=enterprise)
    other = Account.objects.create(kind="enterprise", login="other", github_id=42)
    Account.objects.create(kind="organization", login="octo", github_id=9001, parent=other)


def take_all(files: Sequence[File]) -> list[ReportFile]:
    taken = []
    for file in files:
        outcome = take(file.path, **file.options)
        assert outcome.report_file is not None, outcome.error
        taken.append(outcome.report_file)
    return taken


def told() -> dict[str, Any]:
    """All tables of facts and all reports, with the content of the file behind each row."""
    current_rosters.release(Account.objects.values_list("pk", flat=True))
    facts = database()
    for model, fields in {
        RepositoryDay: (
            "account__github_id",
            "repo_id",
            "day",
            "total_created",
            "observed_at",
            "content_hash",
        ),
        LegacyDay: ("account__github_id", "team_slug", "api", "day", "total_active_users", "observed_at"),
        SeatRoster: ("account__login", "observed_at", "is_complete", "is_confirmed", "seats"),
        Team: ("account__login", "github_id", "slug", "former_slugs", "slug_seen_on"),
    }.items():
        facts[model.__name__] = sorted(map(repr, model._default_manager.values_list(*fields, "file__sha256")
            if model is not Team else model._default_manager.values_list(*fields)))  # fmt: skip
    for model, keys in KEYED.items():
        if any(one.name == "file" for one in model._meta.get_fields()):
            rows = model._default_manager.values_list(*keys, "file__sha256")
            facts[f"{model.__name__} files"] = sorted(map(repr, rows))
    contents = dict(ReportFile.objects.values_list("pk", "sha256"))
    facts["Account"] = sorted(
        repr((kind, login, github_id, parent, sorted((name, contents[pk]) for name, pk in told_by.items())))
        for kind, login, github_id, parent, told_by in Account.objects.values_list(
            "kind", "login", "github_id", "parent__login", "told_by"
        )
    )
    names = [("GitHubUser names", ("github_id", "name", "email", "name_told_at"))]
    from seats.models import GitHubUser

    for title, fields in names:
        facts[title] = sorted(map(repr, GitHubUser.objects.values_list(*fields)))
    # People of the same login stand in the order in which they were met.
    return facts | {str(question): sorted(map(repr, rows)) for question, rows in exports().items()}
