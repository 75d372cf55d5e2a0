"""What the kinds of file are called on pages."""

from __future__ import annotations

from metrics.formats.kinds import Kind

KIND_LABELS: dict[str, str] = {
    Kind.USERS_1_DAY: "Per-user usage, one day",
    Kind.USERS_28_DAY: "Per-user usage, 28 days",
    Kind.ORGANIZATION_1_DAY: "Organization usage, one day",
    Kind.ORGANIZATION_28_DAY: "Organization usage, 28 days",
    Kind.ENTERPRISE_1_DAY: "Enterprise usage, one day",
    Kind.ENTERPRISE_28_DAY: "Enterprise usage, 28 days",
    Kind.USER_TEAMS_1_DAY: "Team membership, one day",
    Kind.REPOS_1_DAY: "Repositories, one day",
    Kind.LEGACY_METRICS: "Older metrics API (closed April 2026)",
    Kind.LEGACY_USAGE: "Older usage API (closed February 2025)",
    Kind.ACTIVITY_REPORT: "Activity report (CSV)",
    Kind.SEATS: "Seat list",
    Kind.BILLING_AI_USAGE: "Bill: AI usage (CSV)",
    Kind.BILLING_REQUESTS: "Bill: premium requests (CSV)",
    Kind.BILLING_REQUEST_LOG: "Premium requests, one by one (CSV)",
    Kind.BILLING_SUMMARIZED: "Bill: metered usage, summarized (CSV)",
    Kind.BILLING_DETAILED: "Bill: metered usage, detailed (CSV)",
}


def kind_label(kind: str) -> str:
    """In words; a kind of a later version is shown as it is written."""
    return KIND_LABELS.get(kind, kind)
