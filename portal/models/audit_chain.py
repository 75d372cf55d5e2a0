"""Walking along the audit's chain: what is missing, what was altered, what does not follow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from portal.audit_keys import Verifier

GENESIS = "0" * 64
# What an entry says that tells of erased ones: detail `entries` holds ranges, as [[3, 9], [12, 12]].
ERASURE = "audit entries erased"

ALTERED = "was altered: it does not fit its signature, or its key is known no more"
DETAIL_ALTERED = "was altered: person or detail are not those that were signed"
UNREADABLE = "cannot be read: a column holds what it never should"
MISSING = "missing"
OUT_OF_TURN = "stands there twice, or out of turn"
DOES_NOT_FOLLOW = "does not follow from the entry before it: one of the two was replaced"
ERASED_BY_NOBODY = "was erased, and no entry says by whom"


@dataclass(frozen=True, slots=True)
class Break:
    """A place at which the chain does not hold, and what is wrong there."""

    sequence: int  # 0: the row that keeps the chain's end
    until: int
    says: str

    @classmethod
    def at(cls, sequence: int, says: str) -> Break:
        return cls(sequence, sequence, says)

    @property
    def place(self) -> str:
        if not self.sequence:
            return "the head"
        if self.sequence == self.until:
            return f"entry {self.sequence}"
        return f"entries {self.sequence} to {self.until}"


class Link(NamedTuple):
    """An entry as it is read for a walk: the columns of AuditEntry that count."""

    pk: int
    sequence: int
    at: datetime | None
    action: str
    subject: str
    actor_id_text: str
    actor_name: str
    detail: Any
    salt: str
    personal_digest: str
    previous_hash: str
    entry_hash: str
    erased_at: datetime | None
    is_readable: bool = True

    @property
    def message(self) -> bytes:
        """What is signed."""
        at = self.at.isoformat(timespec="microseconds") if self.at else ""
        chained = [
            self.sequence, at, self.action, self.subject, self.actor_id_text, self.personal_digest,
            self.previous_hash,
        ]  # fmt: skip
        return json.dumps(chained, ensure_ascii=False).encode()


COLUMNS = Link._fields[:-1]


def digest(salt: str, actor_name: str, detail: Any) -> str:
    """What the chain covers of the fields that can be erased."""
    text = json.dumps([salt, actor_name, detail], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Walk:
    """One walk along the chain, from `first` on; what it has seen is told when it is over."""

    def __init__(self, first: int = 1, *, watch: int = 0) -> None:
        self._expected = first
        # Nobody knows what came before the first, unless it is the first of all.
        self._previous: str | None = GENESIS if first == 1 else None
        self._verifier = Verifier()
        self._watch = watch
        self.watched_hash = GENESIS if watch == 0 else ""
        """The hash of the entry with the sequence `watch`, once it was met."""
        self._erased: set[int] = set()
        self._told_erased: list[tuple[int, int]] = []

    @property
    def last(self) -> int:
        """The highest sequence met so far."""
        return self._expected - 1

    def along(self, links: Iterable[Link]) -> Iterator[Break]:
        """The breaks among these entries, which come in the order of their sequence."""
        for link in links:
            if link.sequence < self._expected:
                yield Break.at(link.sequence, OUT_OF_TURN)
                continue
            if link.sequence > self._expected:
                yield Break(self._expected, link.sequence - 1, MISSING)
                self._previous = None
            if fault := self._fault_of(link):
                yield Break.at(link.sequence, fault)
            self._expected, self._previous = link.sequence + 1, link.entry_hash
            if link.sequence == self._watch:
                self.watched_hash = link.entry_hash
        yield from self._erased_by_nobody()

    def _fault_of(self, link: Link) -> str:
        if not link.is_readable:
            return UNREADABLE
        if not self._verifier.fits(link.message, link.entry_hash):
            return ALTERED
        if link.erased_at is not None:
            self._erased.add(link.sequence)
            if link.actor_name or link.detail or link.salt:
                return DETAIL_ALTERED
        elif link.personal_digest != digest(link.salt, link.actor_name, link.detail):
            return DETAIL_ALTERED
        elif link.action == ERASURE:
            self._told_erased += [(first, last) for first, last in link.detail.get("entries", [])]
        if self._previous is not None and link.previous_hash != self._previous:
            return DOES_NOT_FOLLOW
        return ""

    def _erased_by_nobody(self) -> Iterator[Break]:
        for sequence in sorted(self._erased):
            if not any(first <= sequence <= last for first, last in self._told_erased):
                yield Break.at(sequence, ERASED_BY_NOBODY)
