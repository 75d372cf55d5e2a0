"""Add up what people's lines say in detail: sums by name for groups of them, and who used what.

Pure: blobs in, numbers out, so that it runs beside the database, in other processes too. What comes out is
written in the layout of GitHub's own record of an account's day, so that one reader reads both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from operator import add
from typing import Any, Final

import msgspec
import zstandard
from msgspec.structs import astuple
from pyroaring import BitMap

from metrics.breakdowns import ZSTD_JSON
from metrics.formats import breakdowns as formats

# The seven counters, GitHub's names in GitHub's order, as each entry of these arrays has them.
COUNTERS: Final = formats.Counted.__struct_fields__
BROKEN_DOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "totals_by_ide": ("ide",),
    "totals_by_feature": ("feature",),
    "totals_by_language_feature": ("language", "feature"),
    "totals_by_language_model": ("language", "model"),
    "totals_by_model_feature": ("model", "feature"),
}
# Arrays with counters of their own.
_USED = ("interaction_count", "user_initiated_interaction_count")
LISTED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "totals_by_3rd_party_agent": ("agent_id", ("user_initiated_interaction_count", "session_count")),
    "totals_by_skill": ("skill", _USED),
    "totals_by_custom_agent": ("custom_agent", _USED),
    "totals_by_mcp": ("mcp", _USED),
    "totals_by_slash_cmd": ("slash_cmd", _USED),
    "totals_by_plugin": ("plugin", _USED),
}
AGENTS: Final = "totals_by_3rd_party_agent"
# Objects: what is directly in them, and what in their `token_usage`.
_CALLS = ("session_count", "request_count", "prompt_count")
_TOKENS = ("output_tokens_sum", "prompt_tokens_sum")
OBJECTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "totals_by_cli": (_CALLS, _TOKENS),
    "totals_by_copilot_app": (_CALLS, _TOKENS),
    "totals_by_vscode_agent": (("session_count", "total_user_messages"), ()),
}
TOGETHER: Final = "user_days_by_language_ide"
UNREADABLE: Final = "unreadable_user_days"

# A kind of use fits its column, and an index on every database.
LONGEST_KIND = 255
LONGEST_PART = 60

Names = tuple[str, ...]
# None where nobody said it: missing is not 0.
Summed = list[int | None]
# The seven counters, 0 where nobody said one; then a bit for each that somebody said to be 0. Quicker to add.
Counted = list[int]
_BITS = len(COUNTERS)
_NOTHING: Final = [0] * (_BITS + 1)


class _Version(msgspec.Struct, gc=False):
    ide_version: str | None = None


class _Plugin(msgspec.Struct, gc=False):
    plugin: str | None = None
    plugin_version: str | None = None


class _ByIde(formats.ByIde, kw_only=True, gc=False):
    last_known_ide_version: _Version | None = None
    last_known_plugin_version: _Plugin | None = None


class _Details(msgspec.Struct, gc=False, kw_only=True):
    totals_by_feature: list[formats.ByFeature] | None = None
    totals_by_language_feature: list[formats.ByLanguageFeature] | None = None
    totals_by_language_model: list[formats.ByLanguageModel] | None = None
    totals_by_model_feature: list[formats.ByModelFeature] | None = None
    totals_by_cli: formats.Surface | None = None
    totals_by_copilot_app: formats.Surface | None = None
    totals_by_vscode_agent: formats.VSCodeAgent | None = None
    totals_by_3rd_party_agent: list[formats.ByAgent] | None = None
    totals_by_skill: list[formats.BySkill] | None = None
    totals_by_custom_agent: list[formats.ByCustomAgent] | None = None
    totals_by_mcp: list[formats.ByMcp] | None = None
    totals_by_slash_cmd: list[formats.BySlashCommand] | None = None
    totals_by_plugin: list[formats.ByPlugin] | None = None


class _Line(_Details, gc=False, kw_only=True):
    totals_by_ide: list[_ByIde] | None = None


class _OddIde(formats.ByIde, kw_only=True, gc=False):
    """Versions of clients were not checked when their line came: whatever else they are is left out."""

    last_known_ide_version: Any = None
    last_known_plugin_version: Any = None


class _OddLine(_Details, gc=False, kw_only=True):
    totals_by_ide: list[_OddIde] | None = None


Line = _Line | _OddLine

_decode = msgspec.json.Decoder(_Line).decode
_decode_odd = msgspec.json.Decoder(_OddLine).decode


@dataclass(slots=True)
class Sums:
    """What the lines of some people add up to. Names are folded."""

    # By array, the seven counters by name. An array that was said and is empty is there.
    details: dict[str, dict[Names, Counted]] = field(default_factory=dict)
    # The same of arrays with other counters.
    listed: dict[str, dict[str, Summed]] = field(default_factory=dict)
    # By object, its numbers: those in it, then those of its `token_usage`.
    objects: dict[str, Summed] = field(default_factory=dict)
    # Which objects had a `token_usage`.
    tokens: set[str] = field(default_factory=set)
    # What agents are called, by their id.
    agents: dict[str, str] = field(default_factory=dict)
    # Lines that could not be read back, and are in no sum.
    unreadable: int = 0

    def add(self, other: Sums) -> None:
        """What is in both is made anew: sums may be part of several."""
        for name, counted in other.details.items():
            own = self.details.setdefault(name, {})
            for names, more in counted.items():
                own[names] = both(own[names], more) if names in own else more
        for name, summed in other.listed.items():
            listed = self.listed.setdefault(name, {})
            for what, numbers in summed.items():
                listed[what] = plus(listed[what], numbers) if what in listed else numbers
        for name, numbers in other.objects.items():
            self.objects[name] = plus(self.objects[name], numbers) if name in self.objects else numbers
        self.tokens |= other.tokens
        for agent, called in other.agents.items():
            self.agents[agent] = min(called, self.agents.get(agent, called))
        self.unreadable += other.unreadable


@dataclass(slots=True)
class AddedUp:
    """The sums of each group of people, and by kind of use the people who used it."""

    groups: dict[int, Sums] = field(default_factory=dict)
    users: dict[str, BitMap] = field(default_factory=dict)

    def add(self, other: AddedUp) -> None:
        for group, sums in other.groups.items():
            self.groups.setdefault(group, Sums()).add(sums)
        for kind, users in other.users.items():
            self.users.setdefault(kind, BitMap()).update(users)

    def of(self, groups: Iterable[int]) -> Sums:
        """Several groups taken together; nobody is in two."""
        sums = Sums()
        for group in groups:
            if some := self.groups.get(group):
                sums.add(some)
        return sums

    def used_together(self, members: BitMap | None = None) -> dict[Names, int]:
        """How many of these people used a language and an editor that day; None: of all people."""
        languages, editors = self._named("language:", members), self._named("ide:", members)
        found: dict[Names, int] = {}
        for language, users in sorted(languages.items()):
            for ide, others in sorted(editors.items()):
                if both := users.intersection_cardinality(others):
                    found[language, ide] = both
        return found

    def _named(self, prefix: str, members: BitMap | None) -> dict[str, BitMap]:
        return {
            kind.removeprefix(prefix): users if members is None else users & members
            for kind, users in self.users.items()
            if kind.startswith(prefix)
        }


def plus(one: Sequence[int | None], other: Sequence[int | None]) -> Summed:
    """Number by number; None where neither has it."""
    return [b if a is None else a if b is None else a + b for a, b in zip(one, other, strict=True)]


def both(one: Counted, other: Counted) -> Counted:
    counted = list(map(add, one, other))
    counted[_BITS] = one[_BITS] | other[_BITS]
    return counted


@lru_cache(maxsize=50_000)
def folded(name: str) -> str:
    """A name as it is compared: feature, editor, language, model."""
    return name.casefold()


@lru_cache(maxsize=50_000)
def folded_pair(names: tuple[str, str]) -> Names:
    return names[0].casefold(), names[1].casefold()


def kind_of(prefix: str, name: str) -> str:
    """The kind of use for a name: `language:python`."""
    # Spaces at the end are no difference to MariaDB's unique keys.
    return f"{prefix}:{folded(name)}"[:LONGEST_KIND].rstrip()


def client_kind(ide: str, ide_version: str | None, plugin: str | None, plugin_version: str | None) -> str:
    """The kind of use of a client: `client:vscode|1.107.0|copilot-chat|0.33.1`; unknown parts are empty."""
    parts = (ide, ide_version or "", plugin or "", plugin_version or "")
    joined = "|".join(folded(part).replace("|", "/")[:LONGEST_PART] for part in parts)
    return f"client:{joined}".rstrip()


# From blobs to sums -------------------------------------------------------------------------------


def add_up(blobs: Iterable[bytes], people: Iterable[int], groups: Iterable[int] = repeat(0)) -> AddedUp:
    """Add up the lines behind these blobs: whose they are by `people`, into which group they go by `groups`.

    A line that cannot be read back is counted in its group, and adds nothing else.
    """
    sums: dict[int, _GroupSums] = {}
    used = _Used()
    # One may not serve two threads.
    decompress = zstandard.ZstdDecompressor().decompress
    for blob, person, group in zip(blobs, people, groups, strict=False):
        to = sums.get(group)
        if to is None:
            to = sums[group] = _GroupSums()
        line = _read(blob, decompress)
        if line is None:
            to.unreadable += 1
        else:
            to.add(line, used, person)
    return AddedUp({group: some.folded() for group, some in sums.items()}, used.people())


def _read(blob: bytes, decompress: Callable[[bytes], bytes]) -> Line | None:
    """The details of a line; None where they cannot be had."""
    if blob[:1] != ZSTD_JSON:
        return None
    try:
        text = decompress(blob[1:])
        try:
            return _decode(text)
        except msgspec.ValidationError:
            return _without_versions(_decode_odd(text))
    except (zstandard.ZstdError, msgspec.DecodeError, ValueError, RecursionError, MemoryError):
        return None


def _without_versions(line: _OddLine) -> _OddLine:
    for entry in line.totals_by_ide or ():
        entry.last_known_ide_version = entry.last_known_plugin_version = None
    return line


class _Used:
    """Who used what, name by name as GitHub spells them: whoever has an entry with a counter above 0."""

    __slots__ = ("clients", "features", "ides", "language_features", "language_models", "model_features")

    def __init__(self) -> None:
        self.ides: defaultdict[str, list[int]] = defaultdict(list)
        self.features: defaultdict[str, list[int]] = defaultdict(list)
        self.language_features: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.language_models: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.model_features: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.clients: defaultdict[tuple[str | None, ...], list[int]] = defaultdict(list)

    def people(self) -> dict[str, BitMap]:
        """By kind of use."""
        found: dict[str, BitMap] = {}
        for prefix, named in (("ide", self.ides), ("feature", self.features)):
            for name, people in named.items():
                _note(found, prefix, name, BitMap(people))
        for prefixes, paired in (
            (("language", "feature"), self.language_features),
            (("language", "model"), self.language_models),
            (("model", "feature"), self.model_features),
        ):
            for pair, people in paired.items():
                some = BitMap(people)
                for prefix, name in zip(prefixes, pair, strict=True):
                    _note(found, prefix, name, some)
        for (ide, *parts), people in self.clients.items():
            if any(parts):
                found.setdefault(client_kind(ide or "", *parts), BitMap()).update(people)
        return found


def _note(found: dict[str, BitMap], prefix: str, name: str, people: BitMap) -> None:
    if name:
        found.setdefault(kind_of(prefix, name), BitMap()).update(people)


class _GroupSums:
    """Sums of one group in the making; names are as GitHub spells them."""

    __slots__ = (
        "agents", "empty", "features", "ides", "language_features", "language_models", "listed",
        "model_features", "objects", "tokens", "unreadable",
    )  # fmt: skip

    def __init__(self) -> None:
        self.ides: dict[str, Counted] = {}
        self.features: dict[str, Counted] = {}
        self.language_features: dict[tuple[str, str], Counted] = {}
        self.language_models: dict[tuple[str, str], Counted] = {}
        self.model_features: dict[tuple[str, str], Counted] = {}
        # Arrays that were said with nothing in them.
        self.empty: set[str] = set()
        self.listed: dict[str, dict[str, Summed]] = {}
        # Row by row: they are added up at the end.
        self.objects: dict[str, list[Sequence[int | None]]] = {}
        self.tokens: set[str] = set()
        self.agents: dict[str, str] = {}
        self.unreadable = 0

    def add(self, line: Line, used: _Used, person: int) -> None:
        if entries := line.totals_by_ide:
            _add_named(entries, self.ides, used.ides, person)
            clients = used.clients
            for ide in entries:
                version, plugin = ide.last_known_ide_version, ide.last_known_plugin_version
                if version is not None or plugin is not None:
                    clients[
                        ide.ide,
                        None if version is None else version.ide_version,
                        None if plugin is None else plugin.plugin,
                        None if plugin is None else plugin.plugin_version,
                    ].append(person)
        elif entries is not None:
            self.empty.add("totals_by_ide")
        if by_feature := line.totals_by_feature:
            _add_named(by_feature, self.features, used.features, person)
        elif by_feature is not None:
            self.empty.add("totals_by_feature")
        if language_features := line.totals_by_language_feature:
            _add_paired(language_features, self.language_features, used.language_features, person)
        elif language_features is not None:
            self.empty.add("totals_by_language_feature")
        if language_models := line.totals_by_language_model:
            _add_paired(language_models, self.language_models, used.language_models, person)
        elif language_models is not None:
            self.empty.add("totals_by_language_model")
        if model_features := line.totals_by_model_feature:
            _add_paired(model_features, self.model_features, used.model_features, person)
        elif model_features is not None:
            self.empty.add("totals_by_model_feature")
        self._add_rest(line)

    def _add_rest(self, line: Line) -> None:
        """The objects, and the arrays that few lines have."""
        if line.totals_by_cli is not None:
            self._add_surface("totals_by_cli", line.totals_by_cli)
        if line.totals_by_copilot_app is not None:
            self._add_surface("totals_by_copilot_app", line.totals_by_copilot_app)
        if line.totals_by_vscode_agent is not None:
            self._add_object("totals_by_vscode_agent", astuple(line.totals_by_vscode_agent))
        if line.totals_by_3rd_party_agent is not None:
            self._add_agents(line.totals_by_3rd_party_agent)
        if line.totals_by_skill is not None:
            self._add_used("totals_by_skill", line.totals_by_skill)
        if line.totals_by_custom_agent is not None:
            self._add_used("totals_by_custom_agent", line.totals_by_custom_agent)
        if line.totals_by_mcp is not None:
            self._add_used("totals_by_mcp", line.totals_by_mcp)
        if line.totals_by_slash_cmd is not None:
            self._add_used("totals_by_slash_cmd", line.totals_by_slash_cmd)
        if line.totals_by_plugin is not None:
            self._add_used("totals_by_plugin", line.totals_by_plugin)

    def _add_surface(self, name: str, surface: formats.Surface) -> None:
        tokens = surface.token_usage
        counted: tuple[int | None, ...] = (None, None)
        if tokens is not None:
            self.tokens.add(name)
            counted = (tokens.output_tokens_sum, tokens.prompt_tokens_sum)
        self._add_object(name, (surface.session_count, surface.request_count, surface.prompt_count, *counted))

    def _add_object(self, name: str, counted: Sequence[int | None]) -> None:
        self.objects.setdefault(name, []).append(counted)

    def _add_agents(self, agents: Iterable[formats.ByAgent]) -> None:
        sums = self.listed.setdefault(AGENTS, {})
        for agent in agents:
            key = folded(agent.agent_id)
            if called := agent.agent_name:
                self.agents[key] = min(called, self.agents.get(key, called))
            _add(sums, key, (agent.user_initiated_interaction_count, agent.session_count))

    def _add_used(self, name: str, entries: Collection[formats.Used]) -> None:
        sums = self.listed.setdefault(name, {})
        for entry in entries:
            interactions, started, what = astuple(entry)
            _add(sums, folded(what), (interactions, started))

    def folded(self) -> Sums:
        details: dict[str, dict[Names, Counted]] = {name: {} for name in self.empty}
        for name, named in (("totals_by_ide", self.ides), ("totals_by_feature", self.features)):
            if named:
                details[name] = _folded(((folded(key),), counted) for key, counted in named.items())
        for name, paired in (
            ("totals_by_language_feature", self.language_features),
            ("totals_by_language_model", self.language_models),
            ("totals_by_model_feature", self.model_features),
        ):
            if paired:
                details[name] = _folded(zip(map(folded_pair, paired), paired.values(), strict=True))
        objects = {name: _columns(rows) for name, rows in self.objects.items()}
        return Sums(details, self.listed, objects, self.tokens, self.agents, self.unreadable)


def _columns(rows: Sequence[Sequence[int | None]]) -> Summed:
    """The sum of each column."""
    summed: Summed = []
    for column in zip(*rows, strict=True):
        known = [number for number in column if number is not None]
        summed.append(sum(known) if known else None)
    return summed


def _add(sums: dict[str, Summed], key: str, counted: Sequence[int | None]) -> None:
    known = sums.get(key)
    sums[key] = list(counted) if known is None else plus(known, counted)


def _folded(some: Iterable[tuple[Names, Counted]]) -> dict[Names, Counted]:
    found: dict[Names, Counted] = {}
    for names, counted in some:
        found[names] = both(found[names], counted) if names in found else counted
    return found


# Nine of ten moments go by in these two. They differ in the key alone: what would tell them apart, or a
# call per entry, takes as long as the adding.


def _add_named(
    entries: Iterable[formats.ByIde | formats.ByFeature],
    sums: dict[str, Counted],
    used: Mapping[str, list[int]],
    person: int,
) -> None:
    for c0, c1, c2, c3, c4, c5, c6, key, *_ in map(astuple, entries):
        if c0 or c1 or c2 or c3 or c4 or c5 or c6:
            used[key].append(person)
        if key in sums:
            counted = sums[key]
        else:
            counted = sums[key] = _NOTHING.copy()
        if c0:
            counted[0] += c0
        elif c0 is not None:
            counted[7] |= 1
        if c1:
            counted[1] += c1
        elif c1 is not None:
            counted[7] |= 2
        if c2:
            counted[2] += c2
        elif c2 is not None:
            counted[7] |= 4
        if c3:
            counted[3] += c3
        elif c3 is not None:
            counted[7] |= 8
        if c4:
            counted[4] += c4
        elif c4 is not None:
            counted[7] |= 16
        if c5:
            counted[5] += c5
        elif c5 is not None:
            counted[7] |= 32
        if c6:
            counted[6] += c6
        elif c6 is not None:
            counted[7] |= 64


def _add_paired(
    entries: Iterable[formats.ByLanguageFeature | formats.ByLanguageModel | formats.ByModelFeature],
    sums: dict[tuple[str, str], Counted],
    used: Mapping[tuple[str, str], list[int]],
    person: int,
) -> None:
    for c0, c1, c2, c3, c4, c5, c6, one, other in map(astuple, entries):
        key = one, other
        if c0 or c1 or c2 or c3 or c4 or c5 or c6:
            used[key].append(person)
        if key in sums:
            counted = sums[key]
        else:
            counted = sums[key] = _NOTHING.copy()
        if c0:
            counted[0] += c0
        elif c0 is not None:
            counted[7] |= 1
        if c1:
            counted[1] += c1
        elif c1 is not None:
            counted[7] |= 2
        if c2:
            counted[2] += c2
        elif c2 is not None:
            counted[7] |= 4
        if c3:
            counted[3] += c3
        elif c3 is not None:
            counted[7] |= 8
        if c4:
            counted[4] += c4
        elif c4 is not None:
            counted[7] |= 16
        if c5:
            counted[5] += c5
        elif c5 is not None:
            counted[7] |= 32
        if c6:
            counted[6] += c6
        elif c6 is not None:
            counted[7] |= 64


# From sums to a record ----------------------------------------------------------------------------


def record(sums: Sums, together: Mapping[Names, int]) -> bytes:
    """The sums as a compact JSON object in the layout of GitHub's record of an account's day.

    `together`: how many people used a language and an editor. `unreadable_user_days` says how many lines
    could not be read back; it is absent where all could.
    """
    said: dict[str, Any] = {}
    for name, entry_of in _ENTRIES.items():
        if name in sums.details:
            counted = sorted(sums.details[name].items())
            said[name] = [entry_of(*names, *_known(numbers)) for names, numbers in counted]
    for name, (what, counters) in LISTED.items():
        if name in sums.listed:
            listed = sorted(sums.listed[name].items())
            said[name] = [{what: key} | _said(counters, numbers) for key, numbers in listed]
    for entry in said.get(AGENTS, ()):
        if called := sums.agents.get(entry["agent_id"]):
            entry["agent_name"] = called
    for name, summed in sums.objects.items():
        own, in_tokens = OBJECTS[name]
        said[name] = _said(own, summed[: len(own)])
        if name in sums.tokens:
            said[name]["token_usage"] = _said(in_tokens, summed[len(own) :])
    if together:
        said[TOGETHER] = [
            {"language": language, "ide": ide, "user_days": days}
            for (language, ide), days in together.items()
        ]
    if sums.unreadable:
        said[UNREADABLE] = sums.unreadable
    return msgspec.json.encode(said)


def _known(counted: Counted) -> Iterator[int | None]:
    *numbers, said = counted
    for number in numbers:
        yield number if number or said & 1 else None
        said >>= 1


# An entry of each array; what is None is left out.
_ENTRIES: Final = {
    array: msgspec.defstruct(
        array,
        [*((name, str) for name in names), *((counter, int | None, None) for counter in COUNTERS)],
        omit_defaults=True,
        gc=False,
    )
    for array, names in BROKEN_DOWN.items()
}


def _said(names: Sequence[str], numbers: Sequence[int | None]) -> dict[str, Any]:
    return {name: number for name, number in zip(names, numbers, strict=True) if number is not None}
