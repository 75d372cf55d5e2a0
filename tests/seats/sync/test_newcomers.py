"""*Sync now* goes on with the organizations that its own first jobs meet."""

from __future__ import annotations

from typing import Any

import pytest

from portal.models import Connection, Job
from seats.models import Account
from tests.fake_github import Organization, State
from tests.seats.sync.running import done, seat_people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OF_AN_ORGANIZATION = {"sync-accounts", "sync-members", "sync-teams", "sync-billing", "sync-usage"}


@pytest.fixture
def enterprise(state: State, connection: Connection, octo: Organization) -> Account:
    """An enterprise with an organization of which only its seats tell."""
    state.enterprise("big", 77, organizations=[octo])
    seat_people(octo, 3)
    return Account.objects.create(kind="enterprise", login="big", connection=connection)


def live_jobs_of(login: str) -> set[str]:
    subject = Account.objects.get(login=login).subject
    return set(Job.objects.live().filter(subject=subject).values_list("kind", flat=True))


def test_what_somebody_started_is_asked_of_new_organizations_too(enterprise: Account, olga: Any) -> None:
    done("seats", enterprise, by=olga)

    # Its seats are in the enterprise's list already.
    assert live_jobs_of("octo") == OF_AN_ORGANIZATION
    assert set(Job.objects.live().values_list("created_by", flat=True)) == {olga.pk}


def test_an_organization_that_has_been_asked_about_is_no_newcomer(enterprise: Account, olga: Any) -> None:
    done("seats", enterprise, by=olga)
    Job.objects.live().update(state=Job.State.DONE, live_key=None)

    done("seats", enterprise, by=olga)

    assert not Job.objects.live().exists()


def test_what_a_schedule_started_is_left_to_the_schedules(enterprise: Account) -> None:
    done("seats", enterprise)

    assert Account.objects.filter(login="octo").exists()
    assert not Job.objects.live().exists()
