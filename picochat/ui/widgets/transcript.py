"""The conversation so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from picochat.inference.engine import Token
from picochat.ui.said import Note, Said
from picochat.ui.widgets.item_window import ItemWindow
from picochat.ui.widgets.message import MessageView, NoteView


def _key(key: str, action: str, description: str, *, show: bool = True) -> Binding:
    # priority: the screen sends other letters that are typed here to the input
    return Binding(key, action, description, show=show, priority=True, id=f"transcript.{action.partition('(')[0]}")


class Transcript(ItemWindow[Said | Note], can_focus=True):
    """Messages and notes; with the focus, a cursor over the messages.

    What a key asks for is posted as a message with the entry's index in the conversation.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("up,k", "previous", "Previous", show=False),
        _key("down,j", "next", "Next", show=False),
        _key("enter,c", "copy", "Copy"),
        _key("e", "edit", "Edit"),
        _key("b", "branch", "Branch"),
        _key("r", "regenerate", "Again"),
        _key("i", "inspect", "Tokens"),
        _key("space", "fold", "Fold"),
        _key("home,ctrl+home", "scroll_home", "First", show=False),
        _key("end,ctrl+end", "scroll_end", "Last", show=False),
        _key("escape", "leave", "Back"),
    ]

    @dataclass
    class CopyRequested(Message):
        """Copy a message's text."""

        index: int | None
        text: str

    @dataclass
    class EditRequested(Message):
        """Change what the user said there, and send it anew."""

        index: int

    @dataclass
    class BranchRequested(Message):
        """Go another way from there."""

        index: int

    @dataclass
    class RegenerateRequested(Message):
        """Answer anew; `index` is the last answer."""

        index: int

    @dataclass
    class InspectRequested(Message):
        """Look into the tokens of an answer."""

        index: int

    @dataclass
    class Left(Message):
        """Back to the input."""

    probs: reactive[bool] = reactive(False)
    """Colour the tokens of answers by their probability."""
    cursor: reactive[int | None] = reactive(None)
    """The item that the keyboard is at, and that the keys mean; it shows while the transcript has the focus."""

    def on_mount(self) -> None:
        """Stay at the end."""
        self.anchor()

    def watch_probs(self, probs: bool) -> None:
        """Draw what is there in the other way."""
        for view in self.query(MessageView):
            view.probs = probs

    # -- items ----------------------------------------------------------------------------------------------------------

    def make_view(self, item: Said | Note, position: int) -> Widget:
        """A message or a note."""
        if isinstance(item, Note):
            return NoteView(item)
        view = MessageView(item)
        view.set_reactive(MessageView.probs, self.probs)
        view.marked = self.has_focus and position == self.cursor
        return view

    def add_message(self, role: str, text: str = "", tokens: Sequence[Token] = (), *, index: int | None = None) -> Said:
        """Append a message, which may grow; `index` is its entry in the conversation. The reader's place stays."""
        said = Said(role, text, tokens, index=index)
        said.changed = self._said_changed
        self.add(said)
        if self.has_focus and self.cursor is None:
            self.cursor = len(self.items) - 1
        return said

    def add_note(self, text: str, *, error: bool = False) -> None:
        """Append a note. The reader's place stays."""
        self.add(Note(text, error))

    def show(self, items: Iterable[Said | Note]) -> None:
        """Show these instead of all that is there, from their end."""
        shown = list(items)
        for item in self.items:
            if isinstance(item, Said):
                item.changed = None
        for item in shown:
            if isinstance(item, Said):
                item.changed = self._said_changed
        self.cursor = None
        super().show(shown)
        if self.has_focus:
            self.cursor = self._last_message()

    def _said_changed(self, said: Said, tokens: Sequence[Token]) -> None:
        position = next((place for place in self.mounted if self.items[place] is said), None)
        view = self._message_at(position)
        if view is not None and tokens:
            view.grow(tokens)
        elif view is not None:
            view.redraw()
        self.news()

    # -- the cursor -----------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Said | None:
        """The message at the cursor."""
        item = self.items[self.cursor] if self.cursor is not None and self.has_focus else None
        return item if isinstance(item, Said) else None

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        """Mark another message."""
        self._mark(old, False)
        self._mark(new, self.has_focus)
        self.refresh_bindings()

    def on_focus(self) -> None:
        """Show the cursor, on what the reader sees."""
        seen = self._seen()
        if self.cursor is None or (seen and self.cursor not in seen):
            # what was added just now has no place on the screen yet
            self.cursor = seen[-1] if seen else self._last_message()
        self._mark(self.cursor, True)
        self.refresh_bindings()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self._mark(self.cursor, False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Keep the cursor on the screen: its keys must not mean a message that isn't seen."""
        super().watch_scroll_y(old_value, new_value)
        if self.has_focus:
            self.call_after_refresh(self._take_cursor_along)

    def _take_cursor_along(self) -> None:
        view = self._current_view
        if self.cursor is None or (view is not None and not view.region):
            # just mounted to be gone to
            return
        seen = self._seen()
        if seen and self.cursor not in seen:
            self.cursor = seen[0] if self.cursor < seen[0] else seen[-1]

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        for position in self._seen():
            if self.view_at(position) is event.widget:
                self.cursor = position

    def action_previous(self) -> None:
        """To the message before."""
        self._move(-1)

    def action_next(self) -> None:
        """To the message after, or to the end."""
        self._move(1)

    def action_scroll_home(self) -> None:
        """To the very first message."""
        super().action_scroll_home()
        self.cursor = next(self._messages(range(len(self.items))), None)

    def action_scroll_end(self) -> None:
        """To the very last message."""
        super().action_scroll_end()
        self.cursor = self._last_message()

    def _move(self, step: int) -> None:
        start = self.cursor if self.cursor is not None else len(self.items)
        beyond = len(self.items) if step > 0 else -1
        target = next(self._messages(range(start + step, beyond, step)), None)
        if target is not None:
            self.cursor = target
            self.go_to(target)
        elif step > 0:
            self.follow()

    def _messages(self, positions: Iterable[int]) -> Iterator[int]:
        return (position for position in positions if isinstance(self.items[position], Said))

    def _last_message(self) -> int | None:
        return next(self._messages(range(len(self.items) - 1, -1, -1)), None)

    def _seen(self) -> list[int]:
        """The messages on the screen, by position."""
        return [position for position in self._messages(self.mounted) if self._on_screen(position)]

    def _on_screen(self, position: int) -> bool:
        view = self.view_at(position)
        return view is not None and self.region.overlaps(view.region)

    def _mark(self, position: int | None, marked: bool) -> None:
        view = self._message_at(position)
        if view is not None:
            view.marked = marked

    def _message_at(self, position: int | None) -> MessageView | None:
        view = self.view_at(position) if position is not None else None
        return view if isinstance(view, MessageView) else None

    @property
    def _current_view(self) -> MessageView | None:
        return self._message_at(self.cursor)

    # -- what the keys ask for ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what can't be done with the message at the cursor."""
        if action not in ("copy", "edit", "branch", "regenerate", "inspect", "fold"):
            return True
        said = self.current
        return True if said is not None and self._allows(action, said) else None

    def _allows(self, action: str, said: Said) -> bool:
        if action == "copy":
            return True
        if action == "fold":
            view = self._current_view
            return view is not None and view.foldable
        if said.index is None:
            return False
        if action == "edit":
            return said.role == "user"
        if action == "inspect":
            return said.can_inspect
        return action == "branch" or (said.role == "assistant" and self._last_message() == self.cursor)

    def on_key(self, event: events.Key) -> None:
        """A key whose action is greyed out does nothing; the screen would type its letter into the input."""
        binding = self.screen.active_bindings.get(event.key)
        if binding is not None and binding.node is self and not binding.enabled:
            event.stop()
            self.app.bell()

    def action_copy(self) -> None:
        """Copy the message."""
        if self.current is not None:
            self.post_message(self.CopyRequested(self.current.index, self.current.text))

    def action_edit(self) -> None:
        """Edit and send anew."""
        self._ask(self.EditRequested)

    def action_branch(self) -> None:
        """Branch from here."""
        self._ask(self.BranchRequested)

    def action_regenerate(self) -> None:
        """Answer anew."""
        self._ask(self.RegenerateRequested)

    def action_inspect(self) -> None:
        """Look into the tokens."""
        self._ask(self.InspectRequested)

    def action_fold(self) -> None:
        """Fold or unfold a long message."""
        view = self._current_view
        if view is not None:
            view.said.folded = not view.said.folded
            view.redraw()

    def action_leave(self) -> None:
        """Back to the input."""
        self.post_message(self.Left())

    def _ask(
        self, kind: type[EditRequested] | type[BranchRequested] | type[RegenerateRequested] | type[InspectRequested]
    ) -> None:
        if self.current is not None and self.current.index is not None:
            self.post_message(kind(self.current.index))
