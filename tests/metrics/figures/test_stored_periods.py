"""What is stored of whole usual periods is what their days say, whatever happens to a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import groupby
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pyroaring import BitMap

from metrics import breakdowns, figures, tasks
from metrics.figures import Scope, stored_periods
from metrics.figures.broken_down import NAMES
from metrics.figures.by_name import told
from metrics.figures.distinct import counts_by_month, counts_by_name, counts_over
from metrics.figures.persons import people_by_active_days, people_list
from metrics.figures.phases import phase_activity, phase_flow, phase_series
from metrics.figures.pull_requests import code_review
from metrics.ingest.rebuild_periods import outdate_periods, write_periods
from metrics.models import DayUsers, DirtyDay, PeriodPart
from metrics.models.counters import COUNTERS
from metrics.period_parts import (
    ACTIVITY,
    MONTHS,
    PHASES,
    Phases,
    Stepped,
    Users,
    pack_phases,
    pack_stepped,
    pack_users,
    steps_of,
    users_of,
)
from metrics.periods import Period
from metrics.presets import PERIODS, covered_span, preset_period
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import day
from tests.metrics.figures.test_whole_weeks import report, uncover, use

pytestmark = pytest.mark.django_db

DAYS = 47
KINDS = ["active", "chat", "language:go", "ide:none such"]


def company(rng: Random) -> Account:
    """Some days of it are not covered, of some GitHub's own record came."""
    account = stored.organization()
    for number in range(DAYS):
        if number % 11 != 5:
            use(account, number, rng)
        if number % 3 == 0:
            report(account, number, rng)
    assert not DirtyDay.objects.exists()
    return account


@pytest.fixture
def acme() -> Account:
    return company(Random(7))


def usual(account: Account) -> list[Period]:
    covered = covered_span(account)
    assert covered is not None
    return sorted({preset_period(preset, covered.newest) for preset in PERIODS}, key=lambda each: each.first)


def everything(scope: Scope, period: Period, some: list[date]) -> Iterator[Any]:
    """All that can be asked of a period in the whole, and of some of its days."""
    days = list(period)
    for dimension, found in figures.breakdowns_of(scope, period, NAMES, in_sum=True).items():
        names = NAMES[dimension]
        yield dimension, list(found.days), found.empty_days(), [found.days[at] for at in found.days]
        yield found.totals(*names), found.totals(names[0]), found.totals(), found.totals(names[-1], days=days)
        yield found.totals(*names, days=some), found.by_day(*names)
        for asked in (None, days, some, []):
            for counter in COUNTERS[:2]:
                counts = found.counts(counter, *names[:1], days=asked)
                assert counts == {
                    name: getattr(sums, counter)
                    for name, sums in found.totals(*names[:1], days=asked).items()
                }
                yield counts
        narrowed = found.only(**{names[-1]: ["chat_inline", "zed", "auto"]})
        yield narrowed.totals(names[-1]), narrowed.totals(days=some), list(narrowed.days)
        named = told(scope, period, dimension, in_sum=True).by(names[0])
        yield list(named.days), named.totals(names[0]), named.totals(names[0], days=some), named.empty_days()
        without = found.without(found.empty_days()[:2])
        yield list(without.days), without.totals(*names), without.totals(*names, days=some)
    in_sum = figures.day_sets_of(scope, period, KINDS, in_sum=True)
    for kind in KINDS:
        yield figures.people_of(scope, period, kind), figures.people_of(scope, period, kind, some)
        yield figures.union(in_sum[kind], list(in_sum[kind])), dict(in_sum[kind])
    for prefix in ("language:", "ide:", "feature:", "model:", "phase:"):
        yield figures.people_by_name(scope, period, prefix)
        yield figures.people_by_name(scope, period, prefix, some)
    yield list(steps(scope, period))
    yield figures.newest_client(scope, period)
    together = figures.language_by_ide(scope, period)
    yield list(together.items()), figures.language_by_ide(scope, period, some)
    yield phase_activity(scope, period), phase_activity(scope, period, some)
    for kind in ("active", "cli", "code_review_active"):
        yield figures.trailing(scope, period, kind)
    yield people_by_active_days(scope, days), people_by_active_days(scope, some)
    for order in ("active_days", "interactions"):
        yield people_list(scope, days, order=order, limit=4), people_list(scope, some, order=order)
    review = code_review(scope, period)
    yield [review.users_on(at) for at in period], review.people(period), review.people(some)


