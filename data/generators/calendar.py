"""Days, months, seasons and the parts of the day in their order."""

from .chat import Chat, joined

# fmt: off
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)
SEASONS = ("spring", "summer", "fall", "winter")
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)

_AFTER_ASKS = (
    "What {unit} comes after {a}?", "What comes after {a}?", "Which {unit} is after {a}?", "After {a} comes which {unit}?",
    "What's the {unit} after {a}?", "{a}, and then?", "What follows {a}?", "Do you know which {unit} follows {a}?",
)
_AFTER_REPLIES = ("After {a} comes {b}.", "After {a} comes {b}{to}.", "The {unit} after {a} is {b}.")
_BEFORE_ASKS = (
    "What {unit} comes before {a}?", "What comes before {a}?", "Which {unit} is right before {a}?",
    "What's the {unit} before {a}?", "Before {a}, which {unit} is it?", "Which {unit} is just before {a}?",
    "Do you know the {unit} before {a}?",
)
_BEFORE_REPLIES = ("Before {a} comes {b}.", "Before {a} comes {b}{to}.", "The {unit} before {a} is {b}.")
_BETWEEN_ASKS = (
    "Which {unit} is between {a} and {c}?", "What {unit} comes between {a} and {c}?", "What's between {a} and {c}?",
    "Between {a} and {c}, what {unit} is there?", "Name the {unit} between {a} and {c}.", "{a}, then what, then {c}?",
)
_BETWEEN_REPLIES = ("Between {a} and {c} comes {b}.", "{a}, {b}, {c}. So it's {b}.")

_TOMORROW_ASKS = (
    "If today is {a}, what day is tomorrow?", "Today is {a}. What's tomorrow?", "It's {a} today, so tomorrow is...?",
    "When today is {a}, which day comes tomorrow?", "Today's {a}, what is tomorrow?",
    "Say today is {a}. Then tomorrow is which day?",
)
_TOMORROW_REPLIES = ("If today is {a}, tomorrow is {b}.", "After {a} comes {b}, so tomorrow is {b}.")
_YESTERDAY_ASKS = (
    "If today is {a}, what day was yesterday?", "Today is {a}. What was yesterday?",
    "It's {a} today, which day was it yesterday?", "When today is {a}, what was yesterday?",
    "Today's {a}, so what was yesterday?", "Say today is {a}. What day was it yesterday?",
)
_YESTERDAY_REPLIES = ("If today is {a}, yesterday was {b}.", "Before {a} comes {b}, so yesterday was {b}.")
_LATER_ASKS = (
    "Today is {a}. Which day is it in {n} days?", "If it's {a}, what day is it in {n} days?",
    "What day is {n} days after {a}?", "It's {a} now. And in {n} days?", "In {n} days from {a}, what day is it?",
    "Count {n} days on from {a}.",
)
_LATER_REPLIES = ("Count along: {row}. So it's {b}.", "After {a} come {row}. So it's {b}.")

_LENGTH_ASKS = (
    "How many days does {a} have?", "How many days are in {a}?", "How long is {a}?", "{a} has how many days?",
    "Does {a} have 30 or 31 days?", "What's the number of days in {a}?", "Days in {a}?",
)
_LENGTH_REPLIES = ("{a} has {n} days.", "{a} has {n} days{to}.")
_FEBRUARY = ("February has 28 days, and 29 in a leap year.", "February has 28 days{to}. In a leap year it has 29.")
_PLACE_ASKS = (
    "Which month is number {n}?", "What is the {o} month of the year?", "What's the {o} month?",
    "Which month is the {o} one?", "Tell me the {o} month.", "The {o} month is which one?",
)
_PLACE_REPLIES = ("The {o} month is {a}.", "The {o} month is {a}{to}.")
_NUMBER_ASKS = (
    "What number is {a} in the year?", "Which month of the year is {a}?", "{a} is the how-manyth month?",
    "At which place in the year is {a}?", "If January is one, what is {a}?", "What place does {a} have in the year?",
)
_NUMBER_REPLIES = ("{a} is the {o} month.", "{a} is the {o} month{to}.")

