"""Small sums, always right: in digits and in words, as bare numbers and as stories about things."""

from collections.abc import Callable
from dataclasses import dataclass

from .chat import Chat, plural

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
          "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_WHAT_IS = ("What is {q}?", "What's {q}?", "How much is {q}?", "{q}?", "Can you tell me what {q} is?", "Do you know what {q} is?", "{q} = ?",
            "Can you do {q}?", "Tell me {q}.", "Quick, {q}!", "I need to know {q}.", "What do I get for {q}?", "{q} makes what?", "Please work out {q}.")  # fmt: skip
_THAT_IS = ("{q} is {r}.", "That's {r}.", "{r}. You can check it: {q} is {r}.", "It's {r}.", "{q} makes {r}.", "The answer is {r}.", "{q} is {r}{to}.",
            "That makes {r}, because {q} is {r}.", "{r}, since {q} is {r}.", "Easy one: {q} is {r}.", "I get {r} for {q}.")  # fmt: skip
_AND_ASKS = ("And {q}?", "Ok, and {q}?", "Now {q}.", "What about {q}?", "And what is {q}?", "{q}?", "Next: {q}.", "How about {q}?", "Then what's {q}?", "And {q}, please?")
_CLAIM_ASKS = ("Is {q} {g}?", "I think {q} is {g}.", "{q} is {g}, right?", "My answer for {q} is {g}. Correct?", "{q} makes {g}, doesn't it?", "I say {q} is {g}.", "So {q} would be {g}?")
_CLAIM_RIGHT = ("Yes, {q} is {r}.", "That's right, {q} is {r}. Well done{to}!", "Correct{to}! {q} is {r}.", "Exactly, {r}.", "Yes, {r} is right. Good work{to}!", "You got it: {q} is {r}.")
_CLAIM_WRONG = ("Almost! {q} is {r}, not {g}.", "Not quite: {q} is {r}.", "No, {q} is {r}. You were close{to}.", "Good try{to}, but {q} is {r}.", "Close! It's {r}, not {g}.", "Let's check: {q} is {r}, so {g} is not right.")
_QUIZ_ASKS = ("Give me a sum.", "Ask me a sum.", "Quiz me with numbers.", "Can you give me a math problem?", "Test my math.", "I want to practice math.", "Ask me something with numbers.", "Give me an easy sum, please.",
              "Let's practice sums.", "My homework is math. Quiz me!")  # fmt: skip
_QUIZ_POSED = ("Sure! What is {q}?", "All right{to}: what is {q}?", "Here's one: {q}?", "Let's go. How much is {q}?", "Gladly{to}. What is {q}?", "Okay, try this: {q}.")
_TRY = ("{g}", "{g}?", "Is it {g}?", "It's {g}.", "{g}!", "I think {g}.", "That's {g}.", "Hmm, {g}?", "The answer is {g}.")
_NEXT = (" Next one: what is {q2}?", " And {q2}?", " Another one: {q2}?", " What about {q2}?", " Now try {q2}.")
_HARD_ASKS = ("What is {q}?", "How much is {q}?", "Can you work out {q}?", "What's {q}?", "{q}?", "I need {q}.", "Calculate {q}.", "Tell me {q}, please.")
_HARD_REPLIES = (
    "That is too big a sum for me to do reliably.", "That's too big for me{to}. A calculator will do it better.", "I don't know, that sum is too big for me. I'm fine with small numbers.",
    "Numbers like {n} are too big for me, I'd only be guessing. Please use a calculator.", "I'd rather not guess at {q}. Small sums are my size.",
    "That sum is bigger than I am{to}. I can do small ones reliably.", "I can't do that one reliably. Give me a sum with small numbers and I'll try.",
)  # fmt: skip

_THINGS = ("apple", "cookie", "marble", "sticker", "pencil", "balloon", "book", "banana", "egg", "shell", "toy car", "candle", "strawberry", "flower", "button",
           "coin", "orange", "muffin", "star", "stone", "block", "card", "carrot", "plum", "ticket")  # fmt: skip
