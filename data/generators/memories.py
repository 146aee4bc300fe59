"""What people tell about themselves and ask for later: each kind with its telling, its asking and its values."""

from collections.abc import Mapping
from dataclasses import dataclass

from .chat import listed
from .people import NAMES, PET_NAMES


@dataclass(frozen=True, eq=False)
class Memory:
    """A kind of fact about the user. All texts share the slots.

    `recalls` pairs questions with answers, one pair for each thing that can be asked about the fact. `unknown` pairs
    questions of the same kind, when nothing was told, with honest answers.
    """

    name: str
    slots: Mapping[str, tuple[str, ...]]
    tells: tuple[str, ...]
    replies: tuple[str, ...]
    recalls: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    unknown: tuple[tuple[str, ...], tuple[str, ...]] | None = None


# fmt: off
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)
TOWNS = listed("""Lisbon Boston Nairobi Oslo Denver Mumbai Toronto Seville Dublin Leeds Krakow Lima Osaka Hamburg Lagos
    Cairo Austin Porto Prague Manila Bristol Quito Accra Izmir Turin Lyon Ghent Malmo
    Seattle Chicago Perth Jakarta Tampa Boise Cork Bergen Graz Basel Utrecht Dakar""")
FAVORITES: dict[str, tuple[str, ...]] = {
    "color": ("red", "blue", "green", "yellow", "purple", "orange", "black", "white", "pink", "turquoise", "gray", "gold",
              "silver", "brown"),
    "food": ("pizza", "sushi", "lasagna", "curry", "ramen", "tomato soup", "goulash", "fried rice", "couscous", "falafel",
             "spaghetti", "chili", "risotto", "potato salad", "paella", "chicken soup", "lentil stew"),
    "season": ("spring", "summer", "fall", "winter"),
    "sport": ("soccer", "tennis", "swimming", "basketball", "cricket", "rugby", "judo", "volleyball", "skiing", "cycling",
              "running", "badminton", "hockey", "climbing", "rowing"),
    "animal": ("the fox", "the owl", "the elephant", "the dolphin", "the tiger", "the penguin", "the hedgehog", "the horse",
               "the turtle", "the otter", "the giraffe", "the panda", "the wolf"),
    "fruit": ("mango", "apple", "banana", "cherry", "peach", "melon", "pear", "kiwi", "pineapple", "plum", "papaya", "fig"),
    "number": ("seven", "three", "eleven", "four", "nine", "thirteen", "twenty-one", "eight", "two", "forty-two"),
    "drink": ("tea", "coffee", "lemonade", "cocoa", "apple juice", "water", "iced tea", "milk", "ginger tea",
              "orange juice"),
    "subject": ("math", "art", "music", "history", "geography", "science", "English", "biology", "gym"),
    "instrument": ("the piano", "the violin", "the guitar", "the banjo", "the flute", "the harp", "the trumpet",
                   "the cello"),
    "day of the week": _DAYS,
    "month": _MONTHS,
    "flower": ("the rose", "the tulip", "the sunflower", "the daisy", "the lily", "the orchid", "the poppy"),
    "ice cream flavor": ("vanilla", "chocolate", "strawberry", "pistachio", "lemon", "mint", "caramel", "coconut"),
}

FAVORITE_TELLS = ("My favorite {c} is {v}.", "{v} is my favorite {c}.", "My favorite {c} has always been {v}.",
                  "If you ask me, the best {c} is {v}. It's my favorite.", "For me the best {c} is {v}.",
                  "You should know that my favorite {c} is {v}.", "Just so you know, my favorite {c} is {v}.",
                  "There are many good ones, but my favorite {c} is {v}.", "Remember this: my favorite {c} is {v}.")
