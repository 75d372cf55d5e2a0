"""Report files, rejected lines and days in the admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from metrics.models import UserDay
from portal.admin.paginator import CappedPaginator
from portal.models import AuditEntry, RejectedLine, ReportFile
from tests.counting import queries_of
from tests.metrics.uploading import BROKEN, seats_file, send, text_of, user_line, users_file

pytestmark = pytest.mark.django_db

FILES = "/portal/reportfile/"
LINES = "/portal/rejectedline/"


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def file(olga_client: Client) -> ReportFile:
    """Two good lines and a broken one, uploaded by Olga."""
    page = send(olga_client, users_file(user_line(1), user_line(2), BROKEN))
    olga_client.post(f"{page}confirm/")
    return ReportFile.objects.get()


# Files ----------------------------------------------------------------------------------------


def test_the_list_tells_what_became_of_the_rows(olga_client: Client, file: ReportFile) -> None:
    page = text_of(olga_client.get(FILES))

    assert "users.ndjson" in page
    assert "Per-user usage, one day" in page
    assert "2 new, " in page
    assert f'{LINES}?file__id__exact={file.pk}">1</a> rejected' in page
    assert "by olga" in page


def test_files_are_looked_at_never_edited(olga_client: Client, file: ReportFile) -> None:
    page = f"{FILES}{file.pk}/change/"

    assert olga_client.get(f"{FILES}add/").status_code == 403
    assert olga_client.post(page, {"name": "other"}).status_code == 403
    assert olga_client.post(f"{FILES}{file.pk}/delete/", {"post": "yes"}).status_code == 403
    file.refresh_from_db()
    assert file.name == "users.ndjson"


@pytest.mark.parametrize(
    "query", ["kind=users-1-day", "state__exact=done", "source__exact=upload", "q=users.nd"]
)
def test_files_are_found_by_kind_state_source_and_name(
    olga_client: Client, file: ReportFile, query: str
) -> None:
    page = send(olga_client, seats_file(1), organization="octo")
    olga_client.post(f"{page}confirm/")

    found = olga_client.get(f"{FILES}?{query}").context["cl"].result_list

    assert file in found
    assert olga_client.get(f"{FILES}?kind=seats").context["cl"].result_count == 1


def test_the_kept_file_comes_back_as_it_was_sent_and_that_is_noted(
    olga_client: Client, file: ReportFile
) -> None:
    response = olga_client.get(reverse("admin:portal_reportfile_download", args=[file.pk]))

    sent = "\n".join([user_line(1), user_line(2), BROKEN]).encode() + b"\n"
    assert b"".join(response.streaming_content) == sent  # type: ignore[attr-defined]
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="users.ndjson"'
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.action, entry.subject, entry.actor_name) == ("file downloaded", f"file:{file.pk}", "olga")


def test_only_who_may_see_files_may_download_them(
    noa: Any, noa_client: Client, vic_client: Client, file: ReportFile
) -> None:
    url = reverse("admin:portal_reportfile_download", args=[file.pk])

    assert noa_client.get(url).status_code == 403
    assert vic_client.get(url).status_code == 200
    noa.user_permissions.add(Permission.objects.get(codename="view_reportfile"))
    assert noa_client.get(url).status_code == 200


def test_a_file_no_longer_kept_says_so(olga_client: Client, file: ReportFile) -> None:
    assert file.kept_file is not None
    file.kept_file.unlink()

    response = olga_client.get(reverse("admin:portal_reportfile_download", args=[file.pk]), follow=True)

    assert "no longer kept" in text_of(response)


def test_the_lists_ask_as_often_for_many_files_as_for_few(olga_client: Client, file: ReportFile) -> None:
    few = queries_of(olga_client, FILES)
    for number in range(20):
        ReportFile.objects.create(
            source="command", kind="seats", subject=f"organization:{number}", name="s.json", sha256="", size=1
        )

    assert queries_of(olga_client, FILES) == few <= 8


# Rejected lines -------------------------------------------------------------------------------


def test_a_rejected_line_is_read_with_its_reason(olga_client: Client, file: ReportFile) -> None:
    page = text_of(olga_client.get(f"{LINES}?file__id__exact={file.pk}"))

    line = RejectedLine.objects.get()
    assert "{&quot;day&quot;: &quot;2026-11-18&quot;, &quot;user_id&quot;: 12" in page
    assert line.reason in page


def test_a_mended_line_comes_in(olga_client: Client, file: ReportFile) -> None:
    line = RejectedLine.objects.get()

    response = olga_client.post(f"{LINES}{line.pk}/change/", {"line": user_line(3)}, follow=True)

    assert "1 of 1 lines are in now" in text_of(response)
    line.refresh_from_db()
    file.refresh_from_db()
    assert line.resolved_at
    assert UserDay.objects.count() == 3
    assert (file.rows_new, file.rows_rejected) == (3, 0)
    assert AuditEntry.objects.filter(action="rejected line mended").exists()


def test_a_line_mended_badly_stays_with_its_new_reason(olga_client: Client, file: ReportFile) -> None:
    line = RejectedLine.objects.get()
    reason = line.reason

    response = olga_client.post(f"{LINES}{line.pk}/change/", {"line": '{"day": "2026-11-18"}'}, follow=True)

    line.refresh_from_db()
    assert line.resolved_at is None
    assert line.reason != reason
    assert "1 still rejected" in text_of(response)


def test_selected_lines_are_tried_again(olga_client: Client, file: ReportFile) -> None:
    line = RejectedLine.objects.get()
    RejectedLine.objects.update(line=user_line(3))

    olga_client.post(LINES, {"action": "retry_selected", "_selected_action": [line.pk]})

    line.refresh_from_db()
    assert line.resolved_at
    assert UserDay.objects.count() == 3


def test_who_may_only_look_cannot_mend_or_retry(vic_client: Client, file: ReportFile) -> None:
    line = RejectedLine.objects.get()

    vic_client.post(LINES, {"action": "retry_selected", "_selected_action": [line.pk]})
    response = vic_client.post(f"{LINES}{line.pk}/change/", {"line": user_line(3)})

    assert response.status_code == 403
    line.refresh_from_db()
    assert line.resolved_at is None
    assert line.line == BROKEN


def test_a_resolved_line_is_closed(olga_client: Client, file: ReportFile) -> None:
    line = RejectedLine.objects.get()
    olga_client.post(f"{LINES}{line.pk}/change/", {"line": user_line(3)})

    assert olga_client.post(f"{LINES}{line.pk}/change/", {"line": user_line(4)}).status_code == 403
    assert olga_client.get(LINES).context["cl"].result_count == 0
    assert olga_client.get(f"{LINES}?resolved=all").context["cl"].result_count == 1


# Days -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["userday", "reportday", "scopeday", "teamday", "teamroster"])
def test_lists_of_days_are_looked_at_never_edited(
    olga_client: Client, noa_client: Client, file: ReportFile, name: str
) -> None:
    url = reverse(f"admin:metrics_{name}_changelist")

    assert olga_client.get(url).status_code == 200
    assert noa_client.get(url).status_code == 403
    assert olga_client.get(reverse(f"admin:metrics_{name}_add")).status_code == 403


def test_a_persons_days_are_found_by_login_account_and_range(olga_client: Client, file: ReportFile) -> None:
    url = reverse("admin:metrics_userday_changelist")
    account = UserDay.objects.values_list("account", flat=True)[0]

    def found(query: str) -> int:
        return int(olga_client.get(f"{url}?{query}").context["cl"].result_count)

    assert found("q=DEV-1") == 1
    assert found("q=dev") == 2
    assert found(f"account__id__exact={account}") == 2
    assert found(f"account__id__exact={account + 1}") == 0
    assert found("day_from=2026-11-18&day_to=2026-11-18") == 2
    assert found("day_from=2026-11-19") == 0


def test_a_persons_day_shows_every_key_of_its_line(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1, a_key_of_next_year={"deep": [1, 2]})))
    olga_client.post(f"{page}confirm/")

    day = reverse("admin:metrics_userday_change", args=[UserDay.objects.get().pk])

    assert "a_key_of_next_year" in text_of(olga_client.get(day))


def test_the_list_of_days_asks_as_often_for_many_as_for_few(olga_client: Client, file: ReportFile) -> None:
    url = reverse("admin:metrics_userday_changelist")
    few = queries_of(olga_client, url)
    page = send(olga_client, users_file(*(user_line(number) for number in range(100, 140))))
    olga_client.post(f"{page}confirm/")

    assert queries_of(olga_client, url) == few <= 8


def test_a_long_list_is_counted_up_to_its_cap_only(
    olga_client: Client, file: ReportFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CappedPaginator, "CAP", 1)

    page = text_of(olga_client.get(reverse("admin:metrics_userday_changelist")))

    assert "1+" in page
    assert "1 result" not in page
