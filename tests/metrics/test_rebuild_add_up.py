"""Adding up what lines say in detail: pure, so tried with every kind of line there may be."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.breakdowns import pack
from metrics.ingest.add_up import (
    LONGEST_KIND,
    AddedUp,
    add_up,
    client_kind,
    kind_of,
    record,
)
from tests.metrics import reckoned

COUNTS = st.none() | st.integers(0, 3) | st.just(2**53)
NAMES = st.sampled_from(["python", "Python", "STRASSE", "Straße", "go", "", "c|sharp", "日本"])
VERSIONS = st.none() | st.fixed_dictionaries({}, optional={"ide_version": st.sampled_from(["", "1.107.0"])})
PLUGINS = st.none() | st.fixed_dictionaries(
    {}, optional={"plugin": st.sampled_from(["", "copilot-chat"]), "plugin_version": st.just("0.33.1")}
)


def entries(names: tuple[str, ...], numbers: tuple[str, ...], **more: st.SearchStrategy[Any]) -> Any:
    entry = st.fixed_dictionaries(
        dict.fromkeys(names, NAMES),
        optional={**dict.fromkeys(numbers, COUNTS), "of_next_month": st.just({"any": [1, None]}), **more},
    )
    return st.none() | st.lists(entry, max_size=4)


def objects(numbers: tuple[str, ...], **more: st.SearchStrategy[Any]) -> Any:
    return st.none() | st.fixed_dictionaries({}, optional={**dict.fromkeys(numbers, COUNTS), **more})


TOKENS = objects(reckoned.TOKENS)
MORE: dict[str, dict[str, Any]] = {
    "totals_by_ide": {"last_known_ide_version": VERSIONS, "last_known_plugin_version": PLUGINS},
    "totals_by_3rd_party_agent": {"agent_name": st.none() | st.sampled_from(["", "Ada", "ada"])},
    "totals_by_cli": {"token_usage": TOKENS},
    "totals_by_copilot_app": {"token_usage": TOKENS},
}
ARRAYS = {
    array: entries(names, reckoned.NUMBERS.get(array, reckoned.COUNTERS), **MORE.get(array, {}))
    for array, names in reckoned.NAMES.items()
}
OBJECTS = {name: objects(numbers, **MORE.get(name, {})) for name, numbers in reckoned.OBJECTS.items()}
LINES = st.lists(
    st.fixed_dictionaries({}, optional={**ARRAYS, **OBJECTS, "totals_by_dream": st.just([{"x": 1}])}),
    max_size=8,
)


def blob(line: Any) -> bytes:
    return pack(json.dumps(line).encode())


def added(lines: list[Any], groups: list[int] | None = None) -> AddedUp:
    people = range(1, len(lines) + 1)
    return add_up(map(blob, lines), people, groups or [0] * len(lines))


def told(found: AddedUp, groups: Any = None) -> Any:
    sums = found.of(found.groups if groups is None else groups)
    return msgspec.json.decode(record(sums, {}), strict=False)


def reckon(lines: list[Any]) -> Any:
    expected = reckoned.record(lines)
    expected.pop("user_days_by_language_ide", None)
    return expected


@given(LINES)
def test_the_sums_are_those_of_plain_arithmetic(lines: list[Any]) -> None:
    found = added(lines)

    assert told(found) == reckon(lines)


@given(LINES)
def test_a_person_is_once_in_each_set_that_their_line_speaks_of(lines: list[Any]) -> None:
    found = added(lines)

    expected = reckoned.sets(dict(enumerate(lines, start=1)))
    expected.pop("active", None)
    expected = {kind.replace("c|sharp|", "c/sharp|"): users for kind, users in expected.items()}
    assert {kind: set(users) for kind, users in found.users.items()} == expected


@given(LINES)
def test_people_of_whom_two_things_are_told_are_counted_together(lines: list[Any]) -> None:
    together = added(lines).used_together()

    expected = reckoned.record(lines).get("user_days_by_language_ide", [])
    assert together == {(row["language"], row["ide"]): row["user_days"] for row in expected}


@given(LINES, st.data())
def test_groups_taken_together_are_the_sum_of_their_people(lines: list[Any], data: Any) -> None:
    groups = data.draw(st.lists(st.integers(0, 3), min_size=len(lines), max_size=len(lines)))
    chosen = data.draw(st.sets(st.integers(0, 4)))

    found = added(lines, groups)

    some = [line for line, group in zip(lines, groups, strict=True) if group in chosen]
    assert told(found, chosen) == reckon(some)
    assert told(found) == reckon(lines)


@given(LINES, st.integers(0, 8))
def test_it_does_not_matter_in_how_many_parts_they_are_added(lines: list[Any], at: int) -> None:
    parts = AddedUp()
    parts.add(added(lines[:at]))
    parts.add(add_up(map(blob, lines[at:]), range(at + 1, len(lines) + 1)))

    whole = added(lines)
    assert told(parts) == told(whole)
    assert parts.users == whole.users


def test_of_a_line_that_cannot_be_read_back_only_its_number_is_told() -> None:
    good = blob({"totals_by_ide": [{"ide": "vscode", "loc_added_sum": 3}]})
    damaged = [
        b"",
        b"\x01",
        b"\x02" + good[1:],
        good[:-3],
        good[:9] + b"?" + good[10:],
        pack(b"[1]"),
        pack(b"{"),
    ]
    wrong = [blob({"totals_by_ide": [{"ide": "vscode", "loc_added_sum": -1}]}), blob({"totals_by_cli": 7})]

    found = add_up([*damaged, good, *wrong], range(20))

    assert told(found) == {
        "totals_by_ide": [{"ide": "vscode", "loc_added_sum": 3}],
        "unreadable_user_days": len(damaged) + len(wrong),
    }
    assert set(found.users) == {"ide:vscode"}


@pytest.mark.parametrize("odd", ["1.107", 7, ["1.107"], {"ide_version": 7}])
def test_odd_versions_of_a_client_take_nothing_from_the_sums(odd: Any) -> None:
    line = {"totals_by_ide": [{"ide": "vscode", "loc_added_sum": 3, "last_known_ide_version": odd}]}

    found = added([line])

    assert told(found) == {"totals_by_ide": [{"ide": "vscode", "loc_added_sum": 3}]}
    assert set(found.users) == {"ide:vscode"}


def test_sums_may_be_larger_than_any_line() -> None:
    line = {"totals_by_feature": [{"feature": "agent_edit", "loc_added_sum": 2**53}]}

    assert told(added([line] * 5_000))["totals_by_feature"][0]["loc_added_sum"] == 5_000 * 2**53


def test_kinds_fit_their_column() -> None:
    assert kind_of("language", "ß" * 300) == ("language:" + "ss" * 300)[:LONGEST_KIND]
    assert kind_of("language", "Go ") == "language:go"
    longest = client_kind("x" * 300, "y" * 300, "z" * 300, "\N{SNOWMAN}" * 300)
    assert len(longest) <= LONGEST_KIND
    assert [len(part) for part in longest.removeprefix("client:").split("|")] == [60] * 4
    assert client_kind("a|b", None, "", "1") == "client:a/b|||1"
