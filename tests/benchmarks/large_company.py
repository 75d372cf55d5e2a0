"""A portal full of a year of use, written straight into the tables that pages read: minutes, not hours.

Every day of the year has what an import and its rebuild would leave: totals with breakdowns, as GitHub tells
them and as computed, teams' days, and the sets of people behind every distinct count. People's own lines are
there for the newest days, and for a few people all year long: more than that no page reads.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import django

ASKED, MADE, TAKEN = (
    "user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count",
)  # fmt: skip
FLAGS = {
    "chat": 0.6, "agent": 0.4, "cli": 0.12, "cloud_agent": 0.08, "app": 0.04, "vscode_agent": 0.1,
    "code_review_active": 0.15, "code_review_passive": 0.2,
}  # fmt: skip
FEATURES = (
    "code_completion", "chat_inline", "chat_panel_ask_mode", "chat_panel_edit_mode", "chat_panel_agent_mode",
    "chat_panel_plan_mode", "agent_edit", "copilot_cli",
)  # fmt: skip
IDES = ("vscode", "intellij", "visualstudio", "xcode", "neovim", "eclipse")
LANGUAGES = (
    "python", "typescript", "java", "javascript", "go", "csharp", "cpp", "kotlin", "rust", "ruby", "php",
    "swift", "sql", "shell", "terraform", "yaml", "json", "markdown", "css", "html", "scala", "c", "dart",
    "lua", "perl", "r", "groovy", "powershell", "makefile", "dockerfile", "others", "unknown",
)  # fmt: skip
MODELS = (
    "gpt-5.4", "gpt-5.4-mini", "claude-sonnet-4.6", "claude-opus-4.6", "gemini-3.1-pro", "auto", "unknown",
    "others",
)  # fmt: skip
CLIENTS = [f"{ide}|1.{100 + month}.0|copilot-chat|0.{20 + month}.0" for ide in IDES for month in range(4)]
# How many different days there are: others are one of them again.
DIFFERENT = 28
LINES_OF_ALL, PEOPLE_ALL_YEAR = 3, 5


@dataclass
class Size:
    people: int
    teams: int
    days: int = 365
    # Yesterday: of today nobody tells yet.
    last_day: date = field(default_factory=lambda: datetime.now(UTC).date() - timedelta(days=1))
    rng: random.Random = field(default_factory=lambda: random.Random(5))

    @property
    def every_day(self) -> list[date]:
        return [self.last_day - timedelta(days=back) for back in range(self.days - 1, -1, -1)]


def copy(model: Any, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows fast: by COPY where there is one."""
    from django.db import connection

    columns = [model._meta.get_field(name) for name in names]
    if connection.vendor != "postgresql":
        stream = iter(rows)
        while some := list(islice(stream, 2_000)):
            made = (
                model(**dict(zip((column.attname for column in columns), row, strict=True))) for row in some
            )
            model.objects.bulk_create(list(made))
        return
    listed = ", ".join(connection.ops.quote_name(column.column) for column in columns)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as target:
        for row in rows:
            target.write_row(row)


def fill(size: Size) -> None:
    """Write the company; the database is new."""
    from django.db import connection, transaction

    with transaction.atomic():
        _Company(size).write()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


