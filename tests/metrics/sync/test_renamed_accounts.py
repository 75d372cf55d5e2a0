"""An account renamed at GitHub is known again by the id in its reports, and its files by its old name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from metrics.ingest import rebuild_files
from metrics.models import UserDay
from metrics.sync.usage import Asked
from portal.models import ReportFile
from seats.models import Account
from tests.fake_github import State
from tests.metrics.sync.running import done

pytestmark = pytest.mark.django_db

THREE_DAYS = Asked(since=date(2026, 11, 20) - timedelta(days=3))
Connect = Callable[..., Account]


@pytest.fixture
def renamed(state: State, connected: Connect) -> Account:
    """An enterprise whose use came under its old slug, and comes under its new one since."""
    enterprise = state.enterprises[0]
    was = connected(enterprise.login, kind="enterprise")
    done(was, THREE_DAYS)
    assert Account.objects.get(pk=was.pk).github_id == enterprise.id
    enterprise._login = "renamed"
    done(connected("renamed", kind="enterprise"), THREE_DAYS)
    return Account.objects.get(github_id=enterprise.id)


def test_its_use_goes_on_under_the_new_name(renamed: Account) -> None:
    assert renamed.login == "renamed"
    assert renamed.former_logins
    assert Account.objects.enterprises().count() == 1
    assert UserDay.objects.filter(account=renamed).exists()


def test_the_files_of_the_old_name_can_be_rebuilt(renamed: Account) -> None:
    file = ReportFile.objects.filter(kind="users-1-day").order_by("pk").first()
    assert file is not None
    before = UserDay.objects.count()

    assert rebuild_files.rebuild(file) > 0

    assert UserDay.objects.count() == before
    assert Account.objects.get(pk=renamed.pk).login == "renamed"
