"""Features, code generation, languages and models: what has names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from tests.metrics.dashboards.oracle import (
    ADDED,
    ASKED,
    DELETED,
    DIMENSIONS,
    MADE,
    SUGGESTED,
    TAKEN,
    Expected,
    Named,
    Question,
    Sums,
    Truth,
    added,
    expects,
    kinds_of,
    over_time,
    plus,
    share,
)

SHORT = {
    ASKED: "requests",
    MADE: "generations",
    TAKEN: "acceptances",
    SUGGESTED: "lines_suggested",
    ADDED: "lines_added",
    DELETED: "lines_deleted",
}
# So many names have a series or a column of their own; one more than that needs no "all other".
SERIES, CROSSED = 7, 12
Keep = Callable[[dict[str, str]], bool]


def everything(_: dict[str, str]) -> bool:
    return True


def is_chat(told: dict[str, str]) -> bool:
    return told["feature"] == "chat_inline" or told["feature"].startswith("chat_panel_")


def is_completion(told: dict[str, str]) -> bool:
    return told["feature"] == "code_completion"


class Told:
    """A breakdown of the days that have one, some of its entries."""

    def __init__(self, truth: Truth, asked: Question, dimension: str, keep: Keep = everything) -> None:
        self.days: dict[date, list[tuple[dict[str, str], Sums]]] = {}
        for day in asked.days:
            entries = truth.told(asked, day, dimension)
            if entries is not None:
                named = [
                    (dict(zip(DIMENSIONS[dimension], key, strict=True)), sums)
                    for key, sums in entries.items()
                ]
                self.days[day] = [(told, sums) for told, sums in named if keep(told)]

    def has(self, days: Iterable[date]) -> bool:
        """Whether every one of the days is told."""
        wanted = list(days)
        return bool(wanted) and all(day in self.days for day in wanted)

    def sums(self, *by: str, days: Iterable[date] | None = None) -> dict[tuple[str, ...], Sums]:
        found: dict[tuple[str, ...], list[Sums]] = defaultdict(list)
        for day in self.days if days is None else days:
            for told, sums in self.days.get(day, []):
                found[tuple(told[name] for name in by)].append(sums)
        return {key: plus(some) for key, some in found.items()}

    def counted(self, counter: str, days: Iterable[date] | None = None) -> int | None:
        """0 where there is no entry, None where not every day is told."""
        wanted = list(self.days if days is None else days)
        if not self.has(wanted):
            return None
        values = [sums[counter] for day in wanted for _, sums in self.days[day]]
        return added(values) if values else 0


def summed(several: Iterable[Sums], counter: str) -> int | None:
    values = [sums[counter] for sums in several]
    return added(values) if values else 0


def ranked(sums: Mapping[tuple[str, ...], Sums], counter: str) -> list[str]:
    totals = {key[0]: each[counter] or 0 for key, each in sums.items() if each[counter]}
    return sorted(totals, key=lambda name: (-totals[name], name))


def split(names: list[str], most: int) -> tuple[list[str], list[str]]:
    return (names, []) if len(names) <= most + 1 else (names[:most], names[most:])


def by_name_over_time(asked: Question, told: Told, name: str, counter: str) -> Expected:
    named, rest = split(ranked(told.sums(name), counter), SERIES)
    if not named:
        return Expected([])

    def values(days: list[date]) -> Mapping[str, Any]:
        shown = [*named, *(["all_other"] if rest else [])]
        if not told.has(days):
            return dict.fromkeys(shown)
        sums = told.sums(name, days=days)
        row = {each: summed([sums[each,]] if (each,) in sums else [], counter) for each in named}
        if rest:
            row["all_other"] = summed([sums[each,] for each in rest if (each,) in sums], counter)
        return row

    return over_time(asked, values)


def by_name_in_sum(
    asked: Question,
    told: Told,
    name: str,
    counter: str,
    also: Collection[str] = (),
    before: Callable[[Question], Told] | None = None,
) -> Expected:
    sums = {key[0]: each for key, each in told.sums(name).items()}
    whole = summed(sums.values(), counter)
    shown = [counter, *also]
    names = sorted(
        (each for each in sums if any(sums[each][one] for one in shown)),
        key=lambda each: (*(-(sums[each][one] or 0) for one in shown), each),
    )
    earlier = before(asked.earlier()) if before and asked.before else None
    rows = []
    for each in names:
        row: dict[str, Any] = {
            name: Named(name, each),
            SHORT[counter]: sums[each][counter],
            "share": share(sums[each][counter], whole),
            **{SHORT[one]: sums[each][one] for one in also},
        }
        if earlier is not None:
            then = earlier.sums(name).get((each,))
            is_told = earlier.has(asked.earlier().days)
            row["before"] = (then[counter] if then else 0) if is_told else None
        rows.append(row)
    return Expected(rows)


def crossed(told: Told, down: str, across: str, counter: str) -> Expected:
    rows, columns = ranked(told.sums(down), counter), ranked(told.sums(across), counter)
    cells = {key: sums[counter] for key, sums in told.sums(down, across).items()}
    return heat(cells, down, rows, columns)


def heat(
    cells: Mapping[tuple[str, ...], int | None], down: str, rows: list[str], columns: list[str]
) -> Expected:
    named, rest = split(columns, CROSSED)
    table = []
    for row in rows:
        line: dict[str, Any] = {down: Named(down, row), **{each: cells.get((row, each)) for each in named}}
        if rest:
            line["all_other"] = added(cells.get((row, each)) for each in rest)
        table.append(line)
    return Expected(table)


def people_by_name(truth: Truth, asked: Question, prefix: str) -> dict[str, int] | None:
    """Distinct people of the days that count; None unless each is covered."""
    if truth.distinct(asked) is None:
        return None
    return {
        name: len(truth.union(asked, asked.days, f"{prefix}:{name}"))
        for name in truth.named(asked, f"{prefix}:")
    }


def people_in_sum(
    truth: Truth, asked: Question, prefix: str, only: Collection[str] | None = None
) -> Expected:
    people, active = people_by_name(truth, asked, prefix), truth.distinct(asked)
    if people is None:
        return Expected([])
    before = people_by_name(truth, asked.earlier(), prefix) if asked.before else None
    rows = []
    for name, count in sorted(people.items(), key=lambda item: (-item[1], item[0])):
        if not count or (only is not None and name not in only):
            continue
        row: dict[str, Any] = {prefix: Named(prefix, name), "people": count, "share": share(count, active)}
        if asked.before:
            row["before"] = None if before is None else before.get(name, 0)
        rows.append(row)
    return Expected(rows)


def people_over_time(truth: Truth, asked: Question, prefix: str) -> Expected:
    whole = [day for day in asked.every_day if truth.is_covered(asked, day)]
    person_days = {
        name: sum(len(truth.users(asked, day, f"{prefix}:{name}")) for day in whole)
        for name in truth.named(_whole(asked), f"{prefix}:")
    }
    named, _ = split(sorted(person_days, key=lambda name: (-person_days[name], name)), SERIES)
    if not named:
        return Expected([])
    return over_time(
        asked, lambda days: {name: truth.distinct(asked, f"{prefix}:{name}", days) for name in named}
    )


def _whole(asked: Question) -> Question:
    return replace(asked, weekends=True)


# Features and chat modes -------------------------------------------------------------------------


@expects("features", "requests-by-mode")
def requests_by_mode(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "feature", is_chat), "feature", ASKED)


@expects("features", "mode-sums")
def mode_sums(truth: Truth, asked: Question) -> Expected:
    def chats(question: Question) -> Told:
        return Told(truth, question, "feature", is_chat)

    return by_name_in_sum(asked, chats(asked), "feature", ASKED, (MADE, TAKEN), chats)


@expects("features", "requests-per-user")
def requests_per_user(truth: Truth, asked: Question) -> Expected:
    chats = Told(truth, asked, "feature", is_chat)

    def values(days: list[date]) -> Mapping[str, Any]:
        requests, active = chats.counted(ASKED, days), truth.distinct(asked, days=days)
        return {"requests_per_user": share(requests, active), "requests": requests, "active": active}

    return over_time(asked, values)


@expects("features", "feature-use", "feature-shares")
def feature_use(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "feature"), "feature", MADE)


@expects("features", "feature-people")
def feature_people(truth: Truth, asked: Question) -> Expected:
    return people_in_sum(truth, asked, "feature")


@expects("features", "feature-sums")
def feature_sums(truth: Truth, asked: Question) -> Expected:
    def features(question: Question) -> Told:
        return Told(truth, question, "feature")

    return by_name_in_sum(
        asked, features(asked), "feature", MADE, (ASKED, TAKEN, SUGGESTED, ADDED, DELETED), features
    )


# Code generation ---------------------------------------------------------------------------------


class Lines:
    """Lines of some entries: of agents under agent_edit, of people under every other feature."""

    def __init__(self, entries: Iterable[tuple[dict[str, str], Sums]] | None) -> None:
        known = entries is not None
        every = list(entries or [])
        agents = [sums for told, sums in every if told["feature"] == "agent_edit"]
        people = [sums for told, sums in every if told["feature"] != "agent_edit"]
        self.user_added, self.user_deleted = (
            summed(people, each) if known else None for each in (ADDED, DELETED)
        )
        self.agent_added, self.agent_deleted = (
            summed(agents, each) if known else None for each in (ADDED, DELETED)
        )

    @property
    def user(self) -> int | None:
        return added((self.user_added, self.user_deleted))

    @property
    def agent(self) -> int | None:
        return added((self.agent_added, self.agent_deleted))

    @property
    def all(self) -> int | None:
        return added((self.user, self.agent))

    @property
    def contribution(self) -> Any:
        return share(self.agent, self.all)


def lines_of(told: Told, days: Iterable[date]) -> Lines:
    wanted = list(days)
    if not told.has(wanted):
        return Lines(None)
    return Lines(entry for day in wanted for entry in told.days[day])


@expects("code-generation", "in-short")
def in_short(truth: Truth, asked: Question) -> Expected:
    def figures(question: Question, *, whole: bool) -> dict[str, Any]:
        features = Told(truth, question, "feature")
        completions = Told(truth, question, "feature", is_completion)
        days = question.days if whole else list(features.days)
        lines = lines_of(features, days)
        return {
            "Lines changed with Copilot": lines.all,
            "Agent contribution": lines.contribution,
            "Completions suggested": completions.counted(MADE, days),
            "Completions accepted": share(completions.counted(TAKEN, days), completions.counted(MADE, days)),
        }

    features = Told(truth, asked, "feature")
    if not features.days:
        return Expected(headlines={})
    now = figures(asked, whole=False)
    before = figures(asked.earlier(), whole=True) if asked.before else dict.fromkeys(now)
    per_user = None
    if features.has(asked.days):
        per_user = share(lines_of(features, asked.days).agent_deleted, truth.distinct(asked))
    both = {name: (now[name], before[name]) for name in now}
    return Expected(headlines={**both, "Lines deleted by agents per active user": per_user})


def completions_of(truth: Truth, asked: Question) -> Callable[[Iterable[date]], dict[str, Any]]:
    told = Told(truth, asked, "feature", is_completion)

    def values(days: Iterable[date]) -> dict[str, Any]:
        wanted = list(days)
        made, taken, suggested, kept = (
            told.counted(each, wanted) for each in (MADE, TAKEN, SUGGESTED, ADDED)
        )
        return {
            "suggested": made,
            "accepted": taken,
            "by_count": share(taken, made),
            "by_lines": share(kept, suggested),
            "lines_suggested": suggested,
            "lines_added": kept,
        }

    return values


def some(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


@expects("code-generation", "completions")
def completions(truth: Truth, asked: Question) -> Expected:
    of = completions_of(truth, asked)
    return over_time(asked, lambda days: some(of(days), "suggested", "accepted"))


@expects("code-generation", "acceptance")
def acceptance(truth: Truth, asked: Question) -> Expected:
    of = completions_of(truth, asked)
    return over_time(
        asked, lambda days: some(of(days), "by_count", "by_lines", "lines_suggested", "lines_added")
    )


@expects("code-generation", "completion-sums")
def completion_sums(truth: Truth, asked: Question) -> Expected:
    days = list(Told(truth, asked, "feature").days)
    if not days:
        return Expected([])
    now = completions_of(truth, asked)(days)
    rows: list[dict[str, Any]] = [
        {"by": "Count", "suggested": now["suggested"], "accepted": now["accepted"], "rate": now["by_count"]},
        {
            "by": "Lines",
            "suggested": now["lines_suggested"],
            "accepted": now["lines_added"],
            "rate": now["by_lines"],
        },
    ]
    if asked.before:
        then = completions_of(truth, asked.earlier())(asked.earlier().days)
        rows[0]["before"], rows[1]["before"] = then["by_count"], then["by_lines"]
    return Expected(rows)


@expects("code-generation", "lines")
def lines(truth: Truth, asked: Question) -> Expected:
    told = Told(truth, asked, "feature")

    def values(days: list[date]) -> Mapping[str, Any]:
        found = lines_of(told, days)
        names = ("user_added", "agent_added", "user_deleted", "agent_deleted")
        return {name: getattr(found, name) for name in names}

    return over_time(asked, values)


@expects("code-generation", "agent-contribution")
def agent_contribution(truth: Truth, asked: Question) -> Expected:
    told = Told(truth, asked, "feature")

    def values(days: list[date]) -> Mapping[str, Any]:
        found = lines_of(told, days)
        return {"agent_contribution": found.contribution, "agent_lines": found.agent, "all_lines": found.all}

    return over_time(asked, values)


@expects("code-generation", "suggested-added")
def suggested_added(truth: Truth, asked: Question) -> Expected:
    told = Told(truth, asked, "feature")

    def values(days: list[date]) -> Mapping[str, Any]:
        found = lines_of(told, days)
        return {
            "suggested": told.counted(SUGGESTED, days),
            "user_added": found.user_added,
            "agent_added": found.agent_added,
        }

    return over_time(asked, values)


@expects("code-generation", "by-feature")
def lines_by_feature(truth: Truth, asked: Question) -> Expected:
    return by_name_in_sum(asked, Told(truth, asked, "feature"), "feature", ADDED, (DELETED,))


def changed_by(told: Told, name: str) -> Expected:
    entries: dict[str, list[tuple[dict[str, str], Sums]]] = defaultdict(list)
    for day in told.days.values():
        for named, sums in day:
            entries[named[name]].append((named, sums))
    rows = []
    found = {named: Lines(own) for named, own in entries.items()}
    for named, lines in sorted(found.items(), key=lambda item: (-(item[1].all or 0), item[0])):
        if lines.all:
            rows.append(
                {
                    name: Named(name, named),
                    "user_lines": lines.user,
                    "agent_lines": lines.agent,
                    "agent_contribution": lines.contribution,
                    "added": added((lines.user_added, lines.agent_added)),
                    "deleted": added((lines.user_deleted, lines.agent_deleted)),
                }
            )
    return Expected(rows)


@expects("code-generation", "by-model")
def lines_by_model(truth: Truth, asked: Question) -> Expected:
    return changed_by(Told(truth, asked, "model_feature"), "model")


@expects("code-generation", "by-language")
def lines_by_language(truth: Truth, asked: Question) -> Expected:
    return changed_by(Told(truth, asked, "language_feature"), "language")


@expects("code-generation", "feature-over-time")
def lines_added_by_feature(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "feature"), "feature", ADDED)


@expects("code-generation", "model-over-time")
def lines_added_by_model(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "model_feature"), "model", ADDED)


@expects("code-generation", "language-over-time")
def lines_added_by_language(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "language_feature"), "language", ADDED)


def new_names(truth: Truth, asked: Question, prefix: str) -> Expected:
    """What nobody of the whole account used on any earlier day; nothing without 28 earlier covered days."""
    account = replace(asked, team=None)
    history = sorted(truth.oracle.people[asked.account])
    if sum(day < asked.first for day in history) < 28:
        return Expected([])
    whole = _whole(asked)
    rows = []
    for name in truth.named(whole, f"{prefix}:"):
        kind = f"{prefix}:{name}"
        first = next(day for day in history if truth.users(account, day, kind))
        if asked.first <= first <= asked.last:
            people = truth.distinct(whole, kind)
            rows.append({prefix: Named(prefix, name), "first_day": first, "people": people, "name": name})
    rows.sort(key=lambda row: (-row["first_day"].toordinal(), row.pop("name")))
    return Expected(rows)


# Languages ---------------------------------------------------------------------------------------


def of(truth: Truth, dimension: str, keep: Keep = everything) -> Callable[[Question], Told]:
    return lambda question: Told(truth, question, dimension, keep)


@expects("languages", "shares")
def language_shares(truth: Truth, asked: Question) -> Expected:
    languages = of(truth, "language_feature")
    also = (TAKEN, SUGGESTED, ADDED, DELETED)
    return by_name_in_sum(asked, languages(asked), "language", MADE, also, languages)


@expects("languages", "per-day")
def languages_per_day(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "language_feature"), "language", MADE)


@expects("languages", "people")
def language_people(truth: Truth, asked: Question) -> Expected:
    return people_in_sum(truth, asked, "language")


@expects("languages", "acceptance")
def language_acceptance(truth: Truth, asked: Question) -> Expected:
    sums = Told(truth, asked, "language_feature", is_completion).sums("language")
    rows = [
        {
            "language": Named("language", name),
            "by_count": share(each[TAKEN], each[MADE]),
            "by_lines": share(each[ADDED], each[SUGGESTED]),
            "suggested": each[MADE],
            "accepted": each[TAKEN],
            "lines_suggested": each[SUGGESTED],
            "lines_added": each[ADDED],
        }
        for (name,), each in sorted(sums.items(), key=lambda item: (-(item[1][MADE] or 0), item[0]))
        if each[MADE]
    ]
    return Expected(rows)


@expects("languages", "by-model")
def language_by_model(truth: Truth, asked: Question) -> Expected:
    return crossed(Told(truth, asked, "language_model"), "language", "model", MADE)


@expects("languages", "by-editor")
def language_by_editor(truth: Truth, asked: Question) -> Expected:
    """On how many days of how many people a language and an editor were both used."""
    cells: Counter[tuple[str, ...]] = Counter()
    for day in truth.covered(asked):
        for line in truth.lines(asked, day).values():
            kinds = kinds_of(line)
            languages, ides = (
                [kind.partition(":")[2] for kind in kinds if kind.startswith(prefix)]
                for prefix in ("language:", "ide:")
            )
            cells.update((language, ide) for language in languages for ide in ides)
    names = [
        sorted({key[place] for key in cells}, key=lambda name: (-_of_name(cells, place, name), name))
        for place in (0, 1)
    ]
    return heat(dict(cells), "language", names[0], names[1])


def _of_name(cells: Mapping[tuple[str, ...], int], place: int, name: str) -> int:
    return sum(value for key, value in cells.items() if key[place] == name)


@expects("languages", "first-seen")
def new_languages(truth: Truth, asked: Question) -> Expected:
    return new_names(truth, asked, "language")


# Models ------------------------------------------------------------------------------------------


@expects("models", "shares-over-time")
def model_shares_over_time(truth: Truth, asked: Question) -> Expected:
    return by_name_over_time(asked, Told(truth, asked, "model_feature"), "model", ASKED)


@expects("models", "shares")
def model_shares(truth: Truth, asked: Question) -> Expected:
    models = of(truth, "model_feature")
    return by_name_in_sum(asked, models(asked), "model", ASKED, (MADE, TAKEN, ADDED, DELETED), models)


@expects("models", "people")
def model_people(truth: Truth, asked: Question) -> Expected:
    return people_in_sum(truth, asked, "model")


@expects("models", "without-model")
def without_model(truth: Truth, asked: Question) -> Expected:
    told = Told(truth, asked, "model_feature")
    sums = told.sums("model")
    whole = summed(sums.values(), ASKED)
    rows = []
    for name in ("auto", "unknown", "others"):
        requests = summed([sums[name,]] if (name,) in sums else [], ASKED)
        rows.append({"model": Named("model", name), "requests": requests, "share": share(requests, whole)})
    return Expected(rows if told.days else [])


@expects("models", "by-mode")
def model_by_mode(truth: Truth, asked: Question) -> Expected:
    return crossed(Told(truth, asked, "model_feature", is_chat), "model", "feature", ASKED)


@expects("models", "by-language")
def model_by_language(truth: Truth, asked: Question) -> Expected:
    return crossed(Told(truth, asked, "language_model"), "model", "language", MADE)


@expects("models", "first-seen")
def new_models(truth: Truth, asked: Question) -> Expected:
    return new_names(truth, asked, "model")
