"""Two people or animals, told of by name, and then who is who: what the daughter is called, how old the son is."""

from collections.abc import Callable
from dataclasses import dataclass

from . import requests
from .asides import quiet_aside
from .chat import Chat
from .people import MEN, PET_NAMES, WOMEN, invented

# fmt: off
_SHE = ("daughter", "sister", "wife", "mother", "aunt", "girlfriend", "niece", "grandma", "cousin", "friend",
        "boss", "neighbor")
_HE = ("son", "brother", "husband", "father", "uncle", "boyfriend", "nephew", "grandpa", "cousin", "friend",
       "boss", "neighbor")
_ANIMALS = ("dog", "cat", "horse", "rabbit", "parrot")
_YOUNG = ("daughter", "son", "niece", "nephew", *_ANIMALS)
_OLD = ("mother", "father", "grandma", "grandpa", "aunt", "uncle", "boss")
_JOBS = ("nurse", "teacher", "baker", "bus driver", "farmer", "cook", "painter", "gardener", "plumber", "engineer", "vet",
         "cleaner", "waiter", "dentist", "lawyer", "student", "mechanic", "pilot")
_PLACES = ("by the sea", "in the mountains", "in a big city", "in a small village", "next door", "on a farm", "abroad",
           "in Spain", "in Canada", "in London", "in Berlin", "in India", "in Boston")
_LIKES = ("swimming", "chess", "football", "painting", "music", "cooking", "old films", "books", "dancing", "cars",
          "flowers", "trains", "cake", "pizza", "long walks", "puzzles", "tennis", "singing")
_PET_LIKES = ("sleeping", "cheese", "long walks", "the sofa", "water", "carrots", "sunny places", "small balls")
# fmt: on

_LONGEST = 14
_ASIDE = 0.35
_ASKED = (1, 4)
"""How many questions are asked, at least and at most."""


@dataclass(eq=False)
class Person:
    """Somebody or some animal that the user tells of."""

    role: str
    name: str
    pronoun: str
    facts: dict[str, str]
    untold: list[str]
    """What could be asked as well, but was not told."""

    @property
    def words(self) -> dict[str, str]:
        """The slots of what is said of them."""
        return {"r": self.role, "n": self.name, "p": self.pronoun, **self.facts}


