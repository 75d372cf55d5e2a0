"""The verdict, as design and admins read it: whole UTC days, the first rule that holds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.policy import SOURCES, Facts, Judgement, Rule, evaluate

TODAY = date(2026, 9, 30)
RULE = Rule(idle_days=30, grace_days=14)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def judge(rule: Rule = RULE, **facts: object) -> Judgement:
    return evaluate(Facts(**facts), rule, TODAY)  # type: ignore[arg-type]


def test_a_seat_with_a_cancellation_date_is_pending_whatever_else_is_known() -> None:
    found = judge(pending_cancellation_date=ago(-1), evidence={"seat": TODAY}, is_exempt=True)
    assert found.verdict == "pending"


def test_a_seat_used_exactly_as_many_days_ago_as_the_policy_allows_is_active() -> None:
    assert judge(created_on=ago(200), evidence={"seat": ago(30)}).verdict == "active"


def test_a_seat_used_one_day_longer_ago_is_idle_and_says_since_when() -> None:
    found = judge(created_on=ago(200), evidence={"seat": ago(31)})
    assert (found.verdict, found.days_idle) == ("idle", 31)
    assert found.reason == "Last used on 2026-08-30, 31 days ago, by the seat list."


def test_activity_counts_before_an_exemption_does() -> None:
    assert judge(is_exempt=True, evidence={"seat": ago(1)}).verdict == "active"
    assert judge(is_exempt=True, evidence={"seat": ago(100)}).verdict == "exempt"


@pytest.mark.parametrize(("granted", "verdict"), [(14, "in_grace"), (15, "idle")])
def test_a_newly_granted_seat_is_in_grace_even_if_its_holder_was_idle_before(
    granted: int, verdict: str
) -> None:
    assert judge(created_on=ago(granted), evidence={"usage_report": ago(60)}).verdict == verdict


@pytest.mark.parametrize(
    ("granted", "verdict"), [(30, "in_grace"), (31, "never_used"), (89, "never_used"), (90, "idle")]
)
def test_without_evidence_the_day_of_the_grant_decides(granted: int, verdict: str) -> None:
    assert judge(created_on=ago(granted)).verdict == verdict


def test_github_forgets_after_90_days_so_longer_policies_wait_until_we_have_watched() -> None:
    rule = Rule(idle_days=120)
    assert judge(rule, created_on=ago(200)).verdict == "unknown"
    assert judge(rule, created_on=ago(200), watched_since=ago(119)).verdict == "unknown"
    assert judge(rule, created_on=ago(200), watched_since=ago(120)).verdict == "idle"
    assert judge(rule, created_on=ago(120)).verdict == "in_grace"


def test_without_a_grant_date_nothing_is_said_until_we_have_watched() -> None:
    assert judge().verdict == "unknown"
    assert judge(watched_since=ago(29)).verdict == "unknown"
    assert judge(watched_since=ago(30)).verdict == "idle"


def test_the_newest_evidence_is_named_and_on_one_day_the_seat_list_first() -> None:
    found = judge(evidence={"activity_report": ago(3), "usage_report": ago(2), "seat": ago(2)})
    assert (found.last_evidence_on, found.last_evidence_source) == (ago(2), "seat")


def test_a_sign_in_counts_only_when_the_policy_says_so() -> None:
    signed_in = {"sign_in": ago(1)}
    assert judge(created_on=ago(200), evidence=signed_in).verdict == "idle"
    assert judge(Rule(sign_in_counts=True), created_on=ago(200), evidence=signed_in).verdict == "active"


def test_evidence_of_a_later_day_does_not_exist_yet() -> None:
    assert judge(created_on=ago(200), evidence={"seat": ago(-1)}).verdict == "idle"


days = st.integers(-5, 400).map(ago)
facts = st.builds(
    Facts,
    created_on=st.none() | days,
    pending_cancellation_date=st.none() | days,
    is_exempt=st.booleans(),
    evidence=st.dictionaries(st.sampled_from(SOURCES), days),
    watched_since=st.none() | days,
)
rules = st.builds(Rule, st.integers(1, 365), st.integers(0, 90), st.booleans())


@given(facts, rules)
def test_nobody_with_evidence_within_the_limit_is_ever_inactive(known: Facts, rule: Rule) -> None:
    found = evaluate(known, rule, TODAY)
    used = [day for source, day in known.evidence.items() if source in rule.sources and day <= TODAY]
    if used and (TODAY - max(used)).days <= rule.idle_days:
        assert not found.is_inactive


@given(facts, rules)
def test_nobody_exempt_pending_or_new_is_ever_inactive(known: Facts, rule: Rule) -> None:
    found = evaluate(known, rule, TODAY)
    is_new = known.created_on and (TODAY - known.created_on).days <= rule.grace_days
    if known.is_exempt or known.pending_cancellation_date or is_new:
        assert not found.is_inactive


@given(facts, rules, st.integers(1, 200))
def test_a_more_patient_policy_never_catches_who_was_active(known: Facts, rule: Rule, more: int) -> None:
    if evaluate(known, rule, TODAY).verdict == "active":
        patient = Rule(rule.idle_days + more, rule.grace_days, rule.sign_in_counts)
        assert evaluate(known, patient, TODAY).verdict == "active"
