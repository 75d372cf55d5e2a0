"""Teams: who is in them today, who maintains them, what hangs below what, and what is gone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from portal import jobs
from portal.models import Connection, Job, ReportFile
from seats.models import Account, Team, TeamMembership
from seats.sync import steps
from tests.fake_github import FakeGitHub, Organization, Request, State, Trouble
from tests.seats.sync.running import done, run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def members(slug: str) -> dict[str, str]:
    rows = TeamMembership.objects.filter(team__slug=slug)
    return {row.user.login: f"{row.role}{' by a child' if row.is_inherited else ''}" for row in rows}


def is_list_of(what: str) -> object:
    def asks(request: Request) -> bool:
        return request.path.endswith(what)

    return asks


def make_teams(octo: Organization, count: int, people: int = 2) -> None:
    for number in range(1, count + 1):
        some = [octo.member(f"user-{number}-{one}", number * 100 + one) for one in range(people)]
        octo.team(f"Team {number}", members=some)


def test_members_maintainers_and_those_of_child_teams(octo: Organization, account: Account) -> None:
    ada, bob, cleo = (octo.member(login, number) for number, login in enumerate(["ada", "bob", "cleo"], 1))
    web = octo.team("Web", members=[ada, bob])
    web.maintainers.add(1)
    octo.team("Frontend", parent=web, members=[cleo])

    tally = done("teams", account)

    assert members("web") == {"ada": "maintainer", "bob": "member", "cleo": "member by a child"}
    assert members("frontend") == {"cleo": "member"}
    child = Team.objects.get(slug="frontend")
    assert child.parent is not None
    assert (child.parent.slug, child.kind, child.privacy) == ("web", "organization", "closed")
    assert tally["rows_seen"] == 2 + 4


def test_teams_cost_a_request_for_each_hundred_and_one_for_the_members_of_each(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    make_teams(octo, 101, people=1)

    tally = done("teams", account)

    counted = github.counted()
    assert counted["GET /orgs/{org}/teams"] == 2
    assert counted["GET /orgs/{org}/teams/{team_slug}/members"] == 101
    assert tally["requests"] == 103


def test_a_second_run_writes_nothing_new(octo: Organization, account: Account) -> None:
    make_teams(octo, 3)
    done("teams", account)

    tally = done("teams", account)

    assert (tally["rows_new"], tally["rows_changed"], tally["rows_unchanged"]) == (0, 0, 3 + 6)


def test_a_renamed_team_keeps_its_id_and_remembers_its_slug(octo: Organization, account: Account) -> None:
    team = octo.team("Zeta")
    done("teams", account)
    team.rename("Alpha")

    done("teams", account)

    known = Team.objects.get()
    assert (known.slug, known.name, known.former_slugs) == ("alpha", "Alpha", ["zeta"])


def test_a_team_that_is_gone_keeps_its_past_and_has_no_members_today(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    make_teams(octo, 3)
    done("teams", account)
    clock.shift(timedelta(days=1))
    gone = octo.teams.pop(1)

    tally = done("teams", account)

    team = Team.objects.get(github_id=gone.id)
    assert team.gone_at == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert members("team-2") == {}
    assert tally["ended"] == ["team team-2"]

    octo.teams.append(gone)
    done("teams", account)
    assert Team.objects.get(github_id=gone.id).gone_at is None
    assert len(members("team-2")) == 2


def test_a_team_that_only_reports_know_is_not_taken_for_gone(octo: Organization, account: Account) -> None:
    secret = Team.objects.create(account=account, github_id=5, slug="secret")
    make_teams(octo, 1)

    done("teams", account)

    secret.refresh_from_db()
    assert secret.gone_at is None


def test_no_team_at_all_is_believed_an_hour_later(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    make_teams(octo, 3)
    done("teams", account)
    octo.teams.clear()

    tally = done("teams", account)
    assert "they stay as known" in tally["notes"][0]
    assert Team.objects.existing().count() == 3

    clock.shift(timedelta(hours=1, minutes=1))
    done("teams", account)
    assert Team.objects.existing().count() == 0


def test_a_team_without_anybody_is_believed_an_hour_later(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    make_teams(octo, 1)
    done("teams", account)
    octo.teams[0].members.clear()

    tally = done("teams", account)
    assert "they stay as known" in tally["notes"][0]
    assert len(members("team-1")) == 2

    clock.shift(timedelta(hours=1, minutes=1))
    assert done("teams", account)["rows_ended"] == 2


def test_a_team_whose_members_are_hidden_is_named_and_the_others_are_read(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    make_teams(octo, 3)
    done("teams", account)
    hidden = octo.teams[1]

    def delete_between(request: Request) -> None:
        if request.path.endswith("/team-2/members") and hidden in octo.teams:
            octo.teams.remove(hidden)

    github.before_answer = delete_between

    tally = done("teams", account)

    assert any("team-2" in note for note in tally["notes"])
    assert len(members("team-2")) == 2


# --- Stopped in the middle --------------------------------------------------------------------


def test_a_run_that_is_stopped_goes_on_behind_the_last_team(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    make_teams(octo, 6)
    github.trouble = Trouble(
        "429", retry_after=600, times=1, where=lambda request: request.path.endswith("/team-4/members")
    )
    job = run("teams", account)
    assert job.state == Job.State.QUEUED
    assert job.run_after is not None
    assert TeamMembership.objects.values("team").distinct().count() == 3

    github.trouble = None
    github.forget()
    with time_machine.travel(job.run_after + timedelta(seconds=1), tick=False):
        jobs.run(job.pk, steps.work)

    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.DONE, "")
    assert TeamMembership.objects.values("team").distinct().count() == 6
    asked = [request.path for request in github.requests if request.path.endswith("/members")]
    assert asked == [f"/orgs/octo/teams/team-{number}/members" for number in (4, 5, 6)]
    assert github.too_early == []


# --- Teams of an enterprise -------------------------------------------------------------------


@pytest.fixture
def enterprise(state: State, connection: Connection, octo: Organization) -> Account:
    big = state.enterprise("big", 77, organizations=[octo])
    big.team("Everybody", members=[octo.member("ada", 1)], organizations=[octo])
    return Account.objects.create(kind="enterprise", login="big", connection=connection)


def test_teams_of_an_enterprise_are_the_enterprises(enterprise: Account, octo: Organization) -> None:
    octo.team("Web", members=[octo.member("bob", 2)])
    organization = Account.objects.create(kind="organization", login="octo", parent=enterprise)

    done("teams", enterprise)
    done("teams", organization)

    found = Team.objects.values_list("account__login", "slug", "kind")
    assert sorted(found) == [("big", "ent:everybody", "enterprise"), ("octo", "web", "organization")]
    assert members("ent:everybody") == {"ada": "member"}


def test_an_enterprise_team_is_read_through_the_organization_where_nobody_speaks_for_the_enterprise(
    enterprise: Account, account: Account
) -> None:
    Account.objects.filter(pk=enterprise.pk).update(connection=None)
    Account.objects.filter(pk=account.pk).update(parent=enterprise)

    done("teams", account)

    assert members("ent:everybody") == {"ada": "member"}


# --- Beside the reports of usage --------------------------------------------------------------


def test_a_report_of_an_earlier_day_does_not_change_who_is_in_a_team_today(
    octo: Organization, account: Account
) -> None:
    from pyroaring import BitMap

    from metrics.ingest.team_rosters import show_memberships
    from metrics.models import TeamRoster

    make_teams(octo, 1)
    done("teams", account)
    team = Team.objects.get()
    file = ReportFile.objects.create(source="command", kind="user-teams-1-day", name="f", size=1, sha256="0")
    TeamRoster.objects.create(
        file=file,
        team=team, day=date(2026, 11, 19), members=BitMap().serialize(), member_count=0,
        observed_at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip

    show_memberships([team.pk])

    assert len(members("team-1")) == 2
