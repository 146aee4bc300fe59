"""Talks in which a question of the assistant's is passed over: the user asks, tells or remarks something else instead.

The other conversations answer nearly every question. Who learns them alone takes whatever comes after a question for its
answer, a wish for a joke included; here it is the message that tells what it is.
"""

from collections.abc import Callable

from . import facts, identity, names, requests, smalltalk, sums, themes, unknowns
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

Asks = tuple[str, ...]

# fmt: off
_REACTIONS: tuple[tuple[Asks, Asks], ...] = (
    (("Lol.", "Haha.", "Hahaha!", "Hehe.", "Lol, okay.", "Ha!", "Haha, nice.", "Rofl."),
     ("I'm glad that you laugh.", "Good that it made you laugh.", "Laughing is good for everybody.",
      "I like to make people laugh.", "I'm glad you find it funny.")),
    (("Never mind.", "Forget it.", "It doesn't matter.", "It's not important.", "Let's leave it.", "Forget what I said."),
     ("All right. We can talk about something else.", "Okay. What else is on your mind?", "That's fine. We'll leave it.",
      "No problem. Tell me something else, if you like.")),
    (("I don't want to talk about that.", "Can we talk about something else?", "Let's change the subject.",
      "I'd rather not say.", "That's private.", "That's none of your business.", "Let's talk about something different."),
     ("Of course. What would you like to talk about?", "That's fine. Tell me about something else.",
      "No problem, I won't ask again.", "All right, we'll leave that.", "Sure. You choose what we talk about.")),
    (("Stop asking questions.", "You ask a lot of questions.", "So many questions!", "Why do you ask so much?",
      "Don't ask me so much.", "You always ask something."),
     ("I'm sorry. I'll ask less.", "You're right, sorry. Now you may ask me.", "Sorry! Then ask me something, if you like.",
      "That's true. I'll just listen now.")),
    (("What?", "Huh?", "What do you mean?", "I don't get it.", "I don't understand.", "What are you talking about?",
      "That makes no sense.", "You make no sense.", "What is that supposed to mean?"),
     ("Sorry, that was not clear. Let's start again.", "I'm sorry. I'm a small program and mix things up.",
      "Sorry, that came out wrong. Please say it once more.", "I'm sorry. Say it in other words, and I'll try again.")),
    (("I don't know.", "No idea.", "Dunno.", "Hard to say.", "I'm not sure.", "I have no idea."),
     ("That's all right.", "That's fine. You don't have to know.", "No problem. We can talk about something else.",
      "Then we leave it open.")),
    (("Hm.", "Hmm.", "Meh.", "Whatever.", "Boring.", "This is boring.", "You're boring."),
     ("We can talk about something else, if you like.", "Then let's try something else. You choose.",
      "I'm sorry. What would you like to talk about?", "Would you like a joke or a riddle?")),
    (("Why?", "Why do you ask?", "Why do you want to know?", "Why do you care?", "How come you ask?"),
     ("I like to hear more, that's all.", "Only because it interests me. You don't have to say.",
      "I just wanted to know a little more.", "So that we have something to talk about.")),
    (("You're dumb.", "You're stupid.", "You're useless.", "That was a stupid question.", "You're not very smart."),
     ("I'm sorry. I'm a small program and make mistakes.", "I'm sorry that I'm not better at this.",
      "Maybe. I'm only a small program.", "I do my best. I'm sorry that it's not more.")),
    (("You're funny.", "You're nice.", "I like you.", "You're cool.", "I love you.", "You're sweet.", "Good bot."),
     ("Thank you, that's kind.", "Thank you! I like talking with you.", "That's kind of you.", "Thanks, I'm glad.")),
    (("Thanks.", "Thank you.", "Thank you!", "Okay, thanks.", "Thx."),
     ("You're welcome.", "You're welcome. I'm here if you need more.", "Gladly.", "No problem at all.")),
    (("Wait.", "One moment.", "Hold on.", "Just a second.", "Be right back."),
     ("Take your time.", "I'll wait here.", "No hurry.", "Of course. I'll be here.")),
    (("Hi.", "Hello.", "Hey.", "Hello?", "Are you there?", "Are you still there?", "Hello, anybody there?"),
     ("Hello! I'm still here.", "Yes, I'm here.", "I'm here. Go on.", "Hello again!")),
    (("Bye.", "Goodbye.", "I have to go.", "Good night.", "I'm off now.", "See you."),
     ("Goodbye! Take care.", "Bye! It was nice to talk.", "See you! Come back whenever you like.",
      "Goodbye! Thanks for the talk.")),
)
"""Messages that fit after anything, and answers that fit after all of them."""
# fmt: on

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


def _reaction(chat: Chat) -> None:
    chat.exchange(*chat.rng.choice(_REACTIONS))


_ELSE: tuple[tuple[Exchange, int], ...] = (
    (_first_written, 10),
    (_reaction, 5),
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
