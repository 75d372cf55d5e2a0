"""Whether one seat may be taken back: what is known of it is loaded for many at once, the check is pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from seats import evidence
from seats.evidence import liveness_of
from seats.models import (
    Account,
    Evidence,
    InactivityPolicy,
    Notice,
    Revocation,
    RevocationBatch,
    Seat,
    SeatReview,
    UserLogin,
    WorkingCalendar,
)
from seats.models.seat import INACTIVE, Verdict
from seats.policy_sql import midnight, today
from seats.reclaim import effects
from seats.reclaim.effects import Effect
from seats.reclaim.liveness import Liveness, Signs
from seats.reclaim.refusals import Brake, Refusal
from seats.standing import SeatStanding
from seats.watching import LONGEST_GAP
from seats.working_days import WorkingDays

_BRAKE_OF_VERDICT = {
    Verdict.PENDING: Brake.PENDING_ALREADY,
    Verdict.EXEMPT: Brake.EXEMPT,
    Verdict.IN_GRACE: Brake.IN_GRACE,
    Verdict.UNKNOWN: Brake.UNKNOWN,
}
NOTHING = Signs(None, None)
# Notices of which nobody has read a word.
_NOT_DELIVERED = (Notice.State.QUEUED, Notice.State.SENDING, Notice.State.FAILED, Notice.State.NO_ADDRESS)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is about to happen, and when. Each of these asks for more care than its opposite."""

    as_of: date
    automatic: bool = False  # nobody approves it
    by_portal: bool = False  # nobody proposed it
    executing: bool = True  # GitHub is asked next


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a seat and its holder beside its standing."""

    effect: Effect
    review: SeatReview | None = None  # the open one
    kept: SeatReview | None = None  # the decision to keep it that still holds
    is_told: bool = True  # False: every notice of it failed
    other_batch: int | None = None
    namesake_seen_on: date | None = None  # somebody else was seen under the login, not before its holder
    watched_since: date | None = None
    signs: Signs = NOTHING
    used_ahead_on: date | None = None  # a use that is dated after today
    passive_on: date | None = None
    resting: str = ""  # the calendar in which today is no working day


def check(stood: SeatStanding, known: Known, liveness: Liveness, terms: Terms) -> Refusal | None:
    """The first brake that holds, or None. Pure."""
    for one in OF_THE_SEAT:
        if refusal := one(stood, known, terms):
            return refusal
    policy = stood.policy
    if policy is None:
        return Refusal.of(Brake.NO_POLICY)
    for other in BY_POLICY:
        if refusal := other(stood, policy, known, terms):
            return refusal
    # How it was granted comes last: of a seat that may go, the team's owner is asked.
    return liveness.silence(policy) or liveness.absence(policy, known.signs) or known.effect.refusal()


def _identity(stood: SeatStanding, known: Known, terms: Terms) -> Refusal | None:
    if stood.seat.ended_at is not None:
        return Refusal.of(Brake.SEAT_ENDED)
    if stood.user.github_id is None:
        return Refusal.of(Brake.NO_IDENTITY)
    if known.namesake_seen_on is not None:
        return Refusal.of(
            Brake.LOGIN_CHANGED_HANDS,
            f"Somebody else was seen as {stood.user.login} on {known.namesake_seen_on}.",
        )
    return None


def _verdict(stood: SeatStanding, known: Known, terms: Terms) -> Refusal | None:
    judged = stood.judgement
    if judged.verdict in INACTIVE:
        return None
    brake = _BRAKE_OF_VERDICT.get(Verdict(judged.verdict))
    if brake is None:
        brake = Brake.ACTIVE_AGAIN if known.review is not None else Brake.NOT_INACTIVE
    return Refusal.of(brake, judged.reason)


def _clock(stood: SeatStanding, known: Known, terms: Terms) -> Refusal | None:
    """Only the newest day of use is remembered: one of tomorrow hides whether there was one before."""
    if known.used_ahead_on is None:
        return None
    return Refusal.of(
        Brake.UNKNOWN,
        f"A use is dated {known.used_ahead_on}, after today: a clock is wrong, or a file.",
        "See that this machine's clock is right.",
    )


def _exemption(stood: SeatStanding, known: Known, terms: Terms) -> Refusal | None:
    if stood.exemption is None:
        return None
    return Refusal.of(Brake.EXEMPT, f"An exemption is in force: {stood.exemption.reason}")


def _decisions(stood: SeatStanding, known: Known, terms: Terms) -> Refusal | None:
    for review in (known.review, known.kept):
        if review is not None and review.answer == SeatReview.Answer.NEEDED:
            on = f" on {review.answered_at:%Y-%m-%d}" if review.answered_at else ""
            return Refusal.of(Brake.ANSWERED_NEEDED, f"{stood.user.login} answered{on}: still needed.")
    if known.kept is not None:
        why = f": {known.kept.decision}" if known.kept.decision else "."
        return Refusal.of(Brake.KEPT, f"Kept until {known.kept.kept_until}{why}")
    if known.review is not None and known.review.state == SeatReview.State.REVOKED:
        return Refusal.of(Brake.PENDING_ALREADY, "It was taken back already, and is to be verified.")
    if known.other_batch is not None:
        return Refusal.of(Brake.IN_ANOTHER_BATCH, f"Batch {known.other_batch} has it.")
    return None


def _mode(stood: SeatStanding, policy: InactivityPolicy, known: Known, terms: Terms) -> Refusal | None:
    needs_automatic = terms.automatic and policy.mode != InactivityPolicy.Mode.AUTOMATIC
    if needs_automatic or (terms.by_portal and policy.mode == InactivityPolicy.Mode.REPORT_ONLY):
        mode = policy.get_mode_display()
        return Refusal.of(Brake.REPORT_ONLY, f"The mode of the policy {policy} is “{mode}”.")
    return None


def _day(stood: SeatStanding, policy: InactivityPolicy, known: Known, terms: Terms) -> Refusal | None:
    if terms.executing and known.resting:
        return Refusal.of(
            Brake.NOT_A_WORKING_DAY, f"{terms.as_of} is no working day in the calendar {known.resting}."
        )
    return None


def _watched(stood: SeatStanding, policy: InactivityPolicy, known: Known, terms: Terms) -> Refusal | None:
    asked = policy.min_watched_days
    if not asked:
        return None
    if known.watched_since is None:
        return Refusal.of(Brake.NOT_WATCHED_LONG_ENOUGH, "It is not being watched: no whole list is recent.")
    if (terms.as_of - known.watched_since).days < asked:
        return Refusal.of(
            Brake.NOT_WATCHED_LONG_ENOUGH,
            f"Watched since {known.watched_since}; the policy asks for {asked} days.",
        )
    return None


def _notice(stood: SeatStanding, policy: InactivityPolicy, known: Known, terms: Terms) -> Refusal | None:
    review = known.review
    if review is None:
        return Refusal.of(Brake.NOTICE_MISSING, "It is on nobody's desk, and the person was not told.")
    if policy.notice_days == 0 and review.notified_at is None:
        return None  # the policy asks for none, and none was given that may still be answered
    if review.state == SeatReview.State.FLAGGED or review.notified_at is None or not known.is_told:
        return Refusal.of(Brake.NOTICE_MISSING)
    used_on = stood.last_evidence_on
    if used_on is not None and used_on > review.notified_at.date():
        return Refusal.of(
            Brake.NOTICE_MISSING, f"Used on {used_on}, after the person was told: they must be told anew."
        )
    if review.notice_ends_on is None:
        return Refusal.of(Brake.NOTICE_MISSING, "Nothing says how long the person may answer.")
    if review.notice_ends_on >= terms.as_of:
        return Refusal.of(Brake.NOTICE_RUNNING, f"The person may answer until {review.notice_ends_on}.")
    return None


def _by_itself(stood: SeatStanding, policy: InactivityPolicy, known: Known, terms: Terms) -> Refusal | None:
    if not terms.automatic:
        return None
    since = terms.as_of - timedelta(days=policy.idle_days)
    if known.signs.sign_in_on is not None and known.signs.sign_in_on >= since:
        return Refusal.of(Brake.RECENT_SIGN_IN, f"Signed in to Copilot on {known.signs.sign_in_on}.")
    if known.passive_on is not None and known.passive_on >= since:
        return Refusal.of(
            Brake.PASSIVE_REVIEW_RECENT, f"Copilot reviewed the person's work on {known.passive_on}."
        )
    return None


# In this order: the first that holds names the reason.
OF_THE_SEAT = (_identity, _verdict, _clock, _exemption, _decisions)
BY_POLICY = (_mode, _day, _watched, _notice, _by_itself)


class SeatCheck:
    """The check, with all that is known of an account's seats loaded once: no query per seat.

    `seats` bounds what is loaded to these; `batch` is the batch whose own hold on a seat is no hindrance.
    """

    def __init__(
        self,
        account: Account,
        as_of: date | None = None,
        automatic: bool = False,
        *,
        seats: Iterable[Seat] | None = None,
        batch: RevocationBatch | None = None,
        by_portal: bool | None = None,
        executing: bool = True,
    ) -> None:
        self.terms = Terms(
            as_of=as_of or today(),
            automatic=automatic,
            by_portal=automatic if by_portal is None else by_portal,
            executing=executing,
        )
        held = seats if seats is not None else Seat.objects.held().filter(account=account)
        self.liveness = liveness(account, self.terms.as_of)
        self._known = _Loaded(list(held), batch, self.terms)

    def __call__(self, stood: SeatStanding) -> Refusal | None:
        return check(stood, self._known.of(stood), self.liveness, self.terms)

    def effect(self, seat: Seat) -> Effect:
        return self._known.effects[seat.pk]

    def review(self, seat: Seat) -> SeatReview | None:
        """The open review of the seat."""
        return self._known.reviews.get(seat.pk)


def liveness(account: Account, as_of: date) -> Liveness:
    """How alive the sources are that tell of this account."""
    signed_in = Seat.objects.held().of_family(account).filter(last_authenticated_at__isnull=False)
    return Liveness(as_of, liveness_of(account), signed_in.exists())


class _Loaded:
    def __init__(self, seats: Collection[Seat], batch: RevocationBatch | None, terms: Terms) -> None:
        self.terms = terms
        keys = {seat.pk for seat in seats}
        user_ids = {seat.user_id for seat in seats}
        self.effects = effects.of_seats(seats)
        reviews = SeatReview.objects.filter(open_key__among=keys)
        self.reviews = {review.seat_id: review for review in reviews}
        keeping = SeatReview.objects.keeping(terms.as_of).filter(seat_id__among=keys).order_by("kept_until")
        self.kept = {review.seat_id: review for review in keeping}
        self.untold = _untold({review.pk for review in self.reviews.values()})
        self.batches = _other_batches(keys, batch)
        self.signs = _signs(user_ids)
        self.sightings = _sightings(user_ids)
        self.passive = _passive(user_ids, terms)
        self.rests: dict[int, str] = {}

    def of(self, stood: SeatStanding) -> Known:
        seat = stood.seat
        review = self.reviews.get(seat.pk)
        return Known(
            effect=self.effects[seat.pk],
            review=review,
            kept=self.kept.get(seat.pk),
            is_told=review is None or review.pk not in self.untold,
            other_batch=self.batches.get(seat.pk),
            namesake_seen_on=self._namesake(stood),
            watched_since=self._watched_since(stood),
            signs=self._signs_of(stood),
            used_ahead_on=self._used_ahead(stood),
            passive_on=self.passive.get(seat.user_id),
            resting=self._resting(stood.policy),
        )

    def _signs_of(self, stood: SeatStanding) -> Signs:
        told = self.signs.get(stood.seat.user_id, {})
        used = [told.get(Evidence.Source.SEAT), told.get(Evidence.Source.ACTIVITY_REPORT)]
        if stood.last_activity_at is not None:
            used.append(stood.last_activity_at.date())
        signed_in = [told.get(Evidence.Source.SIGN_IN)]
        if stood.last_authenticated_at is not None:
            signed_in.append(stood.last_authenticated_at.date())
        return Signs(_newest(used), _newest(signed_in))

    def _used_ahead(self, stood: SeatStanding) -> date | None:
        told = self.signs.get(stood.seat.user_id, {})
        ahead = [on for on in told.values() if on > self.terms.as_of]
        return max(ahead, default=None)

    def _namesake(self, stood: SeatStanding) -> date | None:
        seen = self.sightings.get(stood.user.login_key, {})
        own = seen.get(stood.user.pk, date.min)
        others = [on for user_id, on in seen.items() if user_id != stood.user.pk and on >= own]
        return max(others, default=None)

    def _watched_since(self, stood: SeatStanding) -> date | None:
        account = stood.account
        if account.watched_since is None or account.watched_until is None:
            return None
        if account.watched_until < midnight(self.terms.as_of) - LONGEST_GAP:
            return None
        return max(account.watched_since, stood.seat.first_seen_at).date()

    def _resting(self, policy: InactivityPolicy | None) -> str:
        if policy is None or policy.working_calendar_id is None:
            return ""
        key = policy.working_calendar_id
        if key not in self.rests:
            calendar = WorkingCalendar.objects.filter(pk=key).first()
            is_working = WorkingDays(calendar).is_working(self.terms.as_of)
            self.rests[key] = "" if is_working else str(calendar)
        return self.rests[key]


def _newest(days: Iterable[date | None]) -> date | None:
    return max((day for day in days if day is not None), default=None)


def _untold(review_ids: Collection[int]) -> set[int]:
    """Reviews of which notices were written, and none was delivered."""
    delivered: dict[int, bool] = defaultdict(bool)
    notices = Notice.objects.filter(review_id__among=review_ids).exclude(kind=Notice.Kind.MAINTAINERS)
    for review_id, state in notices.order_by().values_list("review_id", "state"):
        if review_id is not None:
            delivered[review_id] |= state not in _NOT_DELIVERED and state != Notice.State.WITHDRAWN
    return {review_id for review_id, was in delivered.items() if not was}


def _other_batches(seat_ids: Collection[int], batch: RevocationBatch | None) -> Mapping[int, int]:
    live = Revocation.objects.filter(live_key__among=seat_ids)
    if batch is not None:
        live = live.exclude(batch=batch)
    return dict(live.order_by().values_list("seat_id", "batch_id"))


def _signs(user_ids: Collection[int]) -> Mapping[int, Mapping[str, date]]:
    told: dict[int, dict[str, date]] = defaultdict(dict)
    rows = Evidence.objects.filter(user_id__among=user_ids)
    for user_id, source, last_on in rows.order_by().values_list("user_id", "source", "last_on"):
        told[user_id][source] = last_on
    return told


def _sightings(user_ids: Collection[int]) -> Mapping[str, Mapping[int, date]]:
    """By login: whom it was seen of, and when last; of people with an id alone."""
    seen: dict[str, dict[int, date]] = defaultdict(dict)
    own = UserLogin.objects.filter(user_id__among=user_ids).order_by()
    keys = set(own.values_list("login_key", flat=True))
    rows = UserLogin.objects.filter(login_key__among=keys, user__github_id__isnull=False).order_by()
    for login_key, user_id, last_on in rows.values_list("login_key", "user_id", "last_seen_on"):
        seen[login_key][user_id] = last_on
    return seen


def _passive(user_ids: Collection[int], terms: Terms) -> Mapping[int, date]:
    if not terms.automatic:
        return {}
    longest = InactivityPolicy.objects.order_by("-idle_days").values_list("idle_days", flat=True).first() or 0
    return evidence.passive_since(terms.as_of - timedelta(days=longest), user_ids)
