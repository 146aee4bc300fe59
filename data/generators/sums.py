"""Small sums, always right: in digits and in words, as bare numbers and as stories about things."""

from collections.abc import Callable
from dataclasses import dataclass

from .chat import Chat, plural
from .numbers import compare, count, written

# fmt: off
_WHAT_IS = ("What is {q}?", "What's {q}?", "How much is {q}?", "{q}?", "Can you tell me what {q} is?",
            "Do you know what {q} is?", "{q} = ?", "Can you do {q}?", "Tell me {q}.", "Quick, {q}!", "I need to know {q}.",
            "What do I get for {q}?", "{q} makes what?", "Please work out {q}.")
# the sum itself comes first: an answer that repeats the question is easier to learn than one that blurts out the result
_THAT_IS = ("{q} is {r}.", "{q} is {r}{to}.", "{q} makes {r}.")
_AND_ASKS = (
    "And {q}?", "Ok, and {q}?", "Now {q}.", "What about {q}?", "And what is {q}?", "{q}?", "Next: {q}.", "How about {q}?",
    "Then what's {q}?", "And {q}, please?",
)
_CLAIM_ASKS = (
    "Is {q} equal to {g}?", "I think {q} is {g}.", "{q} is {g}, right?", "My answer for {q} is {g}. Correct?",
    "{q} makes {g}, doesn't it?", "I say {q} is {g}.", "So {q} would be {g}?",
)
_CLAIM_RIGHT = (
    "Yes, {q} is {r}.", "That's right, {q} is {r}. Well done{to}!", "Correct{to}! {q} is {r}.", "Exactly, {r}.",
    "Yes, {r} is right. Good work{to}!", "You got it: {q} is {r}.",
)
_CLAIM_WRONG = (
    "Almost! {q} is {r}, not {g}.", "Not quite: {q} is {r}.", "No, {q} is {r}. You were close{to}.",
    "Good try{to}, but {q} is {r}.", "Close! It's {r}, not {g}.", "Let's check: {q} is {r}, so {g} is not right.",
)
_QUIZ_ASKS = ("Give me a sum.", "Ask me a sum.", "Quiz me with numbers.", "Can you give me a math problem?", "Test my math.",
              "I want to practice math.", "Ask me something with numbers.", "Give me an easy sum, please.",
              "Let's practice sums.", "My homework is math. Quiz me!")
_QUIZ_POSED = (
    "Sure! What is {q}?", "All right{to}: what is {q}?", "Here's one: {q}?", "Let's go. How much is {q}?",
    "Gladly{to}. What is {q}?", "Okay, try this: what's {q}?",
)
_TRY = ("{g}", "{g}?", "Is it {g}?", "It's {g}.", "{g}!", "I think {g}.", "That's {g}.", "Hmm, {g}?", "The answer is {g}.")
_NEXT = (" Next one: what is {q2}?", " And {q2}?", " Another one: {q2}?", " What about {q2}?", " Now try this: {q2}?")
_HARD_ASKS = (
    "What is {q}?", "How much is {q}?", "Can you work out {q}?", "What's {q}?", "{q}?", "I need {q}.", "Calculate {q}.",
    "Tell me {q}, please.",
)
_HARD_REPLIES = (
    "That is too big a sum for me to do reliably.", "That's too big for me{to}. A calculator will do it better.",
    "I don't know, that sum is too big for me. I'm fine with small numbers.",
    "Numbers like {n} are too big for me, I'd only be guessing. Please use a calculator.",
    "I'd rather not guess at {q}. Small sums are my size.",
    "That sum is bigger than I am{to}. I can do small ones reliably.",
    "I can't do that one reliably. Give me a sum with small numbers and I'll try.",
)

_THINGS = ("apple", "cookie", "marble", "sticker", "pencil", "balloon", "book", "banana", "egg", "shell", "toy car",
           "candle", "strawberry", "flower", "button", "coin", "orange", "muffin", "star", "stone", "block", "card",
           "carrot", "plum", "ticket")
