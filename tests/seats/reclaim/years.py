"""Years of a company and its portal, day by day: people live, lists fail, admins decide, seats go."""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management.color import no_style
from django.db import connection as database
from django.db import transaction

from portal.models import Connection
from tests.fake_github import State, Trouble
from tests.fake_github.exchange import Request
from tests.seats.reclaim.desk import Desk
from tests.seats.reclaim.directly import spoken_directly
from tests.seats.reclaim.ledger import Ledger
from tests.seats.reclaim.lives import Life, Way
from tests.seats.reclaim.portal_days import Portal
from tests.seats.reclaim.watchdog import Watchdog, is_taking_seats
from tests.seats.reclaim.watched_github import WatchedGitHub
from tests.seats.reclaim.world import Company, Making, Misfortune

TOKEN = "a-token-that-only-the-tests-use"
TOKEN_VARIABLE = "GITHUB_TOKEN_OF_THE_TESTS"
START = datetime(2026, 3, 2, 0, 20, tzinfo=UTC)
KEPT_TABLES = {"django_migrations", "django_content_type", "auth_permission"}
# What strikes a list, and what strikes the taking back of seats.
OF_LISTS = ("500", "502", "reset", "truncated", "shift", "empty-roster", "403-secondary", "html", "401")
OF_WRITES = ("reset", "reset-midway", "truncated", "502", "500", "403-secondary", "html", "wrong-shape")


class Post(EmailBackend):
    """Mail that stays here, and now and then cannot be sent."""

    fails = False

    def send_messages(self, messages: Any) -> int:
        if Post.fails:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return super().send_messages(messages)


@dataclass(frozen=True)
class Plan:
    """All that is drawn of a simulation; the rest follows from its seed."""

    making: Making
    days: int = 60
    policy: dict[str, Any] = field(default_factory=dict)
    misfortune: float = 0.1
    # Of the worst moments to come back, how many somebody uses.
    treachery: float = 0.3
    # By which way reports come in: "file" or "wire".
    usage: str = "file"
    over_http: bool = False


def drawn(dice: Random, seed: int, *, days: int, people: int | None = None, over_http: bool = False) -> Plan:
    """Any company, under any policy."""
    has_enterprise = dice.random() < 0.5
    first_silent = dice.randrange(0, days)
    making = Making(
        seed=seed,
        people=people or dice.randrange(5, 48),
        organizations=dice.choice([1, 1, 2, 3]) if has_enterprise else dice.choice([1, 1, 2]),
        has_enterprise=has_enterprise,
        by_team=dice.choice([0.0, 0.1, 0.3]),
        by_enterprise=dice.choice([0.0, 0.3, 0.8]),
        twice=dice.choice([0.0, 0.1, 0.3]),
        silent_days=(first_silent, first_silent + dice.randrange(2, 20)) if dice.random() < 0.3 else None,
    )
    policy = {
        "idle_days": dice.choice([5, 7, 7, 10, 14, 14, 20, 30, 95]),
        "grace_days": dice.choice([0, 5, 14]),
        "notice_days": dice.choice([0, 1, 1, 3, 7]),
        "min_watched_days": dice.choice([0, 3, 7]),
        "sign_in_counts": dice.random() < 0.2,
        "needs_usage_reports": dice.random() < 0.8,
        "max_seats_per_run": dice.choice([1, 3, 10, 50]),
        "max_percent_per_run": dice.choice([5, 20, 50, 100]),
        "max_seats_per_day": dice.choice([2, 5, 200]),
        "max_percent_per_day": dice.choice([10, 50, 100]),
        "max_idle_jump": dice.choice([10, 30, 100]),
        "confirm_above": dice.choice([0, 2, 10]),
        "needs_second_person": dice.random() < 0.25,
        "mode": dice.choice(["report_only", "propose", "propose", "propose", "automatic", "automatic"]),
        "has_calendar": dice.random() < 0.3,
    }
    return Plan(
        making,
        days=days,
        policy=policy,
        misfortune=dice.choice([0.0, 0.05, 0.15]),
        treachery=dice.choice([0.0, 0.3, 0.6]),
        usage="wire" if over_http or dice.random() < 0.15 else "file",
        over_http=over_http,
    )


class Killed(BaseException):
    """The process ends here."""


