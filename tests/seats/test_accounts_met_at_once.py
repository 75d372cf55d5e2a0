"""Two imports meet the same account in the same moment: one makes it, and the other finds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from metrics.models import UserDay
from portal.models import ReportFile
from seats.accounts import meet, meet_current
from seats.models import Account
from tests.metrics.report_files import take, user_day, write_lines

pytestmark = pytest.mark.django_db(transaction=True)

ORGANIZATION = Account.Kind.ORGANIZATION
# How long the first goes on with what nobody else sees yet.
GOES_ON_SECONDS = 0.4
# One import writes a batch in one transaction; whoever connects an account asks without one.
WAYS = {"in a transaction": transaction.atomic, "by itself": nullcontext}


@contextmanager
def not_yet_committed(make: Callable[[], object]) -> Iterator[None]:
    """Around what happens while somebody else has made what `make` makes, and not committed it."""
    has_made, troubles = threading.Event(), []

    def work() -> None:
        try:
            with transaction.atomic():
                make()
                has_made.set()
                threading.Event().wait(GOES_ON_SECONDS)
        except BaseException as error:  # noqa: BLE001 - told by the test
            troubles.append(error)
            has_made.set()
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    assert has_made.wait(30)
    try:
        yield
    finally:
        worker.join()
    assert not troubles


@pytest.fixture(params=[False, True], ids=["the first of all", "one of several"])
def others(request: pytest.FixtureRequest) -> None:
    """Accounts that are known already: none, or one."""
    if request.param:
        meet(ORGANIZATION, login="globex", github_id=1)


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", [{"login": "acme"}, {"login": "acme", "github_id": 7}])
def test_whoever_comes_second_finds_what_the_first_has_made(way: str, told: dict[str, Any]) -> None:
    around: Callable[[], AbstractContextManager[Any]] = WAYS[way]

    with not_yet_committed(lambda: meet(ORGANIZATION, **told)), around():
        met = meet(ORGANIZATION, **told)

    named = Account.objects.exclude(login="globex").get()
    assert met == named
    assert (named.login, named.github_id) == (told.get("login", ""), told.get("github_id"))


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("way", WAYS)
def test_what_github_says_at_the_same_moment_is_of_the_same_account(way: str) -> None:
    with not_yet_committed(lambda: meet(ORGANIZATION, github_id=7)), WAYS[way]():
        meet_current(ORGANIZATION, login="acme", github_id=7)

    named = Account.objects.exclude(login="globex").get()
    assert (named.login, named.github_id) == ("acme", 7)


@pytest.mark.parametrize("way", WAYS)
def test_an_id_told_of_a_login_joins_the_account_that_was_made_of_the_id_meanwhile(way: str) -> None:
    meet(ORGANIZATION, login="acme")

    with not_yet_committed(lambda: meet(ORGANIZATION, github_id=7)), WAYS[way]():
        met = meet(ORGANIZATION, login="acme", github_id=7)

    assert met == Account.objects.get()
    assert (met.login, met.github_id) == ("acme", 7)


@pytest.mark.usefixtures("others")
def test_two_files_of_an_organization_nobody_has_met_are_both_taken_in(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path / "data"
    first, second = (
        write_lines(tmp_path / f"{one}.ndjson", [user_day(one, "2026-09-10", organization=7)])
        for one in (1, 2)
    )

    with not_yet_committed(lambda: take(first)):
        told = take(second)

    assert not told.error
    assert {file.state for file in ReportFile.objects.all()} == {ReportFile.State.DONE}
    assert UserDay.objects.filter(account__github_id=7).count() == 2
