"""What a batch froze when it was proposed, as one digest: approval and execution know it by that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from portal.models import AuditEntry
from seats.models import Revocation, RevocationBatch

FROZEN_ANEW = "batch frozen anew"


def digest_of(batch: RevocationBatch, rows: Iterable[Revocation]) -> str:
    """SHA-256 over what was selected and how it stood then, in one order; what is left out aside."""
    said = [
        [
            row.seat_id,
            row.login,
            row.verdict,
            row.reason,
            row.last_evidence_on.isoformat() if row.last_evidence_on else None,
            row.last_evidence_source,
            row.granted_by,
            row.plan_type,
            str(row.monthly_saving) if row.monthly_saving is not None else None,
            row.currency,
        ]
        for row in sorted(rows, key=lambda row: row.seat_id)
        if row.state != Revocation.State.LEFT_OUT
    ]
    text = json.dumps([batch.account_id, said], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def kept_frozen(batches: Iterable[RevocationBatch], why: str) -> Iterator[None]:
    """Within, accounts or seats get another key: the same selection is frozen under the new ones.

    A batch that was not as frozen before is left as it is, for everybody to see.
    """
    intact = [batch for batch in batches if digest_of(batch, batch.revocations.all()) == batch.digest]
    yield
    for batch in intact:
        batch.refresh_from_db()
        digest = digest_of(batch, batch.revocations.all())
        if digest != batch.digest:
            detail = {"was": batch.digest, "digest": digest, "reason": why}
            RevocationBatch.objects.filter(pk=batch.pk).update(digest=digest)
            AuditEntry.objects.record(FROZEN_ANEW, subject=batch.subject, detail=detail)
