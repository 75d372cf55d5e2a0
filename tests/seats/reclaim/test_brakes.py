"""What must not be taken back is not: each brake refuses by its name, and lets go without its cause."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from metrics.models import AskedDay, ReportDay, UserDay
from portal.github.refusals import POLICY_OFF
from portal.models import Connection, Job, ReportFile
from seats import roster
from seats.models import (
    Account,
    BillingSummary,
    Evidence,
    Exemption,
    GitHubUser,
    Holiday,
    InactivityPolicy,
    Notice,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatDay,
    SeatReview,
    SeatRoster,
    Team,
    UserLogin,
    WorkingCalendar,
)
from seats.policy_sql import today
from seats.reclaim.brakes import BRAKES, Brake, SeatCheck, of_account, of_caps, of_last_seat
from seats.roster import Roster
from seats.standing import standing
from tests.seats.holding import NOON, ago, grant, hold
from tests.seats.reclaim.well import (
    TODAY,
    brake_of,
    busy,
    connected,
    forget_usage,
    heard,
    idle,
    line_of,
    rules,
    stood,
    tell,
    well,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    rules()
    return connected()


@pytest.fixture
def ida(acme: Account) -> Seat:
    """Ida's seat may be taken back; Bob works."""
    ida, _ = well(acme, idle(1, "ida"), busy(2, "bob"))
    return ida


def of(account: Account, **terms: Any) -> list[Brake]:
    account.refresh_from_db()
    return [refusal.brake for refusal in of_account(account, **terms)]


def test_with_all_well_no_brake_holds(ida: Seat) -> None:
    assert of(ida.account) == []
    assert of(ida.account, automatic=True) == []
    assert brake_of(ida) is None


# --- The account ------------------------------------------------------------------------------


def test_stale_roster(ida: Seat, clock: Any) -> None:
    clock.shift(timedelta(hours=26))
    assert of(ida.account) == []
    clock.shift(timedelta(seconds=1))
    assert of(ida.account) == [Brake.STALE_ROSTER]


def test_stale_roster_where_the_newest_list_lies_in_the_future(ida: Seat) -> None:
    SeatRoster.objects.update(last_observed_at=NOON + timedelta(days=1))
    assert Brake.STALE_ROSTER in of(ida.account)


def test_an_enterprises_list_keeps_its_organizations_fresh(acme: Account) -> None:
    enterprise = Account.objects.create(kind="enterprise", login="corp")
    acme.parent = enterprise
    acme.save()
    hold(acme, idle(1, "ida"), at=ago(2))
    heard(acme)
    assert of(acme) == [Brake.STALE_ROSTER]
    roster.apply(
        Roster(
            enterprise, NOON, [grant(1, "ida", used=60, organization_login="acme")],
            is_complete=True, is_confirmed=True,
        )
    )  # fmt: skip
    assert of(acme) == []


def test_partial_roster(ida: Seat) -> None:
    file = ReportFile.objects.create(source="download", kind="seats", subject=ida.account.subject, size=0)
    later = NOON + timedelta(minutes=5)
    roster.apply(Roster(ida.account, later, [idle(1, "ida")], is_complete=False, file=file))
    assert of(ida.account) == [Brake.PARTIAL_ROSTER]


def test_an_answer_about_one_person_is_no_partial_roster(ida: Seat) -> None:
    later = NOON + timedelta(minutes=5)
    roster.apply(Roster(ida.account, later, [idle(1, "ida")], is_complete=False))
    assert of(ida.account) == []


def test_stale_roster_of_a_team_that_is_exempt(ida: Seat) -> None:
    team = Team.objects.create(account=ida.account, github_id=7, slug="web", members_read_at=ago(4))
    assert of(ida.account) == []
    exemption = Exemption.objects.create(team=team, reason="they are on call", starts_on=TODAY)
    assert of(ida.account) == [Brake.STALE_ROSTER]
    team.members_read_at = ago(3)
    team.save()
    assert of(ida.account) == []
    exemption.delete()
    team.members_read_at = ago(4)
    team.save()
    InactivityPolicy.objects.create(team=team)
    assert of(ida.account) == [Brake.STALE_ROSTER]


