"""The CLI and agents: what each panel counts, and which sentences the page opens with."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns
from metrics.dashboards import agents
from metrics.dashboards.asked import Asked
from metrics.dashboards.registry import pages
from metrics.figures.surfaces import Sessions
from metrics.models import DayUsers
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.asking import ask, column, day, headline

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

CLI, CLOUD = DayUsers.Kind.CLI, DayUsers.Kind.CLOUD_AGENT


@pytest.fixture
def acme(db: None) -> Account:
    return stored.organization()


def surface(sessions: int, requests: int, prompts: int, output: int, prompt: int) -> dict[str, Any]:
    return {
        "session_count": sessions,
        "request_count": requests,
        "prompt_count": prompts,
        "token_usage": {"output_tokens_sum": output, "prompt_tokens_sum": prompt},
    }


def report(account: Account, ago: int, **record: Any) -> None:
    """GitHub's own record of a day."""
    blob = breakdowns.pack(json.dumps(record).encode())
    stored.totals(account, day(ago), daily_active_users=1, blob=blob)


def use(account: Account, ago: int, *people: int, **columns: Any) -> None:
    stored.use(account, day(ago), {stored.person(number): columns for number in people})


def panel(key: str, asked: Asked) -> Any:
    return pages["agents"].panels[key].function(asked)


# --- The CLI and the app -----------------------------------------------------------------------


@pytest.mark.parametrize(("prefix", "key"), [("cli", "totals_by_cli"), ("app", "totals_by_copilot_app")])
def test_sessions_and_tokens_are_shown_day_by_day(acme: Account, prefix: str, key: str) -> None:
    report(acme, 3, **{key: surface(1, 10, 5, 100, 900)})
    report(acme, 1)
    report(acme, 0, **{key: surface(2, 20, 6, 50, 150)})

    sessions = panel(f"{prefix}-sessions", ask(acme, days=4))
    assert column(sessions, "sessions") == [1, None, None, 2]
    assert column(sessions, "requests") == [10, None, None, 20]
    assert column(sessions, "prompts") == [5, None, None, 6]

    tokens = panel(f"{prefix}-tokens", ask(acme, days=4))
    assert column(tokens, "output_tokens") == [100, None, None, 50]
    assert column(tokens, "average") == [Decimal(100), None, None, Decimal(10)]


def test_a_week_is_the_sum_of_what_its_days_say_once_each_was_told(acme: Account) -> None:
    for ago in range(4):
        report(acme, ago, **({"totals_by_cli": surface(1, 2, 3, 4, 5)} if ago % 2 else {}))
    report(acme, 5, totals_by_cli=surface(9, 9, 9, 9, 9))
    # From Sunday on; the newest day is a Thursday, and nothing was told of the Saturday before.
    weekly = panel("cli-sessions", ask(acme, days=7, by="week"))
    assert column(weekly, "sessions") == [None, 2]
    assert column(panel("cli-tokens", ask(acme, days=7, by="week")), "average") == [None, Decimal(18) / 4]


def test_sums_of_the_cli_have_their_average_of_all_tokens(acme: Account) -> None:
    report(acme, 3, totals_by_cli=surface(1, 1, 1, 1, 1))
    report(acme, 2, totals_by_cli=surface(1, 2, 1, 2, 2))
    report(acme, 1, totals_by_cli=surface(1, 10, 5, 100, 900))
    report(acme, 0, totals_by_cli=surface(2, 2, 6, 50, 150))

    found = panel("cli-in-sum", ask(acme, days=2, compare=True))

    assert headline(found, "Sessions") == (3, 2)
    assert headline(found, "Requests") == (12, 3)
    assert headline(found, "Output tokens") == (150, 3)
    assert headline(found, "Tokens per request") == (Decimal(100), Decimal(2))
    cut = panel("cli-in-sum", ask(acme, days=3, compare=True))
    assert headline(cut, "Sessions") == (4, None)
    long = panel("cli-in-sum", ask(acme, days=6))
    assert long.note == "Of the 4 of 6 days that are told of."


