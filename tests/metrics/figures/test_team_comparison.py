"""Teams side by side: whose use is whose, day by day, and how the parts make the whole."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures.team_comparison import all_teams
from metrics.figures.team_history import TeamHistory, largest_teams
from metrics.periods import Period
from seats.models import Account, GitHubUser
from tests.metrics import stored

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 1)
NEXT = DAY + timedelta(days=1)
BOTH = [DAY, NEXT]


def did(interactions: int, **columns: object) -> dict[str, object]:
    return {"user_initiated_interaction_count": interactions, **columns}


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def people() -> list[GitHubUser]:
    return [stored.person(number) for number in range(1, 7)]


def test_a_person_counts_in_the_team_of_the_day_not_of_today(acme: Account, people: list[GitHubUser]) -> None:
    ana, ben, *_ = people
    stored.use(acme, DAY, {ana: did(5), ben: did(1)})
    stored.use(acme, NEXT, {ana: did(7)})
    stored.roster(acme, DAY, {"web": [ana, ben], "data": []})
    stored.roster(acme, NEXT, {"web": [ben], "data": [ana]})

    data, web = all_teams(acme, BOTH).teams

    assert (web.slug, web.active_users, web.user_days, web.sums.user_initiated_interaction_count) == (
        "web", 2, 2, 6,
    )  # fmt: skip
    assert (data.active_users, data.user_days, data.sums.user_initiated_interaction_count) == (1, 1, 7)


def test_adoption_is_of_the_newest_days_members(acme: Account, people: list[GitHubUser]) -> None:
    ana, ben, cem, *_ = people
    stored.use(acme, DAY, {ana: {}, ben: {}})
    stored.use(acme, NEXT, {})
    stored.roster(acme, DAY, {"web": [ana, ben]})
    stored.roster(acme, NEXT, {"web": [ben, cem]})

    [web] = all_teams(acme, BOTH).teams

    # Ana was active in the team and has left it: she is an active user, and no member who is active.
    assert (web.members, web.active_users, web.active_members, web.adoption) == (2, 2, 1, Decimal("0.5"))


def test_a_team_missing_on_the_newest_day_has_no_adoption(acme: Account, people: list[GitHubUser]) -> None:
    ana, ben, *_ = people
    stored.use(acme, DAY, {ana: {}})
    stored.use(acme, NEXT, {})
    stored.roster(acme, DAY, {"web": [ana]})
    stored.roster(acme, NEXT, {"data": [ben]})

    data, web = all_teams(acme, BOTH).teams

    assert (web.members, web.adoption, web.active_users) == (None, None, 1)
    assert (data.members, data.adoption, data.active_users) == (1, Decimal(0), 0)


def test_what_is_in_teams_and_what_is_in_none_make_everybody(acme: Account, people: list[GitHubUser]) -> None:
    ana, ben, cem, dan, eve, _ = people
    everybody = {ana: did(1), ben: did(10), cem: did(100), dan: did(1000), eve: did(10_000)}
    stored.use(acme, DAY, everybody)
    stored.use(acme, NEXT, {ana: did(5), dan: did(3)})
    # Ben is in two teams; dan is in one on the second day only; eve and, that day, ana are in none.
    stored.roster(acme, DAY, {"web": [ana, ben], "data": [ben, cem]})
    stored.roster(acme, NEXT, {"web": [dan]})

    told = all_teams(acme, BOTH)

    for parts in (told.people, told.user_days, told.interactions):
        assert parts.attributed is not None
        assert parts.unattributed is not None
        assert parts.attributed + parts.unattributed == parts.everybody
    assert (told.people.in_teams, told.people.overlap, told.people.attributed) == (5, 1, 4)
    assert (told.people.unattributed, told.people.everybody) == (1, 5)
    assert (told.user_days.in_teams, told.user_days.overlap) == (5, 1)
    assert (told.user_days.unattributed, told.user_days.everybody) == (3, 7)
    assert (told.interactions.overlap, told.interactions.unattributed) == (10, 11_005)
    assert told.interactions.everybody == 11_119
    assert told.unattributed is not None
    # By days: dan on the first, eve, and ana on the second.
    assert (told.unattributed.active_users, told.unattributed.members) == (3, None)


def test_days_without_a_report_of_teams_are_unattributed_and_counted(
    acme: Account, people: list[GitHubUser]
) -> None:
    stored.use(acme, DAY, {people[0]: {}})

    told = all_teams(acme, BOTH)

    assert (told.teams, told.days_told, told.days_with_teams, told.members_on) == ([], 1, 0, None)
    assert (told.people.attributed, told.people.unattributed) == (0, 1)


def test_nothing_taken_in_is_no_team_and_nobody(acme: Account) -> None:
    told = all_teams(acme, BOTH)
    assert (told.teams, told.unattributed, told.days_told) == ([], None, 0)
    assert told.people.everybody == 0
    assert all_teams(acme, []).teams == []


def test_a_quiet_day_is_nothing_done_and_a_silent_counter_is_unknown(
    acme: Account, people: list[GitHubUser]
) -> None:
    stored.use(acme, DAY, {people[0]: {"loc_added_sum": None}})
    stored.roster(acme, DAY, {"quiet": [people[1]], "web": [people[0]]})

    quiet, web = all_teams(acme, [DAY]).teams

    assert (quiet.sums.loc_added_sum, web.sums.loc_added_sum) == (0, None)
    assert quiet.acceptance_rate is None
    assert quiet.interactions_per_active_user is None


def test_more_teams_ask_no_more_queries(acme: Account, people: list[GitHubUser]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            # No usual period.
            all_teams(acme, [DAY - timedelta(days=1), *BOTH])
        return len(asked)

    stored.use(acme, DAY, {people[0]: {}})
    stored.roster(acme, DAY, {"web": people[:1]})
    few = queries()
    stored.use(acme, NEXT, {people[0]: {}})
    stored.roster(acme, NEXT, {f"team-{number}": people for number in range(20)})
    assert queries() == few


# --- Over time --------------------------------------------------------------------------------


def test_a_team_over_time_is_asked_of_days_together(acme: Account, people: list[GitHubUser]) -> None:
    ana, ben, cem, *_ = people
    rate = {"code_generation_activity_count": 10, "code_acceptance_activity_count": 3}
    stored.use(acme, DAY, {ana: did(4, **rate), ben: did(2)})
    stored.use(acme, NEXT, {ana: did(6)})
    stored.roster(acme, DAY, {"web": [ana, ben]})
    web = stored.roster(acme, NEXT, {"web": [ana, ben, cem]})["web"]

    history = TeamHistory(acme, [web.pk], Period(DAY, NEXT))

    assert [history.active_users(web.pk, days) for days in ([DAY], [NEXT], BOTH)] == [2, 1, 2]
    assert history.adoption(web.pk, [NEXT]) == Decimal(1) / 3
    # Of the last day's members: three, of whom two were active on one of the days.
    assert history.adoption(web.pk, BOTH) == Decimal(2) / 3
    assert history.interactions_per_active_user(web.pk, BOTH) == Decimal(6)
    assert history.acceptance_rate(web.pk, BOTH) == Decimal("0.3")
    assert history.acceptance_rate(web.pk, [NEXT]) is None


def test_days_of_which_one_is_not_told_have_no_figure(acme: Account, people: list[GitHubUser]) -> None:
    stored.use(acme, DAY, {people[0]: did(1)})
    web = stored.roster(acme, DAY, {"web": people[:2]})["web"]
    stored.use(acme, NEXT, {people[0]: did(1)})  # without a report of teams

    history = TeamHistory(acme, [web.pk], Period(DAY, NEXT))

    assert history.active_users(web.pk, [DAY]) == 1
    for days in ([NEXT], BOTH):
        assert history.active_users(web.pk, days) is None
        assert history.adoption(web.pk, days) is None
        assert history.interactions_per_active_user(web.pk, days) is None
        assert history.acceptance_rate(web.pk, days) is None


def test_the_largest_teams_are_those_of_the_newest_day(acme: Account, people: list[GitHubUser]) -> None:
    stored.roster(acme, DAY, {"old": people, "web": people[:5]})
    made = stored.roster(acme, NEXT, {"web": people[:1], "data": people[:3], "ops": people[:3]})
    some = [made[slug] for slug in ("data", "ops", "web")]
    assert largest_teams(acme, BOTH, 6) == some
    assert largest_teams(acme, BOTH, 2) == some[:2]
    assert largest_teams(acme, [], 2) == []
    assert largest_teams(stored.enterprise(), BOTH, 6) == []


# --- Kept ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_was_worked_out_is_kept_until_a_day_is_added_up_anew(
    acme: Account, people: list[GitHubUser]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            all_teams(acme, BOTH)
        return len(asked)

    stored.use(acme, DAY, {people[0]: did(3)})
    web = stored.roster(acme, DAY, {"web": people[:2]})["web"]
    first = queries()
    kept = queries()
    # One asks whether it is stored.
    assert (kept, first) == (2, 9)
    [told] = all_teams(acme, BOTH).teams
    assert (told.active_users, told.sums.user_initiated_interaction_count) == (1, 3)

    # A name changes without any day; what was done, with the day.
    type(web).objects.filter(pk=web.pk).update(slug="web-apps")
    assert [team.slug for team in all_teams(acme, BOTH).teams] == ["web-apps"]
    stored.use(acme, DAY, {people[1]: did(4)})
    [told] = all_teams(acme, BOTH).teams
    assert (told.active_users, told.sums.user_initiated_interaction_count) == (2, 7)
    stored.use(acme, NEXT, {people[1]: did(5)})
    assert all_teams(acme, BOTH).days_told == 2
