"""The CLI, the Copilot app, agents and AI credits."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from metrics import breakdowns
from metrics.figures import ActiveUsers, Scope
from metrics.figures.surfaces import (
    AgentSessions,
    Sessions,
    average_tokens,
    credit_days,
    credits_of,
    customisation,
    other_agents,
    session_days,
    surface_users,
    vscode_agent_days,
)
from metrics.models import DayUsers
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 10, 1)
PERIOD = Period(FIRST, FIRST + timedelta(days=9))


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def report(account: Account, number: int, **record: Any) -> None:
    """GitHub's own record of a day."""
    blob = breakdowns.pack(json.dumps(record).encode())
    stored.totals(account, day(number), daily_active_users=1, blob=blob)


def rest(**said: Any) -> dict[str, bytes]:
    """What a person's line says beyond its columns."""
    return {"rest": json.dumps(said).encode()}


def surface(sessions: int, requests: int, prompts: int, output: int, prompt: int) -> dict[str, Any]:
    return {
        "session_count": sessions,
        "request_count": requests,
        "prompt_count": prompts,
        "token_usage": {"output_tokens_sum": output, "prompt_tokens_sum": prompt},
    }


def test_sessions_are_githubs_own_where_it_tells_and_else_those_of_people_added_up() -> None:
    acme = stored.organization()
    report(acme, 0, totals_by_cli=surface(1, 2, 3, 4, 5))
    stored.use(
        acme,
        day(1),
        {
            stored.person(1): rest(totals_by_cli=surface(10, 20, 30, 40, 50)),
            stored.person(2): rest(totals_by_cli=surface(1, 1, 1, 1, 1)),
            stored.person(3): rest(),
        },
    )
    report(acme, 2)

    days = session_days(Scope(acme), PERIOD, "totals_by_cli")

    assert days == {
        day(0): Sessions(1, 2, 3, 4, 5),
        day(1): Sessions(11, 21, 31, 41, 51),
        day(2): Sessions(),
    }


def test_sessions_of_a_team_are_those_of_its_members_of_the_day() -> None:
    acme = stored.organization()
    red = stored.roster(acme, day(1), {"red": [stored.person(2)]})["red"]
    stored.use(
        acme,
        day(1),
        {
            stored.person(1): rest(totals_by_copilot_app=surface(10, 20, 30, 40, 50)),
            stored.person(2): rest(totals_by_copilot_app=surface(1, 2, 3, 4, 5)),
        },
    )
    assert session_days(Scope(acme, red), PERIOD, "totals_by_copilot_app") == {
        day(1): Sessions(1, 2, 3, 4, 5)
    }


def test_tokens_per_request_are_summed_first_over_days_that_tell_all_three() -> None:
    days = [Sessions(1, 10, 1, 100, 900), Sessions(1, 1, 1, 10, 2), Sessions(1, 500, 1), Sessions()]
    assert average_tokens(days) == Decimal(1012) / Decimal(11)
    assert average_tokens([Sessions(0, 0, 0, 0, 0)]) is None
    assert average_tokens([]) is None


def test_an_unknown_number_is_not_nothing() -> None:
    assert Sessions.of([Sessions(1), Sessions(2, 5)]) == Sessions(3, 5)
    assert Sessions.of([]) == Sessions()


def test_sessions_of_the_agent_of_vs_code() -> None:
    acme = stored.organization()
    report(acme, 0, totals_by_vscode_agent={"session_count": 4, "total_user_messages": 9})
    report(acme, 1)
    assert vscode_agent_days(Scope(acme), PERIOD) == {day(0): AgentSessions(4, 9), day(1): AgentSessions()}


def test_people_on_a_surface_are_counted_from_people_and_else_taken_from_github() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): {"used_copilot_cloud_agent": True}, stored.person(2): {}})
    report(
        acme,
        0,
        daily_active_copilot_cloud_agent_users=7,
        weekly_active_copilot_cloud_agent_users=8,
        monthly_active_copilot_cloud_agent_users=9,
    )
    told = surface_users(Scope(acme), Period(day(0), day(1)), DayUsers.Kind.CLOUD_AGENT)
    assert told == {day(0): ActiveUsers(1, 8, 9), day(1): ActiveUsers(None, None, None)}


def test_agents_by_others_are_one_by_number_under_their_newest_name() -> None:
    acme = stored.organization()

    def agent(number: str | None, name: str, tasks: int, **more: int) -> dict[str, Any]:
        return {"agent_id": number, "agent_name": name, "user_initiated_interaction_count": tasks, **more}

    report(acme, 0, totals_by_3rd_party_agent=[agent("7", "Old", 2), agent("8", "Other", 9, session_count=3)])
    report(acme, 1, totals_by_3rd_party_agent=[agent("7", "New", 3), agent(None, "Nameless", 1)])

    found = other_agents(Scope(acme), PERIOD)

    assert [(each.name, each.tasks, each.sessions) for each in found] == [
        ("Other", 9, 3),
        ("New", 5, None),
        ("Nameless", 1, None),
    ]
    assert [each.name for each in other_agents(Scope(acme), PERIOD, [day(1)])] == ["New", "Nameless"]


def test_what_agents_were_extended_with_adds_up_by_folded_name() -> None:
    acme = stored.organization()
    report(acme, 0, totals_by_skill=[{"skill": "Notes", "interaction_count": 2}])
    report(
        acme, 1, totals_by_skill=[{"skill": "notes", "user_initiated_interaction_count": 3}, {"skill": "x"}]
    )
    report(acme, 2, totals_by_mcp=[{"mcp": "github", "interaction_count": 1}])
    assert customisation(Scope(acme), PERIOD, "totals_by_skill") == {"notes": 5, "x": None}
    assert customisation(Scope(acme), PERIOD, "totals_by_mcp") == {"github": 1}
    assert customisation(Scope(acme), PERIOD, "totals_by_plugin") == {}


def test_credits_are_those_of_the_people_of_the_day_to_the_last_digit() -> None:
    acme = stored.organization()
    red = stored.roster(acme, day(0), {"red": [stored.person(2)]})["red"]
    stored.use(
        acme,
        day(0),
        {
            stored.person(1): {"ai_credits_used": Decimal("0.1")},
            stored.person(2): {"ai_credits_used": Decimal("0.200000001")},
            stored.person(3): {},
        },
    )
    stored.use(acme, day(1), {stored.person(1): {}})
    # A covered day on which nobody did anything is told as well.
    stored.cover(acme, day(2))
    told = {day(0): Decimal("0.300000001"), day(1): None, day(2): None}
    assert credit_days(Scope(acme), PERIOD) == told
    assert credit_days(Scope(acme, red), PERIOD) == {day(0): Decimal("0.200000001")}
    assert credits_of([Decimal("0.1"), None, Decimal("0.2")]) == Decimal("0.3")
    assert credits_of([None]) is None
