"""A scroll over any number of items, of which only those near the reader are widgets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Region, Size
from textual.layout import DockArrangeResult
from textual.reactive import Reactive
from textual.widget import Widget

from picochat.ui.widgets.new_text_hint import NewTextHint

FIRST_ITEMS = 60
"""Items mounted when a place is gone to; mounting thousands takes half a minute."""
MORE_ITEMS = 20
"""Items mounted when the reader comes near an end of those."""
MOST_ITEMS = 100
"""With more than this, those far from the reader are removed."""
NEAR_END = 2
"""Who scrolls down to within so many lines of the end follows it again: while text streams, the end itself runs away."""

Item = TypeVar("Item")


class ItemWindow(VerticalScroll, Generic[Item]):
    """Items, oldest first; it follows the end until the reader scrolls up.

    The reader's place is a message and a line of it, not a distance from the top: `arrange` finds it again whenever the
    layout changes, by a message that grew, a terminal that was resized, or items mounted above.
    """

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))
    """As every widget has it, but a layout that changes it is not followed by a second one: only scroll bars hang on it, and
    those ask for one themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []
        self._views: list[Widget] = []
        self._first = 0
        self._place: tuple[Widget, int] | None = None
        self._regions: dict[Widget, Region] = {}

    def compose(self) -> ComposeResult:
        """Only the hint; items come later."""
        yield NewTextHint()

    @abstractmethod
    def make_view(self, item: Item, position: int) -> Widget:
        """The widget for an item."""

    # -- items ----------------------------------------------------------------------------------------------------------

    def show(self, items: Iterable[Item]) -> None:
        """Show these items instead of all others, from their end."""
        self.items = list(items)
        self._mount_only(len(self.items) - FIRST_ITEMS, len(self.items))
        self.follow()

    def add(self, item: Item) -> None:
        """Add an item at the end; the reader's place stays."""
        at_end = self.mounted.stop == len(self.items)
        self.items.append(item)
        if at_end and (self.following or len(self._views) < MOST_ITEMS):
            self._mount_range(len(self.items) - 1, len(self.items))
        self.news()

    def clear(self) -> None:
        """Remove everything."""
        self.show([])

    @property
    def mounted(self) -> range:
        """The positions of the items that have a widget now."""
        return range(self._first, self._first + len(self._views))

    def view_at(self, position: int) -> Widget | None:
        """The widget of an item, where it has one now."""
        return self._views[position - self._first] if position in self.mounted else None

    # -- the reader's place ---------------------------------------------------------------------------------------------

    @property
    def following(self) -> bool:
        """Whether it stays at the end."""
        return self.is_anchored

    def follow(self) -> None:
        """Go to the end and stay there."""
        if self.mounted.stop < len(self.items):
            self._mount_only(len(self.items) - FIRST_ITEMS, len(self.items))
        self.remove_class("-news")
        self._place = None
        self.anchor()

    def leave_end(self) -> None:
        """Stay here, whatever comes at the end."""
        self.anchor(False)

    def news(self) -> None:
        """There is more at the end than there was."""
        if not self.following:
            self.add_class("-news")

    def go_to(self, position: int) -> None:
        """Show an item."""
        if position not in self.mounted:
            self._mount_only(position - FIRST_ITEMS // 2, position + FIRST_ITEMS // 2)
        view = self._views[position - self._first]
        if view in self._regions:
            self.scroll_to_widget(view, animate=False, top=view.region.height > self.size.height)
        else:
            # it goes to the top, margin included, when it is laid out
            self.leave_end()
            self._place = (view, -1)

    def release_anchor(self) -> None:
        """Textual lets go of the end whenever something scrolls, even downwards there; `watch_scroll_y` knows better."""
        self.scroll_target_y = self.scroll_y

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow or leave the end, and have what is near the reader mounted."""
        super().watch_scroll_y(old_value, new_value)
        if old_value > self.max_scroll_y:
            # the text got shorter: nobody scrolled
            return
        if new_value < old_value:
            self.leave_end()
        elif not self.following and self.mounted.stop == len(self.items) and new_value >= self.max_scroll_y - NEAR_END:
            self.follow()
        self._place = None if self.following else self._find_place(new_value)
        self._mount_near()

    def arrange(self, size: Size, optimal: bool = False) -> DockArrangeResult:
        """Lay out, and scroll so that the reader's place is where it was."""
        arranged = super().arrange(size, optimal)
        self._regions = {placement.widget: placement.region for placement in arranged.placements}
        if self._place is not None and not self.following:
            view, below = self._place
            region = self._regions.get(view)
            if region is not None:
                end = max(0, arranged.total_region.bottom - size.height)
                self._put(min(end, max(0, region.y + min(below, region.height - 1))))
        return arranged

    def _put(self, y: int) -> None:
        # as the compositor moves an anchored widget: before it reads the offset, and without the watchers, who would clamp
        # to the old height
        if y != self.scroll_y:
            self.set_reactive(Widget.scroll_y, float(y))
            self.set_reactive(Widget.scroll_target_y, float(y))
            self.vertical_scrollbar.position = y

    def _find_place(self, y: float) -> tuple[Widget, int] | None:
        for view in self._views:
            region = self._regions.get(view)
            if region is not None and region.bottom > y:
                return view, round(y) - region.y
        return None

    # -- keys and mouse -------------------------------------------------------------------------------------------------

    def action_scroll_home(self) -> None:
        """Go to the very first item."""
        if self.mounted.start == 0:
            self.scroll_home(animate=False, immediate=True)
        else:
            self.go_to(0)

    def action_scroll_end(self) -> None:
        """Go to the very last item."""
        self.follow()

    # an animation has its goal from before the items above it were mounted

    def scroll_page_up(self, **options: Any) -> None:
        """Scroll at once."""
        super().scroll_page_up(**{**options, "animate": False})

    def scroll_page_down(self, **options: Any) -> None:
        """Scroll at once."""
        super().scroll_page_down(**{**options, "animate": False})

    @on(NewTextHint.Clicked)
    def _to_new_text(self, event: NewTextHint.Clicked) -> None:
        event.stop()
        self.follow()

    # -- mounting -------------------------------------------------------------------------------------------------------

    def _mount_only(self, first: int, last: int) -> None:
        self.remove_children(self._views)
        self._views, self._first = [], max(0, first)
        self._mount_range(self._first, min(last, len(self.items)))

    def _mount_range(self, first: int, last: int) -> None:
        """Mount items that border on those that are there, and remove as many at the other end as are too many."""
        views = [self.make_view(item, position) for position, item in enumerate(self.items[first:last], first)]
        if not views:
            return
        if first < self._first:
            self.mount_all(views, before=self._views[0])
            self._views, self._first = [*views, *self._views], first
            self._remove(self._views[MOST_ITEMS:])
        else:
            self.mount_all(views)
            self._views += views
            self._remove(self._views[: max(0, len(self._views) - MOST_ITEMS)])

    def _remove(self, views: Sequence[Widget]) -> None:
        # a selection that the mouse is drawing must not lose its ends
        if not views or self.screen.selections:
            return
        if views[0] is self._views[0]:
            self._first += len(views)
            self._views = self._views[len(views) :]
        else:
            self._views = self._views[: -len(views)]
        self.remove_children(views)

    def _mount_near(self) -> None:
        """Mount more where the reader is within a screen of the first or last that is mounted."""
        if not self._views:
            return
        margin = self.size.height
        if self._first and self._views[0] in self._regions and self.scroll_y < margin:
            self._mount_range(max(0, self._first - MORE_ITEMS), self._first)
        elif (
            self.mounted.stop < len(self.items)
            and self._views[-1] in self._regions
            and self.max_scroll_y - self.scroll_y < margin
        ):
            self._mount_range(self.mounted.stop, min(self.mounted.stop + MORE_ITEMS, len(self.items)))
