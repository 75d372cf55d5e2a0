"""Changing any row that decides about seats breaks `verify_audit`, which names the row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, models, transaction
from django.db import connection as database

from portal.audit_witnesses import contradictions
from portal.models import AuditEntry, Connection
from seats.accounts import merge
from seats.models import Account, Revocation, RevocationBatch, Seat, SeatCall, SeatRequest, SeatReview
from seats.reclaim import grant, reinstate, revoke, seat_requests, verify
from seats.reclaim.approve import withdraw
from tests.fake_github import FakeGitHub, Organization, State
from tests.seats.reclaim.approved import admin, approved_batch, idle_people
from tests.seats.sync.conftest import TOKEN
from tests.seats.sync.running import done

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def told_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[int]:
    """The story, for every test: what one does to it is taken back afterwards."""
    state = State()
    state.token(TOKEN)
    around = transaction.atomic()
    around._from_testcase = True  # as of a test: what must be committed by itself may go on within
    with (
        django_db_blocker.unblock(),
        time_machine.travel("2026-11-20T12:00:00Z", tick=False) as clock,
        FakeGitHub(state) as github,
        pytest.MonkeyPatch.context() as environment,
        around,
    ):
        environment.setenv("GITHUB_TOKEN_OF_THE_STORY", TOKEN)
        connection = Connection.objects.create(
            name="acme", base_url=github.url, secret_env="GITHUB_TOKEN_OF_THE_STORY"
        )
        account = Account.objects.create(kind="organization", login="acme", connection=connection)
        yield tell(clock, state.organization("acme", 901), account).pk
        transaction.set_rollback(True)


@pytest.fixture
def story(told_once: int) -> RevocationBatch:
    return RevocationBatch.objects.get(pk=told_once)


def tell(clock: time_machine.Coordinates, octo: Organization, account: Account) -> RevocationBatch:
    """Three seats taken back: one given back since, one that came back by itself, one verified."""
    idle_people(octo, 3)
    batch = approved_batch(account)
    revoke.execute_here(batch, admin())
    clock.shift(timedelta(hours=2))
    done("seats", account)
    given_back = batch.revocations.get(login="user-1")
    reinstate.reinstate_here([given_back], admin(), "Needed after all")
    clock.shift(timedelta(hours=2))
    for row in octo.seats:
        if row["assignee"]["login"] == "user-2":
            row["pending_cancellation_date"] = None
    done("seats", account)
    grant_and_refuse(octo, account)
    states = dict(batch.revocations.values_list("login", "state"))
    assert states == {"user-1": "reinstated", "user-2": "came_back", "user-3": "verified"}
    batch.refresh_from_db()
    return batch


def grant_and_refuse(octo: Organization, account: Account) -> None:
    """Requests for seats: one granted, one refused."""
    octo.member("newcomer", 5000)
    newcomer = seat_requests.ask(account, "newcomer", reason="New", by=admin())
    stranger = seat_requests.ask(account, "stranger", reason="New", by=admin())
    grant.approve_request([newcomer], admin(), "Welcome")
    grant.refuse_request([stranger], admin(), "No budget")
    grant.grant_here([newcomer], admin())


def told() -> dict[str, str]:
    return {found.place: found.says for found in contradictions()}


# Another value for each kind of column.
OTHER: dict[type[models.Field[Any, Any]], Any] = {
    models.DateTimeField: "2026-01-01 00:00:00",
    models.DateField: "2027-01-01",
    models.DecimalField: "99.99",
    models.PositiveIntegerField: 99,
    models.PositiveSmallIntegerField: 599,
    models.BooleanField: True,
    models.JSONField: '["eve"]',
    models.TextField: "something else",
    models.CharField: "something else",
}

# What is not compared, and why.
NOT_DECISIVE = {
    Revocation: {
        "id": "the rows are told apart by it",
        "review": "a review that is deleted leaves it empty",
        "policy": "a policy that is deleted leaves it empty",
        "brake": "why a seat was left alone",
        "says": "why a seat was left alone",
        "live_key": "the database itself allows no other",
    },
    RevocationBatch: {
        "id": "the rows are told apart by it",
        "seats_held": "a number to look at",
        "says": "why it was stopped",
    },
    SeatCall: {"id": "the rows are told apart by it"},
    SeatRequest: {
        "id": "the rows are told apart by it",
        "user": "who bears the login, as far as is known",
        "open_key": "the database itself allows no other",
        "created_at": "the place in line",
        "says": "why it could not be granted",
    },
}
NAMES = {RevocationBatch: "batch", Revocation: "revocation", SeatCall: "call", SeatRequest: "request"}


def changes(row: models.Model) -> Iterator[tuple[str, Any]]:
    """Each decisive column of a row, with another value."""
    for field in row._meta.concrete_fields:
        if field.name in NOT_DECISIVE[type(row)]:
            continue
        if isinstance(field, models.ForeignKey):
            key = getattr(row, field.attname)
            others = field.related_model._default_manager.exclude(pk=key)  # type: ignore[union-attr]
            yield field.column, others.values_list("pk", flat=True).first()
        elif field.choices:
            now = getattr(row, field.attname)
            yield field.column, next(value for value, _ in reversed(field.choices) if value != now)
        else:
            kind = next(kind for kind in OTHER if isinstance(field, kind))
            other = OTHER[kind]
            # No longer than the column.
            yield field.column, other[: field.max_length] if kind is models.CharField else other


def changed(row: models.Model, column: str, value: Any) -> dict[str, str] | None:
    """What the witness says after this one change, made as by somebody with the database's password.

    None where the database itself refuses it.
    """
    try:
        with transaction.atomic(), database.constraint_checks_disabled():
            with database.cursor() as cursor:
                table = row._meta.db_table
                cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, row.pk])
            found = told()
            transaction.set_rollback(True)
    except DatabaseError:
        return None
    return found


def test_what_was_done_by_the_book_contradicts_nothing(story: RevocationBatch) -> None:
    assert told() == {}


def test_whatever_is_changed_in_a_row_is_named(story: RevocationBatch, olga: Any) -> None:
    other = Account.objects.create(kind="organization", login="other")
    elsewhere = RevocationBatch.objects.create(account=other, seats_held=1, digest="")
    places = {f"batch:{elsewhere.pk}"}
    assert set(told()) == places, "a batch that nobody proposed"
    rows: list[models.Model] = [story, *story.revocations.all(), *SeatCall.objects.all()]
    rows += SeatRequest.objects.all()
    assert len(rows) == 9
    refused = []
    for row in rows:
        name = NAMES[type(row)]
        for column, value in changes(row):
            found = changed(row, column, value)
            if found is None:
                refused.append(column)
                continue
            named = set(found) - places
            expected = {f"{name}:{row.pk}", f"batch:{story.pk}"}
            assert named & expected, f"{name} {row.pk}: {column} = {value!r} unnoticed; told {found}"
    assert set(refused) <= {"state", "seat_id", "answered_at", "verified_at"}, "by the database itself"


@pytest.mark.parametrize("model", [Revocation, RevocationBatch, SeatCall, SeatRequest])
def test_a_row_that_is_gone_is_missed(story: RevocationBatch, model: type[models.Model]) -> None:
    """By somebody who first takes away what would keep it."""
    key = model._default_manager.order_by("-pk").values_list("pk", flat=True)[0]
    name = NAMES[model]
    with transaction.atomic(), database.constraint_checks_disabled():
        with database.cursor() as cursor:
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id = %s", [key])
        assert told()[f"{name}:{key}"] == "it is missing, and the audit tells of it"
        transaction.set_rollback(True)


def test_a_seat_that_nobody_proposed_is_noticed(story: RevocationBatch) -> None:
    busy = Seat.objects.get(user__login="busy")
    row = Revocation.objects.create(
        batch=story, seat=busy, live_key=busy.pk, state="proposed", login="busy", verdict="idle", reason="x"
    )

    assert told()[f"revocation:{row.pk}"] == "its state is proposed, and the audit says left_out"
    assert "not as it was when it was proposed" in told()[story.subject]


def test_an_approval_that_nobody_gave_is_noticed(
    clock: time_machine.Coordinates, github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    AuditEntry.objects.filter(action="batch approved", subject=batch.subject).delete()

    assert set(told()) == {batch.subject}


def test_a_batch_that_was_withdrawn_contradicts_nothing(
    clock: time_machine.Coordinates, github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)

    withdraw(batch, admin(), "Not now")

    assert told() == {}
    RevocationBatch.objects.filter(pk=batch.pk).update(state="approved")
    assert set(told()) == {batch.subject}


def test_people_who_are_deleted_contradict_nothing(story: RevocationBatch) -> None:
    for name in ("ada-the-admin", "bo-the-boss"):
        admin(name).delete()
    story.refresh_from_db()
    assert story.approved_by is None

    assert told() == {}


def test_accounts_that_are_joined_contradict_nothing(story: RevocationBatch) -> None:
    again = Account.objects.create(kind="organization", login="again")
    Account.objects.filter(pk=story.account_id).update(id_key="organization:1", github_id=1)

    merge(Account.objects.get(pk=story.account_id), into=again)

    assert told() == {}


def test_entries_that_were_erased_contradict_nothing(story: RevocationBatch, olga: Any) -> None:
    AuditEntry.objects.filter(action="seats to be taken back").erase(by=olga, reason="Ada left")

    assert told() == {}
    assert SeatReview.objects.exists()
    assert verify.after_roster(story.account) is not None
