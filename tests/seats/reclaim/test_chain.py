"""The chain of a seat that was taken back: each step is missed where it is missing or out of its order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.models import AuditEntry
from seats.models import Account, RevocationBatch
from seats.reclaim import revoke
from seats.reclaim.chain import chain_of, chains_of
from tests.fake_github import Organization
from tests.seats.reclaim.approved import admin, approved_batch, idle_people, revocation_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

STEPS = (
    "seats proposed", "batch approved", "batch execution began", "seats to be taken back",
    "seats taken back", "batch execution ended",
)  # fmt: skip


@pytest.fixture
def taken(octo: Organization, account: Account) -> RevocationBatch:
    idle_people(octo, 2)
    batch = approved_batch(account)
    revoke.execute_here(batch, admin())
    return batch


def test_a_whole_chain_lacks_nothing(taken: RevocationBatch) -> None:
    keys = list(taken.revocations.values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as asked:
        found = chains_of(taken.revocations.select_related("batch"))
    assert found == {key: [] for key in keys}
    assert len(asked) == 2


def test_each_step_is_missed(taken: RevocationBatch) -> None:
    one = revocation_of(taken, "user-1")
    for step in STEPS:
        with what_is_undone():
            AuditEntry.objects.filter(action=step).delete()
            assert chain_of(one) == [step]


def test_so_is_one_that_names_other_seats_or_comes_too_early_and_one_that_the_row_tells_of(
    taken: RevocationBatch,
) -> None:
    one, other = revocation_of(taken, "user-1"), revocation_of(taken, "user-2")
    answers = AuditEntry.objects.filter(action="seats taken back")
    told = {**answers.get().detail, "revocations": {"revoked": [other.pk]}}
    with what_is_undone():
        answers.update(detail=told)
        assert (chain_of(one), chain_of(other)) == (["seats taken back"], [])
    with what_is_undone():
        answers.update(sequence=0)
        assert chain_of(one) == ["seats taken back"]
    one.verified_at = one.revoked_at
    assert chain_of(one) == ["revocations verified"]


@contextmanager
def what_is_undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_what_was_not_taken_back_needs_no_chain(taken: RevocationBatch) -> None:
    AuditEntry.objects.all().delete()
    taken.revocations.update(state="dropped", live_key=None)

    assert chain_of(revocation_of(taken, "user-1")) == []
