"""Undoing any file, after others came before and behind it, leaves what the others alone would have left."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from metrics.figures.stored_teams import days_with, stored_teams
from metrics.figures.team_comparison import teams_of
from metrics.models import TeamPeriod
from metrics.periods import Period
from metrics.undo import undo
from tests.metrics.undo.random_files import (
    KINDS,
    NAMED,
    TIED,
    File,
    know_accounts,
    make_files,
    take_all,
    told,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def check(seed: int, folder: Path, count: int, kinds: Sequence[str] = KINDS) -> None:
    dice = random.Random(seed)
    folder.mkdir()
    files = make_files(dice, folder, count, kinds)
    gone = dice.randrange(count)
    alone = without_it(files, gone)
    with transaction.atomic():
        know_accounts()
        undo(take_all(files)[gone])
        left = told()
        assert_stored_teams_are_true()
        transaction.set_rollback(True)
    differing = {
        name: (
            [row for row in left[name] if row not in alone[name]],
            [row for row in alone[name] if row not in left[name]],
        )
        for name in alone
        if left[name] != alone[name]
    }
    assert not differing, f"seed {seed}, undone {files[gone]}: {differing}"


def assert_stored_teams_are_true() -> None:
    """Whatever is stored of teams is what their days say now."""
    for row in TeamPeriod.objects.select_related("account"):
        days = days_with(Period(row.first, row.last), weekends=row.weekends)
        assert stored_teams(row.account, days) == teams_of(row.account, [days])[0], row


def without_it(files: list[File], gone: int) -> dict[str, Any]:
    with transaction.atomic():
        know_accounts()
        take_all([file for number, file in enumerate(files) if number != gone])
        alone = told()
        transaction.set_rollback(True)
    return alone


@pytest.mark.parametrize("seed", range(2))
def test_what_is_left_is_what_the_others_alone_would_have_left(tmp_path: Path, seed: int) -> None:
    check(seed, tmp_path / str(seed), 7)


@pytest.mark.parametrize("seed", range(6))
def test_an_account_is_known_by_what_the_others_alone_would_have_told(tmp_path: Path, seed: int) -> None:
    check(seed, tmp_path / str(seed), 2 + seed % 4, NAMED)


@pytest.mark.parametrize("seed", range(3))
def test_what_others_said_at_the_same_moment_is_what_it_would_be_without(tmp_path: Path, seed: int) -> None:
    check(seed, tmp_path / str(seed), 3 + seed % 4, TIED)


@pytest.mark.long
def test_so_it_is_for_many_sequences(tmp_path: Path) -> None:
    """UNDO_SEEDS=from:to tries others than the first 150."""
    first, last = map(int, os.environ.get("UNDO_SEEDS", "0:150").split(":"))
    failed = []
    for seed in range(first, last):
        for name, count, kinds in (
            ("any", 3 + seed % 8, KINDS),
            ("named", 2 + seed % 6, NAMED),
            ("tied", 3 + seed % 6, TIED),
            ("all", 3 + seed % 8, (*KINDS, *NAMED, *TIED)),
        ):
            try:
                check(seed, tmp_path / f"{seed}-{name}", count, kinds)
            except AssertionError as error:
                failed.append(f"{name}: {str(error)[:2000]}")
    assert not failed, "\n".join(failed)