_COUNTED: tuple[tuple[str, str], ...] = (
    ("days are in a week", "seven days in a week"), ("months are in a year", "twelve months in a year"),
    ("hours are in a day", "twenty-four hours in a day"), ("minutes are in an hour", "sixty minutes in an hour"),
    ("seconds are in a minute", "sixty seconds in a minute"), ("weeks are in a year", "about fifty-two weeks in a year"),
    ("days are in a year", "365 days in a year, and 366 in a leap year"), ("seasons are there", "four seasons in a year"),
    ("days are in a weekend", "two days in a weekend"), ("years are in a century", "one hundred years in a century"),
    ("years are in a decade", "ten years in a decade"), ("minutes are in half an hour", "thirty minutes in half an hour"),
    ("minutes are in a quarter of an hour", "fifteen minutes in a quarter of an hour"),
    ("days are in two weeks", "fourteen days in two weeks"), ("hours are in two days", "forty-eight hours in two days"),
    ("months are in half a year", "six months in half a year"),
)
_COUNTED_ASKS = (
    "How many {k}?", "Do you know how many {k}?", "Tell me how many {k}.", "I forgot how many {k}.",
    "Can you tell me how many {k}?", "Quick question: how many {k}?",
)
_COUNTED_REPLIES = ("There are {v}.", "There are {v}{to}.")
_LIST_ASKS = (
    "Name the {unit}.", "Can you list the {unit}?", "Tell me the {unit} in order.", "What are the {unit}?",
    "Say the {unit}, please.", "List the {unit} for me.",
)
_LIST_REPLIES = ("They are {row}.", "Sure: {row}.")
_NOW_ASKS = ("What day is it today?", "What day is it?", "What time is it?", "Do you know what time it is?",
             "Which month is it now?", "What's the date today?", "What's today's date?", "What year is it?",
             "Is it morning or evening?", "Is it Monday today?", "How late is it?", "Which season is it now?",
             "Can you tell me the time?", "Is it the weekend yet?")
_NOW_REPLIES = (
    "I don't know, I have no clock and no calendar.", "I can't tell{to}. I have no clock in here.",
    "I don't know. Your computer shows the date and time, I can't see it.", "I have no clock, so I'd only be guessing.",
    "I don't know that, sorry. Nobody gave me a clock.", "I can't know that without a clock{to}. What does yours say?",
    "No clock and no window here, so I don't know.",
)
_SEASON_ASKS = (
    "In which season is {a}?", "Which season does {a} belong to?", "Is {a} in summer or in winter?",
    "What season is it in {a}?", "{a} is in which season?", "What's the season in {a}?",
)
_SEASON_REPLIES = ("In the north of the world {a} is in {s}, in the south it's {t}.",
                   "{a} is in {s} in the north, and in {t} south of the equator.",
                   "In {s}, if you live in the north. In the south it's {t}.",
                   "That depends on where you live: {s} in the north, {t} in the south.",
                   "North of the equator, {a} belongs to {s}. In the south it's {t} then.")
_PARTS = (("morning", "noon"), ("noon", "afternoon"), ("afternoon", "evening"), ("evening", "night"))
_MEALS = (("breakfast", "lunch"), ("lunch", "dinner"))
_HOUR_ASKS = (
    "It's {a} o'clock. What time is it in {n}?", "What time is it {n} after {a} o'clock?",
    "If it's {a} o'clock now, what is it in {n}?", "{a} o'clock plus {n}, what time is that?",
    "My clock says {a}. What will it say in {n}?", "In {n} from {a} o'clock, how late is it?",
)
_HOUR_REPLIES = ("{n:c} after {a} o'clock it's {b} o'clock.", "In {n} it's {b} o'clock.")
_HOURS = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_CIRCLES = (("day", DAYS), ("day", DAYS), ("month", MONTHS), ("month", MONTHS), ("season", SEASONS))
# fmt: on


def order(chat: Chat) -> None:
    """What comes after, before or between."""
    unit, circle = chat.rng.choice(_CIRCLES)
    start = circle.index(chat.pick(circle))
    first, middle, last = (circle[(start + step) % len(circle)] for step in range(3))
    kind = chat.rng.choice(("after", "before", "between"))
    if kind == "between":
        chat.turn_to(_BETWEEN_ASKS, _BETWEEN_REPLIES, unit=unit, a=first, b=middle, c=last)
    elif kind == "after":
        chat.turn_to(_AFTER_ASKS, _AFTER_REPLIES, unit=unit, a=first, b=middle)
    else:
        chat.turn_to(_BEFORE_ASKS, _BEFORE_REPLIES, unit=unit, a=middle, b=first)


