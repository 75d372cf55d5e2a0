"""How often each key is in a row of sets, without looking at the keys one by one."""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap


class Often:
    """Counts written in binary, a set of keys for each digit: adding a set is adding one to its keys.

    Sets of a digit wait until there are three of them, which make one of it and one of the next. Adding each
    set by itself would go through all digits, since of so many keys some are always carried on.
    """

    def __init__(self, sets: Iterable[BitMap]) -> None:
        several = list(sets)
        self._everybody = BitMap.union(BitMap(), *several)
        waiting: list[list[BitMap]] = []
        for keys in several:
            _add(waiting, keys, 0)
        self._digits: list[BitMap] = []
        while len(self._digits) < len(waiting):
            place = len(self._digits)
            digit, *other = waiting[place]
            for keys in other:
                if carried := digit & keys:
                    _add(waiting, carried, place + 1)
                digit = digit ^ keys
            self._digits.append(digit)

    @classmethod
    def of(cls, digits: Iterable[BitMap]) -> Often:
        """Counts that were written before."""
        made = cls(())
        made._digits = list(digits)
        made._everybody = BitMap.union(BitMap(), *made._digits)
        return made

    @property
    def digits(self) -> list[BitMap]:
        return list(self._digits)

    def times(self) -> int:
        """How often all keys together are in the sets."""
        return sum(2**place * len(digit) for place, digit in enumerate(self._digits))

    def groups(self) -> list[tuple[int, BitMap]]:
        """In how many sets, and the keys that are in so many; the most sets first."""
        groups = [(0, self._everybody)] if self._everybody else []
        for place in reversed(range(len(self._digits))):
            digit = self._digits[place]
            groups = [
                (count, part)
                for before, group in groups
                for count, part in ((before + 2**place, group & digit), (before, group - digit))
                if part
            ]
        return groups


def _add(waiting: list[list[BitMap]], keys: BitMap, place: int) -> None:
    """Add one to the digit at this place of each of these keys."""
    while True:
        if place == len(waiting):
            waiting.append([])
        waiting[place].append(keys)
        if len(waiting[place]) < 3:
            return
        one, other, third = waiting[place]
        either = one ^ other
        waiting[place] = [either ^ third]
        keys = (one & other) | (either & third)
        place += 1
