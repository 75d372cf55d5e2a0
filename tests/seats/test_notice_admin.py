"""Pages of notices and of their words."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client

from portal.models import AuditEntry
from seats.models import Notice, NoticeTemplate, SeatReview
from seats.reclaim import notify
from tests.counting import queries_of
from tests.seats.holding import organization
from tests.seats.reclaim.mail_server import sending_to
from tests.seats.reclaim.telling import flagged, idle, notice_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/seats/notice/"
WORDS = "/seats/noticetemplate/"


def act(client: Client, action: str, *notices: Notice, **form: str) -> Any:
    chosen = [notice.pk for notice in notices]
    return client.post(LIST, {"action": action, "_selected_action": chosen, **form}, follow=True)


def english() -> NoticeTemplate:
    return NoticeTemplate.objects.get(kind="person", language="en")


def written(**fields: Any) -> dict[str, Any]:
    """What the form of a template posts."""
    return {"account": "", "kind": "person", "language": "fr", "subject": "s", "body": "{{ link }}", **fields}


# --- Notices ----------------------------------------------------------------------------------


def test_the_list_shows_what_became_of_each_mail(olga_client: Client) -> None:
    [ann, bob] = flagged(idle(1, "ann"), idle(2, "bob", assignee_email=""))
    notify.notify()
    page = olga_client.get(LIST).content.decode()
    assert "ann@example.com" in page
    assert "no address" in page
    assert f"/seats/seatreview/{ann.pk}/change/" in page
    assert "{{ link }}" in olga_client.get(f"{LIST}{notice_of(ann).pk}/change/").content.decode()
    assert olga_client.get(f"{LIST}?state__exact=no_address").context["cl"].result_list[0].review == bob


def test_addresses_are_for_whoever_may_send(vic: Any, vic_client: Client) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    pages = [LIST, f"{LIST}{notice_of(review).pk}/change/", f"/seats/seatreview/{review.pk}/change/"]
    assert [page for page in pages if "ann@example.com" in vic_client.get(page).content.decode()] == []
    vic.user_permissions.add(Permission.objects.get(codename="send_notice"))
    assert [page for page in pages if "ann@example.com" in vic_client.get(page).content.decode()] == pages


def test_the_list_says_when_mails_reach_nobody(olga_client: Client, settings: Any) -> None:
    assert "reach nobody" in olga_client.get(LIST).content.decode()
    settings.MAIL = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}
    assert "reach nobody" not in olga_client.get(LIST).content.decode()


def test_who_could_not_be_reached_is_told_by_hand(olga_client: Client, olga: Any) -> None:
    [review] = flagged(idle(1, "ann", assignee_email=""))
    notify.notify()
    notice = notice_of(review)
    assert "ann" in act(olga_client, "tell_by_hand", notice).content.decode()
    review.refresh_from_db()
    assert review.state == "flagged"
    act(olga_client, "tell_by_hand", notice, confirmed="yes", count="1", note="by telephone")
    review.refresh_from_db()
    assert review.state == "notified"
    assert AuditEntry.objects.get(action="told by hand").actor_name == "olga"


def test_whom_the_page_did_not_count_nobody_has_told(olga_client: Client) -> None:
    """With all rows selected, others may have come since: their notice must not begin unseen."""
    flagged(idle(1, "ann", assignee_email=""), idle(2, "bob", assignee_email=""))
    notify.notify()
    page = act(
        olga_client, "tell_by_hand", notice_of(SeatReview.objects.all()[0]),
        confirmed="yes", count="1", note="by telephone", select_across="1",
    )  # fmt: skip
    assert "please look again" in page.content.decode()
    assert set(SeatReview.objects.values_list("state", flat=True)) == {"flagged"}


def test_what_failed_is_sent_again_and_what_waits_is_withdrawn(olga_client: Client) -> None:
    [ann, bob] = flagged(idle(1, "ann"), idle(2, "bob"))
    with sending_to(1):
        notify.notify()
    Notice.objects.update(attempts=3)
    act(olga_client, "withdraw", notice_of(bob))
    act(olga_client, "resend", notice_of(ann))
    notify.notify()
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]
    actions = AuditEntry.objects.filter(action__startswith="notices ", actor_name="olga")
    assert [(one.action, one.subject) for one in actions.order_by("sequence")] == [
        ("notices withdrawn", f"notice:{notice_of(bob).pk}"),
        ("notices to be sent again", f"notice:{notice_of(ann).pk}"),
    ]


def test_what_was_sent_is_neither_sent_again_nor_withdrawn(olga_client: Client) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    for action in ("resend", "withdraw"):
        act(olga_client, action, notice_of(review))
    assert notice_of(review).state == "sent"


@pytest.mark.parametrize("action", ["resend", "withdraw", "tell_by_hand"])
def test_whoever_may_only_look_can_do_nothing(vic_client: Client, action: str) -> None:
    [review] = flagged(idle(1, "ann", assignee_email=""))
    notify.notify()
    act(vic_client, action, notice_of(review), confirmed="yes", note="x")
    assert notice_of(review).state == "no_address"
    assert SeatReview.objects.get().state == "flagged"


def test_a_long_list_asks_no_more_than_a_short_one(olga_client: Client) -> None:
    asked = []
    for size in (5, 40):
        people = [idle(size * 100 + n, f"u-{size}-{n}", assignee_email="") for n in range(size)]
        flagged(*people, account=organization(f"acme-{size}"))
        notify.notify()
        asked.append(queries_of(olga_client, LIST))
    assert asked[0] == asked[1]


# --- Words ------------------------------------------------------------------------------------


def test_words_are_added_for_an_organization_in_a_language(olga_client: Client) -> None:
    acme = organization()
    olga_client.post(f"{WORDS}add/", written(account=acme.pk, is_default="on"))
    template = NoticeTemplate.objects.get(account=acme)
    assert (template.scope_key, template.language, template.is_default) == (f"account:{acme.pk}", "fr", True)
    entry = AuditEntry.objects.get(action="notice template added")
    assert (entry.subject, entry.actor_name) == (f"notice template:{template.pk}", "olga")


def test_words_that_cannot_be_sent_are_refused_with_the_reason(olga_client: Client) -> None:
    answer = olga_client.post(f"{WORDS}add/", written(body="{{ link }} {{ salary }}"))
    assert "{{ salary }} is no placeholder here" in answer.context["adminform"].form.errors["body"][0]
    assert not NoticeTemplate.objects.filter(language="fr").exists()


def test_a_language_has_its_words_once(olga_client: Client) -> None:
    answer = olga_client.post(f"{WORDS}add/", written(language="DE"))
    assert "already" in answer.context["adminform"].form.errors["language"][0]


def test_of_one_scope_one_language_is_the_default(olga_client: Client) -> None:
    olga_client.post(f"{WORDS}add/", written(is_default="on"))
    defaults = NoticeTemplate.objects.filter(kind="person", is_default=True)
    assert [template.language for template in defaults] == ["fr"]
    assert NoticeTemplate.objects.get(kind="maintainers", language="en").is_default


def test_a_change_is_in_the_audit_as_it_was_and_as_it_is(olga_client: Client) -> None:
    old = english().subject
    given = written(language="en", subject="Your seat", body=english().body, is_default="on")
    olga_client.post(f"{WORDS}{english().pk}/change/", given)
    entry = AuditEntry.objects.get(action="notice template changed")
    assert entry.detail["subject"] == {"from": old, "to": "Your seat"}


def test_the_last_resort_is_not_deleted(olga_client: Client) -> None:
    for template in NoticeTemplate.objects.all():
        olga_client.post(f"{WORDS}{template.pk}/delete/", {"post": "yes"})
    left = NoticeTemplate.objects.order_by("kind").values_list("kind", "language")
    assert list(left) == [("maintainers", "en"), ("person", "en")]


def test_the_page_shows_the_mail_as_somebody_would_get_it(olga_client: Client) -> None:
    page = olga_client.get(f"{WORDS}{english().pk}/change/").content.decode()
    assert "Hello Mona Lisa Octocat," in page
    assert "Last used on 2026-09-06, 75 days ago, by the seat list." in page
    assert "{{ days_idle }}" in page  # what may stand in it


def test_whoever_edits_the_words_sends_themselves_a_test_mail(olga_client: Client) -> None:
    olga_client.post(f"{WORDS}{english().pk}/test-mail/")
    [message] = mail.outbox
    assert message.to == ["olga@example.com"]
    assert message.subject == "[Test] Do you still need your GitHub Copilot seat in your organization?"
    assert AuditEntry.objects.filter(action="test mail sent").exists()


def test_a_mail_server_that_does_not_answer_is_told_on_the_page(olga_client: Client) -> None:
    with sending_to(1):
        answer = olga_client.post(f"{WORDS}{english().pk}/test-mail/", follow=True)
    assert "look at EMAIL_URL" in answer.content.decode()


def test_a_test_mail_is_for_whoever_may_edit_and_takes_a_post(
    vic_client: Client, olga_client: Client
) -> None:
    assert vic_client.post(f"{WORDS}{english().pk}/test-mail/").status_code == 403
    assert olga_client.get(f"{WORDS}{english().pk}/test-mail/").status_code == 405
    assert mail.outbox == []
