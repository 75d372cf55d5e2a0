"""The desk: the list of reviews, what can be done with many of them, and the whole story on each page."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.models import AuditEntry
from seats.models import (
    Account,
    Exemption,
    InactivityPolicy,
    Notice,
    RemovalTask,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatReview,
    Team,
)
from seats.reclaim.flag import flag, keep, review
from tests.counting import queries_of
from tests.seats.batches import willing
from tests.seats.holding import NOON, ago, grant, hold, join, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

REVIEWS = "/seats/seatreview/"
TODAY = NOON.date()


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def desk(acme: Account) -> list[SeatReview]:
    """Ben is idle, Cleo was never seen, Dora holds hers through a team; Ana is active."""
    hold(
        acme,
        grant(1, "ana", used=2),
        grant(2, "Ben", used=60, plan_type="enterprise"),
        grant(3, "cleo", created=50),
        grant(4, "dora", used=45, team_id=9, team_slug="web", team_is_enterprise=False),
    )
    review()
    return list(SeatReview.objects.order_by("seat__user__login_key"))


def allow(user: Any, *codenames: str) -> None:
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_seatreview", *codenames]))


def shown(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{REVIEWS}?{query}")
    assert answer.status_code == 200, answer
    return sorted(row.seat.user.login for row in answer.context["cl"].result_list)


def act(
    client: Client, action: str, reviews: Sequence[SeatReview], query: str = "", **fields: Any
) -> HttpResponse:
    chosen = {"action": action, "_selected_action": [review.pk for review in reviews], **fields}
    answer: Any = client.post(f"{REVIEWS}?{query}", chosen)
    return answer


def text_of(answer: Any) -> str:
    """What a reader of the page reads."""
    page = re.sub(r"<script.*?</script>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


# --- The list ---------------------------------------------------------------------------------


def test_it_shows_whose_seat_why_and_what_it_costs(olga_client: Client, desk: list[SeatReview]) -> None:
    page = text_of(olga_client.get(REVIEWS))

    for said in (
        "Ben",
        "acme",
        "flagged",
        "idle",
        "2026-09-21, 60 days",
        "not told",
        "39.00 USD",
        "2026-11-20",
    ):
        assert said in page


def test_it_names_the_batch_a_seat_is_in(olga: Any, olga_client: Client, desk: list[SeatReview]) -> None:
    batch = propose(desk[0], olga)

    assert f"{batch.pk}, proposed" in text_of(olga_client.get(REVIEWS))


def test_it_lists_what_is_on_the_desk_unless_asked_otherwise(
    olga: Any, olga_client: Client, desk: list[SeatReview]
) -> None:
    keep(desk[:1], olga, "A pilot.")

    assert shown(olga_client) == ["cleo", "dora"]
    assert shown(olga_client, "state=kept") == ["Ben"]
    assert shown(olga_client, "state=all") == ["Ben", "cleo", "dora"]


@pytest.mark.parametrize(
    ("query", "logins"),
    [
        ("verdict=never_used", ["cleo"]),
        ("route=team", ["dora"]),
        ("route=github", ["Ben", "cleo"]),
        ("plan=enterprise", ["Ben"]),
        ("notice=none", ["cleo", "dora"]),
        ("notice=running", ["Ben"]),
        ("notice=over", []),
        ("notice=answered", []),
        ("q=BE", ["Ben"]),
        ("q=nobody", []),
        ("account=99999999999999999999", []),
        ("policy=abc", []),
    ],
)
def test_it_is_filtered(olga_client: Client, desk: list[SeatReview], query: str, logins: list[str]) -> None:
    SeatReview.objects.filter(pk=desk[0].pk).update(state="notified", notified_at=NOON, notice_ends_on=TODAY)

    assert shown(olga_client, query) == logins


def test_a_notice_is_over_from_the_day_after_its_last(olga_client: Client, desk: list[SeatReview]) -> None:
    told = SeatReview.objects.filter(pk=desk[0].pk)
    told.update(state="notified", notified_at=ago(9), notice_ends_on=TODAY - timedelta(days=1))
    assert shown(olga_client, "notice=over") == ["Ben"]

    told.update(answer="needed", answered_at=NOON)
    assert shown(olga_client, "notice=over") == []
    assert shown(olga_client, "notice=answered") == ["Ben"]


def test_an_organization_a_team_and_a_policy_show_their_own(
    olga_client: Client, acme: Account, desk: list[SeatReview]
) -> None:
    hold(organization("zeta"), grant(7, "zoe", used=60))
    review()
    web = Team.objects.create(account=acme, github_id=1, slug="frontend")
    join(web, Seat.objects.filter(user__login="cleo"))
    policy = Seat.objects.filter(user__login="zoe").values_list("policy_id", flat=True).get()

    assert shown(olga_client, f"account={acme.pk}") == ["Ben", "cleo", "dora"]
    assert shown(olga_client, f"team={web.pk}") == ["cleo"]
    assert shown(olga_client, f"policy={policy}") == ["Ben", "cleo", "dora", "zoe"]


def test_a_former_login_finds_the_person(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "anna-mueller", used=69), at=ago(5))
    hold(acme, grant(1, "ana", used=64))
    review()

    assert shown(olga_client, "q=mueller") == ["ana"]


def test_it_asks_as_many_queries_for_sixty_reviews_as_for_five(
    olga: Any, olga_client: Client, acme: Account
) -> None:
    def on_the_desk(numbers: range) -> None:
        hold(acme, *(grant(n, f"user-{n}", used=60, plan_type=f"plan{n}") for n in numbers))
        review()
        for known in SeatReview.objects.filter(revocations=None):
            propose(known, olga)

    on_the_desk(range(1, 6))
    few = queries_of(olga_client, REVIEWS)
    on_the_desk(range(1, 61))

    assert queries_of(olga_client, f"{REVIEWS}?all=") == few


# --- Keeping ----------------------------------------------------------------------------------


def test_keeping_asks_for_a_reason_first(olga_client: Client, desk: list[SeatReview]) -> None:
    page = text_of(act(olga_client, "keep", desk[:2]))

    assert "2 people" in page
    assert "Ben, cleo" in page
    act(olga_client, "keep", desk[:2], confirmed="yes", count="2", reason=" ")
    assert SeatReview.objects.open().count() == 3


def test_everything_the_filter_left_is_kept_at_once(olga_client: Client, desk: list[SeatReview]) -> None:
    act(
        olga_client,
        "keep",
        desk[:1],
        "route=github",
        select_across="1",
        confirmed="yes",
        count="2",
        reason="Year's end.",
        until="2027-01-31",
    )

    kept = SeatReview.objects.filter(state="kept")
    assert sorted(kept.values_list("seat__user__login", "kept_until")) == [
        ("Ben", date(2027, 1, 31)),
        ("cleo", date(2027, 1, 31)),
    ]
    assert AuditEntry.objects.get(action="seats kept").actor_name == "olga"


def test_a_list_that_changed_since_it_was_shown_is_shown_again(
    olga_client: Client, desk: list[SeatReview]
) -> None:
    page = act(
        olga_client, "keep", desk[:1], select_across="1", confirmed="yes", count="2", reason="Year's end."
    )

    assert "have changed in the meantime" in page.content.decode()
    assert SeatReview.objects.open().count() == 3


def test_a_seat_that_was_taken_back_is_not_kept(olga_client: Client, desk: list[SeatReview]) -> None:
    SeatReview.objects.filter(pk=desk[0].pk).update(state="revoked")

    assert "1 review is left out" in text_of(act(olga_client, "keep", desk[:2]))
    act(olga_client, "keep", desk[:2], confirmed="yes", count="1", reason="A pilot.")

    assert list(SeatReview.objects.filter(state="kept").values_list("pk", flat=True)) == [desk[1].pk]


def test_a_day_that_is_over_keeps_nothing(olga_client: Client, desk: list[SeatReview]) -> None:
    fields = {"confirmed": "yes", "count": "1", "reason": "A pilot.", "until": "2026-11-19"}

    assert "This day is over already." in act(olga_client, "keep", desk[:1], **fields).content.decode()
    assert SeatReview.objects.open().count() == 3


def test_what_was_kept_by_mistake_is_put_back_on_the_desk(
    olga: Any, olga_client: Client, desk: list[SeatReview]
) -> None:
    keep(desk, olga, "The wrong filter.")
    page = text_of(olga_client.get(f"{REVIEWS}{desk[0].pk}/change/"))
    assert "It is kept until 2027-02-18, as somebody decided." in page
    assert "Keep it no longer…" in page

    fields = {"confirmed": "yes", "count": "2", "reason": "The wrong filter."}
    act(olga_client, "keep_no_longer", desk[:2], "state=kept", **fields)

    assert shown(olga_client) == ["Ben", "cleo"]
    page = text_of(olga_client.get(f"{REVIEWS}{desk[0].pk}/change/"))
    assert "Seats kept no longer by olga audit" in page


@pytest.mark.parametrize(
    ("action", "permission", "fields", "state"),
    [
        ("keep", "decide_seatreview", {"reason": "A pilot."}, "kept"),
        ("told", "send_notice", {"note": "In the meeting."}, "notified"),
    ],
)
def test_deciding_needs_its_own_permission(
    noa: Any,
    noa_client: Client,
    desk: list[SeatReview],
    action: str,
    permission: str,
    fields: dict[str, str],
    state: str,
) -> None:
    allow(noa, "change_seatreview", "view_seat")
    act(noa_client, action, desk[:1], confirmed="yes", count="1", **fields)
    desk[0].refresh_from_db()
    assert desk[0].state == "flagged"

    allow(noa, permission)
    act(noa_client, action, desk[:1], confirmed="yes", count="1", **fields)
    desk[0].refresh_from_db()
    assert desk[0].state == state


def test_whoever_told_them_begins_their_notice(olga_client: Client, desk: list[SeatReview]) -> None:
    act(olga_client, "told", desk, confirmed="yes", count="3", note="In the team's meeting.")

    assert set(SeatReview.objects.values_list("state", "notice_ends_on")) == {
        ("notified", date(2026, 11, 27))
    }
    page = text_of(olga_client.get(f"{REVIEWS}{desk[0].pk}/change/"))
    assert "Told by hand In the team's meeting." in page


# --- Proposing --------------------------------------------------------------------------------


@pytest.fixture
def told(acme: Account, desk: list[SeatReview]) -> list[SeatReview]:
    """Everybody on the desk was told, and the time to answer is over."""
    SeatReview.objects.update(state="notified", notified_at=ago(9), notice_ends_on=TODAY - timedelta(days=1))
    willing(acme)
    return list(SeatReview.objects.order_by("seat__user__login_key"))


def test_proposing_shows_first_how_many_whose_why_and_what_it_saves(
    olga_client: Client, told: list[SeatReview]
) -> None:
    SeatReview.objects.filter(pk=told[1].pk).update(notice_ends_on=TODAY)

    page = text_of(act(olga_client, "propose", told))

    for said in (
        "1 seat would be proposed", "Ben Last used on 2026-09-21, 60 days ago", "39.00 USD",
        "Access ends with the billing cycle", "Notice is running 1 cleo", "may answer until 2026-11-20.",
        "Granted another way 1 dora", "Of 1 seat that a team grants",
    ):  # fmt: skip
        assert said in page
    assert not RevocationBatch.objects.exists()
    assert not RemovalTask.objects.exists()


def test_proposing_makes_a_batch_of_each_account_and_asks_owners_of_teams(
    olga: Any, olga_client: Client, told: list[SeatReview]
) -> None:
    zeta = organization("zeta")
    hold(zeta, grant(7, "zoe", used=60), grant(8, "zed", used=1))
    review()
    SeatReview.objects.filter(seat__account=zeta).update(
        state="notified", notified_at=ago(9), notice_ends_on=TODAY - timedelta(days=1)
    )
    willing(zeta)

    fields = {"select_across": "1", "confirmed": "yes", "count": "4", "reason": "Year's end."}
    answer = olga_client.post(
        REVIEWS, {"action": "propose", "_selected_action": [told[0].pk], **fields}, follow=True
    )

    batches = RevocationBatch.objects.order_by("account__login_key")
    assert [(batch.account.login, batch.reason, batch.proposed_by) for batch in batches] == [
        ("acme", "Year's end.", olga),
        ("zeta", "Year's end.", olga),
    ]
    proposed = Revocation.objects.filter(state="proposed").order_by("login")
    # Of Cleo nobody can tell: no use and no sign-in of anybody is known.
    assert [row.login for row in proposed] == ["Ben", "zoe"]
    assert [task.seat.user.login for task in RemovalTask.objects.all()] == ["dora"]
    assert f"Batch {batches[0].pk} of acme is proposed and waits to be approved." in text_of(answer)


def test_of_seats_that_teams_grant_the_owners_are_asked_and_nothing_else(
    olga_client: Client, told: list[SeatReview]
) -> None:
    page = text_of(act(olga_client, "propose", told[2:]))
    assert "Ask the owners" in page

    fields = {"confirmed": "yes", "count": "1"}
    answer = olga_client.post(
        REVIEWS, {"action": "propose", "_selected_action": [told[2].pk], **fields}, follow=True
    )

    assert RemovalTask.objects.get().seat.user.login == "dora"
    assert not RevocationBatch.objects.exists()
    assert "Tasks are written down for the owners of the teams that grant them." in text_of(answer)


def test_where_a_brake_holds_the_whole_account_nothing_can_be_pressed(
    olga_client: Client, acme: Account, told: list[SeatReview]
) -> None:
    Account.objects.update(connection=None)

    answer = act(olga_client, "propose", told)

    assert "None of the selected seats can be proposed now" in text_of(answer)
    assert "No connection acme has no connection to GitHub." in text_of(answer)
    assert (
        'type="submit"' not in answer.content.decode().partition("portal-confirm")[2].partition("</form>")[0]
    )


def test_proposing_needs_its_own_permission(noa: Any, noa_client: Client, told: list[SeatReview]) -> None:
    allow(noa, "decide_seatreview", "approve_revocationbatch")
    act(noa_client, "propose", told, confirmed="yes", count="3")
    assert not RevocationBatch.objects.exists()

    allow(noa, "propose_revocationbatch")
    act(noa_client, "propose", told, confirmed="yes", count="3")
    assert RevocationBatch.objects.get().proposed_by == noa


def test_the_page_before_proposing_asks_as_many_queries_for_forty_seats_as_for_four(
    olga_client: Client, acme: Account
) -> None:
    def queries(people: int) -> int:
        hold(acme, *(grant(n, f"user-{n}", used=60) for n in range(1, people)), grant(99, "ana", used=1))
        review()
        SeatReview.objects.update(
            state="notified", notified_at=ago(9), notice_ends_on=TODAY - timedelta(days=1)
        )
        one = SeatReview.objects.values_list("pk", flat=True)[0]
        with CaptureQueriesContext(connection) as asked:
            olga_client.post(REVIEWS, {"action": "propose", "_selected_action": [one], "select_across": "1"})
        return len(asked)

    willing(acme)
    few = queries(4)

    assert queries(40) == few


# --- One review -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "mode", "said", "buttons"),
    [
        ({}, "propose", "the portal sends a notice in its next round", {"keep", "told"}),
        ({}, "report_only", "the policy reports only", {"keep", "told"}),
        (
            {"state": "notified", "notified_at": NOON, "notice_ends_on": TODAY},
            "propose",
            "may answer until 2026-11-20",
            {"keep", "propose"},
        ),
        (
            {"state": "notified", "notified_at": NOON, "notice_ends_on": date(2026, 11, 19)},
            "propose",
            "the portal proposes to take the seat back in its next round, or you do now",
            {"keep", "propose"},
        ),
        ({"state": "approved"}, "propose", "its batch is executed", {"keep"}),
        ({"state": "revoked"}, "propose", "next whole seat list verifies it", set()),
        ({"state": "failed"}, "propose", "propose it anew, or keep", {"keep", "propose"}),
    ],
)
def test_its_page_says_what_is_next_and_offers_it(
    olga_client: Client,
    desk: list[SeatReview],
    fields: dict[str, Any],
    mode: str,
    said: str,
    buttons: set[str],
) -> None:
    InactivityPolicy.objects.update(mode=mode)
    SeatReview.objects.filter(pk=desk[0].pk).update(**fields)

    page = olga_client.get(f"{REVIEWS}{desk[0].pk}/change/")

    assert said in text_of(page)
    assert set(re.findall(r'name="action" value="(\w+)"', page.content.decode())) == buttons


def test_where_no_notice_is_asked_for_the_seat_can_be_proposed_at_once(
    olga_client: Client, desk: list[SeatReview]
) -> None:
    InactivityPolicy.objects.update(notice_days=0)

    page = olga_client.get(f"{REVIEWS}{desk[0].pk}/change/")

    assert "The policy asks for no notice. Next: propose to take the seat back, or keep it." in text_of(page)
    assert 'value="propose"' in page.content.decode()


def test_its_page_offers_nothing_that_its_reader_may_not_do(
    noa: Any, noa_client: Client, desk: list[SeatReview]
) -> None:
    allow(noa)

    assert 'name="action"' not in noa_client.get(f"{REVIEWS}{desk[0].pk}/change/").content.decode()


# --- The story on the page --------------------------------------------------------------------


def propose(known: SeatReview, by: Any, **fields: Any) -> RevocationBatch:
    """A batch of this one seat."""
    batch = RevocationBatch.objects.create(
        account=known.seat.account, seats_held=4, proposed_by=by, proposed_at=ago(0), **fields
    )
    Revocation.objects.create(
        batch=batch,
        seat=known.seat,
        review=known,
        live_key=known.seat_id,
        login=known.seat.user.login,
        reason="Idle for long.",
    )
    return batch


def events(client: Client, known: SeatReview) -> list[str]:
    """What the line of time says, newest first."""
    answer = client.get(f"{REVIEWS}{known.pk}/change/")
    assert answer.status_code == 200
    [line] = [panel for panel in answer.context["story"].panels if hasattr(panel, "entries")]
    return [entry.event.what for entry in line.entries]


def test_one_line_of_time_tells_everything_the_newest_first(
    olga: Any, vic: Any, olga_client: Client, desk: list[SeatReview]
) -> None:
    ben = desk[0]
    Exemption.objects.create(user=ben.seat.user, reason="A pilot.", created_by=olga, created_at=ago(12))
    SeatReview.objects.filter(pk=ben.pk).update(
        created_at=ago(11), notified_at=ago(10), notice_ends_on=TODAY - timedelta(days=3), state="revoked"
    )
    Notice.objects.create(
        once_key="review:1", review=ben, user=ben.seat.user, recipient="ben@example.com", subject="Your seat",
        state="sent", sent_at=ago(10),
    )  # fmt: skip
    batch = propose(ben, olga, state="done", approved_by=vic, approved_at=ago(0), approval_reason="All told.")
    RevocationBatch.objects.update(proposed_at=ago(3), approved_at=ago(2), finished_at=ago(1))
    call = SeatCall.objects.create(
        action="revoke", account=ben.seat.account, path="/orgs/acme", logins=["Ben"], intended_at=ago(1),
        answered_at=ago(1), state="answered", status=200, seats_changed=1, said="seats_cancelled: 1",
    )  # fmt: skip
    Revocation.objects.update(
        state="revoked", call=call, revoked_at=ago(1), pending_cancellation_date=date(2026, 12, 1)
    )
    RemovalTask.objects.create(
        seat=ben.seat,
        team=Team.objects.get(),
        open_key="1:1",
        reason="Idle.",
        opened_at=ago(4),
        opened_by=olga,
    )
    AuditEntry.objects.record("batch approved", subject=batch.subject, actor=vic, detail={})

    happened = events(olga_client, ben)

    in_order = [
        "Taken back", "Approved in batch", "Proposed in batch", "Notice ends", "Owner of web asked to end it",
        "Notice sent", "Flagged for review", "Exempted", "Last used",
    ]  # fmt: skip
    places = [next(n for n, what in enumerate(happened) if what.startswith(name)) for name in in_order]
    assert places == sorted(places)
    page = text_of(olga_client.get(f"{REVIEWS}{ben.pk}/change/"))
    for said in (
        "by vic audit", "All told.", "HTTP 200. seats_cancelled: 1", "Access ends on 2026-12-01.",
        "To ben@example.com: Your seat", "By seat list.",
    ):  # fmt: skip
        assert said in page


def test_the_line_of_time_tells_every_exemption_that_covers_the_seat(
    olga: Any, olga_client: Client, acme: Account, desk: list[SeatReview]
) -> None:
    ben = desk[0]
    other = organization("octo")
    Exemption.objects.create(login_pattern="b*", reason="A pilot of all b.", created_by=olga)
    Exemption.objects.create(login_pattern="z*", reason="A pilot of all z.", created_by=olga)
    Exemption.objects.create(user=ben.seat.user, account=acme, reason="On leave.", created_by=olga)
    Exemption.objects.create(user=ben.seat.user, account=other, reason="Elsewhere.", created_by=olga)

    page = text_of(olga_client.get(f"{REVIEWS}{ben.pk}/change/"))

    assert "On leave. From" in page
    assert "With logins b*: A pilot of all b. From" in page
    assert "A pilot of all z." not in page
    assert "Elsewhere." not in page


@pytest.mark.parametrize("state", ["left_out", "refused"])
def test_a_refusal_is_told_with_the_name_of_its_brake(
    olga: Any, olga_client: Client, desk: list[SeatReview], state: str
) -> None:
    propose(desk[0], olga)
    Revocation.objects.update(
        state=state, live_key=None, brake="notice_running", says="The person may answer until 2026-11-27."
    )

    page = text_of(olga_client.get(f"{REVIEWS}{desk[0].pk}/change/"))

    assert "Notice is running: The person may answer until 2026-11-27." in page


def test_what_is_decided_of_many_leads_to_its_one_entry_in_the_audit(
    olga: Any, olga_client: Client, vic_client: Client, desk: list[SeatReview]
) -> None:
    keep(desk[:2], olga, "A pilot.")
    entry = AuditEntry.objects.get(action="seats kept")

    page = olga_client.get(f"{REVIEWS}{desk[0].pk}/change/")

    assert f"Review closed: kept by olga audit {entry.sequence} A pilot." in text_of(page)
    assert f"/portal/auditentry/{entry.pk}/change/" in page.content.decode()
    assert "Kept until" in text_of(page)


def test_who_may_not_look_into_the_audit_gets_its_number_without_a_link(
    noa: Any, noa_client: Client, olga: Any, desk: list[SeatReview]
) -> None:
    keep(desk[:2], olga, "A pilot.")
    allow(noa)

    page = noa_client.get(f"{REVIEWS}{desk[0].pk}/change/")

    assert f"audit {AuditEntry.objects.get(action='seats kept').sequence}" in text_of(page)
    assert "/portal/auditentry/" not in page.content.decode()


def test_it_says_what_taking_the_seat_back_would_do(olga_client: Client, desk: list[SeatReview]) -> None:
    InactivityPolicy.objects.update(min_watched_days=0)

    page = text_of(olga_client.get(f"{REVIEWS}{desk[0].pk}/change/"))

    assert "Ends with the billing cycle" in page
    assert "2026-12-01" in page
    assert "Refused now: No connection acme has no connection to GitHub." in page
    assert "Refused now: Not told" in page


def test_it_says_whom_to_ask_where_a_team_grants_the_seat(
    olga_client: Client, desk: list[SeatReview]
) -> None:
    page = text_of(olga_client.get(f"{REVIEWS}{desk[2].pk}/change/"))

    assert "Not possible from here" in page
    assert "Ask an owner of acme." in page


def test_the_page_of_a_seat_tells_the_same_story(olga_client: Client, desk: list[SeatReview]) -> None:
    page = text_of(olga_client.get(f"/seats/seat/{desk[0].seat_id}/change/"))

    assert "What taking it back would do" in page
    assert "Flagged for review by the policy" in page


def test_a_story_asks_no_more_queries_for_a_longer_one(
    olga: Any, olga_client: Client, desk: list[SeatReview]
) -> None:
    page = f"{REVIEWS}{desk[0].pk}/change/"
    known = desk[0]

    def another_round() -> None:
        propose(known, olga)
        Revocation.objects.update(state="refused", live_key=None, brake="kept")
        keep(SeatReview.objects.filter(seat=known.seat), olga, "A pilot.")
        SeatReview.objects.filter(seat=known.seat).update(kept_until=None)
        flag([known.seat], olga, "Again.")

    another_round()
    few = queries_of(olga_client, page)
    for _ in range(3):
        another_round()

    assert queries_of(olga_client, page) == few
