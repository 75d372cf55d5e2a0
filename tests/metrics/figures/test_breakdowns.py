"""How a breakdown is read and added up: names, unknowns, records of another shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import breakdowns, figures
from metrics.figures import Breakdown, EntityDay, Scope, Sums
from metrics.models.counters import COUNTERS
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored

FIRST = date(2026, 10, 1)
PERIOD = Period(FIRST, FIRST + timedelta(days=9))


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def record(number: int, **keys: Any) -> Scope:
    """GitHub's own record of a day."""
    account, _ = Account.objects.get_or_create(kind="organization", login="acme", github_id=501)
    blob = breakdowns.pack(json.dumps(keys).encode())
    stored.totals(account, day(number), daily_active_users=1, blob=blob)
    return Scope(account)


@pytest.mark.django_db
class TestReading:
    def test_names_that_differ_in_case_are_one(self) -> None:
        scope = record(
            0,
            totals_by_ide=[
                {"ide": "VSCode", "loc_added_sum": 2},
                {"ide": "vscode", "loc_added_sum": 3, "loc_deleted_sum": 1},
            ],
        )
        assert figures.breakdown(scope, PERIOD, "ide").days == {
            day(0): {("vscode",): Sums(loc_added_sum=5, loc_deleted_sum=1)}
        }

    def test_a_name_nobody_ever_heard_of_is_kept(self) -> None:
        scope = record(0, totals_by_feature=[{"feature": "Chat_Holodeck", "loc_added_sum": 0}])
        found = figures.breakdown(scope, PERIOD, "feature")
        assert found.totals("feature") == {("chat_holodeck",): Sums(loc_added_sum=0)}

    def test_no_name_is_unknown(self) -> None:
        scope = record(0, totals_by_language_model=[{"language": None, "model": ""}, {"loc_added_sum": 1}])
        found = figures.breakdown(scope, PERIOD, "language_model")
        assert found.totals("language", "model") == {("unknown", "unknown"): Sums(loc_added_sum=1)}

    def test_a_counter_that_is_missing_or_null_is_unknown_and_zero_is_zero(self) -> None:
        entry = {"ide": "zed", "loc_added_sum": 0, "loc_deleted_sum": None}
        scope = record(0, totals_by_ide=[entry])
        [sums] = figures.breakdown(scope, PERIOD, "ide").totals("ide").values()
        assert (sums.loc_added_sum, sums.loc_deleted_sum, sums.user_initiated_interaction_count) == (
            0,
            None,
            None,
        )

    @pytest.mark.parametrize("keys", [{}, {"totals_by_ide": []}, {"totals_by_ide": None}])
    def test_a_covered_day_without_entries_is_there(self, keys: Mapping[str, Any]) -> None:
        found = figures.breakdown(record(0, **keys), PERIOD, "ide")
        assert found.days == {day(0): {}}
        assert not found.days[day(0)]
        assert found.totals("ide") == found.totals() == {}
        assert found.by_day("ide") == {day(0): {}}

    def test_a_damaged_record_is_a_gap_and_no_error(self) -> None:
        scope = record(0, totals_by_ide=[{"ide": "zed", "loc_added_sum": 1}])
        stored.totals(scope.account, day(1), loc_added_sum=7, blob=b"\x01nothing that was ever packed")
        stored.totals(scope.account, day(2), loc_added_sum=7, blob=b"\x7f{}")
        assert list(figures.breakdown(scope, PERIOD, "ide").days) == [day(0)]
        assert list(figures.day_totals(scope, PERIOD)) == [day(0), day(1), day(2)]
        records = figures.day_records(scope, PERIOD)
        assert [each.totals_by_cli for each in records.values()] == [None] * 3

    def test_damage_of_a_computed_day_is_a_gap_too(self) -> None:
        acme = stored.organization()
        entry = {"language": "go", "feature": "agent_edit", "loc_added_sum": 1}
        rest = {"totals_by_language_feature": [entry], "totals_by_ide": [{"ide": "zed", "loc_added_sum": 1}]}
        for number in (0, 1):
            stored.use(acme, day(number), {stored.person(1): {"rest": json.dumps(rest).encode()}})
        assert figures.language_by_ide(Scope(acme), PERIOD) == {("go", "zed"): 2}
        assert figures.language_by_ide(Scope(acme), PERIOD, [day(1)]) == {("go", "zed"): 1}
        acme.scope_days.filter(day=day(0)).update(blob=b"")
        assert figures.language_by_ide(Scope(acme), PERIOD) == {("go", "zed"): 1}
        assert list(figures.breakdown(Scope(acme), PERIOD, "ide").days) == [day(1)]

    def test_an_array_of_another_shape_is_a_gap_and_leaves_the_others(self) -> None:
        scope = record(
            0,
            totals_by_ide=[{"ide": "zed", "loc_added_sum": "many"}],
            totals_by_feature=[{"feature": "agent_edit", "loc_added_sum": 4}],
        )
        assert figures.breakdown(scope, PERIOD, "ide").days == {}
        assert list(figures.breakdown(scope, PERIOD, "feature").totals("feature")) == [("agent_edit",)]
        several = figures.breakdowns_of(scope, PERIOD, ["ide", "feature", "model_feature"])
        assert [list(found.days) for found in several.values()] == [[], [day(0)], [day(0)]]
        assert several["feature"].totals("feature") == {("agent_edit",): Sums(loc_added_sum=4)}

    def test_a_part_of_a_record_of_another_shape_is_unknown_alone(self) -> None:
        scope = record(
            0,
            source=3,
            pull_requests={"total_created": 3, "median_minutes_to_merge": 7, "by_whom": ["who?"]},
            totals_by_cli={"session_count": "several"},
            totals_by_skill=[{"skill": "Deploy", "user_initiated_interaction_count": 2}],
            distinct_skill_use_count=1,
        )
        told = figures.day_records(scope, PERIOD)[day(0)]
        assert told.pull_requests is not None
        assert (told.pull_requests.total_created, told.pull_requests.total_merged) == (3, None)
        assert told.pull_requests.median_minutes_to_merge == 7
        assert told.totals_by_cli is None
        assert told.totals_by_skill is not None
        assert [(skill.name, skill.count) for skill in told.totals_by_skill] == [("deploy", 2)]
        assert (told.source, told.distinct_skill_use_count, told.daily_active_users) == ("report", 1, 1)

    def test_what_a_record_does_not_say_is_unknown(self) -> None:
        told = figures.day_records(record(0), PERIOD)[day(0)]
        assert told == EntityDay(source="report", daily_active_users=1)