_GIVERS = ("my friend", "my mom", "my brother", "my sister", "my grandpa", "my teacher", "my aunt", "my dad")
_MORE = (
    "I have {a} and get {b} more. How many {t} do I have?",
    "I have {a}, then {who} gives me {b} more. How many are there now?",
    "There are {a} on the table and I add {b}. How many {t} is that?",
    "If I have {a} and find {b} more, how many do I have?", "I've got {a}, {who} has {b}. How many {t} together?",
    "{a} are in the box and {b} more are on the shelf. How many in all?",
    "I picked {a} in the morning and {b} in the evening. How many {t}?",
)
_LESS = (
    "I have {a} and give away {b}. How many {t} are left?", "There were {a} and I lost {b}. How many are still there?",
    "I had {a}, then {who} took {b}. How many {t} do I have now?", "If I have {a} and use {b}, how many {t} remain?",
    "{a} were on the table and {b} fell down. How many are left?",
    "I got {a} today but gave {b} to {who}. How many {t} are left for me?", "I had {a}. {b} are gone. How many {t} now?",
)
_TIMES = (
    "I have {a} bags with {b} {t} in each. How many {t} is that?",
    "There are {a} boxes, and each one holds {b} {t}. How many {t} in all?",
    "{a} children have {b} {t} each. How many {t} together?", "If {a} plates have {b} {t} each, how many {t} are there?",
    "I put {b} {t} in each of {a} bowls. How many {t} did I use?", "I get {b} {t} a day for {a} days. How many {t} is that?",
)
_STORY_REPLIES = ("{q} is {r}, so {r} {tr}.", "{q} makes {r}. That's {r} {tr}{to}.")

# fmt: on


@dataclass(frozen=True)
class Sum:
    """A question such as "3 plus 4" and its answer, written in digits or in words."""

    question: str
    result: int
    spelled: bool

    @property
    def answer(self) -> str:
        """The answer in the writing of the question."""
        return written(self.result, self.spelled)


def draw(chat: Chat) -> Sum:
    """A sum of a kind and size that a child does in its head."""
    rng = chat.rng
    spelled = chat.chance(0.35)
    kind = chat.pick_weighted(("plus", "minus", "times", "double", "half"), (5, 5, 4, 1, 1))
    # mostly the tables that are known by heart: there are few of them, and they are what is asked
    most = 10 if chat.chance(0.7) else 20
    a, b = rng.randint(0, most), rng.randint(0, most)
    if kind == "plus":
        result = a + b
    elif kind == "minus":
        # also what undoes a sum of the table: 14 minus 8
        a, b = (a + b, b) if most == 10 and chat.chance(0.4) else (max(a, b), min(a, b))
        result = a - b
    elif kind == "times":
        a, b = rng.randint(0, 10), rng.randint(1, 10)
        result = a * b
    else:
        a = a if kind == "double" else 2 * rng.randint(1, 15)
        result = a * 2 if kind == "double" else a // 2
    first, second = written(a, spelled), written(b, spelled)
    if kind in ("double", "half"):
        return Sum(
            chat.rng.choice(
                (
                    f"{kind} of {first}" if kind == "half" else f"double {first}",
                    f"{'two times' if kind == 'double' else 'half of'} {first}",
                )
            ),
            result,
            spelled,
        )
    sign = {"plus": "+", "minus": "-", "times": "x"}[kind]
    if spelled or chat.chance(0.5):
        return Sum(f"{first} {kind} {second}", result, spelled)
    return Sum(f"{first}{sign}{second}" if chat.chance(0.4) else f"{first} {sign} {second}", result, spelled)


def ask(chat: Chat) -> None:
    """One sum."""
    drawn = draw(chat)
    chat.turn_to(_WHAT_IS, _THAT_IS, q=drawn.question, r=drawn.answer)


def row(chat: Chat) -> None:
    """Two or three sums one after the other."""
    ask(chat)
    for _ in range(min(chat.left, chat.rng.randint(1, 2))):
        drawn = draw(chat)
        chat.exchange(_AND_ASKS, _THAT_IS, q=drawn.question, r=drawn.answer)


