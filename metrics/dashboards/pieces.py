"""Pieces of pages, finished: panels and opening sentences as HTML, kept until what they tell of changes.

`portal.kept` says how long that is; here is what a piece depends on besides the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.urls import get_script_prefix
from django.utils.translation import get_language

from metrics.dashboards.asked import Asked
from metrics.dashboards.asking import Question
from metrics.dashboards.registry import Page
from portal.kept import kept


class Rights:
    """What a reader may see, and nothing of who that is: what is made with it suits all with the same."""

    is_active = True

    def __init__(self, user: Any) -> None:
        self._user = user

    def has_perm(self, permission: str) -> bool:
        return bool(self._user.has_perm(permission))

    @property
    def key(self) -> str:
        """The same for everybody who may see the same."""
        return "all" if self._user.is_superuser else " ".join(sorted(self._user.get_all_permissions()))


def piece(page: Page, name: str, question: Question, make: Callable[[Question], str]) -> str:
    """The piece, as kept or as made now. Of a page that is about its reader or the moment nothing is kept."""
    panel = page.panels.get(name)
    if not (page.is_kept if panel is None else panel.is_kept):
        return make(question)
    rights = Rights(question.asked.user)
    asked = replace(question.asked, user=rights)
    parts = (
        page.slug,
        name,
        asked.query(scope=str(asked.scope.account.pk)),
        *_named(asked),
        *_days(asked),
        asked.by.value,
        question.covered,
        question.preset,
        *question.said,
        get_language(),
        get_script_prefix(),
        rights.key,
    )
    return kept("\n".join(map(str, parts)), lambda: make(replace(question, asked=asked)))


def _days(asked: Asked) -> tuple[object, ...]:
    return asked.period.first, asked.period.last, asked.before, asked.weekends, asked.today


def _named(asked: Asked) -> tuple[object, ...]:
    """What was read of account and team before anybody watched what is read."""
    account, team = asked.scope.account, asked.scope.team
    return asked.scope.label, account.login, account.parent_id, "" if team is None else team.name
