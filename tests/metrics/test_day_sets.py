"""Who did what on a day: the sets behind every distinct count."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from metrics.models import DayUsers, UserDay
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from seats.models import Account, GitHubUser
from tests.metrics.report_files import take, team_row, user_day, write_lines
from tests.metrics.stored import organization, person, roster, use

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 19)


def who(kind: str, account: Account | None = None, team_key: int = WHOLE_ACCOUNT) -> set[int | None]:
    """The GitHub ids of a set; of an account there is, if it does not matter which."""
    rows = DayUsers.objects.filter(kind=kind, team_key=team_key, day=DAY)
    keys = [key for row in (rows.filter(account=account) if account else rows) for key in row.user_keys]
    return set(GitHubUser.objects.filter(pk__in=keys).values_list("github_id", flat=True))


def kinds(prefix: str = "", team_key: int = WHOLE_ACCOUNT) -> set[str]:
    rows = DayUsers.objects.filter(kind__startswith=prefix, team_key=team_key)
    return set(rows.values_list("kind", flat=True))


def rest(**arrays: Any) -> dict[str, bytes]:
    return {"rest": json.dumps(arrays).encode()}


def test_flags_are_sets_of_those_for_whom_they_are_true() -> None:
    flags = {
        "used_copilot_cloud_agent": "cloud_agent",
        "used_copilot_app": "app",
        "used_vscode_agent": "vscode_agent",
        "used_copilot_code_review_active": "code_review_active",
        "used_copilot_code_review_passive": "code_review_passive",
    }
    ada, bob, cyd = person(1), person(2), person(3)
    use(
        organization(),
        DAY,
        {ada: dict.fromkeys(flags, True), bob: dict.fromkeys(flags, False), cyd: dict.fromkeys(flags)},
    )

    assert {kind: who(kind) for kind in flags.values()} == {kind: {1} for kind in flags.values()}
    assert who("active") == {1, 2, 3}


def test_a_set_of_nobody_is_not_kept_but_for_who_was_active() -> None:
    use(organization(), DAY, {})

    assert list(DayUsers.objects.values_list("kind", "team_key").order_by("team_key")) == [
        ("active", UNATTRIBUTED),
        ("active", WHOLE_ACCOUNT),
    ]


def test_phases_are_told_apart_and_a_missing_one_is_none_of_them() -> None:
    ada, bob, cyd, dan = map(person, (1, 2, 3, 4))
    phases = {ada: {"phase_number": 0}, bob: {"phase_number": 4}, cyd: {"phase_number": 0}, dan: {}}
    use(organization(), DAY, phases)

    assert kinds("phase:") == {"phase:0", "phase:4"}
    assert who("phase:0") == {1, 3}
    assert who("phase:4") == {2}


def test_an_entry_without_any_use_is_no_use() -> None:
    ada, bob = person(1), person(2)
    used = rest(totals_by_feature=[{"feature": "agent_edit", "loc_deleted_sum": 1}])
    unused = rest(totals_by_feature=[{"feature": "agent_edit", "loc_deleted_sum": 0, "loc_added_sum": None}])
    use(organization(), DAY, {ada: used, bob: unused})

    assert who("feature:agent_edit") == {1}


def test_names_are_told_apart_by_more_than_their_case() -> None:
    ada, bob = person(1), person(2)
    entries = [
        {"language": name, "model": "GPT-5", "code_generation_activity_count": 1}
        for name in ("Python", "PYTHON", "python2")
    ]
    use(
        organization(),
        DAY,
        {ada: rest(totals_by_language_model=entries[:2]), bob: rest(totals_by_language_model=entries)},
    )

    assert kinds("language:") == {"language:python", "language:python2"}
    assert who("language:python") == {1, 2}
    assert who("language:python2") == {2}
    assert who("model:gpt-5") == {1, 2}


def test_names_without_end_are_cut_to_fit() -> None:
    long = [{"ide": "x" * 255, "loc_added_sum": 1, "last_known_ide_version": {"ide_version": "9" * 255}}]
    use(organization(), DAY, {person(1): rest(totals_by_ide=long)})

    assert all(len(kind) <= 255 for kind in kinds())
    assert len(kinds("ide:x")) == len(kinds("client:x")) == 1


def test_a_client_is_known_by_what_was_last_seen_of_it() -> None:
    entries = [
        {
            "ide": "VSCode",
            "last_known_ide_version": {"ide_version": "1.107.0", "sampled_at": None},
            "last_known_plugin_version": {"plugin": "copilot-chat", "plugin_version": "0.33.1"},
        },
        {"ide": "xcode", "last_known_plugin_version": {"plugin": "", "plugin_version": "2.0"}},
        {"ide": "vim", "last_known_ide_version": None},
        {"ide": "zed", "last_known_ide_version": {"ide_version": ""}},
    ]
    use(organization(), DAY, {person(1): rest(totals_by_ide=entries)})

    assert kinds("client:") == {"client:vscode|1.107.0|copilot-chat|0.33.1", "client:xcode|||2.0"}
    assert kinds("ide:") == set(), "seen, and not used"


def test_teams_have_the_sets_of_flags_alone() -> None:
    acme, ada, bob, cyd = organization(), person(1), person(2), person(3)
    teams = roster(acme, DAY, {"a": [ada, bob], "b": [bob]})
    one = {"used_chat": True, "used_copilot_app": True} | rest(
        totals_by_ide=[{"ide": "zed", "loc_added_sum": 1}]
    )
    use(acme, DAY, {ada: one, bob: one, cyd: one})

    assert kinds(team_key=teams["a"].pk) == {"active", "chat"}
    assert who("chat", team_key=teams["a"].pk) == {1, 2}
    assert who("chat", team_key=teams["b"].pk) == {2}
    assert who("chat", team_key=UNATTRIBUTED) == {3}
    assert who("ide:zed") == {1, 2, 3}


def test_of_a_damaged_line_the_flags_still_count() -> None:
    acme, ada, bob = organization(), person(1), person(2)
    both = {"used_chat": True} | rest(totals_by_ide=[{"ide": "zed", "loc_added_sum": 1}])
    use(acme, DAY, {ada: both})
    UserDay.objects.update(blob=b"\x01not zstd")
    use(acme, DAY, {bob: both})

    assert who("active") == who("chat") == {1, 2}
    assert who("ide:zed") == {2}


def ide(name: str) -> dict[str, Any]:
    return {"totals_by_ide": [{"ide": name, "loc_added_sum": 1}]}


def test_a_restated_line_leaves_the_sets_it_was_in(tmp_path: Path) -> None:
    first = [user_day(1, str(DAY), used_chat=True, **ide("vim")), user_day(2, str(DAY), **ide("vim"))]
    take(write_lines(tmp_path / "1.ndjson", first))
    assert who("ide:vim") == {1, 2}

    restated = user_day(1, str(DAY), report_end_day="2026-11-20", used_chat=False, **ide("zed"))
    take(write_lines(tmp_path / "2.ndjson", [restated]))

    assert (who("chat"), who("ide:vim"), who("ide:zed")) == (set(), {2}, {1})


def test_who_is_absent_from_a_complete_file_is_in_no_set(tmp_path: Path) -> None:
    both = [user_day(1, str(DAY), **ide("vim")), user_day(2, str(DAY), **ide("zed"))]
    take(write_lines(tmp_path / "1.ndjson", both))

    alone = user_day(1, str(DAY), report_end_day="2026-11-20", **ide("vim"))
    take(write_lines(tmp_path / "2.ndjson", [alone]), complete=True)

    assert who("active") == {1}
    assert kinds("ide:") == {"ide:vim"}


def test_one_person_under_two_logins_is_one(tmp_path: Path) -> None:
    days = [user_day(1, "2026-11-18", login="ada"), user_day(1, str(DAY), login="ada-l", **ide("vim"))]
    take(write_lines(tmp_path / "1.ndjson", days))

    assert who("ide:vim") == {1}
    assert GitHubUser.objects.count() == 1


def test_a_login_that_gets_its_id_later_changes_no_set(tmp_path: Path) -> None:
    """A person known by login alone has no line of use: sets and windows are of ids from the start."""
    activity = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"
    activity += "2026-11-18T00:00:00Z,ada,,2026-11-17T00:00:00Z,vscode/1.1\n"
    (tmp_path / "activity.csv").write_text(activity)
    take(tmp_path / "activity.csv", organization="acme")
    before = GitHubUser.objects.get()
    assert before.github_id is None

    take(write_lines(tmp_path / "1.ndjson", [user_day(1, str(DAY), login="ada", **ide("vim"))]))

    assert who("ide:vim") == {1}
    assert not GitHubUser.objects.filter(pk=before.pk).exists()


def test_a_roster_that_comes_later_moves_people_between_the_sets_of_teams(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "1.ndjson", [user_day(1, str(DAY)), user_day(2, str(DAY))]))
    assert who("active", team_key=UNATTRIBUTED) == {1, 2}

    take(write_lines(tmp_path / "2.ndjson", [team_row(1, 77, str(DAY))]))

    assert who("active", team_key=UNATTRIBUTED) == {2}
    assert who("active") == {1, 2}
