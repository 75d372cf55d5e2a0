"""What is taken in is what was shown, for somebody who may."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry, Job
from seats.models import Account, Assignment, CostCentre, Department, SeatRequest
from seats.sheets import received
from seats.sheets.tables import TABLES
from tests.seats.sheets.pages import choose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

MOVED = "Since you looked, somebody changed rows that this sheet speaks of."
SHEET = "code,name\nZ1,NEW\nZ2,zwei\n"


@pytest.fixture(autouse=True)
def centres(db: None) -> None:
    CostCentre.objects.create(code="Z1", name="eins")
    CostCentre.objects.create(code="Z2", name="zwei")


def names() -> dict[str, str]:
    return dict(CostCentre.objects.values_list("code", "name"))


def confirm(client: Client, page: Any) -> Any:
    """Press the button of this very page."""
    seen = page.context["found"]["digest"]
    assert f'name="seen" value="{seen}"' in page.content.decode()
    return client.post(page.context["urls"]["confirm"], {"seen": seen}, follow=True)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda: CostCentre.objects.filter(code="Z1").update(name="by a colleague"),
        lambda: CostCentre.objects.filter(code="Z2").update(name="by a colleague"),
        lambda: CostCentre.objects.filter(code="Z2").delete(),
    ],
)
def test_what_changed_since_the_preview_is_shown_before_anything_is_written(
    olga_client: Client, meanwhile: Any
) -> None:
    page = choose(olga_client, "costcentre", SHEET)
    assert MOVED not in page.content.decode()
    meanwhile()
    was = names()

    again = confirm(olga_client, page)
    assert MOVED in again.content.decode()
    assert names() == was
    assert not AuditEntry.objects.filter(action="cost centre imported").exists()
    # Whoever still has the older page open has not seen this one.
    assert MOVED in confirm(olga_client, page).content.decode()
    assert names() == was

    assert "Taken in:" in confirm(olga_client, again).content.decode()
    assert names() == {"Z1": "NEW", "Z2": "zwei"}


def test_a_place_that_the_sheet_ends_is_the_one_that_was_there_at_the_preview(olga_client: Client) -> None:
    for name in ("App", "Eng"):
        Department.objects.create(name=name)
    place = Assignment.objects.create(person="ann", department=Department.objects.get(name="Eng"))
    page = choose(olga_client, "assignment", "person,department\nann,App\n")
    place.ends_on = date(2026, 12, 31)
    place.save()
    assert MOVED in confirm(olga_client, page).content.decode()
    assert Assignment.objects.get().ends_on == date(2026, 12, 31)


def test_what_a_sheet_does_not_speak_of_may_change_meanwhile(olga_client: Client) -> None:
    page = choose(olga_client, "costcentre", SHEET)
    CostCentre.objects.create(code="Z3", name="by a colleague")
    assert "Taken in: 0 new, 1 changed, 1 the same." in confirm(olga_client, page).content.decode()


def test_a_new_row_is_confirmed_at_a_later_second_than_it_was_shown(olga_client: Client, clock: Any) -> None:
    Account.objects.create(kind="organization", login="acme")
    page = choose(olga_client, "seatrequest", "organization,login,reason\nacme,ann,New.\n")
    clock.shift(5)
    assert "Taken in: 1 new" in confirm(olga_client, page).content.decode()
    assert SeatRequest.objects.get().login == "ann"


def test_a_job_that_is_run_again_takes_in_what_was_confirmed_and_nothing_else(
    olga_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SHEET_ROWS_AT_ONCE", 1)
    page = choose(olga_client, "costcentre", SHEET)
    received.check_job(Job.objects.get(kind="check-sheet").pk)
    page = olga_client.get(page.redirect_chain[-1][0])
    confirm(olga_client, page)
    CostCentre.objects.filter(code="Z1").update(name="by a colleague")
    job = Job.objects.get(kind="import-sheet")
    for _ in range(2):
        received.import_job(job.pk)
        Job.objects.filter(pk=job.pk).update(state="queued", live_key="import")
    assert names()["Z1"] == "by a colleague"


def no_permission(user: Any) -> None:
    user.user_permissions.remove(Permission.objects.get(codename="change_costcentre"))


def not_active(user: Any) -> None:
    type(user).objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("lose", [no_permission, not_active])
def test_who_may_no_longer_import_when_the_worker_takes_it_writes_nothing(
    vic: Any, vic_client: Client, monkeypatch: pytest.MonkeyPatch, lose: Any
) -> None:
    monkeypatch.setattr(settings, "SHEET_ROWS_AT_ONCE", 1)
    vic.user_permissions.add(*Permission.objects.filter(codename__endswith="_costcentre"))
    page = choose(vic_client, "costcentre", SHEET)
    received.check_job(Job.objects.get(kind="check-sheet").pk)
    confirm(vic_client, vic_client.get(page.redirect_chain[-1][0]))
    lose(vic)

    job = Job.objects.get(kind="import-sheet")
    received.import_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "vic may not import this any more. Nothing was written.")
    assert names() == {"Z1": "eins", "Z2": "zwei"}
    told = AuditEntry.objects.get(action="cost centre import refused")
    assert (told.actor_name, told.detail["rows"]) == ("vic", 2)


@pytest.mark.parametrize("table", TABLES)
def test_nobody_may_bring_a_sheet_who_may_not_do_all_that_it_does(table: str, vic: Any) -> None:
    assert not TABLES[table].may_bring(vic)
