"""The brakes by name: what each one keeps from happening, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Brake(StrEnum):
    # What is known of the account.
    STALE_ROSTER = "stale_roster"
    PARTIAL_ROSTER = "partial_roster"
    HELD_BACK_ROSTER = "held_back_roster"
    SILENT_SOURCE = "silent_source"
    SOURCE_SWITCHED_OFF = "source_switched_off"
    IDLE_JUMP = "idle_jump"
    NO_CONNECTION = "no_connection"
    ACCESS_SETTING = "access_setting"
    # How many at once.
    CAP_RUN_COUNT = "cap_run_count"
    CAP_RUN_PERCENT = "cap_run_percent"
    CAP_DAY_COUNT = "cap_day_count"
    CAP_DAY_PERCENT = "cap_day_percent"
    LAST_SEAT = "last_seat"
    # How the seat was granted.
    WRONG_PATH = "wrong_path"
    SEVERAL_GRANTS = "several_grants"
    # What the policy says of the seat.
    NOT_INACTIVE = "not_inactive"
    ACTIVE_AGAIN = "active_again"
    RECENT_SIGN_IN = "recent_sign_in"
    PASSIVE_REVIEW_RECENT = "passive_review_recent"
    EXEMPT = "exempt"
    IN_GRACE = "in_grace"
    UNKNOWN = "unknown"
    KEPT = "kept"
    PENDING_ALREADY = "pending_already"
    SEAT_ENDED = "seat_ended"
    NO_IDENTITY = "no_identity"
    LOGIN_CHANGED_HANDS = "login_changed_hands"
    NOT_WATCHED_LONG_ENOUGH = "not_watched_long_enough"
    NOTICE_MISSING = "notice_missing"
    NOTICE_RUNNING = "notice_running"
    ANSWERED_NEEDED = "answered_needed"
    NOT_A_WORKING_DAY = "not_a_working_day"
    REPORT_ONLY = "report_only"
    NO_POLICY = "no_policy"
    # Who decides, and on what.
    IN_ANOTHER_BATCH = "in_another_batch"
    CHANGED_SINCE_PROPOSED = "changed_since_proposed"
    BATCH_EXPIRED = "batch_expired"
    OWN_APPROVAL = "own_approval"
    SAME_PERSON_TWICE = "same_person_twice"
    NOT_CONFIRMED = "not_confirmed"
    MISSING_PERMISSION = "missing_permission"
    # What GitHub says to it.
    GITHUB_REFUSES = "github_refuses"
    NOT_IN_GITHUB = "not_in_github"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`name` for lists and headings, `sentence` for when it holds, `remedy` for what lets go of it."""

    name: str
    sentence: str
    remedy: str