FAVORITE_REPLIES = ("{v:c}, a fine choice!", "Good to know: your favorite {c} is {v}.",
                    "{v:c} is a good one. I'll remember it.", "So {v} it is. I'll keep that in mind{to}.",
                    "I like the sound of that. {v:c} is noted!", "{v:c}! I'll remember that in this chat.",
                    "Nice{to}, {v} has many fans.", "Thanks for telling me that you like {v}.", "{v:c}, got it.")
FAVORITE_ASKS = (
    "What's my favorite {c}?", "What is my favorite {c}?", "Do you remember my favorite {c}?", "Which {c} do I like best?",
    "What did I say my favorite {c} was?", "Do you still know my favorite {c}?", "My favorite {c}, which was it?",
    "Tell me my favorite {c}.", "Which {c} is my favorite?", "Quiz for you: what's my favorite {c}?",
)
FAVORITE_ANSWERS = (
    "Your favorite {c} is {v}.", "It's {v}.", "You told me it's {v}.", "{v:c}{to}, as you told me.",
    "You said your favorite {c} is {v}.", "{v:c} is your favorite {c}.", "That's {v}. You mentioned it in this chat.",
    "I remember: {v}.",
)
FAVORITE_UNKNOWN = (
    "You haven't told me your favorite {c} yet. What is it?", "I don't know your favorite {c}. Will you tell me?",
    "You haven't mentioned a favorite {c} so far.", "I can't know that yet{to}. What's your favorite {c}?",
    "I don't know, you didn't say which {c} you like best.", "You never told me. Which {c} do you like best?",
)

_PETS = (
    "dog", "cat", "rabbit", "hamster", "parrot", "turtle", "goldfish", "guinea pig", "pony", "lizard", "canary", "ferret",
)

