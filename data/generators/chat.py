"""A conversation in the making: what has been said, what is known, and which words are used up."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from .voice import Voice, sentence_case

T = TypeVar("T")

GREETS = re.compile(r"(hi(ya)?|heya?|hello|good (morning|evening|day|afternoon)|yo|sup|howdy|greetings)\b", re.IGNORECASE)
"""How a message or an answer that greets begins."""

_IRREGULAR = {
    "mouse": "mice",
    "fish": "fish",
    "goldfish": "goldfish",
    "sheep": "sheep",
    "goose": "geese",
    "child": "children",
    "wolf": "wolves",
    "leaf": "leaves",
    "tomato": "tomatoes",
    "potato": "potatoes",
    "knife": "knives",
    "person": "people",
}
_BRIDGES = (
    "Okay, ",
    "Ok, ",
    "By the way, ",
    "Cool, ",
    "Now, ",
    "And ",
    "Anyway, ",
    "Hmm, ",
    "So, ",
    "Nice, ",
    "Thanks, ",
    "One more thing: ",
    "Good to know, ",
    "Alright, ",
    "Oh, and ",
    "Something else: ",
    "Great, ",
    "Ha, okay, ",
    "Next question: ",
    "Right, ",
)
_GREETINGS = (
    "Hi, ",
    "Hello, ",
    "Hey, ",
    "Hi there, ",
    "Good morning, ",
    "Good evening, ",
    "Hey picochat, ",
    "Hello! ",
    "Hi! ",
)
_GREETED = 0.1
_GREETED_BACK = ("Hello! ", "Hi! ", "Hello there! ")
_BRIDGED = 0.35
_ADDRESSED = 0.4


class Word(str):
    """A slot value that knows its forms: `{x:a}` with its article, `{x:s}` plural, `{x:p}` possessive, `{x:c}` capital."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec == "a":
            return with_article(self)
        if spec == "s":
            return plural(self)
        if spec == "p":
            return f"{self}'" if self.startswith("the ") and self.endswith("s") else f"{self}'s"
        if spec == "c":
            return self[:1].upper() + self[1:]
        return str(self)


def with_article(noun: str) -> str:
    """The noun after "a" or "an", by its sound."""
    word = noun.lower()
    if len(word) == 1:
        return f"{'an' if word in 'aefhilmnorsx8' else 'a'} {noun}"
    vowel = word[0] in "aeiou" and not word.startswith(("uni", "use", "uku", "eu", "one"))
    vowel = vowel or word.startswith(("hour", "honest", "8", "11 ", "18 "))
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """The plural of an everyday noun."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def listed(text: str) -> tuple[str, ...]:
    """The words of a text as a table."""
    return tuple(text.split())


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence: one, two and three."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class Chat:
    """One conversation. It grows by exchanges, a user's message and the assistant's answer."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.voice = Voice.draw(rng)
        self.length = rng.choices((1, 2, 3, 4), (4, 24, 38, 34))[0]
        self.name: str | None = None
        self.wishes: list[str] = []
        self.messages: list[str] = []
        self._used: set[object] = set()

    @property
    def left(self) -> int:
        """How many exchanges the conversation still has room for."""
        return self.length - len(self.messages) // 2

    @property
    def begun(self) -> bool:
        """Whether anything has been said."""
        return bool(self.messages)

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self.rng.random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, if possible one that this conversation has not used yet."""
        fresh = [option for option in options if option not in self._used] or list(options)
        choice = self.rng.choice(fresh)
        self._used.add(choice)
        return choice

    def first(self, subject: str) -> bool:
        """Whether this subject comes up for the first time."""
        new = subject not in self._used
        self._used.add(subject)
        return new

    def pick_weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of the options, by weight."""
        return self.rng.choices(options, weights)[0]

    def one_of(self, parts: "Sequence[tuple[Exchange, int]]") -> None:
        """Goes on with one of the parts, by weight."""
        exchanges, weights = zip(*parts, strict=True)
        self.pick_weighted(exchanges, weights)(self)

    def exchange(self, asks: Sequence[str], replies: Sequence[str], /, **slots: object) -> None:
        """Adds a message and its answer, one wording of each with the slots filled in.

        `{to}` in an answer becomes ", Maria" now and then once the name is known.
        """
        self._add(self.pick(asks), replies, slots)

    def turn_to(self, asks: Sequence[str], replies: Sequence[str], /, **slots: object) -> None:
        """Adds an exchange that changes the subject, so that the message may start with a word like "Anyway"."""
        ask = self.pick(asks)
        self._add(self._bridged(ask) if self.begun and self.chance(_BRIDGED) else ask, replies, slots)

    def _add(self, ask: str, replies: Sequence[str], slots: Mapping[str, object]) -> None:
        greeted = not self.begun and not GREETS.match(ask) and self.chance(_GREETED)
        if greeted:
            ask = _after(self.pick(_GREETINGS), ask)
        words = {key: Word(value) for key, value in slots.items()}
        text = self.voice.template(ask, self.rng).format_map(words)
        self.messages.append(self.voice.finish(text))
        # A question in an answer wants an answer itself, so most go where nothing follows, or where only questions fit.
        plain = [reply for reply in replies if not reply.endswith("?")]
        chosen = plain if plain and self.left > 1 and self.chance(0.85) else replies
        reply = self.filled(self.pick(chosen), **slots)
        back = self.pick(_GREETED_BACK) if greeted and not GREETS.match(reply) and self.chance(0.4) else ""
        self.messages.append(back + reply)

    def merge(self) -> None:
        """Makes one exchange of the last two: the user says both things at once and gets both answers."""
        if len(self.messages) < 4:
            return
        ask, reply, second_ask, second_reply = self.messages[-4:]
        if reply.endswith("?") or ("picochat" in reply and "picochat" in second_reply):
            return
        link = " " if ask[-1] in ".?!" else " and " if second_ask.startswith(("i ", "i'm ", "im ", "my ", "we ")) else ". "
        self.messages[-4:] = [f"{ask}{link}{second_ask}", f"{reply} {second_reply}"]

    def filled(self, template: str, /, **slots: object) -> str:
        """The assistant's sentence with its slots filled in."""
        to = f", {self.name}" if self.name and "{to}" in template and self.chance(_ADDRESSED) else ""
        return sentence_case(template.format_map({"to": to} | {key: Word(value) for key, value in slots.items()}))

    def wish(self, template: str, /, **slots: object) -> None:
        """Keeps a kind sentence about something said here, for the goodbye."""
        self.wishes.append(self.filled(template, **slots))

    def text(self) -> str:
        """The conversation in the training format."""
        roles = ("User", "Assistant")
        return "\n".join(f"{roles[number % 2]}: {message}" for number, message in enumerate(self.messages))

    def _bridged(self, ask: str) -> str:
        bridge = self.pick(_BRIDGES)
        if "question" in bridge and not ask.endswith("?"):
            bridge = "Okay, "
        return _after(bridge, ask)


def _after(beginning: str, text: str) -> str:
    """A text with something before it, which ends a sentence or goes on in small letters."""
    keeps_capital = beginning.endswith("! ") or text.startswith(("I ", "I'", "{"))
    return beginning + (text if keeps_capital else text[0].lower() + text[1:])


Exchange = Callable[[Chat], None]
