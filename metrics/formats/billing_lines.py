"""A line of a billing report, by the columns above it; a column nobody knows is kept as it is.

Numbers were binary fractions before they were written (0.30000000000000004): they are read as decimals
to fifteen digits, which is all that such a number ever held.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from metrics.formats.billing import Report, places_of, report_of
from metrics.formats.csv_lines import AT_END, fields_of
from metrics.formats.errors import BadRecord, shown
from metrics.formats.fields import lies_ahead, midnight, read_day, read_instant, read_text
from metrics.formats.rest import content_hash

# What is compared with other files' facts is rounded to so many places; a cent has two.
PLACES = 12
_STEP = Decimal(1).scaleb(-PLACES)
_FLOAT = Context(prec=15)
MOST_DIGITS = 13  # before the point
# Amounts that were rounded each by itself add up to within this.
_ROUNDED = Decimal("0.02")
CURRENCY = "USD"
# For so long GitHub goes on counting a day: a report that ends earlier does not know all of it.
SETTLES_WITHIN = timedelta(days=3)


# What makes a line this one and no other. A person's cost centre may be named later: it is none of it.
_PERSONS = (
    "day", "at", "username", "product", "sku", "model", "unit_type", "exceeds_quota", "organization",
    "repository",
)  # fmt: skip
KEYS: Mapping[Report, tuple[str, ...]] = {
    Report.AI_USAGE: _PERSONS,
    Report.PREMIUM_REQUESTS: _PERSONS,
    Report.REQUEST_LOG: _PERSONS,
    Report.SUMMARIZED: (
        "day", "product", "sku", "unit_type", "organization", "repository", "cost_center_name",
    ),
    Report.DETAILED: (
        "day", "username", "product", "sku", "unit_type", "organization", "repository", "cost_center_name",
        "workflow_path",
    ),
}  # fmt: skip


class BillingRecord(msgspec.Struct, kw_only=True, gc=False):
    """A line of a bill. A number that is missing stays None, a text empty."""

    day: date
    at: datetime | None
    username: str
    product: str
    sku: str
    model: str
    unit_type: str
    quantity: Decimal
    price: Decimal | None
    gross_amount: Decimal | None
    discount_amount: Decimal | None
    net_amount: Decimal | None
    ai_credits: Decimal | None
    ai_credits_gross_amount: Decimal | None
    monthly_quota: Decimal | None
    exceeds_quota: bool | None
    organization: str
    repository: str
    cost_center_name: str
    workflow_path: str
    more: dict[str, str]
    observed_at: datetime
    key: str
    content_hash: bytes
    # How many lines alike stand before it in the file.
    repeat: int = 0
    # The line names accounts by login alone.
    enterprise_id: None = None
    organization_id: None = None


_FACTS = tuple(
    name
    for name in BillingRecord.__struct_fields__
    if name not in ("observed_at", "key", "content_hash", "repeat", "enterprise_id", "organization_id")
)


@lru_cache(maxsize=64)
def _others(columns: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    known = set(places_of(columns).values())
    return tuple((place, name.strip()) for place, name in enumerate(columns) if place not in known)


@lru_cache(maxsize=64)
def _kind(columns: tuple[str, ...]) -> Report:
    report = report_of(columns)
    if report is None:
        raise BadRecord("this is not under the header of a billing report")
    return report


def parse_billing_line(raw: bytes, header: Mapping[str, Any]) -> BillingRecord:
    """The facts of one line under its header; BadRecord says what is wrong with it."""
    if not header:
        raise BadRecord("the file it came from is no longer kept, so its columns are unknown")
    columns: tuple[str, ...] = header["columns"]
    report = _kind(columns)
    try:
        fields = fields_of(raw)
        if len(fields) != len(columns):
            raise BadRecord(f"the line has {len(fields)} columns, its header {len(columns)}")
        return _record(report, columns, fields, header["newest_day"])
    except BadRecord as refusal:
        # A line that is whole ends in a line break, unless it is the last one.
        at_end = "" if raw.endswith(b"\n") or header.get("is_alone") else f" {AT_END}"
        raise BadRecord(f"{refusal}{at_end}") from None


def _record(report: Report, columns: tuple[str, ...], fields: list[str], newest_day: str) -> BillingRecord:
    places = places_of(columns)

    def text(column: str) -> str:
        place = places.get(column)
        return "" if place is None else read_text(fields[place].strip(), columns[place])

    def number(column: str) -> Decimal | None:
        place = places.get(column)
        return None if place is None else _number(fields[place], columns[place])

    day, at = _day(text("day"), columns[places["day"]], keeps_time=report is Report.REQUEST_LOG)
    quantity = number("quantity")
    if quantity is None:
        raise BadRecord(f"`{columns[places['quantity']]}` is empty: it says how much was used")
    price = number("price")
    for name, value in (("quantity", quantity), ("price", price)):
        if value is not None and value < 0:
            raise BadRecord(f"`{columns[places[name]]}` is {value:f}, which is below 0")
    if not text("sku") and report is not Report.REQUEST_LOG:
        raise BadRecord("`sku` is empty: it says what was used")
    record = BillingRecord(
        day=day,
        at=at,
        username=text("username"),
        product=text("product"),
        sku=text("sku"),
        model=text("model"),
        unit_type=text("unit_type"),
        quantity=quantity,
        price=price,
        gross_amount=number("gross_amount"),
        discount_amount=number("discount_amount"),
        net_amount=number("net_amount"),
        ai_credits=number("ai_credits"),
        ai_credits_gross_amount=number("ai_credits_gross_amount"),
        monthly_quota=_quota(text("monthly_quota")),
        exceeds_quota=_flag(text("exceeds_quota"), "exceeds_quota"),
        organization=text("organization"),
        repository=text("repository"),
        cost_center_name=text("cost_center_name"),
        workflow_path=text("workflow_path"),
        more={
            read_text(name, "a column's name"): read_text(fields[place].strip(), name)
            for place, name in _others(columns)
            if fields[place].strip()
        },
        observed_at=midnight(min(day + SETTLES_WITHIN, date.fromisoformat(newest_day or str(day)))),
        key="",
        content_hash=b"",
    )
    _check_amounts(record)
    record.key = _digest(tuple(_folded(getattr(record, name)) for name in KEYS[report]))
    record.content_hash = content_hash(tuple(getattr(record, name) for name in _FACTS), b"")
    return record


def _folded(value: Any) -> Any:
    """Names of people, organizations and repositories are the same in any case."""
    return value.lower() if isinstance(value, str) else value


def _digest(values: tuple[Any, ...]) -> str:
    return blake2b(repr(values).encode(), digest_size=16).hexdigest()


def _day(text: str, name: str, *, keeps_time: bool) -> tuple[date, datetime | None]:
    if not text:
        raise BadRecord(f"`{name}` is empty: it says when it was used")
    if text.lower().rstrip(":") in _TOTALS:
        raise BadRecord("this is a line of totals, of no day: what it adds up is in the other lines")
    if len(text) == 10 and not keeps_time:
        try:
            return read_day(text, name), None
        except BadRecord as refusal:
            if "/" in text or "." in text:
                raise BadRecord(_REWRITTEN.format(name=name, text=shown(text))) from None
            raise refusal from None
    try:
        at = read_instant(text, name)
    except BadRecord:
        raise BadRecord(_REWRITTEN.format(name=name, text=shown(text))) from None
    if at is None or lies_ahead(at):
        raise BadRecord(f"`{name}` is “{shown(text)}”, which lies in the future")
    return read_day(str(at.date()), name), at if keeps_time else None


# What sheets call their last line.
_TOTALS = frozenset({"total", "totals", "grand total", "sum", "subtotal"})
_REWRITTEN = (
    "`{name}` is “{text}”, not a day as YYYY-MM-DD: where Excel rewrote the dates, import the file as GitHub "
    "made it"
)


def _number(text: str, name: str) -> Decimal | None:
    """A number as it was before it was a binary fraction; None where there is none."""
    text = text.strip().removeprefix("$")
    if not text:
        return None
    try:
        # Underscores and other scripts' digits are numbers to Python, and to nobody's bill.
        if not text.isascii() or "_" in text or len(text) > 60:
            raise InvalidOperation
        value = Decimal(text)
        if not value.is_finite():
            raise InvalidOperation
        if value.adjusted() >= MOST_DIGITS:
            raise BadRecord(f"`{name}` is {shown(text)}, more than any bill can say")
        # Zero has no sign on a bill.
        return value.normalize(_FLOAT).quantize(_STEP).normalize() or Decimal(0)
    except ArithmeticError:
        raise BadRecord(f"`{name}` is “{shown(text)}”, not a number as 0.04") from None


def _quota(text: str) -> Decimal | None:
    """Requests a month; a word such as “Unlimited” is no number and says there is none."""
    return None if not text or text.isalpha() else _number(text, "total_monthly_quota")


def _flag(text: str, name: str) -> bool | None:
    if not text:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise BadRecord(f"`{name}` is “{shown(text)}”, neither True nor False")


def _check_amounts(record: BillingRecord) -> None:
    gross, discount, net = record.gross_amount, record.discount_amount, record.net_amount
    if gross is None or discount is None or net is None:
        return
    if abs(gross - discount - net) > _ROUNDED:
        raise BadRecord(
            f"the amounts contradict each other: {gross:f} less {discount:f} is not {net:f}, as “net” says"
        )
