"""Whatever is known of a seat: the check lets none go that is alive, exempt, in grace, unknown or untold."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from seats.evidence import SourceLiveness
from seats.models import Account, GitHubUser, InactivityPolicy, Seat, SeatReview
from seats.policy import Facts, evaluate
from seats.policy_sql import rule_of
from seats.reclaim.effects import Effect
from seats.reclaim.liveness import Liveness, Signs
from seats.reclaim.refusals import Brake
from seats.reclaim.seat_check import Known, Terms, check
from seats.standing import SeatStanding

TODAY = date(2026, 11, 20)

possible = Effect("end_of_cycle", "organization", "")
impossible = Effect("not_possible", "team", "", brake=Brake.WRONG_PATH)
# Mostly within reach of every limit, and on both sides of it.
ago = st.integers(0, 100)
maybe_ago = st.none() | ago


def day(number: int | None) -> date | None:
    return None if number is None else TODAY - timedelta(days=number)


def moment(number: int | None) -> datetime | None:
    return None if number is None else datetime.combine(TODAY - timedelta(days=number), time(9), UTC)


class Draw:
    """Draws what all is well with, but for a few things at a time, which are drawn from all there is."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.spoiled = draw(st.sets(st.sampled_from(THINGS), max_size=3))

    def __call__(self, thing: str, well: Any, spoiled: st.SearchStrategy[Any]) -> Any:
        assert thing in THINGS
        return self.draw(spoiled if thing in self.spoiled else well if is_strategy(well) else st.just(well))


def is_strategy(value: Any) -> bool:
    return isinstance(value, st.SearchStrategy)


THINGS = (
    "grace", "notice days", "watched days", "sign-in counts", "needs reports", "mode", "reports", "flawed",
    "off", "used", "activity", "sign-in", "granted", "pending", "exempt", "identity", "no policy", "path",
    "review", "kept", "told", "batch", "namesake", "watched", "passive", "rest", "lists",
)  # fmt: skip


def policy_of(draw: Draw) -> InactivityPolicy:
    return InactivityPolicy(
        scope_key="all",
        idle_days=draw.draw(st.integers(1, 95)),
        grace_days=draw("grace", 14, st.integers(0, 40)),
        notice_days=draw("notice days", 7, st.just(0)),
        min_watched_days=draw("watched days", 7, st.sampled_from([0, 30])),
        sign_in_counts=draw("sign-in counts", False, st.booleans()),
        needs_usage_reports=draw("needs reports", True, st.booleans()),
        mode=draw("mode", "automatic", st.sampled_from(InactivityPolicy.Mode.values)),
    )


def source_of(draw: Draw) -> SourceLiveness:
    told = set(range(1, 100)) - draw("reports", set(), st.sets(ago, max_size=6) | st.just(set(range(1, 9))))
    flawed = draw("flawed", set(), st.sets(ago, max_size=2))
    return SourceLiveness(
        "usage_report",
        day(min(told, default=None)),
        frozenset(TODAY - timedelta(days=number) for number in told),
        frozenset(TODAY - timedelta(days=number) for number in flawed),
        is_off=draw("off", False, st.booleans()),
    )


reviews = st.none() | st.builds(
    SeatReview,
    state=st.sampled_from(SeatReview.OPEN),
    answer=st.sampled_from(["", "", "", "needed"]),
    notified_at=maybe_ago.map(moment),
    notice_ends_on=maybe_ago.map(day),
    answered_at=st.none(),
)