# --- People ------------------------------------------------------------------------------------


def test_people_of_a_period_are_counted_once_per_surface(acme: Account) -> None:
    use(acme, 1, 1, 2, used_cli=True)
    use(acme, 0, 1, 3, used_cli=True, used_copilot_cloud_agent=True)
    use(acme, 0, 4)

    found = panel("people", ask(acme, days=2))

    assert dict(zip(column(found, "what"), column(found, "people"), strict=True)) == {
        "Copilot CLI": 3,
        "Copilot app": 0,
        "Cloud agent": 2,
        "Agent of VS Code": 0,
        "Agent mode in an editor": 0,
    }
    assert column(found, "share")[0] == Decimal(3) / Decimal(4)
    assert panel("people", ask(acme, days=3)).is_empty
    before = panel("people", ask(acme, days=1, compare=True))
    assert column(before, "before")[0] == 2


@pytest.mark.parametrize(
    ("key", "flag"),
    [
        ("cli-users", "used_cli"),
        ("cloud-agent-users", "used_copilot_cloud_agent"),
        ("app-users", "used_copilot_app"),
        ("vscode-agent-users", "used_vscode_agent"),
    ],
)
def test_people_of_a_surface_are_counted_over_a_day_and_trailing_days(
    acme: Account, key: str, flag: str
) -> None:
    for ago in range(8):
        use(acme, ago, ago + 1, **{flag: ago in (0, 6)})
    found = panel(key, ask(acme, days=3))
    assert column(found, "daily") == [0, 0, 1]
    assert column(found, "weekly") == [None, 1, 2]
    assert column(found, "monthly") == [None] * 3


def test_people_of_a_team_are_its_members_of_each_day(acme: Account) -> None:
    red = stored.roster(acme, day(0), {"red": [stored.person(1), stored.person(2)]})["red"]
    use(acme, 0, 1, 9, used_copilot_cloud_agent=True, ai_credits_used=Decimal("1.5"))
    asked = ask(acme, days=1, team=red)
    assert column(panel("cloud-agent-users", asked), "daily") == [1]
    assert column(panel("credits", asked), "credits") == [Decimal("1.5")]


# --- Agents ------------------------------------------------------------------------------------


def test_the_agent_of_vs_code_has_sessions_and_messages(acme: Account) -> None:
    report(acme, 0, totals_by_vscode_agent={"session_count": 3, "total_user_messages": 12})
    found = panel("vscode-agent", ask(acme, days=2))
    assert (column(found, "sessions"), column(found, "messages")) == ([None, 3], [None, 12])


def test_agents_by_others_are_ranked_by_tasks(acme: Account) -> None:
    entries = [
        {"agent_id": "7", "agent_name": "Some", "user_initiated_interaction_count": 2},
        {"agent_id": "8", "user_initiated_interaction_count": 5},
    ]
    report(acme, 0, totals_by_3rd_party_agent=entries)
    found = panel("other-agents", ask(acme, days=1))
    assert found.rows == [["agent 8", 5, None], ["Some", 2, None]]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("skills", "skill"),
        ("custom-agents", "custom_agent"),
        ("mcp-servers", "mcp"),
        ("slash-commands", "slash_cmd"),
        ("plugins", "plugin"),
    ],
)
def test_what_agents_were_extended_with_is_ranked_and_says_that_it_is_the_top_five(
    acme: Account, key: str, name: str
) -> None:
    report(acme, 1, **{f"totals_by_{name}": [{name: "A", "interaction_count": 2}]})
    entries = [{name: "a", "interaction_count": 1}, {name: "other", "interaction_count": 9}]
    report(acme, 0, **{f"totals_by_{name}": entries})
    found = panel(key, ask(acme, days=2))
    assert found.rows == [["other", 9], ["a", 3]]
    assert "five most used" in found.note


