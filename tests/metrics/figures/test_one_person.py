"""One person's own lines: day by day, what they used, in which teams and accounts."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures import Sums
from metrics.figures.one_person import Client, accounts_of_person, person_history, teams_of_person
from metrics.models import UserDay
from metrics.periods import Period
from seats.models import Account, GitHubUser
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 10, 1)
ZEROS = Sums(0, 0, 0, 0, 0, 0, 0)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


DAYS = [day(number) for number in range(4)]


def did(interactions: int | None, rest: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    told = {"user_initiated_interaction_count": interactions, **more}
    return told if rest is None else {**told, "rest": json.dumps(rest).encode()}


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def ann() -> GitHubUser:
    return stored.person(1, "ann")


@pytest.fixture
def ben() -> GitHubUser:
    return stored.person(2, "ben")


def history(account: Account, user: GitHubUser) -> Any:
    return person_history(account, user, Period(DAYS[0], DAYS[-1]))


def test_covered_days_without_a_line_are_known_and_others_are_not(
    acme: Account, ann: GitHubUser, ben: GitHubUser
) -> None:
    stored.use(acme, day(0), {ann: did(5), ben: did(70)})
    stored.use(acme, day(1), {ben: did(1)})
    told = history(acme, ann)
    assert list(told.days) == [day(0), day(1)]
    assert told.active_days(DAYS[:2]) == 1
    assert told.sums(DAYS[:2]) == Sums(5, 0, 0, 0, 0, 0, 0)
    assert told.sums([day(1)]) == ZEROS
    # The third day is not told.
    assert (told.active_days(DAYS[:3]), told.sums(DAYS[:3])) == (None, Sums())
    assert told.days_with("used_chat", DAYS[:3]) is None


def test_a_counter_that_no_line_tells_is_unknown(acme: Account, ann: GitHubUser) -> None:
    stored.use(acme, day(0), {ann: did(5, loc_added_sum=None)})
    stored.use(acme, day(1), {})
    told = history(acme, ann)
    assert told.sums(DAYS[:2]).loc_added_sum is None
    assert told.acceptance_rate(DAYS[:2]) is None


def test_credits_and_phases_are_those_that_lines_tell(acme: Account, ann: GitHubUser) -> None:
    stored.use(acme, day(0), {ann: did(1, phase_number=1, ai_credits_used=Decimal("0.25"))})
    stored.use(acme, day(1), {ann: did(1, phase_number=4, ai_credits_used=Decimal("1.5"))})
    stored.use(acme, day(2), {ann: did(1)})
    told = history(acme, ann)
    assert told.ai_credits_used(DAYS[:3]) == Decimal("1.75")
    assert told.ai_credits_used([day(2)]) is None
    assert (told.phase_number(DAYS[:3]), told.phase_number([day(2)])) == (4, None)


def test_flags_count_days_and_what_no_line_says_is_unknown(acme: Account, ann: GitHubUser) -> None:
    stored.use(acme, day(0), {ann: did(1, used_chat=True, used_agent=False)})
    stored.use(acme, day(1), {ann: did(1, used_chat=True)})
    told = history(acme, ann)
    assert told.days_with("used_chat", DAYS[:2]) == 2
    assert told.days_with("used_agent", DAYS[:2]) == 0
    assert told.days_with("used_cli", DAYS[:2]) is None


def test_breakdowns_are_added_up_under_folded_names(acme: Account, ann: GitHubUser) -> None:
    first = {
        "totals_by_feature": [
            {"feature": "Chat_Inline", "user_initiated_interaction_count": 2},
            {"feature": "chat_of_tomorrow", "user_initiated_interaction_count": 1},
            {"feature": None, "code_generation_activity_count": 3},
        ]
    }
    second = {"totals_by_feature": [{"feature": "chat_inline", "user_initiated_interaction_count": 3}]}
    stored.use(acme, day(0), {ann: did(5, first)})
    stored.use(acme, day(1), {ann: did(5, second)})
    stored.use(acme, day(2), {ann: did(5)})
    told = history(acme, ann)
    totals = told.breakdown("feature").totals("feature")
    assert {key: added.user_initiated_interaction_count for (key,), added in totals.items()} == {
        "chat_inline": 5,
        "chat_of_tomorrow": 1,
        "unknown": None,
    }
    assert told.breakdown("ide").totals("ide") == {}


def test_a_damaged_line_keeps_its_columns(acme: Account, ann: GitHubUser) -> None:
    stored.use(acme, day(0), {ann: did(5)})
    UserDay.objects.update(blob=b"\x09broken")
    told = history(acme, ann)
    assert told.sums([day(0)]).user_initiated_interaction_count == 5
    assert told.breakdown("feature").totals("feature") == {}


def test_the_newest_known_version_of_each_client_is_shown(acme: Account, ann: GitHubUser) -> None:
    def editor(ide: str, version: str | None, plugin: str = "") -> dict[str, Any]:
        told: dict[str, Any] = {"ide": ide, "last_known_plugin_version": None}
        if version is not None:
            told["last_known_ide_version"] = {"ide_version": version, "sampled_at": None}
        if plugin:
            told["last_known_plugin_version"] = {"plugin": "copilot-chat", "plugin_version": plugin}
        return told

    cli = {"totals_by_cli": {"last_known_cli_version": {"cli_version": "1.2"}}}
    stored.use(acme, day(0), {ann: did(1, {"totals_by_ide": [editor("VSCode", "1.118", "0.44")], **cli})})
    stored.use(acme, day(1), {ann: did(1, {"totals_by_ide": [editor("vscode", "1.119", "0.45")]})})
    stored.use(acme, day(2), {ann: did(1, {"totals_by_ide": [editor("vscode", None), editor("vim", "")]})})
    assert history(acme, ann).clients() == [
        Client("vim", "", "", "", day(2)),
        Client("vscode", "1.119", "copilot-chat", "0.45", day(2)),
        Client("copilot_cli", "1.2", "", "", day(0)),
    ]


def test_teams_are_those_of_the_first_and_of_the_newest_told_day(
    acme: Account, ann: GitHubUser, ben: GitHubUser
) -> None:
    stored.roster(acme, day(0), {"web": [ann, ben], "data": [ann], "ops": [ben]})
    made = stored.roster(acme, day(2), {"web": [ann], "data": [ben], "api": [ann]})
    told = teams_of_person(acme, ann, DAYS)
    assert (told.first, told.newest) == (day(0), day(2))
    assert [(team.slug, team.on_first, team.on_newest) for team in told.teams] == [
        ("api", False, True),
        ("data", True, False),
        ("web", True, True),
    ]
    assert told.teams[0].team_key == made["api"].pk
    assert teams_of_person(acme, ann, [day(3)]).newest is None


def test_each_account_tells_of_the_person_by_itself(acme: Account, ann: GitHubUser) -> None:
    octo = stored.enterprise()
    stored.use(acme, day(0), {ann: did(5)})
    stored.use(octo, day(0), {ann: did(5)})
    stored.use(octo, day(1), {ann: did(2, ai_credits_used=Decimal(3))})
    told = {each.account: each for each in accounts_of_person(ann, DAYS)}
    assert (told[acme].active_days, told[acme].sums.user_initiated_interaction_count) == (1, 5)
    assert (told[octo].active_days, told[octo].last_day, told[octo].ai_credits_used) == (2, day(1), 3)
    assert accounts_of_person(stored.person(9), DAYS) == []


def test_a_year_of_lines_asks_no_more_queries(acme: Account, ann: GitHubUser) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            history(acme, ann)
            teams_of_person(acme, ann, DAYS)
            accounts_of_person(ann, DAYS)
        return len(asked)

    stored.use(acme, day(0), {ann: did(1)})
    stored.roster(acme, day(0), {"web": [ann]})
    few = queries()
    for number in range(1, 4):
        stored.use(acme, day(number), {ann: did(1)})
        stored.roster(acme, day(number), {f"team-{each}": [ann] for each in range(9)})
    assert queries() == few
