"""What can be said after anything, read from data/reactions.txt: "lol", "what?", "never mind". The form is that of talks."""

from functools import cache
from pathlib import Path

from .chat import Chat
from .talks import Exchange, parse

FILE = Path(__file__).resolve().parent.parent / "reactions.txt"


@cache
def all_reactions() -> tuple[Exchange, ...]:
    """Messages that fit after anything, and answers that fit after all of them."""
    return tuple(exchange for talk in parse(FILE, ready=()) for exchange in talk.exchanges)


def react(chat: Chat) -> None:
    """One of them."""
    chat.exchange(*chat.pick(all_reactions()))
