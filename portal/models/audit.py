"""Who did what, append-only and chained, so that a change made behind our back shows.

The chain covers ids and salted digests of the personal fields; the fields themselves lie beside and
can be erased without breaking it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from portal import audit_keys
from portal.models.audit_chain import COLUMNS, ERASURE, GENESIS, Break, Link, Walk, digest

__all__ = ["GENESIS", "AuditEntry", "AuditHead", "Break"]

# Entries are read so many at a time: a walk along millions takes no more memory than one along these.
READ_AT_ONCE = 2000
# What reading a column raises that somebody filled by hand with what it cannot hold.
UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError)


class AuditHead(models.Model):
    """One row: the end of the chain. Locked while an entry is added, so that sequences have no gap."""

    last_sequence = models.PositiveBigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return f"{self.last_sequence} entries"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def record(
        self, action: str, *, subject: str = "", actor: Any = None, detail: dict[str, Any] | None = None
    ) -> AuditEntry:
        """Append an entry. `actor` is a user of the portal, or None for the portal itself."""
        [entry] = self.record_all([(action, subject, detail or {})], actor=actor)
        return entry

    def record_all(
        self, told: Iterable[tuple[str, str, dict[str, Any]]], *, actor: Any = None
    ) -> list[AuditEntry]:
        """Append entries of one actor, each an action, a subject and a detail, in a few statements."""
        # As they will be read again: keys are texts, tuples are lists.
        told = [(action, subject, json.loads(json.dumps(detail))) for action, subject, detail in told]
        if not told:
            return []
        with transaction.atomic():
            AuditHead.objects.get_or_create(pk=1)
            head = AuditHead.objects.select_for_update().get(pk=1)
            actor_name = actor.get_username() if actor else "portal"
            entries = []
            for action, subject, detail in told:
                salt = secrets.token_hex(8)
                entry = AuditEntry(
                    sequence=head.last_sequence + 1,
                    at=timezone.now(),
                    action=action,
                    subject=subject,
                    actor_id_text=str(actor.pk) if actor else "",
                    actor_name=actor_name,
                    detail=detail,
                    salt=salt,
                    personal_digest=digest(salt, actor_name, detail),
                    previous_hash=head.last_hash,
                )
                entry.entry_hash = entry.computed_hash()
                entries.append(entry)
                head.last_sequence, head.last_hash = entry.sequence, entry.entry_hash
            AuditEntry.objects.bulk_create(entries, batch_size=500)
            head.save()
        return entries

    def erase(self, *, by: Any, reason: str) -> int:
        """Blank the personal fields of these entries, which leaves the chain whole; how many."""
        with transaction.atomic():
            AuditHead.objects.select_for_update().filter(pk=1).first()
            wanted = self.filter(erased_at=None).exclude(action=ERASURE)
            sequences = sorted(wanted.order_by().values_list("sequence", flat=True))
            if sequences:
                detail = {"reason": reason, "entries": _ranges(sequences)}
                AuditEntry.objects.record(ERASURE, actor=by, detail=detail)
                for first, last in _ranges(sequences):
                    AuditEntry.objects.filter(sequence__range=(first, last)).update(
                        actor_name="", detail={}, salt="", erased_at=timezone.now()
                    )
        return len(sequences)

    def broken_links(self, newest: int | None = None) -> Iterator[Break]:
        """Where the chain does not hold; `newest` looks at so many entries at its end only."""
        head = AuditHead.objects.filter(pk=1).first()
        counted = head.last_sequence if head else 0
        first = 1 if newest is None else max(1, counted - newest + 1)
        walk = Walk(first, watch=counted)
        yield from walk.along(_links(first))
        if walk.last < counted:
            yield Break(walk.last + 1, counted, "missing: the head of the chain counts them")
        elif head is not None and walk.watched_hash != head.last_hash:
            yield Break.at(0, f"does not have the hash of entry {counted}, which it names as the last")
        # Entries may have been added since the walk began: each brings its head.
        now = AuditHead.objects.filter(pk=1).values_list("last_sequence", flat=True).first()
        if now is None and (walk.last or AuditHead.objects.exists()):
            yield Break.at(0, "is missing: nobody knows where the chain ends")
        elif now is not None and walk.last > now:
            yield Break.at(0, f"names entry {now} as the last, and there are entries up to {walk.last}")

    def includes(self, entry_hash: str) -> bool:
        """Whether this was the chain's head once."""
        return entry_hash == GENESIS or self.filter(entry_hash=entry_hash).exists()


def _links(first: int) -> Iterator[Link]:
    """The entries in the order of their sequence; of no sequence at all where it is from the first on."""
    rows = AuditEntry.objects.order_by("sequence", "pk")
    if first > 1:
        rows = rows.filter(sequence__gte=first)
    after: tuple[int, int] | None = None
    while True:
        page = rows
        if after is not None:
            page = page.filter(sequence__gte=after[0]).filter(Q(sequence__gt=after[0]) | Q(pk__gt=after[1]))
        links = list(_read(page[:READ_AT_ONCE]))
        yield from links
        if len(links) < READ_AT_ONCE:
            return
        after = (links[-1].sequence, links[-1].pk)


def _read(page: models.QuerySet[AuditEntry]) -> Iterator[Link]:
    try:
        rows = list(page.values_list(*COLUMNS))
    except UNREADABLE:
        yield from _one_by_one(page)
    else:
        yield from map(Link._make, ((*row, True) for row in rows))


def _one_by_one(page: models.QuerySet[AuditEntry]) -> Iterator[Link]:
    for pk, sequence in list(page.values_list("pk", "sequence")):
        try:
            yield Link(*AuditEntry.objects.values_list(*COLUMNS).get(pk=pk))
        except UNREADABLE:
            nothing = dict.fromkeys(Link._fields, "")
            yield Link(**{**nothing, "pk": pk, "sequence": sequence, "at": None, "is_readable": False})  # type: ignore[arg-type]


def _ranges(sequences: list[int]) -> list[list[int]]:
    """[3, 4, 5, 9] as [[3, 5], [9, 9]]."""
    ranges: list[list[int]] = []
    for sequence in sequences:
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1][1] = sequence
        else:
            ranges.append([sequence, sequence])
    return ranges


class AuditEntry(models.Model):
    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=120, blank=True)
    actor_id_text = models.CharField("actor id", max_length=40, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    salt = models.CharField(max_length=32, editable=False)
    personal_digest = models.CharField(max_length=64, editable=False)
    previous_hash = models.CharField(max_length=64, editable=False)
    entry_hash = models.CharField(max_length=64, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-sequence"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject", "sequence"], name="portal_audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.action} {self.subject}".strip()

    def computed_hash(self) -> str:
        """The signature of today's newest key."""
        at = self.at.astimezone(UTC) if isinstance(self.at, datetime) else self.at
        link = Link(**{**{name: getattr(self, name) for name in COLUMNS}, "at": at})
        return audit_keys.sign(link.message)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("An audit entry is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("An audit entry is never deleted.")
