"""Several lists and reports of one moment, of organizations and their enterprise: none comes first."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.metrics.undo.random_files import TIED, File, know_accounts, make_files, take_all, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

# What seats are, were and show of people; who told it, where that is a matter of what was said.
ASKED = (
    "Seat", "Seat files", "SeatObservation", "SeatGrant", "ActivityLine", "Evidence", "verdicts",
    "GitHubUser names",
)  # fmt: skip


def after(files: Sequence[File]) -> dict[str, Any]:
    with transaction.atomic():
        know_accounts()
        take_all(files)
        says = told()
        transaction.set_rollback(True)
    return {name: says[name] for name in ASKED}


@pytest.mark.parametrize("seed", range(4))
def test_they_come_to_the_same_in_any_order(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    files = make_files(dice, tmp_path, 2 + seed % 5, TIED)
    other = dice.sample(files, len(files))

    assert after(other) == after(files), f"seed {seed}: {[files.index(file) for file in other]}"
