"""How cells of spreadsheets are read and written. What cannot be read says how it is written."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F
from import_export.widgets import CharWidget, Widget

from portal.reports.writers import FORMULA_STARTS, safe
from seats.models import Account, GitHubUser, Team, WorkingCalendar

EVERYBODY = "everybody"


class SafeTextWidget(CharWidget):
    """Text no spreadsheet takes for a formula; the quote that says so is taken off again."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return safe(str(value)) if value not in (None, "") else ""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = "" if value is None else str(value)
        return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


class YesNoWidget(Widget):
    """Anything else than these words would mean no to somebody, and yes to somebody else."""

    WORDS: ClassVar[dict[str, bool]] = {
        "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False,
    }  # fmt: skip

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        word = str(value).strip().lower()
        if word not in self.WORDS:
            raise ValueError("Write yes or no.")
        return self.WORDS[word]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class WholeNumberWidget(Widget):
    """A spreadsheet may write 30 as 30.0; half a day is refused."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        text = str(value if value is not None else "").strip()
        if not text:
            return None
        whole, _, rest = text.partition(".")
        if not whole.removeprefix("-").isdecimal() or rest.strip("0") or len(whole) > 18:
            raise ValueError("Write a whole number.")
        return int(whole)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else value


class DayWidget(Widget):
    """A day as `2026-11-20`. A workbook's own cells of days are read as well."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> date | None:
        if isinstance(value, datetime):
            return value.date()
        text = str(value if value is not None else "").strip()
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise ValueError("Write a day as 2026-11-20.") from None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.isoformat() if value else ""


class AccountWidget(Widget):
    """An account as `kind:login`; empty or `everybody` is none."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Account | None:
        text = str(value or "").strip()
        if text in ("", EVERYBODY):
            return None
        kind, _, login = text.partition(":")
        account = Account.objects.named(kind, login).first() if login else None
        if account is None:
            raise ValueError(f"There is no account {text!r}. Write organization:LOGIN or enterprise:SLUG.")
        return account

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value.kind}:{value.label}" if value else EVERYBODY


class TeamWidget(Widget):
    """A team as `account/slug`."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Team | None:
        text = str(value or "").strip()
        if not text:
            return None
        login, _, slug = text.removeprefix("team:").partition("/")
        teams = Team.objects.filter(slug=slug, account__login__iexact=login)
        if len(found := teams[:2]) != 1:
            raise ValueError(f"There is no one team {text!r}. Write the organization, a slash and the slug.")
        return found[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value.account.label}/{value.slug}" if value else ""


class PersonWidget(Widget):
    """A person by login."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> GitHubUser | None:
        login = str(value or "").strip()
        if not login:
            return None
        # The person identified by an id before one known by name only.
        people = GitHubUser.objects.filter(login_key=login.lower())
        person = people.order_by(F("github_id").desc(nulls_last=True)).first()
        if person is None:
            raise ValueError(f"Nobody with the login {login!r} is known.")
        return person

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return safe(value.login) if value else ""


class CalendarWidget(Widget):
    """A working calendar by its name."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> WorkingCalendar | None:
        name = SafeTextWidget().clean(value).strip()
        if not name:
            return None
        calendar = WorkingCalendar.objects.filter(name=name).first()
        if calendar is None:
            raise ValueError(f"There is no working calendar {name!r}.")
        return calendar

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return safe(value.name) if value else ""


def widget_of(field: Any) -> type[Widget] | None:
    """What reads a field more strictly than the library does; None: the library's own."""
    if isinstance(field, models.BooleanField):
        return YesNoWidget
    if isinstance(field, models.DateField) and not isinstance(field, models.DateTimeField):
        return DayWidget
    return WholeNumberWidget if isinstance(field, models.IntegerField) else None


def scope_of(value: Any) -> tuple[Account | None, Team | None]:
    """The account or team that a scope in words names; neither is everybody."""
    text = str(value or "").strip()
    if not text:
        raise ValueError("Write everybody, organization:LOGIN, enterprise:SLUG or team:ORGANIZATION/SLUG.")
    if text.startswith("team:"):
        return None, TeamWidget().clean(text)
    return AccountWidget().clean(text), None


def words_of_scope(account: Account | None, team: Team | None) -> str:
    return f"team:{TeamWidget().render(team)}" if team else AccountWidget().render(account)
