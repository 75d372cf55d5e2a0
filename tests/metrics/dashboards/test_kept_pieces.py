"""Panels are kept, and whoever writes by any door of the portal sees the change in them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from metrics.dashboards.registry import pages
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.models import DirtyDay, ReportDay, SeatSets
from portal.stamps import make_stamps
from seats.models import Account, Seat, SeatPrice, Team
from seats.verdicts import refresh
from tests.caches import forget as forget_what_is_cached
from tests.metrics.taking_in import LAST_DAY, take_in, the_day_after, write_company

PIECE = {"X-Dashboard-Piece": "1"}
# What depends most on what others write.
PANELS = ("overview/active-users", "overview/seats-now", "adoption/first-use", "seats/now", "teams/all")


def shown(client: Client, panel: str) -> str:
    answer = client.get(f"/usage/{panel}/", headers=PIECE)
    assert answer.status_code == 200
    return str(answer.content.decode())


def afresh(client: Client, panel: str) -> str:
    forget_what_is_cached()
    SeatSets.objects.all().delete()
    return shown(client, panel)


@pytest.mark.django_db(transaction=True)
def test_what_is_written_by_any_door_shows_at_once(tmp_path: Path, django_user_model: Any) -> None:
    make_stamps(sender=None)  # type: ignore[arg-type]
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("olga"))
    with the_day_after():
        files = write_company(tmp_path, people=12, days=9)
        held_back = files[-1:]
        take_in([file for file in files if file not in held_back])
        account = Account.objects.filter(kind="enterprise").first() or Account.objects.get()

        def edit_prices() -> None:
            for price in SeatPrice.objects.filter(account=None):
                address = reverse("admin:seats_seatprice_change", args=[price.pk])
                given = {
                    "plan_type": price.plan_type, "monthly_price": "77.00", "currency": price.currency,
                    "starts_on": price.starts_on, "account": "", "ends_on": "",
                }  # fmt: skip
                assert client.post(address, given).status_code == 302

        def give_up_a_seat() -> None:
            Seat.objects.filter(ended_at=None).order_by("pk")[:1].get().delete()

        doors: dict[str, Callable[[], Any]] = {
            "an import": lambda: take_in(held_back),
            "the pages of prices": edit_prices,
            "an ended seat": give_up_a_seat,
            "another name": lambda: Team.objects.update(slug="renamed"),
            "verdicts anew": refresh,
            "days to add up": lambda: DirtyDay.objects.get_or_create(account=account, day=LAST_DAY),
            "days added up": rebuild_dirty_days,
            "days taken out": lambda: ReportDay.objects.filter(day=LAST_DAY).delete(),
        }
        changed = set()
        for door, write in doors.items():
            before = {panel: shown(client, panel) for panel in PANELS}
            write()
            now = {panel: shown(client, panel) for panel in PANELS}
            assert now == {panel: afresh(client, panel) for panel in PANELS}, door
            changed |= {panel for panel in PANELS if now[panel] != before[panel]}
        # Each panel was changed by one of them, so that it says something that it was the same.
        assert changed == set(PANELS)


@pytest.mark.django_db(transaction=True)
def test_who_is_renamed_is_called_by_the_new_name_in_every_panel(
    tmp_path: Path, django_user_model: Any
) -> None:
    make_stamps(sender=None)  # type: ignore[arg-type]
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("olga"))
    with the_day_after():
        take_in(write_company(tmp_path, people=12, days=9))
        team = Team.objects.order_by("pk")[:1].get()
        addresses = [
            f"/usage/{slug}/{name}/?scope={team.account_id}{of_team}"
            for slug, page in pages.items()
            for name in page.panels
            for of_team in ("", f"&team={team.pk}")
        ]

        def all_of_them() -> dict[str, bytes]:
            answers = {address: client.get(address, headers=PIECE) for address in addresses}
            return {address: answer.content for address, answer in answers.items()}

        before = all_of_them()
        account = Account.objects.get(pk=team.account_id)
        account.login = "renamed"
        account.save()
        Team.objects.filter(pk=team.pk).update(slug="renamed-too")
        now = all_of_them()
        forget_what_is_cached()
        SeatSets.objects.all().delete()
        assert [address for address, content in all_of_them().items() if content != now[address]] == []
        assert sum(content != before[address] for address, content in now.items()) > 100


@pytest.mark.django_db(transaction=True)
def test_a_kept_panel_asks_only_who_wants_to_know_what_and_whether_it_stands(
    tmp_path: Path, django_user_model: Any
) -> None:
    make_stamps(sender=None)  # type: ignore[arg-type]
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("olga"))
    with the_day_after():
        take_in(write_company(tmp_path, people=4, days=3))
        for slug, page in pages.items():
            address = f"/usage/{slug}/{next(iter(page.panels))}/"
            first = client.get(address, headers=PIECE).content
            with CaptureQueriesContext(connection) as asked:
                assert client.get(address, headers=PIECE).content == first
            assert len(asked) <= 6 or not page.is_kept, slug
