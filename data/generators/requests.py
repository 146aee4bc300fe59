"""What everybody says to a chat program, read from data/requests: wishes for stories, jokes, ideas; words of the day.

A file is a kind. Its entries have the form of talks: a request with its answer, and perhaps what is asked then. Two names
stand for themselves:

    == any                          asks for something of the kind
    > Tell me a story. | a story pls
    < {it} | Gladly. {it}           `{it}` is an answer of another entry
    == after                        comes only after an answer of the kind
    > another one | One more, please.
    < {it} | Here is another. {it}
    == a dragon
    > Tell me a story about a dragon. | dragon story
    < A dragon was afraid of the dark. So it lit a candle with its breath and slept well.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .chat import Chat
from .reactions import react
from .slots import all_of
from .talks import Exchange, Talk
from .talks import parse as parse_talks

FOLDER = Path(__file__).resolve().parent.parent / "requests"
_ANY = 0.4
_FOLLOWED = 0.85
_MORE = 0.45
_REACTED = 0.12
_TURNS = (1, 6)
"""How many requests a conversation has, at least and at most."""


@dataclass(eq=False)
class Kind:
    """Requests of one kind: for something of it, for more of it, and for this or that."""

    name: str
    anything: list[Talk] = field(default_factory=list)
    after: list[Talk] = field(default_factory=list)
    entries: list[Talk] = field(default_factory=list)

    @property
    def answers(self) -> list[str]:
        """What `{it}` may be."""
        return [answer for talk in self.entries for answer in talk.messages[1]]


def parse(path: Path) -> list[Kind]:
    """The kind of requests that a file holds.

    Raises:
        ValueError: a line or an entry breaks the form, or nothing is there for `{it}`; the message names the file.
    """
    kind = Kind(path.stem)
    places = {"any": kind.anything, "after": kind.after}
    for talk in parse_talks(path, ready=("it",)):
        if talk.slots:
            raise ValueError(f"{path}, entry {talk.name!r}: a request has no slots.")
        places.get(talk.name, kind.entries).append(talk)
    if not kind.entries:
        raise ValueError(f"{path}: it needs at least one entry besides 'any' and 'after'.")
    return [kind]


@cache
def all_kinds() -> tuple[Kind, ...]:
    """All kinds, in the order of their files."""
    return all_of(FOLDER, parse)


def ask(chat: Chat, name: str = "") -> None:
    """One request, of the kind with this name or of any, perhaps with what is asked or said about its answer."""
    kinds = [kind for kind in all_kinds() if name in (kind.name, "")]
    # By the root of what a kind holds: a large one is drawn more often, and what a small one holds is still better known.
    kind = chat.pick_weighted(kinds, [len(kind.entries) ** 0.5 for kind in kinds])
    if kind.anything and chat.chance(_ANY):
        some(chat, kind.name)
        return
    first, *then = chat.pick(kind.entries).exchanges
    _exchange(chat, kind, first, chat.turn_to)
    for exchange in then:
        if not (chat.left and chat.chance(_FOLLOWED)):
            break
        _exchange(chat, kind, exchange, chat.exchange)
    _more(chat, kind)


def some(chat: Chat, name: str) -> None:
    """Anything of the kind with this name, and perhaps more of it."""
    kind = next(kind for kind in all_kinds() if kind.name == name)
    _exchange(chat, kind, chat.rng.choice(kind.anything).exchanges[0], chat.turn_to)
    _more(chat, kind)


def compose(chat: Chat) -> None:
    """One request after another, and now and then a word on what was answered."""
    chat.length = chat.rng.randint(*_TURNS)
    while chat.left:
        ask(chat)
        if chat.left and chat.chance(_REACTED):
            react(chat)


def _more(chat: Chat, kind: Kind) -> None:
    while kind.after and chat.left and chat.chance(_MORE):
        _exchange(chat, kind, chat.pick(kind.after).exchanges[0], chat.exchange)


def _exchange(chat: Chat, kind: Kind, exchange: Exchange, add: Callable[..., None]) -> None:
    asks, answers = exchange
    slots = {"it": chat.pick(kind.answers)} if any("{it}" in answer for answer in answers) else {}
    add(asks, answers, **slots)