def steps(scope: Scope, period: Period) -> Iterator[Any]:
    """What is shown step by step: as usual, without weekends, and by calendar months."""
    weeks = [list(days) for _, days in groupby(period, key=lambda at: at.isocalendar()[:2])]
    working = [[at] for at in period if at.weekday() < 5]
    for several in (weeks, [[at] for at in period], working, weeks[1:]):
        for kinds in (["active", "chat"], ["active", "chat", "app"], ["ide:zed", "ide:none such"], KINDS):
            yield counts_over(scope, period, kinds, several)
        for prefix in ("ide:", "language:"):
            found = counts_by_name(scope, period, prefix, several)
            yield list(found), found
        ends = [days[-1] for days in several]
        yield phase_series(scope, ends, period)
    for kinds in (["active", "agent"], ["active", "app"]):
        yield counts_by_month(scope, period, kinds)
    before = period.first - timedelta(days=1)
    yield phase_series(scope, [before, period.last], period), phase_flow(scope, before, period.last)
    yield phase_series(scope, [before - timedelta(days=1)], period)


def assert_the_same(scope: Scope, monkeypatch: pytest.MonkeyPatch, rng: Random) -> None:
    for period in usual(scope.account):
        days = list(period)
        some = sorted(rng.sample(days, len(days) // 2))
        found = list(everything(scope, period, some))
        with monkeypatch.context() as patched:
            patched.setattr(stored_periods, "_blobs", lambda *_: {})
            assert found == list(everything(scope, period, some)), period


def test_a_period_in_the_whole_is_what_its_days_say(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(20261122)
    scope = Scope(acme)
    happenings: tuple[Callable[[Account, int, Random], None], ...] = (use, report, uncover)
    assert write_periods() == 1
    assert_the_same(scope, monkeypatch, rng)
    for happen in happenings:
        happen(acme, rng.randrange(DAYS), rng)
        assert_the_same(scope, monkeypatch, rng)
        tasks.rebuild_dirty_days()
        assert_the_same(scope, monkeypatch, rng)
    team = stored.roster(acme, day(3), {"blue": [stored.person(1)]})["blue"]
    assert_the_same(Scope(acme, team), monkeypatch, rng)


def test_steps_of_a_period_are_what_its_days_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every day is covered, so that phases can be told; then some days say something else."""
    rng = Random(20261123)
    acme = stored.organization()
    for number in range(70):
        use(acme, number, rng)
    scope = Scope(acme)

    def assert_steps_are_the_same() -> None:
        for period in usual(acme):
            found = list(steps(scope, period))
            with monkeypatch.context() as patched:
                patched.setattr(stored_periods, "_blobs", lambda *_: {})
                assert found == list(steps(scope, period)), period

    assert write_periods() == 1
    told = phase_series(scope, [day(68), day(69)], Period.trailing(day(69), 28))
    assert all(told.values())
    assert_steps_are_the_same()
    for happen in (use, uncover, report, use):
        happen(acme, rng.randrange(5, 70), rng)
        assert_steps_are_the_same()
        tasks.rebuild_dirty_days()
        assert_steps_are_the_same()


def test_steps_are_read_as_they_are_stored(acme: Account) -> None:
    write_periods()
    scope, period = Scope(acme), Period.trailing(day(DAYS - 1), 28)
    days = [[at] for at in period]
    told = [True] * 28
    chat, zed = {"chat": (5, [8] * 28)}, {"ide:zed": (6, [9] * 28)}
    for part, kinds in ((steps_of(""), chat), (steps_of("ide:"), zed), (MONTHS, chat)):
        blob = pack_stepped(Stepped(told, [*told[1:], False], kinds))
        PeriodPart.objects.filter(part=part).update(blob=blob)
    PeriodPart.objects.filter(part=PHASES).update(blob=pack_phases(Phases([{1: 2}] * 29, [(1, 2, 3)])))

    assert counts_over(scope, period, ["chat"], days) == {"chat": [8] * 28}
    assert counts_over(scope, period, ["chat", "app"], days) == {
        "chat": [*[8] * 27, None],
        "app": [*[0] * 27, None],
    }, "of what lines say in detail the last day does not tell"
    assert counts_by_name(scope, period, "ide:", days) == {"zed": [*[9] * 27, None]}
    assert set(counts_by_month(scope, period, ["chat"])[1]["chat"]) == {8}
    assert phase_series(scope, [period.last], period) == {period.last: {1: 2}}
    assert phase_flow(scope, period.first - timedelta(days=1), period.last) == {(1, 2): 3}


def test_periods_of_an_older_version_are_written_anew(acme: Account) -> None:
    write_periods()
    rows = PeriodPart.objects.order_by("last", "first", "part")
    before = list(rows.values_list("first", "last", "part", "blob"))
    rows.filter(part__in=[ACTIVITY, PHASES, MONTHS, steps_of("")]).delete()

    assert write_periods() == 1
    assert list(rows.values_list("first", "last", "part", "blob")) == before


def test_it_is_what_is_read(acme: Account) -> None:
    write_periods()
    scope, period = Scope(acme), Period.trailing(day(DAYS - 1), 7)
    PeriodPart.objects.filter(part=users_of("language:")).update(
        blob=pack_users({"language:go": Users(BitMap([70_007]), 1)})
    )

    with CaptureQueriesContext(connection) as captured:
        found = figures.people_by_name(scope, period, "language:")
        sums = figures.breakdowns_of(scope, period, NAMES, in_sum=True)
        assert sums["feature"].totals("feature")

    assert found == {"go": BitMap([70_007])}
    read = "".join(query["sql"] for query in captured.captured_queries).replace("`", '"')
    assert DayUsers._meta.db_table not in read.replace('"metrics_dayusers" added', "")
    assert "metrics_scopeday" not in read.replace('"metrics_scopeday" added', "")


def test_the_worker_writes_them_and_a_day_takes_away_those_with_it(acme: Account) -> None:
    assert not PeriodPart.objects.exists()
    tasks.rebuild_dirty_days()
    periods = {Period(*ends) for ends in PeriodPart.objects.values_list("first", "last")}
    assert periods == set(usual(acme))
    assert write_periods() == 0

    early = day(3)
    outdate_periods(acme.pk, [early])

    left = {Period(*ends) for ends in PeriodPart.objects.values_list("first", "last")}
    a_month = timedelta(days=28)
    assert left == {
        period
        for period in periods
        if not min(period.first - a_month, period.first.replace(day=1)) <= early <= period.last
    }, "the day before it ends a month, and its first month is told in the whole"
    assert 0 < len(left) < len(periods)
    DirtyDay.objects.create(account=acme, day=early)
    assert write_periods(acme) == 0
    assert write_periods(ends_at=0) == 0
    DirtyDay.objects.all().delete()
    assert write_periods(acme) == 1
    assert {Period(*ends) for ends in PeriodPart.objects.values_list("first", "last")} == periods


def test_what_nobody_asks_for_any_more_goes(acme: Account) -> None:
    write_periods()
    before = set(usual(acme))
    use(acme, DAYS, Random(1))

    assert write_periods() == 1

    left = {Period(*ends) for ends in PeriodPart.objects.values_list("first", "last")}
    assert left == set(usual(acme)) != before


def test_damaged_parts_are_as_none(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    write_periods()
    PeriodPart.objects.update(blob=b"\x01damaged")
    assert_the_same(Scope(acme), monkeypatch, Random(3))
    PeriodPart.objects.update(blob=breakdowns.pack(b'{"a": 1}'))
    assert_the_same(Scope(acme), monkeypatch, Random(3))
