"""Every answer has the form that GitHub's own description gives it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import requests

from tests.fake_github import FakeGitHub, State, Trouble, company_state, legacy, seat
from tests.fake_github.conftest import Asking, signed
from tests.fake_github.contract import operations, report_validator
from tests.fake_github.operations import OPERATIONS
from tests.fake_github.report_files import encoded
from tests.fake_github.server import ContractBroken


def in_path(state: State) -> dict[str, str]:
    app = state.apps[0]
    return {
        "org": "octo",
        "enterprise": "big",
        "username": "u1",
        "team_slug": "core-team",
        "enterprise-team": "guild",
        "installation_id": str(app.installations[0].id),
    }


BODIES = {
    "selected_users": {"selected_usernames": ["u201"]},
    "selected_teams": {"selected_teams": ["Core Team"]},
    "selected_enterprise_teams": {"selected_enterprise_teams": ["Guild"]},
}


@pytest.mark.parametrize("operation", [operation.key for operation in OPERATIONS])
def test_every_operation_answers_as_described(operation: str, state: State, ask: Asking) -> None:
    legacy.fill(state, 1, 28)
    app = state.app()
    for account in (*state.organizations, *state.enterprises):
        app.install(account)
        reports = account.reports
        day = (state.today - timedelta(days=2)).isoformat()
        for name in ("users-1-day", "user-teams-1-day", "repos-1-day"):
            reports[name, day] = [[{}]]
        for kind in ("organization", "enterprise"):
            reports[f"{kind}-1-day", day] = [[{}]]
            reports[f"{kind}-28-day", "latest"] = reports["users-28-day", "latest"] = [[{}]]
    method, template = operation.split(" ")
    path = template
    for name, value in in_path(state).items():
        path = path.replace(f"{{{name}}}", value)
    if "enterprises" in path:
        path = path.replace("core-team", "guild")
    if path.endswith("-1-day"):
        path += f"?day={day}"
    found = next(each for each in OPERATIONS if each.key == operation)
    token = signed(app) if found.needs_jwt else "t0ken"
    body = next((body for end, body in BODIES.items() if path.endswith(end)), None)
    answer = ask(path, method, token=token, json=body)
    assert answer.status_code in (200, 201)
    assert ask.github.calls(operation)
    assert ask.github.contract is not None
    assert ask.github.contract.violations == []


def test_every_operation_is_in_the_contract() -> None:
    assert [each.key for each in OPERATIONS if each.key not in operations()["operations"]] == []


def test_credentials_are_taken_where_the_contract_takes_them() -> None:
    """`githubAppTokens` of the contract is what `takes_apps` says; an app's own calls need its signature."""
    described = operations()["operations"]
    for operation in OPERATIONS:
        if not operation.needs_jwt:
            assert operation.takes_apps == described[operation.key]["githubAppTokens"], operation.key


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/orgs/nobody/copilot/billing/seats", 404),
        ("/orgs/octo/members/nobody/copilot", 404),
        ("/orgs/octo/members?role=owner", 422),
        ("/orgs/octo/copilot/metrics/reports/users-1-day", 422),
        ("/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-12-24", 404),
        ("/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-11-01", 204),
        ("/orgs/octo/copilot/metrics", 404),
        ("/orgs/octo/copilot/usage", 404),
    ],
)
def test_refusals_are_as_described_too(path: str, status: int, ask: Asking) -> None:
    assert ask(path).status_code == status


def test_an_answer_beyond_the_contract_fails_the_test(state: State) -> None:
    state.organizations[0].seats[:] = [seat(None, created_at="yesterday")]
    with pytest.raises(ContractBroken, match="created_at"), FakeGitHub(state) as github:
        requests.get(
            f"{github.url}/orgs/octo/copilot/billing/seats",
            headers={"Authorization": "Bearer t0ken"},
            timeout=5,
        )


def test_troubled_answers_are_not_held_against_the_contract(github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble("wrong-shape")
    assert ask("/orgs/octo/teams").json() == {"message": "ok"}
    assert ask("/orgs/octo").json() == []


def test_a_companys_report_lines_fit_githubs_schemas(clock: Any) -> None:
    state = company_state(80, 6, 12)
    for account in (*state.organizations, *state.enterprises):
        kind = "organization" if account in state.organizations else "enterprise"
        asked = [
            (name, (state.today - timedelta(days=back)).isoformat())
            for name in ("users-1-day", f"{kind}-1-day", "user-teams-1-day", "repos-1-day")
            for back in (2, 6)
        ]
        for name, day in [*asked, ("users-28-day", "latest"), (f"{kind}-28-day", "latest")]:
            report = account.report(name, day)
            if report is None:
                # The smallest organizations have no team that is large enough.
                assert name == "user-teams-1-day"
                continue
            check = report_validator(name)
            for part in report.parts:
                lines = encoded(part() if callable(part) else part, "ndjson").splitlines()
                for line in [*lines[:5], *lines[-5:]]:
                    record = msgspec.json.decode(line)
                    errors = [error.message[:200] for error in check.iter_errors(record)]
                    assert errors == [], (account.login, name)
