"""What is read by weeks is what its days say: of any window, whatever happened to the days."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from pyroaring import BitMap

from metrics import breakdowns, figures, week_parts, whole_weeks
from metrics.figures import Scope, records
from metrics.figures.broken_down import NAMES
from metrics.figures.by_name import told
from metrics.figures.distinct import open_for
from metrics.figures.phases import lives, phase_series, phase_sets
from metrics.ingest import rebuild_weeks
from metrics.ingest.rebuild import rebuild_day, rebuild_dirty_days
from metrics.ingest.rebuild_weeks import outdate_weeks, write_weeks
from metrics.models import DirtyDay, DirtyWeek, ReportDay, ScopeDay, UserDay, WeekTotals, WeekUsers
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import cell, day, line

WEEKS, MANY_WEEKS = 3, 6
LAST = WEEKS * 7 - 1
KINDS = ["active", "chat", "language:go", "ide:none such"]
LANGUAGES, IDES, FEATURES, MODELS = (
    ("go", "Go", "ada"),
    ("vscode", "zed"),
    ("code_completion", "chat_inline", "agent_edit"),
    ("auto", "gpt-5.4"),
)

pytestmark = pytest.mark.django_db


def columns(rng: Random) -> dict[str, Any]:
    cells = [
        cell(
            rng.choice(FEATURES),
            ide=rng.choice(IDES),
            language=rng.choice(LANGUAGES),
            model=rng.choice(MODELS),
            requests=rng.randrange(3),
            generations=rng.randrange(9),
            added=rng.randrange(50),
        )
        for _ in range(rng.randrange(3))
    ]
    versions = {each.ide: (f"1.{rng.randrange(3)}", "copilot", "0.1") for each in cells}
    phase = rng.choice([None, 0, 1, 2, 3])
    return {**line(*cells, clients=versions), "used_chat": rng.random() < 0.5, "phase_number": phase}


def use(account: Account, number: int, rng: Random) -> None:
    """Say anew who did what on a day; on some days nobody did anything."""
    UserDay.objects.filter(account=account, day=day(number)).delete()
    people = [stored.person(each) for each in range(1, 7) if rng.random() < 0.4]
    stored.use(account, day(number), {person: columns(rng) for person in people})


def report(account: Account, number: int, rng: Random) -> None:
    """GitHub's own record of a day, now and then one that cannot be read."""
    rest = {
        "totals_by_feature": [
            {"feature": feature, "loc_added_sum": rng.choice([None, 0, 7])} for feature in FEATURES[:2]
        ],
        "totals_by_ide": rng.choice([[], None, [{"ide": "zed", "loc_added_sum": "many"}]]),
        "pull_requests": {"total_created": rng.randrange(9), "copilot_suggestions_by_comment_type": []},
        "totals_by_ai_adoption_phase": [
            {
                "phase_number": phase,
                "total_engaged_users": rng.randrange(9),
                "avg_loc_added": rng.choice([None, 1.1, 7]),
                "total_pull_requests_merged": rng.choice([None, 2]),
            }
            for phase in rng.sample(range(3), 2)
        ],
        "totals_by_cli": rng.choice([{"session_count": 3}, {"session_count": "three"}]),
    }
    blob = b"\x01damaged" if rng.random() < 0.2 else breakdowns.pack(json.dumps(rest).encode())
    ScopeDay.objects.filter(account=account, day=day(number), source="report").delete()
    stored.totals(account, day(number), daily_active_users=3, loc_added_sum=rng.choice([0, 5]), blob=blob)
    outdate_weeks([(account.pk, day(number))])


def uncover(account: Account, number: int, rng: Random) -> None:
    """As if the file of a day had never come."""
    for rows in (UserDay, ReportDay, ScopeDay):
        rows.objects.filter(account=account, day=day(number)).delete()
    outdate_weeks([(account.pk, day(number))])
    rebuild_day(account.pk, day(number))


def begin(account: Account, number: int, rng: Random) -> None:
    """An import that was killed before its day was added up."""
    DirtyDay.objects.get_or_create(account=account, day=day(number))
    if rng.random() < 0.5:
        ReportDay.objects.filter(account=account, day=day(number)).delete()
        outdate_weeks([(account.pk, day(number))])


HAPPENINGS: tuple[Callable[[Account, int, Random], None], ...] = (use, use, report, uncover, begin)


def company(rng: Random, weeks: int) -> Account:
    """Some days of it are not covered, of some GitHub's own record came."""
    account = stored.organization()
    for number in range(weeks * 7):
        if number % 11 != 5:
            use(account, number, rng)
        if number % 3 == 0:
            report(account, number, rng)
    write_weeks()
    return account


@pytest.fixture
def acme() -> Account:
    return company(Random(7), WEEKS)


