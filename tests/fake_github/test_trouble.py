"""Everything that can go wrong, each exactly as a client meets it."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.fake_github import FakeGitHub, Organization, Request, State, Trouble
from tests.fake_github.conftest import Asking
from tests.fake_github.trouble import KINDS

SEATS = "/orgs/octo/copilot/billing/seats?per_page=100"


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("500", 500, "application/json; charset=utf-8"),
        ("502", 502, "text/html; charset=utf-8"),
        ("503", 503, "text/html; charset=utf-8"),
        ("html", 200, "text/html; charset=utf-8"),
        ("401", 401, "application/json; charset=utf-8"),
    ],
)
def test_the_server_answers_something_else(
    kind: Any, status: int, content_type: str, github: FakeGitHub, ask: Asking
) -> None:
    github.trouble = Trouble(kind, times=1)
    answer = ask(SEATS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)
    assert github.requests[0].trouble == kind
    assert ask(SEATS).status_code == 200


@pytest.mark.parametrize("kind", ["reset", "reset-midway", "truncated"])
def test_the_connection_breaks(kind: Any, github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble(kind, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(SEATS)
    assert github.requests[0].status == 0
    assert ask(SEATS).status_code == 200


@pytest.mark.parametrize("kind", ["stall", "stall-midway"])
def test_the_server_falls_silent(kind: Any, github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble(kind, times=1)
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        ask(SEATS, timeout=0.2)
    assert ask(SEATS).status_code == 200


def test_a_body_may_only_trickle(github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble("drip", seconds=0.2)
    started = time.perf_counter()
    assert len(ask(SEATS).json()["seats"]) == 100
    assert time.perf_counter() - started >= 0.2


def test_a_write_that_was_reset_never_happened_but_one_cut_in_its_answer_did(
    octo: Organization, github: FakeGitHub, ask: Asking
) -> None:
    path, body = "/orgs/octo/copilot/billing/selected_users", {"selected_usernames": ["u1"]}
    for kind, happened in (("reset", False), ("reset-midway", True)):
        github.trouble = Trouble(kind, times=1)  # type: ignore[arg-type]
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            ask(path, "DELETE", json=body)
        assert (octo.seats[1]["pending_cancellation_date"] is not None) == happened


def read_all(ask: Asking) -> tuple[set[int], list[str]]:
    pages = [ask(f"{SEATS}&page={number}").json() for number in (1, 2, 3)]
    logins = [row["assignee"]["login"] for page in pages for row in page["seats"]]
    return {page["total_seats"] for page in pages}, logins


@pytest.mark.parametrize(("kind", "totals"), [("shift", {250, 249}), ("shift-join", {250, 251})])
def test_a_roster_that_shifts_tells_another_total(
    kind: Any, totals: set[int], github: FakeGitHub, ask: Asking
) -> None:
    github.trouble = Trouble(kind, where=lambda request: request.query["page"] == "2")
    assert read_all(ask)[0] == totals


def test_a_swap_keeps_the_total_but_loses_somebody(github: FakeGitHub, ask: Asking) -> None:
    """One left, one joined while the second page was read: everybody after them moved up by one."""
    github.trouble = Trouble("shift-swap", where=lambda request: request.query["page"] == "2")
    totals, logins = read_all(ask)
    assert totals == {250}
    assert len(set(logins)) == 249
    assert "u100" not in logins
    github.trouble = None
    assert len(set(read_all(ask)[1])) == 250


def test_a_roster_may_be_empty_for_once(github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble("empty-roster", times=1)
    assert ask("/orgs/octo/members").json()
    assert ask(SEATS).json() == {"total_seats": 0, "seats": []}
    github.trouble = Trouble("empty-roster", where=lambda request: request.path.endswith("/members"))
    assert ask("/orgs/octo/members").json() == []


def test_next_may_lead_nowhere(github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble("endless-next")
    answer = ask(SEATS)
    assert answer.links["next"]["url"] == answer.url
    github.trouble = Trouble("foreign-next")
    assert ask(SEATS).links["next"]["url"].startswith("https://elsewhere.example/")


def test_a_redirect_leads_to_the_answer(github: FakeGitHub, ask: Asking) -> None:
    github.trouble = Trouble("redirect")
    moved = ask(SEATS)
    assert moved.status_code == 307
    assert ask(moved.headers["Location"].removeprefix(github.url)).json()["total_seats"] == 250


def test_a_test_may_change_the_world_between_two_pages(
    octo: Organization, github: FakeGitHub, ask: Asking
) -> None:
    def leave(request: Request) -> None:
        if request.query.get("page") == "2":
            del octo.seats[0]

    github.before_answer = leave
    assert read_all(ask)[0] == {250, 249}


def test_report_files_meet_trouble_too(octo: Organization, github: FakeGitHub, ask: Asking) -> None:
    octo.reports["users-1-day", "2026-11-18"] = [b"0123456789"]
    link = ask("/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-11-18").json()["download_links"][0]
    github.trouble = Trouble("half-file")
    assert requests.get(link, timeout=5).content == b"01234"
    github.trouble = Trouble("503", retry_after=1)
    assert requests.get(link, timeout=5).headers["Retry-After"] == "1"
    github.trouble = Trouble("truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(link, timeout=5)
    github.trouble = Trouble("429")
    assert requests.get(link, timeout=5).status_code == 200
    assert [request.trouble for request in github.report_requests] == ["half-file", "503", "truncated", ""]


def _asked(path: str, **query: str) -> Request:
    return Request("GET", path, query, set(), True, datetime(2026, 11, 20, tzinfo=UTC))


def struck(trouble: Trouble, order: list[int]) -> set[int]:
    return {number for number in order if trouble.strikes(_asked("/orgs/octo", page=str(number)))}


def test_the_same_seed_strikes_the_same_requests_in_any_order() -> None:
    numbers = list(range(300))
    first = struck(Trouble("502", rate=0.3, seed=4), numbers)
    assert first == struck(Trouble("502", rate=0.3, seed=4), numbers[::-1])
    assert first != struck(Trouble("502", rate=0.3, seed=5), numbers)
    assert 60 < len(first) < 120


def test_a_retry_throws_the_dice_again() -> None:
    trouble = Trouble("502", rate=0.3, seed=1)
    outcomes = [trouble.strikes(_asked("/orgs/octo")) for _ in range(50)]
    assert {True, False} == set(outcomes)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of trouble"):
        Trouble("gremlins")  # type: ignore[arg-type]


def test_several_troubles_may_be_about(github: FakeGitHub, ask: Asking) -> None:
    github.trouble = [Trouble("500", times=1), Trouble("502", times=1)]
    assert [ask(SEATS).status_code for _ in range(3)] == [500, 502, 200]


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_closes_whatever_it_was_doing(kind: Any, state: State) -> None:
    before = threading.active_count()
    with FakeGitHub(state) as github:
        github.trouble = Trouble(kind)

        def knock() -> None:
            with requests.Session() as session, contextlib.suppress(requests.RequestException):
                session.get(github.url + SEATS, headers={"Authorization": "Bearer t0ken"}, timeout=5)

        visitor = threading.Thread(target=knock)
        visitor.start()
        while not github.requests:
            time.sleep(0.001)
    visitor.join(5)
    assert not visitor.is_alive()
    assert threading.active_count() == before


def test_a_server_may_fail_after_it_has_done_what_was_asked(
    github: FakeGitHub, octo: Organization, ask: Asking
) -> None:
    github.trouble = Trouble("500-late", times=1)
    answer = ask("/orgs/octo/copilot/billing/selected_users", "DELETE", json={"selected_usernames": ["u1"]})
    assert answer.status_code == 500
    assert octo.seats[1]["pending_cancellation_date"] == "2026-12-01"
