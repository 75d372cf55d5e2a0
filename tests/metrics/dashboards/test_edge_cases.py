"""Every panel of every page in every situation that is not the usual one: no crash, no misleading line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.asking import question
from metrics.dashboards.compared import panel_of
from metrics.dashboards.panel import Kind, Panel, plain
from metrics.dashboards.registry import pages
from metrics.sample import SampleFile
from seats.models import Account, Team
from tests.metrics.report_files import NOTHING, seat, team_row, user_day
from tests.metrics.taking_in import LAST_DAY, passing_database, take_in, the_day_after

# The fixture opens the database itself: a situation is taken in once for many panels.
pytestmark = pytest.mark.django_db

Record = dict[str, Any]
DAY = timedelta(days=1)
TEN = [LAST_DAY - 9 * DAY + number * DAY for number in range(10)]
MARKUP = "<img src=x onerror=alert(1)>\"'&</script>"
# As large as one counter may be.
HUGE = 2**53
ALL_DIMENSIONS = {
    "totals_by_ide": ("ide",),
    "totals_by_feature": ("feature",),
    "totals_by_language_feature": ("language", "feature"),
    "totals_by_language_model": ("language", "model"),
    "totals_by_model_feature": ("model", "feature"),
}


@dataclass
class Situation:
    """Lines by kind of file, and what is asked of them."""

    users: list[Record] = field(default_factory=list)
    totals: list[Record] = field(default_factory=list)
    teams: list[Record] = field(default_factory=list)
    seats: list[Record] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)
    # Days inside the period of which nothing was taken in.
    unknown: Sequence[date] = ()
    is_empty: bool = False
    has_account: bool = True
    of_a_team: bool = False

    @property
    def files(self) -> dict[str, list[Record]]:
        return {"users": self.users, "totals": self.totals, "teams": self.teams}


def line(user_id: int, day: date, **more: Any) -> Record:
    """A person's day with something of everything."""
    names = {"ide": "vscode", "feature": "code_completion", "language": "python", "model": "gpt-5.4"} | {
        name: more.pop(name) for name in ("ide", "feature", "language", "model") if name in more
    }
    amount = more.pop("amount", 7)
    counted = dict.fromkeys(NOTHING, amount)
    arrays = {
        key: [{name: names[name] for name in dimension} | counted]
        for key, dimension in ALL_DIMENSIONS.items()
    }
    arrays["totals_by_ide"][0] |= {
        "last_known_ide_version": {"ide_version": more.pop("version", "1.119.0"), "sampled_at": None},
        "last_known_plugin_version": {"plugin": "copilot-chat", "plugin_version": "0.45.1"},
    }
    surface = {
        "session_count": amount, "request_count": amount, "prompt_count": amount,
        "token_usage": {"output_tokens_sum": amount, "prompt_tokens_sum": amount},
    }  # fmt: skip
    told = {
        "used_agent": True, "used_chat": True, "used_cli": True, "used_copilot_app": True,
        "used_copilot_cloud_agent": True, "used_copilot_code_review_active": True,
        "ai_credits_used": 1.5, "totals_by_cli": surface, "totals_by_copilot_app": surface,
        "ai_adoption_phase": {"phase_number": more.pop("phase", 2), "phase": "Phase", "version": "v1"},
        "totals_by_3rd_party_agent": [
            {"agent_id": "7", "agent_name": names["model"], "user_initiated_interaction_count": 1}
        ],
    }  # fmt: skip
    return user_day(user_id, str(day), **(counted | arrays | told | more))


