"""Facts a child knows: asked, guessed, corrected, and asked back in a quiz."""

from . import unknowns
from .chat import Chat, Exchange
from .knowledge import CAPITALS, COUNT_ASKS, COUNT_REPLIES, COUNTS, SUBJECTS, Subject

# fmt: off
_NEXT_ASKS = {
    "capitals": ("And of {k}?", "And {k}?", "What about {k}?", "And the capital of {k}?", "Now {k}.", "How about {k}?"),
    "sounds": ("And {k:a}?", "What about {k:a}?", "Now {k:a}!", "How about {k:a}?", "And what does {k:a} say?",
               "Ok, and {k:a}?"),
    "babies": ("And a baby {k}?", "What about a baby {k}?", "And of {k:a}?", "Ok, and a baby {k}?", "How about {k:a}?",
               "Now a baby {k}."),
    "legs": ("And {k:a}?", "What about {k:a}?", "And how many does {k:a} have?", "How about {k:a}?", "Ok, and {k:a}?",
             "Now {k:a}."),
    "opposites": ("And of {k}?", "And the opposite of {k}?", "What about {k}?", "Now {k}.", "How about {k}?",
                  "Ok, and {k}?"),
    "colors": ("And {k}?", "What about {k}?", "How about {k}?", "And what color is {k}?", "Ok, and {k}?", "Now {k}."),
    "rhymes": ("And with {k}?", "Now a rhyme for {k}.", "What about {k}?", "And for {k}?", "How about {k}?", "Ok, and {k}?"),
    "sides": ("And {k:a}?", "What about {k:a}?", "How about {k:a}?", "Ok, and {k:a}?", "And how many has {k:a}?",
              "Now {k:a}."),
}
_WHICH_GUESS = (
    "Is {g} {k}?", "{k} is {g}, right?", "I think {k} is {g}.", "{g} is {k}, isn't it?", "I say {k} is {g}.",
    "So {k} is {g}?",
)
_GUESS_ASKS = {
    "capitals": ("Is {g} the capital of {k}?", "The capital of {k} is {g}, right?", "I think the capital of {k} is {g}.",
                 "{g} is the capital of {k}, isn't it?", "{k:p} capital is {g}.", "Capital of {k}: {g}?"),
    "sounds": ('Does {k:a} say "{g}"?', '{k:a} says "{g}", right?', 'I think {k:a} goes "{g}".',
               'The sound of {k:a} is "{g}", isn\'t it?', '"{g}" is what {k:a} says.', 'Am I right that {k:a} says "{g}"?'),
    "babies": ("Is a baby {k} called {g:a}?", "A baby {k} is {g:a}, right?", "I think a baby {k} is called {g:a}.",
               "You call a baby {k} {g:a}, don't you?", "A young {k} is {g:a}.", "So {g:a} is a baby {k}?"),
    "legs": ("Does {k:a} have {g} legs?", "{k:a} has {g} legs, right?", "I think {k:a} has {g} legs.",
             "{k:s} have {g} legs, don't they?", "Is it true that {k:a} has {g} legs?", "I say {k:a} has {g} legs."),
    "opposites": ("Is {g} the opposite of {k}?", "The opposite of {k} is {g}, right?", "I think the opposite of {k} is {g}.",
                  "{g} is the opposite of {k}, isn't it?", "The opposite of {k} must be {g}.",
                  "So {g} is the opposite of {k}?"),
    "colors": ("Is {k} {g}?", "{k} is {g}, right?", "I think {k} is {g}.", "{k} is {g}, isn't it?",
               "My brother says {k} is {g}.", "So {k} is {g}?"),
    "sides": ("Does {k:a} have {g} sides?", "{k:a} has {g} sides, right?", "I think {k:a} has {g} sides.",
              "Is it true that {k:a} has {g} sides?", "I say {k:a} has {g} sides.", "{k:a} has {g} corners, doesn't it?"),
    **dict.fromkeys(("planets", "animals", "places"), _WHICH_GUESS),
}
_RIGHT = (
    "Yes! {fact}", "That's right{to}. {fact}", "Correct! {fact}", "Exactly. {fact}", "You're right{to}. {fact}",
    "Yes, well done{to}. {fact}", "Right you are! {fact}",
)
_WRONG = (
    "Not quite. {fact}", "Good guess{to}, but no. {fact}", "Close, but not right. {fact}",
    "No, but it's easy to mix up. {fact}", "Almost{to}! {fact}", "I learned it differently. {fact}", "Nice try! {fact}",
)
_FACTS = {
    "capitals": "The capital of {k} is {v}.", "sounds": '{k:a} says "{v}".', "babies": "A baby {k} is called {v:a}.",
    "legs": "{k:a} has {v} legs.", "opposites": "The opposite of {k} is {v}.",
    "colors": "{k} is usually {v}.", "sides": "{k:a} has {v} sides.", "planets": "{k} is {v}.", "animals": "{k} is {v}.",
    "places": "{k} is {v}.", "homes": "{k:a} lives in {v:a}.", "foods": "{k:a} eats {v}.",
    "materials": "{k} is mainly made of {v}.",
    "rhymes": '"{v:c}" rhymes with "{k}".', "jobs": "{k} {v}.",
}
_THINKING = ("Hmm, {g}?", "{g}", "{g}?", "Is it {g}?", "I think {g}.", "{g}!", "It's {g}.", "I'd say {g}.")
_NO_IDEA = ("I don't know.", "No idea.", "Tell me!", "I give up.", "Hmm, I don't know. What is it?", "Dunno, tell me.")
_TOLD = (
    "No problem{to}. {fact}", "{fact}", "Here's the answer: {fact}", "That was a hard one. {fact}",
    "It's good to learn something{to}: {fact}", "Then you'll know it next time{to}. {fact}",
)
_QUIZ_ASKS = (
    "Quiz me!", "Ask me a question.", "Can you quiz me?", "Let's play a quiz.", "I want a quiz.", "Test me.",
    "Give me a quiz question.", "Ask me something.", "Do a quiz with me, please.", "Let's do trivia!",
)
_POSED = (
    "Sure! {quiz}", "Here's one{to}: {quiz}", "Let's start easy. {quiz}", "Gladly. {quiz}", "All right{to}. {quiz}",
    "First question. {quiz}", "Okay! {quiz}",
)
_MORE = (" Next: {quiz}", " Next question: {quiz}", " Here's another. {quiz}", " Now this one. {quiz}", " And now: {quiz}")
_ABILITIES: tuple[tuple[str, bool, str], ...] = (
    ("a penguin fly", False, "A penguin can't fly, but it swims very well."),
    ("a fish breathe under water", True, "A fish has gills for that."),
    ("an elephant jump", False, "An elephant is too heavy to jump."),
    ("a bat fly", True, "A bat flies at night and sleeps in the day."),
    ("a snail run", False, "A snail only crawls, and very slowly."), ("a duck swim", True,
        "A duck paddles with its webbed feet."),
    ("an ostrich fly", False, "An ostrich can't fly, but it runs very fast."),
    ("a parrot talk", True, "Some parrots can copy words quite well."), ("a rock float on water", False, "Most rocks sink."),
    ("wood float on water", True, "Most wood floats."), ("a cat climb trees", True, "A cat has sharp claws for climbing."),
    ("a cow lay eggs", False, "A cow gives birth to calves."), ("a hen lay eggs", True, "A hen lays eggs."),
    ("ice melt in the sun", True, "Ice turns into water when it gets warm."),
    ("a snake walk", False, "A snake has no legs, it slides along."), ("plants grow without light", False,
        "Most plants need light to grow."),
    ("people breathe on the moon without a suit", False, "There is no air on the moon."),
    ("a kangaroo jump far", True, "A kangaroo has very strong back legs."),
    ("a bee make honey", True, "Bees make honey from nectar."),
    ("a magnet pull wood", False, "A magnet pulls iron, not wood."),
)
_CAN_ASKS = (
    "Can {x}?", "Is it true that {y}?", "Do you know, can {x}?", "My friend asked: can {x}?", "Tell me, can {x}?",
    "I wonder, can {x}?",
)
_CAN_YES = ("Yes. {fact}", "Yes{to}! {fact}", "Yes indeed. {fact}", "Sure. {fact}", "Yes, that's right{to}. {fact}")
_CAN_NO = ("No. {fact}", "No{to}. {fact}", "No, not that I know. {fact}", "No, not at all. {fact}", "Not really. {fact}")
_NO_GUESS = frozenset({"no"})
# fmt: on


