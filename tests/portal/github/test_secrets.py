"""No token and no signed link turns up anywhere: not in logs at DEBUG, not in errors, nor behind them."""

from __future__ import annotations

import logging.config
import traceback
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.github.auth import AppAuth, InstallationTokens, TokenAuth
from portal.github.client import GitHub
from portal.github.errors import GitHubError
from tests.fake_github import FakeGitHub, Organization, State, Trouble
from tests.fake_github.trouble import KINDS
from tests.portal.github.conftest import OCTO, TOKEN, MakeClient
from tests.portal.github.scripted import Scripted


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As with LOG_LEVEL=DEBUG, and with the loggers of the libraries wide open."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)


def everything_behind(error: BaseException) -> str:
    """The error, its traceback as a log would show it, and all that hangs on it."""
    shown: list[str] = []
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is None:
            continue
        shown += [str(one), repr(one), repr(one.args), repr(vars(one)), *traceback.format_exception(one)]
        queue += [one.__cause__, one.__context__]
        assert type(one).__module__.startswith(("portal.", "builtins")), f"{type(one)} left the client"
    return "\n".join(shown)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join([caplog.text, *(repr(record.__dict__) for record in caplog.records)])


def signatures(fake: FakeGitHub) -> list[str]:
    return [url.partition("sig=")[2] for url in fake.signed_urls]


@pytest.mark.parametrize("kind", ["", *KINDS])
def test_nothing_leaks_whatever_happens(
    make_client: MakeClient,
    fake: FakeGitHub,
    report_day: date,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: Any,
) -> None:
    client = make_client(retries=0, timeouts=(5, 1.5))
    report = client.report(OCTO, "users-1-day", report_day)
    assert report is not None
    fake.trouble = Trouble(kind, seconds=0.1 if kind == "drip" else 2) if kind else None
    shown = [repr(client), repr(report)]
    for work in (lambda: client.seats(OCTO), lambda: client.download(report, tmp_path)):
        try:
            work()
        except GitHubError as error:
            shown.append(everything_behind(error))
    everything = "\n".join([*shown, logged(caplog)])
    assert TOKEN not in everything
    assert signatures(fake)
    assert not [one for one in [*signatures(fake), "sig=", "/files/"] if one in everything]


def test_the_loggers_of_the_library_stay_silent_also_when_they_are_set_up_again(
    make_client: MakeClient, report_day: date, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "incremental": False,
            "loggers": {"urllib3": {"level": "DEBUG"}, "urllib3.connectionpool": {"level": "DEBUG"}},
        }
    )
    client = make_client()
    report = client.report(OCTO, "users-1-day", report_day)
    assert report is not None
    client.download(report, tmp_path)
    assert "/orgs/" not in caplog.text
    assert "sig=" not in caplog.text


def test_a_warning_of_the_library_is_told_without_its_address(caplog: pytest.LogCaptureFixture) -> None:
    """Broken headers are a warning with the whole address in it."""
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nbroken header line\r\nX: y\r\n\r\n{}"
    with Scripted([broken]) as server, GitHub(server.url, TokenAuth(TOKEN), retries=0) as client:
        client.call("GET", "/orgs/octo", params={"sig": "s3cret"})
    assert "s3cret" not in logged(caplog)
    assert "/orgs/octo" not in logged(caplog)


def test_an_apps_tokens_and_key_are_not_shown_either(
    make_client: MakeClient,
    fake: FakeGitHub,
    state: State,
    octo: Organization,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = state.app()
    app.install(octo)
    auth = AppAuth(fake.url, app.id, app.private_key, target=OCTO, tokens=InstallationTokens())
    client = make_client(auth=auth, retries=1)
    client.seats(OCTO)
    shown = []
    for kind in ("401", "500", "reset"):
        fake.trouble = Trouble(kind)
        with pytest.raises(GitHubError) as caught:
            client.seats(OCTO)
        shown.append(everything_behind(caught.value))
    everything = "\n".join([*shown, logged(caplog)])
    issued = [value for value in state.tokens if value.startswith("ghs_")]
    assert issued
    assert not [one for one in [*issued, app.private_key.splitlines()[1], "eyJ"] if one in everything]


def test_a_proxys_password_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Scripted([b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pa55word@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pa55word@127.0.0.1:{proxy.port}")
        for url in ("http://github.example", "https://github.example"):
            with (
                GitHub(url, TokenAuth(TOKEN), retries=0) as client,
                pytest.raises(GitHubError, match="login") as caught,
            ):
                client.seats(OCTO)
            assert "pa55word" not in everything_behind(caught.value)
    assert "pa55word" not in logged(caplog)
