"""What columns hold that several reports on use have."""

from __future__ import annotations

from portal.reports.base import Cells, Meaning, explain

LINES, PEOPLE, DAYS = "lines", "people", "days"

explain(
    {
        "day": Meaning("GitHub's UTC day.", Cells.DAY),
        "user_initiated_interaction_count": Meaning("Requests that people put to Copilot.", Cells.NUMBER),
        "code_generation_activity_count": Meaning("Times that Copilot proposed or wrote code.", Cells.NUMBER),
        "code_acceptance_activity_count": Meaning("Times that proposed code was taken.", Cells.NUMBER),
        "loc_suggested_to_add_sum": Meaning("Lines that were proposed to add.", Cells.NUMBER, LINES),
        "loc_suggested_to_delete_sum": Meaning("Lines that were proposed to delete.", Cells.NUMBER, LINES),
        "loc_added_sum": Meaning("Lines that were added.", Cells.NUMBER, LINES),
        "loc_deleted_sum": Meaning("Lines that were deleted.", Cells.NUMBER, LINES),
        "daily_active_users": Meaning("Distinct people active that day.", Cells.NUMBER, PEOPLE),
        "weekly_active_users": Meaning(
            "Distinct people active in the 7 days up to it; empty unless every day is known.",
            Cells.NUMBER,
            PEOPLE,
        ),
        "monthly_active_users": Meaning(
            "Distinct people active in the 28 days up to it; empty unless every day is known.",
            Cells.NUMBER,
            PEOPLE,
        ),
        "source": Meaning(
            "Where the row is from: report (the account's own), users (added up from its people), or an "
            "older system."
        ),
        "active_days": Meaning("Days of the period on which the person was active.", Cells.NUMBER, DAYS),
        "first_day": Meaning("The first of these days.", Cells.DAY),
        "last_day": Meaning("The last of these days.", Cells.DAY),
        "team_id": Meaning("GitHub's numeric id of the team; empty: people of no team that day."),
        "slug": Meaning("The team's slug; (unattributed): people of no team that day."),
        "teams": Meaning("Slugs of the person's teams on the covered days, parted by ;."),
        "members": Meaning("People in the team on the newest covered day.", Cells.NUMBER, PEOPLE),
        "active_users": Meaning("Distinct people who were active.", Cells.NUMBER, PEOPLE),
        "user_days": Meaning("Days of people: somebody active on three days counts three.", Cells.NUMBER),
        "adoption": Meaning("Active people ÷ members.", Cells.RATE),
        "acceptance_rate": Meaning("Acceptances ÷ generations; empty: nothing was generated.", Cells.RATE),
        "week": Meaning("Number of the week within the answer."),
        "days": Meaning("Days with data in it.", Cells.NUMBER, DAYS),
        "total_active_users": Meaning("Sum of the days' active users, not distinct people.", Cells.NUMBER),
        "total_engaged_users": Meaning("Sum of the days' engaged users, not distinct people.", Cells.NUMBER),
        "avg_active_users": Meaning("Active users a day, on average.", Cells.DECIMAL),
        "avg_engaged_users": Meaning("Engaged users a day, on average.", Cells.DECIMAL),
    }
)