def total(day: date, people: int = 3, **more: Any) -> Record:
    """GitHub's own record of a day, of what `line` tells."""
    person = line(
        1, day, **{name: more.pop(name) for name in ("language", "model", "amount") if name in more}
    )
    told = {key: value for key, value in person.items() if key in NOTHING or key.startswith("totals_by_")}
    pulls = {
        "total_created": 4, "total_reviewed": 3, "total_merged": 2, "total_created_by_copilot": 1,
        "total_reviewed_by_copilot": 2, "total_merged_created_by_copilot": 1, "median_minutes_to_merge": 12.5,
        "total_copilot_suggestions": 5, "total_copilot_applied_suggestions": 2,
        "copilot_suggestions_by_comment_type": [
            {"comment_type": more.pop("comment", "security"), "total_copilot_suggestions": 5,
             "total_copilot_applied_suggestions": 2}
        ],
    }  # fmt: skip
    phases = [
        {"phase": "Phase", "phase_number": number, "total_engaged_users": 1, "users_in_phase_28d": 2,
         "avg_user_initiated_interactions": 1.5}
        for number in more.pop("phases", (0, 2))
    ]  # fmt: skip
    return {
        "day": str(day), "enterprise_id": "9", "organization_id": "1", "daily_active_users": people,
        "weekly_active_users": people, "monthly_active_users": people, **told, "pull_requests": pulls,
        "totals_by_ai_adoption_phase": phases, **more,
    }  # fmt: skip


def quiet(user_id: int, day: date) -> Record:
    """Somebody known from the server alone: a counter, and every array empty."""
    return user_day(user_id, str(day), **{key: [] for key in ALL_DIMENSIONS})


def of_ten(days: Sequence[date] = TEN, **more: Any) -> Situation:
    """Three people over ten days, seats and a team, GitHub's own records too."""
    people = range(1, 7)
    return Situation(
        users=[line(person, day, **more) for day in days for person in people if person < 4],
        totals=[total(day, **{key: more[key] for key in ("language", "model", "amount") if key in more})
                for day in days],
        teams=[team_row(person, 77, str(day)) for day in days for person in people if person < 6],
        seats=[seat(person) for person in people],
        query={"from": str(TEN[0]), "to": str(TEN[-1])},
    )  # fmt: skip


def asking(situation: Situation, **query: str) -> Situation:
    situation.query |= query
    return situation


def nothing() -> Situation:
    return Situation(seats=[seat(1)], is_empty=True)


def nobody_ever_came() -> Situation:
    return Situation(is_empty=True, has_account=False)


def days_before_anything_was_known() -> Situation:
    return asking(of_ten(), **{"from": str(TEN[0] - 40 * DAY), "to": str(TEN[0] - 20 * DAY), "compare": "1"})


def one_day() -> Situation:
    return asking(of_ten([LAST_DAY]), **{"from": str(LAST_DAY), "to": str(LAST_DAY)})


def one_day_in_the_usual_period() -> Situation:
    situation = of_ten([LAST_DAY])
    situation.query = {"compare": "1"}
    situation.unknown = [LAST_DAY - number * DAY for number in range(1, 28)]
    return situation


def a_missing_day() -> Situation:
    missing = TEN[4]
    situation = of_ten([day for day in TEN if day != missing])
    situation.unknown = [missing]
    return situation


def a_missing_day_without_github_s_own_records() -> Situation:
    situation = a_missing_day()
    situation.totals = []
    return situation


def a_missing_day_of_a_team() -> Situation:
    situation = a_missing_day()
    situation.of_a_team = True
    return situation


def a_missing_day_by_week() -> Situation:
    return asking(a_missing_day(), by="week")


def a_missing_day_by_month() -> Situation:
    return asking(a_missing_day(), by="month", compare="1")


def users_without_breakdowns() -> Situation:
    situation = of_ten()
    situation.users = [quiet(person, day) for day in TEN for person in (1, 2)]
    situation.totals = []
    return situation


def records_without_breakdowns() -> Situation:
    situation = of_ten()
    situation.users = [quiet(person, day) for day in TEN for person in (1, 2)]
    gone = ("totals_by_cli", "totals_by_copilot_app", "pull_requests")
    for record in situation.totals:
        record |= {key: [] for key in ALL_DIMENSIONS}
        for name in gone:
            record.pop(name, None)
    return situation


