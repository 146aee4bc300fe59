"""Talks in which a question of the assistant's is passed over: the user asks, tells or remarks something else instead.

The other conversations answer nearly every question. Who learns them alone takes whatever comes after a question for its
answer, a wish for a joke included; here it is the message that tells what it is.
"""

from collections.abc import Callable

from . import facts, identity, names, reactions, requests, smalltalk, sums, themes, unknowns
from .asides import aside
from .chat import Chat, Exchange
from .detours import recalls
from .talks import all_talks, fill
from .talks import that_begin_anywhere as talks_that_begin_anywhere
from .written import all_written
from .written import that_begin_anywhere as written_that_begin_anywhere

_TURNS = (1, 4)
"""How often something else is said, at least and at most."""
_BEFORE = 4
"""Exchanges before the one that ends with a question, at most."""
_ASKED_LATER = 0.7
_NAMED = 0.3

Part = Callable[[Chat], list[Exchange] | None]
"""Begins a conversation with a question of the assistant's, and returns what may be asked of it later; `None` if it found no
question, and said nothing."""


def compose(chat: Chat) -> None:
    """A question of the assistant's, and something else, a few times over; then perhaps what was told before."""
    while (later := chat.pick_weighted(*zip(*_BEGINNINGS, strict=True))(chat)) is None:
        pass
    for left in range(chat.rng.randint(*_TURNS), 0, -1):
        chat.length = len(chat.messages) // 2 + left
        chat.one_of(_ELSE)
    if later and chat.chance(_ASKED_LATER):
        chat.rng.choice(later)(chat)


def _talk(chat: Chat) -> list[Exchange] | None:
    talk = chat.rng.choice(all_talks())
    cuts = [
        cut for cut, (_, answers) in enumerate(talk.exchanges[: _BEFORE + 1]) if any(each.endswith("?") for each in answers)
    ]
    if not cuts:
        return None
    cut = chat.rng.choice(cuts)
    words = fill(chat, talk)
    for exchange in talk.exchanges[:cut]:
        chat.exchange(*exchange, **words)
    asks, answers = talk.exchanges[cut]
    chat.exchange(asks, [each for each in answers if each.endswith("?")], **words)
    return [lambda chat, each=each: chat.turn_to(*each, **words) for each in recalls(talk, cut + 1)]


def _written(chat: Chat) -> list[Exchange] | None:
    conversation = chat.rng.choice(all_written())
    ends = [end for end in range(2, 2 * _BEFORE + 3, 2) if end < len(conversation) and conversation[end - 1].endswith("?")]
    if not ends:
        return None
    chat.messages += conversation[: chat.rng.choice(ends)]
    return []


def _theme(chat: Chat) -> list[Exchange] | None:
    theme = chat.rng.choice(themes.all_themes())
    if not theme.questions:
        return None
    slots = {name: chat.rng.choice(values) for name, values in theme.slots.items()}
    chat.exchange(theme.opening.asks, theme.questions, **slots)
    return _perhaps_named(chat)


def _hello(chat: Chat) -> list[Exchange]:
    smalltalk.hello(chat)
    return _perhaps_named(chat)


def _perhaps_named(chat: Chat) -> list[Exchange]:
    """The user tells his name instead of an answer, now and then, and may ask for it later."""
    if not chat.chance(_NAMED):
        return []
    chat.length = len(chat.messages) // 2 + 2
    name = names.introduce(chat)
    return [lambda chat: names.ask_back(chat, name)]


_BEGINNINGS: tuple[tuple[Part, int], ...] = ((_talk, 8), (_written, 8), (_theme, 6), (_hello, 3))


def _first_written(chat: Chat) -> None:
    chat.messages += chat.rng.choice(written_that_begin_anywhere())[:2]


def _first_of_talk(chat: Chat) -> None:
    talk = chat.rng.choice(talks_that_begin_anywhere())
    chat.turn_to(*talk.exchanges[0], **fill(chat, talk))


_ELSE: tuple[tuple[Exchange, int], ...] = (
    (_first_written, 10),
    (reactions.react, 5),
    (aside, 5),
    (requests.ask, 8),
    (_first_of_talk, 3),
    (smalltalk.joke, 2),
    (smalltalk.riddle, 1),
    (smalltalk.curiosity, 1),
    (smalltalk.how_are_you, 1),
    (identity.ask, 2),
    (unknowns.ask, 1),
    (facts.one, 2),
    (sums.one, 2),
)