def drill(chat: Chat) -> None:
    """Sums one after the other, more than in other chats."""
    chat.length = max(chat.length, chat.rng.randint(6, 12))
    ask(chat)
    while chat.left:
        drawn = draw(chat)
        chat.exchange(_AND_ASKS, _THAT_IS, q=drawn.question, r=drawn.answer)


def claim(chat: Chat) -> None:
    """The user says a result, right or a little off."""
    drawn = draw(chat)
    right = chat.chance(0.5)
    guess = drawn.result if right else _off(chat, drawn.result)
    chat.turn_to(
        _CLAIM_ASKS,
        _CLAIM_RIGHT if right else _CLAIM_WRONG,
        q=drawn.question,
        r=drawn.answer,
        g=written(guess, drawn.spelled),
    )


def quiz(chat: Chat) -> None:
    """The assistant asks sums, the user answers, and is put right when wrong."""
    if chat.left < 2:
        claim(chat)
        return
    drawn = draw(chat)
    chat.turn_to(_QUIZ_ASKS, _QUIZ_POSED, q=drawn.question)
    for last in (False, True):
        right = chat.chance(0.65)
        guess = drawn.result if right else _off(chat, drawn.result)
        following = draw(chat)
        replies = _CLAIM_RIGHT if right else _CLAIM_WRONG
        more = not last and chat.left > 1 and chat.chance(0.6)
        chat.exchange(
            _TRY,
            [reply + chat.rng.choice(_NEXT) for reply in replies] if more else replies,
            q=drawn.question,
            r=drawn.answer,
            g=written(guess, drawn.spelled),
            q2=following.question,
        )
        if not more:
            return
        drawn = following


def _off(chat: Chat, result: int) -> int:
    """A result that is a little off, between zero and a hundred."""
    steps = [step for step in (-2, -1, 1, 2) if 0 <= result + step <= 100]
    return result + chat.rng.choice(steps)


def story(chat: Chat) -> None:
    """A sum told with things."""
    thing, spelled = chat.pick(_THINGS), chat.chance(0.4)
    things = plural(thing)
    kind = chat.rng.choice(("plus", "minus", "times"))
    a, b = chat.rng.randint(2, 12), chat.rng.randint(2, 8)
    if kind == "minus":
        a += b
    if kind == "times":
        a, b = chat.rng.randint(2, 6), chat.rng.randint(2, 8)
    result = {"plus": a + b, "minus": a - b, "times": a * b}[kind]
    first, second, answer = (written(number, spelled) for number in (a, b, result))
    asks = {"plus": _MORE, "minus": _LESS, "times": _TIMES}[kind]
    counted = first if kind == "times" else f"{first} {things}"
    chat.exchange(
        asks,
        _STORY_REPLIES,
        a=counted,
        b=second,
        t=things,
        who=chat.rng.choice(_GIVERS),
        q=f"{first} {kind} {second}",
        r=answer,
        tr=thing if result == 1 else things,
    )


def hard(chat: Chat) -> None:
    """A sum too big for a small model, declined honestly."""
    least = 21 if chat.chance(0.4) else 123
    a, b = chat.rng.randint(least, 12 * least), chat.rng.randint(least, 60 * least)
    chat.turn_to(
        _HARD_ASKS,
        _HARD_REPLIES,
        q=f"{a} {chat.rng.choice(('times', 'divided by', 'plus', 'x', '*', 'minus'))} {b}",
        n=str(max(a, b)),
    )


_MIX: tuple[tuple[Callable[[Chat], None], int], ...] = (
    (row, 4),
    (drill, 3),
    (ask, 3),
    (claim, 3),
    (quiz, 4),
    (story, 4),
    (compare, 2),
    (count, 2),
    (hard, 1),
)


def one(chat: Chat) -> None:
    """One exchange with numbers."""
    chat.rng.choice((ask, ask, claim, story, compare, count, hard))(chat)


def compose(chat: Chat) -> None:
    """A chat about numbers."""
    while chat.left:
        chat.one_of(_MIX)
