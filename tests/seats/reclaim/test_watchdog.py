"""The watchdog of the simulated years can bark: with one brake let go, it names the rule that was broken.

With every brake in place the same mischief ends without a bark, and without that seat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from portal.github.client import Target
from seats.models import Revocation, RevocationBatch
from seats.reclaim import brakes, outcomes, rechecks
from seats.reclaim.refusals import Brake
from tests.fake_github import seat
from tests.seats.reclaim.lives import Way
from tests.seats.reclaim.short_road import ShortRoad
from tests.seats.reclaim.years import TOKEN, TOKEN_VARIABLE

pytestmark = pytest.mark.django_db(transaction=True)

Mischief = Callable[[ShortRoad], None]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)


@contextmanager
def let_go(loose: set[Brake]) -> Iterator[None]:
    """Within, these brakes hold nothing."""
    check, account = rechecks.Recheck.__call__, brakes.of_account
    last, caps = brakes.of_last_seat, brakes.of_caps

    def checked(self: Any, *args: Any, **options: Any) -> Any:
        found = check(self, *args, **options)
        return [
            replace(one, refusal=None) if one.refusal and one.refusal.brake in loose else one for one in found
        ]

    def allowed(original: Callable[..., Any]) -> Callable[..., Any]:
        def allow(*args: Any, wanted: int, **options: Any) -> Any:
            found = original(*args, wanted=wanted, **options)
            is_loose = found.refusal is not None and found.refusal.brake in loose
            return brakes.Allowance(wanted) if is_loose else found

        return allow

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rechecks.Recheck, "__call__", checked)
        if loose & {Brake.KEPT, Brake.ANSWERED_NEEDED}:
            patch.setattr(outcomes, "refusal_of", lambda review: None)
        patch.setattr(
            brakes, "of_account",
            lambda *args, **options: [one for one in account(*args, **options) if one.brake not in loose],
        )  # fmt: skip
        patch.setattr(brakes, "of_last_seat", allowed(last))
        patch.setattr(brakes, "of_caps", allowed(caps))
        yield


# --- What goes on between approval and execution ------------------------------------------------


def comes_back(road: ShortRoad) -> None:
    road.years.company.use(road.idle[0], Way.IDE, road.years.state.now(), shown_at_once=True)


def comes_back_on_the_command_line(road: ShortRoad) -> None:
    """Known from a usage report alone."""
    road.years.company.use(road.idle[0], Way.CLI, road.years.state.now())
    road.later(days=1)
    road.sync()


def is_exempted(road: ShortRoad) -> None:
    road.years.desk.exempt_person(road.idle[0])


def is_kept(road: ShortRoad) -> None:
    road.years.desk.keep(road.idle[0])


def answers(road: ShortRoad) -> None:
    road.years.desk.answer(road.idle[0])
    assert road.years.desk.counts["answered"] == 1


def has_to_be_told(road: ShortRoad) -> None:
    road.years.desk.change_policy(notice_days=1)


def has_to_be_watched_for_longer(road: ShortRoad) -> None:
    road.years.desk.change_policy(min_watched_days=5)


def everybody_rests(road: ShortRoad) -> None:
    """The road begins on a Monday."""
    while road.years.state.today.weekday() != 5:
        road.later(days=1)
        road.sync()


def grace_grows(road: ShortRoad) -> None:
    road.years.desk.change_policy(grace_days=300)


def nobody_knows(road: ShortRoad) -> None:
    road.years.desk.change_policy(idle_days=95)


def is_put_into_a_team(road: ShortRoad) -> None:
    team = road.years.company.teams[0]
    _, row = road.years.company.seats_of(road.idle[0])[0]
    row["assigning_team"] = team.facts


def is_cancelled_already(road: ShortRoad) -> None:
    road.years.company.cancel_at_github(road.idle[0])


def logins_are_swapped(road: ShortRoad) -> None:
    road.years.company.swap_logins(road.idle[0], road.busy[0])


def list_grows_old(road: ShortRoad) -> None:
    road.later(days=2)


def reports_fall_silent(road: ShortRoad) -> None:
    for _ in range(6):
        road.later(days=1)
        road.years.portal.sync_seats()


def reports_are_switched_off(road: ShortRoad) -> None:
    road.years.company.organizations[0].metrics_policy_is_on = False
    road.later(days=1)
    road.sync()


def list_is_cut_short(road: ShortRoad) -> None:
    """One of its elements cannot be read."""
    road.later(hours=1)
    road.years.company.organizations[0].seats.append(seat({"login": "nobody-knows", "id": None}))
    road.years.portal.sync_seats()


def list_lacks_many(road: ShortRoad) -> None:
    seats = road.years.company.organizations[0].seats
    hidden = [row for row in seats if row["assignee"]["id"] in {life.id for life in road.busy}]
    seats[:] = [row for row in seats if row not in hidden]
    road.later(hours=1)
    road.years.portal.sync_seats()
    seats.extend(hidden)


def caps_shrink(road: ShortRoad) -> None:
    road.years.desk.change_policy(max_seats_per_run=2)


def percentage_shrinks(road: ShortRoad) -> None:
    road.years.desk.change_policy(max_percent_per_run=10)


def day_shrinks(road: ShortRoad) -> None:
    road.years.desk.change_policy(max_seats_per_day=2)


def day_shrinks_by_percent(road: ShortRoad) -> None:
    road.years.desk.change_policy(max_percent_per_day=10)


def everybody_else_goes(road: ShortRoad) -> None:
    for life in road.years.company.everybody():
        if life not in road.idle:
            road.years.company.cancel_at_github(life)


# What happens, the rule it breaks, the brakes to let go for it, the policy, and days until approval.
MISCHIEF: dict[Mischief, tuple[str, set[Brake], dict[str, Any], int]] = {
    comes_back: ("alive", {Brake.ACTIVE_AGAIN}, {}, 1),
    comes_back_on_the_command_line: ("alive", {Brake.ACTIVE_AGAIN}, {}, 1),
    is_exempted: ("exempt", {Brake.EXEMPT}, {}, 1),
    is_kept: ("kept", {Brake.KEPT}, {}, 1),
    answers: ("answered", {Brake.ANSWERED_NEEDED}, {"notice_days": 1}, 3),
    grace_grows: ("grace", {Brake.IN_GRACE}, {}, 1),
    nobody_knows: ("unknown", {Brake.UNKNOWN}, {}, 1),
    has_to_be_watched_for_longer: ("unwatched", {Brake.NOT_WATCHED_LONG_ENOUGH}, {}, 1),
    has_to_be_told: ("notice owed", {Brake.NOTICE_MISSING}, {}, 1),
    is_put_into_a_team: ("team", {Brake.WRONG_PATH, Brake.SEVERAL_GRANTS}, {}, 1),
    is_cancelled_already: ("pending", {Brake.PENDING_ALREADY}, {}, 1),
    logins_are_swapped: ("identity", {Brake.LOGIN_CHANGED_HANDS}, {}, 1),
    list_grows_old: ("stale roster", {Brake.STALE_ROSTER}, {}, 1),
    list_is_cut_short: ("partial roster", {Brake.PARTIAL_ROSTER}, {}, 1),
    list_lacks_many: ("held back roster", {Brake.HELD_BACK_ROSTER}, {}, 1),
    reports_fall_silent: ("silent source", {Brake.SILENT_SOURCE}, {}, 1),
    reports_are_switched_off: ("source off", {Brake.SOURCE_SWITCHED_OFF}, {}, 1),
    everybody_rests: ("working day", {Brake.NOT_A_WORKING_DAY}, {"has_calendar": True}, 1),
    caps_shrink: ("cap by count per run", {Brake.CAP_RUN_COUNT}, {}, 1),
    percentage_shrinks: ("cap by percent per run", {Brake.CAP_RUN_PERCENT}, {}, 1),
    day_shrinks: ("cap by count per day", {Brake.CAP_DAY_COUNT}, {}, 1),
    day_shrinks_by_percent: ("cap by percent per day", {Brake.CAP_DAY_PERCENT}, {}, 1),
    everybody_else_goes: ("last seat", {Brake.LAST_SEAT}, {}, 1),
}
# Those that are tried again and again are few; the others have their time in the long run.
OFTEN = (comes_back, logins_are_swapped, everybody_else_goes)


def cases(often: Collection[Mischief]) -> list[Any]:
    return [
        pytest.param(
            mischief, *case, id=mischief.__name__, marks=() if mischief in often else pytest.mark.long
        )
        for mischief, case in MISCHIEF.items()
    ]


@contextmanager
def led_astray(
    mischief: Mischief, policy: dict[str, Any], days: int, clock: time_machine.Coordinates
) -> Iterator[tuple[ShortRoad, RevocationBatch]]:
    """A batch that is approved, and what happens then."""
    with ShortRoad(clock, busy=12 if mischief is list_lacks_many else 4, **policy) as road:
        batch = road.approved(days)
        mischief(road)
        yield road, batch


def test_an_honest_road_ends_with_seats_taken_back_and_no_bark(clock: time_machine.Coordinates) -> None:
    with ShortRoad(clock, notice_days=1, min_watched_days=1) as road:
        road.execute(road.approved(days=3))

        assert road.years.watchdog.seats_asked["seats"] == 4
        assert Revocation.objects.filter(state="revoked").count() == 4
        assert road.rules == []


@pytest.mark.parametrize(("mischief", "rule", "loose", "policy", "days"), cases(OFTEN))
def test_the_watchdog_barks_where_a_brake_lets_go(
    mischief: Mischief,
    rule: str,
    loose: set[Brake],
    policy: dict[str, Any],
    days: int,
    clock: time_machine.Coordinates,
) -> None:
    with led_astray(mischief, policy, days, clock) as (road, batch):
        with let_go(loose):
            road.execute(batch)

        assert rule in road.rules, road.years.desk.errors


@pytest.mark.parametrize(("mischief", "rule", "loose", "policy", "days"), cases([comes_back]))
def test_the_same_mischief_meets_the_brake(
    mischief: Mischief,
    rule: str,
    loose: set[Brake],
    policy: dict[str, Any],
    days: int,
    clock: time_machine.Coordinates,
) -> None:
    with led_astray(mischief, policy, days, clock) as (road, batch):
        road.execute(batch)

        assert road.rules == []
        assert road.years.watchdog.seats_asked["seats"] < 4


def test_the_watchdog_barks_where_nobody_approved(clock: time_machine.Coordinates) -> None:
    with ShortRoad(clock) as road:
        batch = road.approved()
        road.years.ledger.batches[batch.pk].approvals.clear()
        road.execute(batch)

        assert road.rules == ["unapproved"]


@pytest.mark.long
def test_the_watchdog_barks_where_seats_are_asked_for_twice_unseen(clock: time_machine.Coordinates) -> None:
    with ShortRoad(clock) as road:
        batch = road.approved()
        road.execute(batch)
        with road.years.portal.connected() as github:
            github.cancel_seats(Target("organization", road.account.login), [road.idle[0].login])

        assert "twice" in road.rules
