"""What a preview says would change is what taking the same files in then changes."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Count, Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.models import ReportDay, UserDay
from metrics.models.counters import COUNTERS
from portal.models import ReportFile
from seats.models import Account, BillingLine, GitHubUser, Seat
from tests.metrics.formats import bills
from tests.metrics.uploading import seats_file, send, text_of, user_line

pytestmark = pytest.mark.django_db

DAYS = [f"2026-11-{number:02}" for number in range(9, 15)]
Figures = dict[tuple[str, str], list[int]]


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def a_file(rng: random.Random, name: str, organizations: tuple[int, ...] = (777,)) -> SimpleUploadedFile:
    """Lines of few people and days: the same ones told again, otherwise and broken, in no order."""
    lines = []
    for _ in range(rng.randrange(40, 90)):
        line = user_line(
            rng.randrange(1, 15),
            day=rng.choice(DAYS),
            organization_id=str(rng.choice(organizations)),
            code_generation_activity_count=rng.randrange(5),
            loc_added_sum=rng.randrange(3),
        )
        lines.append(line[: rng.randrange(30, 90)] if rng.random() < 0.05 else line)
        if rng.random() < 0.1:
            lines.append(line)
    return SimpleUploadedFile(name, "\n".join(lines).encode() + b"\n")


def stored() -> Figures:
    """Active people and the seven counters, by account and day, as the rows say."""
    rows = (
        UserDay.objects.order_by()
        .values("account", "day")
        .annotate(active=Count("pk"), **{f"sum_{name}": Sum(name) for name in COUNTERS})
    )
    labels = {account.pk: account.label for account in Account.objects.all()}
    return {
        (labels[row["account"]], str(row["day"])): [
            row["active"], *(int(row[f"sum_{name}"] or 0) for name in COUNTERS)
        ]
        for row in rows
    }  # fmt: skip


def preview_of(page: str) -> dict[str, Any]:
    token = page.strip("/").rpartition("/")[2]
    told: dict[str, Any] = json.loads((settings.DATA_DIR / "incoming" / token / "preview.json").read_text())
    return told


def told(figures: dict[str, Any], side: int) -> Figures:
    return {
        (row["account"].removesuffix(" (new)"), row["day"]): [
            row["active_users"][side], *(row[name][side] for name in COUNTERS)
        ]
        for row in figures["days"]
    }  # fmt: skip


# The third is told to be complete. More of the same take their time.
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 24))])
def test_figures_after_are_those_the_import_leaves(
    olga_client: Client, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    # Small batches, so that what is told twice meets what an earlier batch would have written.
    monkeypatch.setattr("metrics.ingest.usage.BATCH", 16)
    organizations = (777, 778)
    for round_ in range(3):
        complete = {"complete": "on"} if seed % 3 == 2 and round_ == 2 else {}
        files = [a_file(rng, f"{round_}-{number}.ndjson", organizations) for number in range(2)]
        before = stored()
        page = send(olga_client, *files, **complete)
        preview = preview_of(page)
        assert stored() == before, "a preview writes nothing"

        olga_client.post(f"{page}confirm/")

        after = stored()
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        nothing = [0] * (1 + len(COUNTERS))
        assert told(preview["figures"], 0) == {key: before.get(key, nothing) for key in changed}
        assert told(preview["figures"], 1) == {key: after.get(key, nothing) for key in changed}
        token = page.strip("/").rpartition("/")[2]
        result = json.loads((settings.DATA_DIR / "incoming" / token / "result.json").read_text())
        for would, did in zip(preview["files"], result["files"], strict=True):
            assert would["counts"] == did["counts"]
            assert would["reasons"] == did["reasons"]


def test_a_preview_makes_no_account_and_no_person_and_locks_nothing(
    olga_client: Client, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection

    with CaptureQueriesContext(connection) as queries:
        page = send(olga_client, SimpleUploadedFile("a.ndjson", user_line(1).encode()))

    written = [
        query["sql"]
        for query in queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
        and any(
            table in query["sql"].split("(")[0]
            for table in ("metrics_", "portal_reportfile", "seats_githubuser")
        )
    ]
    assert written == []
    assert (Account.objects.count(), GitHubUser.objects.count(), ReportFile.objects.count()) == (0, 0, 0)
    assert preview_of(page)["figures"]["covered"][0]["days"] == ["2026-11-18"]


def test_days_newly_covered_are_told_and_then_are(olga_client: Client) -> None:
    lines = [user_line(1, day=day, report_start_day=DAYS[0], report_end_day=DAYS[-1]) for day in DAYS[:2]]
    page = send(olga_client, SimpleUploadedFile("a.ndjson", "\n".join(lines).encode()))

    (covered,) = preview_of(page)["figures"]["covered"]
    olga_client.post(f"{page}confirm/")

    now = ReportDay.objects.filter(report="users").values_list("day", flat=True)
    assert covered["days"] == sorted(map(str, now))


def test_seats_before_and_after_are_those_the_list_leaves(olga_client: Client) -> None:
    said = {"organization": "octo", "complete": "on"}
    page = send(olga_client, seats_file(1, 2, 3), **said, taken_at="2026-11-10T08:00")
    nobody = dict.fromkeys(
        ("ended", "changed", "idle_before", "idle_after", "newly_idle", "no_longer_idle"), 0
    )
    assert preview_of(page)["figures"]["seats"] == [
        {"account": "octo (new)", "before": 0, "after": 3, "added": 3, **nobody}
    ]
    olga_client.post(f"{page}confirm/")

    page = send(olga_client, seats_file(2, 3, 4), **said, taken_at="2026-11-11T08:00")

    (seats,) = preview_of(page)["figures"]["seats"]
    assert (seats["before"], seats["after"], seats["added"], seats["ended"]) == (3, 3, 1, 1)
    assert Seat.objects.held().filter(user__login="dev-1").exists(), "only a preview"
    olga_client.post(f"{page}confirm/")
    assert set(Seat.objects.held().values_list("user__login", flat=True)) == {"dev-2", "dev-3", "dev-4"}


def test_rejects_are_grouped_by_reason_without_what_differs(olga_client: Client) -> None:
    lines = [user_line(number, day=f"2026-13-{number:02}") for number in range(1, 9)]
    page = send(olga_client, SimpleUploadedFile("a.ndjson", "\n".join(lines).encode()))

    (reason,) = preview_of(page)["files"][0]["reasons"]

    assert reason[1] == 8
    assert "8" in text_of(olga_client.get(page))


def idle() -> set[str]:
    return set(Seat.objects.inactive().values_list("user__login", flat=True))


def idle_told(page: str) -> list[tuple[int, int, int, int]]:
    rows = preview_of(page)["figures"]["seats"]
    return [(row["idle_before"], row["idle_after"], row["newly_idle"], row["no_longer_idle"]) for row in rows]


@pytest.mark.usefixtures("clock")
def test_who_would_be_idle_and_who_no_longer_is_told_of_every_kind_of_file(olga_client: Client) -> None:
    octo = {"organization": "octo"}
    old = json.loads(seats_file(1, 2, 3).read())
    for seat in old["seats"][:2]:
        seat["last_activity_at"] = "2026-09-20T10:00:00Z"
    page = send(olga_client, SimpleUploadedFile("a.json", json.dumps(old).encode()), **octo)
    assert idle_told(page) == [(0, 2, 2, 0)]
    assert not idle(), "only a preview"
    olga_client.post(f"{page}confirm/")
    assert idle() == {"dev-1", "dev-2"}

    # Somebody who is idle, somebody who is not, and somebody without a seat.
    lines = [user_line(number, day="2026-11-18") for number in (1, 3, 9)]
    page = send(olga_client, SimpleUploadedFile("b.ndjson", "\n".join(lines).encode()))
    assert idle_told(page) == [(2, 1, 0, 1)]
    assert "No longer idle" in text_of(olga_client.get(page))
    assert idle() == {"dev-1", "dev-2"}, "only a preview"
    olga_client.post(f"{page}confirm/")
    assert idle() == {"dev-2"}

    report = "report_time,login,last_activity_at\n2026-11-19T00:00:00Z,dev-2,2026-11-19\n"
    page = send(olga_client, SimpleUploadedFile("c.csv", report.encode()), **octo)
    assert idle_told(page) == [(1, 0, 0, 1)]
    olga_client.post(f"{page}confirm/")
    assert not idle()


def billed() -> tuple[int, Decimal, Decimal]:
    sums = BillingLine.objects.aggregate(lines=Count("pk"), gross=Sum("gross_amount"), net=Sum("net_amount"))
    return sums["lines"], sums["gross"] or Decimal(0), sums["net"] or Decimal(0)


def test_sums_of_a_bill_after_are_those_the_import_leaves(olga_client: Client) -> None:
    """New lines, changed ones, and those that a complete bill has no more."""
    amounts = {"gross_amount": "0.30000000000000004", "discount_amount": "0", "net_amount": "0.3"}
    first = bills.bill(bills.line(**amounts), bills.line(username="hubot", **amounts))
    restated = {**amounts, "gross_amount": "0.7", "net_amount": "0.7"}
    second = bills.bill(bills.line(**restated), bills.line(username="lisa", **amounts))
    said = {"organization": "octo", "complete": "on"}
    for number, content in enumerate((first, second)):
        before = billed()
        taken_at = f"2026-11-1{number}T08:00"
        page = send(olga_client, SimpleUploadedFile("bill.csv", content), **said, taken_at=taken_at)
        (told,) = preview_of(page)["figures"]["bills"]
        assert billed() == before, "only a preview"
        assert "Bill of" in text_of(olga_client.get(page))

        olga_client.post(f"{page}confirm/")

        for side, sums in enumerate((before, billed())):
            found = (told["lines"][side], *(Decimal(told[name][side]) for name in ("gross", "net")))
            assert found == sums
        assert billed() != before


def test_two_organizations_under_one_name_are_told_apart_before_either_is_known(olga_client: Client) -> None:
    files = [
        SimpleUploadedFile(f"{number}.ndjson", user_line(1, organization_id=str(number)).encode())
        for number in (777, 778)
    ]
    page = send(olga_client, *files, organization="octo")
    first, second = preview_of(page)["files"]
    assert first["error"] == ""
    assert second["error"].startswith("The organization octo has the id 777, not 778")

    olga_client.post(f"{page}confirm/")

    token = page.strip("/").rpartition("/")[2]
    result = json.loads((settings.DATA_DIR / "incoming" / token / "result.json").read_text())
    assert [file["error"] for file in result["files"]] == [first["error"], second["error"]]


def test_a_file_at_odds_with_itself_teaches_the_files_behind_it_nothing(olga_client: Client) -> None:
    contents = [
        "".join(user_line(number, organization_id=str(number)) for number in organizations)
        for organizations in ((777, 778), (778,), (777, 778))
    ]
    files = [SimpleUploadedFile(f"{n}.ndjson", content.encode()) for n, content in enumerate(contents)]
    page = send(olga_client, *files, organization="octo")
    told = preview_of(page)["files"]
    assert told[0]["error"].startswith("It is of two organizations, with the ids 777 and 778")
    assert [file["error"] for file in told[1:]] == ["", ""]
    assert [file["counts"]["rows_new"] for file in told[1:]] == [1, 0]
    assert [file["counts"]["rows_rejected"] for file in told] == [0, 0, 1]

    olga_client.post(f"{page}confirm/")

    token = page.strip("/").rpartition("/")[2]
    result = json.loads((settings.DATA_DIR / "incoming" / token / "result.json").read_text())
    assert [file["error"] for file in result["files"]] == [file["error"] for file in told]
    assert [file["counts"] for file in result["files"]] == [file["counts"] for file in told]
