"""How often each key is in a row of sets, without looking at the keys one by one."""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap


class Often:
    """Counts written in binary, a set of keys for each digit: adding a set is adding one to its keys."""

    def __init__(self, sets: Iterable[BitMap]) -> None:
        self._digits: list[BitMap] = []
        self._everybody = BitMap()
        for keys in sets:
            self._everybody |= keys
            carried = keys
            for number, digit in enumerate(self._digits):
                if not carried:
                    break
                self._digits[number], carried = digit ^ carried, digit & carried
            if carried:
                self._digits.append(BitMap(carried))

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