def ask(chat: Chat) -> None:
    """One question about one fact."""
    _one(chat, chat.rng.choice(SUBJECTS))


def _one(chat: Chat, subject: Subject) -> None:
    key = chat.pick(tuple(subject.table))
    chat.turn_to(subject.asks, subject.replies, k=key, v=subject.table[key])


def row(chat: Chat) -> None:
    """Two or three questions of a kind, the later ones cut short: "And of Spain?"."""
    subject = chat.rng.choice([subject for subject in SUBJECTS if subject.name in _NEXT_ASKS])
    _one(chat, subject)
    for _ in range(min(chat.left, chat.rng.randint(1, 2))):
        key = chat.pick(tuple(subject.table))
        chat.exchange(_NEXT_ASKS[subject.name], subject.replies, k=key, v=subject.table[key])


def guess(chat: Chat) -> None:
    """The user says what he believes, and is confirmed or kindly put right."""
    subject = chat.rng.choice([subject for subject in SUBJECTS if subject.guessable])
    key = _guessable_key(chat, subject)
    right = chat.chance(0.5)
    said = subject.table[key] if right else _wrong(chat, subject, key)
    chat.turn_to(
        _GUESS_ASKS[subject.name],
        _RIGHT if right else _WRONG,
        k=key,
        g=said,
        fact=_fact(chat, subject, key, said),
    )


