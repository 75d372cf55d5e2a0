"""A small company at the fake GitHub, for tests of connections."""

from __future__ import annotations

from tests.fake_github import State, seat

TOKEN = "ghp_reading-token-of-the-tests-4711"
REVOKING = "ghp_revoking-token-of-the-tests-4712"
NAME = "OCTO_TOKEN"
REVOKING_NAME = "OCTO_REVOKING_TOKEN"


def small_company() -> State:
    """Octo and Octo Labs, both of the enterprise octo-corp; seven people hold seats of octo."""
    state = State()
    octo = state.organization("octo", 900)
    labs = state.organization("octo-labs", 901)
    state.enterprise("octo-corp", 99, organizations=[octo, labs])
    for number in range(7):
        octo.seats.append(seat(octo.member(f"ada{number}")))
    octo.team("Core")
    octo.reports["organization-28-day", "latest"] = [[{"report_start_day": "2026-10-22"}]]
    state.token(TOKEN, scopes={"read:org", "read:enterprise"})
    state.token(REVOKING, scopes={"admin:org", "admin:enterprise"}, login="boss")
    return state
