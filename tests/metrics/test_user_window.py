"""One row a person: what they did in the 28 days up to their account's newest covered day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from metrics import tasks
from metrics.ingest import rebuild
from metrics.ingest.rebuild import rebuild_day, rebuild_dirty_days
from metrics.models import DirtyDay, ReportDay, UserDay, UserWindow, WindowEnd
from seats.models import Account as AccountRow
from tests.metrics.reckoned import COUNTERS
from tests.metrics.report_files import take, user_day, write_lines
from tests.metrics.stored import cover, organization, person, use

pytestmark = pytest.mark.django_db

LAST = date(2026, 11, 19)
MONTH = 28


def ago(days: int) -> date:
    return LAST - timedelta(days=days)


def windows(account: AccountRow) -> dict[int | None, UserWindow]:
    rows = UserWindow.objects.filter(account=account).select_related("user")
    return {row.user.github_id: row for row in rows}


def end(account: AccountRow) -> date | None:
    return WindowEnd.objects.filter(account=account).values_list("day", flat=True).first()


def test_a_day_before_the_28_is_in_no_window() -> None:
    acme, ada, bob = organization(), person(1), person(2)
    use(acme, LAST, {ada: {"loc_added_sum": 5}})
    use(acme, ago(27), {ada: {"loc_added_sum": 7}})
    use(acme, ago(28), {ada: {"loc_added_sum": 100}, bob: {}})

    (window,) = windows(acme).values()

    assert (window.first_day, window.last_day) == (ago(27), LAST)
    assert (window.active_days, window.loc_added_sum) == (2, 12)


def test_the_windows_move_on_with_the_newest_covered_day() -> None:
    acme, ada, bob = organization(), person(1), person(2)
    use(acme, ago(30), {ada: {}, bob: {}})
    assert end(acme) == ago(30)

    use(acme, ago(2), {ada: {"used_chat": True}})

    assert end(acme) == ago(2)
    assert windows(acme).keys() == {1}
    assert windows(acme)[1].chat_days == 1


def test_a_quiet_day_moves_them_on_too() -> None:
    acme, ada = organization(), person(1)
    use(acme, ago(28), {ada: {}})
    cover(acme, LAST)
    rebuild_day(acme.pk, LAST)

    assert end(acme) == LAST
    assert windows(acme) == {}


def test_what_nobody_said_is_unknown() -> None:
    acme, ada = organization(), person(1)
    use(acme, LAST, {ada: {**dict.fromkeys(COUNTERS), "loc_added_sum": 0}})
    use(acme, ago(1), {ada: {**dict.fromkeys(COUNTERS), "used_cli": None}})

    (window,) = windows(acme).values()

    assert window.loc_added_sum == 0
    assert window.loc_deleted_sum is None
    assert window.ai_credits_used is None
    assert window.phase_number is None
    assert (window.active_days, window.cli_days) == (2, 0)


def test_the_phase_is_that_of_the_newest_day_that_tells_one() -> None:
    acme, ada = organization(), person(1)
    use(acme, LAST, {ada: {}})
    use(acme, ago(3), {ada: {"phase_number": 2}})
    use(acme, ago(9), {ada: {"phase_number": 3}})

    assert windows(acme)[1].phase_number == 2


def test_credits_are_exact_to_the_billionth() -> None:
    acme, ada = organization(), person(1)
    for back in range(10):
        use(acme, ago(back), {ada: {"ai_credits_used": Decimal("0.100000001")}})

    assert windows(acme)[1].ai_credits_used == Decimal("1.000000010")


def test_numbers_as_large_as_any_line_may_hold_fit() -> None:
    acme, ada = organization(), person(1)
    for back in range(MONTH):
        use(acme, ago(back), {ada: {"loc_added_sum": 2**53, "ai_credits_used": Decimal("999999999.999999")}})

    assert windows(acme)[1].loc_added_sum == MONTH * 2**53
    assert windows(acme)[1].ai_credits_used == pytest.approx(Decimal(10**9 * MONTH), rel=Decimal("1e-9"))


def test_an_account_has_its_own() -> None:
    acme, apps, ada = organization(), organization("apps", 502), person(1)
    use(acme, LAST, {ada: {"loc_added_sum": 5}})
    use(apps, ago(5), {ada: {"loc_added_sum": 7}})

    assert windows(acme)[1].loc_added_sum == 5
    assert windows(apps)[1].loc_added_sum == 7
    assert (end(acme), end(apps)) == (LAST, ago(5))


def test_restated_days_are_in_them(tmp_path: Any) -> None:
    take(write_lines(tmp_path / "a.ndjson", [user_day(1, "2026-11-19", loc_added_sum=4)]))
    take(
        write_lines(
            tmp_path / "b.ndjson",
            [user_day(1, "2026-11-19", loc_added_sum=9, report_end_day="2026-11-20")],
        )
    )

    (window,) = UserWindow.objects.all()
    assert window.loc_added_sum == 9


def test_a_person_whom_a_complete_file_no_longer_names_is_gone(tmp_path: Any) -> None:
    take(write_lines(tmp_path / "a.ndjson", [user_day(1, "2026-11-19"), user_day(2, "2026-11-19")]))
    assert UserWindow.objects.count() == 2

    line = user_day(1, "2026-11-19", report_end_day="2026-11-20")
    take(write_lines(tmp_path / "b.ndjson", [line]), complete=True)

    assert list(UserWindow.objects.values_list("user__github_id", flat=True)) == [1]


def test_an_account_of_which_no_day_is_covered_any_more_has_none() -> None:
    acme, ada = organization(), person(1)
    use(acme, LAST, {ada: {}})
    UserDay.objects.all().delete()
    ReportDay.objects.all().delete()
    DirtyDay.objects.create(account=acme, day=LAST)

    rebuild_dirty_days()

    assert windows(acme) == {}
    assert end(acme) is None


def test_a_day_long_before_does_not_have_them_written_again() -> None:
    acme, ada = organization(), person(1)
    use(acme, LAST, {ada: {}})
    (before,) = windows(acme).values()

    use(acme, ago(28), {ada: {}})
    assert windows(acme)[1].pk == before.pk

    use(acme, ago(27), {ada: {}})
    assert windows(acme)[1].pk != before.pk


def test_windows_that_a_killed_rebuild_left_out_are_written_by_the_next(monkeypatch: Any) -> None:
    acme, ada = organization(), person(1)
    use(acme, LAST, {ada: {"loc_added_sum": 5}})
    UserDay.objects.update(loc_added_sum=6)
    DirtyDay.objects.create(account=acme, day=LAST)

    def killed(account: Any = None) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rebuild, "write_windows", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild_dirty_days()
    assert not DirtyDay.objects.exists()
    assert windows(acme)[1].loc_added_sum == 5
    assert end(acme) is None, "it must be seen that they are not up to date"

    assert tasks.rebuild_dirty_days() == 0
    assert windows(acme)[1].loc_added_sum == 6
    assert end(acme) == LAST


def test_nothing_to_rebuild_takes_six_questions(django_assert_num_queries: Any) -> None:
    acme, ada = organization(), person(1)
    use(acme, LAST, {ada: {}})

    with django_assert_num_queries(6):
        rebuild_dirty_days()
