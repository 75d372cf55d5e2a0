"""Whatever goes wrong, at any request: the right answer in the end, or an error in plain words."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.github.auth import TokenAuth
from portal.github.client import GitHub
from portal.github.errors import (
    BadCredentials,
    GitHubError,
    RateLimited,
    ServerTrouble,
    UnexpectedReply,
)
from tests.fake_github import FakeGitHub, Organization, Trouble, seat
from tests.fake_github.trouble import is_seat_page
from tests.portal.github.conftest import OCTO, TOKEN, MakeClient
from tests.portal.github.scripted import Scripted, dripping, reply, wait_until

PASSING = ["500", "502", "503", "reset", "reset-midway", "truncated", "html", "redirect"]
GOOD = reply(b'{"total_seats":0,"seats":[]}')


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.mark.parametrize("kind", [*PASSING, "all of them"])
@pytest.mark.parametrize("seed", [1, *map(slow, range(2, 12))])
def test_trouble_that_passes_leaves_no_trace(
    make_client: MakeClient,
    fake: FakeGitHub,
    octo: Organization,
    report_day: date,
    tmp_path: Path,
    kind: Any,
    seed: int,
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(750))
    client = make_client()
    client.rate_limit()
    kinds = [kind] if kind in PASSING else PASSING
    # Which requests the dice hit depends on their addresses, and so on today's date: one is hit in any case.
    first = Trouble(kinds[0], times=1, where=is_seat_page)
    fake.trouble = [first, *(Trouble(one, rate=0.3 / len(kinds), seed=seed) for one in kinds)]
    seats = client.seats(OCTO)
    report = client.report(OCTO, "users-1-day", report_day)
    assert report is not None
    parts = client.download(report, tmp_path)
    assert [one.assignee_login for one in seats.seats] == [one["assignee"]["login"] for one in octo.seats]
    assert seats.is_complete
    assert sum(path.read_bytes().count(b"\n") for path in parts) == 3
    assert first.met == 1
    assert fake.leaks == []


@pytest.mark.parametrize("kind", ["stall", "stall-midway"])
def test_silence_is_not_waited_for(make_client: MakeClient, fake: FakeGitHub, kind: Any) -> None:
    fake.trouble = Trouble(kind, times=1, seconds=30)
    assert make_client(timeouts=(5, 0.4)).seats(OCTO).is_complete


@pytest.mark.parametrize(
    ("kind", "retry_after"),
    [
        ("429", 1),
        ("429", None),
        slow("429-primary", 1),
        slow("429-primary", None),
        slow("403-primary", 1),
        ("403-primary", None),
        slow("403-secondary", 1),
        ("403-secondary", None),
    ],
)
def test_a_limit_is_waited_for_and_nothing_comes_too_early(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization, kind: Any, retry_after: int | None
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(750))
    fake.trouble = Trouble(kind, times=1, retry_after=retry_after, rate=0.5, seed=3)
    client = make_client(patience=3)
    says_when = retry_after is not None or "primary" in kind
    if says_when:
        assert client.seats(OCTO).is_complete
    else:
        with pytest.raises(RateLimited) as caught:
            client.seats(OCTO)
        wait = caught.value.until - datetime.now(UTC)
        assert timedelta(seconds=55) < wait <= timedelta(seconds=61)
    assert fake.trouble.met > 0
    assert fake.too_early == []


@pytest.mark.parametrize("kind", ["429", "429-primary", "403-primary", "403-secondary"])
def test_without_patience_a_limit_ends_the_work_at_once(
    make_client: MakeClient, fake: FakeGitHub, kind: Any
) -> None:
    fake.trouble = Trouble(kind, retry_after=40)
    client = make_client()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            client.seats(OCTO)
        assert caught.value.secondary == ("primary" not in kind)
    assert len(fake.requests) == 1, "the second and third time nothing was sent"
    assert time.monotonic() - began < 30


def test_a_limit_that_never_ends_is_given_up(make_client: MakeClient, fake: FakeGitHub) -> None:
    fake.trouble = Trouble("429", retry_after=0)
    with pytest.raises(RateLimited):
        make_client(patience=5, retries=3).seats(OCTO)
    assert len(fake.requests) == 4


def test_the_hours_allowance_ends_by_itself(make_client: MakeClient, fake: FakeGitHub, state: Any) -> None:
    state.tokens[TOKEN].limit = 2
    with pytest.raises(RateLimited, match="allowance") as caught:
        make_client().seats(OCTO)
    assert caught.value.until > datetime.now(UTC) + timedelta(minutes=55)
    assert len(fake.requests) <= 3


def test_requests_may_be_left_to_others(make_client: MakeClient, fake: FakeGitHub, state: Any) -> None:
    state.tokens[TOKEN].limit = 10
    client = make_client(keep_back=2)
    for page in range(1, 10):
        client.call("GET", "/orgs/octo/members", params={"page": page})
    with pytest.raises(RateLimited, match="kept for more urgent work"):
        client.organization("octo")
    assert len(fake.requests) == 9


def test_a_token_refused_midway_stops_every_thread(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(4000))
    fake.latency = 0.005
    fake.trouble = Trouble("401", where=lambda request: int(request.query.get("page", 1)) >= 3)
    with pytest.raises(BadCredentials, match="expired, was revoked or is not whole"):
        make_client().seats(OCTO)
    time.sleep(0.05)
    assert len(fake.requests) < 12


def test_a_server_that_stays_down_is_given_up_in_words(make_client: MakeClient, fake: FakeGitHub) -> None:
    fake.trouble = Trouble("502")
    with pytest.raises(ServerTrouble, match=r"answered 502, 5 times in a row .*githubstatus"):
        make_client(retries=4).seats(OCTO)
    assert len(fake.requests) == 5


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    make_client: MakeClient, fake: FakeGitHub
) -> None:
    fake.trouble = Trouble("503", retry_after=1, times=1)
    began = time.monotonic()
    assert make_client().seats(OCTO).is_complete
    assert time.monotonic() - began >= 1
    fake.trouble = Trouble("503", retry_after=600)
    client, fake.requests[:] = make_client(), []
    for _ in range(2):
        with pytest.raises(RateLimited, match="asks to be left alone") as caught:
            client.seats(OCTO)
        assert caught.value.until > datetime.now(UTC) + timedelta(seconds=590)
    assert len(fake.requests) == 1


def test_a_busy_server_is_left_alone_by_every_thread(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(2000))
    fake.latency = 0.01
    fake.trouble = Trouble(
        "503", retry_after=1, times=1, where=lambda request: request.query.get("page") == "5"
    )
    assert make_client().seats(OCTO).is_complete
    [refused] = [request.at for request in fake.requests if request.status == 503]
    waiting = timedelta(seconds=0.4), timedelta(seconds=0.99)
    assert not [one for one in fake.requests if waiting[0] < one.at - refused < waiting[1]]


def test_a_minute_sees_no_more_requests_than_github_allows(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.github.limits.MOST_IN_A_WINDOW", 10)
    monkeypatch.setattr("portal.github.limits.WINDOW", 0.4)
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(2250))
    assert make_client().seats(OCTO).is_complete
    times = [request.at for request in fake.requests]
    assert len(times) == 25
    assert all(
        later - earlier > timedelta(seconds=0.35) for earlier, later in zip(times, times[10:], strict=False)
    )


def test_waits_between_tries_double_and_differ(make_client: MakeClient) -> None:
    transport = make_client(backoff=0.5)._transport
    for number, longest in ((1, 0.5), (2, 1), (3, 2), (4, 4), (12, 30)):
        waits = {transport.backoff(number) for _ in range(20)}
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(waits) > 1


def test_an_address_that_answers_with_web_pages_is_told_soon() -> None:
    page = reply(b"<!DOCTYPE html><html></html>", Content_Type="text/html")
    with (
        Scripted(page) as server,
        _client(server.url) as client,
        pytest.raises(UnexpectedReply, match="a web page"),
    ):
        client.seats(OCTO)
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "400 Bad Request"])
def test_a_refusal_by_something_that_is_not_github_is_told(status: str) -> None:
    page = reply(b"<html>blocked by your company</html>", status, Content_Type="text/html")
    with (
        Scripted(page) as server,
        _client(server.url) as client,
        pytest.raises(UnexpectedReply, match="proxy"),
    ):
        client.seats(OCTO)


def test_a_host_that_refuses_connections_is_told_soon() -> None:
    with Scripted(GOOD) as server:
        url = server.url
    with (
        _client(url, retries=8) as client,
        pytest.raises(ServerTrouble, match="refuses the connection, 3 times"),
    ):
        client.seats(OCTO)


def test_a_host_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def nobody(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with (
        _client("https://api.no-such-host.ghe.com") as client,
        pytest.raises(ServerTrouble, match="its name cannot be found"),
    ):
        client.seats(OCTO)


@pytest.mark.parametrize(
    "url", ["", "api.github.com", "ftp://x/", "https://a b/", "https://x/?y=z", "https://u:p@x/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(GitHubError, match="address of GitHub's API"):
        _client(url)


@pytest.mark.parametrize("port", ["8443", "x"])
def test_another_port_is_another_address(port: str) -> None:
    if port.isdigit():
        _client(f"https://github.example:{port}/api/v3/").close()
    else:
        with pytest.raises(GitHubError):
            _client(f"https://github.example:{port}/")


# --- Bodies and headers at their own pace -------------------------------------------------------


def _client(url: str, **options: Any) -> GitHub:
    quick: dict[str, Any] = {"backoff": 0.005, "timeouts": (1, 0.5), "total_timeout": 0.6, "retries": 2}
    return GitHub(url, TokenAuth("t0ken"), **(quick | options))


def test_a_body_that_drips_has_an_end() -> None:
    [whole] = GOOD
    assert isinstance(whole, bytes)
    head, _, body = whole.partition(b"\r\n\r\n")
    slow = [head + b"\r\n\r\n", *dripping(body * 100, 0.05)]
    began = time.monotonic()
    with (
        Scripted(slow) as server,
        _client(server.url, retries=1) as client,
        pytest.raises(ServerTrouble, match="took too long"),
    ):
        client.seats(OCTO)
    assert 1.1 < time.monotonic() - began < 30


def test_headers_that_drip_have_an_end() -> None:
    slow = [b"HTTP/1.1 200 OK\r\nX-Long: ", *dripping(b"a" * 1000, 0.05)]
    began = time.monotonic()
    with (
        Scripted(slow) as server,
        _client(server.url, retries=0) as client,
        pytest.raises(ServerTrouble, match="took too long"),
    ):
        client.seats(OCTO)
    assert time.monotonic() - began < 30


def test_a_large_answer_at_a_fair_pace_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.github.wire.SLOWEST", 1000)
    body = b'{"total_seats":0,"seats":[],"rest":"' + b"x" * 2000 + b'"}'
    pieces: list[bytes | float] = [f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()]
    for start in range(0, len(body), 200):
        pieces += [body[start : start + 200], 0.05]
    with Scripted(pieces) as server, _client(server.url, retries=0, total_timeout=0.3) as client:
        assert client.seats(OCTO).is_complete


CUT_SHORT = {
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "a chunk missing": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"sea\r\n',
    "a chunk cut": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"s',
    "a chunk wrong": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "JSON cut": b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"total_seats":1,"seats":[',
    "gzip cut": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b\x08\x00\x00",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    "the head cut": b"HTTP/1.1 200",
    "no HTTP": b"garbage\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("broken", CUT_SHORT.values(), ids=CUT_SHORT)
def test_an_answer_cut_short_is_asked_for_again(broken: bytes) -> None:
    with Scripted([broken], GOOD, closes=True) as server, _client(server.url) as client:
        assert client.seats(OCTO).is_complete
        assert client.counted.retries == 1
        assert len(server.requests) == 2


def test_an_answer_beyond_all_measure_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.github.transport.MOST_BODY_BYTES", 1000)
    with (
        Scripted(reply(b'{"seats":[' + b" " * 5000 + b"]}")) as server,
        _client(server.url) as client,
        pytest.raises(UnexpectedReply, match="larger than 1,000 bytes"),
    ):
        client.seats(OCTO)


def test_a_connection_closed_between_two_calls_is_made_anew(client: GitHub, fake: FakeGitHub) -> None:
    client.seats(OCTO)
    fake.restart()
    assert client.seats(OCTO).is_complete


def test_packed_answers_are_unpacked(state: Any, make_client: MakeClient) -> None:
    with FakeGitHub(state, compresses=True) as packing:
        assert make_client(url=packing.url).seats(OCTO).is_complete


# --- Redirects and versions ---------------------------------------------------------------------


def test_a_redirect_on_the_same_host_is_followed(client: GitHub, fake: FakeGitHub) -> None:
    fake.trouble = Trouble("redirect")
    assert client.seats(OCTO).is_complete
    assert all(request.has_authorization for request in fake.requests)


def test_a_redirect_to_another_host_never_gets_the_token() -> None:
    with Scripted(GOOD) as other:
        moved = reply(b"", "301 Moved Permanently", Location=f"{other.url}/x")
        with (
            Scripted(moved) as server,
            _client(server.url) as client,
            pytest.raises(UnexpectedReply, match="another host"),
        ):
            client.seats(OCTO)
        assert other.requests == []


def test_redirects_without_end_are_given_up() -> None:
    with (
        Scripted(reply(b"", "302 Found", Location="/x")) as server,
        _client(server.url) as client,
        pytest.raises(UnexpectedReply, match="without end"),
    ):
        client.seats(OCTO)
    assert len(server.requests) == 6


def test_every_request_names_version_and_agent(client: GitHub, fake: FakeGitHub) -> None:
    client.seats(OCTO)
    wanted = {"accept", "authorization", "user-agent", "x-github-api-version"}
    assert all(wanted <= request.headers_seen for request in fake.requests)
    with Scripted(GOOD) as server, _client(server.url) as other:
        other.seats(OCTO)
        assert b"X-GitHub-Api-Version: 2026-03-10" in server.requests[0]


def test_a_version_that_will_be_retired_is_told_once(
    client: GitHub, state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    state.sunset["2026-03-10"] = datetime(2028, 9, 30, tzinfo=UTC)
    client.seats(OCTO)
    client.organization("octo")
    [notice] = client.counted.notices
    assert "30 Sep 2028" in notice
    assert [record.getMessage() for record in caplog.records] == [notice]


# --- Answers that have not changed --------------------------------------------------------------


def test_what_has_not_changed_costs_nothing(client: GitHub, fake: FakeGitHub, state: Any) -> None:
    first, second = client.seats(OCTO), client.seats(OCTO)
    assert second.seats == first.seats
    assert second.is_complete
    assert (client.counted.not_modified, client.counted.requests) == (3, 6)
    assert [request.status for request in fake.requests].count(304) == 3
    assert client.rate_limit().used == 3


def test_what_has_changed_is_read_anew(client: GitHub, octo: Organization) -> None:
    client.seats(OCTO)
    octo.seats.pop()
    seats = client.seats(OCTO)
    assert (seats.total, len(seats.seats)) == (249, 249)


# --- Stopping -----------------------------------------------------------------------------------


class Cancelled(Exception):
    pass


def test_work_stops_between_pages_when_asked_to(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(4000))
    fake.latency = 0.01
    asked: list[int] = []

    def should_stop() -> None:
        asked.append(threading.get_ident())
        if len(fake.requests) > 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_client(should_stop=should_stop).seats(OCTO)
    assert set(asked) == {threading.get_ident()}, "it may use the database of the caller's thread"
    assert len(fake.requests) < 20


def test_closing_wakes_threads_that_wait_for_answers(make_client: MakeClient, fake: FakeGitHub) -> None:
    client = make_client(timeouts=(1, 20), total_timeout=20)
    fake.trouble = [
        Trouble("stall", where=lambda request: request.query.get("page") == "2", seconds=30),
        Trouble("401", where=lambda request: request.query.get("page") == "3"),
    ]
    began = time.monotonic()
    with pytest.raises(BadCredentials):
        client.seats(OCTO)
    wait_until(lambda: any(request.query.get("page") == "2" for request in fake.requests))
    client.close()
    assert time.monotonic() - began < 15


def test_a_closed_client_sends_nothing(client: GitHub, fake: FakeGitHub) -> None:
    client.close()
    with pytest.raises(GitHubError, match="closed"):
        client.seats(OCTO)
    assert fake.requests == []


# --- Writes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["500", "reset", "truncated", "429"])
def test_a_write_is_never_repeated(make_client: MakeClient, fake: FakeGitHub, kind: Any) -> None:
    fake.trouble = Trouble(kind, retry_after=0)
    path, body = "/orgs/octo/copilot/billing/selected_users", {"selected_usernames": ["user-001"]}
    with pytest.raises((ServerTrouble, RateLimited)) as caught:
        make_client(patience=5).call("DELETE", path, json=body)
    assert len(fake.requests) == 1
    if kind != "429":
        assert "look before you repeat it" in str(caught.value)


def test_a_write_carries_its_body_and_gives_the_answer(
    client: GitHub, octo: Organization, fake: FakeGitHub
) -> None:
    path, body = "/orgs/octo/copilot/billing/selected_users", {"selected_usernames": ["user-001"]}
    answer = client.call("DELETE", path, json=body)
    assert (answer.status, answer.json()) == (200, {"seats_cancelled": 1})
    assert fake.requests[0].body == body
    assert sum(bool(one.get("pending_cancellation_date")) for one in octo.seats) == 1


def test_writes_go_out_at_most_one_a_second(client: GitHub) -> None:
    path, body = "/orgs/octo/copilot/billing/selected_users", {"selected_usernames": ["user-001"]}
    began = time.monotonic()
    client.call("POST", path, json=body)
    client.call("POST", path, json=body)
    assert time.monotonic() - began >= 1


def test_any_call_may_be_read(client: GitHub) -> None:
    answer = client.call("get", "/orgs/octo/members", params={"per_page": 2})
    assert answer.status == 200
    assert len(answer.json()) == 2
    assert 'rel="next"' in answer.headers["link"]