def by_weeks(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Any], *, weeks: bool, in_days: bool = False
) -> Any:
    """`in_days`: days one by one, as weeks tell of them."""
    with monkeypatch.context() as patched:
        patched.setattr(whole_weeks, "LONG", 6 if weeks and not in_days else 10**6)
        patched.setattr(whole_weeks, "SUMMED", 6 if weeks else 10**6)
        if not weeks:
            patched.setattr(records, "blobs_beside", lambda *_: iter(()))
        return ask()


def everything(scope: Scope, period: Period, days: list[date]) -> Iterator[Any]:
    """All that can be asked of a window and of some of its days."""
    parts = [days[start : start + 6] for start in range(0, len(days), 6)]
    for dimension, found in figures.breakdowns_of(scope, period, NAMES).items():
        names = NAMES[dimension]
        yield dimension, list(found.days), found.empty_days()
        summed = figures.breakdowns_of(scope, period, [dimension], in_sum=True)[dimension]
        yield (
            summed.totals(*names, days=days),
            summed.totals(names[0]),
            list(summed.days),
            summed.empty_days(),
        )
        yield found.totals(*names, days=days), found.totals(names[0]), found.totals()
        some = found.only(**{names[-1]: ["chat_inline", "zed", "auto"]})
        yield some.totals(names[-1], days=days), list(some.days)
        named = told(scope, period, dimension).by(names[0])
        yield list(named.days), [named.totals(names[0], days=part) for part in parts]
        yield found.by_day(*names), found.days == found.by_day(*names)
    yield figures.language_by_ide(scope, period, days), figures.language_by_ide(scope, period)
    yield dict(figures.day_records(scope, period))
    sets = figures.day_sets_of(scope, period, KINDS)
    for kind in KINDS:
        yield figures.people_of(scope, period, kind, days), figures.distinct(scope, period, kind)
        yield [figures.union(sets[kind], part) for part in parts], dict(sets[kind])
    in_sum = figures.day_sets_of(scope, period, KINDS, in_sum=True)
    for kind in KINDS:
        open_for(in_sum[kind], parts)
        yield [figures.union(in_sum[kind], part) for part in [days, *parts]], list(in_sum[kind])
    for prefix in ("language:", "client:"):
        by_name = figures.day_sets_by_name(scope, period, prefix)
        yield list(by_name), [figures.union(each, part) for each in by_name.values() for part in parts]
        yield figures.people_by_name(scope, period, prefix, [at for at in days if at in sets["active"]])
        yield figures.people_by_name(scope, period, prefix, days)
    yield figures.newest_client(scope, period)


