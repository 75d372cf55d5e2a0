"""The made-up company: of any size, always the same, and full of what makes rosters hard."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
import time_machine

from tests.fake_github import Enterprise, FakeGitHub, Organization, State, company_state
from tests.fake_github.state import Account, holder, total_seats

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def made() -> State:
    """Made once: no test changes it."""
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        return company_state(400, 25, 28)


@pytest.fixture
def state(clock: Any, made: State) -> State:
    return made


@pytest.fixture
def enterprise(state: State) -> Enterprise:
    return state.enterprises[0]


def lines(account: Account, name: str, day: date | str) -> list[Any]:
    report = account.report(name, str(day))
    if report is None:
        return []
    content = b"".join(part() if callable(part) else part for part in report.parts)  # type: ignore[misc]
    return [msgspec.json.decode(line) for line in content.splitlines()]


def test_the_enterprise_counts_each_person_once(state: State, enterprise: Enterprise) -> None:
    rows = enterprise.rows()
    assert total_seats(rows) == 400
    assert len(rows) > 400
    seated = Counter(holder(row) for row in rows)
    assert max(seated.values()) == 2


def test_seats_come_in_every_way(enterprise: Enterprise) -> None:
    ways = {
        (row["organization"] is not None, row["assigning_team"] is not None, bool(holder(row)))
        for row in enterprise.rows()
    }
    assert ways == {(True, True, True), (True, False, True), (False, True, True), (False, False, True)}
    assert any(row["pending_cancellation_date"] for row in enterprise.rows())
    assert any(row["last_activity_at"] is None for row in enterprise.rows())
    assert {row["plan_type"] for row in enterprise.rows()} == {"business", "enterprise"}


def test_somebody_is_in_two_organizations_and_somebody_has_no_seat(state: State) -> None:
    memberships = Counter(person["id"] for each in state.organizations for person in each.members)
    assert 2 in memberships.values()
    seated = {row["assignee"]["id"] for row in state.enterprises[0].rows()}
    assert set(memberships) - seated


def test_the_same_seed_gives_the_same_company(clock: Any) -> None:
    one, same, other = (company_state(60, 6, 7, seed=seed) for seed in (1, 1, 2))
    assert one.enterprises[0].encoded_rows() == same.enterprises[0].encoded_rows()
    assert one.enterprises[0].encoded_rows() != other.enterprises[0].encoded_rows()
    day = "2026-11-17"
    assert lines(one.enterprises[0], "users-1-day", day) == lines(same.enterprises[0], "users-1-day", day)


def test_totals_are_what_the_people_add_up_to(state: State, enterprise: Enterprise) -> None:
    for account in (enterprise, state.organizations[0]):
        kind = "enterprise" if account is enterprise else "organization"
        for day in (date(2026, 11, 12), date(2026, 11, 18)):
            people = lines(account, "users-1-day", day)
            (total,) = lines(account, f"{kind}-1-day", day)
            for key in ("user_initiated_interaction_count", "loc_added_sum"):
                assert total[key] == sum(person[key] for person in people)
            assert total["daily_active_users"] == len({person["user_id"] for person in people})
            week = {
                person["user_id"]
                for back in range(7)
                for person in lines(account, "users-1-day", day - back * DAY)
            }
            assert total["weekly_active_users"] == len(week)


def test_the_28_day_report_has_the_same_lines(enterprise: Enterprise) -> None:
    daily = [
        (line["day"], line["user_id"], line["code_generation_activity_count"])
        for back in range(2, 30)
        for line in lines(enterprise, "users-1-day", date(2026, 11, 20) - back * DAY)
    ]
    window = [
        (line["day"], line["user_id"], line["code_generation_activity_count"])
        for line in lines(enterprise, "users-28-day", "latest")
    ]
    assert sorted(window) == sorted(daily)


def test_the_newest_days_settle(enterprise: Enterprise, clock: Any) -> None:
    """Two days after a day some people are still missing, and some have only part of their day."""
    day = date(2026, 11, 18)
    assert lines(enterprise, "users-1-day", day + DAY) == []
    early = {line["user_id"]: line for line in lines(enterprise, "users-1-day", day)}
    clock.shift(DAY)
    settled = {line["user_id"]: line for line in lines(enterprise, "users-1-day", day)}
    assert set(early) < set(settled)
    assert any(early[number] != settled[number] for number in early)
    clock.shift(DAY)
    assert {line["user_id"]: line for line in lines(enterprise, "users-1-day", day)} == settled
    assert lines(enterprise, "users-1-day", day + DAY)


def test_one_day_is_silent(state: State, enterprise: Enterprise) -> None:
    assert state.company is not None
    silent = state.company.silent_day
    assert date(2026, 10, 22) <= silent <= date(2026, 11, 18)
    assert enterprise.report("users-1-day", str(silent)) is None
    assert enterprise.report("enterprise-1-day", str(silent)) is None
    assert lines(enterprise, "users-1-day", silent + DAY)


def test_the_past_keeps_old_names(state: State, enterprise: Enterprise) -> None:
    """Logins and slugs change in the middle; people who left have lines, but nothing else."""
    logins: dict[int, set[str]] = {}
    for back in range(2, 30):
        for line in lines(enterprise, "users-1-day", date(2026, 11, 20) - back * DAY):
            logins.setdefault(line["user_id"], set()).add(line["user_login"])
    assert any(len(names) == 2 for names in logins.values())
    members = {person["id"] for each in state.organizations for person in each.members}
    assert set(logins) - members
    slugs: dict[int, set[str]] = {}
    for organization in state.organizations:
        for day in (date(2026, 10, 22), date(2026, 11, 18)):
            for line in lines(organization, "user-teams-1-day", day):
                slugs.setdefault(line["team_id"], set()).add(line["slug"])
    assert any(len(names) == 2 for names in slugs.values())


def test_small_teams_are_in_no_report(state: State) -> None:
    organization = state.organizations[0]
    sizes = Counter(line["slug"] for line in lines(organization, "user-teams-1-day", "2026-11-18"))
    assert min(sizes.values()) >= 5
    assert {team.slug for team in organization.teams if team.members} - set(sizes)


def test_organizations_may_stand_alone(clock: Any) -> None:
    state = company_state(50, 4, 7, organizations=1, enterprise=None)
    assert state.enterprises == []
    (organization,) = state.organizations
    assert total_seats(organization.rows()) == 50
    assert "enterprise_id" not in lines(organization, "users-1-day", "2026-11-17")[0]


def test_large_reports_come_in_parts(clock: Any) -> None:
    state = company_state(200, 4, 7, part_lines=30)
    report = state.enterprises[0].report("users-1-day", "2026-11-17")
    assert report is not None
    assert len(report.parts) > 2


def test_its_files_are_what_the_server_answers(clock: Any, tmp_path: Path) -> None:
    state = company_state(250, 8, 5)
    written = state.write_files(tmp_path)
    with FakeGitHub(state) as github, requests.Session() as session:
        session.headers["Authorization"] = "Bearer t0ken"
        pages = sorted(file.path for file in written if file.is_complete)
        assert [path.parent.parent.name for path in pages] == ["octo-enterprise"] * len(pages)
        for number, path in enumerate(pages, 1):
            answer = session.get(
                f"{github.url}/enterprises/octo-enterprise/copilot/billing/seats",
                params={"per_page": "100", "page": str(number)},
                timeout=5,
            )
            assert answer.content == path.read_bytes()
        base = f"{github.url}/orgs/octo-apps/copilot/metrics/reports"
        links = session.get(f"{base}/users-1-day?day=2026-11-18", timeout=5).json()["download_links"]
        content = b"".join(requests.get(link, timeout=5).content for link in links)
        assert content == (tmp_path / "octo-apps" / "users-1-day" / "2026-11-18.ndjson").read_bytes()


def test_days_of_the_older_systems_are_saved_too(clock: Any, tmp_path: Path) -> None:
    state = company_state(50, 6, 5, legacy_days=10)
    older = {
        (file.organization or file.enterprise, file.path.name, file.team): file.path
        for file in state.write_files(tmp_path)
        if file.path.name.startswith("copilot-")
    }
    assert len(older) >= 8
    days = msgspec.json.decode(older["octo-apps", "copilot-metrics.json", ""].read_bytes())
    assert [day["date"] for day in days] == [f"2026-11-{number}" for number in range(10, 20)]
    slug = state.organizations[0].teams[0].slug
    assert ("octo-apps", "copilot-usage.json", slug) in older


@pytest.mark.parametrize("seats", [4_000, pytest.param(20_000, marks=pytest.mark.long)])
def test_many_seats_are_made_quickly(clock: Any, seats: int) -> None:
    # Of this process alone: whatever else the machine does takes no part of it.
    started = time.process_time()
    state = company_state(seats, 200, 28)
    state.enterprises[0].encoded_rows()
    assert time.process_time() - started < seats / 1_000
    organization = state.organizations[0]
    assert isinstance(organization, Organization)
    assert len(organization.teams) == 62
