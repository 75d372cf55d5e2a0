"""Tell people that their seat is about to be taken back, in time for them to say that they need it.

Whose seat was flagged, and is inactive today by a policy that does more than report, gets one mail. With it
the notice period begins: so many working days of the policy's calendar from the day after. Nobody is told
twice on purpose, and nobody's notice period begins before the mail server has taken the mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.bulk import update_values
from portal.mailing import Outbox, Unreachable
from portal.models import AuditEntry
from seats.figures import Prices
from seats.models import Account, InactivityPolicy, Notice, SeatReview
from seats.models.seat import PlanType
from seats.policy_sql import today
from seats.reclaim import deliveries, digests, links
from seats.reclaim.deliveries import New
from seats.reclaim.notice_words import LINK, NoWords, Words, write
from seats.standing import SeatStanding, standing
from seats.sync.tally import Reporter
from seats.working_days import WorkingDays

Mode = InactivityPolicy.Mode
State = SeatReview.State
# Modes under which the portal tells people by itself.
TELLING = (Mode.PROPOSE, Mode.AUTOMATIC)
PLANS: dict[str, str] = {**dict(PlanType.choices), PlanType.UNKNOWN: ""}


@dataclass(slots=True)
class Tally:
    """What a round of notices did."""

    due: int = 0
    """Reviews whose holder is to be told."""
    sent: int = 0
    failed: int = 0
    no_address: int = 0
    """Nobody knows where mail reaches them: somebody has to tell them."""
    digests: int = 0
    trouble: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def notify(account: Account | None = None, *, dry_run: bool = False, run: Reporter | None = None) -> Tally:
    """Send the notices that are due in the account's family, or everywhere. Safe to repeat and to stop.

    A dry run counts, and changes nothing.
    """
    tally = Tally()
    if not dry_run:
        deliveries.give_up_lost(timezone.now())
        deliveries.drop_overtaken(timezone.now())
    due = _due(account)
    tally.due = len(due)
    if dry_run:
        tally.no_address = sum(1 for one in due.values() if not one.stood.user.address)
        return tally
    try:
        with Outbox() as outbox:
            _Round(due, outbox, run, tally).tell()
            tally.digests = digests.send(account, outbox, run)
    except (Unreachable, NoWords) as trouble:
        tally.trouble = str(trouble)
    finally:
        if tally.sent or tally.failed or tally.digests:
            AuditEntry.objects.record(
                "notices sent", subject=account.subject if account else "", detail=tally.as_dict()
            )
    return tally


def told_by_hand(reviews: Iterable[SeatReview], by: Any, note: str) -> int:
    """Somebody told these people in another way: their notice period begins today. How many were flagged."""
    keys = {review.pk for review in reviews}
    with transaction.atomic():
        flagged = SeatReview.objects.filter(pk__among=keys, state=State.FLAGGED).order_by("pk")
        told = list(flagged.select_for_update().values_list("pk", flat=True))
        if told:
            _begin_notices(told)
            _write_down_by_hand(told, note)
            AuditEntry.objects.record(
                "told by hand",
                subject=f"review:{told[0]}" if len(told) == 1 else "",
                actor=by,
                detail={"reviews": told, "note": note},
            )
    return len(told)


def _begin_notices(keys: list[int]) -> None:
    """Of locked reviews: each as long as its policy says."""
    reviews = SeatReview.objects.filter(pk__among=set(keys)).select_related("seat__policy__working_calendar")
    calendars, now = _Calendars(), timezone.now()
    rows = [
        (
            State.NOTIFIED,
            now,
            calendars.notice_ends(review.seat.policy or InactivityPolicy(), today()),
            review.pk,
        )
        for review in reviews.order_by("pk")
    ]
    update_values(SeatReview, ["state", "notified_at", "notice_ends_on"], rows)


def _write_down_by_hand(keys: list[int], note: str) -> None:
    """In place of a mail that was not sent, where there is one."""
    holders = SeatReview.objects.filter(pk__among=set(keys)).order_by("pk").values_list("pk", "seat__user_id")
    deliveries.write_down(
        New(f"review:{key}", Notice.Kind.BY_HAND, user_id, review_id=key) for key, user_id in holders
    )
    Notice.objects.filter(once_key__among={f"review:{key}" for key in keys}).update(
        kind=Notice.Kind.BY_HAND, state=Notice.State.SENT, sent_at=timezone.now(), error="", subject="",
        body=note,
    )  # fmt: skip


def once_key(review: SeatReview) -> str:
    return f"review:{review.pk}"


def unreached() -> Iterator[SeatReview]:
    """Flagged reviews whose holder no mail can reach: somebody has to tell them by hand."""
    waiting = SeatReview.objects.filter(
        state=State.FLAGGED, notices__state=Notice.State.NO_ADDRESS
    ).select_related("seat__user", "seat__account")
    yield from waiting.order_by("pk")


# --- Who is to be told ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A flagged review, and how its seat stands today."""

    review: SeatReview
    stood: SeatStanding
    policy: InactivityPolicy


def _due(account: Account | None) -> dict[int, Due]:
    """By review; in the order of enterprises, organizations and logins."""
    flagged = SeatReview.objects.filter(state=State.FLAGGED, seat__ended_at=None)
    if account is not None:
        flagged = flagged.filter(Q(seat__account=account) | Q(seat__account__parent=account))
    reviews = {review.seat_id: review for review in flagged.order_by("pk")}
    if not reviews:
        return {}
    found = {}
    for stood in standing(today(), account):
        review, policy = reviews.get(stood.seat.pk), stood.policy
        if review is not None and policy is not None and is_to_be_told(stood, policy):
            found[review.pk] = Due(review, stood, policy)
    return found


