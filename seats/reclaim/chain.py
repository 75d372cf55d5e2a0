"""Whether the audit tells the whole story of a seat that was taken back: each step, in its order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.models import AuditEntry
from seats.models import Revocation
from seats.reclaim import calls

PROPOSED = "seats proposed"
APPROVED = "batch approved"
SECONDED = "batch approved by a second person"
BEGAN = "batch execution began"
ENDED = "batch execution ended"
VERIFIED = "revocations verified"
GIVEN_BACK = "seats given back"
INTENT = calls.INTENT[calls.Action.REVOKE]
TAKEN = calls.DONE[calls.Action.REVOKE]


def chain_of(revocation: Revocation) -> list[str]:
    """The steps that the audit lacks, or tells in a wrong order; empty where the chain is whole.

    Of a seat that was not taken back nothing is asked.
    """
    return chains_of([revocation])[revocation.pk]


def chains_of(revocations: Iterable[Revocation]) -> dict[int, list[str]]:
    """The same for many, by their keys: two queries for all of them. `batch` should be selected along."""
    taken = [one for one in revocations if one.state in Revocation.TAKEN_BACK]
    subjects = {f"batch:{one.batch_id}" for one in taken} | {f"call:{one.call_id}" for one in taken}
    told: dict[str, list[AuditEntry]] = defaultdict(list)
    wanted = [PROPOSED, APPROVED, SECONDED, BEGAN, INTENT, TAKEN, ENDED, VERIFIED, GIVEN_BACK]
    entries = AuditEntry.objects.filter(action__in=wanted, subject__among=subjects)
    for entry in entries.order_by("sequence"):
        told[entry.subject].append(entry)
    return (
        {one.pk: list(_lacking(one, told)) for one in revocations}
        if taken
        else {one.pk: [] for one in revocations}
    )


def _lacking(one: Revocation, told: Mapping[str, list[AuditEntry]]) -> Iterator[str]:
    if one.state not in Revocation.TAKEN_BACK:
        return
    after = 0
    for action, subject, names_it in _steps(one):
        found = next(
            (
                entry.sequence
                for entry in told.get(subject, [])
                if entry.action == action
                and entry.sequence > after
                and (not names_it or _names(entry, one.pk))
            ),
            None,
        )
        if found is None:
            yield action
        else:
            after = found
    if one.batch.finished_at is not None and not _is_there(told, ENDED, f"batch:{one.batch_id}"):
        yield ENDED


def _steps(one: Revocation) -> Iterator[tuple[str, str, bool]]:
    """Action, subject, and whether the entry names the seat, in the order in which they were taken."""
    batch, call = f"batch:{one.batch_id}", f"call:{one.call_id}"
    yield PROPOSED, batch, True
    yield APPROVED, batch, False
    if one.batch.second_approved_at is not None:
        yield SECONDED, batch, False
    yield BEGAN, batch, False
    yield INTENT, call, True
    yield TAKEN, call, True
    if one.verified_at is not None:
        yield VERIFIED, batch, True
    if one.state == Revocation.State.REINSTATED:
        yield GIVEN_BACK, batch, True


def _is_there(told: Mapping[str, list[AuditEntry]], action: str, subject: str) -> bool:
    return any(entry.action == action for entry in told.get(subject, []))


def _names(entry: AuditEntry, key: int) -> bool:
    """Whether an entry is about this revocation. Of one whose details were erased it cannot be told."""
    if entry.erased_at is not None:
        return True
    named: Any = entry.detail.get("revocations", [])
    if isinstance(named, dict):
        named = named.get("revoked", [])
    return key in named
