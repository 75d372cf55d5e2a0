"""The words of a notice: which template speaks, what may stand in it, and how it is filled in.

Templates are text with placeholders in double braces, and nothing else: no logic, no objects. A line whose
placeholders all turn out empty is left out, so that a template may speak of what is not always known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seats.models import Account, GitHubUser, NoticeTemplate

ENGLISH = "en"
# What every template may say, and what only one kind may.
COMMON: Mapping[str, str] = {
    "login": "the person's login on GitHub",
    "name": "the person's name; the login where none is known",
    "organization": "who grants the seat",
}
PLACEHOLDERS: Mapping[str, Mapping[str, str]] = {
    NoticeTemplate.Kind.PERSON: {
        **COMMON,
        "link": "the link that says “I still need it”: must be in the text, not in the subject",
        "answer_until": "the last day on which the person may answer, as 2026-12-01",
        "last_used": "the newest day of use; empty where none is known",
        "days_idle": "days since then; empty where none is known",
        "plan": "Business or Enterprise",
        "monthly_cost": "what the seat costs a month; empty where no price is known",
        "reason": "why the seat counts as inactive: a sentence in English",
    },
    NoticeTemplate.Kind.MAINTAINERS: {
        **COMMON,
        "team": "the team's name",
        "people": "a line for each member: login, last use, last day to answer; must be in the text",
        "count": "how many members it is about",
    },
}
REQUIRED: Mapping[str, str] = {
    NoticeTemplate.Kind.PERSON: "link",
    NoticeTemplate.Kind.MAINTAINERS: "people",
}
# Stands in a stored text where the mail had its link.
LINK = "{{ link }}"

_PLACEHOLDER = re.compile(r"\{\{[ \t]*(\w+)[ \t]*\}\}")
_BRACES = re.compile(r"\{\{|\}\}|\{%|%\}")


class NoWords(Exception):
    """There is no template to write a notice with; str() says what to do."""


@dataclass(frozen=True, slots=True)
class Mail:
    language: str
    subject: str
    body: str


# --- What may stand in a template -------------------------------------------------------------


def problems(kind: str, subject: str, body: str) -> dict[str, list[str]]:
    """What is wrong with a template, by field; empty if it can be sent."""
    allowed = PLACEHOLDERS[kind]
    required = REQUIRED[kind]
    found = {
        "subject": list(_wrong(subject, {name for name in allowed if name != required})),
        "body": list(_wrong(body, set(allowed))),
    }
    if required not in _PLACEHOLDER.findall(body):
        found["body"].append(f"The text must have {{{{ {required} }}}} in it.")
    return {field: sentences for field, sentences in found.items() if sentences}


def _wrong(text: str, allowed: set[str]) -> Iterator[str]:
    unknown = [name for name in dict.fromkeys(_PLACEHOLDER.findall(text)) if name not in allowed]
    for name in unknown:
        yield f"{{{{ {name} }}}} is no placeholder here. There are: {', '.join(sorted(allowed))}."
    if stray := _BRACES.search(_PLACEHOLDER.sub("", text)):
        yield f"“{stray[0]}” means nothing here: write {{{{ name }}}}, with one of the placeholders inside."


# --- Filling in -------------------------------------------------------------------------------


def write(template: NoticeTemplate, values: Mapping[str, str]) -> Mail:
    """The template with these values; a subject is one line."""
    subject = " ".join(fill(template.subject, values).split())
    return Mail(template.language, subject[:300], fill(template.body, values))


def fill(text: str, values: Mapping[str, str]) -> str:
    return "\n".join(
        filled for line in text.splitlines() if (filled := _filled_line(line, values)) is not None
    )


def _filled_line(line: str, values: Mapping[str, str]) -> str | None:
    """None: it would have spoken of what nobody knows."""
    names = _PLACEHOLDER.findall(line)
    if names and not any(values.get(name) for name in names):
        return None
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), line)


# --- Which template speaks --------------------------------------------------------------------


class Words:
    """All templates, loaded once: which one speaks to whom is then no query."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, NoticeTemplate]] = {}
        for template in NoticeTemplate.objects.order_by("pk"):
            self._known.setdefault((template.kind, template.scope_key), {})[template.language] = template

    def of(self, kind: str, account: Account, user: GitHubUser | None = None) -> NoticeTemplate:
        """In the person's language, else the default one, else English; of the nearest scope that has it."""
        scopes = [
            self._known.get((kind, key), {})
            for key in (f"account:{account.pk}", f"account:{account.parent_id}", "all")
        ]
        default = (one.language for scope in scopes for one in scope.values() if one.is_default)
        for language in (*_languages(user), *default, ENGLISH):
            for scope in scopes:
                if language in scope:
                    return scope[language]
        for scope in scopes:
            for template in scope.values():
                return template
        raise NoWords("There are no words for this kind of notice: add a template under “Words of notices”.")


def _languages(user: GitHubUser | None) -> list[str]:
    """As the person's language is written, and without its region."""
    language = (user.language if user else "").strip().lower().replace("_", "-")
    return list(dict.fromkeys(part for part in (language, language.partition("-")[0]) if part))
