"""`audit`: the log as rows."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from portal.models import AuditEntry
from portal.reports import audit, registry
from tests.reports import rows_of

pytestmark = pytest.mark.django_db


def test_entries_come_in_the_order_of_the_chain() -> None:
    first = AuditEntry.objects.record("price added", subject="price:1", detail={"to": "19", "from": ""})
    second = AuditEntry.objects.record("worker started")

    rows = rows_of("audit")

    assert [(row["sequence"], row["action"], row["actor"]) for row in rows[:2]] == [
        ("1", "price added", "portal"),
        ("2", "worker started", "portal"),
    ]
    assert json.loads(rows[0]["detail"]) == {"from": "", "to": "19"}
    assert rows[1]["previous_hash"] == first.entry_hash
    assert rows[1]["entry_hash"] == second.entry_hash


def test_days_are_utc_and_both_belong_to_the_period() -> None:
    for day, hour in ((1, 23), (2, 0), (3, 23), (4, 0)):
        with time_machine.travel(datetime(2026, 11, day, hour, 30, tzinfo=UTC), tick=False):
            AuditEntry.objects.record(f"entry of day {day}")
    rows = rows_of("audit", "--from", "2026-11-02", "--to", "2026-11-03")
    assert [row["action"] for row in rows] == ["entry of day 2", "entry of day 3"]


def test_pages_leave_no_entry_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "AT_ONCE", 2)
    for number in range(5):
        AuditEntry.objects.record(f"entry {number}")
    report = registry.get("audit")
    query = report.read({})
    assert len(list(report.rows(query))) == 5 == report.count(query)


def test_a_row_leads_to_its_entry(olga_client: Client) -> None:
    AuditEntry.objects.record("price added", subject="price:1")

    page = olga_client.get("/reports/audit/").content.decode()

    found = re.findall(r'href="(/portal/auditentry/\d+/change/)"', page)
    assert len(found) == AuditEntry.objects.count()
    assert "price added" in olga_client.get(found[0]).content.decode()
