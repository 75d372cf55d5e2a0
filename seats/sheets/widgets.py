"""How cells of sheets are read and written. What cannot be read says how it is written.

Values go out as what they are: text, numbers, days, yes and no. How a format writes them is the format's.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django.db import models
from import_export.widgets import Widget

from seats.sheets import formats

# Numbers of so many digits before or after the point are written out.
WRITTEN_OUT = 40
NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")


class TextWidget(Widget):
    """Text as it is; a number that a workbook made of it is text again."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else str(value)

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return plain(value)


class TrimmedTextWidget(TextWidget):
    """A name: blanks around it mean nothing."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return plain(value).strip()


class YesNoWidget(Widget):
    """Anything else than these words would mean no to somebody, and yes to somebody else."""

    WORDS: ClassVar[dict[str, bool]] = {
        "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False,
    }  # fmt: skip

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        word = plain(value).strip().lower()
        if word not in self.WORDS:
            raise ValueError("Write yes or no.")
        return self.WORDS[word]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> bool:
        return bool(value)


class WholeNumberWidget(Widget):
    """A spreadsheet may write 30 as 30.0; half a day is refused."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        text = plain(value).strip()
        if not text:
            return None
        whole, _, rest = text.partition(".")
        if not re.fullmatch(r"-?[0-9]{1,18}", whole) or rest.strip("0"):
            raise ValueError("Write a whole number.")
        return int(whole)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> int | None:
        return None if value is None else int(value)


class DecimalWidget(Widget):
    """An amount with a point: 17.50. A comma means something else in every second country."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal | None:
        text = plain(value).strip()
        if not text:
            return None
        if not NUMBER.fullmatch(text):
            raise ValueError("Write a number as 17.50.")
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ValueError("Write a number as 17.50.") from None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Decimal | None:
        return None if value is None else Decimal(value)


class DayWidget(Widget):
    """A day as `2026-11-20`. A workbook's own cells of days are read as well."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> date | None:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        text = plain(value).strip()
        if not text:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("Write a day as 2026-11-20.") from None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> date | None:
        return value or None


class InstantWidget(Widget):
    """A moment in UTC as `2026-11-20T12:00:00Z`; written, and compared as it is written."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return plain(value).strip()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value:%Y-%m-%dT%H:%M:%SZ}" if value else ""


def plain(value: Any) -> str:
    """A cell as text. Raises ValueError for what no database keeps."""
    if value is None:
        return ""
    if value is formats.NO_VALUE:
        raise ValueError(f"This is {formats.NO_VALUE}. {formats.COMPUTE_IT}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(value, (float, Decimal)) and abs(Decimal(str(value)).adjusted()) < WRITTEN_OUT:
        # A workbook's 0.000001 is 1e-06 to a program, and to nobody who wrote it.
        value = f"{Decimal(str(value)):f}"
    text = value.isoformat() if isinstance(value, (date, datetime)) else str(value)
    if says := formats.unkept(text):
        raise ValueError(says)
    return text


def widget_of(field: Any) -> type[Widget] | None:
    """What reads a field more strictly than the library does; None: the library's own."""
    for kinds, widget in WIDGETS:
        if isinstance(field, kinds):
            return widget
    return None


WIDGETS: tuple[tuple[Any, type[Widget]], ...] = (
    (models.BooleanField, YesNoWidget),
    (models.DateTimeField, InstantWidget),
    (models.DateField, DayWidget),
    (models.IntegerField, WholeNumberWidget),
    (models.DecimalField, DecimalWidget),
    ((models.CharField, models.TextField), TextWidget),
)
