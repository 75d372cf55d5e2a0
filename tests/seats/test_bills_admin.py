"""The lines of bills on their page, narrowed, and taken away in full."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from portal.models import AuditEntry
from seats.models import BillingLine
from tests.counting import queries_of
from tests.metrics.formats.bills import REPORTS, bill, line

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/seats/billingline/"


@pytest.fixture(autouse=True)
def _bills(tmp_path: Path) -> None:
    lines = [
        line(quantity="0.30000000000000004", cost_center_name="R&D", input="1200"),
        line(
            username="=cmd()",
            date="2026-11-02",
            gross_amount="1234.5",
            net_amount="1234.5",
            discount_amount="",
        ),
    ]
    columns = REPORTS["billing-ai-usage"] + ",input"
    for name, content in (
        ("ai", bill(*lines, columns=columns)),
        ("seats", bill(line(sku="copilot_for_business"), columns=REPORTS["billing-summarized"])),
    ):
        (tmp_path / name).write_bytes(content)
        take_in(tmp_path / name, options=Options(organization="octo"))


def test_the_list_tells_what_was_billed_and_can_be_narrowed(olga_client: Client) -> None:
    page = olga_client.get(LIST).content.decode()
    for words in ("Lines of bills", "0.3 ai-credits", "1,234.50 USD", "copilot_for_business", "R&amp;D"):
        assert words in page
    some = olga_client.get(
        f"{LIST}?report__exact=billing-summarized&sku__icontains=business"
    ).content.decode()
    assert "copilot_for_business" in some
    assert "0.3 ai-credits" not in some


def test_a_line_tells_all_that_stands_on_it(olga_client: Client) -> None:
    row = BillingLine.objects.get(cost_center_name="R&D")
    page = olga_client.get(f"{LIST}{row.pk}/change/").content.decode()
    for words in ("Auto: GPT-5.4", "0.01 USD", "input: 1200", "Where it comes from"):
        assert words in page


def test_nothing_on_it_can_be_edited(olga_client: Client) -> None:
    assert olga_client.get(f"{LIST}add/").status_code == 403


def test_the_list_goes_out_as_it_is_narrowed(olga_client: Client) -> None:
    answer = olga_client.get(f"{LIST}file/csv/?report__exact=billing-ai-usage")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert [(row["day"], row["username"], row["quantity"]) for row in rows] == [
        ("2026-11-02", "'=cmd()", "12"),
        ("2026-11-01", "mona", "0.3"),
    ]
    assert AuditEntry.objects.filter(action="list exported", subject="list:seats.billingline").exists()
    assert olga_client.get(f"{LIST}file/pdf/").status_code == 404


def test_the_report_has_the_lines_of_one_bill_and_period() -> None:
    def lines(**options: str) -> list[dict[str, str]]:
        out = io.StringIO()
        call_command("export_report", "billing-lines", stdout=out, **options)
        return list(csv.DictReader(io.StringIO(out.getvalue().removeprefix("\ufeff"))))

    assert [row["bill"] for row in lines()] == ["billing-ai-usage", "billing-summarized", "billing-ai-usage"]
    assert [row["sku"] for row in lines(bill="billing-summarized")] == ["copilot_for_business"]
    assert [row["net_amount"] for row in lines(**{"from": "2026-11-02"}, organization="octo")] == ["1234.5"]


def test_more_lines_take_no_more_queries(olga_client: Client) -> None:
    few = queries_of(olga_client, LIST)
    row = BillingLine.objects.get(day=date(2026, 11, 2))
    for number in range(20):
        row.pk, row.repeat = None, number + 1
        row.save(force_insert=True)
    assert queries_of(olga_client, LIST) == few
