"""How often keys are in sets."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from metrics.figures.often import Often


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 40)), max_size=20))
def test_groups_are_those_of_a_plain_count_with_the_most_sets_first(sets: list[set[int]]) -> None:
    counted = Counter(key for keys in sets for key in keys)
    expected = [
        (often, sorted(key for key, count in counted.items() if count == often))
        for often in sorted(set(counted.values()), reverse=True)
    ]
    groups = Often(BitMap(keys) for keys in sets).groups()
    assert [(often, list(keys)) for often, keys in groups] == expected
