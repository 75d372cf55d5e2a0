"""Who may decide over a batch, on what, and until when; and what changed meanwhile drops out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from portal.models import AuditEntry
from seats.models import (
    Account,
    Evidence,
    Exemption,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatReview,
)
from seats.reclaim import approve as deciding
from seats.reclaim.approve import Needs, approve, expire_old, needs, withdraw
from seats.reclaim.propose import propose
from seats.reclaim.refusals import Brake, Refused
from tests.seats.holding import NOON
from tests.seats.reclaim.well import TODAY, busy, connected, idle, rows_of, rules, well

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PROPOSE, APPROVE = "propose_revocationbatch", "approve_revocationbatch"


@pytest.fixture
def acme() -> Account:
    rules()
    return connected()


@pytest.fixture
def batch(acme: Account, olga: Any) -> RevocationBatch:
    """Three seats that Olga proposed."""
    well(acme, idle(1, "ida"), idle(2, "ina"), idle(3, "ivo"), busy(4, "bob"))
    return propose(acme, None, by=olga)


@pytest.fixture
def ada(django_user_model: Any) -> Any:
    return permitted(django_user_model, "ada", APPROVE)


@pytest.fixture
def pia(django_user_model: Any) -> Any:
    return permitted(django_user_model, "pia", APPROVE)


def permitted(users: Any, name: str, *codenames: str) -> Any:
    user = users.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def refused(batch: RevocationBatch, by: Any, reason: str = "unused", typed: int | None = None) -> Brake:
    with pytest.raises(Refused) as error:
        approve(batch, by, reason, typed)
    return error.value.refusal.brake


def states() -> set[str]:
    return set(SeatReview.objects.values_list("state", flat=True))


# --- One person -------------------------------------------------------------------------------


def test_whoever_may_approves_with_a_reason(batch: RevocationBatch, ada: Any) -> None:
    approved = approve(batch, ada, "nobody uses them")
    assert (approved.state, approved.approved_by, approved.approved_at) == ("approved", ada, NOON)
    assert approved.approval_reason == "nobody uses them"
    assert states() == {"approved"}
    assert rows_of("proposed") == ["ida", "ina", "ivo"]
    entry = AuditEntry.objects.get(action="batch approved")
    assert (entry.subject, entry.actor_name, entry.detail["seats"]) == (batch.subject, "ada", 3)


def test_whoever_proposed_may_approve_where_one_person_is_enough(batch: RevocationBatch, olga: Any) -> None:
    assert approve(batch, olga, "nobody uses them").state == "approved"


def test_missing_permission(batch: RevocationBatch, vic: Any) -> None:
    assert refused(batch, vic) == Brake.MISSING_PERMISSION
    batch.refresh_from_db()
    assert batch.state == "proposed"


def test_the_portal_approves_nothing_that_a_person_proposed(batch: RevocationBatch) -> None:
    assert refused(batch, None) == Brake.MISSING_PERMISSION
    with pytest.raises(Refused):
        deciding.approve_automatically(batch)


def test_not_confirmed_without_a_reason(batch: RevocationBatch, ada: Any) -> None:
    assert refused(batch, ada, reason="  ") == Brake.NOT_CONFIRMED


def test_not_confirmed_without_the_number_of_seats(batch: RevocationBatch, ada: Any) -> None:
    rules(confirm_above=2)
    assert needs(batch) == Needs(typed=3, second_person=False)
    assert refused(batch, ada) == Brake.NOT_CONFIRMED
    assert refused(batch, ada, typed=2) == Brake.NOT_CONFIRMED
    assert approve(batch, ada, "unused", typed=3).state == "approved"


def test_up_to_the_threshold_nothing_is_typed(batch: RevocationBatch, ada: Any) -> None:
    rules(confirm_above=3)
    assert needs(batch).typed is None
    assert refused(batch, ada, typed=4) == Brake.NOT_CONFIRMED  # whoever types means it
    assert approve(batch, ada, "unused").state == "approved"


# --- Two people -------------------------------------------------------------------------------


def test_two_people_approve_neither_of_whom_proposed(
    batch: RevocationBatch, olga: Any, ada: Any, pia: Any
) -> None:
    rules(needs_second_person=True)
    assert needs(batch).second_person
    assert approve(batch, ada, "unused").state == "half_approved"
    assert states() == {"notified"}
    approved = approve(batch, pia, "I agree")
    assert (approved.state, approved.approved_by, approved.second_approved_by) == ("approved", ada, pia)
    assert states() == {"approved"}
    assert AuditEntry.objects.get(action="batch approved by a second person").actor_name == "pia"


def test_own_approval(batch: RevocationBatch, olga: Any, ada: Any) -> None:
    rules(needs_second_person=True)
    assert refused(batch, olga) == Brake.OWN_APPROVAL
    approve(batch, ada, "unused")
    assert refused(batch, olga) == Brake.OWN_APPROVAL


def test_same_person_twice(batch: RevocationBatch, ada: Any) -> None:
    rules(needs_second_person=True)
    approve(batch, ada, "unused")
    assert refused(batch, ada) == Brake.SAME_PERSON_TWICE
    rules(needs_second_person=False)
    assert refused(batch, ada) == Brake.SAME_PERSON_TWICE  # what was begun by two is ended by two


def test_a_policy_deleted_since_still_asks_for_its_second_person_where_another_does(
    batch: RevocationBatch, ada: Any
) -> None:
    rules(needs_second_person=True)
    batch.revocations.update(policy=None)
    assert needs(batch).second_person


# --- What changed -----------------------------------------------------------------------------


def test_changed_since_proposed_where_somebody_came_back_to_life(batch: RevocationBatch, ada: Any) -> None:
    Evidence.objects.filter(user__login="ina").update(last_on=TODAY)
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED
    row = Revocation.objects.get(login="ina")
    assert (row.state, row.brake, row.live_key) == ("refused", "active_again", None)
    batch.refresh_from_db()
    assert batch.state == "proposed"
    assert approve(batch, ada, "the others").state == "approved"  # whoever has seen what remains
    assert rows_of("proposed") == ["ida", "ivo"]


def test_what_remains_can_be_approved_at_once_by_typing_how_many(batch: RevocationBatch, ada: Any) -> None:
    Evidence.objects.filter(user__login="ina").update(last_on=TODAY)
    assert refused(batch, ada, typed=3) == Brake.CHANGED_SINCE_PROPOSED
    Exemption.objects.create(user=Seat.objects.get(user__login="ivo").user, reason="x", starts_on=TODAY)
    assert approve(batch, ada, "Ida only", typed=1).state == "approved"
    assert rows_of("refused") == ["ina", "ivo"]


def test_a_use_that_became_known_drops_out_also_where_it_changes_no_verdict(
    batch: RevocationBatch, ada: Any
) -> None:
    Evidence.objects.filter(user__login="ina").update(last_on=TODAY - timedelta(days=40))
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED
    assert Revocation.objects.get(login="ina").brake == Brake.CHANGED_SINCE_PROPOSED


def test_where_nothing_remains_the_batch_is_withdrawn(batch: RevocationBatch, ada: Any) -> None:
    Evidence.objects.update(last_on=TODAY)
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED
    batch.refresh_from_db()
    assert batch.state == "withdrawn"
    assert rows_of("refused") == ["ida", "ina", "ivo"]


def test_where_a_brake_holds_the_account_nothing_drops_out(
    batch: RevocationBatch, ada: Any, clock: Any
) -> None:
    clock.shift(timedelta(hours=27))
    assert refused(batch, ada) == Brake.STALE_ROSTER
    assert rows_of("proposed") == ["ida", "ina", "ivo"]


def test_rows_changed_in_the_database_are_not_approved(batch: RevocationBatch, ada: Any) -> None:
    Revocation.objects.filter(login="ida").update(reason="because")
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED
    assert not AuditEntry.objects.filter(action="batch approved").exists()


def test_a_row_smuggled_in_is_not_approved(batch: RevocationBatch, ada: Any) -> None:
    bob = Seat.objects.get(user__login="bob")
    Revocation.objects.create(batch=batch, seat=bob, live_key=bob.pk, login="bob")
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED


def test_a_cap_lowered_since_drops_out_what_is_too_many(batch: RevocationBatch, ada: Any) -> None:
    rules(max_seats_per_run=2)
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED
    assert set(Revocation.objects.filter(state="refused").values_list("brake", flat=True)) == {
        "cap_run_count"
    }


def test_a_seat_of_another_account_drops_out(batch: RevocationBatch, ada: Any) -> None:
    Seat.objects.filter(user__login="ina").update(account=connected("globex"))
    assert refused(batch, ada) == Brake.CHANGED_SINCE_PROPOSED
    assert rows_of("proposed") == ["ida", "ivo"]


# --- The end of it ----------------------------------------------------------------------------


def test_a_batch_is_decided_once(batch: RevocationBatch, ada: Any, pia: Any) -> None:
    seen_by_both = RevocationBatch.objects.get(pk=batch.pk)
    approve(batch, ada, "unused")
    assert refused(seen_by_both, pia) == Brake.CHANGED_SINCE_PROPOSED
    withdraw(seen_by_both, pia, "wait")
    assert refused(seen_by_both, pia) == Brake.CHANGED_SINCE_PROPOSED
    with pytest.raises(Refused, match="not open any more"):
        withdraw(batch, ada, "again")


def test_a_withdrawn_batch_lets_go_of_its_seats(batch: RevocationBatch, ada: Any, olga: Any) -> None:
    approve(batch, ada, "unused")
    withdrawn = withdraw(batch, ada, "not now")
    assert (withdrawn.state, withdrawn.says) == ("withdrawn", "not now")
    assert rows_of("dropped") == ["ida", "ina", "ivo"]
    assert states() == {"notified"}
    assert AuditEntry.objects.get(action="batch withdrawn").detail["reason"] == "not now"
    assert propose(batch.account, None, by=olga).pk != batch.pk


def test_whoever_proposed_may_withdraw_and_nobody_else_without_permission(
    batch: RevocationBatch, vic: Any, django_user_model: Any
) -> None:
    with pytest.raises(Refused, match="may not withdraw"):
        withdraw(batch, vic, "no")
    proposer = permitted(django_user_model, "pat", PROPOSE)
    with pytest.raises(Refused, match="may not withdraw"):
        withdraw(batch, proposer, "no")
    RevocationBatch.objects.update(proposed_by=proposer)
    batch.refresh_from_db()
    with pytest.raises(Refused, match="Say why"):
        withdraw(batch, proposer, " ")
    assert withdraw(batch, proposer, "no").state == "withdrawn"


def test_what_github_was_asked_is_settled_before_anything_is_withdrawn(
    batch: RevocationBatch, ada: Any
) -> None:
    call = SeatCall.objects.create(action="revoke", account=batch.account, path="/")
    Revocation.objects.filter(login="ida").update(state="intended", call=call)
    with pytest.raises(Refused, match="nobody knows yet"):
        withdraw(batch, ada, "no")


def test_batch_expired(batch: RevocationBatch, ada: Any, clock: Any) -> None:
    clock.shift(timedelta(days=7))
    assert expire_old() == 0
    clock.shift(timedelta(seconds=1))
    assert refused(batch, ada) == Brake.BATCH_EXPIRED
    batch.refresh_from_db()
    assert batch.state == "expired"
    assert rows_of("dropped") == ["ida", "ina", "ivo"]
    assert AuditEntry.objects.get(action="batch expired").subject == batch.subject


def test_an_approval_stands_for_seven_days_of_its_own(batch: RevocationBatch, ada: Any, clock: Any) -> None:
    RevocationBatch.objects.update(proposed_at=NOON - timedelta(days=6))
    approve(batch, ada, "unused")
    clock.shift(timedelta(days=7))
    assert expire_old() == 0
    clock.shift(timedelta(seconds=1))
    assert expire_old() == 1
    assert states() == {"notified"}
    batch.refresh_from_db()
    assert batch.state == "expired"


def test_what_is_under_way_does_not_expire(batch: RevocationBatch, ada: Any, clock: Any) -> None:
    approve(batch, ada, "unused")
    RevocationBatch.objects.update(state="executing")
    clock.shift(timedelta(days=8))
    assert expire_old() == 0


# --- Many -------------------------------------------------------------------------------------


def test_many_seats_are_approved_with_no_more_queries_than_few(
    acme: Account, olga: Any, django_assert_max_num_queries: Any
) -> None:
    rules(max_seats_per_run=1000, max_seats_per_day=1000, confirm_above=1000)
    asked = []
    for many in (10, 100):
        Revocation.objects.all().delete()
        SeatReview.objects.all().delete()
        well(acme, *(idle(n, f"p{n}") for n in range(1, many + 1)), busy(500, "bob"))
        batch = propose(acme, None, by=olga)
        with django_assert_max_num_queries(90) as queries:
            approve(batch, olga, "unused")
        asked.append(len(queries))
    assert asked[1] <= asked[0]
