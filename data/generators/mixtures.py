"""Chats that wander: a greeting, a mood or a topic, questions of all kinds, and a goodbye. Drills, which don't."""

from . import calendar, facts, moods, names, numbers, smalltalk, spelling, sums, themes
from .asides import aside
from .chat import Chat, Exchange
from .closings import close

_DRILLS: tuple[tuple[Exchange, int], ...] = (
    (facts.ask, 10),
    (facts.row, 8),
    (facts.ability, 1),
    (facts.amount, 2),
    (sums.row, 8),
    (sums.story, 2),
    (numbers.count, 2),
    (calendar.one, 6),
    (spelling.ask, 4),
)
_MOST_DRILLS = 3


def feelings(chat: Chat) -> None:
    """A mood with its cause, and what the talk turns to then."""
    if chat.length > 2 and chat.chance(0.2):
        smalltalk.hello(chat)
    moods.feel(chat)
    while chat.left > 1:
        smalltalk.bored(chat) if chat.chance(0.15) else smalltalk.joke(chat) if chat.chance(0.4) else aside(chat)
    if chat.left:
        close(chat) if chat.chance(0.7) else aside(chat)


def wander(chat: Chat) -> None:
    """Any exchanges in a row, closed by thanks or a goodbye."""
    chat.length = max(chat.length, 2)
    if chat.chance(0.3):
        smalltalk.how_are_you(chat)
    while chat.left > 1:
        smalltalk.talk(chat) if chat.left > 2 and chat.chance(0.4) else aside(chat)
    if chat.left:
        close(chat)


def everyday(chat: Chat) -> None:
    """One theme of everyday talk or two; now and then the user's name, something else in between, and a goodbye."""
    chat.length = chat.rng.choices((chat.rng.randint(1, 7), chat.rng.randint(8, 14)), (3, 1))[0]
    if chat.length > 3 and chat.chance(0.3):
        names.introduce(chat)
    elif chat.length > 2 and chat.chance(0.1):
        smalltalk.hello(chat)
    while chat.left > 1:
        themes.thread(chat)
        if chat.left > 1 and chat.chance(0.3):
            aside(chat)
    if chat.left and chat.name and chat.chance(0.5):
        names.ask_back(chat, chat.name)
    elif chat.left and chat.begun and chat.chance(0.4):
        close(chat)
    elif chat.left:
        themes.thread(chat)


def drill(chat: Chat) -> None:
    """Short questions with one right answer and little around them, so that most of what is read is the answer."""
    chat.length = chat.rng.randint(1, _MOST_DRILLS)
    while chat.left:
        chat.one_of(_DRILLS)
