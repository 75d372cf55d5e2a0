"""What happened to one seat, on one line of time: granted, seen, used, told, decided, taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from django.db.models import Q
from django.urls import reverse
from django.utils.text import capfirst

from portal.models import AuditEntry
from portal.site import page_for
from seats.admin.base import day, moment
from seats.admin.observed import observations
from seats.exemptions import Exempt
from seats.models import Evidence, Exemption, Notice, RemovalTask, Revocation, Seat, SeatReview
from seats.policy_sql import today
from seats.reclaim.refusals import BRAKES, Brake

# A history can be long; the newest tell most.
SHOWN = 100
# What is recorded once for many reviews, within this time of what it records.
OF_MANY = ("seats kept", "seats kept no longer", "told by hand")
A_MOMENT = timedelta(minutes=5)
PORTAL, POLICY, HOLDER = "the portal", "the policy", "the person"


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime | date
    what: str
    says: str = ""
    by: str = ""
    # The row it is about, as (model, key).
    about: tuple[str, int] | None = None
    # Entries of the audit that record it, as (subject, action).
    audit: Sequence[tuple[str, str]] = field(default=())

    @property
    def shown(self) -> str:
        return moment(self.at) if isinstance(self.at, datetime) else day(self.at)

    @property
    def moment(self) -> datetime:
        """What is known to the day only comes before what happened on that day."""
        return self.at if isinstance(self.at, datetime) else datetime.combine(self.at, time.min, UTC)

    @property
    def is_to_come(self) -> bool:
        return not isinstance(self.at, datetime) and self.at > today()


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its page, and the audit's entries about it by number; no address for who may not look."""

    event: Event
    url: str
    audit: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Timeline:
    template: ClassVar[str] = "admin/seats/_timeline.html"
    title: str
    entries: Sequence[Entry]
    older: int

    @classmethod
    def of(cls, seat: Seat, user: Any) -> Timeline:
        """Newest first; what is still to come before that."""
        known = SeatReview.objects.filter(seat=seat).select_related("opened_by", "decided_by")
        reviews = list(known.order_by("pk"))
        events = list(_events(seat, reviews, shows_addresses=user.has_perm("seats.send_notice")))
        recorded = _recorded(seat, reviews, events)
        told = {key for event in events for key in event.audit}
        # What only the audit knows is an event of its own.
        events += [
            event
            for key, entries in recorded.items()
            if key not in told
            for event in _only_audited(key, entries)
        ]
        # Of one moment the later step comes first: each thing tells its steps in their order.
        events.reverse()
        events.sort(key=lambda event: event.moment, reverse=True)
        pages = _Pages(user)
        entries = [
            Entry(event, pages.of(event.about), _references(event, recorded, pages))
            for event in events[:SHOWN]
        ]
        return cls("What happened, newest first", entries, max(0, len(events) - SHOWN))


class _Pages:
    """The pages of rows, for whoever may see them."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.known: dict[str, bool] = {}

    def of(self, about: tuple[str, int] | None) -> str:
        if about is None:
            return ""
        model, key = about
        if model not in self.known:
            app, _, name = model.partition(".")
            self.known[model] = bool(
                page_for(self.user, f"admin:{app}_{name}_changelist", f"{app}.view_{name}")
            )
        return reverse(f"admin:{model.replace('.', '_')}_change", args=[key]) if self.known[model] else ""


def _events(seat: Seat, reviews: Sequence[SeatReview], *, shows_addresses: bool) -> Iterator[Event]:
    yield from _granted(seat)
    yield from _used(seat)
    for at, said in observations(seat):
        yield Event(at, "Seat list", said)
    yield from _exempted(seat)
    for review in reviews:
        yield from _reviewed(review)
    yield from _told(reviews, shows_addresses=shows_addresses)
    for row in _revocations(seat):
        yield from _taken_back(row)
    yield from _asked_of_owners(seat)


# --- What the audit has on it -----------------------------------------------------------------

Recorded = Mapping[tuple[str, str], Sequence[AuditEntry]]


def _recorded(seat: Seat, reviews: Sequence[SeatReview], events: Iterable[Event]) -> Recorded:
    """The audit's entries about this seat and its reviews, batches and calls, by subject and action."""
    subjects = {f"seat:{seat.pk}", *(f"review:{review.pk}" for review in reviews)}
    subjects |= {subject for event in events for subject, _ in event.audit}
    recorded: dict[tuple[str, str], list[AuditEntry]] = defaultdict(list)
    for entry in AuditEntry.objects.filter(subject__in=subjects).order_by("sequence"):
        recorded[entry.subject, entry.action].append(entry)
    for entry in _of_many(reviews):
        for key in {review.pk for review in reviews}.intersection(entry.detail["reviews"]):
            recorded[f"review:{key}", entry.action].append(entry)
    return recorded


