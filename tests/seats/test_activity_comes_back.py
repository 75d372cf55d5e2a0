"""Our own activity report is one that can be taken in: it says what was taken in before."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction

from metrics.ingest.options import FileOutcome
from tests.metrics.report_files import take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

# As GitHub writes it, which puts no quote before anything.
REPORT = """\
report_time,login,last_authenticated_at,last_activity_at,last_surface_used
2026-11-18T00:00:00Z,-dan,,2026-11-10T00:00:00Z,'quoted
2026-11-18T00:00:00Z,ann,2026-11-01T00:00:00Z,2026-11-10T10:00:00Z,"VS Code 1.89, beta"
2026-11-18T00:00:00Z,bob,,2026-11-10T00:00:00Z,@SUM(1)
2026-11-18T00:00:00Z,cat,,2026-11-10T00:00:00Z,-x
2026-11-18T00:00:00Z,eve,,,
"""


def taken(path: Path, text: str) -> FileOutcome:
    path.write_text(text)
    return take(path, organization="acme")


def exported() -> str:
    output = io.StringIO()
    call_command("export_report", "activity", stdout=output)
    return output.getvalue()


def test_it_comes_back_as_it_went_out(tmp_path: Path) -> None:
    with transaction.atomic():
        assert taken(tmp_path / "github.csv", REPORT).counts.rows_new == 5
        told = exported()
        assert "'@SUM(1)" in told
        again = taken(tmp_path / "ours.csv", told).counts
        assert (again.rows_unchanged, again.rows_read) == (5, 5)
        assert exported() == told
        transaction.set_rollback(True)
    assert taken(tmp_path / "elsewhere.csv", told).counts.rows_new == 5
    assert exported() == told
