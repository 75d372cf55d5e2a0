"""`verify_audit`: it holds, or every place where it does not."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal import audit_keys, audit_witnesses
from portal.audit_witnesses import Contradiction
from portal.models import AuditEntry, AuditHead
from portal.models.audit_chain import GENESIS, digest

pytestmark = pytest.mark.django_db


def verify(*options: str) -> tuple[int, str, dict[str, Any]]:
    """The exit code, what it said, and the JSON object of the last line."""
    output, code = StringIO(), 0
    try:
        call_command("verify_audit", "--json", *options, stdout=output, no_color=True)
    except SystemExit as ended:
        code = int(str(ended.code))
    said, _, answer = output.getvalue().strip().rpartition("\n")
    return code, said, json.loads(answer)


@pytest.fixture
def entries(olga: Any) -> list[AuditEntry]:
    return [AuditEntry.objects.record("seat exempted", subject=f"seat:{n}", actor=olga) for n in range(1, 6)]


def test_a_trail_that_holds_is_told_with_its_length_and_its_head(entries: list[AuditEntry]) -> None:
    code, said, answer = verify()

    head = entries[-1].entry_hash
    assert code == 0
    assert f"5 entries. Head: {head}" in said
    assert answer == {"ok": True, "entries": 5, "head": head, "broken": []}


def test_a_trail_yet_to_begin_holds() -> None:
    assert verify()[0] == 0


def test_every_place_is_named(entries: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(sequence=2).update(subject="seat:99")
    AuditEntry.objects.filter(sequence=4).delete()

    code, said, answer = verify()

    assert code == 1
    assert "entry 2: was altered" in said
    assert "entry 4: missing" in said
    assert "AUDIT_KEYS" in said, "it may be a key that is gone"
    assert [(found["place"], found["sequence"]) for found in answer["broken"]] == [
        ("entry 2", 2),
        ("entry 4", 4),
    ]


def test_an_earlier_head_is_found_in_the_chain(entries: list[AuditEntry]) -> None:
    for head in (entries[1].entry_hash, entries[4].entry_hash, GENESIS):
        assert verify("--head", head)[0] == 0


def test_a_head_that_was_cut_off_or_rewritten_is_missed(entries: list[AuditEntry]) -> None:
    head = entries[4].entry_hash
    AuditEntry.objects.filter(sequence=5).delete()
    AuditHead.objects.update(last_sequence=4, last_hash=entries[3].entry_hash)
    assert verify()[0] == 0

    code, said, answer = verify("--head", head)

    assert code == 1
    assert f"head {head}: no entry has this hash" in said
    assert answer["broken"][0]["sequence"] is None


@pytest.mark.parametrize("head", ["", "5", "g" * 64, "A" * 64])
def test_what_is_no_hash_is_bad_usage(entries: list[AuditEntry], head: str) -> None:
    with pytest.raises(CommandError) as refused:
        verify("--head", head)

    assert refused.value.returncode == 2


def test_a_row_that_contradicts_the_audit_is_named(
    entries: list[AuditEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_witnesses, "_witnesses", [])

    @audit_witnesses.witness
    def compare() -> Iterator[Contradiction]:
        yield Contradiction("batch:3", "nobody approved it")

    code, said, answer = verify()

    assert code == 1
    assert "batch:3: nobody approved it" in said
    assert answer["broken"] == [
        {"place": "batch:3", "sequence": None, "until": None, "says": "nobody approved it"}
    ]


# --- Size -------------------------------------------------------------------------------------


def fill(entries: int) -> None:
    """A trail of so many entries that holds, made faster than one by one."""
    previous, made, now = GENESIS, [], timezone.now()
    for sequence in range(1, entries + 1):
        detail = {"seats": sequence, "reason": "No use seen for 90 days", "logins": ["ana", "ben"]}
        entry = AuditEntry(
            sequence=sequence,
            at=now,
            action="seats flagged",
            subject=f"seat:{sequence}",
            actor_name="olga",
            detail=detail,
            salt=f"{sequence:016x}",
            personal_digest=digest(f"{sequence:016x}", "olga", detail),
            previous_hash=previous,
        )
        entry.entry_hash = previous = entry.computed_hash()
        made.append(entry)
        if len(made) == 2000 or sequence == entries:
            AuditEntry.objects.bulk_create(made, batch_size=500)
            made.clear()
    AuditHead.objects.create(pk=1, last_sequence=entries, last_hash=previous)


def test_the_memory_it_takes_does_not_grow_with_the_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.models.audit.READ_AT_ONCE", 200)
    fill(4000)
    for _warm_up in range(2):
        assert next(AuditEntry.objects.broken_links(), None) is None
    tracemalloc.start()
    try:
        assert next(AuditEntry.objects.broken_links(), None) is None
        whole = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert next(AuditEntry.objects.broken_links(newest=600), None) is None
        part = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert whole < part * 1.3


@pytest.mark.long
def test_a_hundred_thousand_entries_take_seconds(settings: Any) -> None:
    settings.AUDIT_KEYS = ["a key of its own"]
    fill(100_000)
    AuditEntry.objects.filter(sequence=77_777).update(subject="seat:99")
    # The worst case: every entry was signed with the oldest of the keys.
    settings.AUDIT_KEYS = ["the newest", "a newer", "a key of its own"]
    assert audit_keys.are_own()

    started = time.perf_counter()
    broken = [found.sequence for found in AuditEntry.objects.broken_links()]

    assert broken == [77_777]
    assert time.perf_counter() - started < 20
