"""Days whose breakdown tells something: nothing done is told, nothing named of what was done is not."""

from __future__ import annotations

import pytest

from metrics.figures import Scope
from metrics.figures.by_name import counted, counted_by, told, told_days
from metrics.models import ScopeDay
from metrics.periods import Period
from tests.metrics import stored
from tests.metrics.dashboards.using import asking, cell, day, line, server_only

pytestmark = pytest.mark.django_db

REQUESTS = "user_initiated_interaction_count"
GENERATED = "code_generation_activity_count"
WEEK = Period(day(0), day(6))


def test_a_day_nothing_was_taken_in_of_is_not_told() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): line(cell("chat_inline", requests=3))})

    found = told(Scope(acme), WEEK, "feature")

    assert told_days(found, WEEK) == [day(0)]


def test_a_day_on_which_nobody_did_anything_is_told() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {})

    found = told(Scope(acme), WEEK, "feature")

    assert found.days == {day(0): {}}
    assert counted(found, REQUESTS, [day(0)]) == 0


def test_a_day_of_counters_without_names_is_not_told() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): server_only(5)})

    assert told(Scope(acme), WEEK, "feature").days == {}
    assert told(Scope(acme), WEEK, "model_feature").days == {}


def test_a_day_of_completions_alone_tells_that_no_model_was_asked() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): line(cell("code_completion", generations=9))})

    assert told(Scope(acme), WEEK, "model_feature").days == {day(0): {}}
    assert told(Scope(acme), WEEK, "language_model").days == {day(0): {}}


def test_the_account_s_own_report_without_names_is_not_told_either() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): server_only(5)})
    own = ScopeDay.objects.get(account=acme, source="users")
    ScopeDay.objects.filter(pk=own.pk).update(source="report")

    assert told(Scope(acme), WEEK, "feature").days == {}


def test_a_sum_needs_every_day_and_keeps_what_nobody_says() -> None:
    acme = stored.organization()
    stored.use(acme, day(0), {stored.person(1): line(cell("chat_inline", requests=3))})
    stored.use(acme, day(1), {stored.person(1): line(cell("chat_inline", requests=4))})
    found = told(Scope(acme), WEEK, "feature")

    assert counted(found, REQUESTS, [day(0), day(1)]) == 7
    assert counted(found, REQUESTS, [day(1), day(2)]) is None
    assert counted(found, REQUESTS, []) is None

    # Languages have no requests: nobody says them.
    languages = told(Scope(acme), WEEK, "language_feature")
    assert counted(languages, REQUESTS, [day(0)]) is None
    assert counted(languages, GENERATED, [day(0)]) == 0


def test_sums_by_name_are_of_the_days_there_are() -> None:
    acme = stored.organization()
    for number in (0, 5):
        stored.use(acme, day(number), {stored.person(1): line(cell("chat_inline", requests=3))})

    asked = asking(acme, weekends=False)
    sums = counted_by(told(Scope(acme), WEEK, "feature"), "feature", days=asked.days())

    assert sums["chat_inline",].user_initiated_interaction_count == 3
