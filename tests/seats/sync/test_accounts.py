"""Which accounts there are: by id, by a new name, below an enterprise, of a credential."""

from __future__ import annotations

import pytest

from portal.models import AuditEntry, Connection, Job
from seats.models import Account
from seats.sync import steps
from tests.fake_github import FakeGitHub, Organization, State, seat
from tests.seats.sync.conftest import TOKEN
from tests.seats.sync.running import done, run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def enterprise(state: State, connection: Connection, octo: Organization) -> Account:
    state.enterprise("big", 77, organizations=[octo])
    return Account.objects.create(kind="enterprise", login="big", connection=connection)


def organizations() -> dict[str, str]:
    """Logins and their enterprises."""
    found = Account.objects.organizations().select_related("parent")
    return {account.login: account.enterprise_label for account in found}


def test_an_organization_gets_its_id_and_name(octo: Organization, account: Account) -> None:
    tally = done("accounts", account)

    account.refresh_from_db()
    assert (account.github_id, account.name) == (900, "Octo")
    assert tally["rows_changed"] == 1
    assert done("accounts", account)["rows_unchanged"] == 1


def test_a_renamed_organization_is_found_by_its_id(octo: Organization, account: Account) -> None:
    octo.member("octocat")
    done("accounts", account)
    octo.rename("octo-next")

    done("accounts", account)

    account.refresh_from_db()
    assert (account.login, account.former_logins) == ("octo-next", ["octo"])
    assert AuditEntry.objects.filter(action="account renamed").count() == 1


def test_an_account_known_by_reports_and_the_one_connected_become_one(
    octo: Organization, account: Account
) -> None:
    by_report = Account.objects.create(kind="organization", github_id=900)

    done("accounts", account)

    only = Account.objects.get()
    assert (only.pk, only.login, only.github_id) == (by_report.pk, "octo", 900)
    assert only.connection is not None