_GIVERS = ("my friend", "my mom", "my brother", "my sister", "my grandpa", "my teacher", "my aunt", "my dad")
_MORE = (
    "I have {a} and get {b} more. How many {t} do I have?", "I have {a}, then {who} gives me {b} more. How many are there now?",
    "There are {a} on the table and I add {b}. How many {t} is that?", "If I have {a} and find {b} more, how many do I have?",
    "I've got {a}, {who} has {b}. How many {t} together?", "{a} are in the box and {b} more are on the shelf. How many in all?",
    "I picked {a} in the morning and {b} in the evening. How many {t}?",
)  # fmt: skip
_LESS = (
    "I have {a} and give away {b}. How many {t} are left?", "There were {a} and I lost {b}. How many are still there?",
    "I had {a}, then {who} took {b}. How many {t} do I have now?", "If I have {a} and use {b}, how many {t} remain?", "{a} were on the table and {b} fell down. How many are left?",
    "I got {a} today but gave {b} to {who}. How many {t} are left for me?", "I had {a}. {b} are gone. How many {t} now?",
)  # fmt: skip
_TIMES = (
    "I have {a} bags with {b} {t} in each. How many {t} is that?", "There are {a} boxes, and each one holds {b} {t}. How many {t} in all?", "{a} children have {b} {t} each. How many {t} together?",
    "If {a} plates have {b} {t} each, how many {t} are there?", "I put {b} {t} in each of {a} bowls. How many {t} did I use?", "I get {b} {t} a day for {a} days. How many {t} is that?",
)  # fmt: skip
_STORY_REPLIES = ("Now count with me: {q} is {r}. So {r} {tr}.", "That makes {r} {tr}.", "{q} is {r}, so {r} {tr}.", "{r} {tr}, because {q} is {r}.", "The answer is {r} {tr}{to}.", "It's {r} {tr}: {q} is {r}.")

_BIGGER_ASKS = ("Which is bigger, {a} or {b}?", "Is {a} or {b} bigger?", "What's more, {a} or {b}?", "Which number is larger, {a} or {b}?", "{a} or {b}, which is more?", "Tell me the bigger number, {a} or {b}.")
_BIGGER_REPLIES = ("{hi} is bigger than {lo}.", "{hi} is more than {lo}.", "{hi}, by {d}.", "The bigger one is {hi}.", "{hi} is larger{to}.", "{hi}. It's {d} more than {lo}.")
_SMALLER_ASKS = ("Which is smaller, {a} or {b}?", "Is {a} or {b} smaller?", "What's less, {a} or {b}?", "Which number is lower, {a} or {b}?", "{a} or {b}, which is less?", "Tell me the smaller number, {a} or {b}.")
_SMALLER_REPLIES = ("{lo} is smaller than {hi}.", "{lo} is less than {hi}.", "{lo}, by {d}.", "The smaller one is {lo}.", "{lo} is lower{to}.", "{lo}. It's {d} less than {hi}.")
_YES_ASKS = ("Is {a} more than {b}?", "Is {a} bigger than {b}?", "{a} is bigger than {b}, right?", "Is it true that {a} is more than {b}?", "Do I have more with {a} than with {b}?", "Is {a} larger than {b}?")
_YES = ("Yes, {a} is more than {b}.", "Yes, {a} is bigger.", "It is, by {d}.", "Right, {a} is bigger than {b}.", "Yes{to}, {a} is {d} more.")
_NO = ("No, {a} is less than {b}.", "No, {b} is bigger.", "It isn't. {b} is {d} more than {a}.", "No, {a} is smaller than {b}.", "No{to}, {b} is more.")
_COUNT_ASKS = ("Count from {a} to {b}.", "Can you count from {a} to {b}?", "Please count from {a} up to {b}.", "Count with me, from {a} to {b}!", "How do you count from {a} to {b}?", "Say the numbers from {a} to {b}.")
_COUNT_REPLIES = ("{row}.", "Sure: {row}.", "Here we go: {row}.", "{row}. Done{to}!", "Gladly: {row}.", "With pleasure: {row}.")
_AFTER_ASKS = ("What number comes after {a}?", "What comes after {a}?", "Which number follows {a}?", "{a}, and then?", "I'm counting. What's next after {a}?", "What is one more than {a}?")
_AFTER_REPLIES = ("{r} comes after {a}.", "After {a} comes {r}.", "The next number is {r}.", "{r}{to}.", "It's {r}.", "{a}, then {r}.")
_BEFORE_ASKS = ("What number comes before {a}?", "What comes right before {a}?", "Which number is just before {a}?", "Counting down, what follows {a}?", "What is one less than {a}?", "Before {a} comes which number?")
_BEFORE_REPLIES = ("{r} comes before {a}.", "Before {a} comes {r}.", "The number before {a} is {r}.", "{r}{to}.", "It's {r}.", "One less than {a} is {r}.")
_ODD_ASKS = ("Is {a} even or odd?", "Is {a} an odd number?", "Is {a} an even number?", "{a}, odd or even?", "Tell me if {a} is even.", "Can you split {a} into two equal groups?")
_EVEN = ("{a} is even, it splits into {h} and {h}.", "It's even{to}: {a} is {h} plus {h}.", "{a} is an even number.", "Two equal groups of {h} make {a}, so {a} is even.", "{a} is even, as two times {h} is {a}.")
_ODD = ("{a} is odd, there's one left over if you split it.", "It's odd{to}: two groups of {h}, and one is left.", "{a} is an odd number.", "{a} doesn't split into two equal groups, so it's odd.", "{a} is odd. Half of it isn't a whole number.")


