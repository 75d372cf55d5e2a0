"""What the portal does by itself, as far as the mode of each policy lets it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.models import AuditEntry, Job
from seats.models import (
    Account,
    Evidence,
    Holiday,
    InactivityPolicy,
    Revocation,
    RevocationBatch,
    SeatReview,
    Team,
    WorkingCalendar,
)
from seats.reclaim.approve import withdraw
from seats.reclaim.automatic import REPORT, propose_and_execute
from tests.seats.holding import NOON, hold, join
from tests.seats.reclaim.well import TODAY, busy, connected, idle, rows_of, rules, tell, well

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


class Run:
    """Of a job that nobody stops."""

    def should_stop(self) -> None: ...


def run(account: Account) -> dict[str, Any]:
    return propose_and_execute(account, Run())  # type: ignore[arg-type]


@pytest.fixture
def acme() -> Account:
    rules(mode="automatic")
    acme = connected()
    well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    return acme


def executions() -> list[str]:
    return sorted(Job.objects.filter(kind="revoke-batch").values_list("subject", flat=True))


def test_report_only_does_nothing(acme: Account) -> None:
    rules(mode="report_only")
    assert run(acme) == {"proposed": [], "executing": [], "expired": 0, "left_out": {}, "notes": []}
    assert not RevocationBatch.objects.exists()
    assert not AuditEntry.objects.filter(action=REPORT).exists()


def test_in_mode_propose_a_batch_waits_for_people(acme: Account) -> None:
    rules(mode="propose")
    done = run(acme)
    batch = RevocationBatch.objects.get()
    assert done["proposed"] == [batch.pk]
    assert (batch.state, batch.proposed_by, batch.is_automatic) == ("proposed", None, False)
    assert executions() == []


def test_while_a_batch_waits_no_other_is_proposed(acme: Account) -> None:
    rules(mode="propose")
    run(acme)
    hold(acme, idle(1, "ida"), idle(2, "ina"), idle(4, "ivo"), busy(3, "bob"), at=NOON + timedelta(hours=1))
    tell(acme.seats.get(user__login="ivo"))
    assert "waits for a decision" in run(acme)["notes"][0]
    assert RevocationBatch.objects.count() == 1


def test_in_automatic_mode_it_is_approved_and_executed(acme: Account) -> None:
    done = run(acme)
    batch = RevocationBatch.objects.get()
    assert (batch.state, batch.is_automatic, batch.approved_by) == ("approved", True, None)
    assert batch.approved_at == NOON
    assert rows_of("proposed") == ["ida", "ina"]
    assert executions() == [batch.subject]
    assert (done["proposed"], done["executing"]) == ([batch.pk], [batch.pk])
    assert set(SeatReview.objects.values_list("state", flat=True)) == {"approved"}
    assert [entry.actor_name for entry in AuditEntry.objects.filter(action="batch approved")] == ["portal"]


def test_what_only_stops_the_automatic_mode_stops_it(acme: Account) -> None:
    ida = acme.seats.get(user__login="ida")
    Evidence.objects.create(user=ida.user, source="sign_in", last_on=TODAY - timedelta(days=5))
    assert run(acme)["left_out"] == {"recent_sign_in": 1}
    assert rows_of("proposed") == ["ina"]


def test_only_as_many_as_the_caps_of_the_day_let_go(acme: Account) -> None:
    rules(mode="automatic", max_seats_per_day=1)
    run(acme)
    assert len(rows_of("proposed")) == 1
    assert Revocation.objects.get(state="left_out").brake == "cap_day_count"


def test_on_a_day_on_which_nobody_works_nothing_begins(acme: Account) -> None:
    calendar = WorkingCalendar.objects.create(name="Berlin")
    Holiday.objects.create(calendar=calendar, day=TODAY)
    for mode in ("automatic", "propose"):
        rules(mode=mode, working_calendar=calendar)
        assert "no working day" in run(acme)["notes"][0]
    assert not RevocationBatch.objects.exists()


def test_where_a_second_person_is_required_people_decide(acme: Account) -> None:
    rules(mode="automatic", needs_second_person=True)
    run(acme)
    batch = RevocationBatch.objects.get()
    assert (batch.state, batch.is_automatic) == ("proposed", False)


def test_seats_of_policies_of_different_modes_go_different_ways(acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    quiet = Team.objects.create(account=acme, github_id=8, slug="ops")
    hold(acme, idle(1, "ida"), idle(2, "ina"), idle(4, "ivo"), busy(3, "bob"), at=NOON + timedelta(hours=1))
    ivo = acme.seats.get(user__login="ivo")
    acme.seats.update(first_seen_at=NOON - timedelta(days=21))
    tell(ivo)
    join(team, [acme.seats.get(user__login="ina")])
    join(quiet, [ivo])
    InactivityPolicy.objects.create(team=team, mode="propose")
    InactivityPolicy.objects.create(team=quiet, mode="report_only")
    rules(mode="automatic")
    run(acme)
    assert list(Revocation.objects.order_by("login").values_list("login", "batch__is_automatic")) == [
        ("ida", True),
        ("ina", False),
    ]


def test_a_brake_that_held_is_asked_again_at_the_next_run(acme: Account, clock: Any) -> None:
    clock.shift(timedelta(hours=27))
    assert "Sync the account's seats" in run(acme)["notes"][0]
    assert not RevocationBatch.objects.exists()
    clock.shift(timedelta(hours=-27))
    assert run(acme)["executing"]


def test_what_was_stopped_goes_on_by_itself_unless_somebody_cancelled_it(acme: Account) -> None:
    run(acme)
    RevocationBatch.objects.update(state="stopped")
    Job.objects.update(state="done", live_key=None)
    assert run(acme)["executing"] == [RevocationBatch.objects.get().pk]
    Job.objects.update(state="cancelled", live_key=None)
    done = run(acme)
    assert done["executing"] == []
    assert "cancelled" in done["notes"][0]


def test_a_batch_of_a_person_is_left_to_people(acme: Account, olga: Any) -> None:
    run(acme)
    RevocationBatch.objects.update(is_automatic=False)
    Job.objects.update(state="done", live_key=None)
    assert run(acme)["executing"] == []
    withdraw(RevocationBatch.objects.get(), olga, "no")


def test_old_batches_expire_on_the_way(acme: Account) -> None:
    rules(mode="propose")
    run(acme)
    RevocationBatch.objects.update(proposed_at=NOON - timedelta(days=8))
    done = run(acme)
    assert done["expired"] == 1
    assert done["proposed"] == [RevocationBatch.objects.get(state="proposed").pk]


def test_the_audit_has_a_report_of_each_run_that_did_something_and_of_one_a_day(
    acme: Account, clock: Any
) -> None:
    for _ in range(3):
        run(acme)
    entries = AuditEntry.objects.filter(action=REPORT).order_by("sequence")
    assert [entry.detail["proposed"] for entry in entries] == [[RevocationBatch.objects.get().pk]]
    clock.shift(timedelta(days=1))
    for _ in range(2):
        run(acme)
    assert [len(entry.detail["proposed"]) for entry in entries.all()] == [1, 0]