def test_held_back_roster(acme: Account) -> None:
    well(acme, *(idle(number, f"p{number}") for number in range(1, 41)))
    assert of(acme) == []
    later = NOON + timedelta(minutes=5)
    roster.apply(
        Roster(acme, later, [idle(1, "p1")], is_complete=True, is_confirmed=True, is_unattended=True)
    )
    assert of(acme) == [Brake.HELD_BACK_ROSTER]


def test_silent_source(ida: Seat) -> None:
    forget_usage(ida.account, since=4)
    assert of(ida.account) == [Brake.SILENT_SOURCE]
    assert brake_of(ida) == Brake.SILENT_SOURCE


def test_a_source_may_be_silent_for_three_days_before_yesterday(ida: Seat) -> None:
    forget_usage(ida.account, since=3)
    assert of(ida.account) == []
    assert brake_of(ida) is None


def test_silent_source_where_reports_come_without_anybody(ida: Seat) -> None:
    """A policy that is switched off may leave empty reports behind."""
    forget_usage(ida.account, since=5)
    heard(ida.account, range(1, 6), quiet=True)
    assert of(ida.account) == [Brake.SILENT_SOURCE]


def test_silent_source_where_usage_reports_never_came(acme: Account) -> None:
    hold(acme, idle(1, "ida"), busy(2, "bob"))
    assert of(acme) == [Brake.SILENT_SOURCE]
    rules(needs_usage_reports=False)
    assert of(acme) == []


def test_silent_source_also_where_the_policy_needs_none_but_they_came_until_lately(ida: Seat) -> None:
    rules(needs_usage_reports=False)
    assert of(ida.account) == []
    forget_usage(ida.account, since=20)
    assert of(ida.account) == [Brake.SILENT_SOURCE]


def test_reports_that_were_given_up_long_ago_are_no_silence_where_the_policy_needs_none(ida: Seat) -> None:
    rules(needs_usage_reports=False)
    forget_usage(ida.account, since=45)
    heard(ida.account, [92])
    assert of(ida.account) == []


def test_a_report_of_the_enterprise_tells_of_its_organizations(acme: Account) -> None:
    enterprise = Account.objects.create(kind="enterprise", login="corp")
    acme.parent = enterprise
    acme.save()
    hold(acme, idle(1, "ida"), busy(2, "bob"))
    assert of(acme) == [Brake.SILENT_SOURCE]
    heard(enterprise)
    assert of(acme) == []


def test_source_switched_off(ida: Seat) -> None:
    job = Job.objects.create(
        kind="sync-usage", subject=ida.account.subject, state="failed", error=POLICY_OFF, finished_at=NOON
    )
    assert of(ida.account) == [Brake.SOURCE_SWITCHED_OFF]
    assert brake_of(ida) == Brake.SOURCE_SWITCHED_OFF
    Job.objects.create(kind="sync-usage", subject=job.subject, state="done", finished_at=NOON)
    assert of(ida.account) == []


def test_source_switched_off_as_a_sync_of_other_reports_notes(ida: Seat) -> None:
    Job.objects.create(
        kind="sync-usage", subject=ida.account.subject, state="done", finished_at=NOON,
        tally={"notes": [f"users-1-day: {POLICY_OFF}"]},
    )  # fmt: skip
    assert of(ida.account) == [Brake.SOURCE_SWITCHED_OFF]


def test_source_switched_off_since_a_report_was_refused(ida: Seat) -> None:
    forget_usage(ida.account, since=1)
    assert of(ida.account) == []
    AskedDay.remember(ida.account, "users", TODAY - timedelta(days=1), NOON, AskedDay.Answer.REFUSED)
    assert of(ida.account) == [Brake.SOURCE_SWITCHED_OFF]


