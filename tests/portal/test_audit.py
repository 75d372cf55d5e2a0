"""The audit chain and its pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEntry, AuditHead
from tests.counting import queries_of

pytestmark = pytest.mark.django_db

AUDIT = "/portal/auditentry/"


@pytest.fixture
def entries(olga: Any) -> list[AuditEntry]:
    return [
        AuditEntry.objects.record("seat exempted", subject=f"seat:{number}", actor=olga, detail={"n": number})
        for number in range(1, 6)
    ]


def broken() -> list[int]:
    return [entry.sequence for entry in AuditEntry.objects.broken_links()]


def test_entries_follow_from_each_other(entries: list[AuditEntry]) -> None:
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[1].previous_hash == entries[0].entry_hash
    assert broken() == []


def test_an_entry_is_never_changed_or_deleted(entries: list[AuditEntry]) -> None:
    entries[0].subject = "seat:99"
    with pytest.raises(TypeError, match="never changed"):
        entries[0].save()
    with pytest.raises(TypeError, match="never deleted"):
        entries[0].delete()


@pytest.mark.parametrize(
    "change",
    [{"subject": "seat:99"}, {"action": "other"}, {"detail": {"n": 99}}, {"actor_name": "eve"}],
)
def test_a_change_behind_our_back_shows(entries: list[AuditEntry], change: dict[str, Any]) -> None:
    AuditEntry.objects.filter(sequence=3).update(**change)

    assert broken() == [3]


def test_a_removed_entry_shows_at_the_next(entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(sequence=3).delete()

    assert broken() == [4]


def test_a_recomputed_entry_shows_at_the_next(entries: list[AuditEntry]) -> None:
    entry = AuditEntry.objects.get(sequence=3)
    entry.subject = "seat:99"
    AuditEntry.objects.filter(sequence=3).update(subject="seat:99", entry_hash=entry.computed_hash())

    assert broken() == [4]


def test_the_head_knows_the_end_of_the_chain(entries: list[AuditEntry]) -> None:
    head = AuditHead.objects.get()

    assert (head.last_sequence, head.last_hash) == (5, entries[-1].entry_hash)


def test_the_page_says_that_the_chain_holds(olga_client: Client, entries: list[AuditEntry]) -> None:
    response = olga_client.get(f"{AUDIT}check/", follow=True)

    assert "All 5 entries follow from each other." in response.content.decode()


def test_the_page_says_where_the_chain_is_broken(olga_client: Client, entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(sequence=3).update(subject="seat:99")

    response = olga_client.get(f"{AUDIT}check/", follow=True)

    assert "The chain is broken at entry 3" in response.content.decode()


def test_the_page_offers_no_way_to_change_an_entry(olga_client: Client, entries: list[AuditEntry]) -> None:
    page = f"{AUDIT}{entries[0].pk}/change/"

    assert olga_client.get(page).status_code == 200
    assert olga_client.get(f"{AUDIT}add/").status_code == 403
    assert olga_client.post(page, {"subject": "seat:99"}).status_code == 403
    assert olga_client.post(f"{AUDIT}{entries[0].pk}/delete/", {"post": "yes"}).status_code == 403
    olga_client.post(AUDIT, {"action": "delete_selected", "_selected_action": [entries[0].pk], "post": "yes"})
    assert AuditEntry.objects.count() == 5
    assert broken() == []


def test_the_log_is_for_those_who_may_see_it(noa_client: Client, vic_client: Client) -> None:
    assert noa_client.get(AUDIT).status_code == 403
    assert noa_client.get(f"{AUDIT}check/").status_code == 403
    assert vic_client.get(AUDIT).status_code == 200


def test_entries_are_found_by_action_and_person(olga_client: Client, entries: list[AuditEntry]) -> None:
    AuditEntry.objects.record("file taken in", subject="file:1")

    assert olga_client.get(f"{AUDIT}?q=olga").context["cl"].result_count == 5
    assert olga_client.get(f"{AUDIT}?action=file+taken+in").context["cl"].result_count == 1


def test_the_list_asks_as_often_for_many_entries_as_for_few(
    olga_client: Client, entries: list[AuditEntry]
) -> None:
    few = queries_of(olga_client, AUDIT)
    for number in range(30):
        AuditEntry.objects.record("seat exempted", subject=f"organization:{number}")

    # One more: subjects that are accounts are named in one query.
    assert queries_of(olga_client, AUDIT) == few + 1 <= 8