BRAKES: Mapping[Brake, Meaning] = MappingProxyType(
    {
        Brake.STALE_ROSTER: Meaning(
            "Old seat list",
            "The newest whole seat list of the account is older than 26 hours, or the members of a team that "
            "has an exemption or a policy were read more than three days ago.",
            "Sync the account's seats and teams.",
        ),
        Brake.PARTIAL_ROSTER: Meaning(
            "Seat list cut short",
            "The newest seat list of the account is not whole.",
            "Sync the account's seats again; its job says what was missing.",
        ),
        Brake.HELD_BACK_ROSTER: Meaning(
            "Seat list held back",
            "The newest seat list lacks so many seats that nobody believes it yet.",
            "Look at it under Seat rosters and confirm it, or sync again.",
        ),
        Brake.SILENT_SOURCE: Meaning(
            "Source of evidence silent",
            "Usage reports have not told of the account for more than three days, or lack days on which "
            "this very seat may have been used unseen.",
            "Sync the account's usage; with uploaded reports, upload the missing days marked as complete.",
        ),
        Brake.SOURCE_SWITCHED_OFF: Meaning(
            "Source of evidence switched off",
            "GitHub refuses the account's usage reports: the policy was switched off, or a permission taken.",
            "Enable “Copilot usage metrics” in GitHub's settings of the organization or enterprise, then "
            "sync the usage.",
        ),
        Brake.IDLE_JUMP: Meaning(
            "Sudden idleness",
            "Far more of the account's seats are inactive than the day before: something else is wrong.",
            "Find out why: telemetry switched off, a policy edited, a source lost. It lets go by itself when "
            "a day passes without a jump.",
        ),
        Brake.NO_CONNECTION: Meaning(
            "No connection",
            "No active connection can take back seats of this account.",
            "Add or switch on a connection; an enterprise's seats need a token, since GitHub lets no app end "
            "them.",
        ),
        Brake.ACCESS_SETTING: Meaning(
            "Access setting",
            "The organization's Copilot settings do not let seats be taken back one by one.",
            "On GitHub, give access to selected members and choose what suggestions matching public code may "
            "do, then sync billing.",
        ),
        Brake.CAP_RUN_COUNT: Meaning(
            "Cap per run",
            "More seats than the policy allows in one run.",
            "Take the rest back in another batch, or raise the policy's seats per run.",
        ),
        Brake.CAP_RUN_PERCENT: Meaning(
            "Share per run",
            "A larger share of the account's seats than the policy allows in one run.",
            "Take the rest back in another batch, or raise the policy's percentage per run.",
        ),
        Brake.CAP_DAY_COUNT: Meaning(
            "Cap per day",
            "More seats than the policy allows in one day.",
            "Go on tomorrow, or raise the policy's seats per day.",
        ),
        Brake.CAP_DAY_PERCENT: Meaning(
            "Share per day",
            "A larger share of the account's seats than the policy allows in one day.",
            "Go on tomorrow, or raise the policy's percentage per day.",
        ),
        Brake.LAST_SEAT: Meaning(
            "Last seat",
            "No seat of the account would remain, and GitHub would cancel its Copilot plan.",
            "Leave a seat, or end the plan on GitHub if that is what you want.",
        ),
        Brake.WRONG_PATH: Meaning(
            "Granted another way",
            "The seat was not granted to the person by name: a team grants it, or no list says who does.",
            "Ask the team's maintainers or the organization's owners; nobody is removed from a team from "
            "here.",
        ),
        Brake.SEVERAL_GRANTS: Meaning(
            "Several grants",
            "The seat is granted in several ways, and one of them cannot be ended from here.",
            "End the team's grant first; what remains can be taken back then.",
        ),
        Brake.NOT_INACTIVE: Meaning(
            "Not inactive",
            "The policy does not call the seat inactive.",
            "Nothing to do.",
        ),
        Brake.ACTIVE_AGAIN: Meaning(
            "Back to life",
            "The seat has been used since it was flagged.",
            "Nothing to do: its review closes by itself.",
        ),
        Brake.RECENT_SIGN_IN: Meaning(
            "Recent sign-in",
            "The person has signed in to Copilot within the policy's idle days. It stops the automatic mode.",
            "Somebody may decide by hand.",
        ),
        Brake.PASSIVE_REVIEW_RECENT: Meaning(
            "Recent review by Copilot",
            "Copilot has reviewed the person's work unasked within the policy's idle days. It stops the "
            "automatic mode.",
            "Somebody may decide by hand.",
        ),
        Brake.EXEMPT: Meaning(
            "Exempt",
            "An exemption is in force.",
            "Take the exemption back, or let it expire.",
        ),
        Brake.IN_GRACE: Meaning(
            "In grace",
            "The seat was granted too recently.",
            "Wait until its grace is over.",
        ),
        Brake.UNKNOWN: Meaning(
            "Unknown",
            "Nothing proves that the seat was not used.",
            "Watch it for longer, and let usage reports be fetched.",
        ),
        Brake.KEPT: Meaning(
            "Kept",
            "Somebody decided to keep the seat, and that still holds.",
            "Wait until the day until which it is kept, or take the decision back on the list of reviews.",
        ),
        Brake.PENDING_ALREADY: Meaning(
            "Cancelled already",
            "The seat is cancelled already and ends with its cycle.",
            "Nothing to do.",
        ),
        Brake.SEAT_ENDED: Meaning(
            "Ended",
            "The seat has ended.",
            "Nothing to do.",
        ),
        Brake.NO_IDENTITY: Meaning(
            "Known by login only",
            "The person is known by login alone, and a login can change hands.",
            "Sync the account's seats: the list tells the person's id.",
        ),
        Brake.LOGIN_CHANGED_HANDS: Meaning(
            "Login changed hands",
            "Somebody else bears the person's login by now, and GitHub takes seats back by login.",
            "Sync the account's seats: the list tells the person's login of today.",
        ),
        Brake.NOT_WATCHED_LONG_ENOUGH: Meaning(
            "Not watched long enough",
            "The seat has not been watched for as long as the policy asks.",
            "Wait, and keep the account's seats synced.",
        ),
        Brake.NOTICE_MISSING: Meaning(
            "Not told",
            "The person was not told.",
            "Send a notice, or note that the person was told otherwise.",
        ),
        Brake.NOTICE_RUNNING: Meaning(
            "Notice is running",
            "The person may still answer.",
            "Wait until the last day of the notice is over.",
        ),
        Brake.ANSWERED_NEEDED: Meaning(
            "Still needed",
            "The person has answered that the seat is still needed.",
            "Talk to the person; the seat is reviewed again when the time it is kept for is over.",
        ),
        Brake.NOT_A_WORKING_DAY: Meaning(
            "Not a working day",
            "Nobody works today, by the policy's calendar.",
            "Go on on the next working day.",
        ),
        Brake.REPORT_ONLY: Meaning(
            "Not by itself",
            "The policy's mode does not let the portal do this by itself.",
            "Propose it by hand, or change the policy's mode.",
        ),
        Brake.NO_POLICY: Meaning(
            "No policy",
            "No policy says when the seat counts as inactive.",
            "Make a policy for the account, or for everybody.",
        ),
        Brake.IN_ANOTHER_BATCH: Meaning(
            "In another batch",
            "Another batch has the seat.",
            "Decide that batch first, or withdraw it.",
        ),
        Brake.CHANGED_SINCE_PROPOSED: Meaning(
            "Changed since it was proposed",
            "What was proposed is not what is there now.",
            "Look at what remains and approve that, or withdraw the batch and propose anew.",
        ),
        Brake.BATCH_EXPIRED: Meaning(
            "Expired",
            "Too much time has passed since the batch was proposed or approved.",
            "Propose anew: the seats are judged again then.",
        ),
        Brake.OWN_APPROVAL: Meaning(
            "Own proposal",
            "A second person is required: whoever proposed the batch cannot approve it.",
            "Ask somebody else who may approve.",
        ),
        Brake.SAME_PERSON_TWICE: Meaning(
            "Same person twice",
            "Two people are to approve, and this one has approved already.",
            "Ask somebody else who may approve.",
        ),
        Brake.NOT_CONFIRMED: Meaning(
            "Not confirmed",
            "The number of seats was not typed, or is another one.",
            "Type how many seats are to be taken back.",
        ),
        Brake.MISSING_PERMISSION: Meaning(
            "Not permitted",
            "The person may not do this.",
            "An administrator can give the permission.",
        ),
        Brake.GITHUB_REFUSES: Meaning(
            "GitHub refuses",
            "GitHub has refused to take the seat back.",
            "GitHub's own words say why.",
        ),
        Brake.NOT_IN_GITHUB: Meaning(
            "Not at GitHub",
            "GitHub shows no such seat.",
            "Sync the account's seats: the next whole list ends it here.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One brake that holds: `says` tells what of this case, `remedy` what to do."""

    brake: Brake
    says: str
    remedy: str

    @classmethod
    def of(cls, brake: Brake, says: str = "", remedy: str = "") -> Refusal:
        """With the brake's own words where no better ones are given."""
        meaning = BRAKES[brake]
        return cls(brake, says or meaning.sentence, remedy or meaning.remedy)

    @property
    def name(self) -> str:
        return BRAKES[self.brake].name

    def __str__(self) -> str:
        return f"{self.says} {self.remedy}"


class Refused(Exception):
    """Brakes kept it from happening; the first of `refusals` is the one to show."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(" ".join(str(refusal) for refusal in refusals))
        self.refusals = refusals

    @property
    def refusal(self) -> Refusal:
        return self.refusals[0]

    @property
    def brakes(self) -> tuple[Brake, ...]:
        return tuple(refusal.brake for refusal in self.refusals)
