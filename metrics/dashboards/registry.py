"""The pages and their panels: each module of a page registers them, the views ask for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from metrics.dashboards.asked import Asked
from metrics.dashboards.panel import Panel

PanelFunction = Callable[[Asked], Panel]
Words = Callable[[Asked], Sequence[str]]


@dataclass(frozen=True, slots=True)
class RegisteredPanel:
    """`definition` says in a sentence what is counted and how, `source` is the page it rests on."""

    key: str
    title: str
    definition: str
    source: str
    function: PanelFunction
    wide: bool = False
    permission: str = ""
    is_kept: bool = True


@dataclass(slots=True)
class Page:
    """A page. `words` makes the sentences it opens with; they are made of its own figures."""

    slug: str
    title: str
    icon: str
    order: int
    permission: str = "metrics.view_scopeday"
    # Controls the page can do without: "period", "by", "compare", "weekends", "team", "scope".
    without: frozenset[str] = frozenset()
    # Parameters of its own that its address may carry.
    params: frozenset[str] = frozenset()
    # Fields of text of its own among the controls: parameter and label.
    fields: Sequence[tuple[str, str]] = ()
    listed: bool = True
    # Whether its pieces are kept. Not of a page that tells each reader of themselves, nor of one that tells
    # of the very moment: neither is said by what was asked.
    is_kept: bool = True
    words: Words | None = None
    instead: Callable[[Asked], str] | None = None
    panels: dict[str, RegisteredPanel] = field(default_factory=dict)

    def panel(
        self,
        key: str,
        title: str,
        *,
        definition: str,
        source: str = "",
        wide: bool = False,
        permission: str = "",
        is_kept: bool | None = None,
    ) -> Callable[[PanelFunction], PanelFunction]:
        """Register a panel; they show in the order of registration. It is kept as its page is, or as told."""
        kept = self.is_kept if is_kept is None else is_kept

        def register(function: PanelFunction) -> PanelFunction:
            if key in self.panels:
                raise ValueError(f"{self.slug} has a panel {key} already")
            self.panels[key] = RegisteredPanel(
                key, title, definition, source, function, wide, permission, kept
            )
            return function

        return register

    def opens_with(self, function: Words) -> Words:
        """Register what makes the page's opening sentences."""
        self.words = function
        return function

    def instead_of_panels(self, function: Callable[[Asked], str]) -> Callable[[Asked], str]:
        """Register what may have to be said in place of all panels; "" where they have something to show."""
        self.instead = function
        return function


pages: dict[str, Page] = {}


def page(slug: str, title: str, icon: str, order: int, **options: object) -> Page:
    """A new page, registered."""
    if slug in pages:
        raise ValueError(f"there is a page {slug} already")
    pages[slug] = Page(slug, title, icon, order, **options)  # type: ignore[arg-type]
    return pages[slug]
