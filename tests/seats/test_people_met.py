"""Many people met in one import are written some at a time, and come out the same."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seats import evidence, people
from seats.models import Evidence, GitHubUser, UserLogin
from seats.people import People
from tests.metrics.report_files import take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

EARLY, LATE = date(2026, 11, 1), date(2026, 11, 9)


@pytest.fixture(params=[1, 2, 1_000])
def at_once(request: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(people, "WRITTEN_AT_ONCE", request.param)
    monkeypatch.setattr(evidence, "NOTED_AT_ONCE", request.param)
    return int(request.param)


@pytest.mark.usefixtures("at_once")
def test_each_is_shown_under_their_newest_login_however_many_are_written_at_once() -> None:
    known = GitHubUser.objects.create(github_id=3, login="old", login_key="old")
    UserLogin.objects.create(
        user=known, login="old", login_key="old", first_seen_on=EARLY, last_seen_on=EARLY
    )
    met = People()
    for github_id, login, day in (
        (3, "New", LATE), (1, "zoe", LATE), (2, "ann", EARLY), (1, "Zoe-Was", EARLY), (2, "ann", LATE),
        (4, "bob", EARLY),
    ):  # fmt: skip
        met.keys_of({github_id: login})
        met.saw(github_id, login, day)

    assert met.flush() == {"new", "zoe", "zoe-was", "ann", "bob"}

    shown = GitHubUser.objects.order_by("github_id").values_list("login", flat=True)
    assert list(shown) == ["zoe", "ann", "New", "bob"]
    borne = UserLogin.objects.order_by("login_key").values_list("login", "first_seen_on", "last_seen_on")
    assert list(borne) == [
        ("ann", EARLY, LATE), ("bob", EARLY, EARLY), ("New", LATE, LATE), ("old", EARLY, EARLY),
        ("zoe", LATE, LATE), ("Zoe-Was", EARLY, EARLY),
    ]  # fmt: skip
    assert met.flush() == set()


@pytest.mark.usefixtures("at_once")
def test_whose_memory_moved_is_told_however_many_are_noted_at_once() -> None:
    keys = [GitHubUser.objects.create(github_id=n, login=f"p{n}", login_key=f"p{n}").pk for n in range(1, 6)]
    assert evidence.note("usage_report", dict.fromkeys(keys[:3], EARLY)) == set(keys[:3])
    later = {keys[0]: LATE, keys[1]: EARLY, keys[4]: EARLY}
    assert evidence.note("usage_report", later) == {keys[0], keys[4]}
    known = Evidence.objects.order_by("user_id").values_list("user_id", "last_on")
    assert list(known) == [(keys[0], LATE), (keys[1], EARLY), (keys[2], EARLY), (keys[4], EARLY)]
    assert evidence.note("usage_report", {}) == set()


WRITTEN = ("Octocat", "octocat", "OctoCat")


@pytest.mark.parametrize("order", [*itertools.permutations(WRITTEN)])
def test_a_login_written_in_several_ways_on_one_day_is_shown_the_same_in_any_order(
    order: tuple[str, ...],
) -> None:
    for login in order:
        met = People()
        met.keys_of({1: login})
        met.saw(1, login, LATE)
        met.flush()
    assert GitHubUser.objects.get().login == UserLogin.objects.get().login == "octocat"


def test_of_ways_to_write_a_login_that_of_the_newest_day_is_shown() -> None:
    for login, day in (("octocat", EARLY), ("OctoCat", LATE), ("octocat", EARLY)):
        met = People()
        met.keys_of({1: login})
        met.saw(1, login, day)
        met.flush()
    borne = UserLogin.objects.get()
    assert (borne.login, borne.first_seen_on, borne.last_seen_on) == ("OctoCat", EARLY, LATE)
    assert GitHubUser.objects.get().login == "OctoCat"


@pytest.mark.parametrize("order", [*itertools.permutations(zip(WRITTEN, (19, 18, 17), strict=True))])
def test_who_is_known_by_login_only_is_shown_as_the_newest_activity_report_writes_it(
    tmp_path: Path, order: tuple[tuple[str, int], ...]
) -> None:
    header = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"
    for login, day in order:
        path = tmp_path / login
        path.write_text(header + f"2026-11-{day}T00:00:00Z,{login},,,\n")
        take(path, organization="acme")
    assert GitHubUser.objects.get().login == "Octocat"
