"""Talks that another matter comes into: the first is left, the second begins, and what was told in the first is asked for.

The talks of data/talks go on in the same order each time. Who learns them could tell the next answer from its place in the
talk; here it follows from the message alone, and what is asked for lies further back.
"""

import re
from functools import cache

from .chat import Chat
from .slots import slots_in
from .talks import READY, Exchange, Talk, all_talks, fill, that_begin_anywhere

_ASKS_BACK = re.compile(
    r"\b(remember|still know|did i|have i told|i told you|i said|do you know (what|which|who|how|where) i)\b", re.IGNORECASE
)
_LEAVES = re.compile(r"\b(bye|goodbye|good night|see you)\b", re.IGNORECASE)
_FIRST = (2, 5)
"""Exchanges of the first talk before it is left, at least and at most."""
_SECOND = (1, 5)
_RECALLS = 2


def compose(chat: Chat) -> None:
    """Some of a talk, some of another, and what the first one lets ask for; then perhaps its goodbye."""
    while True:
        first = chat.rng.choice(_that_can_be_left())
        cut = chat.rng.choice(_cuts(first))
        askable = recalls(first, cut)
        second = chat.rng.choice(that_begin_anywhere())
        if askable and not _shared(first, second):
            break
    exchanges = second.exchanges
    ends = [end for end in range(_SECOND[0], min(_SECOND[1], len(exchanges)) + 1) if _is_over(exchanges[end - 1])]
    between = exchanges[: chat.rng.choice(ends or [1])]
    asked = chat.rng.sample(askable, min(len(askable), chat.rng.randint(1, _RECALLS)))
    begun, last = first.exchanges[:cut], first.exchanges[-1]
    leaves = [last] if _LEAVES.search(" ".join(last[1])) and _known(last, first, cut) and last not in asked else []
    chat.length = cut + len(between) + len(asked) + len(leaves)
    words = fill(chat, first) | {slot: value for slot, value in fill(chat, second).items() if slot not in READY}
    for opening, *others in (begun, between, [*asked, *leaves]):
        chat.turn_to(*opening, **words)
        for exchange in others:
            chat.exchange(*exchange, **words)


def _is_over(exchange: Exchange) -> bool:
    """Whether its answer leaves nothing to be answered."""
    return not any(answer.endswith("?") for answer in exchange[1])


def _known(exchange: Exchange, talk: Talk, cut: int) -> bool:
    """Whether the first `cut` messages tell all that the exchange names."""
    told = slots_in(wording for message, _ in talk.exchanges[:cut] for wording in message)
    return slots_in([*exchange[0], *exchange[1]]) <= told


@cache
def recalls(talk: Talk, cut: int) -> list[Exchange]:
    """What a talk asks for after its first `cut` exchanges and they have told."""
    return [
        each
        for each in talk.exchanges[cut:]
        if all(slots_in([answer]) for answer in each[1])
        and any(_ASKS_BACK.search(message) for message in each[0])
        and _is_over(each)
        and _known(each, talk, cut)
    ]


@cache
def _cuts(talk: Talk) -> list[int]:
    exchanges = talk.exchanges
    return [cut for cut in range(_FIRST[0], min(_FIRST[1] + 1, len(exchanges))) if _is_over(exchanges[cut - 1])]


@cache
def _that_can_be_left() -> list[Talk]:
    return [talk for talk in all_talks() if any(recalls(talk, cut) for cut in _cuts(talk))]


def _shared(first: Talk, second: Talk) -> set[str]:
    """Slots that both use, so that one could be taken for the other's."""
    return _slots(first) & _slots(second)


@cache
def _slots(talk: Talk) -> set[str]:
    return slots_in(wording for message in talk.messages for wording in message)
