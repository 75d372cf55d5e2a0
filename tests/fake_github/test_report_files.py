"""Reports: links, parts, forms, and a file host that wants no token."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
import requests

from tests.fake_github import FakeGitHub, Organization, Report, State, Trouble
from tests.fake_github.conftest import Asking

USERS = "/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-11-18"
LATEST = "/orgs/octo/copilot/metrics/reports/users-28-day/latest"
DAY = "2026-11-18"


def fetched(links: list[str]) -> list[bytes]:
    answers = [requests.get(link, timeout=5) for link in links]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content for answer in answers]


def test_a_report_has_as_many_links_as_parts(octo: Organization, ask: Asking) -> None:
    octo.reports["users-1-day", DAY] = [[{"user_id": 1}, {"user_id": 2}], [{"user_id": 3}], b"as it is"]
    body = ask(USERS).json()
    assert body["report_day"] == DAY
    assert fetched(body["download_links"]) == [
        b'{"user_id":1}\n{"user_id":2}\n',
        b'{"user_id":3}\n',
        b"as it is",
    ]


def test_files_lie_on_another_origin(octo: Organization, github: FakeGitHub, ask: Asking) -> None:
    octo.reports["users-1-day", DAY] = [[{}]]
    link = ask(USERS).json()["download_links"][0]
    assert link.startswith(github.files_url + "/")
    assert github.files_url not in (github.url, "")
    assert github.signed_urls == [link]


def test_a_token_is_refused_and_noted(octo: Organization, github: FakeGitHub, ask: Asking) -> None:
    octo.reports["users-1-day", DAY] = [[{}]]
    link = ask(USERS).json()["download_links"][0]
    answer = requests.get(link, headers={"Authorization": "Bearer t0ken"}, timeout=5)
    assert answer.status_code == 400
    assert len(github.leaks) == 1


def test_links_expire_and_cannot_be_made_up(octo: Organization, ask: Asking, clock: Any) -> None:
    octo.reports["users-1-day", DAY] = [[{}]]
    link = ask(USERS).json()["download_links"][0]
    assert requests.get(link[:-1] + "x", timeout=5).status_code == 403
    assert requests.get(link.partition("?")[0], timeout=5).status_code == 403
    clock.shift(601)
    assert requests.get(link, timeout=5).status_code == 403
    assert fetched(ask(USERS).json()["download_links"])


def test_an_expired_link_is_good_again_when_asked_anew(
    octo: Organization, github: FakeGitHub, ask: Asking
) -> None:
    octo.reports["users-1-day", DAY] = [[{}]]
    github.trouble = Trouble("expired-link", times=1)
    assert requests.get(ask(USERS).json()["download_links"][0], timeout=5).status_code == 403
    assert requests.get(ask(USERS).json()["download_links"][0], timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("no_report", "status"), [(204, 204), (404, 404), ("empty", 200)], ids=["204", "404", "no links"]
)
def test_a_missing_report_is_told_in_one_of_three_ways(
    no_report: Any, status: int, octo: Organization, ask: Asking
) -> None:
    octo.no_report = no_report
    answer = ask(USERS)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"download_links": [], "report_day": DAY}


def test_an_enterprise_answers_without_links(ask: Asking) -> None:
    path = "/enterprises/big/copilot/metrics/reports/users-1-day?day=2026-11-18"
    assert ask(path).json()["download_links"] == []


@pytest.mark.parametrize(
    ("name", "day", "status"),
    [
        ("users-1-day", "2026-11-20", 404),
        ("users-1-day", "2025-12-11", 404),
        ("users-1-day", "2025-12-12", 204),
        ("user-teams-1-day", "2026-05-13", 404),
        ("user-teams-1-day", "2026-05-14", 204),
        ("repos-1-day", "2026-07-16", 404),
    ],
)
def test_history_has_a_beginning(name: str, day: str, status: int, ask: Asking) -> None:
    assert ask(f"/orgs/octo/copilot/metrics/reports/{name}?day={day}").status_code == status


@pytest.mark.parametrize("day", ["", "2026-11", "2026-13-01", "20261101", "yesterday"])
def test_a_day_must_be_one(day: str, ask: Asking) -> None:
    assert ask(f"/orgs/octo/copilot/metrics/reports/users-1-day?day={day}").status_code == 422


def test_the_latest_report_spans_28_days(octo: Organization, ask: Asking) -> None:
    assert ask(LATEST).status_code == 404
    octo.reports["users-28-day", "latest"] = [[{}]]
    body = ask(LATEST).json()
    assert (body["report_start_day"], body["report_end_day"]) == ("2026-10-22", "2026-11-18")
    octo.reports["users-28-day", "latest"] = Report([[{}]], end_day=date(2026, 11, 10))
    body = ask(LATEST).json()
    first, last = (date.fromisoformat(body[f"report_{end}_day"]) for end in ("start", "end"))
    assert (last, last - first) == (date(2026, 11, 10), timedelta(days=27))


def test_files_come_in_every_form_seen_in_the_wild(octo: Organization, ask: Asking) -> None:
    records = [{"user_id": 1}, {"user_id": 2}]
    plain = b'{"user_id":1}\n{"user_id":2}\n'

    def content(form: Any) -> bytes:
        octo.reports["users-1-day", DAY] = Report([records], form=form)
        return fetched(ask(USERS).json()["download_links"])[0]

    assert content("ndjson") == plain
    assert msgspec.json.decode(content("array")) == records
    assert gzip.decompress(content("gzip")) == plain
    assert content("content-encoding") == plain  # the HTTP library has unpacked it
    assert content("bom-crlf") == b'\xef\xbb\xbf{"user_id":1}\r\n{"user_id":2}'
    assert b"\n" in content("pretty").rstrip()


def test_a_part_may_be_made_when_it_is_fetched(octo: Organization, ask: Asking, state: State) -> None:
    octo.reports["users-1-day", DAY] = Report([lambda: b"made now"])
    assert fetched(ask(USERS).json()["download_links"]) == [b"made now"]
