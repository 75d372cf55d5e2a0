"""The quote that keeps a spreadsheet from taking text for a formula, put on and taken off.

See https://owasp.org/www-community/attacks/CSV_Injection. No Django here: file formats read by it, too.
"""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula. `as_meant` takes back what it did to any text."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def as_meant(text: str) -> str:
    """The text that `safe` was given."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA_STARTS) else text