NAMES = ("language", "feature")
keys = st.tuples(st.sampled_from(["go", "c", "ada"]), st.sampled_from(["edit", "chat"]))
counts = st.none() | st.integers(0, 9)
sums = st.builds(Sums, *[counts] * len(COUNTERS))
days = st.dictionaries(st.integers(0, 9).map(day), st.dictionaries(keys, sums, max_size=4), max_size=5)


def added(several: list[Sums]) -> Sums:
    known = [[each[place] for each in several if each[place] is not None] for place in range(len(COUNTERS))]
    return Sums(*(sum(filter(None, column)) if column else None for column in known))


@given(days)
def test_a_breakdown_adds_up_over_days_and_names(told: dict[date, dict[tuple[str, str], Sums]]) -> None:
    breakdown = Breakdown(NAMES, told)
    for language in ("go", "c", "ada"):
        expected = [one for entries in told.values() for key, one in entries.items() if key[0] == language]
        assert breakdown.totals("language").get((language,)) == (added(expected) if expected else None)
    everything = [one for entries in told.values() for one in entries.values()]
    assert breakdown.totals() == ({(): added(everything)} if everything else {})
    assert breakdown.totals("language", days=[]) == {}
    some = [day(0), day(3), day(3), day(99)]
    expected = [one for at in (day(0), day(3)) for one in told.get(at, {}).values()]
    assert breakdown.totals(days=some) == ({(): added(expected)} if expected else {})
    edits = breakdown.only(feature="EDIT")
    assert edits.totals("feature").keys() <= {("edit",)}
    assert edits.totals("language") == breakdown.only(feature=["edit", "none"]).totals("language")
    assert list(edits.days) == list(told)


@given(st.lists(sums))
def test_sums_keep_unknown(several: list[Sums]) -> None:
    if several:
        assert Sums.of(several) == added(several)
    else:
        assert Sums.of(several) == Sums()
