"""Days of the older systems and of repositories in the admin."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from metrics.models import LegacyDay, RepositoryDay
from portal.models import ReportFile
from seats.models import Account
from tests.counting import queries_of
from tests.metrics.formats.made import legacy_metrics_day, legacy_usage_day, repository_day
from tests.metrics.report_files import take, write_lines
from tests.metrics.uploading import send, text_of

pytestmark = pytest.mark.django_db

LEGACY = "/metrics/legacyday/"
REPOSITORIES = "/metrics/repositoryday/"
FIRST = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def older(tmp_path: Path, count: int, *, team: str = "", organization: str = "octo") -> None:
    days = [legacy_metrics_day(date=str(FIRST + timedelta(days=n))) for n in range(count)]
    take(write_lines(tmp_path / f"{organization}{team}", days), organization=organization, team=team)


def found(client: Client, address: str) -> list[Any]:
    return list(client.get(address).context["cl"].result_list)


@pytest.mark.parametrize("address", [LEGACY, REPOSITORIES])
def test_the_days_are_looked_at_never_edited(vic_client: Client, tmp_path: Path, address: str) -> None:
    older(tmp_path, 1)
    take(write_lines(tmp_path / "r", [repository_day()]))
    row = (LegacyDay if address == LEGACY else RepositoryDay).objects.get()
    page = f"{address}{row.pk}/change/"
    assert vic_client.get(address).status_code == 200
    assert vic_client.get(page).status_code == 200
    assert vic_client.post(page, {"day": "2026-01-01"}).status_code == 403
    assert vic_client.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert vic_client.get(f"{address}add/").status_code == 403


def test_who_lacks_the_permission_sees_neither(noa_client: Client) -> None:
    assert noa_client.get(LEGACY).status_code == 403
    assert noa_client.get(REPOSITORIES).status_code == 403


def test_older_days_are_found_by_account_system_team_and_range(olga_client: Client, tmp_path: Path) -> None:
    older(tmp_path, 3)
    older(tmp_path, 2, team="Front-End")
    older(tmp_path, 1, organization="other")
    take(write_lines(tmp_path / "u", [legacy_usage_day()]), organization="octo")
    octo = Account.objects.get(login="octo")
    assert len(found(olga_client, LEGACY)) == 7
    assert len(found(olga_client, f"{LEGACY}?account__id__exact={octo.pk}")) == 6
    assert len(found(olga_client, f"{LEGACY}?api__exact=usage")) == 1
    assert len(found(olga_client, f"{LEGACY}?whose=team")) == 2
    assert len(found(olga_client, f"{LEGACY}?whose=account&api__exact=metrics")) == 4
    assert len(found(olga_client, f"{LEGACY}?day_from=2026-03-03&day_to=2026-03-03")) == 2
    assert len(found(olga_client, f"{LEGACY}?q=Front")) == 2


def test_an_older_day_shows_its_file_and_its_whole_document(olga_client: Client, tmp_path: Path) -> None:
    older(tmp_path, 1, team="front")
    page = text_of(olga_client.get(f"{LEGACY}{LegacyDay.objects.get().pk}/change/"))
    assert reverse("admin:portal_reportfile_change", args=[ReportFile.objects.get().pk]) in page
    assert "a-custom-model" in page
    assert "never add the two" in page


def test_a_repositorys_day_shows_its_file_and_its_review_times(olga_client: Client, tmp_path: Path) -> None:
    take(write_lines(tmp_path / "r", [repository_day(), repository_day(repo_id=9, repo_name="other")]))
    [row] = found(olga_client, f"{REPOSITORIES}?q=hello")
    page = text_of(olga_client.get(f"{REPOSITORIES}{row.pk}/change/"))
    assert "octo/hello-world" in page
    assert reverse("admin:portal_reportfile_change", args=[row.file_id]) in page
    assert "median_minutes_ready_to_first_review" in page


@pytest.mark.parametrize("address", [LEGACY, REPOSITORIES])
def test_the_lists_ask_as_often_for_many_days_as_for_few(
    olga_client: Client, tmp_path: Path, address: str
) -> None:
    older(tmp_path, 1)
    take(write_lines(tmp_path / "r", [repository_day()]))
    olga_client.get(address)
    few = queries_of(olga_client, address)
    older(tmp_path, 30, organization="other")
    take(
        write_lines(tmp_path / "s", [repository_day(repo_id=n, organization_id=str(n)) for n in range(2, 30)])
    )
    assert queries_of(olga_client, address) == few


def test_an_archive_is_uploaded_with_its_account_and_team(olga_client: Client) -> None:
    saved = SimpleUploadedFile("copilotMetricsData.json", json.dumps([legacy_metrics_day()]).encode())
    page = send(olga_client, saved, organization="octo", team="front-end")
    assert "Older metrics API (closed April 2026)" in text_of(olga_client.get(page))
    assert not LegacyDay.objects.exists()
    olga_client.post(f"{page}confirm/")
    assert LegacyDay.objects.get().team_slug == "front-end"
    assert "team: front-end" in text_of(
        olga_client.get(reverse("admin:portal_reportfile_change", args=[ReportFile.objects.get().pk]))
    )


def test_an_archive_without_its_account_is_refused_on_the_preview(olga_client: Client) -> None:
    saved = SimpleUploadedFile("saved.json", json.dumps([legacy_usage_day()]).encode())
    page = text_of(olga_client.get(send(olga_client, saved)))
    assert "name the organization or the enterprise" in page
