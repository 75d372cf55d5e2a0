"""Lists are read to their end: every page once, several at a time, and never beyond GitHub's own host."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.github.auth import TokenAuth
from portal.github.client import GitHub, Target
from portal.github.errors import UnexpectedReply
from tests.fake_github import FakeGitHub, Organization, Request, State, Trouble, seat
from tests.portal.github.conftest import CORP, OCTO, MakeClient
from tests.portal.github.scripted import Scripted, reply


def pages_of(fake: FakeGitHub) -> list[int]:
    return sorted(int(request.query.get("page", 1)) for request in fake.requests)


def test_a_roster_costs_a_request_for_every_hundred_seats(client: GitHub, fake: FakeGitHub) -> None:
    seats = client.seats(OCTO)
    assert [one.assignee_id for one in seats.seats] == list(range(1000, 1250))
    assert seats.is_complete
    assert (seats.totals, seats.total, seats.people, seats.pages) == ({250}, 250, 250, 3)
    assert pages_of(fake) == [1, 2, 3]
    assert {request.query["per_page"] for request in fake.requests} == {"100"}
    assert (client.counted.requests, client.counted.pages, client.counted.retries) == (3, 3, 0)


def test_the_pages_are_kept_as_they_came(client: GitHub) -> None:
    seats = client.seats(OCTO)
    assert [page.count(b'"assignee":') for page in seats.raw_pages] == [100, 100, 50]
    assert len(repr(seats)) < 200_000
    assert "raw_pages" not in repr(seats)


def test_a_roster_is_as_of_its_first_page(client: GitHub, fake: FakeGitHub, state: State) -> None:
    moment = datetime(2026, 11, 19, 23, 59, 59, tzinfo=UTC)
    state.now = lambda: moment
    assert client.seats(OCTO).observed_at == moment


def test_progress_is_told_page_by_page(client: GitHub) -> None:
    told: list[tuple[int, int, int]] = []
    client.seats(OCTO, lambda done, total: told.append((done, total, threading.get_ident())))
    assert told == [(done, 3, threading.get_ident()) for done in (1, 2, 3)]


@pytest.mark.parametrize("parallel", [1, 4, 8])
def test_pages_are_asked_for_so_many_at_a_time_and_no_more(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization, parallel: int
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(1000))
    fake.latency = 0.05
    assert make_client(parallel=parallel).seats(OCTO).is_complete
    # A busy machine may not get the last thread going in time.
    assert parallel / 2 <= fake.busiest <= parallel


def test_every_thread_keeps_its_connection(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(1000))
    client = make_client(parallel=3)
    client.seats(OCTO)
    client.seats(OCTO)
    assert len({request.connection for request in fake.requests}) <= 4


def test_an_empty_roster_is_one_empty_page(client: GitHub, octo: Organization) -> None:
    octo.seats.clear()
    seats = client.seats(OCTO)
    assert (seats.seats, seats.pages, seats.is_complete, seats.total) == ([], 1, True, 0)


def test_an_enterprise_counts_a_person_once(client: GitHub, state: State, octo: Organization) -> None:
    other = state.organization("other", id=9002)
    corp = state.enterprises[0]
    corp.organizations.append(other)
    other.seats.append(seat(octo.members[0]))
    seats = client.seats(CORP)
    assert (len(seats.seats), seats.people, seats.total) == (251, 250, 250)
    assert seats.is_complete
    assert {one.organization_login for one in seats.seats} == {"octo", "other"}


def test_a_seat_that_cannot_be_read_makes_the_roster_incomplete(client: GitHub, octo: Organization) -> None:
    octo.seats[120] = {**octo.seats[120], "assignee": None}
    seats = client.seats(OCTO)
    assert not seats.is_complete
    assert [(one.number, "no `assignee`" in one.reason) for one in seats.broken] == [(121, True)]
    assert seats.shortfall == "1 of its seats cannot be read"


@pytest.mark.parametrize(
    ("kind", "shortfall"),
    [("shift", "different totals"), ("shift-join", "different totals"), ("shift-swap", "people of 250")],
)
def test_a_roster_that_changed_while_it_was_read_is_not_complete(
    client: GitHub, fake: FakeGitHub, kind: Any, shortfall: str
) -> None:
    fake.trouble = Trouble(kind, where=lambda request: request.query.get("page") == "2")
    seats = client.seats(OCTO)
    assert not seats.is_complete
    assert shortfall in seats.shortfall


def test_seats_that_come_while_the_last_page_is_read_are_followed(
    client: GitHub, fake: FakeGitHub, octo: Organization
) -> None:
    """The first page told of three pages; when the third is given there are four."""
    more = [seat(octo.member(f"new-{number}")) for number in range(100)]

    def grow(request: Request) -> None:
        if request.query.get("page") == "3" and more:
            octo.seats.extend(more)
            more.clear()

    fake.before_answer = grow
    seats = client.seats(OCTO)
    assert seats.pages == 4
    assert not seats.is_complete, "the earlier pages told another total"


def test_a_list_that_does_not_tell_its_last_page_is_followed() -> None:
    with Scripted(
        reply(b'{"total_seats":2,"seats":[]}', Link='</x?after=b>; rel="next"'),
        reply(b'{"total_seats":2,"seats":[]}', Link='</y?after=c>; rel="next"'),
        reply(b'{"total_seats":2,"seats":[]}'),
    ) as server:
        assert _pages_at(server.url) == 3
        assert [request.split()[1] for request in server.requests[1:]] == [b"/x?after=b", b"/y?after=c"]


def test_a_constant_next_page_is_noticed(client: GitHub, fake: FakeGitHub) -> None:
    fake.trouble = Trouble("endless-next")
    with pytest.raises(UnexpectedReply, match="leads in a circle"):
        client.seats(OCTO)
    assert len(fake.requests) <= 2


def test_a_list_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.github.pages.MOST_PAGES", 5)
    link = '<{}/x?page={}>; rel="next"'
    replies = [reply(b'{"seats":[]}', Link=link.format("", number)) for number in range(10)]
    with Scripted(*replies) as server, pytest.raises(UnexpectedReply, match="does not end"):
        _pages_at(server.url)
    with (
        Scripted(
            reply(b'{"seats":[]}', Link='</x?page=2>; rel="next", </x?page=999999>; rel="last"')
        ) as server,
        pytest.raises(UnexpectedReply, match="999,999 pages"),
    ):
        _pages_at(server.url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x?page=2",
        "http://127.0.0.1:1/x?page=2",
        "http://x@127.0.0.1/x?page=2",
        "file:///x",
    ],
)
def test_a_next_page_on_another_host_never_gets_the_token(url: str) -> None:
    with (
        Scripted(reply(b'{"total_seats":2,"seats":[]}', Link=f'<{url}>; rel="next"')) as server,
        pytest.raises(UnexpectedReply, match="another host") as caught,
    ):
        _pages_at(server.url)
    assert "evil" not in str(caught.value)


def _pages_at(url: str) -> int:
    with GitHub(url, TokenAuth("t0ken"), retries=0) as client:
        return client.seats(OCTO).pages


def test_one_bad_page_spoils_the_roster_and_stops_the_others(
    make_client: MakeClient, fake: FakeGitHub, octo: Organization
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(3000))
    fake.latency = 0.005
    fake.trouble = Trouble("wrong-shape", where=lambda request: request.query.get("page") == "4")
    with pytest.raises(UnexpectedReply, match="another shape"):
        make_client(parallel=2).seats(OCTO)
    asked = len(fake.requests)
    time.sleep(0.1)
    assert len(fake.requests) <= asked + 2 < 20


def test_members_teams_and_their_members(client: GitHub, octo: Organization, state: State) -> None:
    parent = octo.team("Platform", members=octo.members[:2])
    octo.team("Core", parent=parent, members=octo.members[1:130])
    assert [one.login for one in client.members("octo")] == [one["login"] for one in octo.members]
    assert client.members("octo", role="admin") == []
    teams = {team.slug: team for team in client.teams("octo")}
    assert teams["core"].parent is not None
    assert (teams["core"].parent.id, teams["core"].parent.slug) == (parent.id, "platform")
    assert teams["platform"].parent is None
    assert len(client.team_members("octo", "core")) == 129
    inherited = {one.login: one.inherited for one in client.team_members("octo", "platform")}
    assert len(inherited) == 130
    assert inherited["user-000"] is not True
    assert inherited["user-129"] is True


def test_enterprise_teams_their_members_and_organizations(
    client: GitHub, octo: Organization, state: State
) -> None:
    team = state.enterprises[0].team("Everybody", members=octo.members[:3], organizations=[octo])
    [found] = client.enterprise_teams("octo-corp")
    assert (found.id, found.slug, found.is_enterprise) == (team.id, "ent:everybody", True)
    for name in (found.slug, str(found.id)):
        assert len(client.enterprise_team_members("octo-corp", name)) == 3
        assert [one.login for one in client.enterprise_team_organizations("octo-corp", name)] == ["octo"]


def test_one_organization_its_subscription_and_the_tokens_own(client: GitHub, octo: Organization) -> None:
    octo.member("octocat")
    assert client.organization("OCTO").id == 9001
    assert [one.login for one in client.own_organizations()] == ["octo"]
    billing = client.billing("octo")
    assert (billing.seat_breakdown.total, billing.plan_type) == (250, "business")
    assert billing.seat_management_setting == "assign_selected"


def test_a_single_seat_is_one_object_or_a_list(client: GitHub, state: State, octo: Organization) -> None:
    other = state.organization("other", id=9002)
    state.enterprises[0].organizations.append(other)
    other.seats.append(seat(octo.members[0]))
    assert [one.assignee_login for one in client.seat(OCTO, "USER-000")] == ["user-000"]
    assert sorted(one.organization_login for one in client.seat(CORP, "user-000")) == ["octo", "other"]


def test_names_are_quoted_in_paths(client: GitHub, fake: FakeGitHub) -> None:
    for ask in (
        lambda: client.seats(Target("organization", "a/../b?c#d")),
        lambda: client.team_members("octo", "x/y"),
        lambda: client.seat(OCTO, "../../user"),
    ):
        with pytest.raises(Exception, match="GitHub"):
            ask()
    assert not [request for request in fake.requests if request.path.endswith("/user")]
    assert fake.requests[0].path.startswith("/orgs/a%2F..%2Fb%3Fc%23d/")


def test_the_older_systems_give_raw_pages(client: GitHub, state: State, octo: Organization) -> None:
    state.serves_legacy_metrics = state.serves_legacy_usage = True
    week_ago = state.today - timedelta(days=7)
    days = [week_ago.isoformat()]
    octo.legacy_metrics[""] = [{"date": day, "total_active_users": 5} for day in days]
    octo.legacy_usage[""] = [{"day": day, "total_suggestions_count": 5, "breakdown": []} for day in days]
    [metrics] = client.legacy_metrics(OCTO, since=week_ago, until=state.today)
    [usage] = client.legacy_usage(OCTO)
    assert b'"total_active_users"' in metrics
    assert b'"total_suggestions_count"' in usage


def test_what_github_leaves_out_is_noticed() -> None:
    partial = reply(b'{"total_seats":0,"seats":[]}', X_GitHub_SSO="partial-results; organizations=21955855")
    with Scripted(partial) as server, GitHub(server.url, TokenAuth("t0ken")) as client:
        seats = client.seats(OCTO)
    assert not seats.is_complete
    assert "single sign-on" in seats.shortfall
