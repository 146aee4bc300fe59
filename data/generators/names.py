"""The user's name: told, recalled, corrected, missing, and used to greet."""

from collections.abc import Callable

from .asides import quiet_aside
from .chat import Chat
from .closings import close
from .identity import own_name
from .people import NAMES, PET_NAMES, RELATIVES, invented, name_of
from .recall import pause, recall

# fmt: off
_TELLS = ("My name is {n}.", "I'm {n}.", "I am {n}.", "Call me {n}.", "You can call me {n}.", "Hi, {n} here.",
          "My name's {n}.", "Hello, I'm {n}.", "Hi! My name is {n}.", "People call me {n}.", "It's me, {n}.",
          "{n} is my name.", "I go by {n}.", "Everyone calls me {n}.", "My friends call me {n}.", "Hey, this is {n}.",
          "The name's {n}.", "Good morning, I'm {n}.", "Let me introduce myself: I'm {n}.", "By the way, I'm {n}.",
          "Hey there, {n} speaking.", "Just so you know, my name is {n}.")
_REPLIES = ("Hi, {n}! Nice to meet you.", "Hello, {n}!", "Nice to meet you, {n}.", "Pleased to meet you, {n}. I'm picochat.",
            "Hi {n}! I'm picochat.", "Welcome, {n}!", "Hello {n}, good to have you here.", "Hey {n}, it's a pleasure.",
            "{n}, what a nice name! I'm picochat.", "Good to meet you, {n}. I'll remember your name.", "Hi there, {n}!",
            "A warm hello to you, {n}.", "Hello, {n}. Lovely to meet you.", "{n}! I'll remember that in this chat.")
_TELLS_BOTH = (
    "I'm {n}. What's your name?", "My name is {n}, and yours?", "Hi, I'm {n}, who are you?", "{n} here. And you are?",
    "I'm {n}, and you?", "My name is {n}. What are you called?",
)
_REPLIES_BOTH = (
    "Hi, {n}! I'm picochat, a small language model.", "Nice to meet you, {n}. My name is picochat.",
    "Hello, {n}! You can call me picochat.", "I'm picochat. Good to meet you, {n}!", "My name is picochat. Welcome, {n}!",
    "Hi {n}, I'm called picochat.",
)
_HELLOS = ("Hi!", "Hello.", "Hey!", "Hi there.", "Good evening.", "Hello picochat!", "Good afternoon.")
_ASKED = (
    "Hello! What's your name?", "Hi! Who am I talking to?", "Hi there! What may I call you?",
    "Hello! I'm picochat. And you are?", "Hey! I'm picochat, what's your name?",
    "Hello, nice to meet you! What's your name?",
)
_SHORT_TELLS = ("{n}", "{n}.", "I'm {n}.", "It's {n}.", "My name is {n}.", "{n}!", "Call me {n}.")

_ASKS = ("What's my name?", "What is my name?", "Do you remember my name?", "Do you still know my name?",
         "What was my name again?", "Who am I?", "What did I say my name was?", "Can you tell me my name?",
         "Do you know who I am?", "Say my name.", "Do you know my name?", "Remember my name?", "What am I called?",
         "Tell me my name.", "And what's my name?", "How am I called?", "Have you forgotten my name?",
         "Do you recall what my name is?")
_ANSWERS = ("Your name is {n}.", "You're {n}.", "You told me your name is {n}.", "You are {n}. I remember.",
            "{n}! You told me.", "It's {n}, you told me so in this chat.", "I remember: you're {n}.",
            "Your name is {n}, of course.", "{n}, that's your name.", "I know it: {n}.", "You said your name is {n}.",
            "It's {n}. A name worth remembering.")
