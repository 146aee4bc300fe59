"""Themes of everyday talk, read from data/themes: what users say about one thing, and answers that fit.

A theme's file form, one utterance a line:

    == name
    {x} = cat | dog            values of a slot, drawn once for the whole theme
    > My {x} sleeps all day.   ways to bring it up
    < It saves its energy.     answers that fit every one of them
    ? Where does it lie?       answers that end with the theme's question
    > On the sofa.             what users answer to that
    < That's a warm place.     answers to this in turn
    --
    > Is that healthy?         a follow-up in several wordings, and its answers; as many as there are
    < Yes, it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .chat import Chat
from .slots import all_of, check_slots, lines_of, slot_line

FOLDER = Path(__file__).resolve().parent.parent / "themes"


@dataclass(eq=False)
class Group:
    """Messages that mean the same and answers that fit each of them."""

    asks: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Theme:
    """One thing to talk about: an opening, perhaps a question back with the answers to it, and follow-ups in any order."""

    name: str
    slots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opening: Group = field(default_factory=Group)
    questions: list[str] = field(default_factory=list)
    answers: Group = field(default_factory=Group)
    follow_ups: list[Group] = field(default_factory=list)

    def groups(self) -> Iterator[Group]:
        """All groups of messages with their answers."""
        yield self.opening
        if self.questions:
            yield self.answers
        yield from self.follow_ups


def parse(path: Path) -> list[Theme]:
    """The themes of one file.

    Raises:
        ValueError: a line or a theme breaks the form; the message names file and line.
    """
    themes: list[Theme] = []
    group = Group()
    for where, line in lines_of(path):
        mark, _, text = line.partition(" ")
        if mark == "==":
            themes.append(Theme(text))
            group = themes[-1].opening
        elif not themes:
            raise ValueError(f"{where}: the first theme must begin with '== NAME'.")
        elif slot := slot_line(line):
            themes[-1].slots[slot[0]] = slot[1]
        elif line == "--":
            group = Group()
            themes[-1].follow_ups.append(group)
        elif mark == ">" and text:
            group.asks.append(text)
        elif mark == "<" and text:
            group.replies.append(text)
        elif mark == "?" and text and not themes[-1].follow_ups:
            themes[-1].questions.append(text)
            group = themes[-1].answers
        else:
            raise ValueError(f"{where}: expected '== ', '> ', '< ', '? ', '--' or '{{x}} = ', not {line[:60]!r}.")
    for theme in themes:
        _check(theme, path)
    return themes


def _check(theme: Theme, path: Path) -> None:
    where = f"{path}, theme {theme.name!r}"
    for group in theme.groups():
        if not group.asks or not group.replies:
            raise ValueError(f"{where}: a group has messages without answers, or answers without messages.")
    lines = [line for group in theme.groups() for line in group.asks + group.replies] + theme.questions
    check_slots(lines, theme.slots, where)


@cache
def all_themes() -> tuple[Theme, ...]:
    """All themes, in the order of their files."""
    return all_of(FOLDER, parse)


def thread(chat: Chat) -> None:
    """One theme: its opening, the question back at times, and follow-ups for as long as the chat or the user's interest."""
    theme = chat.pick(all_themes())
    slots = {name: chat.rng.choice(values) for name, values in theme.slots.items()}
    asked = bool(theme.questions) and chat.left > 1 and chat.chance(0.4)
    chat.exchange(theme.opening.asks, theme.questions if asked else theme.opening.replies, **slots)
    if asked:
        chat.exchange(theme.answers.asks, theme.answers.replies, **slots)
    for group in chat.rng.sample(theme.follow_ups, len(theme.follow_ups)):
        if not chat.left or chat.chance(0.15):
            return
        chat.exchange(group.asks, group.replies, **slots)