def _fact(chat: Chat, subject: Subject, key: str, said: str) -> str:
    value = subject.table[key]
    fact = chat.filled(_FACTS[subject.name], k=key, v=value)
    if subject.name == "capitals" and said not in (value, "") and chat.chance(0.7):
        country = next(land for land, city in CAPITALS.items() if city == said)
        return f"{said} is the capital of {country}. {fact}"
    return fact


def _guessable_key(chat: Chat, subject: Subject) -> str:
    return chat.pick([key for key, value in subject.table.items() if value not in _NO_GUESS])


def _wrong(chat: Chat, subject: Subject, key: str) -> str:
    right = subject.table[key]
    others = sorted(
        {
            value
            for other, value in subject.table.items()
            if value not in (right, key) and value not in _NO_GUESS and subject.table.get(value) != key
        }
    )
    return chat.rng.choice(others)


def quiz(chat: Chat) -> None:
    """The assistant asks, the user answers rightly, wrongly or not at all, for one or two rounds."""
    if chat.left < 2:
        guess(chat)
        return
    subject, key = _question(chat)
    chat.turn_to(_QUIZ_ASKS, _POSED, quiz=_posed(chat, subject, key))
    while chat.left:
        knows = chat.chance(0.8)
        right = chat.chance(0.6) or not subject.guessable
        said = "" if not knows else subject.table[key] if right else _wrong(chat, subject, key)
        replies = _TOLD if not knows else _RIGHT if right else _WRONG
        fact = _fact(chat, subject, key, said)
        more = chat.left > 1 and chat.chance(0.6)
        following = _question(chat)
        chat.exchange(
            _THINKING if knows else _NO_IDEA,
            [reply + chat.rng.choice(_MORE) for reply in replies] if more else replies,
            g=said,
            fact=fact,
            quiz=_posed(chat, *following),
        )
        if not more:
            return
        subject, key = following


def _question(chat: Chat) -> tuple[Subject, str]:
    subject = chat.rng.choice([subject for subject in SUBJECTS if subject.name != "jobs"])
    return subject, _guessable_key(chat, subject)


def _posed(chat: Chat, subject: Subject, key: str) -> str:
    return chat.filled(chat.rng.choice(subject.quiz), k=key)


def ability(chat: Chat) -> None:
    """Whether something can do something."""
    what, can, fact = chat.pick(_ABILITIES)
    who, _, verb = what.partition(" ") if what.split()[0] in ("wood", "ice", "plants", "people") else _after_noun(what)
    chat.turn_to(_CAN_ASKS, _CAN_YES if can else _CAN_NO, x=what, y=f"{who} can {verb}", fact=fact)


def _after_noun(what: str) -> tuple[str, str, str]:
    article, noun, verb = what.split(" ", 2)
    return f"{article} {noun}", " ", verb


def amount(chat: Chat) -> None:
    """How many there are of something that everyday life has counted."""
    thing, place, number = chat.pick(COUNTS)
    chat.turn_to(COUNT_ASKS, COUNT_REPLIES, k=thing, p=place, v=number)


def one(chat: Chat) -> None:
    """One exchange about a fact."""
    chat.rng.choice((ask, ask, guess, ability, amount))(chat)


_MIX: tuple[tuple[Exchange, int], ...] = (
    (row, 4),
    (ask, 4),
    (guess, 4),
    (quiz, 5),
    (ability, 1),
    (amount, 1),
    (unknowns.ask, 1),
)


def compose(chat: Chat) -> None:
    """A chat full of questions."""
    while chat.left:
        chat.one_of(_MIX)