@st.composite
def cases(draw_: st.DrawFn) -> tuple[SeatStanding, Known, Liveness, Terms, Facts]:
    draw = Draw(draw_)
    policy = policy_of(draw)
    longer_ago = st.none() | st.integers(policy.idle_days + 1, 200)
    known_on = {
        "usage_report": draw("used", longer_ago, maybe_ago),
        "seat": draw("activity", longer_ago, maybe_ago),
        "sign_in": draw("sign-in", longer_ago, maybe_ago),
    }
    evidence = {source: TODAY - timedelta(days=on) for source, on in known_on.items() if on is not None}
    watched = draw("watched", 99, maybe_ago)
    facts = Facts(
        created_on=day(draw("granted", 300, maybe_ago)),
        pending_cancellation_date=draw("pending", None, st.sampled_from([None, TODAY])),
        is_exempt=draw("exempt", False, st.booleans()),
        evidence=evidence,
        watched_since=day(watched),
    )
    user = GitHubUser(pk=1, github_id=draw("identity", 7, st.none()), login="ida", login_key="ida")
    account = Account(pk=1, kind="organization", login="acme")
    seat = Seat(pk=1, account=account, user=user)
    stood = SeatStanding(
        seat=seat, account=account, user=user, plan_type="business", assigning_team_label="",
        granted_by="direct", created_at=None, last_activity_at=None, last_activity_editor="",
        last_authenticated_at=None, pending_cancellation_date=facts.pending_cancellation_date,
        policy=draw("no policy", policy, st.none()), exemption=None,
        judgement=evaluate(facts, rule_of(policy), TODAY),
    )  # fmt: skip
    newest = max((on for on in evidence.values()), default=None)
    told_at = SeatReview(
        state="notified",
        notified_at=moment(10) if newest is None or newest <= TODAY - timedelta(days=10) else moment(2),
        notice_ends_on=day(1),
    )
    known = Known(
        effect=draw("path", possible, st.just(impossible)),
        review=draw("review", told_at, reviews),
        kept=draw("kept", None, st.just(SeatReview(state="kept", kept_until=TODAY))),
        is_told=draw("told", True, st.booleans()),
        other_batch=draw("batch", None, st.just(3)),
        namesake_seen_on=draw("namesake", None, st.just(TODAY)),
        watched_since=day(watched),
        signs=Signs(evidence.get("seat"), evidence.get("sign_in")),
        passive_on=day(draw("passive", None, maybe_ago)),
        resting=draw("rest", "", st.just("Berlin")),
    )
    told = Liveness(TODAY, [source_of(draw)], tells_sign_ins=draw("lists", True, st.booleans()))
    automatic = draw_(st.booleans())
    terms = Terms(TODAY, automatic, automatic or draw_(st.booleans()), draw_(st.booleans()))
    return stood, known, told, terms, facts


@settings(max_examples=100, deadline=None)
@given(cases())
def test_what_may_go_is_dead_by_all_that_is_known(case: Any) -> None:
    _goes_only_when_dead(case)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None)
@given(cases())
def test_what_may_go_is_dead_in_thousands_of_cases(case: Any) -> None:
    _goes_only_when_dead(case)


def _goes_only_when_dead(case: Any) -> None:
    stood, known, told, terms, facts = case
    if check(stood, known, told, terms) is not None:
        event("kept")
        return
    event("goes")
    policy, review = stood.policy, known.review
    window = TODAY - timedelta(days=policy.idle_days)
    counting = [on for source, on in facts.evidence.items() if source != "sign_in" or policy.sign_in_counts]
    assert all(on < window for on in counting)
    assert not facts.is_exempt
    assert facts.pending_cancellation_date is None
    if facts.created_on is not None:
        assert facts.created_on < TODAY - timedelta(days=policy.grace_days)
    assert stood.user.github_id is not None
    assert known.effect.kind != "not_possible"
    assert (known.kept, known.other_batch, known.namesake_seen_on) == (None, None, None)
    if policy.min_watched_days:
        assert known.watched_since <= TODAY - timedelta(days=policy.min_watched_days)
    assert review.answer != "needed"
    assert review.state != "revoked"
    if policy.notice_days or review.notified_at:
        assert review.notified_at is not None
        assert review.notice_ends_on < TODAY
        assert known.is_told
    if terms.automatic:
        assert policy.mode == "automatic"
        assert facts.evidence.get("sign_in", date.min) < window
        assert (known.passive_on or date.min) < window
    if terms.by_portal:
        assert policy.mode != "report_only"
    if terms.executing:
        assert not known.resting
    _absence_is_proved(told, policy, known.signs)


