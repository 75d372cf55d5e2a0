"""What was new in a period."""

from __future__ import annotations

import pytest

from metrics.figures import Scope
from metrics.figures.first_seen import New, first_seen, new_in
from metrics.periods import Period
from tests.metrics import stored
from tests.metrics.dashboards.using import cell, day, known_before, line

pytestmark = pytest.mark.django_db

WEEK = Period(day(0), day(2))


def in_language(*names: str) -> dict[str, object]:
    return line(*(cell("code_completion", language=name, generations=1) for name in names))


def test_new_is_what_nobody_of_the_account_used_before() -> None:
    acme = stored.organization()
    ann, bob = stored.person(1), stored.person(2)
    known_before(acme, 0)
    stored.use(acme, day(-1), {ann: in_language("python")})
    stored.use(acme, day(0), {ann: in_language("python", "go"), bob: in_language("Zig")})
    stored.use(acme, day(1), {bob: in_language("go", "rust")})
    stored.use(acme, day(2), {})

    assert new_in(Scope(acme), WEEK, "language:") == [
        New("rust", day(1), 1),
        New("go", day(0), 2),
        New("zig", day(0), 1),
    ]
    assert first_seen(acme, "language:")["python"] == day(-1)


def test_nothing_is_new_where_little_is_known_of_before() -> None:
    acme = stored.organization()
    known_before(acme, 0)
    stored.use(acme, day(0), {stored.person(1): in_language("python")})

    assert new_in(Scope(acme), Period(day(-1), day(0)), "language:") is None
    assert new_in(Scope(acme), Period(day(0), day(0)), "language:") == [New("python", day(0), 1)]


def test_a_team_s_new_names_are_those_new_to_the_account_that_it_used() -> None:
    acme = stored.organization()
    ann, bob = stored.person(1), stored.person(2)
    known_before(acme, 0)
    stored.use(acme, day(-1), {ann: in_language("python")})
    teams = stored.roster(acme, day(0), {"data": [bob]})
    stored.use(acme, day(0), {ann: in_language("go"), bob: in_language("python", "zig")})

    assert new_in(Scope(acme, teams["data"]), Period(day(0), day(0)), "language:") == [New("zig", day(0), 1)]


def test_how_many_people_is_unknown_where_a_day_is_missing() -> None:
    acme = stored.organization()
    known_before(acme, 0)
    stored.use(acme, day(0), {stored.person(1): in_language("go")})

    assert new_in(Scope(acme), WEEK, "language:") == [New("go", day(0), None)]
