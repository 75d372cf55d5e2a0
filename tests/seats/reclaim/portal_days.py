"""The portal's own day, through its real functions: lists and reports come in or not; the ledger knows."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
from django.utils import timezone

from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from metrics.models import AskedDay, ReportDay
from metrics.sync.steps import USAGE
from portal.connections import github_for
from portal.github.client import GitHub
from portal.models import Connection, Job
from seats import verdicts
from seats.models import Account
from seats.sync import steps
from tests.fake_github import Enterprise
from tests.fake_github.exchange import Request
from tests.fake_github.state import Account as AtGitHub
from tests.seats.reclaim.ledger import AccountKey, Ledger, Row
from tests.seats.reclaim.watchdog import account_key
from tests.seats.reclaim.watched_github import WatchedGitHub
from tests.seats.reclaim.world import Company, Misfortune

# Reports of a day are read again while they may change.
RESTATED = timedelta(days=3)


def _holder(row: Row) -> int | None:
    return (row.get("assignee") or {}).get("id")


class Portal:
    """What the portal knows of one company, and how it is told."""

    def __init__(
        self,
        company: Company,
        github: WatchedGitHub,
        ledger: Ledger,
        misfortune: Misfortune,
        connection: Connection,
        usage: str,
    ) -> None:
        self.company, self.github, self.ledger = company, github, ledger
        self.misfortune, self.connection, self.usage = misfortune, connection, usage
        self._pages: dict[str, list[Row]] | None = None
        self._totals: set[int] = set()
        self.jobs: dict[str, int] = {}
        # So many days back are asked for.
        self.reach = 50
        github.after.append(self._collect)
        for organization in company.organizations:
            if company.enterprise is not None:
                ledger.parents[account_key(organization)] = account_key(company.enterprise)
        for account in self.asked_accounts():
            Account.objects.create(
                kind="enterprise" if isinstance(account, Enterprise) else "organization",
                login=account.login,
                connection=connection,
            )

    def asked_accounts(self) -> list[AtGitHub]:
        """Those that are asked for themselves: an enterprise's list has the seats of its organizations."""
        company = self.company
        return [company.enterprise] if company.enterprise is not None else list(company.organizations)

    def ours(self, account: AtGitHub) -> Account | None:
        kind = "enterprise" if isinstance(account, Enterprise) else "organization"
        return Account.objects.filter(login_key=Account.key_of(kind, account.login)).first()

    def all_ours(self) -> list[Account]:
        found = [self.ours(account) for account in self.company.accounts]
        return [account for account in found if account is not None]

    def connected(self) -> GitHub:
        """A client that may take seats back, without any of the portal's care."""
        return github_for(self.connection, for_revoking=True)

    # --- Seats ----------------------------------------------------------------------------------

    def _collect(self, request: Request, body: Any) -> None:
        if self._pages is None or request.method != "GET" or not request.path.endswith("/billing/seats"):
            return
        if request.status in (200, 304) and isinstance(body, dict) and "seats" in body:
            page = request.query.get("page", "1")
            if page == "1":
                # Another reading: the one before is forgotten.
                self._pages, self._totals = {}, set()
            self._pages[page] = body["seats"]
            self._totals.add(body["total_seats"])

    def sync_seats(self) -> None:
        for account in self.asked_accounts():
            ours = self.ours(account)
            assert ours is not None
            self._pages, self._totals = {}, set()
            job = self._run("seats", ours)
            pages, self._pages = self._pages, None
            if pages and (job.state == Job.State.DONE or not any(pages.values())):
                rows = [row for page in pages.values() for row in page]
                whole = self._totals == {len({number for row in rows if (number := _holder(row))})}
                self.ledger.note_list(account_key(account), self.github.state.now(), rows, whole)

    def _run(self, step: Any, account: Account) -> Job:
        job = steps.run_step(step, account)
        name = step if isinstance(step, str) else step.name
        self.jobs[f"{name} {job.state}"] = self.jobs.get(f"{name} {job.state}", 0) + 1
        return job

    def sync_teams(self) -> None:
        for account in self.company.accounts:
            ours = self.ours(account)
            if ours is None or self._run("teams", ours).state != Job.State.DONE:
                continue
            for team in account.teams:
                people = frozenset(int(person["id"]) for person, _ in team.everybody())
                self.ledger.teams[team.id] = account_key(account), people

    def sync_billing(self) -> None:
        for account in self.company.organizations:
            if ours := self.ours(account):
                self._run("billing", ours)

    # --- Usage ----------------------------------------------------------------------------------

    def take_usage_in(self, today: date) -> None:
        for account in self.asked_accounts():
            ours, key = self.ours(account), account_key(account)
            assert ours is not None
            until = self.misfortune.usage_is_late_until
            newest = today - timedelta(days=1)
            # What was late or refused is asked for as soon as it can be had.
            known = self.ledger.covered[key]
            days = [newest - timedelta(days=ago) for ago in reversed(range(self.reach))]
            published = [
                day
                for day in days
                if (until is None or day < until) and (day not in known or day > newest - RESTATED)
            ]
            if self.usage == "wire":
                self._by_the_wire(account, ours, key, published)
            elif not account.metrics_policy_is_on:
                self.ledger.policy_is_off.add(key)
                AskedDay.remember(
                    ours, ReportDay.Report.USERS, newest, timezone.now(), AskedDay.Answer.REFUSED
                )
            else:
                self._by_hand(account, ours, key, published)
        verdicts.refresh()

    def _by_hand(self, account: AtGitHub, ours: Account, key: AccountKey, days: list[date]) -> None:
        days = [day for day in days if self.company.report_lines(account, day)]
        if days:
            self.ledger.policy_is_off.discard(key)
            AskedDay.objects.filter(account=ours, answer=AskedDay.Answer.REFUSED).delete()
            self._as_a_file(account, ours, days)
        for day in days:
            self._note(account, key, day)

    def _note(self, account: AtGitHub, key: AccountKey, day: date) -> None:
        self.ledger.covered[key].add(day)
        for person, sources in self.company.evidence_of(account, day).items():
            for source in sources:
                self.ledger.note_alive(person, source, day)

    def _as_a_file(self, account: AtGitHub, ours: Account, days: list[date]) -> None:
        """As a download hands it over: all there is of these days."""
        scope = {ours.kind: ours.login}
        options = Options(
            **scope,  # type: ignore[arg-type]
            complete=True,
            observed_at=timezone.now(),
            covers=(days[0], days[-1]),
            days=frozenset(days),
        )
        lines = [line for day in days for line in self.company.report_lines(account, day)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "users.ndjson"
            path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            (outcome,) = take_in(path, source="download", options=options, settle_after=False)
        assert not outcome.error, outcome.error

    def _by_the_wire(self, account: AtGitHub, ours: Account, key: AccountKey, days: list[date]) -> None:
        for day in days:
            account.reports["users-1-day", day.isoformat()] = [self.company.report_lines(account, day)]
        began = timezone.now()
        self._run(USAGE, ours)
        told = ReportDay.objects.filter(account=ours, report=ReportDay.Report.USERS, observed_at__gte=began)
        for day in told.values_list("day", flat=True):
            self._note(account, key, day)
        if account.metrics_policy_is_on:
            self.ledger.policy_is_off.discard(key)
        else:
            self.ledger.policy_is_off.add(key)

    # --- The clock ------------------------------------------------------------------------------

    def midnight(self) -> None:
        verdicts.refresh()
