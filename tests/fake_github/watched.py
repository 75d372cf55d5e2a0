"""Dictionaries and lists that tell when they change, so that pages encoded once stay true."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


class Changes:
    """How often anything watched has changed. Whoever caches remembers the number."""

    number = 0


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def changing(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            Changes.number += 1

    return changing


def watched(value: Any) -> Any:
    """The value with every plain dictionary and list inside it watched. Watched ones stay the same object."""
    if type(value) is dict:
        return WatchedDict(value)
    if type(value) is list:
        return WatchedList(value)
    return value


class WatchedDict(dict[str, Any]):
    """A JSON object. Two lists may hold the same one: a rename then shows in both."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, value in self.items():
            if type(value) in (dict, list):
                super().__setitem__(key, watched(value))

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, watched(value))
        Changes.number += 1

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    __delitem__ = _counted(dict.__delitem__)
    clear = _counted(dict.clear)
    pop = _counted(dict.pop)
    popitem = _counted(dict.popitem)
    setdefault = _counted(dict.setdefault)

    def __ior__(self, other: Any) -> WatchedDict:  # type: ignore[override,misc]
        self.update(other)
        return self


class WatchedList(list[Any]):
    """A JSON array."""

    def __init__(self, values: Any = ()) -> None:
        super().__init__(watched(value) for value in values)

    def append(self, value: Any) -> None:
        super().append(watched(value))
        Changes.number += 1

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, watched(value))
        Changes.number += 1

    def extend(self, values: Any) -> None:
        super().extend([watched(value) for value in values])
        Changes.number += 1

    def __setitem__(self, index: Any, value: Any) -> None:
        new = [watched(each) for each in value] if isinstance(index, slice) else watched(value)
        super().__setitem__(index, new)
        Changes.number += 1

    def __iadd__(self, values: Any) -> WatchedList:  # type: ignore[misc]
        self.extend(values)
        return self

    __delitem__ = _counted(list.__delitem__)
    clear = _counted(list.clear)
    pop = _counted(list.pop)
    remove = _counted(list.remove)
    reverse = _counted(list.reverse)
    sort = _counted(list.sort)