class Years:
    def __init__(self, plan: Plan, clock: time_machine.Coordinates) -> None:
        self.plan, self.clock = plan, clock
        self.dice = Random(f"years {plan.making.seed}")
        self.state = State()
        self.state.token(TOKEN, limit=10**9)
        clock.move_to(START)
        self.company = Company(plan.making, self.state, START)
        self.github = WatchedGitHub(self.state)
        self.ledger = Ledger()
        self.watchdog = Watchdog(self.state, self.ledger)
        self.misfortune = Misfortune(self.dice, plan.misfortune)
        self.github.before += [self._treachery, self.watchdog.watch, self._dies]
        self.github.after.append(self.watchdog.served)
        self.github.done.append(self.watchdog.done)
        connection = Connection.objects.create(
            name=f"c{plan.making.seed}", base_url=self.github.url, secret_env=TOKEN_VARIABLE
        )
        self.portal = Portal(self.company, self.github, self.ledger, self.misfortune, connection, plan.usage)
        self.desk = Desk(self.company, self.portal, self.ledger, self.dice, plan.policy, admins())
        self._dies_at: Callable[[Request], bool] | None = None
        self._is_executing = False
        self.counts: Counter[str] = Counter()

    # --- One simulation -------------------------------------------------------------------------

    def run(self) -> None:
        direct = nullcontext() if self.plan.over_http else spoken_directly(self.github)
        with self.github if self.plan.over_http else _closing(self.github), direct:
            for number in range(self.plan.days):
                self.day(START + timedelta(days=number))

    def day(self, midnight: datetime) -> None:
        self._at(midnight)
        self.portal.midnight()
        self._bend_the_world(midnight.date())
        self._at(midnight + timedelta(hours=3))
        with self._trouble(OF_LISTS, lambda request: request.method == "GET", self.misfortune.rate):
            self._lists(midnight.date())
        self._at(midnight + timedelta(hours=6))
        if not self.misfortune.draw("usage skipped"):
            self.portal.take_usage_in(midnight.date())
        if self.misfortune.draw("late list", 0.3):
            self.portal.sync_seats()
        self._at(midnight + timedelta(hours=7))
        self.desk.flag()
        self._at(midnight + timedelta(hours=8))
        Post.fails = self.misfortune.draw("post fails")
        self.desk.tell()
        Post.fails = False
        self._return_among(self.desk.open_people(), 0.02)
        self._at(midnight + timedelta(hours=10))
        self.desk.morning()
        self._return_among(self.desk.people_in_batches(), 0.1)
        self._at(midnight + timedelta(hours=14))
        self.execute()
        self._at(midnight + timedelta(hours=16))
        self.execute()
        self.desk.evening()

    def _at(self, moment: datetime) -> None:
        self.clock.move_to(moment)
        self.company.live_until(moment)

    def _lists(self, today: date) -> None:
        if not self.misfortune.draw("list skipped"):
            self.portal.sync_seats()
        if today.toordinal() % 5 == 0:
            self.portal.sync_teams()
            self.portal.sync_billing()

    def execute(self) -> None:
        """Whatever is approved, and what the policy lets the portal do by itself."""
        self._is_executing = True
        dies_at = self.dice.randrange(1, 4)
        seen = 0

        def dies(request: Request) -> bool:
            nonlocal seen
            seen += is_taking_seats(request)
            return seen == dies_at

        if self.misfortune.draw("killed", self.misfortune.rate):
            self._dies_at = dies
        try:
            with self._trouble(OF_WRITES, is_taking_seats, self.misfortune.rate * 3):
                self.desk.execute()
        except Killed:
            self.counts["killed"] += 1
        finally:
            self._is_executing, self._dies_at = False, None

    # --- What goes wrong ------------------------------------------------------------------------

    @contextmanager
    def _trouble(
        self, kinds: tuple[str, ...], where: Callable[[Request], bool], rate: float
    ) -> Iterator[None]:
        if self.misfortune.draw("trouble", rate):
            kind = self.dice.choice(kinds)
            times = self.dice.choice([1, 2, 3, 50])
            trouble = Trouble(
                kind,  # type: ignore[arg-type]
                rate=0.5,
                seed=self.dice.randrange(10**6),
                times=times,
                where=where,
                retry_after=600 if kind == "403-secondary" else None,
            )
            self.github.trouble = trouble
        try:
            yield
        finally:
            self.github.trouble = None

    def _dies(self, request: Request) -> None:
        if self._dies_at is not None and self._dies_at(request):
            raise Killed

    def _bend_the_world(self, today: date) -> None:
        """What happens at GitHub and in the office, whatever the portal does."""
        company, dice, now = self.company, self.dice, self.state.now()
        people = company.everybody()
        if not people:
            return
        if dice.random() < 0.03:
            company.leave(dice.choice(people))
            self.counts["left"] += 1
        if dice.random() < 0.05:
            company.join(now)
            self.counts["joined"] += 1
        if dice.random() < 0.04:
            company.rename(dice.choice(people))
        if dice.random() < 0.03 and len(people) > 1:
            company.swap_logins(*dice.sample(people, 2))
        if dice.random() < 0.08:
            company.grant_again(dice.choice(people), now)
        if dice.random() < 0.02:
            company.cancel_at_github(dice.choice(people))
        self._switch_things(today)

    def _switch_things(self, today: date) -> None:
        """Reports stay away, policies and settings are switched off; sooner or later somebody mends it."""
        company, late, dice = self.company, self.misfortune, self.dice
        if dice.random() < (0.03 if late.usage_is_late_until is None else 0.2):
            late.usage_is_late_until = today - timedelta(days=1) if late.usage_is_late_until is None else None
        for account in company.accounts:
            if dice.random() < (0.02 if account.metrics_policy_is_on else 0.25):
                account.metrics_policy_is_on = not account.metrics_policy_is_on
        for organization in company.organizations:
            is_open = organization.billing["seat_management_setting"] == "assign_selected"
            if dice.random() < (0.02 if is_open else 0.3):
                setting = "assign_all" if is_open else "assign_selected"
                organization.billing["seat_management_setting"] = setting

    # --- Coming back at the worst moment --------------------------------------------------------

    def _return_among(self, numbers: set[int], chance: float) -> None:
        for number in sorted(numbers):
            if number in self.company.lives and self.dice.random() < chance * self.plan.treachery * 3:
                self._come_back(self.company.lives[number])

    def _come_back(self, life: Life) -> None:
        way = self.dice.choice([Way.IDE, Way.IDE, Way.CLI, Way.SIGN_IN, Way.PASSIVE, Way.CREDITS])
        self.company.use(life, way, self.state.now(), shown_at_once=self.dice.random() < 0.8)
        self.counts[f"came back by {way}"] += 1

    def _treachery(self, request: Request) -> None:
        """While the portal reads, and between its reading and its asking, the world goes on."""
        if not self._is_executing or self.dice.random() >= self.plan.treachery * 0.2:
            return
        people = sorted(self.desk.people_in_batches())
        if not people:
            return
        life = self.company.lives[self.dice.choice(people)]
        self._betray(life, request)
        self.counts["treachery"] += 1

    def _betray(self, life: Life, request: Request) -> None:
        company, dice = self.company, self.dice
        match dice.choice(["use", "use", "use", "rename", "swap", "cancel", "team", "setting", "decide"]):
            case "use":
                self._come_back(life)
            case "rename":
                company.rename(life)
            case "swap":
                if others := [other for other in company.everybody() if other is not life]:
                    company.swap_logins(life, dice.choice(others))
            case "cancel":
                company.cancel_at_github(life)
            case "team":
                company.put_into_team(life)
            case "setting":
                dice.choice(company.organizations).billing["seat_management_setting"] = "assign_all"
            case "decide" if not is_taking_seats(request):
                self.desk.interfere(life)


@contextmanager
def _closing(github: WatchedGitHub) -> Iterator[None]:
    """Without its threads ever being started."""
    try:
        yield
    finally:
        github.close()


def empty_database() -> None:
    """Every row of every simulation goes; what migrations told the tests' database about types stays."""
    tables = [name for name in database.introspection.table_names() if name not in KEPT_TABLES]
    with transaction.atomic():
        statements = database.ops.sql_flush(no_style(), tables, reset_sequences=False, allow_cascade=False)
        database.ops.execute_sql_flush(statements)
    mail.outbox.clear()


def admins() -> list[Any]:
    users = get_user_model().objects
    return [
        users.filter(username=name).first()
        or users.create_user(name, f"{name}@example.com", is_staff=True, is_superuser=True)
        for name in ("ann", "bob", "cas")
    ]
