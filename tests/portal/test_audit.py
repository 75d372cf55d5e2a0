"""The audit chain and its pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal.models import AuditEntry, AuditHead
from portal.models.audit_chain import Link, Walk
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
    return [found.sequence for found in AuditEntry.objects.broken_links()]


def places() -> dict[str, str]:
    return {found.place: found.says for found in AuditEntry.objects.broken_links()}


def test_entries_follow_from_each_other(entries: list[AuditEntry]) -> None:
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[1].previous_hash == entries[0].entry_hash
    assert broken() == []


def test_a_trail_yet_to_begin_holds() -> None:
    assert broken() == []


def test_an_entry_is_never_changed_or_deleted(entries: list[AuditEntry]) -> None:
    entries[0].subject = "seat:99"
    with pytest.raises(TypeError, match="never changed"):
        entries[0].save()
    with pytest.raises(TypeError, match="never deleted"):
        entries[0].delete()


# --- Changes behind our back ------------------------------------------------------------------

# Another value for every column of an entry. Its key is nothing to go by: the sequence is.
OTHER: dict[str, Any] = {
    "sequence": 77,
    "at": "2026-11-20 12:00:01.000001",
    "action": "other",
    "subject": "seat:99",
    "actor_id_text": "99",
    "actor_name": "eve",
    "detail": '{"n": 99}',
    "salt": "0" * 16,
    "personal_digest": "0" * 64,
    "previous_hash": "f" * 64,
    "entry_hash": "0" * 64,
    "erased_at": "2026-11-20 12:00:01.000001",
}


def change(table: str, column: str, value: Any, where: str) -> None:
    """As somebody does who has the database's password."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {where}", [value])


def test_each_column_of_an_entry_has_another_value_here() -> None:
    assert {field.column for field in AuditEntry._meta.fields} == {*OTHER, "id"}


@pytest.mark.parametrize("column", OTHER)
@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_whatever_is_changed_in_an_entry_shows_where_it_was(
    entries: list[AuditEntry], column: str, sequence: int
) -> None:
    change("portal_auditentry", column, OTHER[column], f"sequence = {sequence}")

    assert sequence in broken() or (column == "sequence" and broken())


@pytest.mark.parametrize("sequence", [1, 2, 3, 4])
def test_a_removed_entry_is_missed(entries: list[AuditEntry], sequence: int) -> None:
    AuditEntry.objects.filter(sequence=sequence).delete()

    assert places() == {f"entry {sequence}": "missing"}


def test_the_last_entries_are_missed_though_nothing_comes_after_them(entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(sequence__gte=4).delete()

    [(place, says)] = places().items()
    assert place == "entries 4 to 5"
    assert "missing" in says


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("last_sequence", 4, "there are entries up to 5"),
        ("last_sequence", 7, "missing: the head"),
        ("last_hash", "0" * 64, "the hash of entry 5"),
        ("id", 2, "is missing"),
    ],
)
def test_whatever_is_changed_in_the_head_shows(
    entries: list[AuditEntry], column: str, value: Any, says: str
) -> None:
    change("portal_audithead", column, value, "id = 1")

    assert any(says in said for said in places().values())


def test_a_removed_head_shows(entries: list[AuditEntry]) -> None:
    AuditHead.objects.all().delete()

    assert "is missing" in places()["the head"]


def test_an_entry_cut_off_with_its_head_shows_by_an_earlier_head_alone(entries: list[AuditEntry]) -> None:
    """Whoever can write to both leaves a shorter chain that holds: hence the hash kept elsewhere."""
    AuditEntry.objects.filter(sequence=5).delete()
    AuditHead.objects.update(last_sequence=4, last_hash=entries[3].entry_hash)

    assert broken() == []
    assert not AuditEntry.objects.includes(entries[4].entry_hash)
    assert AuditEntry.objects.includes(entries[3].entry_hash)


def test_a_recomputed_entry_shows_at_the_next(entries: list[AuditEntry]) -> None:
    entry = AuditEntry.objects.get(sequence=3)
    entry.subject = "seat:99"
    AuditEntry.objects.filter(sequence=3).update(subject="seat:99", entry_hash=entry.computed_hash())

    [(place, says)] = places().items()
    assert place == "entry 4"
    assert "does not follow" in says


