"""One definition of every figure of use. Pages, charts, reports and commands call these.

Sums keep "unknown": where no line had a counter, its sum is None. Distinct people come from bitmaps, since
they cannot be summed over days, teams or accounts; a window of days is empty unless every day of it is
covered. Definitions follow
https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics and
https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics.
"""

from __future__ import annotations

from metrics.figures.broken_down import Breakdown, Dimension, Sums, breakdown, breakdowns_of, language_by_ide
from metrics.figures.counted import Counted, sums, total
from metrics.figures.days import DayTotals, day_totals, preferred_days
from metrics.figures.distinct import (
    active_users,
    day_sets,
    day_sets_by_name,
    day_sets_of,
    distinct,
    distinct_on,
    kinds,
    people_by_name,
    people_of,
    trailing,
    union,
    user_days,
)
from metrics.figures.newest import Client, newest_client
from metrics.figures.people import PersonFigures, active_members, people, people_of_teams
from metrics.figures.rates import RATE, acceptance_rate, adoption, ratio, to_four_places
from metrics.figures.records import EntityDay, day_records
from metrics.figures.scope import Scope
from metrics.figures.teams import TeamFigures, members_by_team, team_figures
from metrics.figures.windows import (
    ActiveByAccount,
    ActiveUsers,
    Windows,
)

__all__ = [
    "RATE",
    "ActiveByAccount",
    "ActiveUsers",
    "Breakdown",
    "Client",
    "Counted",
    "DayTotals",
    "Dimension",
    "EntityDay",
    "PersonFigures",
    "Scope",
    "Sums",
    "TeamFigures",
    "Windows",
    "acceptance_rate",
    "active_members",
    "active_users",
    "adoption",
    "breakdown",
    "breakdowns_of",
    "day_records",
    "day_sets",
    "day_sets_by_name",
    "day_sets_of",
    "day_totals",
    "distinct",
    "distinct_on",
    "kinds",
    "language_by_ide",
    "members_by_team",
    "newest_client",
    "people",
    "people_by_name",
    "people_of",
    "people_of_teams",
    "preferred_days",
    "ratio",
    "sums",
    "team_figures",
    "to_four_places",
    "total",
    "trailing",
    "union",
    "user_days",
]
