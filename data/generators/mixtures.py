"""Chats that wander: a greeting, a mood or a topic, questions of all kinds, and a goodbye."""

from . import moods, smalltalk
from .asides import aside
from .chat import Chat
from .closings import close


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