def is_to_be_told(stood: SeatStanding, policy: InactivityPolicy) -> bool:
    return policy.mode in TELLING and policy.notice_days > 0 and stood.judgement.is_inactive


# --- Telling them -----------------------------------------------------------------------------


class _Round:
    """One run over those who are due."""

    def __init__(self, due: Mapping[int, Due], outbox: Outbox, run: Reporter | None, tally: Tally) -> None:
        self.due = due
        self.outbox = outbox
        self.run = run
        self.tally = tally
        self.calendars = _Calendars()
        self.prices = Prices.on(today())

    def tell(self) -> None:
        if not self.due:
            return
        words = Words()
        notices = self._written_down()
        self._settle_sent(notices)
        waiting = [notice for notice in notices if deliveries.is_sendable(notice)]
        for number, notice in enumerate(waiting):
            if self.run is not None:
                self.run.progress(number, len(waiting), f"notice {number + 1} of {len(waiting)}")
            try:
                self._tell(notice, self.due[notice.review_id or 0], words)
            except Unreachable as trouble:
                self.tally.failed += 1 + deliveries.fail_rest(waiting[number + 1 :], str(trouble))
                raise

    def _written_down(self) -> list[Notice]:
        """The notice of each, made where there is none yet."""
        deliveries.write_down(
            New(once_key(one.review), Notice.Kind.PERSON, one.stood.user.pk, review_id=key)
            for key, one in self.due.items()
        )
        notices = Notice.objects.filter(review_id__among=set(self.due), kind=Notice.Kind.PERSON)
        by_review = {notice.review_id: notice for notice in notices}
        found = [by_review[key] for key in self.due if key in by_review]
        self._part_by_address(found)
        return found

    def _part_by_address(self, notices: Iterable[Notice]) -> None:
        """Whom no mail reaches waits to be told by hand, or for an address. A new one is tried anew."""
        waiting, nowhere = Notice.State.QUEUED, Notice.State.NO_ADDRESS
        moved: dict[str, set[int]] = {waiting: set(), nowhere: set()}
        for notice in notices:
            address = self.due[notice.review_id or 0].stood.user.address
            has_failed = notice.state == Notice.State.FAILED and not deliveries.is_sendable(notice)
            if address and (notice.state == nowhere or (has_failed and notice.recipient != address)):
                notice.state, notice.attempts = waiting, 0
                moved[waiting].add(notice.pk)
            elif not address and deliveries.is_sendable(notice):
                notice.state, notice.attempts = nowhere, 0
                moved[nowhere].add(notice.pk)
            self.tally.no_address += notice.state == nowhere
        still = Notice.objects.exclude(state__in=(Notice.State.SENDING, Notice.State.SENT))
        for state, keys in moved.items():
            still.filter(pk__among=keys).update(state=state, attempts=0)

    def _settle_sent(self, notices: Iterable[Notice]) -> None:
        """A mail that went out, and whose review was put back on the desk: it has been told."""
        for notice in notices:
            if notice.state == Notice.State.SENT and notice.sent_at is not None:
                one = self.due[notice.review_id or 0]
                ends_on = self.calendars.notice_ends(one.policy, notice.sent_at.date())
                _begin_notice(one.review, ends_on)

    def _tell(self, notice: Notice, one: Due, words: Words) -> None:
        user, ends_on = one.stood.user, self.calendars.notice_ends(one.policy, today())
        template = words.of(Notice.Kind.PERSON, one.stood.account, user)
        mail = write(template, values_of(one.stood, ends_on, self.prices))
        if not deliveries.claim(notice, user.address, mail, while_flagged=one.review):
            return
        if not deliveries.send(self.outbox, notice, mail, links.url_of(notice, ends_on)):
            self.tally.failed += 1
            return
        with transaction.atomic():
            deliveries.sent(notice, timezone.now())
            _begin_notice(one.review, ends_on)
        self.tally.sent += 1


def values_of(stood: SeatStanding, ends_on: date, prices: Prices) -> dict[str, str]:
    """What a notice may say of a seat; the link stays open."""
    used_on, price = stood.last_evidence_on, prices.of(stood.account, stood.plan_type)
    days_idle = stood.judgement.days_idle
    return {
        "login": stood.user.login,
        "name": stood.user.name or stood.user.login,
        "organization": stood.account.label,
        "last_used": used_on.isoformat() if used_on else "",
        "days_idle": "" if days_idle is None else str(days_idle),
        "plan": PLANS.get(stood.plan_type, stood.plan_type),
        "monthly_cost": str(price) if price else "",
        "answer_until": ends_on.isoformat(),
        # The policy's words: what somebody noted when flagging by hand is not meant for the person.
        "reason": stood.judgement.reason,
        "link": LINK,
    }


def _begin_notice(review: SeatReview, ends_on: date) -> bool:
    """False if the review is flagged no more."""
    flagged = SeatReview.objects.filter(pk=review.pk, state=State.FLAGGED)
    return bool(flagged.update(state=State.NOTIFIED, notified_at=timezone.now(), notice_ends_on=ends_on))


class _Calendars:
    """The working days of each policy's calendar, its holidays read once."""

    def __init__(self) -> None:
        self._known: dict[int | None, WorkingDays] = {}

    def notice_ends(self, policy: InactivityPolicy, told_on: date) -> date:
        """The last day on which whoever was told on this day may answer; counted from the day after."""
        key = policy.working_calendar_id
        if key not in self._known:
            self._known[key] = WorkingDays(policy.working_calendar)
        return self._known[key].after(told_on, policy.notice_days)
