"""Say on the timelines of seats about which a decision is open that an undo moved its grounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date
from typing import Any

from django.db import transaction

from portal.models import AuditEntry, ReportFile
from seats.evidence import chunks
from seats.models import Evidence, Revocation, Seat, SeatReview

SAYS = "A file that told of the person's use was undone: what it alone had told counts no longer."
ACTION = "evidence undone"

# What moves evidence runs within one of these.
Telling = Callable[[], AbstractContextManager[None]]
silent: Telling = nullcontext

# By our key of a seat: what each source tells of its holder.
Grounds = dict[int, set[tuple[str, date]]]


@contextmanager
def telling(file: ReportFile, by: Any) -> Iterator[None]:
    """Together with what moves the evidence: an undo that is stopped behind it has told already."""
    with transaction.atomic():
        before = _grounds()
        yield
        after = _grounds()
        moved = (f"seat:{pk}" for pk in sorted(before.keys() & after.keys()) if before[pk] != after[pk])
        said = {"says": SAYS, "file": file.pk}
        AuditEntry.objects.record_all(
            ((ACTION, subject, said) for subject in _untold(file, list(moved))), actor=by
        )


def _grounds() -> Grounds:
    """What is known of the holders of these seats being alive."""
    seats = Seat.objects.filter(pk__in=SeatReview.objects.open().order_by().values("seat"))
    proposed = Seat.objects.filter(pk__in=Revocation.objects.exclude(live_key=None).order_by().values("seat"))
    holders = {
        pk: user_id for some in (seats, proposed) for pk, user_id in some.order_by().values_list("pk", "user")
    }
    signs: Grounds = {}
    rows = Evidence.objects.filter(user_id__among=set(holders.values())).order_by()
    for user_id, source, last_on in rows.values_list("user_id", "source", "last_on"):
        signs.setdefault(user_id, set()).add((source, last_on))
    return {pk: signs.get(user_id, set()) for pk, user_id in holders.items()}


def _untold(file: ReportFile, subjects: list[str]) -> list[str]:
    """Those of which this undo has not yet said so: it moves evidence more than once."""
    told = {
        subject
        for some in chunks(subjects)
        for subject, detail in AuditEntry.objects.filter(action=ACTION, subject__in=some).values_list(
            "subject", "detail"
        )
        if detail.get("file") == file.pk
    }
    return [subject for subject in subjects if subject not in told]
