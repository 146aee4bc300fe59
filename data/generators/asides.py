"""Single exchanges about something else: what is said between telling a thing and asking for it."""

from . import calendar, facts, identity, requests, smalltalk, spelling, sums, unknowns
from .chat import Chat, Exchange

_ASIDES: tuple[tuple[Exchange, int], ...] = (
    (smalltalk.remark, 8),
    (facts.one, 4),
    (sums.one, 4),
    (requests.ask, 4),
    (smalltalk.taste, 2),
    (smalltalk.curiosity, 1),
    (calendar.one, 2),
    (spelling.ask, 2),
    (identity.ask, 2),
    (unknowns.ask, 1),
    (smalltalk.bored, 1),
)


_QUIET: tuple[tuple[Exchange, int], ...] = (
    (facts.one, 4),
    (sums.one, 4),
    (calendar.one, 2),
    (spelling.ask, 2),
    (smalltalk.curiosity, 1),
)


def quiet_aside(chat: Chat) -> None:
    """One exchange in which the user tells nothing of himself."""
    chat.one_of(_QUIET)


def aside(chat: Chat) -> None:
    """One exchange about anything, unrelated to what came before."""
    chat.one_of(_ASIDES)
