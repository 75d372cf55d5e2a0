"""A proposal freezes who would lose a seat and why, and says of everybody else why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from portal.models import AuditEntry
from seats.models import (
    Account,
    Exemption,
    InactivityPolicy,
    RemovalTask,
    Revocation,
    RevocationBatch,
    Seat,
    SeatPrice,
    SeatReview,
    Team,
)
from seats.reclaim.propose import digest_of, preview, propose
from seats.reclaim.refusals import Brake, Refused
from tests.seats.holding import NOON, grant, hold, join
from tests.seats.reclaim.well import TODAY, busy, connected, heard, idle, rows_of, rules, tell, well

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    rules()
    return connected()


def price(amount: str, plan: str = "business", **fields: Any) -> None:
    SeatPrice.objects.update_or_create(
        plan_type=plan, starts_on=TODAY, **fields,
        defaults={"monthly_price": Decimal(amount), "currency": "USD"},
    )  # fmt: skip


def refused(account: Account, by: Any, **asked: Any) -> Brake:
    with pytest.raises(Refused) as error:
        propose(account, asked.pop("seats", None), by=by, **asked)
    return error.value.refusal.brake


def test_all_whose_notice_is_over_are_proposed(acme: Account, olga: Any) -> None:
    seats = well(acme, idle(1, "ida"), idle(2, "ivo"), idle(3, "ina"), busy(4, "bob"))
    SeatReview.objects.filter(seat=seats[1]).update(notice_ends_on=TODAY)
    batch = propose(acme, None, by=olga, reason="spring cleaning")
    assert rows_of("proposed") == ["ida", "ina"]
    assert not batch.revocations.filter(state="left_out").exists()  # Ivo's turn comes later
    assert (batch.state, batch.proposed_by, batch.seats_held, batch.reason) == (
        "proposed", olga, 4, "spring cleaning",
    )  # fmt: skip
    # Reviews are told apart by the batch, not by their state.
    assert set(SeatReview.objects.values_list("state", flat=True)) == {"notified"}
    assert set(batch.revocations.values_list("review__seat", flat=True)) == {seats[0].pk, seats[2].pk}


def test_a_row_keeps_what_was_known(acme: Account, olga: Any) -> None:
    price("21.00")
    ida, _ = well(acme, idle(1, "ida"), busy(2, "bob"))
    propose(acme, None, by=olga)
    row = Revocation.objects.get()
    assert (row.seat, row.live_key, row.login, row.verdict) == (ida, ida.pk, "ida", "idle")
    assert row.reason == "Last used on 2026-09-21, 60 days ago, by the seat list."
    assert (row.last_evidence_on, row.last_evidence_source) == (date(2026, 9, 21), "seat")
    assert (row.policy, row.granted_by, row.plan_type) == (
        InactivityPolicy.objects.get(),
        "direct",
        "business",
    )
    assert (row.monthly_saving, row.currency) == (Decimal("21.00"), "USD")


def test_hand_picked_seats_are_judged_like_all_others(acme: Account, olga: Any) -> None:
    seats = well(acme, idle(1, "ida"), idle(2, "ina"), idle(3, "ivo"), busy(4, "bob"))
    Exemption.objects.create(user=seats[1].user, reason="leave", starts_on=TODAY)
    batch = propose(acme, [seats[0], seats[1], seats[3]], by=olga)
    left_out = batch.revocations.filter(state="left_out").order_by("seat__user__login")
    assert rows_of("proposed") == ["ida"]
    assert list(left_out.values_list("login", "brake", "live_key")) == [
        ("bob", "not_inactive", None),
        ("ina", "exempt", None),
    ]
    assert left_out[1].says.startswith("Exempt: ina: leave")


def test_a_seat_that_ended_is_left_out(acme: Account, olga: Any) -> None:
    ida, ina, _ = well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    Seat.objects.filter(pk=ina.pk).update(ended_at=NOON + timedelta(minutes=1))
    propose(acme, [ida, Seat.objects.get(pk=ina.pk)], by=olga)
    assert list(Revocation.objects.values_list("login", "brake")) == [("ida", ""), ("ina", "seat_ended")]


def test_a_batch_is_of_one_account(acme: Account, olga: Any) -> None:
    [stranger] = hold(connected("globex"), idle(9, "stan"))
    with pytest.raises(ValueError, match="no seat of acme"):
        propose(acme, [stranger], by=olga)


def test_where_a_brake_holds_the_whole_account_nothing_is_proposed(
    acme: Account, olga: Any, clock: Any
) -> None:
    well(acme, idle(1, "ida"), busy(2, "bob"))
    clock.shift(timedelta(hours=27))
    assert refused(acme, olga) == Brake.STALE_ROSTER
    assert not RevocationBatch.objects.exists()
    proposal = preview(acme, None, by=olga)
    assert [refusal.brake for refusal in proposal.refusals] == [Brake.STALE_ROSTER]
    assert [one.seat.user.login for one in proposal.chosen] == ["ida"]


def test_who_may_not_propose_does_not(acme: Account, vic: Any) -> None:
    well(acme, idle(1, "ida"), busy(2, "bob"))
    assert refused(acme, vic) == Brake.MISSING_PERMISSION
    vic.user_permissions.add(Permission.objects.get(codename="propose_revocationbatch"))
    assert propose(acme, None, by=type(vic).objects.get(pk=vic.pk)).proposed_by == vic


def test_without_any_seat_there_is_no_batch_and_a_reason(acme: Account, olga: Any) -> None:
    ida, *_ = well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"), told=False)
    assert refused(acme, olga) == Brake.NOTICE_MISSING
    tell(ida, notice_ends_on=TODAY)
    assert refused(acme, olga, seats=[ida]) == Brake.NOTICE_RUNNING
    assert not RevocationBatch.objects.exists()
    assert not AuditEntry.objects.filter(action="seats proposed").exists()


def test_a_seat_is_in_one_batch_at_a_time(acme: Account, olga: Any) -> None:
    ida, _ = well(acme, idle(1, "ida"), busy(2, "bob"))
    batch = propose(acme, None, by=olga)
    assert refused(acme, olga) == Brake.IN_ANOTHER_BATCH
    batch.revocations.update(state="dropped", live_key=None)
    assert propose(acme, [ida], by=olga).revocations.get().live_key == ida.pk


def test_of_too_many_those_go_first_that_were_used_last_the_longest_ago(acme: Account, olga: Any) -> None:
    rules(max_seats_per_run=2)
    well(acme, idle(1, "mid", used=50), idle(2, "old", used=60), idle(3, "new", used=40), busy(4, "bob"))
    batch = propose(acme, None, by=olga)
    assert rows_of("proposed") == ["mid", "old"]
    assert batch.revocations.get(state="left_out").brake == Brake.CAP_RUN_COUNT


def test_the_last_seat_is_left_out(acme: Account, olga: Any) -> None:
    well(acme, idle(1, "old"), idle(2, "new", used=40))
    batch = propose(acme, None, by=olga)
    assert rows_of("proposed") == ["old"]
    assert batch.revocations.get(state="left_out").brake == Brake.LAST_SEAT


def test_the_only_seat_is_never_proposed(acme: Account, olga: Any) -> None:
    well(acme, idle(1, "ida"))
    assert refused(acme, olga) == Brake.LAST_SEAT


def test_each_seat_is_judged_by_its_own_policy(acme: Account, olga: Any) -> None:
    ida, ina, _ = well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    join(team, [ina])
    lenient = InactivityPolicy.objects.create(team=team, idle_days=90, mode="propose")
    batch = propose(acme, [ida, ina], by=olga)
    assert rows_of("proposed") == ["ida"]
    assert list(batch.revocations.filter(state="left_out").values_list("login", "policy")) == [
        ("ina", lenient.pk)
    ]


def test_of_a_seat_that_a_team_grants_the_owner_is_asked(acme: Account, olga: Any) -> None:
    well(acme, idle(1, "ida"), idle(2, "ina", team_id=7, team_slug="web"), busy(3, "bob"))
    propose(acme, None, by=olga, reason="idle")
    assert rows_of("proposed") == ["ida"]
    assert list(RemovalTask.objects.values_list("seat__user__login", "team__slug", "state")) == [
        ("ina", "web", "open")
    ]


def test_an_owner_is_asked_also_where_no_other_seat_is_left(acme: Account, olga: Any) -> None:
    well(acme, idle(1, "ida", team_id=7, team_slug="web"), busy(2, "bob"))
    assert refused(acme, olga) == Brake.WRONG_PATH
    assert RemovalTask.objects.count() == 1


def test_no_owner_is_asked_before_the_person_was_told(acme: Account, olga: Any) -> None:
    ida, _ = well(acme, idle(1, "ida", team_id=7, team_slug="web"), busy(2, "bob"), told=False)
    assert refused(acme, olga, seats=[ida]) == Brake.NOTICE_MISSING
    assert not RemovalTask.objects.exists()


def test_the_digest_is_of_the_selection_and_of_nothing_else(acme: Account, olga: Any) -> None:
    price("19.00")
    ida, ina, bob = well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    batch = propose(acme, [ida, ina, bob], by=olga)
    rows = batch.revocations.all()
    assert digest_of(batch, rows) == batch.digest
    assert digest_of(batch, rows.exclude(state="left_out")) == batch.digest
    rows.filter(seat=ina).update(state="refused", live_key=None, brake="exempt")
    assert digest_of(batch, batch.revocations.all()) == batch.digest  # what became of them is no matter
    for change in ({"login": "eve"}, {"last_evidence_on": TODAY}, {"monthly_saving": Decimal(1)}):
        kept = Revocation.objects.filter(seat=ida).values(*change).get()
        Revocation.objects.filter(seat=ida).update(**change)
        assert digest_of(batch, batch.revocations.all()) != batch.digest, change
        Revocation.objects.filter(seat=ida).update(**kept)


def test_the_audit_says_what_was_frozen(acme: Account, olga: Any) -> None:
    ida, bob = well(acme, idle(1, "ida"), busy(2, "bob"))
    batch = propose(acme, [ida, bob], by=olga)
    entry = AuditEntry.objects.get(action="seats proposed")
    assert (entry.subject, entry.actor_name) == (batch.subject, "olga")
    assert entry.detail["revocations"] == [Revocation.objects.get(state="proposed").pk]
    assert entry.detail["left_out"] == {"not_inactive": 1}
    assert entry.detail["digest"] == batch.digest


# --- Money ------------------------------------------------------------------------------------


@pytest.fixture
def corp() -> tuple[Account, Account]:
    """Two organizations of one enterprise."""
    rules()
    price("19.00")
    price("39.00", plan="enterprise")
    enterprise = Account.objects.create(kind="enterprise", login="corp")
    first, second = connected("acme", parent=enterprise), connected("globex", parent=enterprise)
    heard(enterprise)
    return first, second


def saving_of(account: Account, login: str) -> str:
    proposal = preview(account, None, by=None)
    [money] = [one.saving for one in proposal.chosen if one.seat.user.login == login]
    return str(money) if money else "unknown"


@pytest.mark.parametrize(
    ("here", "there", "saved"),
    [
        ("business", "business", "0.00 USD"),
        ("enterprise", "business", "20.00 USD"),
        ("business", "enterprise", "0.00 USD"),
        ("business", None, "19.00 USD"),
        ("starter", None, "unknown"),
        ("starter", "business", "0.00 USD"),
    ],
)
def test_a_seat_saves_what_the_bill_is_less_without_it(
    corp: tuple[Account, Account], here: str, there: str | None, saved: str
) -> None:
    acme, globex = corp
    if there is not None:
        hold(globex, idle(1, "ida", plan_type=there), busy(3, "bob"))
    [ida, _] = hold(acme, idle(1, "ida", plan_type=here), busy(2, "eve"))
    Seat.objects.update(first_seen_at=NOON - timedelta(days=21))
    Account.objects.update(watched_since=NOON - timedelta(days=21))
    tell(ida)
    assert saving_of(acme, "ida") == saved


def test_a_second_seat_that_ends_already_makes_none_free(corp: tuple[Account, Account]) -> None:
    acme, globex = corp
    hold(globex, grant(1, "ida", pending_cancellation_date=date(2026, 12, 1)), busy(3, "bob"))
    well(acme, idle(1, "ida"), busy(2, "eve"))
    assert saving_of(acme, "ida") == "19.00 USD"


def test_the_saving_of_a_proposal_is_that_of_its_seats(acme: Account) -> None:
    price("19.00")
    well(acme, idle(1, "ida"), idle(2, "ina"), idle(3, "ivo", plan_type="starter"), busy(4, "bob"))
    proposal = preview(acme, None, by=None)
    assert str(proposal.saving) == "38.00 USD + 1 without a price"


# --- Many -------------------------------------------------------------------------------------


def queries(count: Callable[..., Any], acme: Account, olga: Any) -> int:
    with count(75) as asked:
        propose(acme, None, by=olga)
    return len(asked)


def test_many_seats_take_no_more_queries_than_few(
    acme: Account, olga: Any, django_assert_max_num_queries: Any
) -> None:
    rules(max_seats_per_run=1000, max_seats_per_day=1000)
    well(acme, *(idle(n, f"p{n}") for n in range(1, 21)), busy(500, "bob"))
    few = queries(django_assert_max_num_queries, acme, olga)
    Revocation.objects.all().delete()
    SeatReview.objects.all().delete()
    well(acme, *(idle(n, f"p{n}") for n in range(1, 201)), busy(500, "bob"))
    many = queries(django_assert_max_num_queries, acme, olga)
    assert Revocation.objects.filter(state="proposed").count() == 200
    assert many <= few + 2  # rows go to the database in parcels
