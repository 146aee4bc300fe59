"""Generators of short conversations, a module for each family of skills.

What varies is drawn from tables: names, numbers, facts, wordings of questions and of answers. A model that has seen enough
of it learns the skill, such as to say the name that it was told, and not a sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import (
    calendar,
    detours,
    facts,
    families,
    identity,
    mixtures,
    names,
    recall,
    requests,
    smalltalk,
    spelling,
    sums,
    talks,
    unanswered,
    unknowns,
)
from .chat import Chat


@dataclass(frozen=True)
class Family:
    """A kind of conversations: what composes one, and how large its share of all generated ones is."""

    compose: Callable[[Chat], None]
    share: float


def _unknown(chat: Chat) -> None:
    """A chat with more than one question that nobody could answer from here."""
    while chat.left:
        unknowns.ask(chat) if chat.chance(0.6) else facts.one(chat)


FAMILIES: Mapping[str, Family] = {
    "names": Family(names.compose, 0.3),
    "recall": Family(recall.compose, 0.3),
    "families": Family(families.compose, 0.4),
    "sums": Family(sums.compose, 0.8),
    "facts": Family(facts.compose, 0.5),
    "unknowns": Family(_unknown, 0.03),
    "calendar": Family(calendar.compose, 0.06),
    "identity": Family(identity.compose, 0.3),
    "spelling": Family(spelling.compose, 0.05),
    "smalltalk": Family(smalltalk.compose, 0.07),
    "feelings": Family(mixtures.feelings, 0.05),
    "mixtures": Family(mixtures.wander, 0.06),
    "everyday": Family(mixtures.everyday, 1.4),
    "drills": Family(mixtures.drill, 0.9),
    "talks": Family(talks.compose, 2.0),
    "detours": Family(detours.compose, 2.0),
    "requests": Family(requests.compose, 8.0),
    "unanswered": Family(unanswered.compose, 2.0),
}