def test_a_refusal_to_the_organization_is_none_where_the_enterprise_tells(ida: Seat) -> None:
    forget_usage(ida.account, since=99)
    AskedDay.remember(ida.account, "users", TODAY - timedelta(days=1), NOON, AskedDay.Answer.REFUSED)
    assert of(ida.account) == [Brake.SOURCE_SWITCHED_OFF]
    ida.account.parent = Account.objects.create(kind="enterprise", login="corp")
    ida.account.save()
    heard(ida.account.parent)
    assert of(ida.account) == []


def idle_share(account: Account, *, idle: int, active: int, days_ago: int = 1) -> None:
    day = TODAY - timedelta(days=days_ago)
    SeatDay.objects.filter(account=account, day=day).delete()
    for verdict, seats in (("idle", idle), ("active", active)):
        SeatDay.objects.create(account=account, day=day, plan_type="business", verdict=verdict, seats=seats)


def test_idle_jump(acme: Account) -> None:
    well(acme, *(idle(n, f"p{n}") for n in range(1, 5)), *(busy(n, f"p{n}") for n in range(5, 11)))
    idle_share(acme, idle=3, active=7)
    assert of(acme) == []  # ten points, as the policy allows
    idle_share(acme, idle=2, active=8)
    assert of(acme) == [Brake.IDLE_JUMP]
    rules(max_idle_jump=20)
    assert of(acme) == []


def test_one_seat_more_is_no_idle_jump(acme: Account) -> None:
    well(acme, idle(1, "ida"), busy(2, "bob"))
    idle_share(acme, idle=0, active=2)
    assert of(acme) == []


def test_idle_jump_is_measured_from_the_newest_day_before(acme: Account) -> None:
    well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    idle_share(acme, idle=0, active=3, days_ago=3)
    assert of(acme) == [Brake.IDLE_JUMP]
    idle_share(acme, idle=2, active=1, days_ago=2)
    assert of(acme) == []


def test_no_connection(ida: Seat) -> None:
    Connection.objects.update(is_active=False)
    assert of(ida.account) == [Brake.NO_CONNECTION]
    Connection.objects.all().delete()
    assert of(ida.account) == [Brake.NO_CONNECTION]


def test_no_connection_where_only_an_app_speaks_for_an_enterprise() -> None:
    rules()
    corp = connected("corp", kind="enterprise")
    well(corp, idle(1, "ida"), busy(2, "bob"))
    assert of(corp) == []
    Connection.objects.update(kind="app", app_id="1")
    assert of(corp) == [Brake.NO_CONNECTION]
    Connection.objects.update(revoke_secret_env="A_TOKEN")
    assert of(corp) == []


def billing(account: Account, day: date, **settings: str) -> None:
    BillingSummary.objects.create(account=account, day=day, observed_at=NOON, **settings)


@pytest.mark.parametrize("setting", ["assign_all", "disabled", "unconfigured"])
def test_access_setting(ida: Seat, setting: str) -> None:
    billing(ida.account, TODAY - timedelta(days=1), seat_management_setting=setting)
    assert of(ida.account) == [Brake.ACCESS_SETTING]
    assert brake_of(ida) == Brake.ACCESS_SETTING
    billing(ida.account, TODAY, seat_management_setting="assign_selected", public_code_suggestions="block")
    assert of(ida.account) == []
    assert brake_of(ida) is None


def test_access_setting_without_a_choice_on_public_code(ida: Seat) -> None:
    billing(
        ida.account, TODAY,
        seat_management_setting="assign_selected", public_code_suggestions="unconfigured",
    )  # fmt: skip
    assert of(ida.account) == [Brake.ACCESS_SETTING]


# --- How many ---------------------------------------------------------------------------------


def taken(account: Account, seats: list[Seat], at: Any = NOON) -> None:
    batch = RevocationBatch.objects.create(account=account, state="executing", seats_held=9, approved_at=NOON)
    call = SeatCall.objects.create(action="revoke", account=account, path="/", intended_at=at)
    Revocation.objects.bulk_create(
        Revocation(batch=batch, seat=seat, state="intended", live_key=seat.pk, call=call, login="x")
        for seat in seats
    )


