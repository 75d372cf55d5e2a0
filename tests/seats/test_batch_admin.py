"""The pages of batches: what one is and what happens next, and a button for each step to whoever may."""

from __future__ import annotations

import csv
import html
import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry, Job
from seats import verdicts
from seats.models import Account, Exemption, InactivityPolicy, Revocation, RevocationBatch, Seat
from seats.reclaim import flag, propose
from tests.counting import queries_of
from tests.portal.test_pages_speak import words_of
from tests.seats.batches import batch_of, left_out, taken_back, willing
from tests.seats.holding import NOON, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

BATCHES = "/seats/revocationbatch/"
STEPS = ("approve", "withdraw", "execute", "give-back")


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, grant(1, "ana", 60), grant(2, "ben", 60), grant(3, "cem", 60), grant(4, "dan", 60))


def page_of(batch: RevocationBatch, step: str = "change") -> str:
    return f"{BATCHES}{batch.pk}/{step}/"


def buttons(client: Client, batch: RevocationBatch) -> list[str]:
    page = client.get(page_of(batch))
    offered = [step.label for step in page.context["steps"]]
    assert all(f">{label}</" in page.content.decode() for label in offered)
    return offered


def words(page: Any) -> str:
    return html.unescape(words_of(page))


def allow(user: Any, *codenames: str) -> None:
    names = ["view_revocationbatch", *codenames]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))


def rows(page: Any) -> list[str]:
    return [line.login for line in page.context["rows"].lines]


# --- The list ---------------------------------------------------------------------------------