_UNKNOWN = (
    "You haven't told me your name yet. What is it?", "I don't know your name yet. What should I call you?",
    "I don't know it, you haven't said. What's your name?", "You didn't tell me so far. Who are you?",
    "I can't know that until you tell me. What's your name?", "No name has come up yet. What's yours?",
)
_OTHER_TELLS = (
    "My {r} is called {m}.", "My {r:p} name is {m}.", "I have {r:a} called {m}.", "{m} is my {r}.",
    "I'm here with my {r} {m}.", "I live with my {r}, {m}.", "My {r} {m} says hello.",
)
_OTHER_REPLIES = (
    "{m} is a nice name. Say hello!", "Hello to {m}!", "Greetings to {m}, your {r}.", "Nice to hear about {m}.",
    "I'll remember that your {r} is {m}.", "Good to know: {m} is your {r}.",
)
_OTHER_UNKNOWN = (
    "You told me about {m}, your {r}, but not your own name. What is it?",
    "I only know that your {r} is {m}. What's your name?",
    "Your {r} is {m}, but you haven't told me your own name. Who are you?",
    "I know {m}, but not your name yet. What should I call you?",
    "That you haven't told me. I just know your {r} is called {m}. What's your name?",
)
_OTHER_ASKS = (
    "And what's my {r:p} name?", "What is my {r} called?", "And my {r}?", "Do you remember my {r:p} name?",
    "What was my {r:p} name?", "What's the name of my {r}?", "And who is {m}?",
)
_OTHER_ANSWERS = (
    "Your {r} is {m}.", "Your {r} is called {m}.", "{m} is your {r}.", "That's {m}, your {r}.",
    "You told me your {r} is called {m}.", "{m}, your {r}.",
)

_PAIR_TELLS = (
    "I'm {n} and this is my {r} {m}.", "We are {n} and {m}. {m} is my {r}.", "My name is {n} and my {r} is called {m}.",
    "Hi, {n} here, with my {r} {m}.", "I'm {n}, sitting next to my {r} {m}.", "I'm {n}. My {r} {m} is here too.",
    "Two of us today: I'm {n}, and {m} is my {r}.",
)
_PAIR_REPLIES = (
    "Hello, {n} and {m}!", "Nice to meet you both, {n} and {m}.", "Hi, {n}! And a warm hello to {m}.",
    "Welcome, {n} and {m}!", "Two new friends, {n} and {m}. Hello!", "Hello to you both, {n} and {m}. I'm picochat.",
)
_TURN_TELLS = (
    "Now {m} is typing.", "It's {m} now.", "{m} here now.", "Now it's me, {m}.", "{m} wants to write too, here I am.",
    "Hi, now I'm {m}.",
)
_TURN_REPLIES = (
    "Hi, {m}! Nice that you write too.", "Hello, {m}! {n} told me about you.", "Welcome, {m}! Now it's your turn.",
    "Hello {m}! And greetings to {n}.", "Hi {m}, good to meet you. What would you like to do?",
)

_FIX_TELLS = (
    "Sorry, I meant {n}.", "Oops, typo. It's {n}.", "No, my name is {n}, not {m}.", "Wait, that's wrong. I'm {n}.",
    "I was joking, my real name is {n}.", "Actually, it's {n}.", "Please call me {n} instead.",
    "That's my last name. My first name is {n}.", "Not {m}, {n}!", "I'd rather be called {n}.",
)
_FIX_REPLIES = (
    "Sorry, {n}! Now I have it right.", "Thanks for the correction, {n}.", "All right, {n} it is.", "Got it: {n}, not {m}.",
    "No problem, {n}!", "Then hello again, {n}!", "{n}, noted. Thanks for telling me.",
)

_CHECK_ASKS = (
    "Is my name {x}?", "My name is {x}, right?", "Am I {x}?", "I'm called {x}, aren't I?", "Did I say my name is {x}?",
    "You know I'm {x}, don't you?", "So you think I'm {x}?",
)
_CHECK_YES = (
    "Yes, you're {n}.", "Yes, your name is {n}.", "That's right, {n}.", "Yes, that's what you told me, {n}.",
    "Right, you're {n}.",
)
_CHECK_NO = (
    "No, you told me your name is {n}.", "You said you're {n}, not {x}.", "As far as I know you're {n}.",
    "No, you're {n}, unless you changed your mind.", "Not {x}. You told me {n}.",
)