@pytest.fixture
def twenty(acme: Account) -> list[Seat]:
    return well(acme, *(idle(number, f"p{number}") for number in range(1, 21)), told=False)


@pytest.mark.parametrize(
    ("cap", "allowed", "brake"),
    [
        ({"max_seats_per_run": 3}, 3, Brake.CAP_RUN_COUNT),
        ({"max_percent_per_run": 10}, 2, Brake.CAP_RUN_PERCENT),
        ({"max_seats_per_day": 4}, 4, Brake.CAP_DAY_COUNT),
        ({"max_percent_per_day": 25}, 5, Brake.CAP_DAY_PERCENT),
    ],
    ids=["cap_run_count", "cap_run_percent", "cap_day_count", "cap_day_percent"],
)
def test_caps(acme: Account, twenty: list[Seat], cap: dict[str, int], allowed: int, brake: Brake) -> None:
    policy = rules(**cap)
    allowance = of_caps(acme, [policy], wanted=allowed + 1)
    assert allowance.refusal is not None
    assert (allowance.seats, allowance.refusal.brake) == (allowed, brake)
    assert of_caps(acme, [policy], wanted=allowed).refusal is None


def test_what_was_asked_today_counts_against_the_caps_of_the_day(acme: Account, twenty: list[Seat]) -> None:
    policy = rules(max_seats_per_day=4)
    taken(acme, twenty[:3])
    assert of_caps(acme, [policy], wanted=4).seats == 1
    SeatCall.objects.update(intended_at=ago(1))
    assert of_caps(acme, [policy], wanted=4).seats == 4


def test_what_was_taken_back_in_the_run_counts_against_its_caps(acme: Account, twenty: list[Seat]) -> None:
    policy = rules(max_seats_per_run=3)
    assert of_caps(acme, [policy], wanted=4, in_run=2).seats == 1
    assert of_caps(acme, [policy], wanted=4, in_run=5).seats == 0


def test_of_several_policies_the_strictest_caps(acme: Account, twenty: list[Seat]) -> None:
    loose, strict = rules(), rules(max_seats_per_run=1)
    loose.max_seats_per_run = 10
    assert of_caps(acme, [loose, strict], wanted=5).seats == 1


def test_a_share_of_few_seats_is_one_seat_unless_it_is_nothing(acme: Account) -> None:
    well(acme, idle(1, "ida"), busy(2, "bob"))
    assert of_caps(acme, [rules(max_percent_per_run=10)], wanted=2).seats == 1
    assert of_caps(acme, [rules(max_percent_per_run=0)], wanted=2).seats == 0


