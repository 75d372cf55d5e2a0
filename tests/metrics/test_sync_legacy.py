"""The two older systems on the wire: asked only of a server that still answers them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from metrics.models import LegacyDay, ReportDay, ScopeDay, UserDay
from metrics.sync import legacy
from portal.connections import github_for
from portal.github.client import LEGACY_PAGE_SIZES
from portal.github.errors import BadCredentials
from portal.models import Connection, ReportFile
from seats.models import Account, Team
from seats.sync.tally import Tally
from tests.conftest import TODAY
from tests.fake_github import FakeGitHub, State, Trouble
from tests.metrics.formats.made import legacy_metrics_day, legacy_usage_day
from tests.metrics.report_files import take, write_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TOKEN = "a-token-that-only-the-tests-use"


class Silent:
    """Nobody looks on, and nobody stops it."""

    def progress(self, done: int, total: int | None = None, note: str = "") -> None: ...

    def should_stop(self) -> None: ...


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def state(clock: object) -> State:
    """A server that speaks both older systems still."""
    state = State()
    state.token(TOKEN)
    state.serves_legacy_metrics = state.serves_legacy_usage = True
    return state


@pytest.fixture
def server(state: State) -> Iterator[FakeGitHub]:
    with FakeGitHub(state) as running:
        yield running


@pytest.fixture
def connection(server: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("TOKEN_OF_THE_TESTS", TOKEN)
    return Connection.objects.create(
        name="octo", base_url=server.url, secret_env="TOKEN_OF_THE_TESTS", legacy_apis=True
    )


@pytest.fixture
def account(connection: Connection) -> Account:
    return Account.objects.create(kind="organization", login="octo", connection=connection)


def metrics_days(count: int, **changes: Any) -> list[dict[str, Any]]:
    """The newest days, until yesterday."""
    return [
        legacy_metrics_day(date=str(TODAY - timedelta(days=back)), total_active_users=10, **changes)
        for back in range(count, 0, -1)
    ]


def usage_days(count: int) -> list[dict[str, Any]]:
    return [legacy_usage_day(day=str(TODAY - timedelta(days=back))) for back in range(count, 0, -1)]


def sync(account: Account) -> Tally:
    assert account.connection is not None
    named = {account.kind: account.login}
    with github_for(account.connection, **named) as github:  # type: ignore[arg-type]
        return legacy.sync(account, github, Silent())


def stored() -> set[tuple[str, str, int]]:
    days = LegacyDay.objects.order_by().values_list("api", "team_slug")
    return {(api, team, len([one for one in days if one == (api, team)])) for api, team in days}


def test_both_systems_are_taken_in_with_the_days_of_each_team(
    server: FakeGitHub, state: State, account: Account
) -> None:
    octo = state.organization("octo", 900)
    octo.team("Front End", number=7)
    octo.legacy_metrics = {"": metrics_days(100), "front-end": metrics_days(60)}
    octo.legacy_usage = {"": usage_days(28), "front-end": usage_days(3)}
    Team.objects.create(account=account, github_id=7, slug="front-end")
    tally = sync(account)
    assert stored() == {
        ("metrics", "", 100),
        ("metrics", "front-end", 60),
        ("usage", "", 28),
        ("usage", "front-end", 3),
    }
    assert (tally.rows_seen, tally.rows_new, tally.rows_rejected) == (191, 191, 0)
    assert tally.requests == len(server.requests)
    assert set(ReportFile.objects.values_list("source", "state")) == {("download", "done")}
    for model in (UserDay, ScopeDay, ReportDay):
        assert not model.objects.exists()


def test_an_enterprise_and_its_teams_are_asked_by_slug(state: State, connection: Connection) -> None:
    corp = state.enterprise("octo-corp", 42)
    corp.legacy_metrics = {"": metrics_days(5)}
    account = Account.objects.create(kind="enterprise", login="octo-corp", connection=connection)
    sync(account)
    assert set(LegacyDay.objects.values_list("account", "api")) == {(account.pk, "metrics")}


def test_a_second_sync_changes_no_figure(state: State, account: Account) -> None:
    octo = state.organization("octo", 900)
    octo.legacy_metrics = {"": metrics_days(10)}
    sync(account)
    before = list(LegacyDay.objects.order_by("pk").values_list("pk", "day", "content_hash"))
    tally = sync(account)
    assert (tally.rows_unchanged, tally.rows_new, tally.rows_changed) == (10, 0, 0)
    assert list(LegacyDay.objects.order_by("pk").values_list("pk", "day", "content_hash")) == before


def test_a_restated_day_is_changed_and_a_saved_answer_does_not_change_it_back(
    state: State, account: Account, tmp_path: Path, clock: Any
) -> None:
    octo = state.organization("octo", 900)
    octo.legacy_metrics = {"": metrics_days(3)}
    sync(account)
    octo.legacy_metrics = {"": [*metrics_days(3)[:2], *metrics_days(1, total_engaged_users=1)]}
    clock.shift(timedelta(hours=6))
    assert sync(account).rows_changed == 1
    newest = LegacyDay.objects.get(day=TODAY - timedelta(days=1))
    assert newest.total_engaged_users == 1
    outcome = take(write_lines(tmp_path / "saved", metrics_days(3)), organization="octo")
    assert outcome.counts.rows_superseded == 1
    newest.refresh_from_db()
    assert newest.total_engaged_users == 1


def test_what_is_switched_off_is_not_asked_and_says_that_github_closed_it(
    server: FakeGitHub, account: Account
) -> None:
    Connection.objects.update(legacy_apis=False)
    account.refresh_from_db()
    [note] = sync(account).notes
    assert "switched off for this connection" in note
    assert "closed copilot/usage in February 2025" in note
    assert "closed copilot/metrics on 2 April 2026" in note
    assert server.requests == []


def test_a_server_that_answers_neither_is_told_in_words_and_asked_once_each(
    server: FakeGitHub, state: State, account: Account
) -> None:
    state.organization("octo", 900)
    state.serves_legacy_metrics = state.serves_legacy_usage = False
    for number in range(3):
        Team.objects.create(account=account, github_id=number + 1, slug=f"team-{number}")
    tally = sync(account)
    assert tally.notes == [
        "copilot/metrics: this server does not answer it. GitHub closed copilot/metrics on 2 April 2026.",
        "copilot/usage: this server does not answer it. GitHub closed copilot/usage in February 2025.",
    ]
    assert len(server.requests) == 2


def test_a_policy_that_is_off_stops_one_system_and_not_the_other(state: State, account: Account) -> None:
    octo = state.organization("octo", 900)
    octo.metrics_policy_is_on = False
    octo.legacy_usage = {"": usage_days(2)}
    [note] = sync(account).notes
    assert note.startswith("copilot/metrics: ")
    assert stored() == {("usage", "", 2)}


def test_a_team_that_is_refused_does_not_keep_the_others_from_being_read(
    state: State, account: Account
) -> None:
    octo = state.organization("octo", 900)
    octo.team("B", number=2)
    octo.legacy_metrics = {"": metrics_days(2), "b": metrics_days(2)}
    for number, slug in enumerate(("a-that-is-gone", "b"), start=1):
        Team.objects.create(account=account, github_id=number, slug=slug)
    notes = sync(account).notes
    assert [note.partition(":")[0] for note in notes] == [
        "copilot/metrics, team a-that-is-gone",
        "copilot/usage, team a-that-is-gone",
    ]
    assert stored() == {("metrics", "", 2), ("metrics", "b", 2)}


def test_days_before_the_first_day_asked_for_are_not_asked(state: State, account: Account) -> None:
    octo = state.organization("octo", 900)
    octo.legacy_metrics = {"": metrics_days(10)}
    assert account.connection is not None
    with github_for(account.connection, organization="octo") as github:
        first = TODAY - timedelta(days=4)
        legacy.sync(account, github, Silent(), since=first, until=first + timedelta(days=1))
    assert set(LegacyDay.objects.values_list("day", flat=True)) == {first, date(2026, 11, 17)}


def test_trouble_on_the_way_leaves_what_was_taken_in_and_is_raised(
    server: FakeGitHub, state: State, account: Account
) -> None:
    octo = state.organization("octo", 900)
    octo.legacy_metrics, octo.legacy_usage = {"": metrics_days(2)}, {"": usage_days(2)}
    server.trouble = Trouble(kind="401", rate=1.0, where=lambda request: request.path.endswith("/usage"))
    assert account.connection is not None
    with (
        github_for(account.connection, organization="octo") as github,
        pytest.raises(BadCredentials),
    ):
        legacy.sync(account, github, Silent())
    assert stored() == {("metrics", "", 2)}
    server.trouble = None
    sync(account)
    assert stored() == {("metrics", "", 2), ("usage", "", 2)}


def test_pages_are_read_to_the_last_though_the_server_links_none(
    server: FakeGitHub, state: State, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEGACY_PAGE_SIZES, "usage", 5)
    state.organization("octo", 900).legacy_usage = {"": usage_days(20)}
    sync(account)
    assert stored() == {("usage", "", 20)}
    asked = [request.query.get("page", "1") for request in server.requests if "usage" in request.path]
    assert asked == ["1", "2", "3", "4", "5"]
