"""What must be true when the years are over: every seat that went has its story, and the books agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from portal.models import AuditEntry, Job
from seats.models import Revocation, Seat
from seats.reclaim.chain import chain_of
from seats.savings import savings
from tests.seats.reclaim.books import saved
from tests.seats.reclaim.ledger import AccountKey
from tests.seats.reclaim.rules_desk import key_of
from tests.seats.reclaim.years import Years


def complaints(years: Years) -> list[str]:
    return [
        *(str(bark) for bark in years.watchdog.barks),
        *_broken_chains(),
        *_broken_audit(),
        *_unexpected_errors(),
        *_unrecorded(years),
        *_wrong_books(years),
    ]


def _broken_chains() -> Iterator[str]:
    for revocation in Revocation.objects.taken_back().select_related("batch", "call", "seat__account"):
        if missing := chain_of(revocation):
            yield f"chain of {revocation.pk} ({revocation.state}, batch {revocation.batch_id}): {missing}"


def _broken_audit() -> Iterator[str]:
    yield from (f"audit: {link}" for link in AuditEntry.objects.broken_links())


def _unexpected_errors() -> Iterator[str]:
    for job in Job.objects.filter(error__contains="we did not expect"):
        yield f"job {job.kind} {job.subject}: {job.error}"


def _wrong_books(years: Years) -> Iterator[str]:
    """Within an enterprise a seat beside another one saves less: there the books have tests of their own."""
    if years.company.enterprise is not None or _is_unclear_whose(years):
        return
    realised, projected = saved(years.ledger, years.state.today)
    told = savings()
    for what, wanted, found in (
        ("realised", realised, told.realised),
        ("projected", projected, told.projected),
    ):
        if found.amounts.get("USD", 0) != wanted or found.unpriced:
            yield f"savings {what}: {found.amounts}, and it was {wanted}"


def _is_unclear_whose(years: Years) -> bool:
    """Whether a seat was asked for in vain, and is said to be ours all the same: somebody else took it."""
    taken = Revocation.objects.taken_back().select_related("seat__account", "seat__user")
    keys = Counter((key_of(row.seat.account), row.seat.user.github_id) for row in taken)
    done = Counter((one.account, one.person) for one in years.ledger.asked if one.is_done)
    return bool(keys - done)


def _unrecorded(years: Years) -> Iterator[str]:
    """Seats that went by our doing, and of which the portal does not know it; and the other way round."""
    asked = {(one.account, one.person) for one in years.ledger.asked}
    done: dict[tuple[AccountKey, int], int] = {}
    for one in years.ledger.asked:
        if one.is_done:
            done[one.account, one.person] = done.get((one.account, one.person), 0) + 1
    known: dict[tuple[AccountKey, int], int] = {}
    rows = Revocation.objects.taken_back().select_related("seat__account", "seat__user")
    for row in rows:
        key = key_of(row.seat.account), row.seat.user.github_id or 0
        known[key] = known.get(key, 0) + 1
    for key in done.keys() | known.keys():
        if done.get(key, 0) > known.get(key, 0):
            open_rows = Revocation.objects.unanswered().filter(seat__user__github_id=key[1])
            if not open_rows.exists():
                yield f"{key} went {done[key]} times, the portal knows of {known.get(key, 0)}"
        # Asked for without effect, and cancelled by somebody else before anybody looked: that is ours, too.
        if key not in asked and Seat.objects.filter(user__github_id=key[1]).exists():
            yield f"{key} is said to have been taken back, and GitHub never did so"
