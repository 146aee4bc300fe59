"""Facts the user tells about himself, and asks for some exchanges later."""

from collections.abc import Callable, Sequence

from .asides import aside, quiet_aside
from .chat import Chat, Word
from .closings import close
from .memories import (
    FAVORITE_ANSWERS,
    FAVORITE_ASKS,
    FAVORITE_REPLIES,
    FAVORITE_TELLS,
    FAVORITE_UNKNOWN,
    FAVORITES,
    MEMORIES,
    PAIR_ANSWERS,
    PAIR_ASKS,
    PAIR_REPLIES,
    PAIR_TELLS,
    PAIRS,
    Memory,
)
from .people import name_of
from .smalltalk import yours

# fmt: off
_CHANGE_TELLS = (
    "Actually, I changed my mind. My favorite {c} is {w} now.", "No wait, my favorite {c} is {w}.",
    "Sorry, I meant {w}, not {v}.", "I was wrong, it's {w} that I like best.", "Hm, no. {w} is my favorite {c}, not {v}.",
    "Let me correct that: my favorite {c} is {w}.",
)
_CHANGE_REPLIES = (
    "All right, {w} instead of {v}.", "Noted: your favorite {c} is {w}, not {v}.", "No problem{to}, I'll remember {w}.",
    "Okay, so it's {w} now.", "Got it, {w} it is.", "Thanks for telling me. {w:c}, then.",
)
_CHECK_ASKS = (
    "My favorite {c} is {x}, right?", "I said my favorite {c} is {x}, didn't I?", "Is my favorite {c} {x}?",
    "Did I say my favorite {c} was {x}?", "You remember that my favorite {c} is {x}, yes?", "So my favorite {c} was {x}?",
)
_CHECK_YES = (
    "Yes, your favorite {c} is {v}.", "Right, {v}.", "Yes, that's what you told me.", "Exactly{to}, {v}.",
    "That's right, you said {v}.",
)
_CHECK_NO = (
    "No, you told me it's {v}.", "You said {v}, not {x}.", "I remember it differently: {v}.",
    "No{to}, your favorite {c} is {v}.", "Not {x}. You said it was {v}.",
)
_BOTH_ASKS = (
    "What are my favorite {c} and my favorite {d}?", "Do you remember my favorite {c} and {d}?",
    "Now tell me my favorite {c} and {d}.", "Which {c} and which {d} do I like best?", "My favorite {c} and {d}, please?",
    "What did I say about my favorite {c} and {d}?",
)
_BOTH_ANSWERS = (
    "Your favorite {c} is {v}, and your favorite {d} is {w}.", "{v:c} is your favorite {c} and {w} is your favorite {d}.",
    "You like {v} and {w} best.", "The {c} is {v}, the {d} is {w}.", "You told me {v} for the {c} and {w} for the {d}{to}.",
    "{v:c} and {w}.",
)
_MAYBE_TOLD = (
    "Okay, it's {v}.", "It's {v}.", "{v}!", "My favorite {c} is {v}.", "{v}, I think.", "I like {v} best.", "Well, {v}.",
)
_RECALL_LEADS = ("", "", "", "", "Quick test: ", "Let's see if you listened. ", "Now tell me, ", "And ")
_DAILY = frozenset({"plan", "list"})
# fmt: on


def _recall_asks(chat: Chat, asks: Sequence[str]) -> list[str]:
    """The questions, some of them with a lead such as "Quick test"."""
    lead = chat.rng.choice(_RECALL_LEADS) if chat.begun else ""
    if not lead:
        return list(asks)
    fit = ("What", "Which", "Who", "Where", "When", "How", "In which", "On which")
    kept = [ask for ask in asks if ask.startswith(fit if lead == "Now tell me, " else (*fit, "Do "))]
    if not kept:
        return list(asks)
    return [lead + (ask if lead.endswith(". ") else ask[0].lower() + ask[1:]) for ask in kept]


def pause(chat: Chat, keep: int = 1, quiet: bool = False) -> None:
    """Exchanges about other things, until only `keep` are left; the first may be merged into what was said before."""
    first = chat.begun
    while chat.left > keep:
        (quiet_aside if quiet else aside)(chat)
        if first and chat.chance(0.3):
            chat.merge()
        first = False


def recall(chat: Chat, asks: Sequence[str], replies: Sequence[str], /, **slots: object) -> None:
    """The question for something told before."""
    chat.exchange(_recall_asks(chat, asks), replies, **slots)


def _tell_favorite(chat: Chat, kind: str) -> str:
    value = chat.rng.choice(FAVORITES[kind])
    chat.exchange(FAVORITE_TELLS, FAVORITE_REPLIES, c=kind, v=value)
    return value


def _kind(chat: Chat) -> str:
    return chat.pick(tuple(FAVORITES))


def favorite(chat: Chat) -> None:
    """A favorite thing told, and recalled later."""
    kind = _kind(chat)
    value = _tell_favorite(chat, kind)
    ending = chat.length > 3 and chat.chance(0.25)
    pause(chat, keep=1 + ending)
    if chat.chance(0.2):
        right = chat.chance(0.5)
        other = value if right else chat.rng.choice([other for other in FAVORITES[kind] if other != value])
        chat.exchange(_CHECK_ASKS, _CHECK_YES if right else _CHECK_NO, c=kind, v=value, x=other)
    else:
        recall(chat, FAVORITE_ASKS, FAVORITE_ANSWERS, c=kind, v=value)


