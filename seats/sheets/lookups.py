"""Cells that name a row of another table: looked up all at once, before the first line is read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from django.db.models import Count
from import_export.widgets import Widget

from seats.assignments import known_people
from seats.models import Account, CostCentre, Department, GitHubUser, Team, WorkingCalendar
from seats.sheets.widgets import plain

EVERYBODY = "everybody"
T = TypeVar("T")


class LookupWidget(Widget, Generic[T]):
    """`load` is given every text of the column; `clean` asks nothing more of the database."""

    nothing: tuple[str, ...] = ("",)

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, T] = {}
        self._loaded: set[str] = set()

    def load(self, texts: Iterable[str]) -> None:
        new = {text.strip() for text in texts} - self._loaded - set(self.nothing)
        if new:
            self._loaded |= new
            self._found.update(self.look_up(new))

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> T | None:
        text = plain(value).strip()
        if text in self.nothing:
            return None
        self.load([text])
        if text not in self._found:
            raise ValueError(self.refusal(text))
        return self._found[text]

    def look_up(self, texts: set[str]) -> Mapping[str, T]:
        """The rows that these texts name; of those that name none, or several, nothing."""
        raise NotImplementedError

    def refusal(self, text: str) -> str:
        """That this text names nothing, and how it is written."""
        raise NotImplementedError


class AccountWidget(LookupWidget[Account]):
    """An account as `kind:login`; empty or `everybody` is none."""

    nothing: tuple[str, ...] = ("", EVERYBODY)

    def look_up(self, texts: set[str]) -> Mapping[str, Account]:
        named = _accounts()
        wanted = {text: text.partition(":") for text in texts}
        return {
            text: named[key]
            for text, (kind, _, login) in wanted.items()
            if login and (key := Account.key_of(kind, login.strip())) in named
        }

    def refusal(self, text: str) -> str:
        return f"There is no account {text!r}. Write organization:LOGIN or enterprise:SLUG."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value.kind}:{value.label}" if value else EVERYBODY


class OrganizationWidget(LookupWidget[Account]):
    """An organization by its login."""

    nothing = ()

    def look_up(self, texts: set[str]) -> Mapping[str, Account]:
        named = _accounts()
        keys = {text: Account.key_of(Account.Kind.ORGANIZATION, text) for text in texts}
        return {text: named[key] for text, key in keys.items() if key in named}

    def refusal(self, text: str) -> str:
        return f"There is no organization {text!r}. Write its login."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.label if value else ""


class TeamWidget(LookupWidget[Team]):
    """A team as `account/slug`; where that names several, as `kind:account/#id`."""

    def look_up(self, texts: set[str]) -> Mapping[str, Team]:
        wanted = {text: _parts_of_team(text) for text in texts}
        by_slug: dict[tuple[str, str], list[Team]] = defaultdict(list)
        slugs = {slug for _, _, slug in wanted.values() if not slug.startswith("#")}
        ids = {
            int(slug[1:])
            for _, _, slug in wanted.values()
            if len(slug) < 20 and slug[:1] == "#" and slug[1:].isdecimal()
        }
        for column, keys in (("slug", slugs), ("github_id", ids)):
            for team in Team.objects.filter(**{f"{column}__among": keys}).select_related("account"):
                slug = team.slug if column == "slug" else f"#{team.github_id}"
                by_slug[team.account.label.lower(), slug].append(team)
        found = {}
        for text, (kind, login, slug) in wanted.items():
            some = [one for one in by_slug[login.lower(), slug] if kind in ("", one.account.kind)]
            if len(some) == 1:
                found[text] = some[0]
        return found

    def refusal(self, text: str) -> str:
        return f"There is no one team {text!r}. Write the organization, a slash and the slug."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        if not value:
            return ""
        label = value.account.label
        if value.slug and (label.lower(), value.slug) not in self._shared:
            return f"{label}/{value.slug}"
        return f"{value.account.kind}:{label}/#{value.github_id}"

    @property
    def _shared(self) -> set[tuple[str, str]]:
        """Names that several teams bear; asked once for a sheet."""
        if not hasattr(self, "_known_shared"):
            met: dict[tuple[str, str], int] = defaultdict(int)
            named = Team.objects.exclude(slug="").order_by()
            for login, github_id, slug in named.values_list("account__login", "account__github_id", "slug"):
                met[(login or str(github_id)).lower(), slug] += 1
            self._known_shared = {name for name, teams in met.items() if teams > 1}
        return self._known_shared


class PersonWidget(LookupWidget[GitHubUser]):
    """A known person by login or mail address; where several bear the login, as `id:12345`."""

    nothing = ("", "@")

    def __init__(self) -> None:
        super().__init__()
        self._borne_by_several: set[str] = set()

    def look_up(self, texts: set[str]) -> Mapping[str, GitHubUser]:
        named = {text: text.removeprefix("@") for text in texts}
        known = known_people(name for name in named.values() if ":" not in name)
        found = {text: known[name.lower()] for text, name in named.items() if name.lower() in known}
        keys = {name.lower() for name in named.values()} - known.keys()
        self._borne_by_several.update(
            GitHubUser.objects.filter(login_key__among=keys).order_by().values_list("login_key", flat=True)
        )
        ids = {
            text: int(text[3:])
            for text in texts
            if text.startswith("id:") and len(text) < 22 and text[3:].isdecimal()
        }
        by_id = {one.github_id: one for one in GitHubUser.objects.filter(github_id__among=set(ids.values()))}
        found.update({text: by_id[number] for text, number in ids.items() if number in by_id})
        return found

    def refusal(self, text: str) -> str:
        if text.removeprefix("@").lower() in self._borne_by_several:
            return f"Several people bear the login {text!r}. Write id: and GitHub's id, as id:12345."
        return f"Nobody with the login {text!r} is known."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        if not value:
            return ""
        is_shared = value.login_key in self._shared and value.github_id is not None
        return f"id:{value.github_id}" if is_shared else value.login

    @property
    def _shared(self) -> set[str]:
        """Logins that several people with ids bear, as last seen; asked once for a sheet."""
        if not hasattr(self, "_known_shared"):
            borne = GitHubUser.objects.filter(github_id__isnull=False).order_by().values("login_key")
            shared = borne.annotate(people=Count("pk")).filter(people__gt=1)
            self._known_shared = {row["login_key"] for row in shared}
        return self._known_shared


class CalendarWidget(LookupWidget[WorkingCalendar]):
    """A working calendar by its name."""

    def look_up(self, texts: set[str]) -> Mapping[str, WorkingCalendar]:
        return {one.name: one for one in WorkingCalendar.objects.filter(name__among=texts)}

    def refusal(self, text: str) -> str:
        return f"There is no working calendar {text!r}."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.name if value else ""


class CostCentreWidget(LookupWidget[CostCentre]):
    """A cost centre by its code."""

    def look_up(self, texts: set[str]) -> Mapping[str, CostCentre]:
        keys = {text: text.lower() for text in texts}
        found = {one.code_key: one for one in CostCentre.objects.filter(code_key__among=set(keys.values()))}
        return {text: found[key] for text, key in keys.items() if key in found}

    def refusal(self, text: str) -> str:
        return f"There is no cost centre {text!r}. Write its code, or add it first."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.code if value else ""


class DepartmentWidget(LookupWidget[Department]):
    """A department by its name."""

    def look_up(self, texts: set[str]) -> Mapping[str, Department]:
        keys = {text: text.lower() for text in texts}
        found = {one.name_key: one for one in Department.objects.filter(name_key__among=set(keys.values()))}
        return {text: found[key] for text, key in keys.items() if key in found}

    def refusal(self, text: str) -> str:
        return f"There is no department {text!r}. Write its name, or add it first."

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.name if value else ""


def id_of_person(text: str) -> int | None:
    """GitHub's id, where a text names somebody by it."""
    return _id_in(text, "id:")


