"""“I still need it”: one click by whoever has the link, and nothing by whoever only opens it."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from portal.models import AuditEntry
from seats.models import GitHubUser, Notice, SeatReview
from seats.reclaim import answers, flag, links, notify
from seats.reclaim.answers import Standing
from tests.seats.reclaim.taken import take_back
from tests.seats.reclaim.telling import PAGE, flagged, idle, key_in, key_of, notice_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def review(clock: Any) -> SeatReview:
    """Ann has been told that her seat may be taken back."""
    [review] = flagged(idle(1, "ann"), keep_days=45)
    notify.notify()
    review.refresh_from_db()
    return review


@pytest.fixture
def anybody() -> Client:
    """A browser that knows nothing of the portal, and that no CSRF check is spared."""
    return Client(enforce_csrf_checks=True)


def opened(anybody: Client, key: str | None = None) -> Any:
    return anybody.get(PAGE, {"key": key or key_of("ann")})


def pressed(anybody: Client, key: str | None = None) -> Any:
    return anybody.post(PAGE, {"key": key or key_of("ann")})


def everything() -> list[Any]:
    rows = [SeatReview, Notice, AuditEntry]
    return [list(model._default_manager.order_by("pk").values()) for model in rows]


# --- Opening it -------------------------------------------------------------------------------


def test_opening_the_link_asks_and_changes_nothing(review: SeatReview, anybody: Client) -> None:
    before = everything()
    for _ in range(3):
        answer = opened(anybody)
        anybody.head(PAGE, {"key": key_of("ann")})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "Do you still need your Copilot seat?" in page
    assert "2026-11-27" in page
    assert page.count("<button") == 1
    assert everything() == before


def test_the_page_tells_nobody_else_of_the_link(review: SeatReview, anybody: Client) -> None:
    answer = opened(anybody)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not answer.cookies


# --- Pressing the button ----------------------------------------------------------------------


def test_pressing_the_button_keeps_the_seat_without_a_cookie(review: SeatReview, anybody: Client) -> None:
    answer = pressed(anybody)
    assert answer.status_code == 200
    assert "Thank you" in answer.content.decode()
    assert not answer.cookies
    review.refresh_from_db()
    assert (review.state, review.answer, review.decided_by) == ("kept", "needed", None)
    assert review.kept_until == date(2026, 11, 20) + timedelta(days=45)
    assert review.answered_at is not None
    assert review.decision == "The person answered that they still need the seat."
    assert notice_of(review).answered_at == review.answered_at
    entry = AuditEntry.objects.get(action="person answered")
    assert (entry.subject, entry.actor_name) == (f"review:{review.pk}", "portal")
    assert entry.detail == {"answer": "needed", "notice": notice_of(review).pk, "kept": True}


def test_pressing_it_again_says_the_same_and_changes_nothing(
    review: SeatReview, anybody: Client, clock: Any
) -> None:
    first = pressed(anybody).content
    before = everything()
    clock.shift(timedelta(hours=3))
    assert pressed(anybody).content == first
    assert opened(anybody).content == first
    assert everything() == before


def test_an_answer_that_comes_late_counts_while_the_seat_is_there(
    review: SeatReview, anybody: Client, clock: Any
) -> None:
    clock.shift(timedelta(days=20))
    SeatReview.objects.update(state="approved")
    assert "Thank you" in pressed(anybody).content.decode()
    review.refresh_from_db()
    assert review.state == "kept"


def test_an_answer_counts_although_the_round_died_before_it_wrote_that_it_sent_the_mail(
    review: SeatReview, anybody: Client
) -> None:
    SeatReview.objects.update(state="flagged", notified_at=None, notice_ends_on=None)
    Notice.objects.update(state="sending", sent_at=None)
    assert "2026-11-27" in opened(anybody).content.decode()
    pressed(anybody)
    review.refresh_from_db()
    assert review.state == "kept"


def test_the_next_night_flags_it_no_more(review: SeatReview, anybody: Client, clock: Any) -> None:
    pressed(anybody)
    clock.shift(timedelta(days=1))
    assert flag.review()["opened"] == 0
    clock.shift(timedelta(days=45))
    assert flag.review()["opened"] == 1


# --- When there is nothing to answer any more --------------------------------------------------


def test_an_expired_link_says_whom_to_ask(review: SeatReview, anybody: Client, clock: Any) -> None:
    clock.shift(timedelta(days=7 + links.GRACE.days))
    assert opened(anybody).status_code == 200
    clock.shift(timedelta(days=1))
    before = everything()
    for answer in (opened(anybody), pressed(anybody)):
        assert answer.status_code == 410
        assert "ask an owner of acme" in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize(
    "tamper",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key.replace("~2026-", "~2036-"),
        lambda key: key.partition("~")[0],
        lambda key: "",
        lambda key: "9" + key,
        lambda key: key + "~x",
    ],
    ids=["another signature", "a later end", "only the number", "nothing", "another notice", "too much"],
)
def test_a_link_that_was_not_made_here_does_nothing(review: SeatReview, anybody: Client, tamper: Any) -> None:
    key = tamper(key_of("ann"))
    before = everything()
    for answer in (anybody.get(PAGE, {"key": key}), anybody.post(PAGE, {"key": key})):
        assert answer.status_code == 404
        assert "leads nowhere" in answer.content.decode()
    assert everything() == before


def test_a_signed_link_of_another_random_number_does_nothing(review: SeatReview, anybody: Client) -> None:
    notice = notice_of(review)
    stale = key_of("ann")
    notice.nonce = "0" * 32
    notice.save()
    assert pressed(anybody, stale).status_code == 404


def test_a_link_answers_for_nobody_else(clock: Any, anybody: Client) -> None:
    ann, bob = flagged(idle(1, "ann"), idle(2, "bob"))
    notify.notify()
    pressed(anybody, key_of("bob"))
    ann.refresh_from_db()
    bob.refresh_from_db()
    assert (ann.state, bob.state) == ("notified", "kept")


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("kept", "is kept already"),
        ("ended", "You hold no GitHub Copilot seat in acme any more"),
        ("verified", "was taken back before your answer came"),
    ],
)
def test_a_review_closed_meanwhile_is_answered_kindly(
    review: SeatReview, anybody: Client, olga: Any, state: str, says: str
) -> None:
    SeatReview.objects.update(state=state, open_key=None, decided_by=olga)
    for answer in (opened(anybody), pressed(anybody)):
        assert answer.status_code == 200
        page = answer.content.decode()
        assert says in page
        assert "<button" not in page
    review.refresh_from_db()
    assert (review.state, review.answer) == (state, "needed")
    assert AuditEntry.objects.get(action="person answered").detail["kept"] is False


def test_whoever_came_back_to_life_and_answers_all_the_same_keeps_the_seat(
    review: SeatReview, anybody: Client
) -> None:
    """Their review closed by itself; the next one may ask nobody again."""
    SeatReview.objects.update(state="reactivated", open_key=None)
    assert "You use GitHub Copilot again" in opened(anybody).content.decode()
    pressed(anybody)
    review.refresh_from_db()
    assert (review.state, review.answer, review.kept_until) == ("kept", "needed", date(2027, 1, 4))
    flag.review()
    assert not SeatReview.objects.open().exists()


def test_an_answer_to_an_earlier_notice_holds_for_the_review_that_is_open_now(
    review: SeatReview, anybody: Client
) -> None:
    """A policy that was edited closes a review; a later one may open without a notice of its own."""
    SeatReview.objects.update(state="reactivated", open_key=None)
    flag.review()
    later = SeatReview.objects.open().get()
    assert "<button" in opened(anybody).content.decode()
    pressed(anybody)
    later.refresh_from_db()
    review.refresh_from_db()
    assert (later.state, later.answer, review.answer) == ("kept", "needed", "")
    assert AuditEntry.objects.get(action="person answered").subject == f"review:{later.pk}"


def test_a_seat_already_taken_back_is_not_given_back_by_a_click(review: SeatReview, anybody: Client) -> None:
    SeatReview.objects.update(state="revoked")
    assert "ask an owner of acme" in pressed(anybody).content.decode()
    review.refresh_from_db()
    assert (review.state, review.answer) == ("revoked", "needed")


def test_while_github_is_being_asked_the_answer_is_noted_and_decides_nothing(clock: Any) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    key = key_in(mail.outbox[0])
    SeatReview.objects.all().delete()
    [revocation] = take_back(review.seat, state="intended")
    SeatReview.objects.update(state="approved")
    notice = Notice.objects.create(
        review=revocation.review, user=review.seat.user, once_key="review:x", state="sent",
        sent_at=revocation.revoked_at,
    )  # fmt: skip
    key = links.token_of(notice, date(2026, 11, 27))
    assert answers.look(key).standing == Standing.GOING
    assert answers.answer(key).standing == Standing.GOING
    told = SeatReview.objects.get()
    assert (told.state, told.answer) == ("approved", "needed")


# --- Words and secrets ------------------------------------------------------------------------


def test_the_page_speaks_the_language_of_the_mail(clock: Any, anybody: Client) -> None:
    flagged(idle(1, "ann"))
    GitHubUser.objects.update(language="de")
    notify.notify()
    page = opened(anybody).content.decode()
    assert '<html lang="de">' in page
    assert "Ich brauche ihn noch" in page


def test_the_link_is_in_no_log_and_no_row(
    review: SeatReview, anybody: Client, caplog: pytest.LogCaptureFixture, clock: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    key = key_of("ann")
    anybody.put(PAGE + "?key=" + key)
    opened(anybody)
    pressed(anybody)
    clock.shift(timedelta(days=90))
    opened(anybody)
    pressed(anybody, key[:-1])
    signature, nonce = key.rpartition("~")[2], key.split("~")[1]
    assert signature not in caplog.text
    assert signature not in str(everything())
    assert nonce not in str(list(AuditEntry.objects.values()))


def test_only_asking_and_answering_is_possible(review: SeatReview, anybody: Client) -> None:
    assert anybody.delete(PAGE).status_code == 405
    assert anybody.put(PAGE).status_code == 405