def unknown_names() -> Situation:
    names = {"ide": "typewriter", "feature": "chat_holodeck_mode", "language": "unknown", "model": "Unknown"}
    return of_ten(**names, phase=4)


def nameless_names() -> Situation:
    return of_ten(ide="", feature="", language="", model="", version="")


def phase_four() -> Situation:
    situation = asking(of_ten(phase=4), compare="1")
    situation.totals = [total(day, phases=(0, 4, 17)) for day in TEN]
    return situation


def huge_numbers() -> Situation:
    return of_ten(amount=HUGE)


def names_with_markup() -> Situation:
    situation = of_ten(ide=MARKUP, feature=MARKUP, language=MARKUP, model=MARKUP, version=MARKUP)
    situation.totals = [total(day, language=MARKUP, model=MARKUP, comment=MARKUP) for day in TEN]
    situation.teams = [row | {"slug": MARKUP} for row in situation.teams]
    return situation


def names_with_markup_in_a_team() -> Situation:
    situation = names_with_markup()
    situation.of_a_team = True
    return situation


def formulas_as_names() -> Situation:
    formula = '=HYPERLINK("http://x")'
    return of_ten(ide=formula, feature=formula, language=formula, model=formula, version=formula)


def a_team() -> Situation:
    situation = asking(of_ten(), compare="1")
    situation.of_a_team = True
    return situation


def a_team_that_did_nothing() -> Situation:
    situation = of_ten()
    situation.users = [line(person, day) for day in TEN for person in (8, 9)]
    situation.of_a_team = True
    return situation


def an_account_without_seats() -> Situation:
    situation = of_ten()
    situation.seats = []
    return situation


def seats_without_any_use() -> Situation:
    situation = of_ten()
    situation.users, situation.totals = [], []
    situation.is_empty = True
    return situation


def days_on_which_nobody_did_anything() -> Situation:
    """Covered by a report over several days, of which the only line is on the first one."""
    first = line(1, TEN[0], report_start_day=str(TEN[0]), report_end_day=str(TEN[-1]))
    return Situation(users=[first], seats=[seat(1)], query={"from": str(TEN[2]), "to": str(TEN[-1])})


def only_a_weekend_and_no_weekends() -> Situation:
    saturday = next(day for day in TEN if day.weekday() == 5)
    return asking(of_ten(), **{"from": str(saturday), "to": str(saturday + DAY), "weekends": "0"})


def without_weekends() -> Situation:
    return asking(of_ten(), weekends="0", compare="1")


def three_years() -> Situation:
    return asking(of_ten(), **{"from": "2023-11-21"})


SITUATIONS = [
    nothing,
    nobody_ever_came,
    days_before_anything_was_known,
    one_day,
    one_day_in_the_usual_period,
    a_missing_day,
    a_missing_day_without_github_s_own_records,
    a_missing_day_of_a_team,
    a_missing_day_by_week,
    a_missing_day_by_month,
    users_without_breakdowns,
    records_without_breakdowns,
    unknown_names,
    nameless_names,
    phase_four,
    huge_numbers,
    names_with_markup,
    names_with_markup_in_a_team,
    formulas_as_names,
    a_team,
    a_team_that_did_nothing,
    an_account_without_seats,
    seats_without_any_use,
    days_on_which_nobody_did_anything,
    only_a_weekend_and_no_weekends,
    without_weekends,
    three_years,
]
# What tells of something else than use, and so goes on where no use is known.
OF_SEATS = {"seats"}
OF_REPORTS = {"data-health"}
# A week or month says here what was so on its last day.
AS_OF_ITS_LAST_DAY = {
    ("overview", "active-users"),
    ("pull-requests", "review-users"),
    *(("agents", f"{name}-users") for name in ("cli", "app", "cloud-agent", "vscode-agent")),
    ("impact", "phases"),
    ("impact", "engaged"),
}


@dataclass
class Held:
    situation: Situation
    client: Client
    user: Any
    query: str
    asked: dict[str, str]