class _Company:
    def __init__(self, size: Size) -> None:
        from portal.models import ReportFile
        from seats.models import Account

        self.size, self.rng = size, size.rng
        self.now = datetime(size.last_day.year, size.last_day.month, size.last_day.day, 12, tzinfo=UTC)
        self.account = Account.objects.create(kind="enterprise", login="octo-industries", github_id=40_817)
        self.organization = Account.objects.create(
            kind="organization", login="octo-apps", github_id=71_204_511, parent=self.account
        )
        self.file = ReportFile.objects.create(
            source="command", kind="users-28-day", name="benchmark.ndjson", sha256="0" * 64, size=1,
            subject=self.account.subject, state="done", observed_at=self.now,
        )  # fmt: skip
        self._pools: dict[tuple[float, int], list[bytes]] = {}

    def write(self) -> None:
        self._people()
        self._teams()
        self._seats()
        self._coverage()
        self._totals()
        self._sets()
        self._team_days()
        self._weeks()
        self._lines()

    # People and seats --------------------------------------------------------------------------

    def _people(self) -> None:
        from seats.models import Evidence, GitHubUser

        copy(
            GitHubUser,
            ("github_id", "login", "login_key", "name", "email", "contact_email", "language", "created_at"),
            (
                (10_000_000 + number, login, login, f"Person {number}", "", "", "", self.now)
                for number in range(self.size.people)
                if (login := f"person-{number}")
            ),
        )  # fmt: skip
        self.keys = list(GitHubUser.objects.order_by("pk").values_list("pk", flat=True))
        copy(
            Evidence,
            ("user", "source", "last_on"),
            ((key, "usage_report", self._used(key)) for key in self.keys if key % 9),
        )

    def _used(self, key: int) -> date:
        return self.size.last_day - timedelta(days=key * 7 % 100 if key % 4 == 0 else key % 5)

    def _teams(self) -> None:
        from seats.models import Team, TeamMembership

        Team.objects.bulk_create(
            Team(account=self.account, github_id=9_000 + number, slug=f"team-{number}", name=f"Team {number}")
            for number in range(self.size.teams)
        )
        self.teams = list(Team.objects.order_by("pk").values_list("pk", flat=True))
        self.members: dict[int, list[int]] = {team: [] for team in self.teams}
        for number, key in enumerate(self.keys):
            # Everybody but a tenth is in a team, some are in two.
            if number % 10:
                self.members[self.teams[number % self.size.teams]].append(key)
            if number % 25 == 1:
                self.members[self.teams[(number + 1) % self.size.teams]].append(key)
        copy(
            TeamMembership,
            ("team", "user", "role", "is_inherited", "seen_on"),
            (
                (team, key, "member", False, self.size.last_day)
                for team, members in self.members.items()
                for key in dict.fromkeys(members)
            ),
        )

    def _seats(self) -> None:
        from django.db.models import Count

        from seats.models import Seat, SeatDay, SeatGrant, SeatObservation, SeatPrice, SeatRoster

        verdicts = ("active", "active", "active", "active", "idle", "never_used", "in_grace", "pending")
        plans = ("business", "enterprise")
        if not SeatPrice.objects.exists():
            SeatPrice.objects.create(plan_type="business", monthly_price=Decimal(19), currency="USD",
                                     starts_on=date(2024, 1, 1))  # fmt: skip
        names = (
            "account", "user", "plan_type", "created_at", "last_activity_at", "last_activity_editor",
            "last_authenticated_at", "granted_by", "first_seen_at", "last_seen_at", "observed_at",
            "last_used_on", "last_used_source", "verdict", "verdict_as_of",
        )  # fmt: skip
        copy(
            Seat,
            names,
            (
                (
                    self.organization.pk, key, plans[key % 2], created := self._granted(key),
                    self.now if key % 7 else None, "vscode/1.119.0/copilot-chat/0.45.1", self.now, "direct",
                    created, self.now, self.now, self._used(key) if key % 9 else None,
                    "usage_report" if key % 9 else "", verdicts[key % 8], self.size.last_day,
                )
                for key in self.keys
            ),
        )  # fmt: skip
        seats = list(Seat.objects.order_by("pk").values_list("pk", "user_id", "created_at"))
        copy(
            SeatGrant,
            ("seat", "route", "team_key", "plan_type", "created_at"),
            ((seat, "direct", 0, "business", created) for seat, _, created in seats),
        )
        copy(
            SeatObservation,
            ("seat", "observed_at", "is_present", "state"),
            ((seat, created, True, _shown(plans[key % 2], created)) for seat, key, created in seats),
        )
        SeatRoster.objects.create(
            account=self.account, observed_at=self.now - timedelta(days=self.size.days), is_complete=True,
            is_confirmed=True, seats=self.size.people,
        )  # fmt: skip
        groups = Seat.objects.order_by().values_list("account_id", "plan_type", "verdict")
        counts = list(groups.annotate(seats=Count("pk")))
        copy(
            SeatDay,
            ("account", "day", "plan_type", "verdict", "seats", "recorded_at"),
            (
                (account, day, plan, verdict, count, self.now)
                for day in (*self.size.every_day, self.size.last_day + timedelta(days=1))
                for account, plan, verdict, count in counts
            ),
        )

    def _granted(self, key: int) -> datetime:
        return self.now - timedelta(days=20 + key * 13 % 700)

    # Days ----------------------------------------------------------------------------------------

    def _coverage(self) -> None:
        from metrics.models import ReportDay

        copy(
            ReportDay,
            ("account", "report", "day", "file", "observed_at", "is_complete"),
            (
                (self.account.pk, report, day, self.file.pk, self.now, True)
                for report in ("users", "scope", "user-teams")
                for day in self.size.every_day
            ),
        )

    def _totals(self) -> None:
        from metrics.models import ScopeDay
        from metrics.models.counters import COUNTERS

        some = [self._record(self.size.people) for _ in range(DIFFERENT)]
        names = (
            "account", "day", "source", "daily_active_users", "weekly_active_users", "monthly_active_users",
            "monthly_active_chat_users", "monthly_active_agent_users", "daily_active_cli_users", *COUNTERS,
            "blob",
        )  # fmt: skip
        copy(ScopeDay, names, self._scope_days(some))

    def _scope_days(self, some: Sequence[tuple[bytes, bytes, Sequence[int]]]) -> Iterator[Sequence[Any]]:
        people = self.size.people
        for number, day in enumerate(self.size.every_day):
            computed, reported, counters = some[number % DIFFERENT]
            active = self._active(day)
            for source, blob in (("report", reported), ("users", computed)):
                told = (active, people * 8 // 10, people * 9 // 10, people // 2, people // 3, people // 10)
                known = told if source == "report" else (active, None, None, None, None, people // 10)
                yield self.account.pk, day, source, *known, *counters, blob

    def _active(self, day: date) -> int:
        return round(self.size.people * (0.06 if day.weekday() >= 5 else 0.6))

    def _record(self, people: int) -> tuple[bytes, bytes, Sequence[int]]:
        """A day's breakdowns, packed, as computed and as GitHub tells them; and its seven counters."""
        from metrics.breakdowns import pack

        computed: dict[str, Any] = {
            f"totals_by_{'_'.join(names)}": [
                dict(zip(names, each, strict=True)) | self._counted(people, names[0] != "language")
                for each in entries
            ]
            for names, entries in (
                (("ide",), [(ide,) for ide in IDES]),
                (("feature",), [(feature,) for feature in FEATURES]),
                (("language", "feature"), [(one, other) for one in LANGUAGES for other in FEATURES]),
                (("language", "model"), [(one, other) for one in LANGUAGES for other in MODELS]),
                (("model", "feature"), [(one, other) for one in MODELS for other in FEATURES[1:]]),
            )
        }
        computed |= {
            key: {
                "session_count": people, "request_count": people * 9, "prompt_count": people * 4,
                "token_usage": {"output_tokens_sum": people * 900, "prompt_tokens_sum": people * 20_000},
            }
            for key in ("totals_by_cli", "totals_by_copilot_app")
        }  # fmt: skip
        computed["user_days_by_language_ide"] = [
            {"language": language, "ide": ide, "user_days": people // 20}
            for language in LANGUAGES
            for ide in IDES
        ]
        reported = {key: value for key, value in computed.items() if not key.startswith("user_days")}
        reported |= self._told_by_github(people)
        counters = list(self._counted(people, True).values())
        return pack(_compact(computed)), pack(_compact(reported)), counters

    def _counted(self, people: int, asks: bool) -> dict[str, int]:
        from metrics.models.counters import COUNTERS

        names = COUNTERS if asks else COUNTERS[1:]
        return {name: self.rng.randrange(people * 3) for name in names}

    def _told_by_github(self, people: int) -> dict[str, Any]:
        pulls: dict[str, Any] = {
            name: people // part
            for part, name in enumerate(
                (
                    "total_created", "total_reviewed", "total_merged", "total_suggestions",
                    "total_applied_suggestions", "total_created_by_copilot", "total_reviewed_by_copilot",
                    "total_merged_created_by_copilot", "total_merged_reviewed_by_copilot",
                    "total_copilot_suggestions", "total_copilot_applied_suggestions",
                ),
                start=2,
            )
        }  # fmt: skip
        pulls |= {
            "median_minutes_to_merge": 312.5,
            "median_minutes_to_merge_copilot_authored": 280.0,
            "median_minutes_to_merge_copilot_reviewed": 199.9,
            "copilot_suggestions_by_comment_type": [
                {"comment_type": kind, "total_copilot_suggestions": 9, "total_copilot_applied_suggestions": 3}
                for kind in ("security", "bug_risk", "style")
            ],
        }
        phases = [
            {
                "phase": f"Phase {number}", "phase_number": number, "total_engaged_users": people // 5,
                "users_in_phase_28d": people // 4, "avg_user_initiated_interactions": 7.5,
                "avg_code_generation_activities": 20.25, "avg_code_acceptance_activities": 6.5,
                "avg_loc_added": 120.0, "avg_loc_deleted": 30.5, "avg_pull_requests_merged": 0.5,
            }
            for number in range(4)
        ]  # fmt: skip
        users = {
            f"{word}_{noun}_users": people // 9
            for word in ("daily", "weekly", "monthly")
            for noun in (
                "active_copilot_cloud_agent", "active_copilot_code_review", "passive_copilot_code_review",
            )
        }  # fmt: skip
        return {"pull_requests": pulls, "totals_by_ai_adoption_phase": phases, **users}

    # Sets ----------------------------------------------------------------------------------------

    def _pool(self, density: float, among: Sequence[int] | None = None, key: int = 0) -> list[bytes]:
        """A few sets of people of such a density; days take turns."""
        from pyroaring import BitMap

        known = self._pools.get((density, key))
        if known is None:
            people = self.keys if among is None else among
            count = min(max(round(len(people) * density), 1), len(people))
            known = self._pools[density, key] = [
                BitMap(self.rng.sample(people, count)).serialize() for _ in range(7 if among is None else 3)
            ]
        return known

    def _sets(self) -> None:
        from metrics.models import DayUsers

        densities = {"active": 0.6, **FLAGS}
        densities |= {f"phase:{number}": 0.15 for number in range(4)}
        for prefix, names in (
            ("feature", FEATURES),
            ("ide", IDES),
            ("language", LANGUAGES),
            ("model", MODELS),
        ):
            densities |= {f"{prefix}:{name}": round(0.4 / (at + 1), 3) for at, name in enumerate(names)}
        densities |= {f"client:{name}": round(0.3 / (at + 1), 3) for at, name in enumerate(CLIENTS)}

        def rows() -> Iterator[Sequence[Any]]:
            for number, day in enumerate(self.size.every_day):
                quiet = 0.1 if day.weekday() >= 5 else 1
                for kind, density in densities.items():
                    pool = self._pool(round(density * quiet, 4))
                    yield self.account.pk, 0, day, kind, pool[number % len(pool)]

        copy(DayUsers, ("account", "team_key", "day", "kind", "users"), rows())

    def _team_days(self) -> None:
        from pyroaring import BitMap

        from metrics.models import DayUsers, TeamDay, TeamRoster
        from metrics.models.counters import COUNTERS

        kinds = {"active": 0.6, **{kind: FLAGS[kind] for kind in ("chat", "agent", "cli")}}
        nobody = self.keys[::10]
        groups = {**self.members, -1: nobody}
        some = [self._record(max(self.size.people // self.size.teams, 5)) for _ in range(5)]

        def sets() -> Iterator[Sequence[Any]]:
            for number, day in enumerate(self.size.every_day):
                for team, members in groups.items():
                    for kind, density in kinds.items():
                        pool = self._pool(density, members, team)
                        yield self.account.pk, team, day, kind, pool[number % len(pool)]

        def days() -> Iterator[Sequence[Any]]:
            for number, day in enumerate(self.size.every_day):
                for team, members in groups.items():
                    blob, _, counters = some[(number + team) % len(some)]
                    active = max(round(len(members) * 0.6), 1)
                    known = None if team == -1 else team
                    count = None if team == -1 else len(members)
                    yield self.account.pk, known, team, day, count, active, *counters, blob

        def rosters() -> Iterator[Sequence[Any]]:
            packed = {team: BitMap(members).serialize() for team, members in self.members.items()}
            for day in self.size.every_day:
                for team, members in self.members.items():
                    yield team, day, packed[team], len(members), self.file.pk, self.now

        copy(DayUsers, ("account", "team_key", "day", "kind", "users"), sets())
        names = ("account", "team", "team_key", "day", "member_count", "active_users", *COUNTERS, "blob")
        copy(TeamDay, names, days())
        copy(TeamRoster, ("team", "day", "members", "member_count", "file", "observed_at"), rosters())

    def _weeks(self) -> None:
        """Weeks and periods, added up from the days as the product does it."""
        from metrics.ingest.rebuild_periods import write_periods
        from metrics.ingest.rebuild_teams import write_teams
        from metrics.ingest.rebuild_weeks import outdate_weeks, write_weeks

        outdate_weeks((self.account.pk, day) for day in self.size.every_day)
        write_weeks()
        write_teams()
        write_periods()

    # People's own lines --------------------------------------------------------------------------

    def _lines(self) -> None:
        from metrics.breakdowns import pack
        from metrics.models import UserDay, UserWindow, WindowEnd
        from metrics.models.counters import COUNTERS
        from metrics.sample.dice import dice
        from metrics.sample.people import PERSONAS, Organization, Person
        from metrics.sample.usage import record, spend_day

        organization = Organization(71_204_511, "octo-apps", "Octo Apps", "business", 1.0)
        blobs = []
        for number in range(DIFFERENT):
            person = Person(1, "", "", PERSONAS["agent"], [(date.min, "x")], (organization,),
                            languages=LANGUAGES[number % 9 : number % 9 + 3], models=MODELS[:2])  # fmt: skip
            done = spend_day(person, self.size.last_day, dice("lines", number), 1.0)
            line = record(person, self.size.last_day, done, number % 4)
            rest = {key: value for key, value in line.items() if key.startswith("totals_by_")}
            blobs.append(pack(_compact(rest)))
        days = self.size.every_day
        wanted = [(key, day) for day in days[-LINES_OF_ALL:] for key in self.keys]
        wanted += [(key, day) for key in self.keys[:PEOPLE_ALL_YEAR] for day in days[:-LINES_OF_ALL]]
        names = (
            "account", "user", "day", *COUNTERS, "used_agent", "used_chat", "used_cli",
            "used_copilot_cloud_agent", "used_copilot_app", "used_vscode_agent",
            "used_copilot_code_review_active", "used_copilot_code_review_passive", "ai_credits_used",
            "phase_number", "only_passive_review", "file", "observed_at", "content_hash", "blob",
        )  # fmt: skip
        copy(
            UserDay,
            names,
            (
                (
                    self.account.pk, key, day, *(key * 7 % (11 * at) for at in range(1, 8)), key % 2 == 0,
                    key % 3 == 0, key % 8 == 0, False, False, None, None, key % 5 == 0, Decimal(key % 50),
                    key % 4, False, self.file.pk, self.now, b"0123456789abcdef", blobs[key % DIFFERENT],
                )
                for key, day in wanted
            ),
        )  # fmt: skip
        WindowEnd.objects.create(account=self.account, day=self.size.last_day)
        copy(
            UserWindow,
            (
                "account", "user", "first_day", "last_day", "active_days", "chat_days", "agent_days",
                "cli_days", "ai_credits_used", "phase_number", *COUNTERS,
            ),
            (
                (
                    self.account.pk, key, days[-min(28, len(days))], self._used(key), 1 + key % 20, key % 18,
                    key % 15, key % 5, Decimal(key % 900), key % 4,
                    *(key * 31 % (900 * at) for at in range(1, 8)),
                )
                for key in self.keys
                if key % 9
            ),
        )  # fmt: skip


def _compact(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _shown(plan: str, created: datetime) -> Any:
    """What a list says of a seat; for COPY as text."""
    state = {
        "plan_type": plan, "created_at": created.isoformat(), "last_activity_at": None,
        "last_activity_editor": "", "last_authenticated_at": None, "pending_cancellation_date": None,
        "grants": [["direct", None]],
    }  # fmt: skip
    return json.dumps(state) if _is_postgres() else state


def _is_postgres() -> bool:
    from django.db import connection

    return connection.vendor == "postgresql"


if __name__ == "__main__":
    django.setup()
    fill(Size(*map(int, sys.argv[1:])))