def test_last_seat(acme: Account) -> None:
    hold(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    assert of_last_seat(acme, wanted=2).refusal is None
    refusal = of_last_seat(acme, wanted=3).refusal
    assert refusal is not None
    assert refusal.brake == Brake.LAST_SEAT


def test_what_ends_already_or_is_about_to_does_not_remain(acme: Account) -> None:
    pending = grant(3, "bob", pending_cancellation_date=TODAY + timedelta(days=11))
    seats = hold(acme, idle(1, "ida"), idle(2, "ina"), pending, idle(4, "ivo"))
    assert of_last_seat(acme, wanted=3).seats == 2
    taken(acme, seats[:1])
    assert of_last_seat(acme, wanted=3).seats == 1
    assert of_last_seat(acme, wanted=3, batch=RevocationBatch.objects.get()).seats == 2


# --- The seat ---------------------------------------------------------------------------------


def test_wrong_path(acme: Account) -> None:
    by_team = idle(1, "ida", team_id=7, team_slug="web")
    seats = well(acme, by_team, busy(2, "bob"))
    assert brake_of(seats[0]) == Brake.WRONG_PATH
    hold(acme, idle(1, "ida"), busy(2, "bob"), at=NOON + timedelta(minutes=1))
    assert brake_of(seats[0]) is None


def test_several_grants(acme: Account) -> None:
    seats = well(acme, idle(1, "ida"), idle(1, "ida", team_id=7, team_slug="web"), busy(2, "bob"))
    assert brake_of(seats[0]) == Brake.SEVERAL_GRANTS


def test_not_inactive_and_active_again(ida: Seat) -> None:
    Evidence.objects.filter(user=ida.user).update(last_on=TODAY)
    assert brake_of(ida) == Brake.ACTIVE_AGAIN  # it is on somebody's desk
    SeatReview.objects.all().delete()
    assert brake_of(ida) == Brake.NOT_INACTIVE


def test_recent_sign_in_stops_the_automatic_mode_alone(ida: Seat) -> None:
    rules(mode="automatic")
    sign_in = Evidence.objects.create(user=ida.user, source="sign_in", last_on=TODAY - timedelta(days=30))
    assert brake_of(ida, automatic=True) == Brake.RECENT_SIGN_IN
    assert brake_of(ida) is None
    sign_in.last_on -= timedelta(days=1)
    sign_in.save()
    assert brake_of(ida, automatic=True) is None


def test_passive_review_recent_stops_the_automatic_mode_alone(ida: Seat) -> None:
    rules(mode="automatic")
    file = ReportFile.objects.first()
    assert file is not None
    line = line_of(ida.user, ida.account, TODAY - timedelta(days=30), file, only_passive_review=True)
    line.save()
    assert brake_of(ida, automatic=True) == Brake.PASSIVE_REVIEW_RECENT
    assert brake_of(ida) is None
    UserDay.objects.filter(pk=line.pk).update(day=TODAY - timedelta(days=31))
    assert brake_of(ida, automatic=True) is None


def test_exempt(ida: Seat) -> None:
    exemption = Exemption.objects.create(user=ida.user, reason="leave", until=TODAY, starts_on=TODAY)
    assert brake_of(ida) == Brake.EXEMPT
    exemption.starts_on = exemption.until = TODAY - timedelta(days=1)
    exemption.save()
    assert brake_of(ida) is None


def test_in_grace(acme: Account) -> None:
    seats = well(acme, idle(1, "ida", created=14), idle(2, "ina", created=15), busy(3, "bob"))
    tell(seats[0])
    assert brake_of(seats[0]) == Brake.IN_GRACE
    assert brake_of(seats[1]) is None


def test_unknown(acme: Account) -> None:
    """Nobody told when the seat was granted, and it is not watched for long enough."""
    seats = well(acme, idle(1, "ida", used=None), busy(2, "bob"), told=False)
    tell(seats[0])
    assert brake_of(seats[0]) is None
    Seat.objects.filter(pk=seats[0].pk).update(created_at=None)
    assert brake_of(seats[0]) == Brake.UNKNOWN


def test_unknown_where_a_use_is_dated_after_today(ida: Seat) -> None:
    """A clock is slow. Of each source only the newest day is kept: it hides those before."""
    Evidence.objects.filter(user=ida.user).update(last_on=TODAY + timedelta(days=1))
    assert stood(ida).judgement.is_inactive
    assert brake_of(ida) == Brake.UNKNOWN


def test_kept(ida: Seat) -> None:
    kept = SeatReview.objects.create(
        seat=ida, state="kept", verdict="idle", reason="", opened_on=TODAY, kept_until=TODAY
    )
    assert brake_of(ida) == Brake.KEPT
    kept.kept_until = TODAY - timedelta(days=1)
    kept.save()
    assert brake_of(ida) is None


def test_pending_already(ida: Seat) -> None:
    Seat.objects.filter(pk=ida.pk).update(pending_cancellation_date=TODAY + timedelta(days=11))
    ida.refresh_from_db()
    assert brake_of(ida) == Brake.PENDING_ALREADY


def test_pending_already_where_we_took_it_back_and_no_list_has_told(ida: Seat) -> None:
    SeatReview.objects.update(state="revoked")
    assert brake_of(ida) == Brake.PENDING_ALREADY


def test_seat_ended(ida: Seat) -> None:
    stands = stood(ida)
    Seat.objects.filter(pk=ida.pk).update(ended_at=NOON + timedelta(hours=1))
    stands.seat.refresh_from_db()
    refusal = SeatCheck(ida.account, TODAY, seats=[stands.seat])(stands)
    assert refusal is not None
    assert refusal.brake == Brake.SEAT_ENDED


def test_no_identity(ida: Seat) -> None:
    GitHubUser.objects.filter(pk=ida.user_id).update(github_id=None, provisional_key="ida")
    assert brake_of(ida) == Brake.NO_IDENTITY


def test_login_changed_hands(ida: Seat) -> None:
    other = GitHubUser.objects.create(github_id=5, login="IDA")
    seen = UserLogin.objects.create(
        user=other, login="IDA", login_key="ida", first_seen_on=TODAY, last_seen_on=TODAY
    )
    assert brake_of(ida) == Brake.LOGIN_CHANGED_HANDS
    UserLogin.objects.filter(pk=seen.pk).update(
        first_seen_on=TODAY - timedelta(days=99), last_seen_on=TODAY - timedelta(days=99)
    )
    assert brake_of(ida) is None  # whoever bore it long ago does so no longer


def test_not_watched_long_enough(ida: Seat) -> None:
    rules(min_watched_days=22)
    assert brake_of(ida) == Brake.NOT_WATCHED_LONG_ENOUGH
    rules(min_watched_days=21)
    assert brake_of(ida) is None


def test_not_watched_long_enough_without_any_whole_list(ida: Seat) -> None:
    Account.objects.update(watched_since=None, watched_until=None)
    assert brake_of(ida) == Brake.NOT_WATCHED_LONG_ENOUGH


@pytest.mark.parametrize(
    "spoil",
    [
        lambda review: SeatReview.objects.all().delete(),
        lambda review: SeatReview.objects.update(state="flagged"),
        lambda review: SeatReview.objects.update(notified_at=None),
        lambda review: SeatReview.objects.update(notice_ends_on=None),
        lambda review: Notice.objects.create(
            once_key="a", review=review, user=review.seat.user, state="failed"
        ),
    ],
    ids=["no review", "flagged", "nobody told", "no last day", "the mail failed"],
)
def test_notice_missing(ida: Seat, spoil: Callable[[SeatReview], Any]) -> None:
    assert brake_of(ida) is None
    spoil(SeatReview.objects.get())
    assert brake_of(ida) == Brake.NOTICE_MISSING


def test_a_notice_that_was_delivered_once_is_one(ida: Seat) -> None:
    review = SeatReview.objects.get()
    for key, state in (("a", "failed"), ("b", "sent")):
        Notice.objects.create(
            once_key=key, review=review, user=ida.user, state=state, sent_at=NOON if state == "sent" else None
        )
    assert brake_of(ida) is None


def test_notice_missing_where_the_seat_was_used_after_the_person_was_told(ida: Seat) -> None:
    """Nobody closed the review meanwhile: the notice is of another idleness."""
    SeatReview.objects.update(notified_at=ago(61))
    assert brake_of(ida) == Brake.NOTICE_MISSING


def test_a_policy_without_notice_days_needs_nobody_to_be_told(ida: Seat) -> None:
    SeatReview.objects.update(state="flagged", notified_at=None, notice_ends_on=None)
    assert brake_of(ida) == Brake.NOTICE_MISSING
    rules(notice_days=0)
    assert brake_of(ida) is None
    SeatReview.objects.all().delete()
    assert brake_of(ida) == Brake.NOTICE_MISSING  # it is on nobody's desk


def test_notice_running(ida: Seat) -> None:
    SeatReview.objects.update(notice_ends_on=TODAY)
    assert brake_of(ida) == Brake.NOTICE_RUNNING
    SeatReview.objects.update(notice_ends_on=TODAY - timedelta(days=1))
    assert brake_of(ida) is None


def test_answered_needed(ida: Seat) -> None:
    SeatReview.objects.update(answer="needed", answered_at=NOON)
    assert brake_of(ida) == Brake.ANSWERED_NEEDED


def test_not_a_working_day(ida: Seat) -> None:
    calendar = WorkingCalendar.objects.create(name="Berlin")
    rules(working_calendar=calendar)
    assert brake_of(ida) is None  # a Friday
    Holiday.objects.create(calendar=calendar, day=TODAY)
    assert of(ida.account) == [Brake.NOT_A_WORKING_DAY]
    assert brake_of(ida) == Brake.NOT_A_WORKING_DAY
    assert of(ida.account, executing=False) == []  # proposing is no harm
    assert brake_of(ida, executing=False) is None


def test_report_only(ida: Seat) -> None:
    rules(mode="report_only")
    assert brake_of(ida, automatic=True) == Brake.REPORT_ONLY
    assert brake_of(ida, by_portal=True) == Brake.REPORT_ONLY
    assert brake_of(ida) is None  # people may
    rules(mode="propose")
    assert brake_of(ida, automatic=True) == Brake.REPORT_ONLY
    assert brake_of(ida, by_portal=True) is None
    rules(mode="automatic")
    assert brake_of(ida, automatic=True) is None


def test_no_policy(ida: Seat) -> None:
    rules().delete()
    assert brake_of(ida) == Brake.NO_POLICY


def test_in_another_batch(ida: Seat) -> None:
    batch = RevocationBatch.objects.create(account=ida.account, seats_held=2)
    Revocation.objects.create(batch=batch, seat=ida, live_key=ida.pk, login="ida")
    assert brake_of(ida) == Brake.IN_ANOTHER_BATCH
    assert brake_of(ida, batch=batch) is None


# --- What proves absence ----------------------------------------------------------------------


def test_silent_source_of_one_seat_where_days_of_its_window_are_missing(ida: Seat) -> None:
    forget_usage(ida.account, since=22, until=20)
    assert brake_of(ida) is None  # the seat list has told a use before: it would tell the next
    forget_usage(ida.account, since=23, until=23)
    assert of(ida.account) == []
    assert brake_of(ida) == Brake.SILENT_SOURCE


def test_somebody_no_list_has_ever_told_of_needs_a_report_of_every_day(acme: Account) -> None:
    never, _ = well(acme, idle(1, "nora", used=None), busy(2, "bob"))
    assert brake_of(never) is None
    forget_usage(acme, since=20, until=20)
    assert brake_of(never) == Brake.SILENT_SOURCE


def test_a_missing_day_before_the_window_is_no_matter(ida: Seat) -> None:
    forget_usage(ida.account, since=60, until=31)
    assert brake_of(ida) is None
    forget_usage(ida.account, since=30, until=27)
    assert brake_of(ida) == Brake.SILENT_SOURCE


def test_few_quiet_days_are_told_and_many_in_a_row_are_not(acme: Account) -> None:
    never, _ = well(acme, idle(1, "nora", used=None), busy(2, "bob"))
    forget_usage(acme, since=22, until=20)
    heard(acme, range(20, 23), quiet=True)
    assert brake_of(never) is None
    forget_usage(acme, since=23, until=23)
    heard(acme, [23], quiet=True)
    assert brake_of(never) == Brake.SILENT_SOURCE


def test_a_day_of_which_github_has_no_report_is_a_quiet_one_once_it_has_settled(acme: Account) -> None:
    never, _ = well(acme, idle(1, "nora", used=None), busy(2, "bob"))
    day = TODAY - timedelta(days=20)
    forget_usage(acme, since=20, until=20)
    AskedDay.remember(acme, "users", day, ago(19))
    assert brake_of(never) == Brake.SILENT_SOURCE  # it may still have come
    AskedDay.remember(acme, "users", day, ago(10))
    assert brake_of(never) is None


def test_somebody_no_list_has_ever_told_of_needs_reports_that_could_be_read_whole(acme: Account) -> None:
    never, ida, _ = well(acme, idle(1, "nora", used=None), idle(2, "ida"), busy(3, "bob"))
    ReportFile.objects.update(rows_read=1, rows_rejected=1)
    assert brake_of(never) == Brake.SILENT_SOURCE  # the line may have been hers
    assert brake_of(ida) is None


def test_a_day_seen_too_early_and_never_again_is_missing(acme: Account) -> None:
    never, _ = well(acme, idle(1, "nora", used=None), busy(2, "bob"))
    day = ReportDay.objects.filter(day=TODAY - timedelta(days=20))
    day.update(observed_at=ago(18))
    assert brake_of(never) == Brake.SILENT_SOURCE
    day.update(observed_at=ago(17))
    assert brake_of(never) is None


def test_unknown_since_a_sign_in_of_which_reports_have_yet_to_tell(ida: Seat) -> None:
    forget_usage(ida.account, since=2)
    sign_in = Evidence.objects.create(user=ida.user, source="sign_in", last_on=TODAY - timedelta(days=3))
    assert brake_of(ida) is None  # the report of that day is there, and has nothing
    sign_in.last_on += timedelta(days=1)
    sign_in.save()
    assert brake_of(ida) == Brake.UNKNOWN


def test_an_upload_that_is_not_whole_tells_nothing_of_who_is_missing(ida: Seat) -> None:
    ReportDay.objects.update(is_complete=False)
    assert of(ida.account) == [Brake.SILENT_SOURCE]


def without_reports(account: Account, *grants: Any) -> list[Seat]:
    rules(needs_usage_reports=False)
    seats = well(account, *grants)
    forget_usage(account, since=99)
    return seats


def test_unknown_where_only_a_sign_in_is_known_and_no_reports_tell(acme: Account) -> None:
    """With telemetry off a daily user has no activity, and a sign-in of months ago."""
    signed_in, _ = without_reports(
        acme, idle(1, "ida", used=None, last_authenticated_at=ago(80)), busy(2, "bob")
    )
    assert brake_of(signed_in) == Brake.UNKNOWN
    heard(acme)
    assert brake_of(signed_in) is None


def test_unknown_where_somebody_signed_in_after_the_last_use_and_no_reports_tell(acme: Account) -> None:
    later, before, _ = without_reports(
        acme,
        idle(1, "ida", used=60, last_authenticated_at=ago(50)),
        idle(2, "ina", used=60, last_authenticated_at=ago(70)),
        busy(3, "bob"),
    )
    assert brake_of(later) == Brake.UNKNOWN
    assert brake_of(before) is None


def test_who_never_signed_in_never_used_it_where_lists_tell_of_sign_ins(acme: Account) -> None:
    never, _ = without_reports(acme, idle(1, "nora", used=None), busy(2, "bob"))
    assert brake_of(never) == Brake.UNKNOWN  # the list tells of nobody's
    Seat.objects.filter(user__login="bob").update(last_authenticated_at=ago(2))
    assert brake_of(never) is None


# --- All of them ------------------------------------------------------------------------------


def test_every_brake_has_a_meaning() -> None:
    assert set(BRAKES) == set(Brake)
    for meaning in BRAKES.values():
        assert meaning.sentence.endswith(".")
        assert meaning.remedy.endswith(".")
    assert len({meaning.name for meaning in BRAKES.values()}) == len(Brake)


def test_every_brake_is_tested_by_its_name() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    named = {name.lower() for name in re.findall(r"Brake\.([A-Z_]+)", tests)} | set(
        re.findall(r'"([a-z_]+)"', tests)
    )
    assert {brake.value for brake in Brake} <= named


def test_the_checks_of_many_seats_ask_no_query_for_each(
    acme: Account, django_assert_max_num_queries: Any
) -> None:
    well(acme, *(idle(number, f"p{number}") for number in range(1, 121)))
    stands = list(standing(today(), acme))
    with django_assert_max_num_queries(25):
        check = SeatCheck(acme, today(), automatic=True)
    with django_assert_max_num_queries(0):
        assert {refusal.brake for one in stands if (refusal := check(one))} == {Brake.REPORT_ONLY}
