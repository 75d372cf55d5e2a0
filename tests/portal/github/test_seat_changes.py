"""Giving seats and taking them back: one request each, and what its answer tells."""

from __future__ import annotations

from typing import Any

import pytest

from portal.github import transport
from portal.github.auth import Target
from portal.github.client import GitHub, SeatChange, selected_users
from portal.github.errors import RateLimited, ServerTrouble, Unprocessable
from tests.fake_github import FakeGitHub, Organization, Trouble
from tests.portal.github.conftest import CORP, OCTO, MakeClient
from tests.portal.github.scripted import Scripted, reply


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second between two writes is specified elsewhere."""
    monkeypatch.setattr(transport, "_BETWEEN_WRITES", 0.0)


@pytest.mark.parametrize("target", [OCTO, CORP])
def test_seats_are_taken_back_and_given_by_name(
    client: GitHub, fake: FakeGitHub, target: Target, no_pause: None
) -> None:
    client.create_seats(target, ["user-001"])
    fake.forget()
    cancelled = client.cancel_seats(target, ["user-001", "USER-002"])
    created = client.create_seats(target, ["user-001"])
    by_name = 2 if target == OCTO else 1  # the enterprise itself gave user-002 no seat
    assert (cancelled, created) == (SeatChange(by_name, 200), SeatChange(1, 201))
    assert [(one.method, one.path) for one in fake.requests] == [
        ("DELETE", selected_users(target)),
        ("POST", selected_users(target)),
    ]
    assert fake.requests[0].body == {"selected_usernames": ["user-001", "USER-002"]}


@pytest.mark.parametrize("call", ["cancel_seats", "create_seats"])
def test_nobody_is_nothing_to_ask_for(client: GitHub, fake: FakeGitHub, call: str) -> None:
    with pytest.raises(ValueError, match="no names"):
        getattr(client, call)(OCTO, [])
    assert fake.requests == []


@pytest.mark.parametrize("kind", ["500", "500-late", "reset", "reset-midway", "truncated", "html", "429"])
def test_a_change_of_seats_is_never_repeated(make_client: MakeClient, fake: FakeGitHub, kind: Any) -> None:
    fake.trouble = Trouble(kind, retry_after=0 if kind == "429" else None)
    with pytest.raises((ServerTrouble, RateLimited)):
        make_client(patience=5).cancel_seats(OCTO, ["user-001"])
    assert len(fake.requests) == 1


@pytest.mark.parametrize("words", ["The user cannot be changed.", ""])
def test_a_refused_change_tells_its_status_and_the_words(
    client: GitHub, octo: Organization, words: str
) -> None:
    octo.stubborn, octo.refusal = {"user-001"}, words
    with pytest.raises(Unprocessable) as caught:
        client.cancel_seats(OCTO, ["user-001"])
    assert (caught.value.status, caught.value.said) == (422, words)


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b"", None),
        (b"{}", None),
        (b"[]", None),
        (b"none of it", None),
        (b'{"seats_cancelled": "2"}', None),
        (b'{"seats_cancelled": true}', None),
        (b'{"seats_cancelled": -1}', None),
        (b'{"seats_cancelled": 0, "more": 1}', 0),
    ],
)
def test_an_answer_that_tells_no_number_tells_none(
    make_client: MakeClient, body: bytes, changed: int | None
) -> None:
    with Scripted(reply(body)) as server:
        change = make_client(url=server.url).cancel_seats(OCTO, ["user-001"])
    assert (change.changed, change.status) == (changed, 200)


def test_an_asynchronous_answer_is_told_in_its_words(make_client: MakeClient) -> None:
    with Scripted(reply(b'{"message": "It is being done."}', "202 Accepted")) as server:
        change = make_client(url=server.url).cancel_seats(OCTO, ["user-001"])
    assert change == SeatChange(None, 202, "It is being done.")
