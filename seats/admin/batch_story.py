"""What the page of a batch shows: what it is and what happens next, figures, refusals, its trail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

from portal.cards import Cell, Figure, Figures, Table
from portal.models import AuditEntry
from portal.site import page_for
from seats.admin.base import NOTHING, day, few, moment
from seats.admin.batch_counts import BatchCounts
from seats.models import Revocation, RevocationBatch
from seats.reclaim import effects
from seats.reclaim.refusals import BRAKES, Brake, Meaning

Batch = RevocationBatch.State
State = Revocation.State
# Before GitHub was asked for anything.
UNTOUCHED = (Batch.PROPOSED, Batch.HALF_APPROVED, Batch.APPROVED, Batch.EXPIRED, Batch.WITHDRAWN)
EFFECTS = {
    "end_of_cycle": "with the billing cycle",
    "immediate": "at once; paid for until the billing cycle ends",
    "not_possible": "not possible here any more",
}
# The newest entries tell most; the audit log has them all.
SHOWN_ENTRIES = 20


# --- What it is, and what happens next --------------------------------------------------------


def what_it_is(batch: RevocationBatch, counts: BatchCounts) -> str:
    proposed = f"proposed by {who_is(batch.proposed_by)} on {day(batch.proposed_at)}"
    return f"{seats(counts.seats)} of {batch.account.label}, {proposed}."


def what_is_next(
    batch: RevocationBatch, counts: BatchCounts, *, second_person: bool = False, is_live: bool = False
) -> str:
    match batch.state:
        case Batch.PROPOSED:
            people = "two people approve it, one after the other" if second_person else "somebody approves it"
            return f"Nothing was asked of GitHub. Next: {people}."
        case Batch.HALF_APPROVED:
            return (
                f"{capfirst(who_is(batch.approved_by))} approved it; nothing was asked of GitHub. "
                "Next: a second person approves it, neither that one nor who proposed it."
            )
        case Batch.APPROVED:
            return (
                "It is approved; nothing was asked of GitHub yet. Next: somebody executes it. Each seat is "
                "then read from GitHub and checked once more before it is taken back."
            )
        case Batch.EXECUTING if not is_live:
            return "Its execution was cut short. Next: execute it once more, which finds out how far it was."
        case Batch.EXECUTING:
            return "It is being executed: each seat is read and checked once more, then taken back."
        case Batch.STOPPED:
            return (
                f"It was stopped with {seats(counts.taken_back)} taken back and {counts.to_do:,} still to "
                "do. Next: execute it to go on, or withdraw what is left."
            )
        case Batch.DONE:
            return _done(counts)
        case Batch.WITHDRAWN:
            return f"It was withdrawn with {seats(counts.taken_back)} taken back. Nothing more happens."
        case _:
            return "It was not executed in time, so its approval holds no longer. Propose the seats anew."


def _done(counts: BatchCounts) -> str:
    said = f"It is done: {seats(counts.taken_back)} taken back"
    if counts.refused:
        said += f", {counts.refused:,} refused"
    if back := counts.by_state[State.CAME_BACK]:
        said += f"; {back:,} of the people {'has' if back == 1 else 'have'} a seat again"
    if given := counts.by_state[State.REINSTATED]:
        said += f"; {given:,} given back"
    if waiting := counts.by_state[State.REVOKED]:
        return f"{said}. Next: GitHub's next seat list verifies {waiting:,} of them."
    verified = counts.by_state[State.VERIFIED]
    return f"{said}. GitHub's seat list bears out {verified:,} of them." if verified else f"{said}."


# --- Figures ----------------------------------------------------------------------------------


def figures(batch: RevocationBatch, counts: BatchCounts) -> Figures:
    held = batch.seats_held
    share = f"{counts.seats / held:.1%} of {held:,} held" if held else ""
    shown = [Figure("Seats", f"{counts.seats:,}", rows_url(batch, ""), share)]
    if batch.state not in UNTOUCHED or counts.taken_back:
        verified = f"{counts.by_state[State.VERIFIED]:,} verified"
        refused = "bad" if counts.refused else ""
        shown += [
            Figure("Taken back", f"{counts.taken_back:,}", rows_url(batch, "taken_back"), verified),
            Figure("Refused", f"{counts.refused:,}", rows_url(batch, "refused"), "", refused),
        ]
    saving = "at prices of the day it was proposed"
    shown += [Figure("Saves a month", str(counts.saving), "", saving), _effect(batch)]
    if counts.left_out:
        note = "why is told below"
        shown.append(Figure("Left out", f"{counts.left_out:,}", rows_url(batch, "left_out"), note))
    return Figures("In figures", shown)


def _effect(batch: RevocationBatch) -> Figure:
    """When access, and cost, end."""
    ends = batch.revocations.taken_back().aggregate(
        first=Min("pending_cancellation_date"), last=Max("pending_cancellation_date")
    )
    if ends["first"] is not None:
        first, last = day(ends["first"]), day(ends["last"])
        return Figure("Access ends", first, "", "with the billing cycle" if first == last else f"to {last}")
    seats = batch.revocations.exclude(state=State.LEFT_OUT).order_by("id")
    first_of_them = seats.select_related("seat__account__parent", "seat__user").first()
    if first_of_them is None:
        return Figure("Access ends", NOTHING)
    effect = effects.of_seat(first_of_them.seat)
    return Figure("Access would end", day(effect.ends_on), "", EFFECTS[effect.kind])


def rows_url(batch: RevocationBatch, show: str) -> str:
    """The batch's own page, with these of its seats in the table."""
    page = reverse("admin:seats_revocationbatch_change", args=[batch.pk])
    return f"{page}?{urlencode({'show': show})}#seats" if show else f"{page}#seats"


