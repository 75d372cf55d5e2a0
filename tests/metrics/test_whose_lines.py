"""A file for which an account is named: whether its lines are of that account, whatever their order."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import pytest

from metrics.ingest import ids_told, usage
from metrics.ingest.rejects import retry
from metrics.models import ReportDay, ScopeDay, TeamRoster, UserDay
from portal import kept_files
from portal.models import RejectedLine, ReportFile
from seats.models import Account, GitHubUser
from tests.metrics.report_files import take, team_row, user_day, write_lines

pytestmark = pytest.mark.django_db

DAY = "2026-09-10"
OF_TWO = (
    "It is of two organizations, with the ids 100 and 200, and which of them is octo is not known. Leave out "
    "the organization (--organization): each line then goes to the one it names."
)
OF_200 = (
    "The organization octo has the id 100, not 200: this is of another organization. Leave out the "
    "organization (--organization): each line then goes to the one it names."
)


def users(organizations: tuple[int, ...]) -> list[dict[str, Any]]:
    return [user_day(number, DAY, organization=one) for number, one in enumerate(organizations, 1)]


def teams(organizations: tuple[int, ...]) -> list[dict[str, Any]]:
    return [team_row(number, number, DAY, organization=one) for number, one in enumerate(organizations, 1)]


def nothing_is_there() -> bool:
    tables = (Account, ReportFile, RejectedLine, UserDay, TeamRoster, ReportDay, ScopeDay, GitHubUser)
    return not any(model._default_manager.exists() for model in tables)


@pytest.mark.parametrize("lines_of", [users, teams])
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("order", sorted(set(itertools.permutations((100, 100, 200)))))
@pytest.mark.parametrize("batch", [1, 2, 2_500])
def test_of_two_organizations_neither_of_which_is_known_none_becomes_the_named_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines_of: Any, dry_run: bool, order: Any, batch: int
) -> None:
    monkeypatch.setattr(usage, "BATCH", batch)
    path = write_lines(tmp_path / "two", lines_of(order))
    assert take(path, organization="octo", dry_run=dry_run).error == OF_TWO
    assert nothing_is_there()
    outcome = take(path, dry_run=dry_run)
    assert (outcome.error, outcome.counts.rows_new) == ("", 3)


def test_of_two_enterprises_neither_of_which_is_known_none_becomes_the_named_one(tmp_path: Path) -> None:
    lines = [{**user_day(one, DAY, organization=None), "enterprise_id": str(one)} for one in (8, 7)]
    outcome = take(write_lines(tmp_path / "two", lines), enterprise="octo")
    assert outcome.error == (
        "It is of two enterprises, with the ids 7 and 8, and which of them is octo is not known. Leave out "
        "the enterprise (--enterprise): each line then goes to the one it names."
    )
    assert nothing_is_there()


def test_what_was_known_by_name_stays_as_it_was(tmp_path: Path) -> None:
    octo = Account.objects.create(kind="organization", login="octo")
    path = write_lines(tmp_path / "two", users((200, 100)))
    assert take(path, organization="octo").error == OF_TWO
    octo.refresh_from_db()
    assert octo.github_id is None
    right = write_lines(tmp_path / "right", users((100,)))
    assert take(right, organization="octo").counts.rows_new == 1
    octo.refresh_from_db()
    assert octo.github_id == 100


@pytest.mark.parametrize("others", ["", "hexa", None])
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("order", [(100, 200), (200, 100)])
def test_lines_of_another_than_a_known_one_are_rejected_and_say_what_to_do(
    tmp_path: Path, order: tuple[int, ...], dry_run: bool, others: str | None
) -> None:
    Account.objects.create(kind="organization", login="octo", github_id=100)
    if others is not None:
        Account.objects.create(kind="organization", login=others, github_id=200)
    path = write_lines(tmp_path / "two", users(order))
    outcome = take(path, organization="octo", dry_run=dry_run)
    assert (outcome.error, outcome.counts.rows_new) == ("", 1)
    assert outcome.rejected == [(order.index(200) + 1, OF_200)]
    if not dry_run:
        (told_again,) = retry(list(RejectedLine.objects.all()))
        assert told_again.rejected == outcome.rejected


def test_a_name_that_another_id_bears_says_what_to_do(tmp_path: Path) -> None:
    Account.objects.create(kind="organization", login="octo")
    Account.objects.create(kind="organization", login="hexa", github_id=200)
    outcome = take(write_lines(tmp_path / "a", users((200,))), organization="octo")
    assert outcome.error == (
        "The organization with the id 200 is hexa, not octo: this is of another organization. Leave out the "
        "organization (--organization): each line then goes to the one it names."
    )


@pytest.mark.parametrize("block", [1, 7, 300, 5_000])
@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"organization_id":1}\n{"organization_id": "1" }\n', True),
        ('{"organization_id":1}\n{"organization_id":12}\n', False),
        ('{"organization_id":          1}' * 3, True),
        (f'{"x" * 999}"organization_id":"1"{"y" * 999}"organization_id":"1"{"z" * 999}', True),
        (f'{"x" * 999}"organization_id":"1"{"y" * 999}"organization_id":"2"{"z" * 999}', False),
        ('{"enterprise_id":1}', False),
    ],
)
def test_text_tells_one_id_wherever_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, text: str, is_one: bool
) -> None:
    monkeypatch.setattr(ids_told, "BLOCK", block)
    file = ReportFile(kept_path=str(tmp_path / "kept"))
    (tmp_path / "kept").write_text(text)
    monkeypatch.setattr(ReportFile, "kept_file", tmp_path / "kept")
    monkeypatch.setattr(kept_files, "opener", lambda path: lambda: io.BytesIO(Path(path).read_bytes()))
    assert ids_told.tells_one(file, "organization_id") is is_one
