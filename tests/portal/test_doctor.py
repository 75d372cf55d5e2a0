"""`doctor` says what ails the portal, and what to do about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ

from portal.models import AuditEntry, Connection, Job, ReportFile, WorkerHeartbeat
from portal.tasks import install_schedules
from seats.models import Account
from tests.fake_github import FakeGitHub
from tests.portal.github_state import NAME, TOKEN, small_company
from tests.running import MANAGE, ROOT, environment


@pytest.fixture
def healthy(olga: Any) -> None:
    """A portal in which all is well: somebody runs it, and its worker has just been at work."""
    install_schedules()
    WorkerHeartbeat.objects.create(host="portal-1", pid=7, seen_at=timezone.now(), workers=2, busy=1)


@pytest.mark.django_db
def test_a_healthy_portal_is_told_so(healthy: None) -> None:
    code, answer = doctor()

    assert problems(answer) == []
    assert answer["ok"] is True
    assert code == 0


@pytest.mark.django_db
def test_a_portal_without_an_admin_or_a_worker_is_told_both() -> None:
    code, answer = doctor()

    assert code == 1
    assert answer["ok"] is False
    assert [found["probe"] for found in problems(answer)] == ["worker", "people"]
    assert all(found["remedy"] for found in problems(answer))


@pytest.mark.django_db
def test_a_worker_that_has_stopped_is_noticed(healthy: None) -> None:
    WorkerHeartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=10))

    assert "was last seen at" in only_problem(healthy)["says"]


@pytest.mark.django_db
def test_a_worker_at_work_is_named(healthy: None) -> None:
    says = [found["says"] for found in doctor()[1]["findings"] if found["probe"] == "worker"]

    assert says == ["The background worker is at work: portal-1, process 7 (1 of 2 busy)."]


@pytest.mark.django_db
def test_a_task_that_waits_too_long_is_noticed(healthy: None) -> None:
    OrmQ.objects.create(key="portal", payload="", lock=timezone.now() - timedelta(hours=1))

    assert "has been waiting" in only_problem(healthy)["says"]


@pytest.mark.django_db
def test_a_job_whose_worker_died_is_noticed(healthy: None) -> None:
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Job.objects.create(
        kind="import",
        live_key="import:",
        state=Job.State.RUNNING,
        task="portal.tasks.reap_jobs",
        started_at=an_hour_ago,
        heartbeat_at=an_hour_ago,
    )

    assert "no longer report" in only_problem(healthy)["says"]


@pytest.mark.django_db
def test_an_import_left_half_done_is_noticed(healthy: None) -> None:
    ReportFile.objects.create(
        source=ReportFile.Source.COMMAND,
        kind="users-28-day",
        name="october.ndjson",
        size=1,
        received_at=timezone.now() - timedelta(hours=2),
    )

    assert "october.ndjson" in only_problem(healthy)["says"]


@pytest.mark.django_db
def test_an_audit_trail_that_somebody_changed_is_noticed(healthy: None) -> None:
    for number in range(3):
        AuditEntry.objects.record("seat exempted", subject=f"seat:{number}")
    AuditEntry.objects.filter(sequence=2).update(subject="seat:99")

    problem = only_problem(healthy)

    assert problem["probe"] == "audit"
    assert "entry 2" in problem["says"]


@pytest.mark.django_db
def test_an_import_that_is_being_read_is_no_problem(healthy: None) -> None:
    ReportFile.objects.create(
        source=ReportFile.Source.COMMAND, kind="users-28-day", name="october.ndjson", size=1
    )

    assert problems(doctor()[1]) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "probe"),
    [("SECRET_KEY_IS_TEMPORARY", True, "settings"), ("DEBUG", True, "settings")],
)
def test_unsafe_settings_are_noticed(
    healthy: None, settings: Any, name: str, value: object, probe: str
) -> None:
    setattr(settings, name, value)

    assert only_problem(healthy)["probe"] == probe


@pytest.mark.django_db
def test_every_host_name_without_https_is_noticed(healthy: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert "every host name" in only_problem(healthy)["says"]


@pytest.mark.django_db
def test_a_data_folder_that_cannot_be_written_to_is_noticed(
    healthy: None, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    settings.DATA_DIR = tmp_path / "a file" / "folder"

    found = problems(doctor()[1])

    assert {problem["probe"] for problem in found} == {"settings", "files"}


def test_a_database_that_was_never_migrated_is_told_what_to_do(tmp_path: Path) -> None:
    done = doctor_as_a_process(tmp_path)

    assert done.returncode == 1
    assert "migrations are not applied" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_database_that_does_not_answer_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    done = doctor_as_a_process(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/a file/portal.sqlite3")

    assert done.returncode == 1
    assert "The database does not answer" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["ok"] is False
    assert "Traceback" not in done.stderr


# --- Connections ------------------------------------------------------------------------------


@pytest.fixture
def github(healthy: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """A portal in which all is well and that asks GitHub about octo."""
    monkeypatch.setenv(NAME, TOKEN)
    with FakeGitHub(small_company()) as running:
        connection = Connection.objects.create(name="Octo", base_url=running.url, secret_env=NAME)
        Account.objects.create(kind="organization", login="octo", connection=connection)
        yield running


@pytest.mark.django_db
def test_a_connection_that_works_is_told_with_its_scopes(github: FakeGitHub) -> None:
    code, answer = doctor()

    says = [found["says"] for found in answer["findings"] if found["probe"] == "connections"]
    assert code == 0
    assert "read:enterprise, read:org" in says[0]
    assert says[1] == "Octo, octo: seats, billing, members, teams, usage reports work."


@pytest.mark.django_db
def test_each_problem_of_a_connection_has_its_remedy(github: FakeGitHub, healthy: None) -> None:
    github.state.organization("octo").metrics_policy_is_on = False

    problem = only_problem(healthy)

    assert problem["probe"] == "connections"
    assert problem["says"].startswith("Octo, octo: usage reports: Switched off")
    assert "settings/copilot/policies" in problem["remedy"]


@pytest.mark.django_db
def test_a_credential_that_is_gone_is_noticed(
    github: FakeGitHub, healthy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME)

    assert f"{NAME} is not set" in only_problem(healthy)["says"]


@pytest.mark.django_db
def test_a_credential_under_an_older_key_is_noticed(github: FakeGitHub, healthy: None, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [old]
    connection = Connection.objects.get()
    connection.keep(TOKEN)
    connection.save()
    settings.CREDENTIAL_KEYS = [new, old]

    assert "reencrypt_credentials" in only_problem(healthy)["remedy"]


@pytest.mark.django_db
def test_a_connection_that_is_switched_off_is_not_tried(github: FakeGitHub) -> None:
    Connection.objects.update(is_active=False)

    assert problems(doctor()[1]) == []
    assert github.requests == []


# --- How they ask -----------------------------------------------------------------------------


def doctor() -> tuple[int, dict[str, Any]]:
    """The exit code, and the JSON object of the last line."""
    output = StringIO()
    code = 0
    try:
        call_command("doctor", "--json", stdout=output)
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, json.loads(output.getvalue().splitlines()[-1])


def doctor_as_a_process(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(MANAGE), "doctor", "--json"],
        cwd=ROOT,
        env={**environment(folder), "SECRET_KEY": "x" * 50, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def problems(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [found for found in answer["findings"] if not found["is_fine"]]


def only_problem(healthy: None) -> dict[str, Any]:
    [problem] = problems(doctor()[1])
    assert re.search(r"\w", problem["remedy"])
    return problem