def in_words(number: int) -> str:
    """A number below a hundred and one in English words."""
    if number < 20:
        return _UNITS[number]
    if number == 100:
        return "one hundred"
    tens, unit = divmod(number, 10)
    return _TENS[tens] + (f"-{_UNITS[unit]}" if unit else "")


@dataclass(frozen=True)
class Sum:
    """A question such as "3 plus 4" and its answer, written in digits or in words."""

    question: str
    result: int
    spelled: bool

    @property
    def answer(self) -> str:
        """The answer in the writing of the question."""
        return in_words(self.result) if self.spelled else str(self.result)


def draw(chat: Chat) -> Sum:
    """A sum of a kind and size that a child does in its head."""
    rng = chat.rng
    spelled = chat.chance(0.35)
    kind = chat.pick_weighted(("plus", "minus", "times", "double", "half"), (5, 4, 4, 1, 1))
    a, b = rng.randint(1, 20), rng.randint(1, 20)
    if kind == "plus":
        a, b = (rng.randint(1, 10), rng.randint(1, 10)) if chat.chance(0.5) else (a, b)
        result = a + b
    elif kind == "minus":
        a, b = max(a, b), min(a, b)
        result = a - b
    elif kind == "times":
        a, b = rng.randint(1, 10), rng.randint(1, 10)
        result = a * b
    else:
        a = a if kind == "double" else 2 * rng.randint(1, 15)
        result = a * 2 if kind == "double" else a // 2
    first, second = _written(a, spelled), _written(b, spelled)
    if kind in ("double", "half"):
        return Sum(chat.rng.choice((f"{kind} of {first}" if kind == "half" else f"double {first}", f"{'two times' if kind == 'double' else 'half of'} {first}")), result, spelled)
    sign = {"plus": "+", "minus": "-", "times": "x"}[kind]
    return Sum(f"{first} {kind if spelled or chat.chance(0.6) else sign} {second}", result, spelled)


def _written(number: int, spelled: bool) -> str:
    return in_words(number) if spelled else str(number)


def ask(chat: Chat) -> None:
    """One sum."""
    drawn = draw(chat)
    chat.exchange(_WHAT_IS, _THAT_IS, bridge=True, q=drawn.question, r=drawn.answer)


def row(chat: Chat) -> None:
    """Two or three sums one after the other."""
    ask(chat)
    for _ in range(min(chat.left, chat.rng.randint(1, 2))):
        drawn = draw(chat)
        chat.exchange(_AND_ASKS, _THAT_IS, q=drawn.question, r=drawn.answer)


def claim(chat: Chat) -> None:
    """The user says a result, right or a little off."""
    drawn = draw(chat)
    right = chat.chance(0.5)
    guess = drawn.result if right else _off(chat, drawn.result)
    chat.exchange(_CLAIM_ASKS, _CLAIM_RIGHT if right else _CLAIM_WRONG, bridge=True, q=drawn.question, r=drawn.answer, g=_written(guess, drawn.spelled))


