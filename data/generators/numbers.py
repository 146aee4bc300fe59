"""Numbers by themselves: written in words, compared, counted on and back."""

from .chat import Chat

# fmt: off
_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
          "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_BIGGER_ASKS = (
    "Which is bigger, {a} or {b}?", "Is {a} or {b} bigger?", "What's more, {a} or {b}?",
    "Which number is larger, {a} or {b}?", "{a} or {b}, which is more?", "Tell me the bigger number, {a} or {b}.",
)
_BIGGER_REPLIES = ("{hi} is bigger than {lo}.", "{hi} is bigger than {lo}{to}.", "{hi} is more than {lo}.")
_SMALLER_ASKS = (
    "Which is smaller, {a} or {b}?", "Is {a} or {b} smaller?", "What's less, {a} or {b}?",
    "Which number is lower, {a} or {b}?", "{a} or {b}, which is less?", "Tell me the smaller number, {a} or {b}.",
)
_SMALLER_REPLIES = ("{lo} is smaller than {hi}.", "{lo} is smaller than {hi}{to}.", "{lo} is less than {hi}.")
_YES_ASKS = (
    "Is {a} more than {b}?", "Is {a} bigger than {b}?", "{a} is bigger than {b}, right?",
    "Is it true that {a} is more than {b}?", "Is {a} a bigger number than {b}?", "Is {a} larger than {b}?",
)
_YES = ("Yes, {a} is more than {b}.", "Yes{to}, {a} is bigger than {b}.")
_NO = ("No, {a} is less than {b}.", "No{to}, {a} is smaller than {b}.")
_COUNT_ASKS = (
    "Count from {a} to {b}.", "Can you count from {a} to {b}?", "Please count from {a} up to {b}.",
    "Count with me, from {a} to {b}!", "How do you count from {a} to {b}?", "Say the numbers from {a} to {b}.",
)
_COUNT_REPLIES = ("{row}.", "Sure: {row}.", "Here we go: {row}.")
_AFTER_ASKS = (
    "What number comes after {a}?", "What comes after {a}?", "Which number follows {a}?", "{a}, and then?",
    "I'm counting. What's next after {a}?", "What is one more than {a}?",
)
_AFTER_REPLIES = ("After {a} comes {r}.", "After {a} comes {r}{to}.", "{a}, then {r}.")
_BEFORE_ASKS = (
    "What number comes before {a}?", "What comes right before {a}?", "Which number is just before {a}?",
    "Counting down, what follows {a}?", "What is one less than {a}?", "Before {a} comes which number?",
)
_BEFORE_REPLIES = ("Before {a} comes {r}.", "Before {a} comes {r}{to}.", "One less than {a} is {r}.")
_ODD_ASKS = (
    "Is {a} even or odd?", "Is {a} an odd number?", "Is {a} an even number?", "{a}, odd or even?", "Tell me if {a} is even.",
    "Can you split {a} into two equal groups?",
)
_EVEN = ("{a} is even, it splits into {h} and {h}.", "{a} is an even number.")
_ODD = ("{a} is odd, there's one left over if you split it.", "{a} is an odd number.")
# fmt: on


def in_words(number: int) -> str:
    """A number below a hundred and one in English words."""
    if number < 20:
        return _UNITS[number]
    if number == 100:
        return "one hundred"
    tens, unit = divmod(number, 10)
    return _TENS[tens] + (f"-{_UNITS[unit]}" if unit else "")


def written(number: int, spelled: bool) -> str:
    """The number in words or in digits."""
    return in_words(number) if spelled else str(number)


def compare(chat: Chat) -> None:
    """Which of two numbers is bigger or smaller, as a choice or as yes and no."""
    a, b = chat.rng.sample(range(1, 51 if chat.chance(0.5) else 21), 2)
    spelled = chat.chance(0.25)
    slots = {
        key: written(value, spelled)
        for key, value in (("a", a), ("b", b), ("hi", max(a, b)), ("lo", min(a, b)), ("d", abs(a - b)))
    }
    yes = _YES if a > b else _NO
    asks, replies = chat.rng.choice(((_BIGGER_ASKS, _BIGGER_REPLIES), (_SMALLER_ASKS, _SMALLER_REPLIES), (_YES_ASKS, yes)))
    chat.turn_to(asks, replies, **slots)


def count(chat: Chat) -> None:
    """Counting on: a row of numbers, or the next one, or the one before."""
    start, spelled = chat.rng.randint(1, 30), chat.chance(0.3)
    kind = chat.rng.choice(("row", "after", "before", "even"))
    if kind == "row":
        start = chat.rng.randint(1, 14)
        end = start + chat.rng.randint(3, 7)
        step = -1 if chat.chance(0.25) else 1
        numbers = list(range(start, end + 1))[::step]
        chat.turn_to(
            _COUNT_ASKS[:2] if step < 0 else _COUNT_ASKS,
            _COUNT_REPLIES,
            a=written(numbers[0], spelled),
            b=written(numbers[-1], spelled),
            row=", ".join(written(number, spelled) for number in numbers),
        )
    elif kind == "even":
        chat.turn_to(_ODD_ASKS, _ODD if start % 2 else _EVEN, a=written(start, spelled), h=written(start // 2, spelled))
    else:
        asks, replies = (_AFTER_ASKS, _AFTER_REPLIES) if kind == "after" else (_BEFORE_ASKS, _BEFORE_REPLIES)
        result = start + 1 if kind == "after" else start - 1
        chat.turn_to(asks, replies, a=written(start, spelled), r=written(result, spelled))
