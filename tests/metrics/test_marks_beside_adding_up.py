"""A file ends while a worker adds up one of its days: what the file took away is added up as well."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from metrics.ingest import rebuild
from metrics.ingest.team_rosters import TeamRosters
from metrics.models import TeamDay, TeamRoster
from seats.models import Account
from tests.metrics.report_files import take, team_row, user_day, write_lines

DAY = "2026-09-10"


def line(user_id: int, organization_id: int) -> dict[str, Any]:
    told = user_day(user_id, DAY, organization=organization_id)
    return {name: value for name, value in told.items() if name != "enterprise_id"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="where one writes at a time, nobody meets anybody")
def test_a_roster_that_ends_while_its_day_is_added_up_is_added_up_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever writes waits for the first account of all; the file is of another one.
    take(write_lines(tmp_path / "first", [line(9, 1)]))
    take(write_lines(tmp_path / "days", [line(user_id, 2) for user_id in (1, 2, 3)]))
    take(write_lines(tmp_path / "before", [team_row(user_id, 7, DAY, 2) for user_id in (1, 2)]))
    rebuild.rebuild_dirty_days()
    acme = Account.objects.get(github_id=2)

    has_read, may_go_on = threading.Event(), threading.Event()
    read_people, take_turns = rebuild.read_people, TeamRosters.take_turns

    def read_slowly(*args: Any) -> Any:
        found = read_people(*args)
        has_read.set()
        assert may_go_on.wait(30)
        return found

    def add_up() -> None:
        try:
            rebuild.rebuild_dirty_days(account=acme)
        finally:
            connections.close_all()

    worker = threading.Thread(target=add_up)

    def meet(self: TeamRosters) -> None:
        monkeypatch.setattr(rebuild, "read_people", read_slowly)
        worker.start()
        assert has_read.wait(30)
        threading.Timer(1, may_go_on.set).start()
        take_turns(self)

    monkeypatch.setattr(TeamRosters, "take_turns", meet)
    after = [team_row(user_id, 7, DAY, 2) for user_id in (1, 3)]
    told = take(write_lines(tmp_path / "after", after), complete=True, observed_at=timezone.now())
    worker.join()

    assert told.removed == [f"1 of team-7 on {DAY}"]
    assert TeamRoster.objects.get().member_count == 2
    rebuild.rebuild_dirty_days()
    assert TeamDay.objects.get(team=TeamRoster.objects.get().team).member_count == 2
