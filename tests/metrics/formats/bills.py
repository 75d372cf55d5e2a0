"""Billing reports as GitHub writes them, small."""

from __future__ import annotations

import csv
import io

AMOUNTS = "quantity,unit_type,applied_cost_per_quantity,gross_amount,discount_amount,net_amount"
REPORTS = {
    "billing-ai-usage": f"date,username,product,sku,model,{AMOUNTS},total_monthly_quota,organization,"
    "repository,cost_center_name,aic_quantity,aic_gross_amount",
    "billing-requests": f"date,username,product,sku,model,{AMOUNTS},exceeds_quota,total_monthly_quota,"
    "organization,cost_center_name",
    "billing-summarized": f"date,product,sku,{AMOUNTS},organization,repository,cost_center_name",
    "billing-detailed": f"date,product,sku,{AMOUNTS},organization,repository,username,workflow_path,"
    "cost_center_name",
    "billing-request-log": "Timestamp,User,Model,Requests Used,Exceeds Monthly Quota,Total Monthly Quota",
}
LOG = REPORTS["billing-request-log"] + "\n"

LINE = {
    "date": "2026-11-01",
    "username": "mona",
    "product": "copilot",
    "sku": "copilot_ai_credit",
    "model": "Auto: GPT-5.4",
    "quantity": "12",
    "unit_type": "ai-credits",
    "applied_cost_per_quantity": "0.01",
    "gross_amount": "0.12",
    "discount_amount": "0.12",
    "net_amount": "0",
    "exceeds_quota": "False",
    "total_monthly_quota": "1900",
    "organization": "octo",
    "repository": "",
    "cost_center_name": "",
    "workflow_path": "",
    "aic_quantity": "12",
    "aic_gross_amount": "0.12",
}


def line(**changes: str) -> dict[str, str]:
    return {**LINE, **changes}


def bill(*lines: dict[str, str], columns: str = REPORTS["billing-ai-usage"]) -> bytes:
    """A file with these columns, in GitHub's way of quoting."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, columns.split(","), extrasaction="ignore", quoting=csv.QUOTE_ALL, lineterminator="\n"
    )
    text.write(columns + "\n")
    writer.writerows(lines)
    return text.getvalue().encode()
