"""`sync_github`: everything from GitHub, in the foreground."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from metrics.models import UserDay
from portal import jobs, leash
from portal.connections import github_for
from portal.models import Connection, Job
from seats.models import Account, Seat
from tests.fake_github import FakeGitHub, Organization, State, Trouble, seat
from tests.metrics.sync.conftest import TOKEN
from tests.metrics.sync.running import asked_days
from tests.metrics.sync.test_usage import Connect, ago, person, users

pytestmark = pytest.mark.django_db

# Enough for the command to have something to do, and little to wait for.
RECENT = ("--since", str(ago(5)))


@pytest.fixture
def state(clock: time_machine.Coordinates) -> State:
    state = State()
    state.token(TOKEN)
    return state


@pytest.fixture
def octo(state: State) -> Organization:
    octo = state.organization("octo", 900)
    for number in (1, 2):
        octo.seats.append(seat(octo.member(f"user-{number}", number)))
    users(octo, ago(5), [person(1, ago(5))])
    return octo


@pytest.fixture
def account(octo: Organization, connected: Connect) -> Account:
    return connected("octo")


def sync_github(*options: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, what `--json` answers, and all that people read."""
    output, errors = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command("sync_github", "--json", *options, stdout=output, stderr=errors)
    except SystemExit as left:
        status = int(left.code or 0)
    lines = output.getvalue().splitlines()
    return status, json.loads(lines[-1]), "\n".join(lines[:-1]) + errors.getvalue()