def test_many_names_are_cut_and_that_is_said(acme: Account) -> None:
    entries = [{"skill": f"s{number}", "interaction_count": 100 - number} for number in range(60)]
    report(acme, 0, totals_by_skill=entries)
    found = panel("skills", ask(acme, days=1))
    assert (len(found.rows), found.rows[0]) == (50, ["s0", 100])
    assert found.note.endswith("The first 50 of 60 names.")


# --- AI credits --------------------------------------------------------------------------------


def test_credits_are_summed_without_losing_a_digit(acme: Account) -> None:
    use(acme, 1, 1, ai_credits_used=Decimal("0.1"))
    use(acme, 0, 1, 2, ai_credits_used=Decimal("0.100000001"))
    assert column(panel("credits", ask(acme, days=3)), "credits") == [
        None, Decimal("0.1"), Decimal("0.200000002"),
    ]  # fmt: skip
    monthly = panel("credits", ask(acme, days=2, by="month"))
    assert column(monthly, "credits") == [Decimal("0.300000002")]


def test_lines_without_credits_are_not_lines_of_no_credits(acme: Account) -> None:
    use(acme, 0, 1)
    assert panel("credits", ask(acme)).empty == "The lines of these days do not tell of AI credits."


# --- Every panel -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(pages["agents"].panels))
def test_without_anything_told_a_panel_says_so(acme: Account, key: str) -> None:
    found = panel(key, ask(acme))
    assert found.is_empty
    assert found.empty


@pytest.mark.parametrize("key", list(pages["agents"].panels))
def test_a_longer_period_takes_no_more_queries(acme: Account, key: str) -> None:
    for ago in range(8):
        use(acme, ago, 1, used_cli=True)
        report(acme, ago, totals_by_cli=surface(1, 2, 3, 4, 5))

    def queries(days: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            panel(key, ask(acme, days=days, compare=True))
        return len(captured)

    assert queries(2) == queries(4) <= 6


# --- Words -------------------------------------------------------------------------------------


def test_words_tell_how_the_use_of_a_surface_moved() -> None:
    said = agents.users_moved
    since = "against the 7 days before"
    assert said("CLI", (10, {CLI: 4}), (20, {CLI: 4}), CLI, since) == (
        "CLI use grew from 20 % to 40 % (against the 7 days before)."
    )
    assert (
        said("Cloud agent", (1000, {CLOUD: 1}), None, CLOUD, since)
        == "Cloud agent: 1 person of 1,000 active."
    )
    assert said("CLI", None, (20, {CLI: 4}), CLI, since) == ""
    assert said("CLI", (0, {CLI: 0}), (20, {CLI: 4}), CLI, since) == ""


def test_words_tell_how_much_the_cli_did() -> None:
    said = agents.cli_volume
    assert said([Sessions(2, 1000, 9, 500_000, 500_000), Sessions()], 2) == (
        "The CLI made 1,000 requests in 2 sessions, 1,000 tokens each on average."
    )
    assert said([Sessions(requests=1)], 3) == "The CLI made 1 request, on the 1 of 3 days that are told of."
    assert said([Sessions()], 1) == ""


def test_words_speak_of_the_period_and_the_one_before(acme: Account) -> None:
    for ago in range(4):
        use(acme, ago, 1, used_cli=ago < 2)
        use(acme, ago, 2)
    assert agents.words(ask(acme, days=2)) == [
        "CLI use grew from 0 % to 50 % (against the 2 days before).",
        "Cloud agent use stayed at 0 % (against the 2 days before).",
    ]
    # The period before has a day that is not told.
    assert agents.words(ask(acme, days=3)) == [
        "CLI: 1 person of 2 active.",
        "Cloud agent: 0 people of 2 active.",
    ]


def test_words_say_when_nothing_is_known(acme: Account) -> None:
    assert agents.words(ask(acme)) == ["Nothing is known of these days of the CLI or of agents."]