def test_an_entry_that_stands_there_twice_shows() -> None:
    link = Link(1, 1, None, "", "", "", "", {}, "", "", "", "", None)

    says = [found.says for found in Walk(first=2).along([link])]
    assert says == ["stands there twice, or out of turn"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases refuse such a value")
def test_a_column_that_cannot_be_read_is_named_and_hides_no_other(entries: list[AuditEntry]) -> None:
    change("portal_auditentry", "at", "half past nine", "sequence = 2")
    change("portal_auditentry", "subject", "seat:99", "sequence = 4")

    assert list(places()) == ["entry 2", "entry 4"]


def test_many_pages_of_entries_are_walked_along_like_one(
    entries: list[AuditEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.models.audit.READ_AT_ONCE", 2)
    assert broken() == []

    change("portal_auditentry", "subject", "seat:99", "sequence IN (2, 3, 5)")
    assert broken() == [2, 3, 5]


def test_the_newest_entries_can_be_looked_at_alone(entries: list[AuditEntry]) -> None:
    change("portal_auditentry", "subject", "seat:99", "sequence IN (1, 4)")

    assert [found.sequence for found in AuditEntry.objects.broken_links(newest=3)] == [4]


# --- Erasing ----------------------------------------------------------------------------------


def test_erased_entries_leave_the_chain_whole(entries: list[AuditEntry], olga: Any) -> None:
    assert AuditEntry.objects.filter(sequence__in=[1, 2, 4]).erase(by=olga, reason="Eva left") == 3

    erased = AuditEntry.objects.get(sequence=4)
    assert (erased.actor_name, erased.detail, erased.salt) == ("", {}, "")
    told = AuditEntry.objects.get(sequence=6)
    assert told.detail == {"reason": "Eva left", "entries": [[1, 2], [4, 4]]}
    assert broken() == []


def test_what_is_erased_without_an_entry_that_says_so_shows(entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(sequence=3).update(actor_name="", detail={}, salt="", erased_at=entries[0].at)

    assert "no entry says by whom" in places()["entry 3"]


def test_nothing_can_be_written_where_something_was_erased(entries: list[AuditEntry], olga: Any) -> None:
    AuditEntry.objects.filter(sequence=3).erase(by=olga, reason="Eva left")
    AuditEntry.objects.filter(sequence=3).update(detail={"n": 99})

    assert broken() == [3]


# --- Keys -------------------------------------------------------------------------------------


def test_a_trail_outlives_a_new_key(entries: list[AuditEntry], settings: Any) -> None:
    settings.AUDIT_KEYS = ["the first key of its own"]
    AuditEntry.objects.record("seat exempted", subject="seat:6")
    settings.AUDIT_KEYS = ["the second", "the first key of its own"]
    AuditEntry.objects.record("seat exempted", subject="seat:7")
    assert broken() == []

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert broken() == []

    settings.SECRET_KEY_FALLBACKS = []
    assert broken() == [1, 2, 3, 4, 5]
    settings.AUDIT_KEYS = ["the second"]
    assert broken() == [1, 2, 3, 4, 5, 6]


def test_a_detail_is_signed_as_it_will_be_read_again() -> None:
    AuditEntry.objects.record("seats proposed", detail={"left out": {10: "a", 9: "b"}, "ids": (1, 2)})

    assert broken() == []


# --- The head, and the pages ------------------------------------------------------------------


def test_the_head_knows_the_end_of_the_chain(entries: list[AuditEntry]) -> None:
    head = AuditHead.objects.get()

    assert (head.last_sequence, head.last_hash) == (5, entries[-1].entry_hash)


def test_the_page_says_that_the_chain_holds(olga_client: Client, entries: list[AuditEntry]) -> None:
    response = olga_client.get(f"{AUDIT}check/", follow=True)

    assert "All 5 entries follow from each other." in response.content.decode()


def test_the_page_says_where_the_chain_is_broken(olga_client: Client, entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(sequence=3).update(subject="seat:99")

    response = olga_client.get(f"{AUDIT}check/", follow=True)

    assert "The chain does not hold: entry 3 was altered" in response.content.decode()


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