def assert_the_same(scope: Scope, monkeypatch: pytest.MonkeyPatch, rng: Random) -> None:
    first, last = sorted(rng.sample(range(-3, MANY_WEEKS * 7 + 3), 2))
    period = Period(day(first), day(last))
    days = list(period) if rng.random() < 0.5 else [at for at in period if at.weekday() < 5]
    days = days if rng.random() < 0.7 else sorted(rng.sample(days, len(days) * 2 // 3))
    found, in_days, expected = (
        by_weeks(monkeypatch, lambda: list(everything(scope, period, days)), weeks=weeks, in_days=in_days)
        for weeks, in_days in ((True, False), (True, True), (False, False))
    )
    assert found == expected, (period, days)
    assert in_days == expected, (period, days)


def test_a_window_read_by_weeks_is_the_same_read_by_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = Random(20261121)
    acme = company(rng, MANY_WEEKS)
    scope = Scope(acme)
    assert WeekUsers.objects.filter(kind="active").count() == MANY_WEEKS
    for _ in range(8):
        assert_the_same(scope, monkeypatch, rng)
    for happen in HAPPENINGS * 2:
        happen(acme, rng.randrange(MANY_WEEKS * 7 - 7), rng)
        assert_the_same(scope, monkeypatch, rng)
    rebuild_dirty_days()
    for _ in range(4):
        assert_the_same(scope, monkeypatch, rng)
    assert not DirtyWeek.objects.filter(monday__lt=day(MANY_WEEKS * 7 - 7)).exists()
    team = stored.roster(acme, day(3), {"blue": [stored.person(1)]})["blue"]
    assert_the_same(Scope(acme, team), monkeypatch, rng)


def test_phases_and_lives_read_by_weeks_are_the_same_read_by_days(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(5)
    acme = stored.organization()
    days = MANY_WEEKS * 7 + 16
    for number in range(days):
        use(acme, number, rng)
    write_weeks()
    scope = Scope(acme)

    def ask(some: list[date], before: Period, now: Period) -> Any:
        return phase_sets(scope, some), phase_series(scope, some), lives(scope, before, now)

    told = 0
    for happen in (None, None, use, begin, uncover, use, None):
        if happen is not None:
            happen(acme, rng.randrange(30), rng)
        some = [day(number) for number in sorted(rng.sample(range(20, days), 9))]
        cuts = sorted(rng.sample(range(days), 4))
        before, now = Period(day(cuts[0]), day(cuts[1])), Period(day(cuts[2]), day(cuts[3]))
        found, expected = (
            by_weeks(monkeypatch, partial(ask, some, before, now), weeks=weeks) for weeks in (True, False)
        )
        assert found == expected, (some, before, now)
        told += sum(people is not None for people in found[0].values())
        if happen is begin:
            rebuild_dirty_days()
    assert told > 20


def test_weeks_are_what_is_read(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    WeekUsers.objects.update(users=BitMap([70_007, 70_008]).serialize())
    WeekTotals.objects.filter(part="feature").update(blob=breakdowns.pack(b'[127,127,[["x"]],[[1]],null]'))
    named = {"feature": week_parts.named(127, 127, {"feature": {("y",): [2]}})}
    WeekTotals.objects.filter(part=week_parts.NAMED).update(blob=week_parts.pack_named(named))
    of_days = dict.fromkeys(range(7), named)
    WeekTotals.objects.filter(part=week_parts.NAMED_DAYS).update(blob=week_parts.pack_named(of_days))
    scope, period = Scope(acme), Period(day(7), day(13))

    def ask() -> Any:
        shown, summed = (
            figures.breakdowns_of(scope, period, ["feature"], in_sum=in_sum)["feature"].totals("feature")
            for in_sum in (False, True)
        )
        return figures.people_of(scope, period), shown, summed

    people, shown, summed = by_weeks(monkeypatch, ask, weeks=True)
    assert (people, shown.keys(), summed.keys()) == (BitMap([70_007, 70_008]), {("y",)}, {("x",)})
    _, shown, _ = by_weeks(monkeypatch, ask, weeks=True, in_days=True)
    assert shown == {("y",): figures.Sums(14)}, "of seven days"
    people, shown, summed = by_weeks(monkeypatch, ask, weeks=False)
    assert 70_007 not in people
    assert not {("x",), ("y",)} & {*shown, *summed}


def test_a_writing_that_is_killed_is_made_up_for(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def standing() -> list[Any]:
        return list(WeekTotals.objects.order_by("monday", "part").values_list("monday", "part", "blob"))

    expected = standing()
    outdate_weeks((acme.pk, day(number)) for number in range(LAST + 1))
    assert not WeekTotals.objects.exists()
    seen = []

    def killed(days: Any) -> bytes:
        seen.append(days)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return kept(days)

    kept = week_parts.pack_records
    with monkeypatch.context() as patched:
        patched.setattr(rebuild_weeks, "pack_records", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild_dirty_days()
    mondays = set(WeekUsers.objects.filter(kind="active").values_list("monday", flat=True))
    assert mondays == {monday for monday, _, _ in standing()}
    assert len(mondays) == WEEKS - 1
    assert rebuild_dirty_days() == 0
    assert standing() == expected


def test_a_week_is_written_once_it_is_over_and_nothing_of_it_waits(acme: Account) -> None:
    stored.use(acme, day(LAST + 3), {})
    assert write_weeks() == 0
    assert DirtyWeek.objects.get().monday == day(LAST + 1)
    DirtyDay.objects.create(account=acme, day=day(LAST + 2))
    stored.cover(acme, day(LAST + 9), "users")
    assert write_weeks() == 0
    assert rebuild_dirty_days() == 1
    assert not DirtyWeek.objects.exists()
    assert WeekUsers.objects.get(monday=day(LAST + 1), kind="active").days == 0b0000100


def test_writing_ends_in_time(acme: Account) -> None:
    outdate_weeks([(acme.pk, day(0)), (acme.pk, day(8))])
    assert write_weeks(ends_at=0) == 0
    assert write_weeks(Account(pk=acme.pk + 1)) == 0
    assert write_weeks(acme) == 2


def test_every_covered_week_is_marked_by_the_migration(acme: Account) -> None:
    from importlib import import_module

    from django.apps import apps
    from django.db import connection

    DirtyWeek.objects.all().delete()
    migration = import_module("metrics.migrations.0008_weeks_added_up")
    migration.mark(apps, connection.schema_editor())
    assert DirtyWeek.objects.count() == WEEKS
    assert DirtyWeek.objects.order_by("monday")[1].monday == day(0) + timedelta(days=7)


def test_weeks_that_say_too_little_are_written_anew_after_the_migration(acme: Account) -> None:
    from importlib import import_module

    from django.apps import apps
    from django.db import connection

    before = list(WeekUsers.objects.order_by("monday", "kind").values_list("monday", "kind", "users"))
    assert any(kind.startswith(WeekUsers.LAST) for _, kind, _ in before)
    DirtyWeek.objects.all().delete()
    WeekUsers.objects.filter(kind__startswith=WeekUsers.LAST).delete()
    import_module("metrics.migrations.0012_newest_of_a_week").mark(apps, connection.schema_editor())
    assert not WeekUsers.objects.exists()
    assert write_weeks() == WEEKS
    assert list(WeekUsers.objects.order_by("monday", "kind").values_list("monday", "kind", "users")) == before
