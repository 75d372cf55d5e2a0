"""What was worked out from some days is out of date once a file brought others, however rows are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metrics.models import LegacyDay, RepositoryDay, ScopeDay, UserDay
from portal.kept import kept
from portal.stamps import make_stamps, stamps
from tests.metrics.formats.made import legacy_metrics_day, repository_day, scope_day, user_day
from tests.metrics.report_files import take, write_lines

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]

TABLES: dict[Any, dict[str, Any]] = {
    UserDay: user_day(),
    ScopeDay: scope_day(),
    RepositoryDay: repository_day(),
    LegacyDay: legacy_metrics_day(),
}


@pytest.fixture(autouse=True)
def _stamped() -> None:
    make_stamps(sender=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_new_rows_of_a_file_raise_the_stamp_of_their_table(model: Any, tmp_path: Path) -> None:
    def told() -> int:
        return kept(f"rows of {model.__name__}", lambda: int(model.objects.count()))

    assert told() == 0
    before = stamps()[model._meta.db_table]

    options = {"organization": "octo"} if model is LegacyDay else {}
    take(write_lines(tmp_path / "lines.ndjson", [TABLES[model]]), **options)

    assert stamps()[model._meta.db_table] > before
    assert told() == model.objects.count() == 1
