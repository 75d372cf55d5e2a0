"""What a refusal means, in words that say what to do; and nothing in them that must not be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from portal.github.auth import TokenAuth
from portal.github.errors import (
    BadCredentials,
    GitHubError,
    Gone,
    MissingPermission,
    NotFound,
    PolicyOff,
    Unprocessable,
)
from portal.github.refusals import has_one_of, plain, refusal
from tests.fake_github import FakeGitHub, Organization, State
from tests.portal.github.conftest import CORP, OCTO, TOKEN, MakeClient
from tests.portal.github.scripted import Scripted, reply

CALL = "GET /orgs/octo/copilot/billing/seats"


def refused(status: int, message: str = "", *, is_app: bool = False, **fields: str) -> GitHubError:
    """The error of an answer with these headers, `X_OAuth_Scopes="…"`."""
    headers = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in fields.items()})
    return refusal(status, headers, message, call=CALL, is_app=is_app)


def test_a_bad_token_is_to_be_replaced() -> None:
    error = refused(401, "Bad credentials")
    assert isinstance(error, BadCredentials)
    assert str(error) == (
        "GitHub does not accept the token: it has expired, was revoked or is not whole. Make a new one and "
        "enter it in the connection."
    )
    assert "private key" in str(refused(401, "A JSON web token could not be decoded", is_app=True))


def test_a_missing_scope_is_named_with_those_there_are() -> None:
    error = refused(
        403,
        "Must have admin rights",
        X_OAuth_Scopes="repo, read:org",
        X_Accepted_OAuth_Scopes="manage_billing:copilot, read:enterprise",
    )
    assert isinstance(error, MissingPermission)
    assert error.needed == "manage_billing:copilot, read:enterprise"
    assert "one of the scopes `manage_billing:copilot`, `read:enterprise`, and has `repo`, `read:org`" in str(
        error
    )
    assert "and has none" in str(refused(403, "", X_OAuth_Scopes="", X_Accepted_OAuth_Scopes="read:org"))


def test_with_the_scope_it_is_the_role_that_is_missing() -> None:
    for held in ("read:org", "admin:org"):
        error = refused(403, "", X_OAuth_Scopes=held, X_Accepted_OAuth_Scopes="read:org")
        assert "lacks the role" in str(error)


def test_a_missing_permission_is_told_as_github_names_it() -> None:
    error = refused(
        403,
        "Resource not accessible by integration",
        is_app=True,
        X_Accepted_GitHub_Permissions="organization_copilot_seat_management=read,members=read; admin=write",
    )
    assert isinstance(error, MissingPermission)
    needed = "`organization_copilot_seat_management` (read) and `members` (read), or `admin` (write)"
    assert f"the permission {needed}" in str(error)
    assert "have the change approved" in str(error)


def test_what_a_kind_of_token_cannot_do_is_told() -> None:
    assert "classic token" in str(refused(403, "Resource not accessible by personal access token"))


@pytest.mark.parametrize("status", [403, 404])
def test_single_sign_on_is_told_without_its_address(status: int) -> None:
    error = refused(
        status,
        "Resource protected by organization SAML enforcement.",
        X_GitHub_SSO="required; url=https://github.com/orgs/octo/sso?authorization_request=AAAA",
    )
    assert isinstance(error, MissingPermission)
    assert "Configure SSO" in str(error)
    assert "AAAA" not in str(error)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "Copilot usage metrics policy is disabled for this organization."),
        (422, "Copilot Usage metrics setting is disabled at the organization or enterprise level."),
        (403, "Copilot Business is not enabled for this organization."),
        (422, "Copilot is not enabled for this organization."),
        (403, "The Copilot Metrics API access policy is not enabled."),
    ],
)
def test_a_policy_that_is_off_is_told_where_to_switch_on(status: int, message: str) -> None:
    error = refused(status, message, X_OAuth_Scopes="read:org", X_Accepted_OAuth_Scopes="read:org")
    assert isinstance(error, PolicyOff)
    assert "Policies" in str(error)
    assert message.rstrip(".") in str(error)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "the `octo` organization has an IP allow list enabled, and your IP address is not permitted",
            "add its address",
        ),
        ("This installation has been suspended", "unsuspend"),
        ("`octo` forbids access via a personal access token (classic).", "use the kind that it allows"),
    ],
)
def test_other_reasons_for_403_are_told_apart(message: str, words: str) -> None:
    error = refused(403, message)
    assert isinstance(error, MissingPermission)
    assert words in str(error)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("GET /orgs/octo/copilot/billing/seats", "organization “octo” with Copilot"),
        ("GET /orgs/octo", "organization “octo”"),
        ("GET /enterprises/octo-corp/teams", "enterprise “octo-corp”"),
        ("GET /orgs/octo/teams/a%2Fb/members", "team “a/b” of the organization “octo”"),
        ("GET /orgs/octo/members/mona/copilot", "seat of “mona” in the organization “octo”"),
        ("GET /app/installations", "/app/installations"),
    ],
)
def test_what_is_not_found_is_named(call: str, what: str) -> None:
    error = refusal(404, {}, "Not Found", call=call, is_app=False)
    assert isinstance(error, NotFound)
    assert f"GitHub knows no {what}, or this credential may not see it." in str(error)


def test_a_missing_scope_may_hide_behind_not_found() -> None:
    error = refused(404, "Not Found", X_OAuth_Scopes="repo", X_Accepted_OAuth_Scopes="read:org")
    assert "the token lacks the scope `read:org`" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(410, Gone), (422, Unprocessable), (400, Unprocessable), (409, Unprocessable), (418, Unprocessable)],
)
def test_other_statuses_are_told_with_githubs_words(status: int, kind: type[GitHubError]) -> None:
    error = refused(status, "Because of a reason.")
    assert type(error) is kind
    assert error.status == status
    assert error.said == "Because of a reason."
    assert "GitHub says: “Because of a reason”." in str(error)


@pytest.mark.parametrize(
    ("scopes", "held", "does"),
    [
        (["read:org"], ["admin:org"], True),
        (["manage_billing:copilot"], ["admin:enterprise"], True),
        (["admin:org"], ["read:org"], False),
        (["read:org"], [], False),
    ],
)
def test_a_wide_scope_holds_narrower_ones(scopes: list[str], held: list[str], does: bool) -> None:
    assert has_one_of(scopes, held) is does


def test_githubs_words_are_shown_without_addresses_and_secrets() -> None:
    message = (
        "See https://host/a?sig=s3cret now. Token ghp_abcDEF123 or github_pat_11AA_bb or Bearer xyz.abc and "
        "eyJhbGciOi.eyJpc3M.sig is my-own-secret\nsecond\x00line"
    )
    shown = plain(message, ["my-own-secret"])
    for secret in ("s3cret", "abcDEF", "11AA", "xyz", "eyJ", "my-own-secret", "\n", "\x00"):
        assert secret not in shown
    assert len(plain("x" * 10_000)) < 400


@given(
    message=st.text(max_size=200),
    status=st.integers(400, 499),
    fields=st.dictionaries(
        st.sampled_from(
            ["X_GitHub_SSO", "X_OAuth_Scopes", "X_Accepted_OAuth_Scopes", "X_Accepted_GitHub_Permissions"]
        ),
        st.text(max_size=40),
    ),
    is_app=st.booleans(),
)
def test_every_refusal_becomes_an_error_in_words(
    message: str, status: int, fields: dict[str, str], is_app: bool
) -> None:
    error = refused(status, message, is_app=is_app, **fields)
    assert isinstance(error, GitHubError)
    assert str(error).strip()


# --- As the client meets them -------------------------------------------------------------------


def test_a_token_without_the_scope_is_told_so(make_client: MakeClient, state: State) -> None:
    state.token("narrow", scopes={"repo"})
    client = make_client(auth=TokenAuth("narrow"))
    with pytest.raises(MissingPermission) as caught:
        client.seats(OCTO)
    assert "manage_billing:copilot" in caught.value.needed
    assert caught.value.status == 403
    with pytest.raises(MissingPermission, match="read:enterprise"):
        client.seats(CORP)


def test_a_permission_error_is_not_repeated(make_client: MakeClient, state: State, fake: FakeGitHub) -> None:
    state.token("narrow", scopes={"repo"})
    with pytest.raises(MissingPermission):
        make_client(auth=TokenAuth("narrow")).seats(OCTO)
    assert len(fake.requests) == 1


def test_a_retired_version_is_told(make_client: MakeClient, state: State) -> None:
    state.retired_versions.add("2026-03-10")
    with pytest.raises(Gone, match="retired"):
        make_client().seats(OCTO)


def test_a_policy_that_is_off_is_told_for_reports(
    make_client: MakeClient, octo: Organization, report_day: object
) -> None:
    octo.metrics_policy_is_on = False
    with pytest.raises(PolicyOff):
        make_client().report(OCTO, "organization-28-day")


def test_an_echo_of_the_token_is_not_shown(make_client: MakeClient) -> None:
    body = b'{"message":"the header was Bearer ' + TOKEN.encode() + b'"}'
    with Scripted(reply(body, "422 Unprocessable")) as server, pytest.raises(Unprocessable) as caught:
        make_client(url=server.url).seats(OCTO)
    assert "the header was" in str(caught.value)
    assert TOKEN not in f"{caught.value!r} {caught.value.__dict__}"