def _of_many(reviews: Sequence[SeatReview]) -> Iterator[AuditEntry]:
    """Entries about many reviews at once, of the moments at which these were decided."""
    near = Q(pk__in=[])
    for review in reviews[-SHOWN:]:
        for at in (review.created_at, review.closed_at, review.notified_at):
            near |= Q(at__range=(at - A_MOMENT, at + A_MOMENT)) if at else Q()
    for entry in AuditEntry.objects.filter(near, action__in=OF_MANY, subject="").order_by("sequence"):
        if "reviews" in entry.detail:
            yield entry


def _only_audited(key: tuple[str, str], entries: Iterable[AuditEntry]) -> Iterator[Event]:
    for entry in entries:
        by = PORTAL if not entry.actor_id_text else entry.actor_name
        says = str(entry.detail.get("reason") or entry.detail.get("says") or "")
        yield Event(entry.at, capfirst(entry.action), says, by, None, [key])


def _references(event: Event, recorded: Recorded, pages: _Pages) -> list[tuple[int, str]]:
    return [
        (entry.sequence, pages.of(("portal.auditentry", entry.pk)))
        for key in event.audit
        for entry in recorded.get(key, ())
    ]


# --- Granted, used, exempted ------------------------------------------------------------------


def _granted(seat: Seat) -> Iterator[Event]:
    for grant in seat.grants.select_related("assigning_team"):
        if grant.created_at:
            yield Event(grant.created_at, "Granted", capfirst(f"{grant}, plan {grant.plan_type}"))
    if seat.pending_cancellation_date:
        yield Event(seat.pending_cancellation_date, "Access ends", "The seat is cancelled.")
    if seat.ended_at:
        yield Event(seat.ended_at, "Ended", "A complete seat list no longer shows it.")


def _used(seat: Seat) -> Iterator[Event]:
    for row in Evidence.objects.filter(user=seat.user_id):
        if row.source == Evidence.Source.SIGN_IN:
            yield Event(row.last_on, "Last sign-in")
        else:
            yield Event(row.last_on, "Last used", f"By {row.get_source_display()}.")


def _exempted(seat: Seat) -> Iterator[Event]:
    """What was ever given to the person alone, and what covers the seat today by another rule."""
    accounts = Q(account=None) | Q(account__in=[seat.account_id, seat.account.parent_id])
    own = Exemption.objects.filter(accounts, user=seat.user_id)
    for row in own.select_related("created_by"):
        yield _exemption(row, row.reason)
    for row in Exempt(today(), only=seat).covering(seat):
        if row.user_id is None:
            yield _exemption(row, f"With {row.target}: {row.reason}")


def _exemption(row: Exemption, says: str) -> Event:
    says = f"{says} From {day(row.starts_on)} until {day(row.until) if row.until else 'taken back'}."
    return Event(row.created_at, "Exempted", says, _name(row.created_by), ("seats.exemption", row.pk))


# --- On the desk ------------------------------------------------------------------------------


def _reviewed(review: SeatReview) -> Iterator[Event]:
    about = ("seats.seatreview", review.pk)
    opened_by = _name(review.opened_by, POLICY)
    yield Event(review.created_at, "Flagged for review", review.reason, opened_by, about)
    if review.notified_at:
        entry = [(f"review:{review.pk}", "told by hand")]
        yield Event(review.notified_at, "Notice given", _notice_ends(review), "", about, entry)
    if review.notice_ends_on and review.is_open:
        yield Event(review.notice_ends_on, "Notice ends", "The last day to answer.", "", about)
    if review.answered_at:
        yield Event(
            review.answered_at, "Answered", capfirst(f"{review.get_answer_display()}."), HOLDER, about
        )
    if review.closed_at:
        what = f"Review closed: {review.get_state_display()}"
        decided_by = _name(review.decided_by, HOLDER if review.answer else PORTAL)
        entry = [(f"review:{review.pk}", "seats kept")]
        yield Event(review.closed_at, what, review.decision, decided_by, about, entry)
    if review.kept_until:
        yield Event(review.kept_until, "Kept until", "The last day on which it is left alone.", "", about)


def _notice_ends(review: SeatReview) -> str:
    return f"It ends on {day(review.notice_ends_on)}." if review.notice_ends_on else ""


