"""The billing reports: told by their columns, read as exact decimals, each broken line with its reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from metrics.formats.billing import read_lines
from metrics.formats.billing_lines import BillingRecord, parse_billing_line
from metrics.formats.errors import BadRecord
from metrics.formats.kinds import Kind, identify
from metrics.formats.records import Broken, Record
from tests.metrics.formats.bills import LOG, REPORTS, bill, line
from tests.metrics.formats.made import source_of, stream_of

pytestmark = pytest.mark.usefixtures("clock")


def read(content: bytes) -> list[BillingRecord | str]:
    """What each line says, or why it says nothing."""
    said: list[BillingRecord | str] = []
    for item in read_lines(stream_of(content)):
        try:
            said.append(
                item.reason if isinstance(item, Broken) else parse_billing_line(item.raw, item.header)
            )
        except BadRecord as error:
            said.append(str(error))
    return said


def one(content: bytes) -> BillingRecord:
    [record] = read(content)
    assert isinstance(record, BillingRecord), record
    return record


@pytest.mark.parametrize(("kind", "columns"), REPORTS.items())
def test_each_report_is_told_by_its_columns_in_any_order(kind: str, columns: str) -> None:
    names = columns.split(",")
    for header in (names, names[::-1], [name.upper() for name in names], [*names, "something_new"]):
        assert identify(source_of((",".join(header) + "\n").encode())) == Kind(kind)


def test_amounts_are_exact_however_the_computer_that_wrote_them_counts() -> None:
    record = one(
        bill(line(quantity="0.30000000000000004", applied_cost_per_quantity="0.01",
                  gross_amount="0.0030000000000000005", discount_amount="0", net_amount="0.003"))
    )  # fmt: skip
    assert (record.quantity, record.gross_amount) == (Decimal("0.3"), Decimal("0.003"))
    assert one(bill(line(quantity="123456.78900000001"))).quantity == Decimal("123456.789")
    assert one(bill(line(quantity="1e-7"))).quantity == Decimal("0.0000001")


def test_a_line_says_all_that_github_wrote() -> None:
    record = one(
        bill(line(organization="octo", repository="octo/x", cost_center_name="Größe, Maß", input="1200"),
             columns=REPORTS["billing-ai-usage"] + ",input")
    )  # fmt: skip
    assert (record.day, record.username, record.model) == (date(2026, 11, 1), "mona", "Auto: GPT-5.4")
    assert (record.organization, record.repository) == ("octo", "octo/x")
    assert (record.cost_center_name, record.more) == ("Größe, Maß", {"input": "1200"})
    assert (record.monthly_quota, record.ai_credits) == (Decimal(1900), Decimal(12))


def test_an_empty_number_is_missing_and_not_zero() -> None:
    record = one(bill(line(net_amount="", total_monthly_quota="", aic_quantity="")))
    assert (record.net_amount, record.monthly_quota, record.ai_credits) == (None, None, None)


def test_the_one_by_one_report_keeps_its_times_and_words_for_no_quota() -> None:
    [record] = read(LOG.encode() + b"2025-06-11T05:13:27.8766440Z,mona,Claude,1.00,False,Unlimited\n")
    assert isinstance(record, BillingRecord)
    assert record.at == datetime(2025, 6, 11, 5, 13, 27, 876644, tzinfo=UTC)
    assert (record.day, record.quantity, record.exceeds_quota) == (date(2025, 6, 11), 1, False)
    assert record.monthly_quota is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"date": ""}, "`date` is empty: it says when it was used"),
        (
            {"date": "11/1/2026"},
            "`date` is “11/1/2026”, not a day as YYYY-MM-DD: where Excel rewrote the dates",
        ),
        ({"date": "01.11.2026"}, "not a day as YYYY-MM-DD: where Excel rewrote the dates"),
        ({"date": "2027-11-01"}, "`date` is 2027-11-01, which lies in the future"),
        ({"date": "2026-02-30"}, "`date` is 2026-02-30, a day no calendar has"),
        ({"quantity": ""}, "`quantity` is empty: it says how much was used"),
        ({"quantity": "-1"}, "`quantity` is -1, which is below 0"),
        ({"quantity": "0,04"}, "`quantity` is “0,04”, not a number as 0.04"),
        ({"quantity": "nan"}, "`quantity` is “nan”, not a number as 0.04"),
        ({"quantity": "1_000"}, "`quantity` is “1_000”, not a number as 0.04"),
        ({"quantity": "٣"}, "`quantity` is “٣”, not a number as 0.04"),
        ({"quantity": "1e400"}, "`quantity` is 1e400, more than any bill can say"),
        ({"total_monthly_quota": "1" + "0" * 13}, "more than any bill can say"),
        ({"quantity": "1e99999999"}, "more than any bill can say"),
        ({"sku": ""}, "`sku` is empty: it says what was used"),
        ({"net_amount": "5"}, "0.12 less 0.12 is not 5"),
        ({"username": "a" * 300}, "`username` is longer than 255 characters"),
        ({"model": "a\x07b"}, "`model` holds a control character"),
    ],
)
def test_a_line_that_cannot_be_right_says_why(changes: dict[str, str], reason: str) -> None:
    [said] = read(bill(line(**changes)))
    assert isinstance(said, str)
    assert reason in said


def test_broken_lines_do_not_hide_their_neighbours() -> None:
    content = bill(line(), line(username="hubot")).splitlines(keepends=True)
    good = [content[1], content[2]]
    broken = [b'"2026-11-01","mona\r\n', b"2026-11-01,mona\n", b"\xff\xfe,,\n", b"x" * 100_000 + b"\n"]
    said = read(b"".join([content[0], *broken[:2], good[0], *broken[2:], good[1]]))
    assert [isinstance(one, BillingRecord) for one in said] == [False, False, True, False, False, True]
    assert "a quoted field does not end on this line" in str(said[0])
    assert "the line has 2 columns, its header 17" in str(said[1])
    assert "longer than any line of a billing report" in str(said[4])


def test_a_last_line_cut_short_says_so() -> None:
    said = read(bill(line(), line())[:-30])
    assert "may be cut short" in str(said[-1])


def test_text_that_excel_saved_for_windows_is_read_where_no_line_is_utf_8() -> None:
    content = bill(line(cost_center_name="Größe")).decode()
    assert one(content.encode("cp1252")).cost_center_name == "Größe"
    mixed = content.encode() + bill(line(cost_center_name="Größe")).decode().splitlines()[1].encode("cp1252")
    assert [isinstance(said, BillingRecord) for said in read(mixed)] == [True, False]


def test_what_a_line_is_does_not_hang_on_the_case_of_names_or_on_what_it_costs() -> None:
    def key(**changes: Any) -> str:
        return one(bill(line(**changes))).key

    assert key() == key(username="MONA") == key(quantity="13") == key(cost_center_name="other")
    assert len({key(), key(username="hubot"), key(model="o4"), key(date="2026-11-02"), key(sku="x")}) == 5


def test_reading_goes_on_behind_a_line() -> None:
    content = bill(line(), line(), line())
    items = list(read_lines(stream_of(content), start_after=3))
    assert [item.number for item in items] == [4]
    assert isinstance(items[0], Record)