# --- Why not ----------------------------------------------------------------------------------


def refusals(batch: RevocationBatch) -> list[Table]:
    """What was left out when it was proposed, and what was refused since: by brake, with what helps."""
    rows = batch.revocations.exclude(brake="").order_by().values_list("state", "brake")
    left_out: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for state, brake, count in rows.annotate(count=Count("pk")):
        (left_out if state == State.LEFT_OUT else refused)[brake] += count
    tables = [
        by_brake(
            "Left out when it was proposed, and why",
            left_out,
            lambda brake: rows_url(batch, f"left_out.{brake}"),
        ),
        by_brake("Refused since, and why", refused, lambda brake: rows_url(batch, f"refused.{brake}")),
    ]
    return [table for table in tables if table.rows]


def by_brake(title: str, counts: Counter[str], url: Callable[[str], str] | None = None) -> Table:
    """A row per brake, the most frequent first: how many it held back, what it means and what helps."""
    return Table(
        title,
        ["Why", "Seats", "What it means", "What helps"],
        [
            [
                Cell(meaning_of(brake).name),
                Cell(f"{count:,}", url(brake) if url else ""),
                Cell(meaning_of(brake).sentence),
                Cell(meaning_of(brake).remedy),
            ]
            for brake, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def meaning_of(brake: str) -> Meaning:
    """Also of a brake that a later or an earlier version of the portal had."""
    return BRAKES[Brake(brake)] if brake in BRAKES else Meaning(capfirst(brake.replace("_", " ")), "", "")


# --- Who did what -----------------------------------------------------------------------------


def trail(batch: RevocationBatch, user: Any) -> Table:
    """What the audit has on the batch and on its calls, the newest first."""
    of_calls = batch.revocations.order_by().values_list("call_id", "reinstate_call_id").distinct()
    calls = {call for pair in of_calls for call in pair if call is not None}
    subjects = [batch.subject, *(f"call:{call}" for call in calls)]
    may_open = bool(page_for(user, "admin:portal_auditentry_changelist", "portal.view_auditentry"))
    entries = AuditEntry.objects.filter(subject__in=subjects).order_by("-sequence")
    shown = list(entries[: SHOWN_ENTRIES + 1])
    log = f"{reverse('admin:portal_auditentry_changelist')}?{urlencode({'subject': batch.subject})}"
    return Table(
        "Who did what",
        ["At", "What", "By", "Detail"],
        [
            [
                Cell(
                    moment(entry.at),
                    reverse("admin:portal_auditentry_change", args=[entry.pk]) if may_open else "",
                ),
                Cell(capfirst(entry.action)),
                Cell("the portal" if entry.actor_name == "portal" else entry.actor_name),
                Cell(_in_short(entry.detail)),
            ]
            for entry in shown[:SHOWN_ENTRIES]
        ],
        note=f"The newest {SHOWN_ENTRIES}; the audit log has them all." if len(shown) > SHOWN_ENTRIES else "",
        more=("In the audit log", log) if may_open else None,
    )


def _in_short(detail: dict[str, Any]) -> str:
    """What says something to a reader: no ids, no digests, nothing that is not so."""
    said = [
        f"{name.replace('_', ' ')} {_told(value)}"
        for name, value in detail.items()
        if value and name not in ("revocations", "digest", "batch", "account")
    ]
    return "; ".join(said) or NOTHING


def _told(value: Any) -> str:
    if isinstance(value, list):
        return few([str(item) for item in value], 5)
    if isinstance(value, dict):
        return ", ".join(f"{_named(key)} {_told(item)}" for key, item in value.items() if item)
    return str(value)


def _named(key: str) -> str:
    return BRAKES[Brake(key)].name if key in BRAKES else key.replace("_", " ")


# --- Words ------------------------------------------------------------------------------------


def seats(count: int) -> str:
    return "1 seat" if count == 1 else f"{count:,} seats"


def who_is(user: Any) -> str:
    return user.get_username() if user else "the portal"
