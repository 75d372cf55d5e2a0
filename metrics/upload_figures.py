"""The figures of a preview, before and after, as its page shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from metrics.formats.billing_lines import CURRENCY
from metrics.models import ReportDay, UserDay
from metrics.models.counters import COUNTERS
from seats.admin.billing_line import money

SHOWN_DAYS = 100


def figures_shown(figures: dict[str, Any]) -> dict[str, Any]:
    """Columns and rows for tables; the newest days first, and how many more there are."""
    columns = [
        ("active_users", "Active people"),
        *(
            (field.name, str(field.verbose_name).capitalize())
            for field in UserDay._meta.concrete_fields
            if field.name in COUNTERS
        ),
    ]
    days = sorted(figures["days"], key=lambda row: (row["day"], row["account"]), reverse=True)
    accounts = {row["account"] for row in days}
    return {
        "columns": [label for _, label in columns],
        "days": [
            {
                "day": row["day"],
                "account": row["account"],
                "cells": [_cell(*row[name]) for name, _ in columns],
            }
            for row in days[:SHOWN_DAYS]
        ],
        "has_accounts": len(accounts) > 1,
        "only_account": next(iter(accounts), "") if len(accounts) == 1 else "",
        "day_total": len(days),
        "more_days": max(0, len(days) - SHOWN_DAYS),
        "covered": [
            {
                "account": row["account"],
                "report": ReportDay.Report(row["report"]).label,
                "count": len(row["days"]),
                "first": row["days"][0],
                "last": row["days"][-1],
            }
            for row in figures["covered"]
            if row["days"]
        ],
        "seats": figures["seats"],
        "bills": [
            {
                **row,
                "report": ReportDay.Report(row["report"]).label,
                "lines": _cell(*row["lines"]),
                "gross": [money(Decimal(amount), CURRENCY) for amount in row["gross"]],
                "net": [money(Decimal(amount), CURRENCY) for amount in row["net"]],
            }
            for row in figures.get("bills", ())
        ],
    }


def _cell(before: int, after: int) -> dict[str, Any]:
    return {"before": before, "after": after, "change": after - before}