def read(folder: Path, situation: Situation) -> None:
    if not situation.has_account:
        return
    files = []
    for name, records in situation.files.items():
        if records:
            path = folder / f"{name}.ndjson"
            path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
            files.append(SampleFile(path, organization="octo"))
    if situation.seats:
        path = folder / "seats.json"
        path.write_text(json.dumps({"total_seats": len(situation.seats), "seats": situation.seats}))
        files.append(SampleFile(path, organization="octo", is_complete=True, taken_at=None))
    answers = take_in(files)
    assert not [answer for answer in answers if answer.get("error") or answer["rows_rejected"]], answers


# Variations of others, which are tried with the long tests.
VARIATIONS = (
    days_before_anything_was_known,
    one_day,
    a_missing_day_without_github_s_own_records,
    a_missing_day_by_week,
    a_missing_day_by_month,
    records_without_breakdowns,
    nameless_names,
    phase_four,
    names_with_markup_in_a_team,
    formulas_as_names,
    a_team,
    a_team_that_did_nothing,
    an_account_without_seats,
    days_on_which_nobody_did_anything,
    without_weekends,
    three_years,
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(made, marks=pytest.mark.long if made in VARIATIONS else [], id=made.__name__)
        for made in SITUATIONS
    ],
)
def held(
    request: Any, tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Held]:
    situation = request.param()
    with passing_database(django_db_blocker):
        read(tmp_path_factory.mktemp("situation"), situation)
        user = get_user_model().objects.create_superuser("olga", "olga@example.com", "x")
        client = Client(raise_request_exception=True)
        client.force_login(user)
        asked = dict(situation.query)
        if situation.has_account:
            asked["scope"] = str(Account.objects.get(kind="organization").pk)
        if situation.of_a_team:
            asked["team"] = str(Team.objects.get().pk)
        yield Held(situation, client, user, urlencode(asked), asked)


# These are also asked for by a browser; all of them with the long tests.
BY_BROWSER = (nothing, names_with_markup)


@pytest.mark.parametrize("slug", list(pages))
def test_a_page_and_its_panels_stand_it(held: Held, slug: str) -> None:
    wrong = list(_panels_wrong(held, slug)) if held.situation.has_account else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(made, marks=[] if made in BY_BROWSER else pytest.mark.long, id=made.__name__)
        for made in SITUATIONS
    ],
    indirect=True,
)
@pytest.mark.parametrize("slug", list(pages))
def test_its_addresses_answer(held: Held, slug: str) -> None:
    wrong = list(_answers_wrong(held, slug))
    assert not wrong, "\n".join(wrong)


def _answers_wrong(held: Held, slug: str) -> Iterator[str]:
    page = pages[slug]
    answers = {"the page": f"/usage/{slug}/", "its words": f"/usage/{slug}/in-words/"}
    for key in page.panels:
        answers |= {key: f"/usage/{slug}/{key}/", f"{key}.csv": f"/usage/{slug}/{key}.csv"}
    for name, address in answers.items():
        headers = {} if name == "the page" else {"X-Dashboard-Piece": "1"}
        try:
            with the_day_after():
                answer = held.client.get(f"{address}?{held.query}", headers=headers, follow=True)
                content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        except Exception as error:  # noqa: BLE001 - every panel is asked before the test fails
            yield f"{name}: {type(error).__name__}: {error}"
            continue
        if not held.situation.has_account and answer.status_code == 404 and name != "the page":
            continue
        yield from (f"{name}: {said}" for said in _said_wrong(name, answer.status_code, content.decode()))


