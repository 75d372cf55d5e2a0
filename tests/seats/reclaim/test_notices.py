"""Who is told before a seat is taken back, once, and from when the notice period counts."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.models import AuditEntry
from seats import verdicts
from seats.models import (
    Exemption,
    GitHubUser,
    Holiday,
    InactivityPolicy,
    Notice,
    NoticeTemplate,
    SeatReview,
    WorkingCalendar,
)
from seats.reclaim import flag, notify
from seats.reclaim.notify import Tally
from tests.seats.holding import ago, grant, hold, organization
from tests.seats.reclaim.telling import flagged, idle, notice_of, policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_whoever_is_flagged_gets_a_mail_and_the_notice_period_begins(clock: Any) -> None:
    [review] = flagged(idle(1, "ann", assignee_name="Ann Lee"))
    assert notify.notify() == Tally(due=1, sent=1)
    [message] = mail.outbox
    assert message.to == ["ann@example.com"]
    assert message.subject == "Do you still need your GitHub Copilot seat in acme?"
    assert "Hello Ann Lee," in message.body
    assert "Last used on 2026-09-21, 60 days ago, by the seat list." in message.body
    assert "by the end of 2026-11-27 (UTC)" in message.body
    review.refresh_from_db()
    assert (review.state, review.notice_ends_on) == ("notified", date(2026, 11, 27))
    assert review.notified_at is not None
    notice = notice_of(review)
    assert (notice.state, notice.sent_at, notice.attempts) == ("sent", review.notified_at, 1)


def test_nobody_is_told_twice() -> None:
    flagged(idle(1, "ann"), idle(2, "bob"))
    notify.notify()
    assert notify.notify() == Tally()
    assert len(mail.outbox) == 2


def test_two_rounds_at_the_same_moment_send_one_mail() -> None:
    [review] = flagged(idle(1, "ann"))
    first, second = notify._due(None), notify._due(None)
    with notify.Outbox() as outbox:
        # Both have read the same reviews and notices before either sends.
        rounds = [notify._Round(due, outbox, None, Tally()) for due in (first, second)]
        words = notify.Words()
        notices = [one._written_down() for one in rounds]
        for one, [notice] in zip(rounds, notices, strict=True):
            one._tell(notice, one.due[review.pk], words)
    assert len(mail.outbox) == 1
    assert Notice.objects.count() == 1


def test_a_review_decided_while_the_round_runs_is_left_alone() -> None:
    [review] = flagged(idle(1, "ann"))
    due = notify._due(None)
    flag.keep([review], None, "on leave")
    with notify.Outbox() as outbox:
        notify._Round(due, outbox, None, Tally()).tell()
    assert mail.outbox == []


@pytest.mark.parametrize(
    "fields", [{"mode": "report_only"}, {"notice_days": 0}], ids=["a policy that only reports", "no notice"]
)
def test_a_policy_may_tell_nobody(fields: dict[str, Any]) -> None:
    [review] = flagged(idle(1, "ann"), **fields)
    assert notify.notify() == Tally()
    review.refresh_from_db()
    assert (mail.outbox, review.state) == ([], "flagged")


def test_what_has_changed_since_it_was_flagged_is_looked_at_first() -> None:
    flagged(idle(1, "ann"), idle(2, "bob"), idle(3, "cyd"))
    acme = organization_of_ann()
    hold(acme, grant(1, "ann", used=0), idle(2, "bob"), idle(3, "cyd"), at=ago(0) + timedelta(hours=1))
    Exemption.objects.create(user=GitHubUser.objects.get(login="bob"), reason="on leave")
    notify.notify()
    assert [message.to for message in mail.outbox] == [["cyd@example.com"]]


def organization_of_ann() -> Any:
    return SeatReview.objects.get(seat__user__login="ann").seat.account


def test_a_kept_seat_is_not_flagged_again_the_next_night(clock: Any) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    flag.keep([SeatReview.objects.get(pk=review.pk)], None, "The person answered.")
    clock.shift(timedelta(days=1))
    verdicts.refresh()
    assert flag.review()["opened"] == 0
    assert notify.notify() == Tally()


def test_one_account_is_told_without_the_others() -> None:
    acme, globex = organization(), organization("globex")
    policy()
    hold(acme, idle(1, "ann"))
    hold(globex, idle(2, "bob"))
    flag.review()
    assert notify.notify(globex).sent == 1
    assert [message.to for message in mail.outbox] == [["bob@example.com"]]


def test_an_enterprise_speaks_for_its_organizations() -> None:
    octo = organization("octo")
    octo.kind = "enterprise"
    octo.save()
    flagged(idle(1, "ann"), account=organization(parent=octo))
    assert notify.notify(octo).sent == 1


def test_a_dry_run_counts_and_changes_nothing() -> None:
    flagged(idle(1, "ann"), idle(2, "bob", assignee_email=""))
    assert notify.notify(dry_run=True) == Tally(due=2, no_address=1)
    assert (mail.outbox, Notice.objects.count()) == ([], 0)
    assert SeatReview.objects.filter(state="flagged").count() == 2


# --- Working days -----------------------------------------------------------------------------


def test_notice_is_counted_in_working_days_from_the_day_after() -> None:
    calendar = WorkingCalendar.objects.create(name="office")
    Holiday.objects.create(calendar=calendar, day=date(2026, 11, 24))
    # Told on a Friday, the 20th: Monday is the first day, Tuesday a holiday, Wednesday the second.
    [review] = flagged(idle(1, "ann"), notice_days=2, working_calendar=calendar)
    notify.notify()
    review.refresh_from_db()
    assert review.notice_ends_on == date(2026, 11, 25)


# --- Addresses --------------------------------------------------------------------------------


def test_the_address_kept_by_hand_comes_before_githubs() -> None:
    flagged(idle(1, "ann"))
    GitHubUser.objects.update(contact_email="ann@home.example.com")
    notify.notify()
    assert mail.outbox[0].to == ["ann@home.example.com"]


def test_without_an_address_the_review_stays_and_is_listed_for_somebody_to_tell() -> None:
    [review] = flagged(idle(1, "ann", assignee_email=""))
    assert notify.notify() == Tally(due=1, no_address=1)
    review.refresh_from_db()
    assert (review.state, notice_of(review).state) == ("flagged", "no_address")
    assert list(notify.unreached()) == [review]


def test_an_address_that_becomes_known_is_written_to() -> None:
    flagged(idle(1, "ann", assignee_email=""))
    notify.notify()
    GitHubUser.objects.update(contact_email="ann@example.com")
    assert notify.notify().sent == 1
    assert list(notify.unreached()) == []


def test_who_was_told_by_hand_has_the_same_notice(olga: Any) -> None:
    [review] = flagged(idle(1, "ann", assignee_email=""))
    notify.notify()
    assert notify.told_by_hand([review], olga, "by telephone") == 1
    review.refresh_from_db()
    assert (review.state, review.notice_ends_on) == ("notified", date(2026, 11, 27))
    notice = notice_of(review)
    assert (notice.kind, notice.state, notice.body) == ("by_hand", "sent", "by telephone")
    entry = AuditEntry.objects.get(action="told by hand")
    assert (entry.subject, entry.actor_name) == (f"review:{review.pk}", "olga")
    assert entry.detail == {"reviews": [review.pk], "note": "by telephone"}


def test_who_is_not_flagged_is_not_told_by_hand(olga: Any) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    assert notify.told_by_hand([review], olga, "again") == 0
    assert not AuditEntry.objects.filter(action="told by hand").exists()


def test_thousands_are_told_by_hand_at_once(olga: Any) -> None:
    asked = []
    for size in (10, 100):
        people = [idle(size * 1000 + n, f"u-{size}-{n}", assignee_email="") for n in range(size)]
        reviews = flagged(*people, account=organization(f"acme-{size}"))
        if size == 100:
            notify.notify()  # those who have a notice without an address already
        with CaptureQueriesContext(connection) as counted:
            assert notify.told_by_hand(reviews, olga, "in a meeting") == size
        # Drivers without a statement for many rows send one for each.
        asked.append(sum(not one["sql"].startswith(("UPDATE", "INSERT")) for one in counted))
    assert asked[0] == asked[1]
    assert Notice.objects.filter(kind="by_hand", state="sent").count() == 110


# --- Interrupted ------------------------------------------------------------------------------


def test_a_mail_whose_worker_died_is_sent_again_after_a_while_and_that_is_recorded(clock: Any) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    SeatReview.objects.update(state="flagged", notified_at=None, notice_ends_on=None)
    Notice.objects.update(state="sending", sent_at=None)
    assert notify.notify() == Tally(due=1)
    assert len(mail.outbox) == 1
    clock.shift(timedelta(minutes=16))
    assert notify.notify() == Tally(due=1, sent=1)
    assert len(mail.outbox) == 2
    entry = AuditEntry.objects.get(action="notices perhaps sent twice")
    assert entry.detail == {"notices": [notice_of(review).pk]}


def test_a_mail_that_went_out_counts_although_the_review_was_not_told(clock: Any) -> None:
    [review] = flagged(idle(1, "ann"))
    notify.notify()
    SeatReview.objects.update(state="flagged", notified_at=None, notice_ends_on=None)
    clock.shift(timedelta(days=2))
    notify.notify()
    review.refresh_from_db()
    assert (review.state, review.notice_ends_on, len(mail.outbox)) == ("notified", date(2026, 11, 27), 1)


class StopsAfter:
    """A job that is stopped before so many mails."""

    class Stopped(Exception):
        pass

    def __init__(self, mails: int) -> None:
        self.mails = mails

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        if done == self.mails:
            raise self.Stopped

    def should_stop(self) -> None:
        pass


def test_a_round_that_is_stopped_goes_on_where_it_was() -> None:
    flagged(*(idle(number, f"user-{number}") for number in range(1, 6)))
    with pytest.raises(StopsAfter.Stopped):
        notify.notify(run=StopsAfter(2))
    assert AuditEntry.objects.get(action="notices sent").detail["sent"] == 2
    assert notify.notify().sent == 3
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 5


def test_a_withdrawn_notice_is_not_sent() -> None:
    [review] = flagged(idle(1, "ann"))
    Notice.objects.create(
        review=review, user=review.seat.user, once_key=f"review:{review.pk}", state="withdrawn"
    )
    assert notify.notify() == Tally(due=1)
    assert mail.outbox == []


def test_what_there_is_no_more_reason_to_send_is_withdrawn() -> None:
    [ann, bob] = flagged(idle(1, "ann", assignee_email=""), idle(2, "bob", assignee_email=""))
    notify.notify()
    flag.keep([ann], None, "on leave")
    notify.notify()
    assert (notice_of(ann).state, notice_of(bob).state) == ("withdrawn", "no_address")
    assert notice_of(ann).error == "The review was decided before it was sent."


# --- What is written down ---------------------------------------------------------------------


def test_a_round_is_in_the_audit_with_its_counts() -> None:
    acme = organization()
    flagged(idle(1, "ann"), idle(2, "bob", assignee_email=""), account=acme)
    notify.notify(acme)
    entry = AuditEntry.objects.get(action="notices sent")
    assert entry.subject == acme.subject
    assert entry.detail == {
        "due": 2, "sent": 1, "failed": 0, "no_address": 1, "digests": 0, "trouble": "",
    }  # fmt: skip


def test_only_what_is_sent_costs_queries() -> None:
    """Looking at a hundred seats asks no more than looking at ten; each mail asks a few."""
    asked = []
    policy()
    for size in (10, 100):
        account = organization(f"acme-{size}")
        hold(account, *(idle(size * 1000 + n, f"u-{size}-{n}", assignee_email="") for n in range(size)))
        flag.review(account=account)
        with CaptureQueriesContext(connection) as counted:
            assert notify.notify(account).no_address == size
        asked.append(len(counted))
    assert asked[0] == asked[1]


def test_a_mail_costs_few_queries() -> None:
    asked = []
    for size in (2, 12):
        account = organization(f"acme-{size}")
        flagged(*(idle(size * 1000 + n, f"u-{size}-{n}") for n in range(size)), account=account)
        with CaptureQueriesContext(connection) as counted:
            assert notify.notify(account).sent == size
        asked.append(len(counted))
    assert (asked[1] - asked[0]) / 10 <= 6


# --- Two workers ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_everybody_once() -> None:
    NoticeTemplate.objects.get_or_create(  # a test with transactions of its own begins without any
        kind="person", language="en", defaults={"subject": "Still needed?", "body": "{{ link }}"}
    )
    InactivityPolicy.objects.get_or_create(scope_key="all")
    reviews = flagged(*(idle(number, f"user-{number}") for number in range(1, 9)))
    gate, tallies = threading.Barrier(2, timeout=30), []

    def work() -> None:
        try:
            gate.wait()
            tallies.append(notify.notify())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(message.to[0] for message in mail.outbox) == [f"user-{n}@example.com" for n in range(1, 9)]
    assert sum(tally.sent for tally in tallies) == len(reviews)
    assert SeatReview.objects.filter(state="notified").count() == len(reviews)
    assert set(Notice.objects.values_list("state", "attempts")) == {("sent", 1)}
