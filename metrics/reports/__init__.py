"""The reports on use; importing this registers them."""

from metrics.reports import (
    daily_metrics,
    team_metrics,
    teams_low_adoption,
    user_metrics,
    users_low_acceptance,
    weekly_trend,
)

__all__ = [
    "daily_metrics",
    "team_metrics",
    "teams_low_adoption",
    "user_metrics",
    "users_low_acceptance",
    "weekly_trend",
]