def test_the_list_tells_what_became_of_each_batch(
    vic_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    batch_of(acme, seats[:1], by=olga)
    done = batch_of(acme, seats[1:3], by=olga, state="done")
    taken_back(done, "ben")
    done.revocations.filter(login="cem").update(state="failed", live_key=None)

    listed = words(vic_client.get(BATCHES))

    assert f"Batch {done.pk} acme done 2 1 1 19.00 USD 2026-11-20 12:00 UTC, olga olga people" in listed
    assert "acme proposed 1 0 0 19.00 USD 2026-11-20 12:00 UTC, olga – people" in listed


def test_the_list_asks_as_often_for_many_batches_as_for_few(
    olga_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch_of(acme, seats[:1])
    few = queries_of(olga_client, BATCHES)
    for _ in range(20):
        batch_of(acme, seats[1:], state="done").revocations.update(state="dropped", live_key=None)

    assert queries_of(olga_client, BATCHES) == few <= 12


def test_an_empty_list_says_what_a_batch_is(vic_client: Client) -> None:
    assert "Nothing is asked of GitHub before it is executed." in words(vic_client.get(BATCHES))


# --- What one batch says ----------------------------------------------------------------------


TO_APPROVE = ["Approve…", "Dry run", "Withdraw…", "Export CSV"]
TO_EXECUTE = ["Execute…", "Dry run", "Withdraw…", "Export CSV"]


@pytest.mark.parametrize(
    ("state", "says", "offered"),
    [
        ("proposed", "Nothing was asked of GitHub. Next: somebody approves it.", TO_APPROVE),
        ("half_approved", "a second person approves it, neither that one nor who proposed it.", TO_APPROVE),
        ("approved", "Next: somebody executes it.", TO_EXECUTE),
        ("stopped", "stopped with 0 seats taken back and 4 still to do. Next: execute it", TO_EXECUTE),
        ("executing", "Its execution was cut short. Next: execute it", ["Execute…", "Export CSV"]),
        ("withdrawn", "Nothing more happens.", ["Export CSV"]),
        ("expired", "Propose the seats anew.", ["Export CSV"]),
    ],
)
def test_a_batch_says_what_it_is_and_what_happens_next_and_offers_that(
    olga_client: Client,
    olga: Any,
    acme: Account,
    seats: list[Seat],
    state: str,
    says: str,
    offered: list[str],
) -> None:
    page = olga_client.get(page_of(batch_of(acme, seats, by=olga, state=state)))

    assert "4 seats of acme, proposed by olga on 2026-11-20." in words(page)
    assert says in words(page)
    assert [step.label for step in page.context["steps"]] == offered


def test_a_batch_that_is_done_says_what_is_verified_next(
    vic_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats, by=olga, state="done")
    taken_back(batch, "ana", "ben", "cem")
    batch.revocations.filter(login="dan").update(
        state="refused", live_key=None, brake="active_again", says="Used on 2026-11-20."
    )

    page = vic_client.get(page_of(batch))

    assert (
        "It is done: 3 seats taken back, 1 refused. Next: GitHub's next seat list verifies 3 of them."
        in words(page)
    )
    assert {figure.label: figure.value for figure in page.context["figures"].figures} == {
        "Seats": "4",
        "Taken back": "3",
        "Refused": "1",
        "Saves a month": "57.00 USD",
        "Access ends": "2026-12-01",
    }


def test_what_was_left_out_is_grouped_by_brake_with_what_helps(
    vic_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats[:1])
    left_out(batch, seats[1], "exempt", "Parental leave.")
    left_out(batch, seats[2], "exempt", "Sick leave.")
    left_out(batch, seats[3], "notice_running", "Told on Monday.")

    page = words(vic_client.get(page_of(batch)))
    only_exempt = vic_client.get(f"{page_of(batch)}?show=left_out.exempt")

    assert "Exempt 2 An exemption is in force. Take the exemption back, or let it expire." in page
    assert "Notice is running 1" in page
    assert rows(only_exempt) == ["ben", "cem"]
    assert "Parental leave." in words(only_exempt)


def test_a_seat_says_why_it_is_there_and_what_github_said(
    vic_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats[:1], state="done")
    batch.revocations.update(state="failed", live_key=None, brake="github_refuses", says="Validation Failed")

    page = words(vic_client.get(page_of(batch)))

    assert (
        "ana refused by GitHub Last use was 60 days ago; the policy allows 30. 2026-09-21, seat list direct"
        in page
    )
    assert "GitHub: Validation Failed" in page


def test_seats_are_found_by_state_and_login(vic_client: Client, acme: Account, seats: list[Seat]) -> None:
    batch = batch_of(acme, seats, state="done")
    taken_back(batch, "ana", "ben")

    def shown(query: str) -> list[str]:
        return rows(vic_client.get(f"{page_of(batch)}?{query}"))

    assert shown("") == ["ana", "ben", "cem", "dan"]
    assert shown("show=taken_back") == ["ana", "ben"]
    assert shown("show=proposed&login=D") == ["dan"]
    assert shown("show=nonsense.at-all&page=x") == []


def test_five_hundred_seats_are_paged_at_no_further_query(
    olga_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats)
    few = queries_of(olga_client, page_of(batch))
    other = organization("other")
    many = batch_of(other, hold(other, *(grant(n, f"user-{n:03}", 60) for n in range(100, 600))))
    left_out(many, seats[0], "exempt", "Leave.")

    page = olga_client.get(f"{page_of(many)}?page=2")

    assert queries_of(olga_client, page_of(many)) == few <= 30
    assert len(rows(page)) == 50
    assert rows(page)[0] == "user-150"
    assert "51 to 100 of 500" in words(page)


def test_who_did_what_is_told_with_links_into_the_audit_log(
    olga_client: Client, vic_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats, state="done")
    call = taken_back(batch, "ana")
    AuditEntry.objects.record("batch approved", subject=batch.subject, actor=olga, detail={"reason": "Idle."})
    entry = AuditEntry.objects.record("seats taken back", subject=call.subject, detail={"revocations": [1]})
    AuditEntry.objects.record("batch approved", subject=f"{batch.subject}0", actor=olga)

    page = olga_client.get(page_of(batch))

    told = [[cell.text for cell in row] for row in page.context["trail"].rows]
    assert told == [
        ["2026-11-20 12:00 UTC", "Seats taken back", "the portal", "–"],
        ["2026-11-20 12:00 UTC", "Batch approved", "olga", "reason Idle."],
    ]
    assert f'href="/portal/auditentry/{entry.pk}/change/"' in page.content.decode()


# --- Who is offered what ----------------------------------------------------------------------


def test_seats_are_given_back_while_their_cycle_lasts(
    olga_client: Client, acme: Account, seats: list[Seat], clock: Any
) -> None:
    batch = batch_of(acme, seats, state="done")
    taken_back(batch, "ana")

    assert "Give back…" in buttons(olga_client, batch)
    assert 'aria-label="Give back ana"' in olga_client.get(page_of(batch)).content.decode()
    clock.move_to("2026-12-02T12:00:00Z")
    assert "Give back…" not in buttons(olga_client, batch)


def test_whoever_may_only_look_is_offered_nothing_that_decides(
    vic_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats, state="done")
    taken_back(batch, "ana")

    assert buttons(vic_client, batch_of(acme, [], state="proposed")) == ["Export CSV"]
    assert buttons(vic_client, batch) == ["Export CSV"]
    for step in STEPS:
        assert vic_client.get(page_of(batch, step)).status_code == 403, step
        assert vic_client.post(page_of(batch, step), {"reason": "Because."}).status_code == 403, step
    for step in ("dry-run", "stop"):
        assert vic_client.post(page_of(batch, step)).status_code == 403, step
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("permission", "state", "step", "button"),
    [
        ("approve_revocationbatch", "proposed", "approve", "Approve…"),
        ("propose_revocationbatch", "proposed", "withdraw", "Withdraw…"),
        ("execute_revocationbatch", "approved", "execute", "Execute…"),
        ("view_revocation", "done", "export", "Export CSV"),
    ],
)
def test_each_step_has_a_permission_of_its_own(
    noa: Any,
    noa_client: Client,
    acme: Account,
    seats: list[Seat],
    permission: str,
    state: str,
    step: str,
    button: str,
) -> None:
    batch = batch_of(acme, seats, by=noa, state=state)
    allow(noa)
    assert button not in buttons(noa_client, batch)
    assert noa_client.get(page_of(batch, step)).status_code == 403

    allow(noa, permission)
    assert button in buttons(noa_client, batch)
    assert noa_client.get(page_of(batch, step)).status_code == 200


def test_without_permission_there_is_no_page(noa_client: Client, acme: Account, seats: list[Seat]) -> None:
    batch = batch_of(acme, seats)

    assert noa_client.get(BATCHES).status_code == 403
    assert noa_client.get(page_of(batch)).status_code == 403
    assert noa_client.get(page_of(batch, "progress")).status_code == 403


# --- Steps ------------------------------------------------------------------------------------


@pytest.fixture
def proposed(acme: Account, seats: list[Seat], olga: Any) -> RevocationBatch:
    """Ana, Ben and Cem, proposed by Olga; Dan keeps his seat."""
    willing(acme)
    flag.flag(Seat.objects.filter(account=acme), olga, "Idle.")
    return propose.propose(acme, seats[:3], by=olga)


def test_approving_asks_for_a_reason_and_for_the_number_where_it_is_to_be_typed(
    olga_client: Client, olga: Any, proposed: RevocationBatch
) -> None:
    InactivityPolicy.objects.update(confirm_above=2)
    approve = page_of(proposed, "approve")

    asked = words(olga_client.get(approve))
    assert "3 seats of acme, 57.00 USD a month." in asked
    assert "To confirm, type how many seats are to be taken back." in asked
    assert "This field is required." in words(olga_client.post(approve, {"typed": "3"}))
    assert "Not confirmed:" in words(olga_client.post(approve, {"typed": "4", "reason": "Idle."}))
    proposed.refresh_from_db()
    assert proposed.state == "proposed"

    answer = olga_client.post(approve, {"typed": "3", "reason": "Idle."}, follow=True)

    assert "It is approved. Nothing is asked of GitHub before somebody executes it." in words(answer)
    proposed.refresh_from_db()
    assert (proposed.state, proposed.approved_by, proposed.approval_reason) == ("approved", olga, "Idle.")


def test_two_people_are_asked_for_where_the_policy_wants_them(
    olga_client: Client, noa: Any, noa_client: Client, vic: Any, vic_client: Client, proposed: RevocationBatch
) -> None:
    InactivityPolicy.objects.update(needs_second_person=True)
    approve = page_of(proposed, "approve")
    for user in (noa, vic):
        allow(user, "approve_revocationbatch")

    answer = words(olga_client.post(approve, {"reason": "Mine."}, follow=True))
    assert "Own proposal: A second person is required" in answer
    assert "Two people have to approve" in words(noa_client.get(approve))
    answer = words(noa_client.post(approve, {"reason": "Idle."}, follow=True))
    assert "A second person has to approve it before it can be executed." in answer
    answer = words(noa_client.post(approve, {"reason": "Idle."}, follow=True))
    assert "Same person twice:" in answer

    assert "You are the second person." in words(vic_client.get(approve))
    vic_client.post(approve, {"reason": "I agree."})
    proposed.refresh_from_db()
    assert (proposed.state, proposed.second_approved_by) == ("approved", vic)


def test_whoever_approves_something_that_has_changed_sees_what_remains_first(
    olga_client: Client, olga: Any, proposed: RevocationBatch
) -> None:
    ana = proposed.revocations.get(login="ana")
    Exemption.objects.create(user=ana.seat.user, reason="Leave.", starts_on=NOON.date())
    verdicts.refresh()

    answer = olga_client.post(page_of(proposed, "approve"), {"reason": "Idle."}, follow=True)

    assert "Changed since it was proposed: 1 of 3 seats dropped out" in words(answer)
    assert [line.login for line in answer.context["rows"].lines if line.tone == "unknown"] == [
        "ana", "ben", "cem",
    ]  # fmt: skip
    assert "refused by a brake" in words(answer)
    assert buttons(olga_client, proposed)[0] == "Approve…"


def test_a_batch_is_withdrawn_with_a_reason(olga_client: Client, proposed: RevocationBatch) -> None:
    withdraw = page_of(proposed, "withdraw")

    assert "3 seats of acme will not be taken back." in words(olga_client.get(withdraw))
    olga_client.post(withdraw, {"reason": "Wrong month."})

    proposed.refresh_from_db()
    assert (proposed.state, proposed.says) == ("withdrawn", "Wrong month.")
    assert not Revocation.objects.exclude(live_key=None).exists()


def test_executing_asks_once_and_shows_how_far_it_is(
    olga_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats, by=olga, state="approved")

    asked = words(olga_client.get(page_of(batch, "execute")))
    assert "GitHub is asked to take back 4 seats of acme, 76.00 USD a month." in asked
    assert not Job.objects.exists()
    page = olga_client.post(page_of(batch, "execute"), follow=True)

    job = Job.objects.get(kind="revoke-batch")
    assert f'data-job-page="{job.pk}"' in page.content.decode()
    assert "No background worker is running" in words(page)
    RevocationBatch.objects.update(state="executing")
    assert "each seat is read and checked once more" in words(olga_client.get(page_of(batch)))
    assert "Stop" in buttons(olga_client, batch)
    told = olga_client.get(page_of(batch, "progress")).json()["jobs"]
    assert told[str(job.pk)]["is_live"] is True


def test_how_far_it_is_shows_to_whoever_may_see_the_batch_but_no_jobs(
    noa: Any, noa_client: Client, olga_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats, state="approved")
    olga_client.post(page_of(batch, "execute"))
    allow(noa)

    page = noa_client.get(page_of(batch)).content.decode()

    assert f'data-job-url="{page_of(batch, "progress")}"' in page
    assert len(noa_client.get(page_of(batch, "progress")).json()["jobs"]) == 1


def test_a_batch_at_work_is_stopped(olga_client: Client, acme: Account, seats: list[Seat]) -> None:
    batch = batch_of(acme, seats, state="approved")
    olga_client.post(page_of(batch, "execute"))

    answer = olga_client.post(page_of(batch, "stop"), follow=True)

    assert "It was told to stop" in words(answer)
    assert Job.objects.get(kind="revoke-batch").state == "cancelled"
    assert "It had ended already." in words(olga_client.post(page_of(batch, "stop"), follow=True))


def test_a_dry_run_says_what_would_be_refused_and_changes_nothing(
    olga_client: Client, proposed: RevocationBatch
) -> None:
    ana = proposed.revocations.get(login="ana")
    Exemption.objects.create(user=ana.seat.user, reason="Leave.", starts_on=NOON.date())
    verdicts.refresh()
    before = list(Revocation.objects.values_list("pk", "state", "brake"))
    dry_run = page_of(proposed, "dry-run")

    assert olga_client.get(dry_run).status_code == 405
    page = olga_client.post(dry_run)

    assert "nothing was asked of GitHub, nothing was written" in words(page)
    assert (page.context["passing"], page.context["refused"]) == (2, 1)
    assert "Exempt 1 An exemption is in force." in words(page)
    assert [row[0].text for row in page.context["named"].rows] == ["ana"]
    assert list(Revocation.objects.values_list("pk", "state", "brake")) == before


def test_selected_seats_are_given_back_with_a_reason(
    olga_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats, by=olga, state="done")
    taken_back(batch, "ana", "ben")
    ana = batch.revocations.get(login="ana")
    give_back = f"{page_of(batch, 'give-back')}?seat={ana.pk}"

    asked = words(olga_client.get(give_back))
    assert "Give back 1 seat" in asked
    assert "their seats back: ana. Until 2026-12-01" in asked
    assert "ana, ben" in words(olga_client.get(page_of(batch, "give-back")))


def test_a_batch_is_exported_as_its_lines_of_the_report(
    vic_client: Client, acme: Account, seats: list[Seat]
) -> None:
    batch = batch_of(acme, seats[:2])
    batch_of(acme, seats[2:])

    answer = vic_client.get(page_of(batch, "export"))
    lines = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))

    assert [(line["login"], line["batch"]) for line in lines] == [
        ("ana", str(batch.pk)),
        ("ben", str(batch.pk)),
    ]
    assert AuditEntry.objects.get(action="batch exported").subject == batch.subject