def changed(chat: Chat) -> None:
    """A favorite thing told, then corrected; the new one counts."""
    chat.length = max(chat.length, 3)
    kind = _kind(chat)
    value = _tell_favorite(chat, kind)
    new = chat.rng.choice([other for other in FAVORITES[kind] if other != value])
    chat.exchange(_CHANGE_TELLS, _CHANGE_REPLIES, c=kind, v=value, w=new)
    pause(chat)
    recall(chat, FAVORITE_ASKS, FAVORITE_ANSWERS, c=kind, v=new)


def both(chat: Chat) -> None:
    """Two favorites told, and asked for together or one after the other."""
    chat.length = 4
    first, second = _kind(chat), _kind(chat)
    values = _tell_favorite(chat, first), _tell_favorite(chat, second)
    if chat.chance(0.4):
        chat.merge()
    order = [0, 1]
    chat.rng.shuffle(order)
    if chat.chance(0.5):
        pause(chat)
        kinds = first, second
        a, b = order
        chat.exchange(_BOTH_ASKS, _BOTH_ANSWERS, c=kinds[a], d=kinds[b], v=values[a], w=values[b])
    else:
        pause(chat, keep=2)
        for index in order[: chat.left]:
            recall(chat, FAVORITE_ASKS, FAVORITE_ANSWERS, c=(first, second)[index], v=values[index])


def untold(chat: Chat) -> None:
    """Something asked that was never told; for a favorite, told then and asked again."""
    if chat.chance(0.5):
        kind = _kind(chat)
        value = chat.rng.choice(FAVORITES[kind])
        if chat.length > 3:
            aside(chat)
        elif chat.length == 3 and chat.chance(0.5):
            other = _kind(chat)
            _tell_favorite(chat, other)
        replies = [reply for reply in FAVORITE_UNKNOWN if reply.endswith("?") or chat.left < 2]
        recall(chat, FAVORITE_ASKS, replies, c=kind)
        if chat.left:
            chat.exchange(_MAYBE_TOLD, FAVORITE_REPLIES, c=kind, v=value)
        if chat.left:
            pause(chat)
            recall(chat, FAVORITE_ASKS, FAVORITE_ANSWERS, c=kind, v=value)
        return
    memory = chat.pick([memory for memory in MEMORIES if memory.unknown])
    others = [other for other in MEMORIES if other is not memory and {other.name, memory.name} != {"list", "place"}]
    if chat.left > 1:
        _tell(chat, chat.pick(others))
    pause(chat, quiet=True)
    assert memory.unknown is not None
    recall(chat, *memory.unknown)


def _tell(chat: Chat, memory: Memory) -> dict[str, object]:
    """Tells a memory and returns its slots."""
    slots: dict[str, object] = {key: chat.rng.choice(values) for key, values in memory.slots.items()}
    if memory.name == "sibling":
        slots["n"] = name_of(str(slots["r"]), chat.rng)
    slots |= {f"{key}2": yours(str(value)) for key, value in slots.items()}
    chat.exchange(memory.tells, memory.replies, **slots)
    return slots


def told(chat: Chat) -> None:
    """A fact told and recalled, from one of its sides or from both."""
    memory = chat.pick(MEMORIES)
    slots = _tell(chat, memory)
    twice = len(memory.recalls) > 1 and chat.length > 3 and chat.chance(0.4)
    ending = not twice and chat.length > 3 and chat.chance(0.2)
    pause(chat, keep=1 + twice + ending, quiet=memory.name in _DAILY)
    recalls = list(memory.recalls)
    chat.rng.shuffle(recalls)
    for asks, replies in recalls[: 1 + twice]:
        recall(chat, asks, replies, **slots)


def two_told(chat: Chat) -> None:
    """Two facts of different kinds told, one or both recalled."""
    chat.length = 4
    first, second = chat.rng.sample(MEMORIES, 2)
    slots = [_tell(chat, first), _tell(chat, second)]
    if chat.chance(0.4):
        chat.merge()
    order = [0, 1]
    chat.rng.shuffle(order)
    pause(chat, keep=chat.rng.choice((1, 2)), quiet=True)
    for index in order[: chat.left]:
        asks, replies = chat.rng.choice((first, second)[index].recalls)
        recall(chat, asks, replies, **slots[index])


def preferred(chat: Chat) -> None:
    """One thing preferred to another, and asked for later."""
    liked, other = chat.pick(PAIRS)
    if chat.chance(0.5):
        liked, other = other, liked
    a, b = (liked, other) if chat.chance(0.5) else (other, liked)
    slots = {"x": Word(liked), "y": Word(other), "a": Word(a), "b": Word(b)}
    chat.exchange(PAIR_TELLS, PAIR_REPLIES, **slots)
    pause(chat)
    recall(chat, PAIR_ASKS, PAIR_ANSWERS, **slots)


_MIX: tuple[tuple[Callable[[Chat], None], int], ...] = (
    (favorite, 7),
    (told, 10),
    (two_told, 4),
    (both, 3),
    (changed, 2),
    (untold, 4),
    (preferred, 4),
)


def compose(chat: Chat) -> None:
    """A fact told and recalled, with other talk in between."""
    chat.length = max(chat.length, 3) if chat.chance(0.9) else 2
    chat.one_of(_MIX)
    if chat.left:
        close(chat)
