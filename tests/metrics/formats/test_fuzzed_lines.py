"""Damaged lines of every format: none crashes the reader, holds it up, or is lost without a word."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.metrics.formats.fuzzing import FORMATS, check, check_as_file, damaged

pytestmark = pytest.mark.usefixtures("clock")

TEXT = st.text(max_size=40).map(str.encode)

CHUNK = 5_000
# Many times what such a chunk takes: beyond it something is not linear in its length.
MOST_SECONDS = 60
LINES = 1_000_000
GUIDED_SECONDS = 60


@pytest.mark.parametrize("name", FORMATS)
def test_good_lines_are_rows(name: str) -> None:
    fmt = FORMATS[name]
    assert check(fmt, fmt.file(fmt.good)) == 0


@settings(deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.integers(0, 2**32))
def test_every_damaged_line_is_a_row_or_has_a_reason(name: str, seed: int) -> None:
    content = damaged(name, seed, 20)
    check(FORMATS[name], content)
    check_as_file(content)


@settings(deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.lists(st.binary(max_size=60) | TEXT))
@example("activity-report", [b'"\x85"', b"\xa0,\xa0"])
@example("billing-ai-usage", [b"\x1c", b',,"",,'])
def test_any_lines_at_all_are_rows_or_have_a_reason(name: str, some: list[bytes]) -> None:
    check(FORMATS[name], FORMATS[name].file([*FORMATS[name].good, *some]))


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_a_million_damaged_lines(name: str) -> None:
    """Seeded: the same million each time. Up to a minute of a processor for each format."""
    rejected = 0
    for seed in range(LINES // CHUNK):
        content = damaged(name, seed, CHUNK)
        began = time.process_time()
        rejected += check(FORMATS[name], content)
        if seed % 20 == 0:
            check_as_file(content)
        assert time.process_time() - began < MOST_SECONDS, f"chunk {seed} takes too long"
    assert LINES * 0.2 < rejected < LINES


@pytest.mark.long
@pytest.mark.skipif(find_spec("atheris") is None, reason="needs the extra `fuzz`")
@pytest.mark.parametrize("name", FORMATS)
def test_lines_that_are_damaged_where_it_leads_to_new_code(name: str) -> None:
    """A minute for each format, guided by what the lines before reached."""
    guided = [sys.executable, "-m", "tests.metrics.formats.guided_fuzzing", name, str(GUIDED_SECONDS)]
    done = subprocess.run(guided, capture_output=True, text=True, timeout=GUIDED_SECONDS + 240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr
