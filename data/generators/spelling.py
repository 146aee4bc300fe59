"""Short words letter by letter: first and last letters, their number, and the spelling."""

from .chat import Chat, listed

# fmt: off
_WORDS = listed(
    """cat dog sun moon tree bird fish milk book home rain snow star cake king ring ship door lamp hand frog bear duck goat
    horse mouse house table chair apple bread water happy green black
    white yellow music paper river stone light night day sky sea bus car cup hat bed box pen map nut egg ant bee owl fox pig
    cow leaf root seed road park ball kite game song word name
    year week time snail tiger zebra lion piano candy lemon melon grape plum peach onion pizza soup salt sugar honey cloud
    storm wind beach sand shell boat train plane truck wheel
    friend school pencil window garden flower summer winter spring orange purple banana kitten rabbit monkey spider turtle
    dragon castle bridge forest island planet rocket doctor
    sister brother mother father family kitchen blanket pumpkin penguin"""
)
_SLIPS = (
    ("friend", "freind"), ("school", "scool"), ("garden", "gardin"), ("orange", "oringe"), ("doctor", "docter"),
    ("island", "iland"), ("castle", "cassle"), ("spider", "spidar"), ("winter", "wintir"), ("people", "peple"),
    ("banana", "bananna"), ("monkey", "munkey"), ("turtle", "tertle"), ("pencil", "pensil"), ("rabbit", "rabit"),
    ("kitten", "kiten"), ("summer", "sumer"), ("yellow", "yelow"), ("purple", "purpel"), ("planet", "plannet"),
    ("music", "musik"), ("tiger", "tyger"), ("apple", "aple"), ("water", "watter"), ("house", "howse"), ("happy", "hapy"),
    ("because", "becuase"), ("animal", "anamal"), ("answer", "anser"), ("guess", "gess"), ("night", "nite"),
    ("listen", "lissen"), ("letter", "leter"), ("forest", "forrest"), ("kitchen", "kichen"), ("sugar", "shugar"),
    ("circle", "sircle"), ("minute", "minit"), ("favorite", "favrite"), ("tomorrow", "tommorow"),
)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_FIRST_ASKS = (
    "What's the first letter of {w}?", "What is the first letter in {w}?", "Which letter does {w} start with?",
    "What letter does {w} begin with?", "{w} starts with which letter?", "First letter of {w}?",
    'Tell me the first letter of "{w}".',
)
_FIRST_REPLIES = ("The first letter of {w} is {l}.", "{w:c} starts with {l}.")
_LAST_ASKS = (
    "What's the last letter of {w}?", "What is the last letter in {w}?", "Which letter does {w} end with?",
    "What letter does {w} end in?", "{w} ends with which letter?", "Last letter of {w}?",
    'Tell me the last letter of "{w}".',
)
_LAST_REPLIES = ("The last letter of {w} is {l}: {s}.", "{w:c} is spelled {s}, so the last letter is {l}.")
_LENGTH_ASKS = (
    "How many letters does {w} have?", "How many letters are in {w}?", 'How long is the word "{w}"?',
    "Count the letters in {w}.", "{w} has how many letters?", "Letters in {w}?", 'How many letters are there in "{w}"?',
)
_LENGTH_REPLIES = ("{w:c} is spelled {s}. That's {n} letters.", "Let's count: {s}. That's {n} letters.")
_SPELL_ASKS = (
    "How do you spell {w}?", "How is {w} spelled?", "Spell {w}.", "Can you spell {w}?", 'Please spell "{w}" for me.',
    "Spelling of {w}?", "How do I write {w}?", "Can you spell {w} letter by letter?",
)
_SPELL_REPLIES = ("{w:c} is spelled {s}.", "{w:c} is spelled {s}{to}.", "You spell {w} like this: {s}.")
_CHECK_ASKS = (
    'Is "{x}" spelled right?', 'Do you spell it "{x}"?', 'Is it "{x}" with those letters?',
    'I wrote "{x}". Is that correct?', 'Did I spell "{x}" right?', '"{x}", is that the right spelling?',
)
_CHECK_YES = ("Yes, {w} is spelled {s}.", "Yes{to}, that's right: {s}.")
_CHECK_NO = ("No, {w} is spelled {s}.", "Not quite{to}. {w:c} is spelled {s}.")
_HAS_ASKS = (
    "Is there {l:a} in {w}?", "Does {w} have the letter {l}?", "Is the letter {l} in {w}?", 'Do you find {l:a} in "{w}"?',
    "Can you see the letter {l} in {w}?", "{w}: does it contain the letter {l}?",
)
_HAS_YES = ("Yes, {w} has the letter {l}: {s}.", "Yes{to}, the letter {l} is in {w}: {s}.")
_HAS_NO = ("No, {w} has no {l}: {s}.", "No{to}, the letter {l} is not in {w}: {s}.")
_BACK_ASKS = (
    "Spell {w} backwards.", "What is {w} backwards?", "Can you write {w} from back to front?", "{w} in reverse?",
    "Turn the letters of {w} around.", "How do you spell {w} backwards?",
)
_BACK_REPLIES = ("{w:c} backwards is {s}.", "From back to front {w} is {s}.")
_START_ASKS = (
    "Tell me a word that starts with {l}.", "Do you know a word with {l} at the start?",
    "A word beginning with {l}, please.", "Which word starts with {l}?", "I need a word that begins with the letter {l}.",
    "Give me a word with {l}.",
)
_START_REPLIES = ("{w:c} starts with {l}.", "{w:c} is a word that starts with {l}.")
# fmt: on


def _spelled(word: str) -> str:
    # The way a person reads letters out: apart from each other, never as a word.
    return "-".join(word.upper())


def ask(chat: Chat) -> None:
    """One question about a word's letters."""
    word = chat.pick(_WORDS)
    kind = chat.pick_weighted(
        ("first", "last", "length", "spell", "check", "has", "back", "start"), (4, 4, 5, 6, 2, 2, 1, 2)
    )
    spelled = _spelled(word)
    if kind == "first":
        chat.turn_to(_FIRST_ASKS, _FIRST_REPLIES, w=word, l=word[0].upper())
    elif kind == "last":
        chat.turn_to(_LAST_ASKS, _LAST_REPLIES, w=word, l=word[-1].upper(), s=spelled)
    elif kind == "length":
        chat.turn_to(_LENGTH_ASKS, _LENGTH_REPLIES, w=word, n=_NUMBERS[len(word)], s=spelled)
    elif kind == "spell":
        chat.turn_to(_SPELL_ASKS, _SPELL_REPLIES, w=word, s=spelled)
    elif kind == "check":
        right = chat.chance(0.5)
        word, wrong = chat.pick(_SLIPS)
        chat.turn_to(
            _CHECK_ASKS,
            _CHECK_YES if right else _CHECK_NO,
            x=word if right else wrong,
            w=word,
            s=_spelled(word),
        )
    elif kind == "has":
        inside = chat.chance(0.5)
        letter = chat.rng.choice(word if inside else [other for other in "abcdefghiklmnoprstuwy" if other not in word])
        chat.turn_to(_HAS_ASKS, _HAS_YES if inside else _HAS_NO, w=word, l=letter.upper(), s=spelled)
    elif kind == "back":
        chat.turn_to(_BACK_ASKS, _BACK_REPLIES, w=word, s=_spelled(word[::-1]))
    else:
        chat.turn_to(_START_ASKS, _START_REPLIES, w=word, l=word[0].upper())


def compose(chat: Chat) -> None:
    """A chat about the letters of words."""
    while chat.left:
        ask(chat)
