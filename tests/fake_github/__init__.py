"""A GitHub on loopback that obeys the contract, keeps state, and misbehaves on demand."""

from tests.fake_github.company import company_state
from tests.fake_github.exchange import Request
from tests.fake_github.server import ContractBroken, FakeGitHub
from tests.fake_github.shapes import seat
from tests.fake_github.state import App, Enterprise, Organization, Report, State, Team, Token
from tests.fake_github.trouble import Trouble

__all__ = [
    "App",
    "ContractBroken",
    "Enterprise",
    "FakeGitHub",
    "Organization",
    "Report",
    "Request",
    "State",
    "Team",
    "Token",
    "Trouble",
    "company_state",
    "seat",
]