# fmt: off
_TELLS = {
    "age": (("My {r} {n} is {age}.", "{n} is {age}.", "{n} is {age} years old.", "{p:c} is {age}.", "My {r} is {age}."),
            ("{age} is a good age.", "So {n} is {age}.", "{n} is {age}, then.", "Thank you for telling me. {n} is {age}.")),
    "job": (("My {r} {n} is {job:a}.", "{n} works as {job:a}.", "{p:c} is {job:a}.", "{n} is {job:a}.",
             "My {r} is {job:a}."),
            ("{job:a} has a lot to do.", "So {n} is {job:a}. That's useful work.", "I hope {n} likes the work.",
             "That's a good job.")),
    "place": (("My {r} {n} lives {place}.", "{n} lives {place}.", "{p:c} lives {place}.", "My {r} lives {place}."),
              ("So {n} lives {place}.", "I hope {n} likes it there.", "Do you visit {n} sometimes?",
               "It must be nice there.")),
    "likes": (("My {r} {n} loves {likes}.", "{n} likes {likes}.", "{p:c} loves {likes}.", "{n} is crazy about {likes}.",
               "My {r} likes {likes}."),
              ("Then {n} is happy with {likes}.", "So {n} likes {likes}.", "I can see why {n} likes {likes}.",
               "{likes:c} is a good thing to like.")),
}
_ASKS = {
    "called": (("What is my {r} called?", "What's my {r:p} name?", "my {r:p} name?", "Do you remember my {r:p} name?",
                "And my {r}, what's the name?"),
               ("Your {r} is called {n}.", "Your {r:p} name is {n}.", "{n} is your {r}.", "Your {r} is {n}.")),
    "who": (("Who is {n}?", "who was {n} again", "Do you remember who {n} is?", "{n}, who is that?"),
            ("{n} is your {r}.", "That's your {r}.", "Your {r} is called {n}.")),
    "age": (("How old is {n}?", "how old is my {r}", "What age is {n}?", "Do you remember how old my {r} is?", "{n:p} age?"),
            ("{n} is {age}.", "Your {r} {n} is {age}.", "{n} is {age} years old.", "You said that {n} is {age}.")),
    "job": (("What does {n} do for work?", "whats my {r:p} job", "What is {n:p} job?", "What does my {r} work as?"),
            ("{n} is {job:a}.", "Your {r} {n} is {job:a}.", "You said that {n} is {job:a}.", "{n} works as {job:a}.")),
    "place": (("Where does {n} live?", "where does my {r} live", "Where did I say {n} lives?",
               "Do you remember where {n} lives?"),
              ("{n} lives {place}.", "Your {r} {n} lives {place}.", "You said that {n} lives {place}.")),
    "likes": (("What does {n} like?", "what does my {r} love", "What did I say {n} likes?", "What is {n} crazy about?"),
              ("{n} likes {likes}.", "Your {r} {n} loves {likes}.", "You said that {n} likes {likes}.")),
}
_UNTOLD = {
    "age": "You haven't told me how old {n} is.",
    "job": "You haven't told me what {n} does for work.",
    "place": "You haven't told me where {n} lives.",
    "likes": "You haven't told me what {n} likes.",
}
_WHICH = {
    "age": (("Who is {age}?", "which of them is {age}", "Who did I say is {age}?"),
            ("{n} is {age}.", "Your {r} {n} is {age}.", "That's {n}, your {r}.")),
    "job": (("Who is {job:a}?", "Which of them is {job:a}?", "who did i say is {job:a}"),
            ("{n} is {job:a}.", "Your {r} {n} is.", "That's {n}, your {r}.")),
    "place": (("Who lives {place}?", "which of them lives {place}", "Who did I say lives {place}?"),
              ("{n} lives {place}.", "Your {r} {n} does.", "That's {n}, your {r}.")),
    "likes": (("Who likes {likes}?", "Which of them likes {likes}?", "who was it that loves {likes}"),
              ("{n} likes {likes}.", "Your {r} {n} does.", "That's {n}, your {r}.")),
}
_BOTH = ("I have {r:a}, {n}, and {r2:a}, {n2}.", "My {r} is called {n} and my {r2} is {n2}.",
         "I live with my {r} {n} and my {r2} {n2}.", "My {r} {n} and my {r2} {n2} are here today.",
         "{n} is my {r} and {n2} is my {r2}.", "there's {n}, my {r}, and {n2}, my {r2}")
_BOTH_REPLIES = ("Hello to {n} and {n2}!", "{n} and {n2} are nice names.", "So your {r} is {n} and your {r2} is {n2}.",
                 "How nice. Greetings to {n} and {n2}.", "I'll remember both, {n} and {n2}.")
_CHILDREN = ("I have two kids, {n} and {n2}.", "I've got two children, {n} and {n2}.", "My kids are called {n} and {n2}.",
             "{n} and {n2} are my children.", "i have two kids: {n} and {n2}")
_CHILDREN_REPLIES = ("Two children, how nice. How old are they?", "{n} and {n2} are nice names.",
                     "Greetings to {n} and {n2}.", "How nice. Which of them is older?")
_ONE = ("My {r} is called {n}.", "I have {r:a}, {n}.", "{n} is my {r}.", "My {r:p} name is {n}.",
        "This is about my {r}, {n}.")
_ONE_REPLIES = ("{n} is a nice name.", "So your {r} is called {n}.", "Greetings to {n}.", "Tell me more about {n}.")
_OLDER = (("Who is older, {n} or {n2}?", "which one is older", "Who is the older one?"),
          ("{o} is older.", "{o}, your {or}, is older.", "{o} is the older one."))
_ALL = (("Who did I tell you about?", "What do you know about my family?", "name the two", "Which names did I tell you?"),
        ("You told me about {n}, your {r}, and {n2}, your {r2}.", "About your {r} {n} and your {r2} {n2}."))
# fmt: on


