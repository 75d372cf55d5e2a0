"""No token, no private key and no signed link lies anywhere in the clear: all places are searched.

A portal goes through what portals go through, with GitHub well and out of order; then every table, log
line, page, export, file, task and exception is searched for every secret that was about.
"""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard
from cryptography.fernet import Fernet
from django.contrib import admin
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection as database
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.views.debug import SafeExceptionReporterFilter
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from portal.connections import github_for
from portal.github.errors import GitHubError
from portal.models import Connection, Job
from portal.reports import registry
from seats.models import Account
from seats.sync import steps
from seats.tasks import enqueue_seats
from tests.fake_github import FakeGitHub, Trouble, company_state
from tests.portal.github_state import NAME

pytestmark = pytest.mark.django_db

TOKEN = "ghp_the-token-entered-on-the-page-4711"
REVOKING = "ghp_the-token-for-revoking-4712"
NAMED = "ghp_the-token-of-the-environment-4713"
REFUSED = "ghp_the-token-that-github-refuses-4714"
# How GitHub and the network misbehave; each once, and so that nothing waits long.
TROUBLES = ("401", "html", "429", "403-secondary", "truncated")
CONNECTIONS = "/portal/connection/"


class Lived:
    """A portal with a past: its secrets, and all that it said."""

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github
        self.app = github.state.app()
        self.said: list[str] = []

    @property
    def secrets(self) -> set[str]:
        """Tokens entered and given, lines of the key, signed links and their signatures."""
        key = [line for line in self.app.private_key.splitlines() if len(line) == 64]
        links = list(self.github.signed_urls)
        signed = [link.partition("?")[2] for link in links if "?" in link]
        return {TOKEN, REVOKING, NAMED, REFUSED, *self.github.state.tokens, *key, *links, *signed}

    def leaks(self, *texts: str) -> list[str]:
        """Where a secret lies in a text: the secret's beginning, with what is around it."""
        return [
            f"{secret[:12]}… in …{text[max(text.index(secret) - 80, 0) : text.index(secret)]}"
            for text in texts
            for secret in self.secrets
            if secret in text
        ]