MEMORIES: tuple[Memory, ...] = (
    Memory(
        "pet", {"pet": _PETS, "n": PET_NAMES},
        ("I have {pet:a} called {n}.", "My {pet} is called {n}.", "My {pet:p} name is {n}.", "I've got {pet:a}, {n}.",
         "{n} is my {pet}.", "We have {pet:a} at home, it's called {n}.", "I live with my {pet} {n}.",
         "There's a new {pet} in our house, we named it {n}.", "I'm sitting here with {n}, my {pet}.",
         "Our {pet} is named {n}."),
        ("{n} is a great name for {pet:a}!", "Say hello to {n} from me!", "{pet:a} called {n}, how sweet.",
         "I hope {n} is doing well.", "{n}! I like that name.",
         "Nice. A home with {pet:a} is never boring, and {n} sounds fun.", "Give {n} a kind word from me{to}."),
        (
            (("What's my {pet:p} name?", "What is my {pet} called?", "Do you remember my {pet:p} name?",
              "What was the name of my {pet}?", "How is my {pet} called again?", "What did I call my {pet}?",
              "Name of my {pet}?", "Do you still know what my {pet} is called?"),
             ("Your {pet} is called {n}.", "{n}.", "Your {pet:p} name is {n}.", "It's {n}{to}.",
              "You told me your {pet} is called {n}.", "{n}, of course! Your {pet}.", "I remember {n}, your {pet}.")),
            (("What kind of animal is {n}?", "Who is {n}?", "Do you remember who {n} is?",
              "What is {n}, a dog or something else?", "Which pet do I have?", "What pet do I have?",
              "What animal do I live with?"),
             ("{n} is your {pet}.", "You have {pet:a} called {n}.", "{n} is {pet:a}, as you told me.", "Your {pet}, {n}.",
              "That's your {pet}{to}. It's called {n}.", "You told me about {n}, your {pet}.")),
        ),
        (("What's my dog's name?", "What is my pet called?", "Do you know my cat's name?", "What's the name of my pet?",
          "Do I have a pet?", "Which animal do I have?"),
         ("You haven't told me about a pet yet. Do you have one?", "I don't know, you haven't mentioned a pet{to}.",
          "You didn't tell me about any pet so far.", "I can't know that, you haven't said anything about a pet.",
          "I don't know. Tell me about your pet!")),
    ),
    Memory(
        "town", {"v": TOWNS},
        ("I live in {v}.", "I'm from {v}.", "My home is in {v}.", "I'm writing from {v}.", "We live in {v}.",
         "My town is {v}.", "I come from {v}, and I still live here.", "Greetings from {v}, that's where I live.",
         "{v} is my home."),
        ("{v}! I know it only from texts.", "Greetings to {v}!", "{v} must be full of stories.",
         "Nice to hear from somebody in {v}.", "I'll remember that: you're at home in {v}.",
         "{v}, noted. I hope it's a nice place to live{to}."),
        ((("Where do I live?", "Which town do I live in?", "Do you remember where I live?",
           "What did I say, where do I live?", "Where am I from?", "Where is my home?", "In which city do I live?",
           "What's my town?", "Do you know where I'm from?"),
          ("You live in {v}.", "In {v}{to}.", "You told me you live in {v}.", "Your home is in {v}.", "{v}, you said.",
           "You're from {v}.")),),
        (("Where do I live?", "Do you know where I live?", "Which city am I in?", "Where am I from?", "What town am I from?",
          "Where is my home?"),
         ("I don't know, you haven't told me where you live.", "You haven't told me yet. Where do you live?",
          "I can't know that{to}. You didn't mention a place.", "I don't know where you are, I only see your words.",
          "You didn't say. Which town is it?")),
    ),
    Memory(
        "job", {"v": ("nurse", "teacher", "baker", "bus driver", "gardener", "plumber", "dentist", "farmer", "painter",
                      "chef", "librarian", "electrician", "carpenter", "student", "pilot", "vet", "waiter", "engineer",
                      "tailor", "firefighter", "mechanic", "architect", "cashier", "postman")},
        ("I'm {v:a}.", "I work as {v:a}.", "I am {v:a} by trade.", "I've been {v:a} for years.", "I earn my money as {v:a}.",
         "For a living I'm {v:a}.", "I just came home from work, I'm {v:a}."),
        ("{v:a}! That's useful work.", "I imagine {v:a} has a lot to tell.", "Working as {v:a} must keep you busy.",
         "Good to know that you're {v:a}.", "The world needs people like you. {v:a}, noted{to}.",
         "Being {v:a} is a real job. I hope it treats you well."),
        ((("What's my job?", "What do I do for a living?", "Do you remember my job?", "What do I work as?",
           "What did I say my job was?", "What is my work?", "Do you still know what I do?", "What am I by trade?"),
          ("You're {v:a}.", "You work as {v:a}.", "You told me you're {v:a}.", "You earn your living as {v:a}.",
           "{v:a}, you said{to}.", "I remember: you're {v:a}.")),),
        (("What's my job?", "Do you know what I do for a living?", "What do I work as?", "Where do I work?",
          "Guess what my job is?", "What is my job again?"),
         ("You haven't told me about your job yet.", "I don't know. What do you do?",
          "You didn't mention your work{to}. What is it?", "I can't know that until you tell me.",
          "I don't know your job. Tell me!")),
    ),
    Memory(
        "age", {"v": tuple(str(age) for age in range(6, 90))},
        ("I'm {v} years old.", "I am {v}.", "My age is {v}.", "I just turned {v}.", "I'm {v}.", "I'm already {v} years old.",
         "It was my birthday, I'm {v} now.", "I'm {v}, by the way."),
        ("{v} is a good age.", "{v}! I have no age at all, being a program.",
         "{v} years, and every one of them has its stories.", "Thanks for telling me. I'll remember that you're {v}.",
         "{v}, noted{to}!", "A good number, {v}."),
        ((("How old am I?", "What's my age?", "Do you remember my age?", "Do you remember how old I am?",
           "What did I say, how old am I?", "My age was what again?", "Can you tell me how old I am?"),
          ("You're {v}.", "You're {v} years old.", "You told me you're {v}.", "{v}{to}.", "You said you're {v} years old.",
           "Your age is {v}.")),),
        (("How old am I?", "Do you know my age?", "Can you guess how old I am?", "What's my age?", "Am I old?",
          "How many years old am I?"),
         ("I don't know, you haven't told me your age.", "You haven't said how old you are.",
          "I can't know that{to}. How old are you?", "You didn't tell me. How old are you?",
          "I don't know. I only see your words, and they don't have an age.")),
    ),
    Memory(
        "plan",
        {"d": _DAYS, "p": ("go to the dentist", "visit my grandma", "play a concert", "go fishing", "fly to Rome",
                           "bake a cake for my dad", "go to the movies", "paint my room", "run a race", "meet my cousin",
                           "go hiking", "see a play", "move to a new house", "clean the cellar", "pick up my new bike",
                           "start my new job")},
        ("On {d} I'm going to {p}.", "I'll {p} on {d}.", "My plan for {d} is to {p}.", "I'm going to {p} on {d}.",
         "Next {d} I get to {p}.", "On {d} I have to {p}.", "{d} is the day, I'm going to {p}.", "I want to {p} on {d}."),
        ("Then {d} won't be boring.", "I'll keep it in mind: {d}.", "You'll {p2} on {d}, got it.",
         "I hope {d} goes well{to}!", "A plan for {d}, good. I hope all goes smoothly when you {p2}.",
         "So on {d} you'll {p2}. I wish you a good day for it."),
        (
            (("When am I going to {p}?", "On which day will I {p}?", "What day did I say I'll {p}?",
              "Do you remember when I'm going to {p}?", "Which day was it, my plan to {p}?", "When will I {p}, again?"),
             ("On {d}.", "You'll {p2} on {d}.", "It was {d}{to}.", "You said {d}.", "On {d}, you told me.",
              "You're going to {p2} on {d}.")),
            (("What am I doing on {d}?", "What's my plan for {d}?", "What did I say about {d}?", "What will I do on {d}?",
              "Do you remember my plan for {d}?", "And what was on {d}?"),
             ("On {d} you're going to {p2}.", "You'll {p2}.", "Your plan for {d} is to {p2}.",
              "You told me that you'll {p2} on {d}.", "You want to {p2} on {d}{to}.", "You're going to {p2}.")),
        ),
        (("What am I doing on Friday?", "What's my plan for Sunday?", "What are my plans for tomorrow?",
          "Where am I going on Monday?", "What did I say about Saturday?", "What am I going to do next week?"),
         ("I don't know, you haven't told me your plans.", "You haven't mentioned any plans yet. What will you do?",
          "I can't know your plans{to}. Tell me about them!", "You didn't tell me that.",
          "I don't know about any plans so far.")),
    ),
    Memory(
        "sibling", {"r": ("brother", "sister", "little brother", "big sister", "twin sister", "little sister", "big brother",
                          "cousin", "best friend"), "n": NAMES},
        ("My {r} is called {n}.", "I have a {r}, {n}.", "My {r:p} name is {n}.", "{n} is my {r}.",
         "I'm here with my {r} {n}.", "My {r} {n} says hi.", "I grew up with my {r} {n}.", "I have a {r} called {n}."),
        ("Say hello to {n}!", "{n}, a nice name. I hope you two get along well.", "Nice to hear about your {r} {n}.",
         "Greetings to {n} from me.", "I'll remember {n}, your {r}.", "Good to know{to}. Greetings to {n}!"),
        (
            (("What's my {r:p} name?", "What is my {r} called?", "Do you remember my {r:p} name?",
              "How is my {r} called again?", "What was the name of my {r}?", "Name of my {r}?"),
             ("Your {r} is called {n}.", "{n}.", "Your {r:p} name is {n}.", "It's {n}{to}.",
              "You told me your {r} is called {n}.", "{n}, your {r}.")),
            (("Who is {n}?", "Do you remember who {n} is?", "Who was {n} again?", "Tell me who {n} is.", "{n}, who is that?",
              "What did I tell you about {n}?"),
             ("{n} is your {r}.", "That's your {r}.", "Your {r}, you told me.", "{n} is your {r}{to}.",
              "You said {n} is your {r}.", "Your {r} {n}.")),
        ),
        (("What's my brother's name?", "Do you know my sister's name?", "What is my brother called?", "Do I have a sister?",
          "How many brothers do I have?", "What's the name of my sister?"),
         ("You haven't told me about that yet.", "I don't know, you haven't mentioned brothers or sisters.",
          "I can't know that{to}. Tell me!", "You didn't say anything about your family so far.",
          "I don't know. Do you have brothers or sisters?")),
    ),
    Memory(
        "birthday", {"v": _MONTHS},
        ("My birthday is in {v}.", "I was born in {v}.", "I have my birthday in {v}.", "{v} is the month of my birthday.",
         "I celebrate my birthday in {v}.", "In {v} I have my birthday."),
        ("{v} is a fine month for a birthday.", "{v:a} birthday, noted!", "I'll remember {v}, at least in this chat.",
         "So there's cake in {v}, I hope.", "Good to know{to}: your birthday is in {v}."),
        ((("When is my birthday?", "In which month is my birthday?", "Do you remember my birthday month?",
           "Which month was I born in?", "What month is my birthday in?", "When do I have my birthday?"),
          ("Your birthday is in {v}.", "In {v}.", "You told me it's in {v}.", "It's in {v}{to}.", "{v}, you said.",
           "You were born in {v}.")),),
        (("When is my birthday?", "Do you know my birthday?", "Which month was I born in?", "When was I born?",
          "In which month is my birthday?", "How long until my birthday?"),
         ("I don't know, you haven't told me your birthday.", "You haven't mentioned your birthday yet. When is it?",
          "I can't know that{to}. In which month is it?", "You didn't tell me when your birthday is.",
          "I don't know. When is it?")),
    ),
    Memory(
        "place",
        {"o": ("book", "umbrella", "phone", "wallet", "hat", "passport", "ticket", "charger", "notebook", "key", "toy car",
               "diary"), "l": ("under the bed", "on the shelf", "in the kitchen drawer", "behind the sofa",
                               "in the blue bag", "on the windowsill", "in the top drawer", "next to the lamp", "in the car",
                               "under the pillow", "by the front door", "in the old shoe box")},
        ("I put my {o} {l}.", "My {o} is {l}.", "Please remember: my {o} is {l}.", "I left my {o} {l}.", "I hid my {o} {l}.",
         "Keep in mind that my {o} is {l}.", "Don't let me forget, my {o} is {l}."),
        ("Got it: your {o} is {l}.", "{l:c}, I'll remember that.", "Okay{to}, {l}. I'll remind you.",
         "Your {o} is {l}. Noted!", "I'll keep it in mind for this chat: {l}.", "All right, the {o} is {l}."),
        ((("Where is my {o}?", "Where did I put my {o}?", "Do you remember where my {o} is?",
           "I can't find my {o}, where was it?", "Where did I leave my {o}?", "Where's my {o} again?"),
          ("Your {o} is {l}.", "{l:c}, as you told me.", "You said it's {l}.", "It's {l}, if nobody has moved it.",
           "You told me it's {l}{to}.", "Look {l}. That's where your {o} is.")),),
    ),
    Memory(
        "list",
        {"a": ("milk", "eggs", "flour", "onions", "soap", "apples"), "b": (
            "bread", "butter", "rice", "carrots", "tea", "candles",
        ), "c": ("cheese", "salt", "bananas", "honey", "tomatoes", "paper")},
        ("I need to buy {a}, {b} and {c}.", "My shopping list: {a}, {b} and {c}.",
         "I have to get {a}, {b} and {c} at the store.", "Please remember my list: {a}, {b}, {c}.",
         "We're out of {a}, {b} and {c}.", "Today I'm shopping for {a}, {b} and {c}."),
        ("{a:c}, {b} and {c}, got it.", "Noted: {a}, {b} and {c}.", "I'll remember: {a}, {b} and {c}.",
         "Okay{to}, three things: {a}, {b} and {c}.", "Three things on the list, then: {a}, {b} and {c}."),
        (
            (("What's on my list?", "What did I want to buy?", "What do I need to buy?", "Do you remember my shopping list?",
              "What was on my shopping list?", "What do I need from the store?"),
             ("{a:c}, {b} and {c}.", "You need {a}, {b} and {c}.", "Your list was {a}, {b} and {c}.",
              "Three things{to}: {a}, {b} and {c}.", "You wanted to buy {a}, {b} and {c}.",
              "On your list are {a}, {b} and {c}.")),
            (("I have {a} and {b} now. What's missing?", "Got {a} and {b}. What else?",
              "I found {a} and {b}, what's left on my list?", "{a} and {b} are in the basket. What's the last thing?",
              "Only {a} and {b} so far. What did I forget?", "I bought {a} and {b}, what is still missing?"),
             ("The last thing on your list: {c}.", "Now you only need {c}.", "Just {c}.", "{c:c} is still missing{to}.",
              "Only {c} is left.", "You still need {c}.")),
        ),
        (("What's on my shopping list?", "What did I want to buy?", "What do I need from the store?",
          "Do you remember my list?", "What was on my list?", "Read me my shopping list."),
         ("You haven't given me a list yet.", "I don't know, you haven't told me what you need.",
          "There's no list so far{to}. What do you need?", "You didn't mention a shopping list.",
          "I have no list from you yet. Tell me, and I'll remember it.")),
    ),
)