def compose(chat: Chat) -> None:
    """Two are told of, then asked about; with something else in between, now and then."""
    chat.length = _LONGEST
    first, second = _pair(chat)
    both = {**first.words, **{f"{key}2": value for key, value in second.words.items()}}
    if {first.role, second.role} == {"son", "daughter"} and chat.chance(0.5):
        chat.exchange(_CHILDREN, _CHILDREN_REPLIES, **both)
    elif chat.chance(0.6):
        chat.exchange(_BOTH, _BOTH_REPLIES, **both)
    else:
        for person in (first, second):
            chat.turn_to(_ONE, _ONE_REPLIES, **person.words)
    tells = [(person, kind) for person in (second, first) for kind in person.facts]
    last = None
    for person, kind in tells:
        asks, answers = _TELLS[kind]
        # A pronoun alone means whoever was spoken of last.
        clear = asks if person is last else [ask for ask in asks if "{p:c}" not in ask]
        chat.exchange(clear, answers, **person.words)
        last = person
    if chat.chance(_ASIDE):
        quiet_aside(chat)
    questions = _questions(first, second, both, tells)
    for question in chat.rng.sample(questions, min(len(questions), chat.rng.randint(*_ASKED))):
        question(chat)


def _questions(
    first: Person, second: Person, both: dict[str, str], tells: list[tuple[Person, str]]
) -> list[Callable[[Chat], None]]:
    def asked(table: tuple[tuple[str, ...], tuple[str, ...]], words: dict[str, str]) -> Callable[[Chat], None]:
        return lambda chat: chat.exchange(*table, **words)

    found = [asked(_ASKS[kind], person.words) for person in (first, second) for kind in ("called", "who")]
    found += [asked(_ASKS[kind], person.words) for person, kind in tells]
    untold = [(person, kind) for person in (first, second) for kind in person.untold]
    found += [asked((_ASKS[kind][0], (_UNTOLD[kind],)), person.words) for person, kind in untold[:2]]
    # Names that everybody knows, so that "who was" is not always one of the two.
    found += [lambda chat: requests.ask(chat, "who")] * 2
    found += [asked(_WHICH[kind], person.words) for person, kind in tells if first.facts.get(kind) != second.facts.get(kind)]
    found.append(asked(_ALL, both))
    if "age" in first.facts and "age" in second.facts and first.facts["age"] != second.facts["age"]:
        older = max(first, second, key=lambda person: int(person.facts["age"]))
        found.append(asked(_OLDER, {**both, "o": older.name, "or": older.role}))
    return found


def _pair(chat: Chat) -> tuple[Person, Person]:
    roles = ["daughter", "son"] if chat.chance(0.25) else chat.rng.sample(sorted({*_SHE, *_HE, *_ANIMALS}), 2)
    chat.rng.shuffle(roles)
    people = [_person(chat, role) for role in roles]
    while people[1].name == people[0].name:
        people[1] = _person(chat, roles[1])
    return people[0], people[1]


def _person(chat: Chat, role: str) -> Person:
    animal = role in _ANIMALS
    she = role in _SHE and (role not in _HE or chat.chance(0.5))
    name = chat.pick(PET_NAMES if animal else WOMEN if she else MEN) if chat.chance(0.8) else invented(chat.rng)
    kinds = ["age", "likes"] if animal or role in ("son", "daughter") else ["age", "job", "place", "likes"]
    ages = range(1, 15) if animal else range(2, 18) if role in _YOUNG else range(45, 90) if role in _OLD else range(18, 60)
    values = {
        "age": str(chat.rng.choice(ages)),
        "job": chat.rng.choice(_JOBS),
        "place": chat.rng.choice(_PLACES),
        "likes": chat.rng.choice(_PET_LIKES if animal else _LIKES),
    }
    told = chat.rng.sample(kinds, chat.rng.choice((0, 1, 1, 2)))
    pronoun = chat.rng.choice(("he", "she")) if animal else "she" if she else "he"
    return Person(role, name, pronoun, {kind: values[kind] for kind in told}, [kind for kind in kinds if kind not in told])