def test_a_login_that_was_taken_over_by_another_organization(octo: Organization, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(connection=None)
    account.github_id = 5
    account.save()
    Account.objects.create(
        kind="organization", github_id=900, login="octo-before", connection=Connection.objects.get()
    )
    octo.member("octocat")

    done("accounts", Account.objects.get(github_id=900))

    assert Account.objects.get(github_id=900).login == "octo"
    old = Account.objects.get(github_id=5)
    assert (old.login, old.former_logins) == ("", ["octo"])


def test_organizations_of_enterprise_teams_belong_to_the_enterprise(
    state: State, enterprise: Account, octo: Organization
) -> None:
    state.enterprise("big").team("Everybody", organizations=[octo])

    done("accounts", enterprise)

    assert organizations() == {"octo": "big"}


def test_the_tokens_own_organizations_come_without_a_parent_until_it_is_proved(
    state: State, enterprise: Account, connection: Connection
) -> None:
    own = state.organization("own", 902)
    own.member("octocat")
    own.seats.append(seat(own.member("ada", 1)))
    state.organization("elsewhere", 903)

    done("accounts", enterprise)

    assert organizations() == {"own": ""}
    assert Account.objects.get(login="own").connection == connection


def test_an_own_organization_that_answers_nothing_about_seats_is_named_and_left_out(
    state: State, enterprise: Account
) -> None:
    hobby = state.organization("hobby", 904)
    hobby.member("octocat")
    hobby.copilot_is_enabled = False

    tally = done("accounts", enterprise)

    assert organizations() == {}
    assert any("hobby" in note for note in tally["notes"])


def test_an_organization_that_was_cut_off_by_hand_is_not_taken_on_again(
    state: State, enterprise: Account
) -> None:
    state.organization("own", 902).member("octocat")
    own = Account.objects.create(kind="organization", login="own", github_id=902)
    AuditEntry.objects.record("account disconnected", subject=own.subject)

    done("accounts", enterprise)

    own.refresh_from_db()
    assert own.connection is None


def test_a_token_that_may_not_ask_for_its_own_organizations_leaves_them_to_the_seats(
    github: FakeGitHub, enterprise: Account
) -> None:
    github.state.token(TOKEN, scopes={"manage_billing:copilot", "read:enterprise"})

    tally = done("accounts", enterprise)

    assert "The organizations of the token's user could not be asked for." in tally["notes"][-1]
    assert organizations() == {}


def test_a_token_for_one_organization_asks_about_no_other(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    octo.member("octocat")
    octo.state.organization("own", 902).member("octocat")

    done("accounts", account)

    assert organizations() == {"octo": ""}


def test_the_installations_of_an_app_are_taken_on(
    github: FakeGitHub, octo: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = octo.state.app(12)
    app.install(octo)
    app.install(octo.state.organization("labs", 901))
    app.install(octo.state.enterprise("big", 77))
    app.install(octo.state.organization("idle", 905), is_suspended=True)
    monkeypatch.setenv("APP_KEY_OF_THE_TESTS", app.private_key)
    connection = Connection.objects.create(
        name="app", base_url=github.url, kind="app", app_id="12", secret_env="APP_KEY_OF_THE_TESTS"
    )
    account = Account.objects.create(kind="organization", login="octo", connection=connection)

    done("accounts", account)

    found = Account.objects.filter(connection=connection).values_list("kind", "login", "github_id")
    assert sorted(found) == [
        ("enterprise", "big", 77),
        ("organization", "labs", 901),
        ("organization", "octo", 900),
    ]


def test_an_unknown_organization_is_a_sentence(account: Account, octo: Organization) -> None:
    octo.rename("moved-away")

    job = run("accounts", account)

    assert job.state == Job.State.FAILED
    assert job.error


# --- Whose turn it is -------------------------------------------------------------------------


def test_a_connection_speaks_for_its_accounts_and_those_below_its_enterprise(
    connection: Connection, enterprise: Account
) -> None:
    other = Connection.objects.create(name="other", secret_env="ELSEWHERE")
    Account.objects.create(kind="organization", login="alone", connection=connection)
    Account.objects.create(kind="organization", login="below", parent=enterprise)
    Account.objects.create(kind="organization", login="other", parent=enterprise, connection=other)

    assert [account.login for account in steps.accounts_of(connection)] == ["big", "alone", "below"]


def test_a_job_is_queued_for_each_account_a_step_applies_to(
    connection: Connection, enterprise: Account
) -> None:
    from seats import tasks

    Account.objects.create(kind="organization", login="alone", connection=connection)
    Account.objects.create(kind="organization", login="below", parent=enterprise)

    assert [job.subject.split(":")[0] for job in tasks.enqueue_seats(connection.pk)] == [
        "enterprise",
        "organization",
    ]
    assert len(tasks.enqueue_teams(connection.pk)) == 3
    assert [job.kind for job in tasks.enqueue_billing(connection.pk)] == ["sync-billing"] * 2
    assert [job.kind for job in tasks.enqueue_members(connection.pk)] == [
        *["sync-accounts"] * 3,
        *["sync-members"] * 2,
    ]


def test_ten_presses_of_a_button_are_one_job(connection: Connection, account: Account) -> None:
    from seats import tasks

    queued = {job.pk for _ in range(10) for job in tasks.enqueue_seats(connection.pk)}

    assert len(queued) == 1


def test_a_connection_that_is_switched_off_asks_nothing(connection: Connection, account: Account) -> None:
    from seats import tasks

    Connection.objects.update(is_active=False)

    assert tasks.enqueue_seats(connection.pk) == []
    assert "switched off" in run("seats", account).error


def test_organizations_ask_for_themselves_where_the_enterprises_list_is_refused(
    state: State, enterprise: Account
) -> None:
    below = Account.objects.create(kind="organization", login="octo", parent=enterprise)
    assert not steps.STEPS["seats"].applies_to(below)
    state.enterprise("big").copilot_is_enabled = False

    assert run("seats", enterprise).state == Job.State.FAILED

    assert steps.STEPS["seats"].applies_to(below)