def parts(chat: Chat) -> None:
    """The order of the parts of the day, or of the meals."""
    unit, pairs = chat.rng.choice((("part of the day", _PARTS), ("meal", _MEALS)))
    first, second = chat.rng.choice(pairs)
    if chat.chance(0.5):
        chat.turn_to(_AFTER_ASKS, _AFTER_REPLIES, unit=unit, a=first, b=second)
    else:
        chat.turn_to(_BEFORE_ASKS, _BEFORE_REPLIES, unit=unit, a=second, b=first)


def shift(chat: Chat) -> None:
    """Yesterday, tomorrow, and some days on."""
    here = DAYS.index(chat.pick(DAYS))
    kind = chat.rng.choice(("tomorrow", "yesterday", "later"))
    if kind == "later":
        days = chat.rng.randint(2, 4)
        row = joined([DAYS[(here + step) % 7] for step in range(1, days + 1)])
        chat.turn_to(
            _LATER_ASKS,
            _LATER_REPLIES,
            a=DAYS[here],
            b=DAYS[(here + days) % 7],
            n=("two", "three", "four")[days - 2],
            row=row,
        )
    elif kind == "tomorrow":
        chat.turn_to(_TOMORROW_ASKS, _TOMORROW_REPLIES, a=DAYS[here], b=DAYS[(here + 1) % 7])
    else:
        chat.turn_to(_YESTERDAY_ASKS, _YESTERDAY_REPLIES, a=DAYS[here], b=DAYS[here - 1])


def month(chat: Chat) -> None:
    """A month's length, place in the year or season."""
    index = MONTHS.index(chat.pick(MONTHS))
    kind = chat.rng.choice(("length", "place", "number", "season"))
    slots = {"a": MONTHS[index], "o": _ORDINALS[index], "n": str(index + 1)}
    if kind == "length":
        chat.turn_to(_LENGTH_ASKS, _FEBRUARY if index == 1 else _LENGTH_REPLIES, a=MONTHS[index], n=str(_LENGTHS[index]))
    elif kind == "season":
        # Months that a season starts or ends in would need a longer answer.
        middle = {0: 3, 3: 0, 6: 1, 9: 2}
        index = MONTHS.index(chat.pick([MONTHS[month] for month in middle]))
        season = middle[index]
        chat.turn_to(_SEASON_ASKS, _SEASON_REPLIES, a=MONTHS[index], s=SEASONS[season], t=SEASONS[(season + 2) % 4])
    else:
        asks, replies = (_PLACE_ASKS, _PLACE_REPLIES) if kind == "place" else (_NUMBER_ASKS, _NUMBER_REPLIES)
        chat.turn_to(asks, replies, **slots)


def amount(chat: Chat) -> None:
    """How many of one unit there are in another."""
    question, answer = chat.pick(_COUNTED)
    chat.turn_to(_COUNTED_ASKS, _COUNTED_REPLIES, k=question, v=answer)


def listing(chat: Chat) -> None:
    """All days, seasons or months in a row."""
    unit, names = chat.rng.choice(
        (("days of the week", DAYS), ("seasons", SEASONS), ("months", MONTHS), ("weekend days", DAYS[5:]))
    )
    chat.turn_to(_LIST_ASKS, _LIST_REPLIES, unit=unit, row=joined(names))


def now(chat: Chat) -> None:
    """Today's day or the time, which a model without a clock can't tell."""
    chat.turn_to(_NOW_ASKS, _NOW_REPLIES)


def hour(chat: Chat) -> None:
    """Full hours added to full hours."""
    start, added = chat.rng.randrange(12), chat.rng.randint(1, 5)
    chat.turn_to(
        _HOUR_ASKS,
        _HOUR_REPLIES,
        a=_HOURS[start],
        b=_HOURS[(start + added) % 12],
        n=("one hour", "two hours", "three hours", "four hours", "five hours")[added - 1],
    )


def one(chat: Chat) -> None:
    """One exchange about the calendar."""
    chat.rng.choice((order, order, shift, month, amount, listing, now, hour, parts))(chat)


def compose(chat: Chat) -> None:
    """A chat about days and months."""
    while chat.left:
        one(chat)
