"""However a file wraps, packs, spaces or splits them, the same records are read as the same facts."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formats.kinds import Kind, identify
from metrics.formats.records import Record, records
from metrics.formats.sources import sources
from metrics.formats.users import UserDayRecord, parse_user_day
from tests.metrics.formats.made import user_day, without

pytestmark = pytest.mark.usefixtures("clock")

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
COUNT = st.integers(0, 2**53)
EXTRA = st.dictionaries(
    TEXT.filter(lambda key: key not in user_day() and not key.startswith(("report_", "created_"))),
    st.none()
    | st.booleans()
    | COUNT
    | TEXT
    | st.lists(TEXT | st.dictionaries(TEXT, TEXT, max_size=2), max_size=3),
    max_size=3,
)
DAYS = st.builds(
    lambda user, count, credits_used, extra: user_day(
        user_id=user, loc_added_sum=count, ai_credits_used=credits_used, **extra
    ),
    st.integers(1, 2**63 - 1),
    COUNT,
    st.none() | st.floats(0, 1e6),
    EXTRA,
)
HEADER = {"report_start_day": "2026-10-24", "report_end_day": "2026-11-20", "enterprise_id": "42"}


def shuffled(record: dict[str, Any], order: int) -> dict[str, Any]:
    items = list(record.items())
    order %= len(items)
    return dict(items[order:] + items[:order])


def formed(days: list[dict[str, Any]], form: str, indent: int | None, ending: str) -> str:
    """The text of a file that holds the days."""

    def text(value: Any) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=False).replace("\n", ending)

    flat = [{**HEADER, **day} for day in days]
    bare = [without(day, "enterprise_id") for day in days]
    half = len(days) // 2
    if form == "lines":
        return ending.join(json.dumps(day, ensure_ascii=False) + ending * (indent or 0) for day in flat)
    if form == "list":
        return text(flat)
    if form == "lists":
        return text(flat[:half]) + ending + text(flat[half:])
    if form == "list of lists":
        return text([flat[:half], flat[half:]])
    if form == "joined":
        return "".join(map(text, flat))
    if form == "wrapped":
        return text({**HEADER, "day_totals": bare})
    if form == "wrapped, keys behind":
        return text({"user_totals": bare, **HEADER})
    pages = [{**HEADER, "day_totals": part} for part in (bare[:half], bare[half:])]
    return text(pages) if form == "list of pages" else "".join(map(text, pages))


FORMS = (
    "lines",
    "list",
    "lists",
    "list of lists",
    "joined",
    "wrapped",
    "wrapped, keys behind",
    "list of pages",
    "joined pages",
)


def packed(content: bytes, packing: str) -> bytes:
    if packing == "plain":
        return content
    if packing == "gzip":
        return gzip.compress(content, 1)
    if packing == "two gzip members":
        return gzip.compress(content[:100], 1) + gzip.compress(content[100:], 1)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("report", content if packing == "zip" else gzip.compress(content, 1))
    return archive.getvalue()


def facts(record: UserDayRecord) -> tuple[Any, ...]:
    return (record.day, record.user_id, record.user_login, record.enterprise_id, record.observed_at,
            record.loc_added_sum, record.ai_credits_used, record.rest, record.content_hash)  # fmt: skip


@given(
    st.lists(DAYS, min_size=1, max_size=4),
    st.sampled_from(FORMS),
    st.sampled_from([None, 0, 2]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["plain", "gzip", "two gzip members", "zip", "gzip in zip"]),
    st.integers(0, 30),
)
def test_the_form_of_a_file_changes_nothing(
    days: list[dict[str, Any]],
    form: str,
    indent: int | None,
    ending: str,
    marked: bool,
    packing: str,
    order: int,
) -> None:
    expected = [
        facts(parse_user_day(json.dumps({**HEADER, **day}, ensure_ascii=False).encode(), {})) for day in days
    ]
    text = formed([shuffled(day, order) for day in days], form, indent, ending)
    content = packed(text.encode("utf-8-sig" if marked else "utf-8"), packing)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"  # the name says nothing
        path.write_bytes(content)
        (source,) = sources(path)
        assert identify(source) == Kind.USERS_28_DAY
        found = list(records(source.open))
    assert all(isinstance(item, Record) for item in found)
    assert [
        facts(parse_user_day(item.raw, item.header)) for item in found if isinstance(item, Record)
    ] == expected
