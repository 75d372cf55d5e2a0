"""Which template speaks to whom, what may stand in it, and how it is filled in."""

from __future__ import annotations

from typing import Any

import pytest

from seats.models import Account, GitHubUser, NoticeTemplate
from seats.reclaim.notice_words import PLACEHOLDERS, NoWords, Words, fill, problems, write
from tests.seats.holding import organization

pytestmark = pytest.mark.django_db

PERSON = NoticeTemplate.Kind.PERSON


def template(account: Account | None = None, language: str = "en", **fields: Any) -> NoticeTemplate:
    values = {"subject": "s", "body": "{{ link }}", "kind": PERSON, **fields}
    return NoticeTemplate.objects.create(account=account, language=language, **values)


def spoken_to(account: Account, language: str = "") -> tuple[str, str]:
    """The scope and language of what speaks to somebody of this language."""
    found = Words().of(PERSON, account, GitHubUser(login="ann", language=language))
    return (found.account.login if found.account else "all"), found.language


# --- Which one --------------------------------------------------------------------------------


def test_there_are_words_from_the_start_and_each_can_be_sent() -> None:
    kinds = NoticeTemplate.objects.order_by("kind", "language").values_list("kind", "language", "is_default")
    assert list(kinds) == [
        ("maintainers", "de", False), ("maintainers", "en", True),
        ("person", "de", False), ("person", "en", True),
    ]  # fmt: skip
    for one in NoticeTemplate.objects.all():
        assert problems(one.kind, one.subject, one.body) == {}


@pytest.mark.parametrize(
    ("language", "expected"), [("de", "de"), ("de-AT", "de"), ("de_at", "de"), ("fr", "en"), ("", "en")]
)
def test_people_are_spoken_to_in_their_language_else_in_the_default_one(language: str, expected: str) -> None:
    assert spoken_to(organization(), language) == ("all", expected)


def test_the_words_of_the_organization_come_before_its_enterprises_and_those_before_everybodys() -> None:
    octo = Account.objects.create(kind="enterprise", login="octo")
    acme, globex = organization(parent=octo), organization("globex", parent=octo)
    template(acme)
    template(octo)
    assert (spoken_to(acme), spoken_to(globex)) == (("acme", "en"), ("octo", "en"))
    assert spoken_to(organization("solo")) == ("all", "en")


def test_an_organization_may_speak_another_language_to_those_of_whom_none_is_known() -> None:
    acme = organization()
    template(acme, "de", is_default=True)
    assert spoken_to(acme) == ("acme", "de")
    assert spoken_to(acme, "en") == ("all", "en")


def test_without_any_words_it_says_where_to_add_some() -> None:
    NoticeTemplate.objects.all().delete()
    with pytest.raises(NoWords, match="Words of notices"):
        spoken_to(organization())


# --- What may stand in it ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{{ link }} {{ nonsense }}", "{{ nonsense }} is no placeholder here. There are: answer_until, "),
        ("{{ link }} {{ people }}", "{{ people }} is no placeholder here"),
        ("{{ link }} {{ user.password }}", "“{{” means nothing here"),
        ("{{ link }} {% include 'x' %}", "“{%” means nothing here"),
        ("{{ link }} {{ login|upper }}", "“{{” means nothing here"),
        ("{{ link", "“{{” means nothing here"),
        ("no way to answer", "The text must have {{ link }} in it."),
    ],
)
def test_a_template_that_cannot_be_sent_says_why(body: str, sentence: str) -> None:
    found = problems(PERSON, "subject", body)
    assert list(found) == ["body"]
    assert any(sentence in one for one in found["body"])


def test_the_link_does_not_stand_in_a_subject() -> None:
    assert list(problems(PERSON, "{{ link }}", "{{ link }}")) == ["subject"]


def test_a_digest_lists_people() -> None:
    assert problems("maintainers", "s", "no list") == {"body": ["The text must have {{ people }} in it."]}
    assert problems("maintainers", "{{ count }} in {{ team }}", "{{ people }}") == {}


def test_every_placeholder_is_explained() -> None:
    assert set(PLACEHOLDERS[PERSON]) == {
        "login", "name", "organization", "last_used", "days_idle", "plan", "monthly_cost", "answer_until",
        "link", "reason",
    }  # fmt: skip
    assert all(meaning for kind in PLACEHOLDERS.values() for meaning in kind.values())


# --- Filling in -------------------------------------------------------------------------------


def test_a_line_that_would_speak_of_what_nobody_knows_is_left_out() -> None:
    text = (
        "Hello {{ name }},\nlast used {{ last_used }}, {{ days_idle }} days ago\n\n{{ name }}{{ last_used }}"
    )
    assert fill(text, {"name": "Ann", "last_used": "", "days_idle": ""}) == "Hello Ann,\n\nAnn"


def test_values_are_text_and_nothing_else() -> None:
    assert fill("{{ name }}", {"name": "{{ login }} {% x %} <b> & \\1"}) == "{{ login }} {% x %} <b> & \\1"


def test_a_subject_is_one_line() -> None:
    found = write(NoticeTemplate(language="en", subject="{{ name }}", body="x"), {"name": "Ann\nBcc: x@y.z"})
    assert found.subject == "Ann Bcc: x@y.z"