_LETTER_ASKS = (
    "What's the first letter of my name?", "Which letter does my name start with?", "What letter does my name begin with?",
    "Tell me the first letter of my name.", "My name starts with which letter?", "First letter of my name?",
)
_LETTER_ANSWERS = (
    "Your name is {n}, so it starts with {l}.", "{n} starts with {l}.", "It's {l}, because you're {n}.", "{l}, as in {n}.",
    "The first letter of {n} is {l}.",
)
_SPELL_ASKS = (
    "Spell my name.", "Can you spell my name?", "How do you spell my name?", "Please spell my name for me.",
    "What are the letters of my name?", "How is my name spelled?",
)
_SPELL_ANSWERS = ("{n} is spelled {s}.", "{s}, {n}.", "Your name is {n}: {s}.", "It's {s}.", "{n}: {s}.")
_HELLO_ASKS = (
    "Say hello to me.", "Greet me by my name.", "Say hi to me!", "Can you say hello to me?", "Wish me a good day.",
    "Say something nice to me.",
)
_HELLO_ANSWERS = (
    "Hello, {n}! I wish you a good day.", "Hi, {n}! It's good to chat with you.", "Hello there, {n}! You're good company.",
    "A good day to you, {n}!", "With pleasure: hello, {n}, and have a nice day!",
)
# fmt: on


def _draw(chat: Chat) -> str:
    return invented(chat.rng) if chat.chance(0.3) else chat.pick(NAMES)


def introduce(chat: Chat) -> str:
    """The user gives his name, of himself or when asked; returns it."""
    name = _draw(chat)
    if chat.left > 3 and chat.chance(0.25):
        chat.exchange(_HELLOS, _ASKED)
        chat.exchange(_SHORT_TELLS, _REPLIES, n=name)
    elif chat.chance(0.2):
        chat.exchange(_TELLS_BOTH, _REPLIES_BOTH, n=name)
    else:
        chat.exchange(_TELLS, _REPLIES, n=name)
    chat.name = name
    return name


def ask_back(chat: Chat, name: str) -> None:
    """A question about the name that was told."""
    draw = chat.rng.random()
    if draw < 0.68:
        recall(chat, _ASKS, _ANSWERS, n=name)
    elif draw < 0.82:
        right = chat.chance(0.5)
        chat.exchange(_CHECK_ASKS, _CHECK_YES if right else _CHECK_NO, n=name, x=name if right else _draw(chat))
    elif draw < 0.88:
        chat.exchange(_LETTER_ASKS, _LETTER_ANSWERS, n=name, l=name[0])
    elif draw < 0.94:
        chat.exchange(_SPELL_ASKS, _SPELL_ANSWERS, n=name, s="-".join(name.upper()))
    else:
        chat.exchange(_HELLO_ASKS, _HELLO_ANSWERS, n=name)


def simple(chat: Chat) -> None:
    """Told, then other talk, then asked."""
    name = introduce(chat)
    ending = chat.left > 2 and chat.chance(0.35)
    pause(chat, keep=1 + ending)
    ask_back(chat, name)


def greeted(chat: Chat) -> None:
    """Told, other talk, and a goodbye by name."""
    name = introduce(chat)
    pause(chat)
    close(chat)
    if name not in chat.messages[-1]:
        head, mark, tail = chat.messages[-1].partition(".") if "." in chat.messages[-1] else chat.messages[-1].partition("!")
        chat.messages[-1] = f"{head}, {name}{mark}{tail}"


def missing(chat: Chat) -> None:
    """Asked before it was told; then told and asked again."""
    if chat.length > 3 and chat.chance(0.5):
        quiet_aside(chat)
    recall(chat, _ASKS, _UNKNOWN)
    if chat.left:
        chat.name = _draw(chat)
        chat.exchange(_SHORT_TELLS, _REPLIES, n=chat.name)
    if chat.left and chat.name:
        pause(chat)
        ask_back(chat, chat.name)