def _absence_is_proved(told: Liveness, policy: InactivityPolicy, signs: Signs) -> None:
    [source] = told.sources
    days = {TODAY - timedelta(days=number) for number in range(3, policy.idle_days + 1)}
    reports = source.told_on if signs.activity_on else source.told_on - source.flawed_on
    is_told = len(days - reports) <= (3 if signs.activity_on else 0) and not source.is_off
    if policy.needs_usage_reports:
        assert is_told
        assert source.last_heard_on >= TODAY - timedelta(days=4)
    if not is_told:
        # The list alone: it knows a use and no sign-in since, or others' sign-ins and none of this person.
        assert signs.sign_in_on is None or (
            signs.activity_on is not None and signs.sign_in_on <= signs.activity_on
        )
        assert signs.activity_on is not None or told.tells_sign_ins


@settings(max_examples=50, deadline=None)
@given(cases())
def test_more_care_never_lets_more_go(case: Any) -> None:
    """What the portal may do by itself, people may as well; what may be executed may be proposed."""
    stood, known, told, terms, _ = case
    if check(stood, known, told, Terms(TODAY, True, True, True)) is None:
        assert check(stood, known, told, Terms(TODAY, False, False, True)) is None
        assert check(stood, known, told, Terms(TODAY, False, True, False)) is None
    if check(stood, known, told, terms) is None:
        assert check(stood, known, told, Terms(TODAY, False, False, False)) is None


@settings(max_examples=50, deadline=None)
@given(cases(), st.dates(TODAY - timedelta(days=94), TODAY))
def test_evidence_that_comes_in_never_makes_a_seat_go(case: Any, on: date) -> None:
    stood, known, told, terms, facts = case
    if stood.policy is None:
        return
    newer = {**facts.evidence, "ai_credits": max(on, facts.evidence.get("ai_credits", on))}
    again = Facts(
        facts.created_on, facts.pending_cancellation_date, facts.is_exempt,
        evidence=newer, watched_since=facts.watched_since,
    )  # fmt: skip
    judged = evaluate(again, rule_of(stood.policy), TODAY)
    if judged.verdict in ("active", "exempt", "pending", "in_grace"):
        fields = {name: getattr(stood, name) for name in SeatStanding.__dataclass_fields__}
        assert check(SeatStanding(**{**fields, "judgement": judged}), known, told, terms) is not None


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 90), st.integers(0, 60))
def test_with_all_well_the_seat_may_go_exactly_when_it_is_idle(idle_days: int, used: int) -> None:
    policy = InactivityPolicy(
        scope_key="all", idle_days=idle_days, grace_days=0, min_watched_days=0, mode="automatic"
    )
    used_on = TODAY - timedelta(days=used)
    facts = Facts(created_on=date(2020, 1, 1), evidence={"seat": used_on})
    user = GitHubUser(pk=1, github_id=7, login="ida", login_key="ida")
    account = Account(pk=1, kind="organization", login="acme")
    stood = SeatStanding(
        seat=Seat(pk=1, account=account, user=user), account=account, user=user, plan_type="business",
        assigning_team_label="", granted_by="direct", created_at=None, last_activity_at=None,
        last_activity_editor="", last_authenticated_at=None, pending_cancellation_date=None, policy=policy,
        exemption=None, judgement=evaluate(facts, rule_of(policy), TODAY),
    )  # fmt: skip
    # Told on the very day of the last use, and so before the notice was over.
    review = SeatReview(state="notified", notified_at=moment(used), notice_ends_on=TODAY - timedelta(days=1))
    days = frozenset(TODAY - timedelta(days=number) for number in range(1, 100))
    told = Liveness(TODAY, [SourceLiveness("usage_report", max(days), days)], tells_sign_ins=True)
    known = Known(effect=possible, review=review, signs=Signs(used_on, used_on))
    refusal = check(stood, known, told, Terms(TODAY, False, False, True))
    assert (refusal is None) == (used > idle_days)
