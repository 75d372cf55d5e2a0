"""Mails over a real connection: what the mail server refuses is recorded in plain words, and tried again."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest

from portal.models import AuditEntry
from seats.models import GitHubUser, Notice, SeatReview
from seats.reclaim import notify
from tests.seats.reclaim.mail_server import mail_server, sending_to
from tests.seats.reclaim.telling import flagged, idle, notice_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_many_mails_go_out_in_one_conversation() -> None:
    flagged(idle(1, "ann", assignee_name="Ann Müller"), idle(2, "bob"))
    with mail_server() as server:
        assert notify.notify().sent == 2
    assert server.conversations == 1
    assert [one["to"] for one in server.mails] == ["ann@example.com", "bob@example.com"]
    text = server.mails[0].get_content()
    assert "Hello Ann Müller," in text
    assert "http://127.0.0.1:8000/still-needed/?key=" in text
    assert server.mails[0]["Auto-Submitted"] == "auto-generated"


def test_a_refused_address_is_tried_three_times_and_then_left() -> None:
    [review] = flagged(idle(1, "ann"))
    with mail_server() as server:
        server.answers["RCPT"] = "550 5.1.1 <ann@example.com> is unknown here"
        assert [notify.notify().failed for _ in range(5)] == [1, 1, 1, 0, 0]
    assert server.conversations == 3
    review.refresh_from_db()
    notice = notice_of(review)
    assert (review.state, notice.state, notice.attempts) == ("flagged", "failed", 3)
    # Neither the address nor what else the server said is shown to whoever reads the list.
    assert notice.error == "The mail server does not take mail for this address (550)."


def test_a_new_address_is_tried_anew() -> None:
    [review] = flagged(idle(1, "ann"))
    Notice.objects.create(
        review=review, user=review.seat.user, once_key=f"review:{review.pk}", state="failed", attempts=3,
        recipient="ann@example.com",
    )  # fmt: skip
    GitHubUser.objects.update(contact_email="ann@home.example.com")
    with mail_server() as server:
        assert notify.notify().sent == 1
    assert server.mails[0]["to"] == "ann@home.example.com"


def test_a_mail_refused_once_goes_out_with_the_next_round() -> None:
    [review] = flagged(idle(1, "ann"))
    with mail_server() as server:
        server.answers["DATA"] = "451 4.7.1 come back later"
        assert notify.notify().failed == 1
        del server.answers["DATA"]
        assert notify.notify().sent == 1
    notice = notice_of(review)
    assert (notice.state, notice.attempts, notice.error) == ("sent", 2, "")
    assert len(server.mails) == 1


def test_one_refused_mail_keeps_no_other_back() -> None:
    flagged(idle(1, "ann", assignee_email="not an address\nbcc: x@example.com"), idle(2, "bob"))
    with mail_server() as server:
        tally = notify.notify()
    assert (tally.sent, tally.failed) == (1, 1)
    assert [one["to"] for one in server.mails] == ["bob@example.com"]
    assert "cannot be written in a mail" in Notice.objects.get(state="failed").error


def test_a_server_that_cannot_be_reached_costs_no_attempt_and_ends_the_round() -> None:
    reviews = flagged(idle(1, "ann"), idle(2, "bob"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with sending_to(port):
        tally = notify.notify()
    assert (tally.sent, tally.failed) == (0, 2)
    assert "look at EMAIL_URL" in tally.trouble
    for review in reviews:
        notice = notice_of(review)
        assert (notice.state, notice.attempts, notice.error) == ("failed", 0, tally.trouble)
    with mail_server() as server:
        assert notify.notify().sent == 2
    assert len(server.mails) == 2


def test_neither_log_nor_audit_nor_row_has_the_link_or_the_password(
    caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    flagged(idle(1, "ann"), idle(2, "bob"))
    with mail_server() as server:
        assert notify.notify().sent == 2
        server.answers["MAIL"] = "553 5.7.1 you may not"
        SeatReview.objects.update(state="flagged")
        Notice.objects.update(state="queued", sent_at=None)
        assert "DEFAULT_FROM_EMAIL (553)" in notify.notify().trouble
    keys = [one.get_content().partition("?key=")[2].split()[0] for one in server.mails]
    assert len(keys) == 2
    written = [
        caplog.text,
        *(str(one) for one in Notice.objects.values_list()),
        *(str(one) for one in SeatReview.objects.values_list()),
        *(str(one) for one in AuditEntry.objects.values_list()),
    ]
    assert [text for text in written for key in keys if key in text] == []
    assert "{{ link }}" in Notice.objects.all()[0].body
