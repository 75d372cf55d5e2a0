"""Clients: newest, behind, outdated, unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyroaring import BitMap

from metrics.figures import Client, Scope
from metrics.figures.clients import (
    Lag,
    SeenClient,
    State,
    by_editor,
    lag,
    number_outdated,
    numbers,
    outdated,
    people_with,
    seen_clients,
    too_old_for_lines,
)
from metrics.periods import Period
from tests.metrics import stored
from tests.metrics.dashboards.using import cell, day, line

WEEK = Period(day(0), day(6))


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("1.104.0", (1, 104, 0)),
        ("1.104.0-insider", (1, 104, 0)),
        ("1.5.52-241", (1, 5, 52)),
        ("v4.31", (4, 31)),
        (" 18 ", (18,)),
        ("", None),
        ("unknown", None),
        ("nightly-7", None),
        ("١.٢", None),
    ],
)
def test_versions_are_numbers(version: str, found: tuple[int, ...] | None) -> None:
    assert numbers(version) == found


@pytest.mark.parametrize(
    ("version", "newest", "found"),
    [
        ("1.104.2", "1.104.9", Lag(0)),
        ("1.99.3", "1.104.0", Lag(5)),
        ("17.14", "18.0.2", Lag(0, is_older_major=True)),
        ("2025.3.1", "2026.1", Lag(1)),
        ("2024.2", "2026.1", Lag(5)),
        ("18", "18.2", Lag(2)),
        ("1.104", "1.99", Lag(0)),
    ],
)
def test_how_far_behind_the_newest(version: str, newest: str, found: Lag) -> None:
    assert lag(version, numbers(newest)) == found


def test_nothing_is_behind_what_is_not_known() -> None:
    assert lag("", (1, 2)) is None
    assert lag("1.2", None) is None


def test_a_client_is_outdated_by_three_minor_releases_or_a_major_one() -> None:
    assert not Lag(2).is_outdated
    assert Lag(3).is_outdated
    assert Lag(0, is_older_major=True).is_outdated


def seen(
    client: tuple[str, str, str, str] = ("vscode", "1.104.0", "copilot-chat", "0.31.0"),
    editor: Lag | None = None,
    plugin: Lag | None = None,
    people: tuple[int, ...] = (1,),
) -> SeenClient:
    return SeenClient(Client(*client), BitMap(people), editor, plugin)


@pytest.mark.parametrize(
    ("editor", "plugin", "state"),
    [
        (Lag(0), Lag(0), State.NEWEST),
        (Lag(0), Lag(2), State.BEHIND),
        (Lag(3), Lag(0), State.OUTDATED),
        (Lag(1), Lag(4), State.OUTDATED),
        (None, Lag(0), State.NEWEST),
        (Lag(9), None, State.OUTDATED),
        (None, None, State.UNKNOWN),
    ],
)
def test_the_older_of_editor_and_plugin_decides(editor: Lag | None, plugin: Lag | None, state: State) -> None:
    assert seen(editor=editor, plugin=plugin).state == state


@pytest.mark.parametrize(
    ("client", "tells"),
    [
        (("vscode", "1.104.0", "copilot-chat", "0.31.0"), True),
        (("vscode", "1.103.9", "copilot-chat", "0.31.0"), False),
        (("vscode", "1.110.0", "copilot-chat", "0.30.9"), False),
        (("vscode", "1.110.0", "", ""), True),
        (("vscode", "", "", ""), None),
        (("neovim", "0.10", "copilot.vim", "1.40.0"), None),
        (("jetbrains", "2024.2.6", "copilot-intellij", "1.5.52-241"), True),
    ],
)
def test_github_needs_a_certain_client_for_lines_of_code(
    client: tuple[str, str, str, str], tells: bool | None
) -> None:
    assert seen(client).tells_lines is tells


@pytest.mark.django_db
def test_everybody_counts_with_their_newest_client_of_an_editor() -> None:
    acme = stored.organization()
    ann, bob = stored.person(1), stored.person(2)
    work = cell("code_completion", generations=1)
    old, new = ("1.100.0", "copilot-chat", "0.36.0"), ("1.110.0", "copilot-chat", "0.36.2")
    stored.use(acme, day(0), {ann: line(work, clients={"vscode": old}), bob: line(work)})
    stored.use(acme, day(1), {bob: line(work, clients={"vscode": old})})
    stored.use(acme, day(2), {ann: line(work, clients={"vscode": new})})

    found = seen_clients(Scope(acme), WEEK)

    assert [(each.client[1:], set(each.people), each.state) for each in found] == [
        (new, {ann.pk}, State.NEWEST),
        (old, {bob.pk}, State.OUTDATED),
    ]
    assert [(key, each.client.ide_version) for key, each in outdated(found)] == [(bob.pk, "1.100.0")]


@pytest.mark.django_db
def test_a_team_is_measured_by_the_newest_of_the_whole_account() -> None:
    acme = stored.organization()
    ann, bob = stored.person(1), stored.person(2)
    work = cell("code_completion", generations=1)
    teams = stored.roster(acme, day(0), {"data": [bob]})
    stored.use(
        acme,
        day(0),
        {
            ann: line(work, clients={"vscode": ("1.110.0", "copilot-chat", "0.36.0")}),
            bob: line(work, clients={"vscode": ("1.100.0", "copilot-chat", "0.36.0")}),
        },
    )

    [only] = seen_clients(Scope(acme, teams["data"]), WEEK)

    assert set(only.people) == {bob.pk}
    assert only.editor == Lag(10)


def test_an_editor_s_people_are_new_behind_outdated_or_unknown() -> None:
    clients = [
        seen(editor=Lag(0), plugin=Lag(0), people=(1, 2)),
        seen(editor=Lag(1), plugin=Lag(0), people=(3,)),
        seen(("vscode", "1.90.0", "copilot-chat", "0.20.0"), editor=Lag(14), plugin=Lag(11), people=(4,)),
        seen(("vscode", "nightly", "copilot-chat", ""), people=(5,)),
        seen(("zed", "0.1", "", ""), editor=Lag(0), people=(1,)),
    ]
    users = {"vscode": BitMap([1, 2, 3, 4, 5, 6]), "vim": BitMap([7])}

    vscode, vim, zed = by_editor(clients, users)

    assert vscode == ("vscode", 6, 2, 1, 1, 2, 1)
    assert vscode.outdated_share == Decimal("0.25")
    assert vim == ("vim", 1, 0, 0, 0, 1, 0)
    assert vim.outdated_share is None
    assert zed == ("zed", 1, 1, 0, 0, 0, 0)


def test_people_of_several_clients_count_once() -> None:
    clients = [
        seen(("vscode", "1.90.0", "", ""), editor=Lag(14), people=(1, 2)),
        seen(("xcode", "14.0", "", ""), editor=Lag(0, is_older_major=True), people=(2,)),
    ]

    assert people_with(clients, State.OUTDATED) == BitMap([1, 2])
    assert number_outdated(clients) == len(list(outdated(clients))) == 3
    assert too_old_for_lines(clients) == BitMap([1, 2])
    assert people_with([], State.OUTDATED) == BitMap()
