"""The fields with which a page asks a report: one for the scope, one for each option it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from portal.reports.base import Report
from portal.reports.offers import offered
from portal.reports.options import Choices, Kind, Option
from portal.reports.query import KINDS

EVERY_ACCOUNT = "every account by itself"


@dataclass(frozen=True, slots=True)
class Field:
    """What a template shows: a select, several boxes, or an input with suggestions."""

    name: str
    label: str
    kind: str
    value: str
    help: str = ""
    choices: Choices = ()
    otherwise: str = ""
    usual: Sequence[str] = ()

    @property
    def chosen(self) -> Sequence[str]:
        return self.value.split(",") if self.value else self.usual

    @property
    def input_type(self) -> str:
        return {Kind.DAY: "date", Kind.NUMBER: "number"}.get(Kind(self.kind), "text")


def fields_of(report: Report, given: Mapping[str, str]) -> Iterator[Field]:
    """The fields of a report's page, filled with what its address gave."""
    if report.takes_scope:
        yield _scope(given)
    for option in report.taken():
        yield _field(option, given.get(option.name, ""))


def _scope(given: Mapping[str, str]) -> Field:
    value = given.get("scope") or next((f"{kind}:{given[kind]}" for kind in KINDS if given.get(kind)), "")
    choices = list(offered("scope"))
    if value and value not in (known for known, _ in choices):
        choices.append((value, value.partition(":")[2] or value))
    return Field("scope", "Scope", Kind.CHOICE, value, choices=choices, otherwise=EVERY_ACCOUNT)


def _field(option: Option, value: str) -> Field:
    choices = offered(option.name) if option.kind == Kind.TEXT else option.offered()
    return Field(
        option.name,
        option.label,
        option.kind,
        value,
        help=option.help,
        choices=choices,
        otherwise=option.otherwise,
        usual=option.usual,
    )
