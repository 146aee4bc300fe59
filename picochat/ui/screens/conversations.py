"""Choosing a saved conversation: by looking down the list, or by searching what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.events import DescendantBlur, Key
from textual.getters import query_one
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Footer, Input, OptionList, Static

from picochat.chat.records import Found, Summary
from picochat.chat.store import ConversationStore
from picochat.errors import PicochatError
from picochat.text.safe import printable
from picochat.ui.widgets.conversation_list import HEADINGS, TITLE_COLUMN, ConversationList
from picochat.ui.widgets.settings_panel import Field
from picochat.ui.work import Job

PAGE = 100
"""Rows read at once; more come when the end is near."""

SEARCH_SECONDS = 0.15
"""A search begins when typing has paused for so long."""


class Rows(Message):
    """Conversations were read: those for `query` from `offset` on, in place of all when that is 0."""

    def __init__(self, query: str, offset: int, rows: Sequence[Found], limit: int) -> None:
        super().__init__()
        self.query = query
        self.offset = offset
        self.rows = rows
        self.more = len(rows) == limit


class Changed(Message):
    """A conversation was renamed or deleted."""


class Failed(Message):
    """The store could not do what it was asked for."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class ConversationsScreen(ModalScreen[int | None]):
    """Ends with the number of the conversation to go on with, or with nothing.

    The store is only ever used on threads: another program that writes to it can keep it waiting.

    Args:
        store: where conversations are.
        current: the one that is being held. Whether it was deleted here is to be read from `current_deleted`.
    """

    CSS_PATH = "../conversations.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", "Go on", priority=True),
        Binding("f2", "rename", "Rename"),
        Binding("delete", "delete", "Delete", priority=True),
        Binding("y,Y", "confirm", "Yes", show=False, priority=True),
        Binding("n,N", "refuse", "No", show=False, priority=True),
        Binding("escape", "escape", "Close"),
        Binding("up", "move('cursor_up')", "Up", show=False),
        Binding("down", "move('cursor_down')", "Down", show=False),
        Binding("pageup", "move('page_up')", "Page up", show=False),
        Binding("pagedown", "move('page_down')", "Page down", show=False),
        Binding("ctrl+home", "move('first')", "First", show=False, priority=True),
        Binding("ctrl+end", "move('last')", "Last", show=False, priority=True),
    ]

    search = query_one("#search", Input)
    name_field = query_one("#name", Input)
    rows = query_one(ConversationList)
    line = query_one("#line", Static)

    def __init__(self, store: ConversationStore, current: int | None = None) -> None:
        super().__init__()
        self.store = store
        self.current_deleted = False
        self._current = current
        self._timer: Timer | None = None
        self._reading = False
        self._more = False
        self._shown = ""
        self._entered = False
        self._renaming: Summary | None = None
        self._doomed: Summary | None = None

    def compose(self) -> ComposeResult:
        """The search, the rows with the field that renames one of them, and a line for what there is to say."""
        with Vertical(id="conversations") as box:
            box.border_title = "Saved conversations"
            yield Field(placeholder="Search names and all that was said", id="search", compact=True, select_on_focus=False)
            yield Static(HEADINGS, id="headings", markup=False)
            with Container(id="rows"):
                yield ConversationList(self._current)
                yield Field(id="name", compact=True)
            yield Static(id="line", markup=False)
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the newest."""
        self.name_field.display = False
        self.search.focus()
        self.watch(self.rows, "scroll_y", self._scrolled, init=False)
        self._read()

    # -- reading --------------------------------------------------------------------------------------------------------

    @on(Input.Changed, "#search")
    def _typed(self) -> None:
        self.action_refuse()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SEARCH_SECONDS, self._search)

    def _search(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self.rows.highlighted = None  # what is found first is what to begin with
        self._read()

    def _read(self, offset: int = 0, limit: int = PAGE) -> None:
        query = self.search.value
        self._reading = True
        self._do(lambda: Rows(query, offset, self.store.find(query, limit, offset), limit))

    @on(Rows)
    def _came(self, event: Rows) -> None:
        # not what was searched for before, nor a page that a newer reading has taken the place of
        if event.query != self.search.value or event.offset not in (0, len(self.rows.rows)):
            return
        self._reading, self._more = False, event.more
        if event.offset:
            self.rows.extend(event.rows)
        else:
            self.rows.show(event.rows, searched=bool(event.query.strip()))
            self._shown = event.query
        self._say_what_there_is()
        if self._entered:
            # Enter was pressed before what was typed had been looked for
            self._entered = False
            self.action_enter()

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        if self._doomed is not None and (self.rows.chosen is None or self.rows.chosen.summary != self._doomed):
            self.action_refuse()
        self._read_on()

    def _scrolled(self) -> None:
        self._stop_renaming()
        self._read_on()

    def _read_on(self) -> None:
        if self._more and not self._reading and self.rows.near_end:
            self._read(len(self.rows.rows))

    # -- keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are letters but for an answer to a question; Delete is a field's own while it has something to delete."""
        if action in ("confirm", "refuse"):
            return self._doomed is not None
        if action == "delete":
            field = self.focused
            return not (isinstance(field, Input) and (field is self.name_field or field.cursor_position < len(field.value)))
        return True

    def action_move(self, how: str) -> None:
        """Move in the list, wherever the focus is."""
        if self._renaming is None:
            getattr(self.rows, f"action_{how}")()

    def on_key(self, event: Key) -> None:
        """Typing in the list searches."""
        if event.is_printable and event.character and self.focused is self.rows:
            self.search.focus()
            self.search.cursor_position = len(self.search.value)
            self.search.insert_text_at_cursor(event.character)
            event.stop()

    def action_enter(self) -> None:
        """Take the new name, or the highlighted conversation; a question for a yes is answered with no."""
        if self._renaming is not None:
            number, name = self._renaming.id, self.name_field.value.strip()
            self._stop_renaming()
            self._change(lambda: self.store.rename(number, name))
        elif self._doomed is not None:
            self.action_refuse()
        elif self.search.value != self._shown:
            self._entered = True
            self._search()
        elif self.rows.chosen is not None:
            self.dismiss(self.rows.chosen.summary.id)

    @on(OptionList.OptionSelected)
    def _double_clicked(self) -> None:
        self.action_enter()

    def action_escape(self) -> None:
        """Leave the name as it is, or the conversation where it is, or the screen."""
        if self._renaming is not None:
            self._stop_renaming()
        elif self._doomed is not None:
            self.action_refuse()
        else:
            self.dismiss(None)

    # -- changing -------------------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        """Put a field over the title of the highlighted row."""
        self.action_refuse()
        if self._renaming is not None or self.rows.chosen is None:
            return
        self.rows.scroll_to_highlight()
        self._renaming = self.rows.chosen.summary
        self.name_field.value = self._renaming.title
        self.name_field.styles.offset = (TITLE_COLUMN, self.rows.chosen_line)
        self.name_field.styles.width = max(10, self.rows.scrollable_content_region.width - TITLE_COLUMN)
        self.name_field.display = True
        self.name_field.focus()
        self.name_field.select_all()
        self._say("Enter keeps the new name, Esc the old one.")

    def _stop_renaming(self) -> None:
        if self._renaming is not None:
            self._renaming = None
            self.name_field.display = False
            self.search.focus()
            self._say_what_there_is()

    @on(DescendantBlur)
    def _left_field(self, event: DescendantBlur) -> None:
        if event.widget is self.name_field:
            self._stop_renaming()

    def action_delete(self) -> None:
        """Ask whether the highlighted conversation is to be deleted."""
        if self.rows.chosen is not None:
            self._doomed = self.rows.chosen.summary
            title = " ".join(self._doomed.title.split())
            self.rows.focus()  # a field would take the y for itself
            self._say(f"Delete {self._doomed.id} for good? y/n  {title}")

    def action_confirm(self) -> None:
        """Delete what was asked for."""
        doomed, self._doomed = self._doomed, None
        self.search.focus()
        if doomed is None:
            return

        def delete() -> None:
            self.store.delete(doomed.id)
            self.current_deleted = self.current_deleted or doomed.id == self._current

        self._change(delete)

    def action_refuse(self) -> None:
        """Delete nothing."""
        if self._doomed is not None:
            self._doomed = None
            self.search.focus()
            self._say_what_there_is()

    @on(Changed)
    def _changed(self) -> None:
        self._read(limit=max(PAGE, len(self.rows.rows)))

    # -- details --------------------------------------------------------------------------------------------------------

    def _change(self, change: Callable[[], None]) -> None:
        def work() -> Message:
            change()
            return Changed()

        self._do(work)

    def _do(self, work: Callable[[], Message]) -> None:
        """Use the store on a thread; what comes of it is posted."""

        def run(_: Job) -> None:
            try:
                outcome = work()
            except PicochatError as error:
                outcome = Failed(str(error))
            except Exception as error:  # a traceback would be written over the screen
                outcome = Failed(f"The history can't be used ({type(error).__name__}: {error}).")
            self.post_message(outcome)

        Job(run)

    @on(Failed)
    def _failed(self, event: Failed) -> None:
        self._reading = self._entered = False
        self._say(f"Error: {event.reason}", error=True)

    def _say_what_there_is(self) -> None:
        count, query = len(self.rows.rows), self.search.value.strip()
        if not count:
            self._say(f"Nothing with '{query}'." if query else "Nothing is saved yet.")
        else:
            self._say(f"{count}{' and more' if self._more else ''} {'found' if query else 'saved'}")

    def _say(self, text: str, *, error: bool = False) -> None:
        self.line.set_class(error, "-error")
        self.line.update(printable(text))
