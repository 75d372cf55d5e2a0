"""Lines of the repository report."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from metrics.formats.errors import BadRecord
from metrics.formats.repositories import parse_repository_day
from tests.metrics.formats.made import dumped, repository_day, without

pytestmark = pytest.mark.usefixtures("clock")


def test_a_line_becomes_a_repositorys_day() -> None:
    record = parse_repository_day(dumped(repository_day()), {})
    assert (record.day, record.repo_id) == (date(2026, 11, 1), 501)
    assert (record.repo_owner_name, record.repo_name, record.repo_visibility) == (
        "octo",
        "hello-world",
        "internal",
    )
    assert (record.organization_id, record.enterprise_id) == (9001, 42)
    assert (record.total_created, record.total_merged, record.total_created_by_copilot) == (5, 3, 0)
    assert record.total_reviewed is None
    assert record.observed_at == datetime(2026, 11, 1, tzinfo=UTC)


def test_medians_and_review_times_and_unknown_keys_stay_as_they_are() -> None:
    line = repository_day(pull_request_moods=[{"mood": "fair"}])
    rest = json.loads(parse_repository_day(dumped(line), {}).rest)
    assert rest == {
        name: line[name] for name in ("pull_requests", "pull_request_review_times", "pull_request_moods")
    }


def test_only_the_day_the_repository_and_its_account_must_be_there() -> None:
    line = {"day": "2026-11-01", "enterprise_id": "42", "repo_id": "501", "pull_requests": None}
    record = parse_repository_day(dumped(line), {})
    assert (record.repo_id, record.repo_name, record.total_created) == (501, "", None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (repository_day(repo_id=0), "`repo_id` is 0, not an id: ids are whole numbers from 1"),
        (without(repository_day(), "repo_id"), "`repo_id` is missing"),
        (
            without(repository_day(), "organization_id", "enterprise_id"),
            "neither `organization_id` nor `enterprise_id` says whose report this is",
        ),
        (
            repository_day(pull_requests={"total_created": -1}),
            "`total_created` in `pull_requests` must not be less than 0",
        ),
        (repository_day(repo_name="a\nb"), "`repo_name` holds a control character"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        parse_repository_day(dumped(line), {})
    assert str(refusal.value) == expected
