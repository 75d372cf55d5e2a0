"""Rosters and activity reports: who holds a seat, since when, until when, whatever the order of files."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from portal.models import ReportFile
from seats import verdicts
from seats.models import (
    Account,
    ActivityLine,
    Evidence,
    Exemption,
    GitHubUser,
    Seat,
    SeatObservation,
    SeatRoster,
    Team,
)
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = pytest.mark.django_db

CSV = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, tzinfo=UTC)


def write_csv(path: Path, day: int, *lines: tuple[str, str]) -> Path:
    """Lines of (login, last_activity_at) in a report of this day of September."""
    rows = [f"2026-09-{day:02}T06:00:00Z,{login},,{used},VS Code 1.9\n" for login, used in lines]
    path.write_text(CSV + "".join(rows))
    return path


def histories() -> list[tuple]:
    return list(
        SeatObservation.objects.order_by("seat__user__github_id", "observed_at").values_list(
            "seat__user__github_id", "observed_at", "is_present", "state"
        )
    )


def seats() -> list[tuple]:
    return list(
        Seat.objects.order_by("account__login", "user__login").values_list(
            "account__login",
            "user__login",
            "plan_type",
            "granted_by",
            "created_at",
            "last_activity_at",
            "first_seen_at",
            "last_seen_at",
            "observed_at",
            "ended_at",
        )
    )


def test_a_seat_list_needs_to_know_whose_it_is(tmp_path: Path) -> None:
    outcome = take(write_seats(tmp_path / "a", [seat(1)]))
    assert "--organization" in outcome.error
    assert not ReportFile.objects.exists()


def test_a_partial_roster_never_ends_a_seat(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "a", [seat(1), seat(2)]), organization="acme", taken_at=at(1))
    part = write_seats(tmp_path / "b", [seat(1)], total=2)
    outcome = take(part, organization="acme", taken_at=at(2), complete=True)
    assert Seat.objects.held().count() == 2
    assert "lists 1 of 2 people" in outcome.notes[0]


def test_a_complete_roster_ends_a_seat_only_when_confirmed(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "a", [seat(1), seat(2)]), organization="acme", taken_at=at(1))
    take(write_seats(tmp_path / "b", [seat(1)]), organization="acme", taken_at=at(2))
    assert Seat.objects.held().count() == 2
    outcome = take(write_seats(tmp_path / "c", [seat(1)]), organization="acme", taken_at=at(3), complete=True)
    assert outcome.ended == ["user-2"]
    assert Seat.objects.get(user__github_id=2).ended_at == at(3)


def test_a_person_who_returns_holds_the_same_seat_again(tmp_path: Path) -> None:
    for day, people in ((1, [1, 2]), (2, [1]), (3, [1, 2])):
        path = write_seats(tmp_path / str(day), [seat(n) for n in people])
        take(path, organization="acme", taken_at=at(day), complete=True)
    returned = Seat.objects.get(user__github_id=2)
    assert returned.ended_at is None
    assert list(returned.observations.order_by("observed_at").values_list("is_present", flat=True)) == [
        True,
        False,
        True,
    ]


DAYS = (1, 2, 3, 4)
# Each roster is once in each place, and so are its neighbours on either side.
ROUND = [(days * 2)[first : first + 4] for days in (DAYS, DAYS[::-1]) for first in range(4)]


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param(ROUND, id="round"),
        pytest.param(list(itertools.permutations(DAYS)), id="all", marks=pytest.mark.long),
    ],
)
def test_any_order_of_rosters_gives_the_same_seats_and_the_same_history(
    tmp_path: Path, orders: list[tuple[int, ...]]
) -> None:
    used = "2026-08-{:02}T10:00:00Z"
    rosters = {
        1: [seat(1), seat(2), seat(3)],
        2: [seat(1, last_activity_at=used.format(20)), seat(2)],
        3: [seat(1, last_activity_at=used.format(20)), seat(2), seat(3, plan_type="enterprise")],
        4: [seat(1), seat(2, pending_cancellation_date="2026-10-01"), seat(3)],
    }
    files = {day: write_seats(tmp_path / str(day), some) for day, some in rosters.items()}
    results = []
    for order in orders:
        Seat.objects.all().delete()
        SeatRoster.objects.all().delete()
        ReportFile.objects.all().delete()
        for day in order:
            take(files[day], organization="acme", taken_at=at(day), complete=True)
        results.append((seats(), histories()))
    assert all(result == results[0] for result in results)


def test_githubs_null_does_not_erase_a_date_we_saw(tmp_path: Path) -> None:
    first = [seat(1, last_activity_at="2026-06-01T10:00:00Z")]
    take(write_seats(tmp_path / "a", first), organization="acme", taken_at=at(1))
    take(write_seats(tmp_path / "b", [seat(1)]), organization="acme", taken_at=at(20))
    held = Seat.objects.get()
    assert held.last_activity_at == datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert Evidence.objects.get(source="seat").last_on == date(2026, 6, 1)


def test_the_second_run_of_a_roster_writes_no_seat(tmp_path: Path) -> None:
    path = write_seats(tmp_path / "a", [seat(1), seat(2)])
    take(path, organization="acme", taken_at=at(1))
    before = list(Seat.objects.values()), histories()
    again = take(path, organization="acme", taken_at=at(1))
    assert (again.counts.rows_unchanged, again.counts.rows_read) == (2, 2)
    assert (list(Seat.objects.values()), histories()) == before


def test_an_enterprise_list_gives_each_seat_to_the_account_that_granted_it(tmp_path: Path) -> None:
    acme = {"id": 1, "login": "acme"}
    team = {"id": 5, "slug": "web", "name": "Web", "type": "organization"}
    ent_team = {"id": 6, "slug": "ent:all", "name": "All", "type": "enterprise"}
    listed = [
        seat(1, organization=acme),
        seat(2, organization=acme, assigning_team=team),
        seat(3, organization=None),
        seat(4, organization=None, assigning_team=ent_team),
    ]
    take(write_seats(tmp_path / "a", listed), enterprise="octo", taken_at=at(1))
    assert {(login, route) for _, login, _, route, *_ in seats()} == {
        ("user-1", "direct"),
        ("user-2", "team"),
        ("user-3", "enterprise"),
        ("user-4", "enterprise_team"),
    }
    assert Account.objects.get(login="acme").parent == Account.objects.get(login="octo")
    assert Team.objects.get(github_id=6).account.login == "octo"


def test_an_organizations_and_its_enterprises_lists_show_one_seat_once(tmp_path: Path) -> None:
    acme = {"id": 1, "login": "acme"}
    take(write_seats(tmp_path / "e", [seat(1, organization=acme)]), enterprise="octo", taken_at=at(1))
    outcome = take(write_seats(tmp_path / "o", [seat(1)]), organization="ACME", taken_at=at(2))
    assert outcome.counts.rows_unchanged == 1
    assert Seat.objects.count() == 1


def test_a_list_of_another_organization_is_refused(tmp_path: Path) -> None:
    path = write_seats(tmp_path / "a", [seat(1, organization={"id": 2, "login": "globex"})])
    assert "globex" in take(path, organization="acme").error
    assert not Seat.objects.exists()


def test_times_in_the_future_are_not_believed(tmp_path: Path) -> None:
    listed = [seat(1, last_activity_at="2199-01-01T00:00:00Z")]
    take(write_seats(tmp_path / "a", listed), organization="acme")
    held = Seat.objects.get()
    assert held.last_activity_at is None
    assert held.observed_at == datetime(2026, 1, 15, 10, tzinfo=UTC)


def test_people_known_by_login_from_an_activity_report_meet_their_id_later(tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a", 5, ("Ann", "2026-09-01T00:00:00Z")), organization="acme")
    person = GitHubUser.objects.get()
    assert person.github_id is None
    Exemption.objects.create(user=person, reason="on leave")
    take(write_lines(tmp_path / "b", [user_day(7, "2026-09-03", login="ann")]), organization="acme")
    person = GitHubUser.objects.get()
    assert (person.github_id, person.login) == (7, "ann")
    assert person.exemptions.count() == 1
    assert Seat.objects.get().user == person
    assert dict(person.evidence.values_list("source", "last_on")) == {
        "activity_report": date(2026, 9, 1),
        "usage_report": date(2026, 9, 3),
    }


@pytest.mark.parametrize("order", list(itertools.permutations(["csv", "before", "after"])))
def test_a_login_taken_over_by_somebody_else_stays_two_people(tmp_path: Path, order: tuple[str, ...]) -> None:
    files = {
        "csv": write_csv(tmp_path / "csv", 5, ("ann", "2026-09-04T00:00:00Z")),
        "before": write_lines(tmp_path / "1", [user_day(1, "2026-09-04", login="ann")]),
        "after": write_lines(tmp_path / "2", [user_day(2, "2026-09-20", login="ann")]),
    }
    for name in order:
        take(files[name], organization="acme")
    assert GitHubUser.objects.count() == 2
    assert ActivityLine.objects.get().user.github_id == 1
    assert list(Seat.objects.values_list("user__github_id", flat=True)) == [1]
    assert Evidence.objects.filter(source="activity_report").get().user.github_id == 1


def test_a_renamed_person_stays_one_with_one_history(tmp_path: Path) -> None:
    lines = [user_day(1, "2026-09-01", login="ann"), user_day(1, "2026-09-09", login="ann-lee")]
    take(write_lines(tmp_path / "b", lines[1:]))
    take(write_lines(tmp_path / "a", lines[:1]))
    person = GitHubUser.objects.get()
    assert person.login == "ann-lee"
    assert person.logins.count() == 2


def test_an_older_report_that_does_not_say_when_it_was_made_is_of_its_newest_time(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("Login,Last Usage Date,Last Editor Used\nann,2025-08-01,vscode\nbob,2025-08-09,vim\n")
    take(path, organization="acme")
    again = take(path, organization="acme")
    assert again.counts.rows_unchanged == 2
    assert ActivityLine.objects.count() == 2
    assert set(ActivityLine.objects.values_list("report_time", flat=True)) == {
        datetime(2025, 8, 9, tzinfo=UTC)
    }


def test_an_activity_report_never_ends_a_seat_and_shows_new_ones(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "s", [seat(1), seat(2)]), organization="acme", taken_at=at(1))
    take(write_csv(tmp_path / "c", 5, ("user-1", ""), ("newcomer", "")), organization="acme")
    assert Seat.objects.held().count() == 3
    newcomer = Seat.objects.get(user__login="newcomer")
    assert newcomer.created_at is None
    verdicts.refresh(date(2026, 9, 6))
    newcomer.refresh_from_db()
    assert newcomer.verdict == "unknown"


def test_an_enterprises_activity_report_doubles_no_organizations_seat(tmp_path: Path) -> None:
    acme = {"id": 1, "login": "acme"}
    csv = write_csv(tmp_path / "c", 5, ("user-1", "2026-09-04T00:00:00Z"))
    take(csv, enterprise="octo")
    assert Seat.objects.count() == 1
    listed = write_seats(tmp_path / "e", [seat(1, organization=acme)])
    take(listed, enterprise="octo", taken_at=at(1))
    held = Seat.objects.get()
    assert (held.account.login, held.last_seen_at) == ("acme", at(5, 6))


def test_a_past_day_sees_only_what_was_known_and_dated_by_then(tmp_path: Path) -> None:
    first = [seat(1, last_activity_at="2026-07-30T08:00:00Z")]
    later = [seat(1, last_activity_at="2026-09-10T08:00:00Z"), seat(2, created_at="2026-09-05T00:00:00Z")]
    take(write_seats(tmp_path / "a", first), organization="acme", taken_at=at(1))
    take(write_seats(tmp_path / "b", later), organization="acme", taken_at=at(20))
    (stood,) = verdicts.standing(date(2026, 9, 2))
    assert (stood.judgement.verdict, stood.judgement.days_idle) == ("idle", 34)
    verdict_of = {one.user.github_id: one.judgement.verdict for one in verdicts.standing(date(2026, 9, 21))}
    assert verdict_of == {1: "active", 2: "in_grace"}