def mistaken(chat: Chat) -> None:
    """Somebody else's name was told, a pet's or a relative's, but not the user's own."""
    role, other = _somebody(chat)
    chat.exchange(_OTHER_TELLS, _OTHER_REPLIES, r=role, m=other)
    if chat.length > 3 and chat.chance(0.5):
        quiet_aside(chat)
    recall(chat, _ASKS, _OTHER_UNKNOWN, r=role, m=other)
    if chat.left:
        chat.name = _draw(chat)
        chat.exchange(_SHORT_TELLS, _REPLIES, n=chat.name)
    if chat.left and chat.name:
        if chat.chance(0.5):
            chat.exchange(_OTHER_ASKS, _OTHER_ANSWERS, r=role, m=other)
        else:
            ask_back(chat, chat.name)


def _somebody(chat: Chat) -> tuple[str, str]:
    if chat.chance(0.5):
        return chat.rng.choice(("dog", "cat", "rabbit", "parrot", "hamster", "turtle")), chat.rng.choice(PET_NAMES)
    role = chat.rng.choice(RELATIVES)
    return role, _relative(chat, role)


def _relative(chat: Chat, role: str) -> str:
    """A relative's name, other than the user's own."""
    while (name := name_of(role, chat.rng)) == chat.name:
        pass
    return name


def own_and_other(chat: Chat) -> None:
    """The user's name and another one told, and both asked for."""
    chat.length = 4
    name = introduce(chat) if chat.chance(0.5) else ""
    role, other = _somebody(chat)
    if name:
        chat.exchange(_OTHER_TELLS, _OTHER_REPLIES, r=role, m=other)
        chat.merge()
    else:
        name = chat.name = _draw(chat)
        role = chat.rng.choice(RELATIVES)
        other = _relative(chat, role)
        chat.exchange(_PAIR_TELLS, _PAIR_REPLIES, n=name, r=role, m=other)
    pause(chat, keep=min(2, chat.left))
    asks: list[Callable[[], None]] = [
        lambda: recall(chat, _ASKS, _ANSWERS, n=name),
        lambda: chat.exchange(_OTHER_ASKS, _OTHER_ANSWERS, r=role, m=other),
    ]
    chat.rng.shuffle(asks)
    for ask in asks[: chat.left]:
        ask()


def turns(chat: Chat) -> None:
    """Two people, and the second one takes over the keyboard."""
    chat.length = 4
    name = chat.name = _draw(chat)
    role = chat.rng.choice(RELATIVES)
    other = _relative(chat, role)
    chat.exchange(_PAIR_TELLS, _PAIR_REPLIES, n=name, m=other, r=role)
    quiet_aside(chat)
    chat.exchange(_TURN_TELLS, _TURN_REPLIES, n=name, m=other)
    chat.name = other
    chat.exchange(_ASKS, _ANSWERS, n=other)


def corrected(chat: Chat) -> None:
    """A wrong name, put right; the new one counts."""
    chat.length = max(chat.length, 3)
    wrong, name = _draw(chat), _draw(chat)
    chat.exchange(_TELLS, _REPLIES, n=wrong)
    chat.exchange(_FIX_TELLS, _FIX_REPLIES, n=name, m=wrong)
    chat.name = name
    pause(chat)
    ask_back(chat, name)


def yours_and_mine(chat: Chat) -> None:
    """The assistant's name and the user's, not to be mixed up."""
    chat.length = max(chat.length, 3)
    name = introduce(chat)
    pause(chat, keep=2)
    parts: list[Callable[[], None]] = [lambda: own_name(chat), lambda: recall(chat, _ASKS, _ANSWERS, n=name)]
    chat.rng.shuffle(parts)
    for part in parts[: chat.left]:
        part()


_MIX: tuple[tuple[Callable[[Chat], None], int], ...] = (
    (simple, 12),
    (greeted, 4),
    (missing, 4),
    (mistaken, 3),
    (own_and_other, 4),
    (turns, 2),
    (corrected, 3),
    (yours_and_mine, 3),
)


def compose(chat: Chat) -> None:
    """A name told and used."""
    chat.length = max(chat.length, 3) if chat.chance(0.9) else 2
    chat.one_of(_MIX)
    if chat.left:
        close(chat)
