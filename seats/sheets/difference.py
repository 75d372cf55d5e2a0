"""What a line would change, cell by cell: the words that go and come, marked for the theme to colour."""

from __future__ import annotations

from typing import Any

from diff_match_patch import diff_match_patch
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from import_export.resources import Diff

from seats.sheets.formats import Cell

# Rows that a preview shows, of those that change and of the others; the counts tell of all of them.
SHOWN = 200
SHOWN_UNCHANGED = 50


class SheetDiff(Diff):
    """The library's comparison of words, marked by elements that the theme colours."""

    def __init__(self, resource: Any, instance: Any, new: bool) -> None:
        self._resource = resource
        self.left = _cells(resource, None if new else instance)
        self.right: list[Cell] = []
        self.new = new

    def compare_with(self, resource: Any, instance: Any) -> None:
        self.right = _cells(resource, instance)

    def as_html(self) -> list[SafeString]:
        if self.left != self.right:
            self._resource.note_change(self.left, self.right)
        # Nobody looks at more than the first.
        if self._resource.is_shown_enough(changes=self.left != self.right):
            return []
        return [_marked(as_shown(was), as_shown(now)) for was, now in zip(self.left, self.right, strict=True)]


def _cells(resource: Any, instance: Any) -> list[Cell]:
    shown = resource.get_import_fields()
    return [None if instance is None else resource.export_field(field, instance) for field in shown]


def _marked(was: str, now: str) -> SafeString:
    if was == now:
        return format_html("{}", now)
    compare = diff_match_patch()
    # A pair of long texts that have nothing in common is not compared for ever.
    compare.Diff_Timeout = 0.05
    parts = compare.diff_main(was, now)
    compare.diff_cleanupSemantic(parts)
    elements = {-1: "<del>{}</del>", 0: "{}", 1: "<ins>{}</ins>"}
    return format_html_join("", "{}", ((format_html(elements[kind], text),) for kind, text in parts))


def as_shown(value: Any) -> str:
    """A cell as a preview shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