@pytest.fixture
def entered(
    clock: Any,
    olga_client: Client,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> Iterator[Lived]:
    caplog.set_level(logging.DEBUG)
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    settings.REPORT_HOSTS = ["127.0.0.1"]
    settings.DATA_DIR = tmp_path
    monkeypatch.setenv(NAME, NAMED)
    state = company_state(seats=12, teams=2, days=2, organizations=2, token=TOKEN)
    for token in (REVOKING, NAMED):
        state.token(token)
    with FakeGitHub(state) as github:
        settings.GITHUB_API_URL = github.url
        lived = Lived(github)
        enter_connections(lived, olga_client)
        yield lived


@pytest.fixture
def lived(entered: Lived) -> Lived:
    work(entered)
    go_wrong(entered)
    return entered


def enter_connections(lived: Lived, client: Client) -> None:
    """Through the page: a token, one for revoking, a refused form; an app's key; by command, a variable."""
    first, second = lived.github.state.organizations
    lived.app.install(first)
    form = {"base_url": lived.github.url, "is_active": "on", "installation_id": "", "enterprises": ""}
    wrong = {**form, "name": "", "kind": "token", "token": TOKEN, "private_key": lived.app.private_key}
    lived.said.append(client.post(f"{CONNECTIONS}add/", wrong).content.decode())
    entered = {"name": "Token", "kind": "token", "token": TOKEN, "revoke_token": REVOKING}
    client.post(f"{CONNECTIONS}add/", {**form, **entered, "enterprises": "octo-enterprise"})
    key = {"name": "App", "kind": "app", "app_id": str(lived.app.id), "private_key": lived.app.private_key}
    client.post(f"{CONNECTIONS}add/", {**form, **key, "organizations": first.login})
    assert [kept.secret()[:4] for kept in Connection.objects.all()] == ["----", "ghp_"]
    command(lived, "connect", "--organization", second.login, "--token-env", NAME)
    for kept in Connection.objects.all():
        lived.said.append(client.post(f"{CONNECTIONS}{kept.pk}/check/", follow=True).content.decode())


def work(lived: Lived) -> None:
    """What goes on every day, in the foreground and through the queue."""
    command(lived, "sync_github", "--only", "accounts,seats,members,teams,billing")
    command(lived, "sync_github", "--only", "usage", "--since", "2026-11-15")
    command(lived, "doctor", "--json")
    command(lived, "reencrypt_credentials")
    for kept in Connection.objects.all():
        enqueue_seats(kept.pk)


def go_wrong(lived: Lived) -> None:
    """What goes on when GitHub is out of order, or does not know the credential any more."""
    account = Account.objects.filter(kind="enterprise").get()
    for kind in TROUBLES:
        lived.github.trouble = Trouble(kind=kind, retry_after=3600, times=None if kind == "401" else 2)  # type: ignore[arg-type]
        Job.objects.filter(state__in=Job.LIVE).update(state="cancelled", live_key=None)
        steps.run_step("seats", account)
        Connection.objects.update(limited_until=None)
    lived.github.trouble = None
    lived.github.state.tokens.pop(TOKEN)
    Job.objects.filter(state__in=Job.LIVE).update(state="cancelled", live_key=None)
    steps.run_step("seats", account)
    command(lived, "doctor", "--json")


def command(lived: Lived, name: str, *options: str) -> None:
    out = io.StringIO()
    with suppress(SystemExit):
        try:
            call_command(name, *options, stdout=out, stderr=out)
        except CommandError as error:
            lived.said.append(str(error))
    lived.said.append(out.getvalue())


# --- The places -------------------------------------------------------------------------------


def test_no_secret_lies_anywhere(
    lived: Lived,
    olga_client: Client,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    settings: Any,
) -> None:
    """One test, since to have lived takes a while: each place it looks at is a function below."""
    assert len(lived.secrets) > 40
    assert Job.objects.filter(state="failed").exists()
    assert Job.objects.filter(state="done").count() > 5
    places: dict[str, Callable[[], Iterator[str]]] = {
        "what was said": lambda: iter(lived.said),
        "logs at DEBUG": lambda: log_lines(caplog),
        "the terminal": lambda: iter(capfd.readouterr()),
        "the database": rows,
        "the queue": queued,
        "pages": lambda: pages(olga_client),
        "exports": lambda: exports(lived, olga_client),
        "files": lambda: files(settings.DATA_DIR),
    }
    for place, texts in places.items():
        found = list(texts())
        assert lived.leaks(*found) == [], place
        # That nothing was found is no proof where nothing was looked at.
        assert any(found) or place == "the terminal", place


def log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    formatter = logging.Formatter()
    for record in caplog.get_records("setup") + caplog.get_records("call"):
        yield formatter.format(record)
        yield repr(record.__dict__)


def rows() -> Iterator[str]:
    """Every value of every table, as it lies there."""
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield "\n".join(
                    bytes(value).decode("latin-1") if isinstance(value, (bytes, memoryview)) else str(value)
                    for value in row
                )


def queued() -> Iterator[str]:
    """What a worker would be given."""
    assert OrmQ.objects.exists()
    for message in OrmQ.objects.all():
        yield repr(SignedPackage.loads(message.payload))


def pages(client: Client) -> Iterator[str]:
    """The home page, every list, and the first rows' own pages and histories."""
    yield client.get("/").content.decode()
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        with suppress(NoReverseMatch):
            yield client.get(reverse(f"{name}_changelist")).content.decode()
        # Most of all where credentials are told of, and where it is said what went wrong.
        many, views = (
            (10, ("change", "history", "delete")) if model in (Connection, Job) else (2, ("change",))
        )
        for pk in model._default_manager.order_by("-pk").values_list("pk", flat=True)[:many]:
            for view in views:
                yield client.get(reverse(f"{name}_{view}", args=[pk])).content.decode()


def exports(lived: Lived, client: Client) -> Iterator[str]:
    """Every report on the command line; every spreadsheet on the pages."""
    for report in registry.all_reports():
        said = len(lived.said)
        command(lived, "export_report", report.name)
        yield from lived.said[said:]
    for model in admin.site._registry:
        with suppress(NoReverseMatch):
            path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_export")
            yield client.post(path, {"format": "0", "resource": "0"}).content.decode()


def files(folder: Path) -> Iterator[str]:
    """All that is kept, unpacked, and its names."""
    for path in folder.rglob("*"):
        yield str(path)
        if path.suffix == ".zst":
            with path.open("rb") as file:
                yield zstandard.ZstdDecompressor().stream_reader(file).read().decode("latin-1")
        elif path.is_file():
            yield path.read_bytes().decode("latin-1")


# --- Objects and exceptions -------------------------------------------------------------------


def test_no_object_shows_what_it_holds(entered: Lived) -> None:
    texts = []
    for kept in Connection.objects.filter(name__in=["Token", "App"]):
        with github_for(kept, organization="octo") as client:
            texts += [repr(client), repr(vars(client)), str(vars(client._transport))]
        texts += [repr(kept), str(kept), repr(vars(kept)), pickle.dumps(kept).decode("latin-1")]

    assert entered.leaks(*texts) == []


def test_no_exception_tells_a_secret(entered: Lived) -> None:
    said = []
    for kind in (*TROUBLES, "500", "reset"):
        entered.github.trouble = Trouble(kind=kind, retry_after=60)  # type: ignore[arg-type]
        for kept in Connection.objects.all():
            Connection.objects.update(limited_until=None)
            with (
                github_for(
                    kept, organization=entered.github.state.organizations[0].login, retries=0
                ) as client,
                pytest.raises(GitHubError) as raised,
            ):
                client.billing("octo")
            said += ["".join(traceback.format_exception(raised.value)), repr(raised.value.__dict__)]
    entered.github.trouble = None

    assert entered.leaks(*said) == []


def test_an_error_report_of_the_form_holds_no_credential(entered: Lived, olga_client: Client) -> None:
    """Django hides what was posted, should a page with a credential in it ever fail."""
    answer = olga_client.post(f"{CONNECTIONS}add/", {"name": "", "token": TOKEN, "private_key": TOKEN})

    shown = SafeExceptionReporterFilter().get_post_parameters(answer.wsgi_request)
    assert entered.leaks(repr(shown)) == []
