"""What columns hold that several reports on seats have."""

from __future__ import annotations

from portal.reports.base import Cells, Meaning, explain

DAYS = "days"

explain(
    {
        "organization": Meaning("Login of the organization, else its id; empty: an enterprise's own row."),
        "enterprise": Meaning("Slug of the enterprise, else its id; empty: none is known."),
        "login": Meaning("The person's login, as newest seen."),
        "user_id": Meaning("GitHub's numeric id of the person; it outlives a change of login."),
        "user_login": Meaning("The person's login, as newest seen."),
        "plan_type": Meaning("Copilot plan of the seat: business or enterprise."),
        "assigning_team": Meaning("Teams through which the seat is granted, several parted by ;."),
        "granted_by": Meaning(
            "How the seat is granted: direct, team, enterprise, enterprise_team; several parted by ;."
        ),
        "created_at": Meaning("When GitHub says the seat was granted (UTC).", Cells.MOMENT),
        "last_activity_at": Meaning(
            "Last use that GitHub remembers (UTC): for 90 days, and only with the editor's telemetry.",
            Cells.MOMENT,
        ),
        "last_activity_editor": Meaning("Where that use was: editor and versions."),
        "last_authenticated_at": Meaning("Last sign-in that GitHub tells of (UTC).", Cells.MOMENT),
        "last_surface_used": Meaning("Where the last use was, as GitHub's activity report says."),
        "report_time": Meaning("When GitHub's list or report with this line was made (UTC).", Cells.MOMENT),
        "pending_cancellation_date": Meaning("Day on which the seat ends, if it is to end.", Cells.DAY),
        "last_evidence_on": Meaning("Newest day with evidence of use, from any account.", Cells.DAY),
        "last_evidence_source": Meaning(
            "What shows it: seat, usage_report, ai_credits, activity_report or sign_in."
        ),
        "verdict": Meaning(
            "What the policy says: pending, active, exempt, in_grace, idle, never_used, unknown."
        ),
        "monthly_cost": Meaning("What the seat costs a month by the price in force.", Cells.MONEY),
        "currency": Meaning("Currency of the amounts in the row."),
        "days_idle": Meaning(
            "Whole days since the newest evidence; empty: there is none.", Cells.NUMBER, DAYS
        ),
        "reason": Meaning("Why, in a sentence."),
        "review_state": Meaning("How far the newest review of the seat is."),
        "opened_on": Meaning("Day on which that review was opened.", Cells.DAY),
        "notified_on": Meaning("Day on which the person was told.", Cells.DAY),
        "notice_ends_on": Meaning("Day until which the person may answer.", Cells.DAY),
        "answer": Meaning("What the person answered."),
        "kept_until": Meaning("Day until which it was decided to keep the seat.", Cells.DAY),
        "decision": Meaning("Why it was decided so."),
        "decided_by": Meaning("Who decided."),
        "batch": Meaning("Number of the batch in which the seat was to be taken back."),
        "state": Meaning("How far it came: proposed, approved, revoked, verified, failed, left out …"),
        "proposed_by": Meaning("Who proposed the batch; portal: it did so by itself."),
        "proposed_at": Meaning("When the batch was proposed (UTC).", Cells.MOMENT),
        "approved_by": Meaning("Who approved the batch."),
        "approved_at": Meaning("When it was approved (UTC).", Cells.MOMENT),
        "second_approved_by": Meaning("Who approved it as the second, where two must."),
        "approval_reason": Meaning("What was said with the approval."),
        "revoked_at": Meaning("When GitHub was asked to end the seat (UTC).", Cells.MOMENT),
        "verified_at": Meaning("When a later seat list showed that it had ended (UTC).", Cells.MOMENT),
        "came_back_at": Meaning("When the person held a seat again (UTC).", Cells.MOMENT),
        "came_back_by": Meaning("How the seat came back."),
        "reinstated_at": Meaning("When the seat was given back (UTC).", Cells.MOMENT),
        "reinstated_by": Meaning("Who gave it back."),
        "monthly_saving": Meaning("What the seat cost a month.", Cells.MONEY),
        "brake": Meaning("What kept the seat from being taken back."),
        "github_said": Meaning("GitHub's answer, where it refused."),
        "says": Meaning("Why the portal did not take it back."),
        "month": Meaning("First day of the month.", Cells.DAY),
        "seats": Meaning("How many seats.", Cells.NUMBER, "seats"),
        "saved": Meaning("What these seats would have cost in that month.", Cells.MONEY),
        "seats_without_price": Meaning("Seats that no price is known for; not in the amount.", Cells.NUMBER),
        "is_projected": Meaning("Whether the month has not begun yet.", Cells.FLAG),
    }
)
