"""What happens next with a review, in a sentence, and the buttons for it on its page."""

from __future__ import annotations

from seats.admin.base import day
from seats.models import InactivityPolicy, SeatReview
from seats.reclaim.flag import CLOSABLE
from seats.verdicts import today

State = SeatReview.State
# Actions of the list, by the states in which they do something.
OFFERED = {
    "keep": ("Keep the seat…", CLOSABLE),
    "told": ("I told them myself…", (State.FLAGGED,)),
    "keep_no_longer": ("Keep it no longer…", (State.KEPT,)),
    "propose": ("Propose to take back…", (State.NOTIFIED, State.FAILED)),
}


def what_is_next(review: SeatReview) -> str:
    policy = review.seat.policy
    by_itself = policy is not None and policy.mode != InactivityPolicy.Mode.REPORT_ONLY
    match review.state:
        case State.FLAGGED if _asks_no_notice(review):
            return f"The policy asks for no notice. {_propose(by_itself=by_itself)}"
        case State.FLAGGED if by_itself:
            return "Nobody was told yet. Next: the portal sends a notice in its next round."
        case State.FLAGGED:
            return (
                "Nobody was told yet, and the policy reports only: the portal sends no notice. "
                "Next: tell the person and note it here, or keep the seat."
            )
        case State.NOTIFIED:
            return _after_notice(review, by_itself=by_itself)
        case State.APPROVED:
            return (
                "Somebody approved it. Next: its batch is executed, and the seat is checked once more then."
            )
        case State.REVOKED:
            return "It was taken back. Next: GitHub's next whole seat list verifies it."
        case State.FAILED:
            return "It could not be taken back; below is why. Next: propose it anew, or keep the seat."
        case State.KEPT if _is_kept(review):
            by_whom = "as the person asked" if review.answer else "as somebody decided"
            return f"It is kept until {day(review.kept_until)}, {by_whom}. After that it is reviewed anew."
        case _:
            return ""


def buttons(review: SeatReview, allowed: set[str]) -> list[tuple[str, str]]:
    """Those of the list's actions that this user may do and that do something here: name and label."""
    if review.state == State.KEPT and (review.answer or not _is_kept(review)):
        return []
    return [
        (action, label)
        for action, (label, states) in OFFERED.items()
        if action in allowed and (review.state in states or (action == "propose" and _may_go_now(review)))
    ]


def _is_kept(review: SeatReview) -> bool:
    return review.kept_until is not None and review.kept_until >= today()


def _asks_no_notice(review: SeatReview) -> bool:
    policy = review.seat.policy
    return policy is not None and policy.notice_days == 0 and review.notified_at is None


def _may_go_now(review: SeatReview) -> bool:
    return review.state == State.FLAGGED and _asks_no_notice(review)


def _after_notice(review: SeatReview, *, by_itself: bool) -> str:
    ends_on = review.notice_ends_on
    if ends_on is None or ends_on >= today():
        until = f"until {day(ends_on)}" if ends_on else "still"
        return f"The person may answer {until}. After that the seat can be proposed to be taken back."
    return f"The time to answer is over. {_propose(by_itself=by_itself)}"


def _propose(*, by_itself: bool) -> str:
    if by_itself:
        return "Next: the portal proposes to take the seat back in its next round, or you do now."
    return "Next: propose to take the seat back, or keep it."
