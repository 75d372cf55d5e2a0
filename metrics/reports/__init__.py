"""The reports on use; importing this registers them."""

from metrics.reports import (
    ai_credits,
    client_versions,
    custom,
    daily_metrics,
    named,
    team_metrics,
    teams_low_adoption,
    user_metrics,
    users_low_acceptance,
    weekly_trend,
    words,
)

__all__ = [
    "ai_credits",
    "client_versions",
    "custom",
    "daily_metrics",
    "named",
    "team_metrics",
    "teams_low_adoption",
    "user_metrics",
    "users_low_acceptance",
    "weekly_trend",
    "words",
]