class TestARun:
    def test_brings_seats_members_teams_billing_and_use(self, account: Account) -> None:
        status, answer, said = sync_github(*RECENT)

        assert status == 0
        [told] = answer["accounts"]
        assert told["organization"] == "octo"
        assert list(told["steps"]) == ["accounts", "seats", "members", "teams", "billing", "usage"]
        assert {step["state"] for step in told["steps"].values()} == {"done"}
        assert told["steps"]["seats"]["rows_new"] == 2
        assert told["steps"]["usage"]["rows_new"] == 1
        assert answer["requests"] == sum(step["requests"] for step in told["steps"].values())
        assert (Seat.objects.count(), UserDay.objects.count()) == (2, 1)
        assert "octo: usage: done:" in said

    def test_is_a_job_for_each_step(self, account: Account) -> None:
        sync_github(*RECENT)

        kinds = Job.objects.filter(subject=account.subject, state=Job.State.DONE).values_list(
            "kind", flat=True
        )
        assert set(kinds) == {
            f"sync-{name}" for name in ("accounts", "seats", "members", "teams", "billing", "usage")
        }

    def test_fetches_all_there_is_by_itself(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        users(octo, ago(32), [person(1, ago(32))])

        sync_github("--only", "usage")

        assert UserDay.objects.count() == 2
        assert not Job.objects.filter(kind="backfill-day").exists()

    def test_may_be_of_some_steps_only(self, account: Account, github: FakeGitHub) -> None:
        _, answer, _ = sync_github("--only", "billing,seats")

        assert list(answer["accounts"][0]["steps"]) == ["seats", "billing"]
        assert not asked_days(github, "")

    def test_may_be_of_some_days_only(self, account: Account, github: FakeGitHub) -> None:
        sync_github("--only", "usage", "--since", str(ago(6)), "--until", str(ago(4)))

        assert asked_days(github, "users-1-day") == [str(ago(age)) for age in (4, 5, 6)]

    def test_asks_the_older_systems_only_where_they_are_switched_on(
        self, account: Account, connection: Connection
    ) -> None:
        connection.legacy_apis = True
        connection.save()

        _, answer, _ = sync_github(*RECENT)

        assert list(answer["accounts"][0]["steps"])[-1] == "legacy"

    def test_tells_who_or_what_ended(
        self, octo: Organization, account: Account, clock: time_machine.Coordinates
    ) -> None:
        sync_github(*RECENT)
        octo.seats.pop()
        clock.shift(timedelta(hours=2))

        _, answer, said = sync_github("--only", "seats")

        assert answer["rows_ended"] == 1
        assert "1 ended: user-2" in said


class TestWhichAccounts:
    @pytest.fixture
    def enterprise(self, octo: Organization, state: State, connected: Connect) -> Account:
        state.enterprise("octo-inc", 40, organizations=[octo])
        return connected("octo-inc", kind="enterprise")

    def test_all_that_are_connected(self, account: Account, state: State, connected: Connect) -> None:
        state.organization("hexa", 901)
        connected("hexa")

        _, answer, _ = sync_github("--only", "billing")

        assert [told["organization"] for told in answer["accounts"]] == ["hexa", "octo"]

    def test_one_of_them(self, account: Account, state: State, connected: Connect) -> None:
        state.organization("hexa", 901)
        connected("hexa")

        _, answer, _ = sync_github("--only", "billing", "--organization", "OCTO")

        assert [told["organization"] for told in answer["accounts"]] == ["octo"]

    def test_an_enterprise_with_the_organizations_that_prove_to_be_its_own(self, enterprise: Account) -> None:
        status, answer, said = sync_github(*RECENT, "--enterprise", "octo-inc")

        names = [told.get("enterprise") or told["organization"] for told in answer["accounts"]]
        assert names == ["octo-inc", "octo"]
        assert "seats" not in answer["accounts"][1]["steps"], "they are in the enterprise's list"
        assert "usage" in answer["accounts"][1]["steps"]
        assert status == 0, said

    def test_none_that_is_not_connected(self, connection: Connection) -> None:
        with pytest.raises(CommandError, match="octo is not connected to GitHub: run") as raised:
            call_command("sync_github", "--organization", "octo")
        assert raised.value.returncode == 2

    def test_none_of_a_connection_that_is_switched_off(self, account: Account) -> None:
        Connection.objects.update(is_active=False)

        with pytest.raises(CommandError) as raised:
            call_command("sync_github")
        assert raised.value.returncode == 2


class TestBadUsage:
    @pytest.mark.parametrize(
        "options",
        [
            ("--only", "seats,plumbing"),
            ("--since", "yesterday"),
            ("--since", "2026-11-02", "--until", "2026-11-01"),
            ("--only", ","),
        ],
        ids=["an unknown step", "no day", "an empty period", "no step"],
    )
    def test_is_told_before_anything_is_done(
        self, account: Account, github: FakeGitHub, options: tuple[str, ...]
    ) -> None:
        with pytest.raises(CommandError) as raised:
            call_command("sync_github", *options)

        assert raised.value.returncode == 2
        assert not github.requests


class TestTrouble:
    def test_with_one_step_leaves_the_others_their_turn(
        self, octo: Organization, account: Account, github: FakeGitHub
    ) -> None:
        octo.metrics_policy_is_on = False

        status, answer, said = sync_github(*RECENT)

        assert status == 1
        steps = answer["accounts"][0]["steps"]
        assert (steps["seats"]["state"], steps["usage"]["state"]) == ("done", "failed")
        assert "polic" in steps["usage"]["error"].lower()
        assert "octo: usage: " in said

    def test_with_all_of_them_is_nothing_done(self, account: Account, github: FakeGitHub) -> None:
        github.trouble = Trouble("401")

        status, answer, _ = sync_github(*RECENT)

        assert status == 2
        assert TOKEN not in json.dumps(answer)

    def test_what_a_killed_process_had_is_taken_over(self, account: Account) -> None:
        dead = 2**22 - 3
        Job.objects.create(
            kind="sync-billing", subject=account.subject, live_key=f"sync-billing:{account.subject}",
            state=Job.State.RUNNING, task="seats.tasks.sync", worker=leash.worker_name(dead),
            arguments={"step": "billing", "account": account.pk}, heartbeat_at="2026-11-20T12:00:00Z",
        )  # fmt: skip

        status, _, _ = sync_github("--only", "billing")

        assert status == 0
        assert Job.objects.get(kind="sync-billing").state == Job.State.DONE

    def test_what_waits_in_the_queue_is_done_here(self, octo: Organization, account: Account) -> None:
        """And then as much as was asked for here."""
        users(octo, ago(32), [person(1, ago(32))])
        arguments = {"step": "usage", "account": account.pk}
        jobs.enqueue("sync-usage", account.subject, "metrics.tasks.sync", arguments)

        status, _, _ = sync_github("--only", "usage")

        assert status == 0
        assert UserDay.objects.count() == 2


class TestWaiting:
    @pytest.fixture
    def clock(self) -> Iterator[time_machine.Coordinates]:
        """Here it has to go on."""
        with time_machine.travel("2026-11-20T12:00:00Z") as coordinates:
            yield coordinates

    def test_it_lasts_as_long_as_github_asks_and_is_told(
        self, account: Account, github: FakeGitHub, capfd: pytest.CaptureFixture[str]
    ) -> None:
        github.trouble = Trouble("429", retry_after=2, times=1)

        status, _, _ = sync_github("--only", "billing")

        assert status == 0
        assert not github.too_early
        assert "octo: GitHub asked to wait: going on at 2026-11-20 12:00:0" in capfd.readouterr().err

    def test_trouble_that_lasts_keeps_no_other_step_back(
        self, account: Account, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("seats.sync.steps.github_for", partial(github_for, retries=0))
        monkeypatch.setattr(jobs, "RETRY_AFTER", (timedelta(0), timedelta(hours=1)))
        monkeypatch.setattr(jobs, "SHORTEST_WAIT", timedelta(seconds=0.1))
        github.trouble = Trouble("500", where=lambda request: request.path.endswith("/copilot/billing"))

        status, answer, read = sync_github("--only", "billing,usage", *RECENT)

        steps = answer["accounts"][0]["steps"]
        assert (status, steps["billing"]["state"], steps["usage"]["state"]) == (1, "queued", "done")
        assert "answered 500" in read
        assert sum(request.path.endswith("/copilot/billing") for request in github.requests) == 2

        github.trouble = None
        status, answer, _ = sync_github("--only", "billing")
        assert (status, answer["accounts"][0]["steps"]["billing"]["state"]) == (0, "done")