def _told(reviews: Sequence[SeatReview], *, shows_addresses: bool) -> Iterator[Event]:
    for notice in Notice.objects.filter(review__in=[review.pk for review in reviews]):
        about = ("seats.notice", notice.pk)
        if notice.kind == Notice.Kind.BY_HAND:
            yield Event(notice.sent_at or notice.created_at, "Told by hand", notice.body, about=about)
            continue
        is_named = notice.recipient and shows_addresses
        to = f"To {notice.recipient}" if is_named else capfirst(notice.get_kind_display())
        mail = f"{to}: {notice.subject}" if notice.subject else f"{to}."
        if notice.sent_at:
            yield Event(notice.sent_at, "Notice sent", mail, about=about)
        else:
            says = f"{mail} {notice.error}".strip()
            yield Event(notice.created_at, f"Notice: {notice.get_state_display()}", says, about=about)
        if notice.answered_at:
            yield Event(notice.answered_at, "Notice answered", mail, HOLDER, about)


# --- Taken back -------------------------------------------------------------------------------


def _revocations(seat: Seat) -> Iterable[Revocation]:
    return Revocation.objects.filter(seat=seat).select_related(
        "batch__proposed_by", "batch__approved_by", "batch__second_approved_by",
        "call__by", "reinstate_call", "reinstated_by",
    )  # fmt: skip


def _taken_back(row: Revocation) -> Iterator[Event]:
    batch, name = row.batch, f"batch {row.batch_id}"
    about = ("seats.revocationbatch", batch.pk)
    proposed_by = _name(batch.proposed_by, PORTAL)
    if row.state == Revocation.State.LEFT_OUT:
        yield Event(batch.proposed_at, f"Left out of {name}", _braked(row), proposed_by, about)
        return
    proposed = [(batch.subject, "seats proposed")]
    yield Event(batch.proposed_at, f"Proposed in {name}", row.reason, proposed_by, about, proposed)
    yield from _approved(row, about)
    if row.state in (Revocation.State.REFUSED, Revocation.State.FAILED, Revocation.State.DROPPED):
        at = batch.finished_at or batch.started_at or batch.approved_at or batch.proposed_at
        yield Event(at, capfirst(row.get_state_display()), _braked(row), PORTAL, about)
    yield from _called(row, about)
    yield from _followed_up(row, about)


def _approved(row: Revocation, about: tuple[str, int]) -> Iterator[Event]:
    batch, name = row.batch, f"batch {row.batch_id}"
    if batch.approved_at:
        by = _name(batch.approved_by, POLICY)
        entry = [(batch.subject, "batch approved")]
        yield Event(batch.approved_at, f"Approved in {name}", batch.approval_reason, by, about, entry)
    if batch.second_approved_at:
        entry = [(batch.subject, "batch approved by a second person")]
        by = _name(batch.second_approved_by)
        yield Event(batch.second_approved_at, f"Approved in {name} by a second person", "", by, about, entry)


def _called(row: Revocation, about: tuple[str, int]) -> Iterator[Event]:
    call = row.call
    if call is None:
        return
    asked = [(call.subject, "seats to be taken back")]
    yield Event(call.intended_at, "GitHub asked to take it back", "", _name(call.by, PORTAL), about, asked)
    if call.answered_at:
        status = f"HTTP {call.status}. " if call.status else ""
        told = [(call.subject, "seats taken back"), (call.subject, "seats not taken back")]
        yield Event(
            call.answered_at, f"GitHub: {call.get_state_display()}", f"{status}{call.said}", "", about, told
        )


def _followed_up(row: Revocation, about: tuple[str, int]) -> Iterator[Event]:
    subject = row.batch.subject
    if row.revoked_at:
        ends = row.pending_cancellation_date
        yield Event(row.revoked_at, "Taken back", f"Access ends on {day(ends)}." if ends else "", "", about)
    if row.verified_at:
        entry = [(subject, "revocations verified")]
        yield Event(row.verified_at, "Verified", "The next seat list shows it so.", PORTAL, about, entry)
    if row.came_back_at:
        entry = [(subject, "seats came back")]
        yield Event(row.came_back_at, "Has a seat again", row.came_back_by, "", about, entry)
    if row.reinstated_at:
        entry = [(subject, "seats given back")]
        yield Event(row.reinstated_at, "Given back", row.says, _name(row.reinstated_by), about, entry)


def _braked(row: Revocation) -> str:
    """Which brake it was, by its name, and what it said of this seat."""
    brake = next((one for one in Brake if one == row.brake), None)
    if brake is None:
        return row.says
    meaning = BRAKES[brake]
    return f"{meaning.name}: {row.says or meaning.sentence}"


def _asked_of_owners(seat: Seat) -> Iterator[Event]:
    for task in RemovalTask.objects.filter(seat=seat).select_related("team", "opened_by"):
        about = ("seats.removaltask", task.pk)
        by = _name(task.opened_by, PORTAL)
        yield Event(task.opened_at, f"Owner of {task.team} asked to end it", task.reason, by, about)
        if task.closed_at:
            yield Event(task.closed_at, f"Task of {task.team}: {task.get_state_display()}", about=about)


def _name(user: Any, otherwise: str = "") -> str:
    return str(user.get_username()) if user else otherwise
