"""Who did what, append-only and chained, so that a change made behind our back shows.

The chain covers ids and salted digests of the personal fields; the fields themselves lie beside and
can be erased without breaking it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

GENESIS = "0" * 64


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
        with transaction.atomic():
            AuditHead.objects.get_or_create(pk=1)
            head = AuditHead.objects.select_for_update().get(pk=1)
            actor_name = actor.get_username() if actor else "portal"
            salt = secrets.token_hex(8)
            entry = AuditEntry(
                sequence=head.last_sequence + 1,
                at=timezone.now(),
                action=action,
                subject=subject,
                actor_id_text=str(actor.pk) if actor else "",
                actor_name=actor_name,
                detail=detail or {},
                salt=salt,
                personal_digest=_digest(salt, actor_name, detail or {}),
                previous_hash=head.last_hash,
            )
            entry.entry_hash = entry.computed_hash()
            entry.save(force_insert=True)
            head.last_sequence, head.last_hash = entry.sequence, entry.entry_hash
            head.save()
        return entry

    def broken_links(self) -> Iterator[AuditEntry]:
        """Entries that do not follow from the one before, or were altered."""
        previous, expected = GENESIS, 1
        for entry in self.order_by("sequence").iterator():
            intact = (
                entry.sequence == expected
                and entry.previous_hash == previous
                and entry.entry_hash == entry.computed_hash()
                and (
                    entry.erased_at is not None
                    or entry.personal_digest == _digest(entry.salt, entry.actor_name, entry.detail)
                )
            )
            if not intact:
                yield entry
            previous, expected = entry.entry_hash, entry.sequence + 1


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

    def __str__(self) -> str:
        return f"{self.sequence}: {self.action} {self.subject}".strip()

    def computed_hash(self) -> str:
        chained = [
            self.sequence,
            _instant(self.at),
            self.action,
            self.subject,
            self.actor_id_text,
            self.personal_digest,
            self.previous_hash,
        ]
        message = json.dumps(chained, ensure_ascii=False).encode()
        return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("An audit entry is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("An audit entry is never deleted.")


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _digest(salt: str, actor_name: str, detail: dict[str, Any]) -> str:
    text = json.dumps([salt, actor_name, detail], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