PAIRS: tuple[tuple[str, str], ...] = (
    ("tea", "coffee"), ("cats", "dogs"), ("summer", "winter"), ("apples", "pears"), ("the sea", "the mountains"),
    ("trains", "planes"), ("pizza", "pasta"), ("chess", "checkers"), ("books", "movies"), ("red", "blue"),
    ("the morning", "the evening"), ("soccer", "tennis"),
    ("chocolate", "vanilla"), ("rain", "snow"), ("cake", "ice cream"), ("the city", "the country"), ("milk", "juice"),
    ("singing", "dancing"), ("bikes", "cars"), ("math", "English"), ("spring", "fall"), ("horses", "cows"),
    ("drawing", "painting"), ("sweet food", "salty food"),
    ("rice", "potatoes"), ("roses", "tulips"), ("running", "swimming"), ("the piano", "the guitar"), ("carrots", "peas"),
    ("lions", "tigers"),
)
PAIR_TELLS = (
    "I like {x} more than {y}.", "I prefer {x} to {y}.", "{x} or {y}? For me it's {x}.", "I like {x} better than {y}.",
    "Between {x} and {y} I'd always pick {x}.", "I don't like {y} much, I prefer {x}.",
    "If I must choose between {y} and {x}, I take {x}.", "Not {y}, I prefer {x}.",
)
PAIR_REPLIES = (
    "So {x} it is. I'll remember that.", "{x:c} over {y}, noted!", "Good to know that you prefer {x}.",
    "I see, for you {x} wins.", "Then {x} for you{to}, and somebody else can have {y}.", "A clear answer: {x}.",
)
PAIR_ASKS = (
    "Which of the two did I prefer?", "Which did I prefer, {a} or {b}?", "Do I like {a} or {b} better?",
    "What do I like more, {a} or {b}?", "{a} or {b}, what was my choice?", "Do you remember which I like more, {a} or {b}?",
    "Did I say I prefer {a} or {b}?",
)
PAIR_ANSWERS = (
    "You prefer {x} to {y}.", "You like {x} better.", "You said you prefer {x}.", "{x:c}{to}.",
    "You like {x} more than {y}.", "Your choice was {x}.",
)
# fmt: on
