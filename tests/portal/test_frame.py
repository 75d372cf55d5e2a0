"""A page's frame is written once, and says of each request what it would say if it were written anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import Message
from django.test import Client

from portal import frame
from seats.models import Account

pytestmark = pytest.mark.django_db
PAGE = "/usage/overview/"


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    frame._frames.clear()
    Account.objects.create(kind="organization", login="acme")
    yield
    frame._frames.clear()


def read(client: Client, address: str = PAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def without_secret(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)


def test_a_frame_that_is_known_says_the_same_as_one_written_anew(olga_client: Client) -> None:
    anew = read(olga_client)
    assert len(frame._frames) == 1

    again = read(olga_client)

    assert len(frame._frames) == 1
    assert without_secret(again) == without_secret(anew)
    assert all(hole not in again for hole in frame.HOLES.values())
    secrets = [re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0] for page in (anew, again)]
    assert secrets[0] != secrets[1], "each answer has one of its own"


def test_the_secret_in_it_is_taken(db: None) -> None:
    users: Any = get_user_model()
    user = users.objects.create_superuser("olga-2")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    read(client)
    secret = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', read(client))[0]

    assert client.post("/logout/", {}).status_code == 403
    assert client.post("/logout/", {"csrfmiddlewaretoken": secret}).status_code in (200, 302)


def test_every_reader_has_their_own_name_and_their_own_way(olga_client: Client) -> None:
    read(olga_client)
    users: Any = get_user_model()
    user = users.objects.create_user("rita", email="rita@example.com", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_scopeday"))
    client = Client()
    client.force_login(user)

    page = read(client)

    assert "rita@example.com" in page
    assert "/auth/user/" not in page
    user.email = "rita@example.org"
    user.save()
    assert "rita@example.org" in read(client)
    user.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert "/auth/user/" in read(client)


def test_a_message_is_told_once(olga_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read(olga_client)
    told: list[Message] = [Message(20, "It was done.")]

    def messages(request: Any) -> Any:
        storage: Any = get_messages(request)
        while told:
            storage.add(20, str(told.pop()))
        return storage

    monkeypatch.setattr(frame, "get_messages", messages)

    assert "It was done." in read(olga_client)
    assert without_secret(read(olga_client)) == without_secret(before)
    assert not told


def test_pages_have_frames_of_their_own(olga_client: Client) -> None:
    read(olga_client)

    assert "<title> Impact" in read(olga_client, "/usage/impact/")
    assert "<title> Overview" in read(olga_client)
