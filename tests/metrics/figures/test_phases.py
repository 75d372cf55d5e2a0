"""Adoption phases, the flow between them, and who comes, stays and goes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns
from metrics.figures import Scope
from metrics.figures.phases import (
    AWAY,
    UNTOLD,
    Engagement,
    Lives,
    lives,
    phase_activity,
    phase_flow,
    phase_series,
)
from metrics.models import ReportDay
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored
from tests.seats.holding import NOON, ago, grant, hold
from tests.seats.reclaim.taken import take_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY = NOON.date()


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def use(account: Account, on: int, *people: int, **phases: int | None) -> None:
    """People active on a day; by keyword with the phase told of them (`p1=2`: person 1 is in phase 2)."""
    told: dict[Any, Mapping[str, Any]] = {stored.person(number): {} for number in people}
    told |= {stored.person(int(name[1:])): {"phase_number": phase} for name, phase in phases.items()}
    stored.use(account, day(on), told)


def cover(account: Account, first: int, last: int) -> None:
    """Every day from so many days ago to so many: taken in, and nobody did anything."""
    ReportDay.objects.bulk_create(
        ReportDay(
            account=account,
            report=ReportDay.Report.USERS,
            day=day(number),
            file=stored.report_file(),
            observed_at=stored.midnight(day(number)),
        )
        for number in range(last, first + 1)
    )


def report(account: Account, on: int, *phases: Mapping[str, Any]) -> None:
    blob = breakdowns.pack(json.dumps({"totals_by_ai_adoption_phase": list(phases)}).encode())
    stored.totals(account, day(on), daily_active_users=1, blob=blob)


# --- Phases ------------------------------------------------------------------------------------


def test_people_are_in_the_newest_phase_of_their_last_28_days() -> None:
    acme = stored.organization()
    cover(acme, 60, 0)
    use(acme, 27, p1=1, p2=1, p3=0)
    use(acme, 10, p1=3)
    use(acme, 0, p4=4)

    series = phase_series(Scope(acme), [day(27), day(10), day(0)])

    assert list(series.values()) == [{0: 1, 1: 2}, {0: 1, 1: 1, 3: 1}, {0: 1, 1: 1, 3: 1, 4: 1}]


def test_a_day_is_told_once_28_days_up_to_it_are_covered() -> None:
    acme = stored.organization()
    cover(acme, 28, 0)
    use(acme, 5, p1=1)
    series = phase_series(Scope(acme), [day(2), day(1), day(0)])
    assert list(series.values()) == [None, {1: 1}, {1: 1}]


def test_who_did_nothing_for_28_days_is_in_no_phase_any_more() -> None:
    acme = stored.organization()
    cover(acme, 60, 0)
    use(acme, 28, p1=2)
    use(acme, 27, p2=2)
    series = phase_series(Scope(acme), [day(1), day(0)])
    assert list(series.values()) == [{2: 2}, {2: 1}]


def test_who_was_active_without_a_phase_is_shown_as_such() -> None:
    acme = stored.organization()
    cover(acme, 27, 0)
    use(acme, 3, 1, 2, p3=1, p4=None)
    assert phase_series(Scope(acme), [day(0)]) == {day(0): {1: 1, UNTOLD: 3}}


def test_where_no_phase_was_told_nothing_is() -> None:
    acme = stored.organization()
    cover(acme, 27, 0)
    use(acme, 3, 1, 2)
    assert phase_series(Scope(acme), [day(0)]) == {day(0): None}
    assert phase_series(Scope(acme), []) == {}


def test_where_people_are_not_covered_githubs_own_population_stands() -> None:
    acme = stored.organization()
    report(
        acme,
        2,
        {"phase_number": 0, "users_in_phase_28d": 5, "total_engaged_users": 1},
        {"phase_number": 4, "users_in_phase_28d": 7},
    )
    report(acme, 1, {"phase_number": 0, "total_engaged_users": 1})
    report(acme, 0)
    series = phase_series(Scope(acme), [day(2), day(1), day(0)])
    assert list(series.values()) == [{0: 5, 4: 7}, None, None]


def test_phases_of_a_team_are_those_of_its_members_of_each_day() -> None:
    acme = stored.organization()
    for number in range(28):
        red = stored.roster(acme, day(number), {"red": [stored.person(1), stored.person(2)]})["red"]
        use(acme, number)
    use(acme, 3, p1=1, p2=3, p9=2)
    assert phase_series(Scope(acme, red), [day(0)]) == {day(0): {1: 1, 3: 1}}


def test_engaged_are_those_in_a_phase_passive_those_in_no_cohort() -> None:
    split = Engagement.of({0: 3, 1: 2, 4: 1, UNTOLD: 9})
    assert split == Engagement(engaged=3, passive=3, untold=9)
    assert split.told == 6
    assert Engagement.of({}) == Engagement(0, 0, 0)


# --- Flow --------------------------------------------------------------------------------------


def test_the_flow_has_everybody_of_both_ends_once() -> None:
    acme = stored.organization()
    cover(acme, 60, 0)
    use(acme, 32, p1=1, p2=1, p3=0)
    use(acme, 29, p4=2)
    use(acme, 2, 5, p1=1, p2=3, p4=4)

    crossed = phase_flow(Scope(acme), day(28), day(0))

    assert crossed == {(1, 1): 1, (1, 3): 1, (0, AWAY): 1, (2, 4): 1, (AWAY, UNTOLD): 1}
    # However far apart the two days are.
    cover(acme, 140, 61)
    use(acme, 101, p1=4)
    assert phase_flow(Scope(acme), day(100), day(0)) == {
        (4, 1): 1,
        (AWAY, 3): 1,
        (AWAY, 4): 1,
        (AWAY, UNTOLD): 1,
    }
    assert phase_flow(Scope(acme), day(130), day(0)) is None


def test_rows_and_columns_of_the_flow_add_up_to_the_phases_of_the_two_ends() -> None:
    acme = stored.organization()
    cover(acme, 55, 0)
    rng = random.Random(5)
    for number in range(55, -1, -3):
        phases = {f"p{who}": rng.choice([0, 1, 2, 3, None]) for who in rng.sample(range(30), 12)}
        use(acme, number, **phases)
    series = phase_series(Scope(acme), [day(28), day(0)])
    crossed = phase_flow(Scope(acme), day(28), day(0))
    assert crossed is not None
    for end, place in ((day(28), 0), (day(0), 1)):
        summed: dict[int, int] = {}
        for key, count in crossed.items():
            summed[key[place]] = summed.get(key[place], 0) + count
        summed.pop(AWAY, None)
        assert summed == series[end]


# --- What a phase does -------------------------------------------------------------------------


def test_averages_of_days_count_as_often_as_people_were_engaged() -> None:
    acme = stored.organization()
    report(
        acme,
        1,
        {
            "phase_number": 2,
            "total_engaged_users": 3,
            "avg_user_initiated_interactions": 10.5,
            "total_pull_requests_merged": 4,
        },
    )
    report(
        acme,
        0,
        {
            "phase_number": 2,
            "total_engaged_users": 1,
            "avg_user_initiated_interactions": 0.5,
            "avg_loc_added": 7,
        },
        {"phase_number": 0, "total_engaged_users": 0, "avg_loc_added": 0},
        {"phase_number": 1, "avg_loc_added": 3},
    )
    period = Period(day(3), day(0))

    found = phase_activity(Scope(acme), period)

    assert list(found) == [0, 2]
    assert (found[2].person_days, found[2].merged) == (4, 4)
    assert found[2].averages["avg_user_initiated_interactions"] == Decimal(8)
    assert found[2].averages["avg_loc_added"] == Decimal(7)
    assert found[2].averages["avg_loc_deleted"] is None
    assert found[0].averages["avg_loc_added"] is None
    assert phase_activity(Scope(acme), period, [day(1)])[2].person_days == 3
    team = stored.roster(acme, day(0), {"red": [stored.person(1)]})["red"]
    assert phase_activity(Scope(acme, team), period) == {}


# --- Who comes, stays and goes -----------------------------------------------------------------

NOW, BEFORE = Period(day(9), day(0)), Period(day(19), day(10))


def test_everybody_who_used_it_is_in_one_group() -> None:
    acme = stored.organization()
    cover(acme, 30, 0)
    use(acme, 25, 1, 4)
    use(acme, 15, 2, 3)
    use(acme, 5, 1, 2, 5)
    found = lives(Scope(acme), BEFORE, NOW)
    assert found == Lives(
        retained=1, reactivated=1, new=1, lapsed=1,
        used_before=2, knows_earlier=True,
    )  # fmt: skip
    assert found.everybody == 4
    first = lives(Scope(acme), Period(day(24), day(10)), NOW)
    assert first is not None
    assert (first.new, first.reactivated, first.knows_earlier) == (1, 1, True)
    begun = lives(Scope(acme), Period(day(25), day(10)), NOW)
    assert begun is not None
    assert (begun.retained, begun.reactivated, begun.knows_earlier) == (2, 0, False)


def test_seats_tell_who_is_idle_who_has_not_begun_and_whose_was_taken_back() -> None:
    acme = stored.organization()
    cover(acme, 30, 0)
    use(acme, 15, 1, 2)
    use(acme, 5, 1, 7)
    seats = hold(
        acme,
        *(grant(number, f"user-{number}") for number in (1, 2, 3, 4)),
        *(grant(number, f"user-{number}", created=4) for number in (5, 6, 7)),
        at=ago(1),
    )
    # The second was lapsing, the third idle for long: both were taken back in this period.
    take_back(seats[1], seats[2], at=ago(3))
    # Of somebody who goes on using it, the use counts.
    take_back(seats[0], at=ago(2))

    found = lives(Scope(acme), BEFORE, NOW)

    assert found == Lives(
        retained=1, reactivated=0, new=1, lapsed=0,
        reclaimed=2, still_idle=1, not_yet=2, used_before=2, knows_earlier=False,
    )  # fmt: skip
    assert found.everybody == 7


def test_a_seat_given_back_is_not_reclaimed() -> None:
    acme = stored.organization()
    cover(acme, 30, 0)
    [seat] = hold(acme, grant(1, "user-1"), at=ago(1))
    take_back(seat, at=ago(3), state="reinstated")
    found = lives(Scope(acme), BEFORE, NOW)
    assert found is not None
    assert (found.reclaimed, found.still_idle) == (0, 1)


def test_what_was_taken_back_before_the_period_is_not_of_it() -> None:
    acme = stored.organization()
    cover(acme, 30, 0)
    [seat] = hold(acme, grant(1, "user-1"), at=ago(15))
    take_back(seat, at=ago(12), state="verified")
    hold(acme, grant(2, "user-2"), at=ago(8))
    hold(acme, grant(2, "user-2"), at=ago(7))
    found = lives(Scope(acme), BEFORE, NOW)
    assert found is not None
    assert (found.reclaimed, found.still_idle, found.everybody) == (0, 1, 1)


def test_a_first_seat_list_may_be_a_little_newer_than_the_newest_day_of_use() -> None:
    acme = stored.organization()
    cover(acme, 40, 2)
    hold(acme, grant(1, "user-1"), at=ago(0))
    told = lives(Scope(acme), Period(day(21), day(12)), Period(day(11), day(2)))
    assert told is not None
    assert told.still_idle == 1
    long_ago = lives(Scope(acme), Period(day(30), day(21)), Period(day(20), day(11)))
    assert long_ago is not None
    assert long_ago.still_idle is None


def test_an_enterprise_has_the_seats_of_its_organizations() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    cover(octo, 30, 0)
    use(octo, 5, 1)
    hold(acme, grant(1, "user-1"), grant(2, "user-2"), at=ago(1))
    found = lives(Scope(octo), BEFORE, NOW)
    assert found is not None
    assert (found.new, found.still_idle) == (1, 1)


def test_of_a_team_its_own_members_are_told() -> None:
    acme = stored.organization()
    people = [stored.person(number) for number in (1, 2, 3)]
    for number in range(31):
        red = stored.roster(acme, day(number), {"red": people})["red"]
        use(acme, number)
    use(acme, 15, 1, 9)
    use(acme, 5, 1, 2, 9)
    hold(acme, *(grant(number, f"user-{number}") for number in (1, 2, 3, 4)), at=ago(1))
    found = lives(Scope(acme, red), BEFORE, NOW)
    assert found == Lives(
        retained=1, reactivated=0, new=1, lapsed=0,
        reclaimed=0, still_idle=1, not_yet=0, used_before=1, knows_earlier=True,
    )  # fmt: skip


def test_a_day_that_is_missing_leaves_it_untold() -> None:
    acme = stored.organization()
    cover(acme, 18, 0)
    use(acme, 5, 1)
    assert lives(Scope(acme), BEFORE, NOW) is None


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_disjoint_and_together_everybody(seed: int) -> None:
    """Against a reckoning one by one over sets of names."""
    rng = random.Random(seed)
    acme = stored.organization()
    cover(acme, 30, 0)
    stretches = {25: "earlier", 15: "before", 5: "now"}
    used: dict[str, set[int]] = {}
    for on, name in stretches.items():
        used[name] = set(rng.sample(range(1, 30), rng.randint(0, 15)))
        use(acme, on, *used[name])
    held = rng.sample(range(1, 40), 20)
    recent = set(held[:6])
    seats = hold(
        acme, *(grant(who, f"user-{who}", created=4 if who in recent else 200) for who in held), at=ago(1)
    )
    taken = rng.sample(seats, 5)
    take_back(*taken, at=ago(2))

    expected = _one_by_one(used, held, recent, [seat.user.github_id or 0 for seat in taken])

    found = lives(Scope(acme), BEFORE, NOW)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.everybody == len(used["before"] | used["now"] | set(held))


def _one_by_one(
    used: Mapping[str, set[int]], held: Sequence[int], recent: set[int], taken: Sequence[int]
) -> dict[str, int]:
    names = ("retained", "reactivated", "new", "lapsed", "reclaimed", "still_idle", "not_yet")
    found = dict.fromkeys(names, 0)
    for who in used["before"] | used["now"] | set(held):
        if who in used["now"]:
            is_back = "reactivated" if who in used["earlier"] else "new"
            group = "retained" if who in used["before"] else is_back
        elif who in taken:
            group = "reclaimed"
        elif who in used["before"]:
            group = "lapsed"
        else:
            group = "not_yet" if who in recent else "still_idle"
        found[group] += 1
    return found


def test_longer_periods_take_no_more_queries() -> None:
    acme = stored.organization()
    cover(acme, 90, 0)
    for number in (60, 40, 20, 3):
        use(acme, number, p1=1, p2=0)
    hold(acme, grant(1, "user-1"), at=ago(1))

    def queries(length: int) -> list[int]:
        now = Period.trailing(day(0), length)
        asked = []
        for figure in (
            lambda: phase_series(Scope(acme), list(now)),
            lambda: phase_flow(Scope(acme), now.before().last, now.last),
            lambda: lives(Scope(acme), now.before(), now),
        ):
            with CaptureQueriesContext(connection) as captured:
                figure()
            asked.append(len(captured))
        return asked

    assert queries(3) == queries(25)
