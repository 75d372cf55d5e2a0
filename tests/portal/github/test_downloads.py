"""Report files: every part, whole or not at all, from allowed hosts, and never with a token."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.github.auth import TokenAuth
from portal.github.caching import InMemoryCache
from portal.github.client import GitHub, Report
from portal.github.errors import GitHubError, NotFound, PolicyOff, ServerTrouble, UnexpectedReply
from tests.fake_github import FakeGitHub, Organization, State, Trouble
from tests.fake_github import Report as FakeReport
from tests.portal.github.conftest import CORP, OCTO, MakeClient
from tests.portal.github.scripted import Reply, Scripted, reply

LINES = b'{"user_id":1}\n{"user_id":2}\n'


def asked(client: GitHub, day: date, name: str = "users-1-day") -> Report:
    report = client.report(OCTO, name, day)
    assert report is not None
    return report


# --- Asking -------------------------------------------------------------------------------------


def test_a_report_says_of_which_day_it_is_and_when_it_was_given(
    client: GitHub, state: State, report_day: date
) -> None:
    moment = state.now().replace(microsecond=0) - timedelta(hours=1)
    state.now = lambda: moment
    report = asked(client, report_day)
    assert (report.name, report.report_day, report.parts) == ("users-1-day", report_day, 2)
    assert report.observed_at == moment
    assert "sig=" not in repr(report)


def test_a_report_of_28_days_says_which(client: GitHub, octo: Organization, state: State) -> None:
    end = state.today - timedelta(days=2)
    octo.reports["organization-28-day", "latest"] = FakeReport([[]], end - timedelta(days=27), end)
    for name in ("organization-28-day", "organization-28-day/latest"):
        report = client.report(OCTO, name)
        assert report is not None
        assert (report.report_start_day, report.report_end_day) == (end - timedelta(days=27), end)


@pytest.mark.parametrize("no_report", [204, 404, "empty"])
@pytest.mark.parametrize("target", [OCTO, CORP], ids=["organization", "enterprise"])
def test_a_day_without_a_report_is_none_however_it_is_told(
    client: GitHub, state: State, octo: Organization, target: Any, no_report: Any
) -> None:
    octo.no_report = state.enterprises[0].no_report = no_report
    assert client.report(target, "users-1-day", state.today - timedelta(days=3)) is None
    assert client.report(target, "user-teams-1-day", state.today - timedelta(days=4)) is None


def test_an_account_that_is_not_seen_is_not_found(client: GitHub, state: State) -> None:
    state.tokens.clear()
    state.organization("other")
    state.token("narrow", accounts=["other"])
    other = GitHub(client._transport._base_url, TokenAuth("narrow"))
    with other, pytest.raises(NotFound, match="“octo”"):
        other.report(OCTO, "users-1-day", state.today - timedelta(days=3))


def test_a_report_is_asked_for_with_or_without_a_day(client: GitHub, report_day: date) -> None:
    with pytest.raises(ValueError, match="with a day"):
        client.report(OCTO, "users-1-day")
    with pytest.raises(ValueError, match="without a day"):
        client.report(OCTO, "users-28-day", report_day)


def test_reports_switched_off_are_told_as_a_policy(
    client: GitHub, octo: Organization, report_day: date
) -> None:
    octo.metrics_policy_is_on = False
    with pytest.raises(PolicyOff):
        client.report(OCTO, "users-1-day", report_day)


# --- Fetching -----------------------------------------------------------------------------------


def test_every_part_becomes_a_private_file(
    client: GitHub, fake: FakeGitHub, report_day: date, tmp_path: Path
) -> None:
    folder = tmp_path / "new"
    told: list[int] = []
    paths = client.download(asked(client, report_day), folder, told.append)
    assert [path.name for path in paths] == [
        f"organization-users-1-day-{report_day}-001.ndjson",
        f"organization-users-1-day-{report_day}-002.ndjson",
    ]
    assert [path.read_bytes().count(b"\n") for path in paths] == [2, 1]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    size = sum(path.stat().st_size for path in paths)
    assert (client.counted.downloads, client.counted.bytes, sum(told)) == (2, size, size)
    assert sorted(os.listdir(folder)) == [path.name for path in paths]  # noqa: PTH208 - hidden ones too


def test_the_file_host_never_sees_the_token(
    client: GitHub, fake: FakeGitHub, report_day: date, tmp_path: Path
) -> None:
    client.download(asked(client, report_day), tmp_path)
    assert fake.leaks == []
    headers = set().union(*(request.headers_seen for request in fake.report_requests))
    assert not headers & {"authorization", "cookie", "referer", "x-github-api-version"}


@pytest.mark.parametrize("form", ["gzip", "content-encoding"])
def test_packed_files_arrive_whole(
    client: GitHub, octo: Organization, report_day: date, tmp_path: Path, form: Any
) -> None:
    records = [{"user_id": number, "day": report_day.isoformat()} for number in range(5000)]
    octo.reports["users-1-day", report_day.isoformat()] = FakeReport([records], form=form)
    [path] = client.download(asked(client, report_day), tmp_path)
    data = path.read_bytes()
    assert (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).count(b"\n") == 5000


def test_an_expired_link_is_asked_for_again(
    client: GitHub, fake: FakeGitHub, report_day: date, tmp_path: Path
) -> None:
    report = asked(client, report_day)
    fake.trouble = Trouble("expired-link", times=1)
    assert len(client.download(report, tmp_path)) == 2
    assert len(fake.calls("GET /orgs/{org}/copilot/metrics/reports/users-1-day")) == 2


def test_links_that_were_kept_too_long_are_asked_for_again(
    client: GitHub, state: State, report_day: date, tmp_path: Path
) -> None:
    report = asked(client, report_day)
    later = state.now() + timedelta(hours=1)
    state.now = lambda: later
    assert len(client.download(report, tmp_path)) == 2
    assert report.observed_at >= later.replace(microsecond=0)


def test_links_are_not_kept(make_client: MakeClient, report_day: date) -> None:
    cache = InMemoryCache()
    client = make_client(cache=cache)
    client.organization("octo")
    asked(client, report_day)
    assert list(map(str, cache._kept)) == [client._transport.url("/orgs/octo")]


def test_links_that_are_always_refused_are_given_up(
    make_client: MakeClient, fake: FakeGitHub, report_day: date, tmp_path: Path
) -> None:
    client = make_client(retries=2)
    fake.trouble = Trouble("expired-link")
    with pytest.raises(UnexpectedReply, match="refuses every link"):
        client.download(asked(client, report_day), tmp_path)
    assert len(fake.report_requests) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_report_made_anew_is_fetched_anew(
    client: GitHub, fake: FakeGitHub, octo: Organization, report_day: date, tmp_path: Path
) -> None:
    report = asked(client, report_day)
    key = ("users-1-day", report_day.isoformat())
    octo.reports[key] = [[{"user_id": number}] for number in (7, 8, 9)]
    fake.trouble = Trouble("expired-link", where=lambda request: "part-00001" in request.path, times=1)
    paths = client.download(report, tmp_path)
    assert [path.read_bytes() for path in paths] == [b'{"user_id":%d}\n' % number for number in (7, 8, 9)]
    assert report.parts == 3


def test_a_report_taken_back_meanwhile_is_an_error(
    client: GitHub, octo: Organization, report_day: date, tmp_path: Path
) -> None:
    report = asked(client, report_day)
    octo.reports.clear()
    with pytest.raises(UnexpectedReply, match="took the report back"):
        client.download(report, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_work_that_is_stopped_leaves_no_file(
    make_client: MakeClient, fake: FakeGitHub, report_day: date, tmp_path: Path
) -> None:
    def stop(_bytes: int) -> None:
        raise KeyboardInterrupt

    client = make_client()
    with pytest.raises(KeyboardInterrupt):
        client.download(asked(client, report_day), tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


# --- A file host of any kind --------------------------------------------------------------------


Download = Callable[..., list[Path]]


@pytest.fixture
def download(tmp_path: Path) -> Download:
    """Fetch a report whose only part a scripted host answers for."""

    def fetch(
        host: Scripted, path: str = "/f?sig=s3cret", hosts: Any = ("127.0.0.1",), **options: Any
    ) -> list[Path]:
        link = f"{host.url}{path}" if path.startswith("/") else path
        body = b'{"download_links":["' + link.encode() + b'"],"report_day":"2026-11-01"}'
        quick: dict[str, Any] = {"backoff": 0.005, "timeouts": (1, 0.5), "total_timeout": 1, "retries": 2}
        with (
            Scripted(reply(body)) as api,
            GitHub(api.url, TokenAuth("t0ken"), report_hosts=hosts, **(quick | options)) as client,
        ):
            report = client.report(OCTO, "users-1-day", date(2026, 11, 1))
            assert report is not None
            return client.download(report, tmp_path)

    return fetch


@pytest.mark.parametrize(
    "broken",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + LINES],
        [b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"us"\r\n'],
        [
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
            + gzip.compress(LINES)[:-9]
        ],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + LINES, 1.0],
        reply(b"busy", "503 Busy"),
        reply(b"slow down", "429 Slow", Retry_After="0"),
        reply(b"<html></html>", Content_Type="text/html"),
    ],
    ids=["short", "chunk missing", "gzip cut", "silent", "503", "429", "web page"],
)
def test_a_file_cut_short_is_fetched_again(download: Download, broken: Reply) -> None:
    with Scripted(broken, reply(LINES), closes=True) as host:
        [path] = download(host)
    assert path.read_bytes() == LINES
    assert len(host.requests) == 2


def test_a_file_that_never_comes_whole_is_an_error_without_its_address(
    download: Download, tmp_path: Path
) -> None:
    short = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + LINES]
    with Scripted(short, closes=True) as host, pytest.raises(ServerTrouble) as caught:
        download(host)
    assert len(host.requests) == 3
    assert "before the end, 3 times in a row" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_several_gzip_members_are_one_file(download: Download) -> None:
    packed = gzip.compress(LINES) + gzip.compress(LINES) + b"\0" * 8
    with Scripted(reply(packed, Content_Encoding="gzip")) as host:
        [path] = download(host)
    assert path.read_bytes() == LINES * 2


def test_a_file_beyond_the_limit_is_refused(download: Download, tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    for answer in (reply(bomb, Content_Encoding="gzip"), reply(b"x" * 200_000)):
        with Scripted(answer) as host, pytest.raises(UnexpectedReply, match="larger than 100,000 bytes"):
            download(host, max_report_bytes=100_000)
        assert len(host.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_a_file(download: Download) -> None:
    with Scripted(reply(b"")) as host:
        assert [path.read_bytes() for path in download(host)] == [b""]


@pytest.mark.parametrize(
    "link",
    [
        "http://evil.example/f",
        "https://evil.example/f",
        "http://169.254.169.254/latest",
        "http://127.0.0.1@evil.example/f",
        "file:///etc/passwd",
        "/relative",
        "nonsense",
    ],
)
def test_a_link_to_another_host_is_not_followed(download: Download, link: str) -> None:
    hosts = ("copilot-reports.github.com",)
    with Scripted(reply(LINES)) as host, pytest.raises(UnexpectedReply, match="REPORT_HOSTS") as caught:
        download(host, link, hosts=hosts)
    assert host.requests == []
    assert "/f" not in str(caught.value)


def test_a_loopback_host_is_not_allowed_by_default(download: Download) -> None:
    with Scripted(reply(LINES)) as host, pytest.raises(UnexpectedReply, match=r"http://127\.0\.0\.1"):
        download(host, hosts=("copilot-reports.github.com",))


def test_a_redirect_stays_among_the_allowed_hosts(download: Download) -> None:
    with Scripted(reply(LINES)) as second:
        for location in ("/second?sig=x", f"{second.url}/second?sig=x"):
            with Scripted(reply(b"", "302 Found", Location=location), reply(LINES)) as host:
                [path] = download(host)
            assert path.read_bytes() == LINES
        assert second.requests[0].startswith(b"GET /second?sig=x")
    away = reply(b"", "302 Found", Location="https://evil.example/f")
    with Scripted(away) as host, pytest.raises(UnexpectedReply, match="REPORT_HOSTS"):
        download(host)
    with (
        Scripted(reply(b"", "302 Found", Location="/again")) as host,
        pytest.raises(UnexpectedReply, match="without end"),
    ):
        download(host)


def test_a_disk_that_is_full_is_told_and_not_tried_again(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> int:
        raise OSError(28, "No space left on device")

    with Scripted(reply(LINES)) as host:
        monkeypatch.setattr("portal.github.downloads.os.open", full)
        with pytest.raises(GitHubError, match="No space left on device"):
            download(host)
    assert len(host.requests) == 1


def test_a_stranger_in_the_way_of_the_file_is_not_followed(download: Download, tmp_path: Path) -> None:
    target = tmp_path.parent / "precious"
    target.write_text("precious")
    (tmp_path / ".organization-users-1-day-2026-11-01-001.ndjson.part").symlink_to(target)
    with Scripted(reply(LINES)) as host:
        [path] = download(host)
    assert path.read_bytes() == LINES
    assert target.read_text() == "precious"
