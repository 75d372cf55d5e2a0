"""What can be wrong with one record of GitHub's, in sentences an admin can act on."""

from __future__ import annotations

import re
from typing import Any

import msgspec


class BadRecord(Exception):
    """One record is refused. `str()` names the field, what is wrong and, where it helps, what to do."""


_PATH = re.compile(r" - at `(?:key in )?\$?([^`]*)`$")
_STEP = re.compile(r"\[[^\]]*\]")
_GOT = re.compile(r"^Expected `([^`]*)`, got `([^`]*)`$")
_LEAST = re.compile(r"^Expected `[^`]*` >= (-?\d+)$")
_MOST = re.compile(r"^Expected `[^`]*` <= (\d+)$")
_LENGTH = re.compile(r"^Expected `str` of length <= (\d+)$")
_MISSING = re.compile(r"^Object missing required field `([^`]*)`$")
_BYTE = re.compile(r"^JSON is malformed: (.*) \(byte (\d+)\)$")

_NO_NUMBER = re.compile(rb"NaN|Infinity")

_KINDS = {
    "int": "a whole number",
    "float": "a number with a fraction",
    "decimal": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def reason_for(error: Exception, raw: bytes) -> str:
    """What the decoder found wrong with `raw`, in plain words."""
    if isinstance(error, RecursionError):
        return "objects and lists are nested too deeply: no report of GitHub's does that"
    if isinstance(error, UnicodeDecodeError):
        return "the text is not UTF-8: export the file again, or save it as UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return _invalid(str(error))
    if isinstance(error, msgspec.DecodeError):
        return _malformed(str(error), raw)
    raise TypeError(f"no reason is known for {type(error).__name__}") from error


def _invalid(message: str) -> str:
    path = _PATH.search(message)
    what = _PATH.sub("", message)
    field = _field(path.group(1) if path else "")
    if missing := _MISSING.match(what):
        where = f" in {field}" if field else ""
        return f"`{missing.group(1)}` is missing{where}"
    subject = field or "the record"
    if got := _GOT.match(what):
        return f"{subject} must be {_kinds(got.group(1))}, not {_kinds(got.group(2))}"
    if least := _LEAST.match(what):
        return f"{subject} must not be less than {least.group(1)}"
    if most := _MOST.match(what):
        return f"{subject} is larger than {int(most.group(1)):,}, which cannot be"
    if length := _LENGTH.match(what):
        return f"{subject} is longer than {length.group(1)} characters"
    if what.startswith("Number out of range"):
        return f"{subject} is too large a number"
    return f"{subject} holds a value that cannot be read"


def _field(path: str) -> str:
    """`.totals_by_ide[0].loc_added_sum` → "`loc_added_sum` in `totals_by_ide`"."""
    steps = [step for step in _STEP.sub("", path).split(".") if step]
    return " in ".join(f"`{step}`" for step in reversed(steps))


def _kinds(names: str) -> str:
    words = [_KINDS.get(name, "another kind of value") for name in names.split(" | ") if name]
    if len(words) > 1:
        words = [word for word in words if word != "null"]
    return " or ".join(dict.fromkeys(words))


def _malformed(message: str, raw: bytes) -> str:
    if not raw.strip():
        return "the record is empty"
    at = _BYTE.match(message)
    if at is None:  # the decoder ran out of text
        return "not valid JSON: it breaks off before its end"
    what, position = at.group(1), int(at.group(2))
    if what == "trailing characters":
        return f"not valid JSON: something follows the record at character {position}"
    if word := _NO_NUMBER.match(raw, position):
        return f"a value is {word.group().decode()}, which is not a number in JSON"
    return f"not valid JSON at character {position + 1}"


def shown(value: Any, limit: int = 40) -> str:
    """A value of the file, short and printable, for a sentence."""
    text = str(value)
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: limit + 1])
    return text if len(text) <= limit else f"{text[:limit]}…"


def check_text(raw: bytes) -> None:
    """Refuses what no database keeps: text that is not UTF-8, and NUL characters."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise BadRecord(reason_for(error, raw)) from None
    # Backslashes are rare and found faster than what may follow them.
    if b"\\" in raw and b"\\u0000" in raw and _holds_nul(raw):
        raise BadRecord("a text of the record holds a NUL character")


def _holds_nul(raw: bytes) -> bool:
    try:
        return "\0" in _texts(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRecord(reason_for(error, raw)) from None


def _texts(value: object) -> str:
    """All text of a decoded value, joined."""
    if isinstance(value, dict):
        return "".join(_texts(key) + _texts(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(_texts(item) for item in value)
    return value if isinstance(value, str) else ""
