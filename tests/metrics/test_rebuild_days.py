"""Days are added up from their rows, one by one, whatever stood there before and whoever was killed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from metrics import breakdowns, tasks
from metrics.ingest import rebuild, rebuild_beside
from metrics.ingest.rebuild import rebuild_day, rebuild_dirty_days
from metrics.models import DayUsers, DirtyDay, ReportDay, ScopeDay, TeamDay, UserDay, UserWindow
from portal.tasks import SCHEDULES
from seats.models import Account
from tests.metrics import reckoned
from tests.metrics.report_files import take, user_day, write_lines
from tests.metrics.stored import cover, organization, person, roster, use

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 19)
EVE = DAY - timedelta(days=1)


def line(**numbers: Any) -> dict[str, Any]:
    """Detail of a line: an editor, a language, the CLI and more."""
    number = numbers.pop("loc_added_sum", 1)
    return {
        "totals_by_ide": [{"ide": "vscode", "loc_added_sum": number}],
        "totals_by_feature": [],
        "totals_by_language_feature": [{"language": "go", "feature": "agent_edit", "loc_added_sum": number}],
        "totals_by_cli": {"session_count": 2, "token_usage": {"output_tokens_sum": number}},
        **numbers,
    }


def stored(detail: Mapping[str, Any], **columns: Any) -> dict[str, Any]:
    return {**columns, "rest": json.dumps(detail).encode()}


def of_account(account: Account, day: date = DAY) -> dict[str, Any]:
    row = ScopeDay.objects.get(account=account, day=day, source="users")
    assert row.blob is not None
    return breakdowns.unpack(row.blob)


def of_team(team_id: int | None) -> dict[str, Any]:
    row = TeamDay.objects.get(team_id=team_id, day=DAY)
    assert row.blob is not None
    return breakdowns.unpack(row.blob)


def test_people_in_several_teams_are_in_each_and_once_in_the_account() -> None:
    acme = organization()
    people = {number: person(number) for number in range(1, 8)}
    lines = {number: line(loc_added_sum=10**number) for number in people}
    teams = {"a": (1, 2, 3), "b": (3, 4), "c": (1, 2, 3, 4, 5), "quiet": (9,)}
    made = roster(acme, DAY, {slug: [person(one) for one in some] for slug, some in teams.items()})

    use(acme, DAY, {user: stored(lines[number]) for number, user in people.items()})

    for slug, some in teams.items():
        own = [lines[number] for number in some if number in lines]
        assert of_team(made[slug].pk) == reckoned.record(own), slug
    assert of_team(None) == reckoned.record([lines[6], lines[7]])
    assert of_account(acme) == reckoned.record(lines.values())
    assert of_team(made["quiet"].pk) == {}


def test_what_people_said_of_nothing_is_told_apart_from_what_nobody_said() -> None:
    acme = organization()
    use(acme, DAY, {person(1): stored({"totals_by_ide": [], "totals_by_cli": {}, "totals_by_skill": None})})

    assert of_account(acme) == {"totals_by_ide": [], "totals_by_cli": {}}


def test_credits_are_added_up_to_the_billionth() -> None:
    acme = organization()
    team = roster(acme, DAY, {"a": [person(1), person(2)]})["a"]
    spent = [Decimal("0.1"), Decimal("0.200000001"), None, Decimal("123456.789")]
    use(acme, DAY, {person(number): {"ai_credits_used": one} for number, one in enumerate(spent, start=1)})

    assert ScopeDay.objects.get().ai_credits_used == Decimal("123457.089000001")
    assert TeamDay.objects.get(team=team).ai_credits_used == Decimal("0.300000001")


def test_credits_that_nobody_told_of_are_unknown() -> None:
    use(organization(), DAY, {person(1): {}})

    assert ScopeDay.objects.get().ai_credits_used is None


def test_a_damaged_blob_stops_nothing_and_is_told() -> None:
    acme = organization()
    team = roster(acme, DAY, {"a": [person(1), person(2)]})["a"]
    use(acme, DAY, {person(1): stored(line(), loc_added_sum=5)})
    UserDay.objects.update(blob=b"\x01damaged")

    use(acme, DAY, {person(2): stored(line(), loc_added_sum=7)})

    assert ScopeDay.objects.get().loc_added_sum == 12
    assert of_account(acme) == reckoned.record([line()]) | {"unreadable_user_days": 1}
    assert of_team(team.pk)["unreadable_user_days"] == 1
    assert of_team(None) == {}


def test_sums_beyond_a_columns_range_stop_nothing() -> None:
    acme = organization()
    people = {person(number): {"loc_added_sum": 2**62} for number in range(1, 4)}

    use(acme, DAY, people)

    assert ScopeDay.objects.get().loc_added_sum == 2**63 - 1


def test_a_day_that_is_covered_no_more_is_told_of_no_more() -> None:
    acme = organization()
    use(acme, DAY, {person(1): stored(line())})
    ReportDay.objects.all().delete()

    rebuild_day(acme.pk, DAY)

    assert not ScopeDay.objects.exists()
    assert not TeamDay.objects.exists()
    assert not DayUsers.objects.exists()


def test_a_covered_day_without_anybody_has_empty_sets_and_no_totals() -> None:
    acme = organization()
    cover(acme, DAY)

    rebuild_day(acme.pk, DAY)

    assert not ScopeDay.objects.exists()
    assert [len(row.user_keys) for row in DayUsers.objects.all()] == [0, 0]


def test_rebuilding_twice_is_rebuilding_once() -> None:
    acme = organization()
    roster(acme, DAY, {"a": [person(1)]})
    use(acme, DAY, {person(1): stored(line()), person(2): stored(line())})
    before = everything()

    rebuild_day(acme.pk, DAY)

    assert everything() == before


def everything() -> list[Any]:
    return [
        sorted(
            tuple(bytes(value) if isinstance(value, memoryview) else value for value in values)
            for values in model._default_manager.values_list(*fields)
        )
        for model, fields in (
            (ScopeDay, ("account_id", "day", "loc_added_sum", "blob")),
            (TeamDay, ("team_key", "day", "loc_added_sum", "blob")),
            (DayUsers, ("team_key", "day", "kind", "users")),
            (UserWindow, ("user_id", "active_days", "loc_added_sum", "last_day")),
        )
    ]


def test_a_restated_line_replaces_what_it_said(tmp_path: Path) -> None:
    take(
        write_lines(tmp_path / "1.ndjson", [user_day(1, str(DAY), **line()), user_day(2, str(DAY), **line())])
    )
    restated = line(loc_added_sum=100)

    take(write_lines(tmp_path / "2.ndjson", [user_day(1, str(DAY), report_end_day="2026-11-20", **restated)]))

    assert of_account(Account.objects.get(kind="organization")) == reckoned.record([restated, line()])


# In turns, and killed in between ---------------------------------------------------------------


def mark(account: Account, *days: date) -> None:
    for day in days:
        DirtyDay.objects.get_or_create(account=account, day=day)


def test_the_newest_days_come_first() -> None:
    acme = organization()
    for day in (EVE, DAY):
        use(acme, day, {person(1): {}})
    mark(acme, EVE, DAY)

    assert rebuild_dirty_days(seconds=0) == 1
    assert list(DirtyDay.objects.values_list("day", flat=True)) == [EVE]
    assert rebuild_dirty_days(seconds=60) == 1
    assert not DirtyDay.objects.exists()


def test_one_rebuild_after_the_other_ends_as_one_does(monkeypatch: Any) -> None:
    acme = organization()
    for day in (EVE, DAY):
        use(acme, day, {person(1): stored(line())})
    before = everything()
    mark(acme, EVE, DAY)
    write_teams = rebuild._write_teams

    def killed(*arguments: Any) -> None:
        write_teams(*arguments)
        if arguments[1] == EVE:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rebuild, "_write_teams", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild_dirty_days()
    assert list(DirtyDay.objects.values_list("day", flat=True)) == [EVE]

    tasks.rebuild_dirty_days()

    assert everything() == before
    assert not DirtyDay.objects.exists()


def test_what_somebody_else_has_rebuilt_is_not_rebuilt_again(monkeypatch: Any) -> None:
    acme = organization()
    for day in (EVE, DAY):
        use(acme, day, {person(1): {}})
    mark(acme, EVE, DAY)
    rebuilt = []
    original = rebuild._rebuild

    def first_of_two(account_id: int, day: date, *more: Any) -> None:
        rebuilt.append(day)
        original(account_id, day, *more)
        DirtyDay.objects.all().delete()

    monkeypatch.setattr(rebuild, "_rebuild", first_of_two)
    rebuild_dirty_days()

    assert rebuilt == [DAY]


def test_other_processes_add_up_the_same(monkeypatch: Any) -> None:
    acme = organization()
    roster(acme, DAY, {"a": [person(1), person(2)], "b": [person(2), person(3)]})
    people = {person(number): stored(line(loc_added_sum=number)) for number in range(1, 6)}
    use(acme, DAY, people)
    before = everything()
    monkeypatch.setattr(rebuild_beside, "SHARED_FROM", 0)
    monkeypatch.setattr(rebuild_beside, "can_share", lambda: True)
    monkeypatch.setattr("metrics.ingest.rebuild_people.CHUNK", 2)

    rebuild_day(acme.pk, DAY)

    assert everything() == before


# After an update -------------------------------------------------------------------------------


def test_an_update_has_every_covered_day_added_up_again() -> None:
    acme, apps_account = organization(), organization("apps", 502)
    use(acme, DAY, {person(1): stored(line())})
    use(apps_account, EVE, {person(1): stored(line())})
    cover(acme, EVE, "scope", "user-teams")
    # As an older release left it.
    DayUsers.objects.exclude(kind__in=DayUsers.TEAM_KINDS).delete()
    ScopeDay.objects.update(blob=None)
    UserWindow.objects.all().delete()
    mark(acme, DAY)

    import_module("metrics.migrations.0005_covered_days_to_add_up").mark(apps, None)

    assert set(DirtyDay.objects.values_list("account__login", "day")) == {("acme", DAY), ("apps", EVE)}

    tasks.rebuild_dirty_days()

    assert of_account(acme) == reckoned.record([line()])
    assert DayUsers.objects.filter(kind="language:go").count() == 2


def test_the_worker_looks_for_days_to_add_up_by_itself() -> None:
    assert "metrics.tasks.rebuild_dirty_days" in {doorway for _, doorway, _ in SCHEDULES}