def _said_wrong(name: str, status: int, text: str) -> Iterator[str]:
    if status != 200:
        yield f"answers {status}"
    if found := re.search(
        r"\b(NaN|Infinity|inf|nan)\b", re.sub(r"<(script|style).*?</\1>", "", text, flags=re.S)
    ):
        yield f"says {text[max(found.start() - 60, 0) : found.end() + 20]!r}"
    if re.search(r">\s*None\s*<", text):
        yield "says None"
    if name.endswith(".csv"):
        if re.search(r"(^|,)\"?=hyperlink", text, re.MULTILINE | re.IGNORECASE):
            yield "hands a formula to a spreadsheet"
    elif "<img src=x" in text:
        yield "does not escape a name"
    if name == "its words" and "0 of 0" in text:
        yield "speaks of nothing"


def _panels_wrong(held: Held, slug: str) -> Iterator[str]:
    page = pages[slug]
    with the_day_after():
        asked = question(held.asked, held.user, page)
        assert asked is not None
        sentences = page.words(asked.asked) if page.words else []
        if held.situation.is_empty and slug not in OF_SEATS | OF_REPORTS:
            for sentence in sentences:
                if re.search(r"\d", re.sub(r"\d{4}-\d{2}-\d{2}", "", sentence)):
                    yield f"the words claim something of nothing: {sentence}"
        for key, registered in page.panels.items():
            say = partial("{}: {}".format, key)
            try:
                panel = panel_of(registered.function, asked.asked)
            except Exception as error:  # noqa: BLE001 - every panel is asked before the test fails
                yield say(f"{type(error).__name__}: {error}")
                continue
            yield from map(say, _shape_wrong(panel))
            if slug not in OF_SEATS | OF_REPORTS and (slug, key) not in AS_OF_ITS_LAST_DAY:
                yield from map(say, _gaps_wrong(panel, held.situation))


def _shape_wrong(panel: Panel) -> Iterator[str]:
    names = [column.name for column in panel.columns]
    if len(set(names)) < len(names):
        yield f"columns of one name: {names}"
    for row in panel.rows:
        if len(row) != len(names):
            yield f"{len(row)} cells in {len(names)} columns"
    kinds = {column.name: column.kind for column in panel.columns}
    for row in panel.rows:
        for (name, kind), cell in zip(kinds.items(), row, strict=False):
            value = plain(cell)
            if kind == Kind.MONEY and isinstance(value, float):
                yield f"money as a float in {name}"
            if isinstance(value, float | Decimal) and not Decimal(str(value)).is_finite():
                yield f"{value} in {name}"
            if isinstance(value, int | float | Decimal) and value < 0 and "reported" not in names:
                yield f"{value} in {name}"
            if kind == Kind.RATE and isinstance(value, float):
                yield f"a rate as a float in {name}"
    if panel.drawing:
        drawn = {*panel.drawing.series, *panel.drawing.dashed}
        if not drawn <= set(names):
            yield f"draws what is no column: {drawn - set(names)}"
        if len(panel.drawing.series) > 9 and panel.drawing.form != "heat":
            yield f"draws {len(panel.drawing.series)} series"


def _gaps_wrong(panel: Panel, situation: Situation) -> Iterator[str]:
    """A day of which nothing was taken in has no figure at all, not even 0; nor has a week or month of it."""
    if not panel.columns or not panel.rows:
        return
    first = panel.columns[0]
    if situation.is_empty and any(isinstance(each.value, int | Decimal) for each in panel.headlines):
        yield f"a headline of nothing: {[(each.label, each.value) for each in panel.headlines]}"
    if first.kind != Kind.DAY:
        return
    unknown = {str(day) for day in situation.unknown}
    unknown |= (
        {str(day - DAY * day.weekday()) for day in situation.unknown} if first.name == "week" else set()
    )
    unknown |= {str(day)[:7] for day in situation.unknown} if first.name == "month" else set()
    for row in panel.rows:
        told = str(plain(row[0]))
        if told in unknown:
            for column, cell in zip(panel.columns[1:], row[1:], strict=True):
                is_of_seats = column.name in ("seats", "seats_before")
                if column.kind not in (Kind.TEXT, Kind.DAY) and plain(cell) is not None and not is_of_seats:
                    yield f"{column.name} is {plain(cell)} on {told}, of which nothing is known"
