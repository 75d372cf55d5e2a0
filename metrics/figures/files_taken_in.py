"""What became of the files about an account: rows by kind of file, and lines that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Count, Q, Sum

from portal.models import RejectedLine, ReportFile
from seats.models import Account

# More groups of rejected lines than these are found in their list.
SHOWN_REJECTS = 200


class TakenIn(NamedTuple):
    """The files of a kind and their rows; conflicting ones say otherwise than a file of the same moment."""

    kind: str
    files: int
    read: int
    new: int
    changed: int
    unchanged: int
    superseded: int
    rejected: int
    conflicts: int


class Rejected(NamedTuple):
    """So many open lines of a file that were rejected for the same reason."""

    file_id: int
    file_name: str
    kind: str
    reason: str
    lines: int


def taken_in(account: Account) -> list[TakenIn]:
    """Every file about the account that was ever taken in, by kind, most rows first; one query."""
    files = ReportFile.objects.accepted().filter(subject=account.subject).order_by()
    counts = files.values("kind").annotate(
        files=Count("pk"),
        read=Sum("rows_read"),
        new=Sum("rows_new"),
        changed=Sum("rows_changed"),
        unchanged=Sum("rows_unchanged"),
        superseded=Sum("rows_superseded"),
        rejected=Sum("rows_rejected"),
        conflicting=Sum("conflicts"),
    )
    names = ("files", "read", "new", "changed", "unchanged", "superseded", "rejected", "conflicting")
    return [TakenIn(*row) for row in counts.order_by("-read", "kind").values_list("kind", *names)]


def rejected(account: Account) -> list[Rejected]:
    """Open rejected lines by file and reason, most lines first; of files about no account, too. One query."""
    lines = RejectedLine.objects.open().filter(_about(account)).order_by()
    groups = lines.values("file_id", "file__name", "file__kind", "reason").annotate(lines=Count("pk"))
    ranked = groups.order_by("-lines", "-file_id", "reason")[:SHOWN_REJECTS]
    return [
        Rejected(*row) for row in ranked.values_list("file_id", "file__name", "file__kind", "reason", "lines")
    ]


def open_rejects(account: Account) -> int:
    """How many lines wait for somebody to mend them."""
    return RejectedLine.objects.open().filter(_about(account)).count()


def conflicts(files: Sequence[TakenIn]) -> int:
    return sum(each.conflicts for each in files)


def _about(account: Account) -> Q:
    return Q(file__subject=account.subject) | Q(file__subject="")
