from seats.models.account import Account
from seats.models.activity_line import ActivityLine
from seats.models.assignment import Assignment, Department
from seats.models.billing_line import BillingLine
from seats.models.billing_summary import BillingSummary
from seats.models.cost_centre import CostCentre
from seats.models.evidence import Evidence
from seats.models.exemption import Exemption
from seats.models.github_user import GitHubUser, UserLogin
from seats.models.listing import Listing
from seats.models.notice import Notice, NoticeTemplate
from seats.models.policy import InactivityPolicy
from seats.models.price import SeatPrice, UnitPrice
from seats.models.review import SeatReview
from seats.models.revocation import (
    RemovalTask,
    Revocation,
    RevocationBatch,
    SeatCall,
    SeatRequest,
)
from seats.models.roster import CurrentRoster, SeatRoster
from seats.models.seat import Seat, SeatDay, SeatGrant, SeatObservation
from seats.models.sheet_mapping import SheetMapping
from seats.models.team import OrganizationMembership, Team, TeamMembership
from seats.models.team_owner import TeamOwner
from seats.models.working_calendar import Holiday, WorkingCalendar

__all__ = [
    "Account",
    "ActivityLine",
    "Assignment",
    "BillingLine",
    "BillingSummary",
    "CostCentre",
    "CurrentRoster",
    "Department",
    "Evidence",
    "Exemption",
    "GitHubUser",
    "Holiday",
    "InactivityPolicy",
    "Listing",
    "Notice",
    "NoticeTemplate",
    "OrganizationMembership",
    "RemovalTask",
    "Revocation",
    "RevocationBatch",
    "Seat",
    "SeatCall",
    "SeatDay",
    "SeatGrant",
    "SeatObservation",
    "SeatPrice",
    "SeatRequest",
    "SeatReview",
    "SeatRoster",
    "SheetMapping",
    "Team",
    "TeamMembership",
    "TeamOwner",
    "UnitPrice",
    "UserLogin",
    "WorkingCalendar",
]
