"""Whole talks as strangers have them, read from data/talks: every message and answer in several wordings, facts in slots.

A talk's file form:

    == planted vegetables
    {plant} = beans | carrots               values of a slot, drawn once for the whole talk
    > hi | Hello, how are you?              a message; any of its wordings may be drawn
    < I'm fine, thank you. | I'm doing well, thanks.    its answer; each wording fits each of the message's
    > I planted {plant} today. | planted {plant}
    < {plant:c} taste good in summer.

Four slots are there without a line: `{name}` of the user, `{friend}`, `{pet}` and `{town}`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .chat import GREETS, Chat
from .memories import TOWNS
from .people import NAMES, PET_NAMES, invented
from .slots import all_of, check_slots, lines_of, slot_line, wordings

FOLDER = Path(__file__).resolve().parent.parent / "talks"
_WHOLE = 0.75
_INVENTED = 0.3

Exchange = tuple[tuple[str, ...], tuple[str, ...]]
"""The wordings of a message, and those of its answer."""


@dataclass(eq=False)
class Talk:
    """Messages and answers in turns, each a tuple of wordings."""

    name: str
    slots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    messages: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def exchanges(self) -> list[Exchange]:
        """Each message with its answer."""
        return list(zip(self.messages[::2], self.messages[1::2], strict=True))


def _first_name(chat: Chat) -> str:
    return invented(chat.rng) if chat.chance(_INVENTED) else chat.pick(NAMES)


READY: Mapping[str, Callable[[Chat], str]] = {
    "name": _first_name,
    "friend": _first_name,
    "pet": lambda chat: invented(chat.rng) if chat.chance(_INVENTED) else chat.pick(PET_NAMES),
    "town": lambda chat: chat.pick(TOWNS),
}
"""Slots that every talk has."""


def parse(path: Path, ready: Iterable[str] = tuple(READY)) -> list[Talk]:
    """The talks of one file, which may use the slots in `ready` without giving them values.

    Raises:
        ValueError: a line or a talk breaks the form; the message names file and line.
    """
    talks: list[Talk] = []
    for where, line in lines_of(path):
        mark, _, text = line.partition(" ")
        turn = "><"[len(talks[-1].messages) % 2] if talks else ""
        if mark == "==":
            talks.append(Talk(text))
        elif not talks:
            raise ValueError(f"{where}: the first talk must begin with '== NAME'.")
        elif slot := slot_line(line):
            talks[-1].slots[slot[0]] = slot[1]
        elif text and mark == turn:
            talks[-1].messages.append(wordings(text))
        else:
            raise ValueError(f"{where}: expected '== ', '{{x}} = ' or {turn!r}, not {line[:60]!r}.")
    for talk in talks:
        where = f"{path}, talk {talk.name!r}"
        if len(talk.messages) % 2 or not talk.messages:
            raise ValueError(f"{where}: it must end with an answer.")
        if not all(all(each) for each in (*talk.messages, *talk.slots.values())):
            raise ValueError(f"{where}: nothing stands between two bars.")
        check_slots((text for each in talk.messages for text in each), {*talk.slots, *ready}, where)
    return talks


@cache
def all_talks() -> tuple[Talk, ...]:
    """All talks, in the order of their files."""
    return all_of(FOLDER, parse)


@cache
def that_begin_anywhere() -> list[Talk]:
    """Talks whose first message could as well come in the middle of another conversation."""
    return [talk for talk in all_talks() if not any(map(GREETS.match, talk.messages[0]))]


def compose(chat: Chat) -> None:
    """One talk from its beginning: mostly to its end."""
    talk = chat.pick(all_talks())
    exchanges = talk.exchanges
    chat.length = len(exchanges) if chat.chance(_WHOLE) else chat.rng.randint(1, len(exchanges))
    slots = fill(chat, talk)
    for exchange in exchanges[: chat.length]:
        chat.exchange(*exchange, **slots)


def fill(chat: Chat, talk: Talk) -> dict[str, str]:
    """A value for each slot that the talk may use."""
    slots = {name: draw(chat) for name, draw in READY.items()}
    return slots | {name: chat.rng.choice(values) for name, values in talk.slots.items()}
