"""Which days of a report are asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from metrics.periods import Period
from metrics.sync.reports import DAILY, REPOSITORIES, SCOPE, USER_TEAMS, USERS, DailyReport
from metrics.sync.wanted import GIVE_UP_AFTER, REFUSED_FOR, Known, reach, wanted_days

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
YESTERDAY = date(2026, 11, 19)


def ago(days: int) -> date:
    return NOW.date() - timedelta(days=days)


def on(day: date, hour: int = 6) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def wanted(known: Known, days: int = 10, *, gives_up: bool = True) -> list[int]:
    """The days asked for, each as how long ago it is."""
    period = Period(ago(days), YESTERDAY)
    return [(NOW.date() - day).days for day in wanted_days(known, period, NOW, gives_up=gives_up)]


class TestOnAnEmptyDatabase:
    def test_every_day_up_to_yesterday_is_wanted_newest_first(self) -> None:
        assert wanted(Known(), days=5) == [1, 2, 3, 4, 5]

    def test_today_has_not_ended_and_is_never_asked_for(self) -> None:
        days = list(wanted_days(Known(), Period(ago(1), NOW.date()), NOW))

        assert days == [YESTERDAY]


class TestASettledDay:
    @pytest.mark.parametrize(("seen_after", "is_wanted"), [(1, True), (3, True), (4, False), (9, False)])
    def test_is_left_alone_once_it_was_seen_settled(self, seen_after: int, is_wanted: bool) -> None:
        known = Known(covered={ago(10): on(ago(10 - seen_after))})

        assert (10 in wanted(known)) is is_wanted

    def test_of_a_file_taken_in_by_hand_counts_by_the_files_own_moment(self) -> None:
        """A 1-day file is of its day; who knows when it was saved."""
        known = Known(covered={ago(10): on(ago(10), hour=0), ago(9): on(ago(2), hour=0)})

        assert 10 in wanted(known)
        assert 9 not in wanted(known)

    def test_without_a_report_is_not_asked_for_again(self) -> None:
        known = Known(absent={ago(10): on(ago(6))})

        assert 10 not in wanted(known)

    def test_without_a_report_is_asked_for_again_if_that_was_said_before_it_settled(self) -> None:
        known = Known(absent={ago(10): on(ago(8))})

        assert 10 in wanted(known)

    def test_that_was_refused_is_asked_for_again_after_a_while(self) -> None:
        known = Known(refused={ago(10): NOW - REFUSED_FOR + timedelta(minutes=1), ago(9): NOW - REFUSED_FOR})

        assert 10 not in wanted(known)
        assert 9 in wanted(known)


class TestAnUnsettledDay:
    @pytest.mark.parametrize("age", [1, 2, 3])
    def test_is_fetched_each_time(self, age: int) -> None:
        known = Known(covered={ago(age): NOW}, absent={ago(age): NOW}, refused={ago(age): NOW})

        assert age in wanted(known)


class TestOlderThanThereAreReports:
    def absent(self, count: int, first: int = 4) -> Known:
        return Known(absent={ago(age): NOW for age in range(first, first + count)})

    def test_one_day_a_week_is_asked_for_behind_thirty_days_without_a_report(self) -> None:
        """2026-10-14 was a Wednesday, 37 days ago."""
        assert wanted(self.absent(GIVE_UP_AFTER), days=60) == [1, 2, 3, 37, 44, 51, 58]

    def test_a_week_that_turns_out_to_have_reports_is_asked_for_whole(self) -> None:
        known, asked = self.absent(GIVE_UP_AFTER), []
        for day in wanted_days(known, Period(ago(54), YESTERDAY), NOW):
            age = (NOW.date() - day).days
            asked.append(age)
            if age in (37, *range(46, 49)):
                known.absent[day] = NOW
            else:
                known.covered[day] = NOW

        assert asked == [1, 2, 3, 37, 44, *range(38, 44), *range(45, 55)]

    def test_so_is_a_week_that_has_some_already(self) -> None:
        known = self.absent(GIVE_UP_AFTER)
        known.covered[ago(44)] = NOW

        assert wanted(known, days=47) == [1, 2, 3, 37, *range(38, 44), *range(45, 48)]

    def test_a_day_less_is_not_enough(self) -> None:
        assert wanted(self.absent(GIVE_UP_AFTER - 1), days=60)[:5] == [1, 2, 3, 33, 34]

    def test_a_day_with_a_report_begins_the_count_anew(self) -> None:
        known = self.absent(GIVE_UP_AFTER)
        known.covered[ago(20)] = NOW
        del known.absent[ago(20)]

        assert 35 in wanted(known, days=60)

    def test_they_are_asked_for_when_somebody_insists(self) -> None:
        assert wanted(self.absent(GIVE_UP_AFTER), days=60, gives_up=False)[3:5] == [34, 35]

    def test_answers_that_come_in_meanwhile_count(self) -> None:
        known = Known()
        asked = 0
        for day in wanted_days(known, Period(ago(300), YESTERDAY), NOW):
            known.absent[day] = NOW
            asked += 1

        weeks = (300 - 3 - GIVE_UP_AFTER) // 7
        assert 3 + GIVE_UP_AFTER < asked <= 3 + GIVE_UP_AFTER + weeks + 1


class TestHowFarBack:
    @pytest.mark.parametrize(
        ("daily", "kind", "first"),
        [
            (SCOPE, "enterprise", date(2025, 11, 20)),
            (USERS, "organization", date(2025, 12, 12)),
            (USER_TEAMS, "enterprise", date(2026, 5, 14)),
            (REPOSITORIES, "organization", date(2026, 7, 17)),
        ],
        ids=["account", "users", "teams", "repositories"],
    )
    def test_github_has_reports_for_a_year_at_most(self, daily: DailyReport, kind: str, first: date) -> None:
        assert reach(daily, kind, NOW) == Period(first, YESTERDAY)

    def test_an_enterprise_had_them_first(self) -> None:
        early = datetime(2026, 3, 1, tzinfo=UTC)

        assert reach(USERS, "enterprise", early).first == date(2025, 10, 10)
        assert reach(USERS, "organization", early).first == date(2025, 12, 12)

    @pytest.mark.parametrize("daily", DAILY, ids=lambda daily: daily.report.value)
    def test_somebody_may_insist_on_more_or_less(self, daily: DailyReport) -> None:
        asked = reach(daily, "organization", NOW, since=date(2025, 1, 1), until=date(2025, 2, 1))

        assert asked == Period(date(2025, 1, 1), date(2025, 2, 1))
