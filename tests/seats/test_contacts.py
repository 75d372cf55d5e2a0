"""Where mail reaches people, and in which language: kept by hand, on their pages and as a spreadsheet."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.models import AuditEntry, ReportFile
from seats import activity_report
from seats.activity_report import ReportedActivity
from seats.models import GitHubUser
from tests.seats.holding import NOON, grant, hold, organization
from tests.seats.sheets.pages import bring, exported

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def ann(db: None) -> GitHubUser:
    return GitHubUser.objects.create(
        github_id=1, login="Ann", name="Ann Lee", email="ann@example.com", contact_email="", language=""
    )


def page_of(person: GitHubUser) -> str:
    return f"/seats/githubuser/{person.pk}/change/"


def test_address_and_language_are_kept_on_the_persons_page(olga_client: Client, ann: GitHubUser) -> None:
    olga_client.post(page_of(ann), {"contact_email": " home@example.com ", "language": "PT_br"})
    ann.refresh_from_db()
    assert (ann.contact_email, ann.language, ann.address) == ("home@example.com", "pt-br", "home@example.com")
    entry = AuditEntry.objects.get(action="contact changed")
    assert (entry.subject, entry.actor_name) == (f"contact:{ann.pk}", "olga")
    assert entry.detail["language"] == {"from": "", "to": "pt-br"}


def test_what_github_tells_is_not_edited(olga_client: Client, ann: GitHubUser) -> None:
    olga_client.post(
        page_of(ann),
        {"contact_email": "", "language": "de", "login": "bob", "name": "B", "email": "b@x.example"},
    )
    ann.refresh_from_db()
    assert (ann.login, ann.name, ann.email, ann.language) == ("Ann", "Ann Lee", "ann@example.com", "de")


def test_what_a_list_tells_meanwhile_is_not_written_back(
    olga_client: Client, ann: GitHubUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    GitHubUser.objects.filter(pk=ann.pk).update(name="Ann Ray")
    stale = GitHubUser.objects.get(pk=ann.pk)
    stale.name = "Ann Lee"
    monkeypatch.setattr("seats.admin.github_user.GitHubUserAdmin.get_object", lambda *args, **kwargs: stale)
    olga_client.post(page_of(ann), {"contact_email": "", "language": "de"})
    ann.refresh_from_db()
    assert (ann.name, ann.language) == ("Ann Ray", "de")


@pytest.mark.parametrize(
    ("field", "wrong"), [("contact_email", "nobody"), ("language", "English"), ("language", "e")]
)
def test_what_is_no_address_or_language_is_refused(
    olga_client: Client, ann: GitHubUser, field: str, wrong: str
) -> None:
    answer = olga_client.post(page_of(ann), {"contact_email": "", "language": "", field: wrong})
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors


def test_whoever_may_only_look_changes_nothing(vic_client: Client, ann: GitHubUser) -> None:
    assert vic_client.get(page_of(ann)).status_code == 200
    assert vic_client.post(page_of(ann), {"language": "de"}).status_code == 403
    assert vic_client.post("/seats/githubuser/export/", {"format": "0"}).status_code == 403
    assert vic_client.get("/seats/githubuser/import/").status_code == 403
    assert vic_client.get("/seats/githubuser/add/").status_code == 403
    assert vic_client.post(f"/seats/githubuser/{ann.pk}/delete/").status_code == 403


def test_addresses_are_for_whoever_keeps_them_or_writes_to_them(
    vic: Any, vic_client: Client, ann: GitHubUser
) -> None:
    assert "ann@example.com" not in vic_client.get(page_of(ann)).content.decode()
    vic.user_permissions.add(Permission.objects.get(codename="send_notice"))
    assert "ann@example.com" in vic_client.get(page_of(ann)).content.decode()


def test_a_permission_of_its_own_lets_people_keep_them(vic: Any, vic_client: Client, ann: GitHubUser) -> None:
    vic.user_permissions.add(Permission.objects.get(codename="change_githubuser"))
    vic_client.post(page_of(ann), {"contact_email": "", "language": "de"})
    ann.refresh_from_db()
    assert ann.language == "de"


def test_what_was_kept_of_somebody_known_by_login_goes_to_the_person_with_the_id() -> None:
    GitHubUser.objects.create(
        login="ann", provisional_key="ann", contact_email="a@example.com", language="de"
    )
    acme = organization()
    file = ReportFile.objects.create(
        source="upload", kind="activity-report", subject=acme.subject, name="a.csv", sha256="0" * 64, size=1,
        observed_at=NOON,
    )  # fmt: skip
    activity_report.apply(acme, [ReportedActivity(1, "ann", NOON, None, NOON, "VS Code 1.9")], file)
    activity_report.settle(acme)
    hold(acme, grant(1, "ann"))
    person = GitHubUser.objects.get()
    assert (person.github_id, person.contact_email, person.language) == (1, "a@example.com", "de")


# --- As a spreadsheet -------------------------------------------------------------------------


def test_they_go_out_and_come_in_as_login_address_language(olga_client: Client, ann: GitHubUser) -> None:
    assert exported(olga_client, "githubuser") == [{"login": "Ann", "contact_email": "", "language": ""}]
    bring(olga_client, "githubuser", "login,contact_email,language\nANN,home@example.com,de\n")
    ann.refresh_from_db()
    assert (ann.login, ann.contact_email, ann.language) == ("Ann", "home@example.com", "de")
    assert AuditEntry.objects.get(action="contact imported").detail["update"] == 1
    assert AuditEntry.objects.get(action="contact changed").subject == f"contact:{ann.pk}"


def test_a_column_that_is_not_there_is_left_as_it_is(olga_client: Client, ann: GitHubUser) -> None:
    GitHubUser.objects.update(contact_email="home@example.com")
    bring(olga_client, "githubuser", "login,language\nann,de\n")
    ann.refresh_from_db()
    assert (ann.contact_email, ann.language) == ("home@example.com", "de")


@pytest.mark.parametrize(
    "line", ["nobody,a@example.com,de", "ann,no address,de", "ann,,klingon-of-all", ",,de"]
)
def test_one_wrong_line_keeps_the_whole_sheet_out(olga_client: Client, ann: GitHubUser, line: str) -> None:
    GitHubUser.objects.create(github_id=2, login="bob")
    answer = bring(olga_client, "githubuser", f"login,contact_email,language\nbob,b@example.com,de\n{line}\n")
    assert answer.context["found"]["wrong_rows"] == 1
    assert not GitHubUser.objects.exclude(contact_email="").exists()
    assert GitHubUser.objects.count() == 2


def test_of_two_people_of_one_login_the_one_with_an_id_is_meant(olga_client: Client, ann: GitHubUser) -> None:
    GitHubUser.objects.create(login="ann", provisional_key="ann")
    bring(olga_client, "githubuser", "login,contact_email,language\nann,,de\n")
    assert list(GitHubUser.objects.filter(language="de")) == [ann]


def test_a_login_that_changed_hands_names_nobody(olga_client: Client, ann: GitHubUser) -> None:
    GitHubUser.objects.create(github_id=9, login="ann")
    answer = bring(olga_client, "githubuser", "login,contact_email,language\nann,,de\n")
    assert "Several people bear the login" in answer.content.decode()
    assert not GitHubUser.objects.filter(language="de").exists()


def test_people_are_looked_up_at_once(olga_client: Client) -> None:
    asked = []
    for size in (5, 50):
        GitHubUser.objects.bulk_create(
            GitHubUser(github_id=size * 100 + n, login=f"u-{size}-{n}", login_key=f"u-{size}-{n}")
            for n in range(size)
        )
        sheet = "login,contact_email,language\n" + "".join(f"u-{size}-{n},,\n" for n in range(size))
        with CaptureQueriesContext(connection) as counted:
            bring(olga_client, "githubuser", sheet)
        asked.append(sum('FROM "seats_githubuser"' in one["sql"].replace("`", '"') for one in counted))
    assert asked[0] == asked[1]