def scope_of(value: Any) -> tuple[Account | None, Team | None]:
    """The account or team that a scope in words names; neither is everybody."""
    text = plain(value).strip()
    if not text:
        raise ValueError("Write everybody, organization:LOGIN, enterprise:SLUG or team:ORGANIZATION/SLUG.")
    if text.startswith("team:"):
        return None, TeamWidget().clean(text.removeprefix("team:"))
    return AccountWidget().clean(text), None


def words_of_scope(account: Account | None, team: Team | None) -> str:
    return f"team:{TeamWidget().render(team)}" if team else AccountWidget().render(account)


def _accounts() -> dict[str, Account]:
    """By kind and today's login, else id, else a login that a single account bore before."""
    named: dict[str, Account] = {}
    former: dict[str, list[Account]] = defaultdict(list)
    accounts = list(Account.objects.select_related("parent", "cost_centre"))
    for account in accounts:
        for login in account.former_logins:
            former[Account.key_of(account.kind, str(login))].append(account)
    named.update({key: some[0] for key, some in former.items() if len(some) == 1})
    named.update({account.id_key: account for account in accounts if account.id_key})
    named.update({account.login_key: account for account in accounts if account.login_key})
    return named


def _parts_of_team(text: str) -> tuple[str, str, str]:
    """Kind, or nothing; login; and slug, or # and the id."""
    account, _, slug = text.removeprefix("team:").rpartition("/")
    kind, _, login = account.rpartition(":")
    return kind, login, slug


def _id_in(text: str, mark: str) -> int | None:
    digits = text.removeprefix(mark)
    return int(digits) if text.startswith(mark) and re.fullmatch(r"[0-9]{1,18}", digits) else None