def quiz(chat: Chat) -> None:
    """The assistant asks sums, the user answers, and is put right when wrong."""
    if chat.left < 2:
        claim(chat)
        return
    drawn = draw(chat)
    chat.exchange(_QUIZ_ASKS, _QUIZ_POSED, bridge=True, q=drawn.question)
    for last in (False, True):
        right = chat.chance(0.65)
        guess = drawn.result if right else _off(chat, drawn.result)
        following = draw(chat)
        replies = _CLAIM_RIGHT if right else _CLAIM_WRONG
        more = not last and chat.left > 1 and chat.chance(0.6)
        chat.exchange(_TRY, [reply + chat.rng.choice(_NEXT) for reply in replies] if more else replies,
                      q=drawn.question, r=drawn.answer, g=_written(guess, drawn.spelled), q2=following.question)  # fmt: skip
        if not more:
            return
        drawn = following


def _off(chat: Chat, result: int) -> int:
    return max(0, result + chat.rng.choice((-2, -1, 1, 2))) if result > 2 else result + chat.rng.randint(1, 2)


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
    first, second, answer = (_written(number, spelled) for number in (a, b, result))
    asks = {"plus": _MORE, "minus": _LESS, "times": _TIMES}[kind]
    counted = first if kind == "times" else f"{first} {things}"
    chat.exchange(asks, _STORY_REPLIES, a=counted, b=second, t=things, who=chat.rng.choice(_GIVERS),
                  q=f"{first} {kind} {second}", r=answer, tr=thing if result == 1 else things)  # fmt: skip


def compare(chat: Chat) -> None:
    """Which of two numbers is bigger or smaller, as a choice or as yes and no."""
    a, b = chat.rng.sample(range(1, 51 if chat.chance(0.5) else 21), 2)
    spelled = chat.chance(0.25)
    slots = {key: _written(value, spelled) for key, value in (("a", a), ("b", b), ("hi", max(a, b)), ("lo", min(a, b)), ("d", abs(a - b)))}
    yes = _YES if a > b else _NO
    asks, replies = chat.rng.choice(((_BIGGER_ASKS, _BIGGER_REPLIES), (_SMALLER_ASKS, _SMALLER_REPLIES), (_YES_ASKS, yes)))
    chat.exchange(asks, replies, bridge=True, **slots)


def count(chat: Chat) -> None:
    """Counting on: a row of numbers, or the next one, or the one before."""
    start, spelled = chat.rng.randint(1, 30), chat.chance(0.3)
    kind = chat.rng.choice(("row", "after", "before", "even"))
    if kind == "row":
        start = chat.rng.randint(1, 14)
        end = start + chat.rng.randint(3, 7)
        step = -1 if chat.chance(0.25) else 1
        numbers = list(range(start, end + 1))[::step]
        chat.exchange(_COUNT_ASKS[:2] if step < 0 else _COUNT_ASKS, _COUNT_REPLIES, bridge=True,
                      a=_written(numbers[0], spelled), b=_written(numbers[-1], spelled), row=", ".join(_written(number, spelled) for number in numbers))  # fmt: skip
    elif kind == "even":
        chat.exchange(_ODD_ASKS, _ODD if start % 2 else _EVEN, bridge=True, a=_written(start, spelled), h=_written(start // 2, spelled))
    else:
        asks, replies = (_AFTER_ASKS, _AFTER_REPLIES) if kind == "after" else (_BEFORE_ASKS, _BEFORE_REPLIES)
        result = start + 1 if kind == "after" else start - 1
        chat.exchange(asks, replies, bridge=True, a=_written(start, spelled), r=_written(result, spelled))


def hard(chat: Chat) -> None:
    """A sum too big for a small model, declined honestly."""
    a, b = chat.rng.randint(123, 9999), chat.rng.randint(37, 9999)
    chat.exchange(_HARD_ASKS, _HARD_REPLIES, bridge=True, q=f"{a} {chat.rng.choice(('times', 'divided by', 'plus', 'x', '*', 'minus'))} {b}", n=str(max(a, b)))


_MIX: tuple[tuple[Callable[[Chat], None], int], ...] = ((row, 4), (ask, 3), (claim, 3), (quiz, 4), (story, 4), (compare, 2), (count, 2), (hard, 1))


def one(chat: Chat) -> None:
    """One exchange with numbers."""
    chat.rng.choice((ask, ask, claim, story, compare, count, hard))(chat)


def compose(chat: Chat) -> None:
    """A chat about numbers."""
    parts, weights = zip(*_MIX, strict=True)
    while chat.left:
        chat.pick_weighted(parts, weights)(chat)
