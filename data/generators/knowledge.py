"""Tables of true facts that a child knows, each kind with its ways to ask and to answer."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Subject:
    """A kind of fact: a table from thing to answer, `{k}` and `{v}` in the wordings.

    `guessable` kinds have one right answer each, so that another row's answer is surely wrong.
    """

    name: str
    table: Mapping[str, str]
    asks: tuple[str, ...]
    replies: tuple[str, ...]
    quiz: tuple[str, ...]
    guessable: bool = True


def _table(text: str) -> dict[str, str]:
    """The rows of "thing: answer, thing: answer", however the lines break."""
    rows = (row.split(": ") for row in " ".join(text.split()).split(", "))
    return dict(rows)


# fmt: off
CAPITALS = _table("""
    France: Paris, Spain: Madrid, Italy: Rome, Germany: Berlin, Portugal: Lisbon, Greece: Athens, Austria: Vienna,
    Poland: Warsaw, Norway: Oslo,
    Sweden: Stockholm, Finland: Helsinki, Denmark: Copenhagen, Ireland: Dublin, Scotland: Edinburgh, Belgium: Brussels,
    Hungary: Budapest,
    Romania: Bucharest, Bulgaria: Sofia, Croatia: Zagreb, Serbia: Belgrade, Iceland: Reykjavik, Ukraine: Kyiv,
    Russia: Moscow, Turkey: Ankara,
    Egypt: Cairo, Morocco: Rabat, Tunisia: Tunis, Algeria: Algiers, Kenya: Nairobi, Ghana: Accra, Nigeria: Abuja,
    Ethiopia: Addis Ababa,
    Senegal: Dakar, Uganda: Kampala, Zambia: Lusaka, Angola: Luanda, Japan: Tokyo, China: Beijing, India: New Delhi,
    Nepal: Kathmandu, Thailand: Bangkok,
    Vietnam: Hanoi, South Korea: Seoul, Mongolia: Ulaanbaatar, Iran: Tehran, Iraq: Baghdad, Pakistan: Islamabad,
    Bangladesh: Dhaka, Lebanon: Beirut,
    Jordan: Amman, Canada: Ottawa, Cuba: Havana, Jamaica: Kingston, Brazil: Brasilia, Argentina: Buenos Aires,
    Chile: Santiago, Peru: Lima,
    Colombia: Bogota, Uruguay: Montevideo, Venezuela: Caracas, Ecuador: Quito, Paraguay: Asuncion, Australia: Canberra,
    New Zealand: Wellington,
    England: London, the United States: Washington, Mexico: Mexico City, the Philippines: Manila, Latvia: Riga,
    Estonia: Tallinn, Lithuania: Vilnius
""")

_WHICH_ASKS = (
    "What is {k}?", "What's {k}?", "Do you know {k}?", "Tell me what {k} is.", "Which one is {k}?", "Can you name {k}?",
    "I forgot, what is {k}?",
)
_WHICH_REPLIES = ("{k:c} is {v}.", "{k:c} is {v}{to}.", "That's {v}{to}.")
_WHICH_QUIZ = ("What is {k}?", "Can you name {k}?", "Do you know {k}?")

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "capitals", CAPITALS,
        ("What is the capital of {k}?", "What's the capital of {k}?", "Which city is the capital of {k}?",
         "Do you know the capital of {k}?", "Capital of {k}?", "Tell me the capital of {k}.", "{k}: what's the capital?",
         "What is {k:p} capital?"),
        ("The capital of {k} is {v}.", "The capital of {k} is {v}{to}.", "{k:p} capital is {v}."),
        ("What is the capital of {k}?", "Which city is the capital of {k}?", "Do you know the capital of {k}?",
         "The capital of {k} is which city?"),
    ),
    Subject(
        "sounds",
        _table("""
            cow: moo, dog: woof, cat: meow, sheep: baa, duck: quack, pig: oink, rooster: cock-a-doodle-doo, horse: neigh,
            owl: hoot, bee: buzz, mouse: squeak, frog: ribbit, snake: hiss, lion: roar, donkey: hee-haw, crow: caw, turkey:
            gobble, chick: peep, wolf: howl
        """),
        ("What does {k:a} say?", "What sound does {k:a} make?", "Which sound does {k:a} make?", "How does {k:a} go?",
         "What noise does {k:a} make?", "The {k} says what?", "Do you know what sound {k:a} makes?"),
        ('{k:a} says "{v}".', '{k:a} goes "{v}".', 'The {k} says "{v}".'),
        ("What sound does {k:a} make?", "What does {k:a} say?", "Which noise does {k:a} make?", "How does {k:a} go?"),
    ),
    Subject(
        "babies",
        _table("""
            cow: calf, dog: puppy, cat: kitten, sheep: lamb, horse: foal, chicken: chick, pig: piglet, duck: duckling, goose:
            gosling, goat: kid, bear: cub, frog: tadpole, kangaroo: joey, swan: cygnet, butterfly: caterpillar, owl: owlet
        """),
        ("What is a baby {k} called?", "What's a baby {k} called?", "What do you call a baby {k}?",
         "What is a young {k} called?", "What's the name for a baby {k}?", "Baby {k} is called what?",
         "Do you know the word for a baby {k}?"),
        ("A baby {k} is called {v:a}.", "A baby {k} is called {v:a}{to}.", "A young {k} is {v:a}."),
        ("What is a baby {k} called?", "What do you call a baby {k}?", "What's the word for a baby {k}?"),
    ),
    Subject(
        "legs",
        _table("""
            spider: eight, ant: six, bee: six, dog: four, cat: four, bird: two, chicken: two, horse: four, snake: no, snail:
            no, butterfly: six, cow: four, fish: no, elephant: four, duck: two, frog: four, fly: six, penguin: two, ladybug:
            six, worm: no, scorpion: eight, goat: four, beetle: six, giraffe: four
        """),
        ("How many legs does {k:a} have?", "How many legs has {k:a} got?", "{k:a} has how many legs?",
         "Do you know how many legs {k:a} has?", "What's the number of legs of {k:a}?", "Legs of {k:a}?",
         "How many legs does a normal {k} have?"),
        ("{k:a} has {v} legs.", "{k:a} has {v} legs{to}.", "{k:s} have {v} legs."),
        ("How many legs does {k:a} have?", "How many legs are there on {k:a}?", "Do you know how many legs {k:a} has?"),
    ),
    Subject(
        "homes",
        _table("""
            bee: hive, bird: nest, spider: web, horse: stable, bear: den, rabbit: burrow, beaver: lodge, pig: sty, hen: coop,
            fox: den, ant: anthill, mole: burrow, wolf: den
        """),
        ("Where does {k:a} live?", "What's the home of {k:a} called?", "What do you call the home of {k:a}?",
         "The house of {k:a}, what's it called?", "In what kind of home does {k:a} live?", "Where do {k:s} live?",
         "Home of {k:a}?"),
        ("{k:a} lives in {v:a}.", "The home of {k:a} is called {v:a}."),
        ("What is the home of {k:a} called?", "Where does {k:a} live?", "In what kind of home does {k:a} live?"),
        guessable=False,
    ),
    Subject(
        "foods",
        _table("""
            cow: grass, panda: bamboo, koala: eucalyptus leaves, rabbit: grass and leaves, squirrel: nuts and seeds, lion:
            meat, horse: grass and hay, sheep: grass, shark: fish and other sea animals, anteater: ants and termites, owl:
            mice and other small animals, giraffe: leaves from trees, caterpillar: leaves, goat: grass and leaves, penguin:
            fish
        """),
        ("What does {k:a} eat?", "What do {k:s} eat?", "What's the food of {k:a}?", "What is {k:a} fond of eating?",
         "Tell me what {k:a} eats.", "Which food does {k:a} eat?", "What should {k:a} have for dinner?"),
        ("{k:a} eats {v}.", "{k:s} eat {v}.", "{k:a} mostly eats {v}."),
        ("What does {k:a} eat?", "What do {k:s} eat?", "What is the food of {k:a}?"),
        guessable=False,
    ),
    Subject(
        "opposites",
        _table("""
            hot: cold, big: small, up: down, fast: slow, day: night, happy: sad, open: closed, wet: dry, old: young, high:
            low, heavy: light, hard: soft, early: late, left: right, in: out, full: empty, loud: quiet, long: short, rich:
            poor, clean: dirty, first: last, yes: no, sweet: sour, thick: thin, near: far, strong: weak, front: back, true:
            false, inside: outside, wide: narrow, above: below, push: pull, win: lose, begin: end, buy: sell, laugh: cry,
            always: never, asleep: awake, deep: shallow, rough: smooth
        """),
        ("What is the opposite of {k}?", "What's the opposite of {k}?", "The opposite of {k}?",
         "Which word is the opposite of {k}?", "Tell me the opposite of {k}.", "Opposite of {k}, please.",
         "{k}, what's the opposite?"),
        ("The opposite of {k} is {v}.", "The opposite of {k} is {v}{to}.", "{k:c} and {v} are opposites."),
        ("What is the opposite of {k}?", "Which word is the opposite of {k}?", "Tell me the opposite of {k}."),
    ),
    Subject(
        "colors",
        _table("""
            a banana: yellow, a strawberry: red, the sky on a clear day: blue, grass: green, snow: white, a carrot: orange,
            coal: black, a lemon: yellow, milk: white, chocolate: brown, a fire engine: red, a pumpkin: orange, the sun in a
            drawing: yellow, a polar bear: white, a flamingo: pink, a ripe tomato: red, broccoli: green, an elephant: gray, a
            swan: white, blood: red, a crow: black, cotton: white, a blueberry: blue, a cucumber: green, a lime: green, gold:
            yellow, spinach: green
        """),
        ("What color is {k}?", "Which color is {k}?", "What's the color of {k}?", "Tell me the color of {k}.",
         "Color of {k}?", "Do you know what color {k} is?", "{k} is what color?"),
        ("{k:c} is usually {v}.", "{k:c} is {v}.", "{k:c} is {v}{to}."),
        ("What color is {k}?", "Which color is {k}?", "What is the usual color of {k}?"),
    ),
    Subject(
        "sides",
        _table("""
            triangle: three, square: four, rectangle: four, pentagon: five, hexagon: six, octagon: eight, heptagon: seven,
            decagon: ten, rhombus: four
        """),
        ("How many sides does {k:a} have?", "How many sides are there in {k:a}?", "{k:a} has how many sides?",
         "How many corners does {k:a} have?", "Sides of {k:a}?", "Do you know how many sides {k:a} has?",
         "What's the number of sides of {k:a}?"),
        ("{k:a} has {v} sides and {v} corners.", "{k:a} has {v} sides and {v} corners{to}."),
        ("How many sides does {k:a} have?", "How many corners does {k:a} have?",
         "Count in your head: how many sides are there in {k:a}?"),
    ),
    Subject(
        "materials",
        _table("""
            bread: flour, a window pane: glass, a candle: wax, a book page: paper, a wool sweater: sheep's wool, cheese:
            milk, butter: cream, wine: grapes, an omelet: eggs, an igloo: snow, a tire: rubber, a snowball: snow, a wooden
            spoon: wood, ketchup: tomatoes, a snowman: snow, a pair of jeans: cotton, a coin: metal, honey: the nectar of
            flowers, tofu: soybeans, guacamole: avocados, paper: wood
        """),
        ("What is {k} made of?", "What do people use to make {k}?", "What's {k} made of?", "Tell me what {k} is made of.",
         "{k}, what is that made of?", "What's in {k}, mainly?", "Made of what, {k}?"),
        ("{k:c} is mainly made of {v}.", "{k:c} is made of {v}.", "It's mostly {v}{to}."),
        ("What is {k} mainly made of?", "Tell me what {k} is mainly made of.", "What is the main thing in {k}?"),
        guessable=False,
    ),
    Subject(
        "rhymes",
        _table("""
            cat: hat, dog: frog, sun: fun, moon: spoon, tree: bee, house: mouse, star: car, cake: lake, boat: goat, ring:
            king, bed: red, rain: train, snow: go, night: light, book: cook, bear: chair, ball: tall, sock: clock, fish:
            dish, nose: rose, bell: shell, day: play, box: fox, cow: now, hand: sand, blue: shoe, map: nap, pig: big, pen:
            ten, wall: fall, ice: mice, hill: bill, sing: wing, feet: sweet, toy: boy
        """),
        ("What rhymes with {k}?", "Tell me a word that rhymes with {k}.", "Give me a rhyme for {k}.",
         "I need a rhyme for {k}.", "Which word rhymes with {k}?", "A rhyme for {k}, please.", "{k} rhymes with what?"),
        ('"{k:c}" rhymes with "{v}".', '"{k:c}" and "{v}" rhyme.'),
        ("Find a word that rhymes with {k}.", "What rhymes with {k}?", "Which word rhymes with {k}?"),
        guessable=False,
    ),
    Subject(
        "planets",
        _table("""
            the planet nearest to the sun: Mercury, the planet we live on: Earth, the biggest planet: Jupiter, the planet
            with the big bright rings: Saturn, the red planet: Mars, the planet farthest from the sun: Neptune, the hottest
            planet: Venus
        """),
        _WHICH_ASKS, _WHICH_REPLIES, _WHICH_QUIZ,
    ),
    Subject(
        "animals",
        _table("""
            the tallest animal: the giraffe, the largest animal: the blue whale, the fastest animal on land: the cheetah, the
            biggest bird: the ostrich, the largest land animal: the elephant, the largest big cat: the tiger, the smallest
            bird: the hummingbird, the biggest fish: the whale shark, the animal that carries its house on its back: the
            snail, the animal with black and white stripes: the zebra, the animal with a long trunk: the elephant, the animal
            that carries its baby in a pouch: the kangaroo
        """),
        _WHICH_ASKS, _WHICH_REPLIES, _WHICH_QUIZ,
    ),
    Subject(
        "places",
        _table("""
            the largest ocean: the Pacific, the highest mountain on Earth: Mount Everest, the biggest continent: Asia, the
            largest country: Russia, the coldest continent: Antarctica, the smallest continent: Australia, the largest hot
            desert: the Sahara, the continent south of Europe: Africa, the country shaped like a boot: Italy, the smallest
            country: Vatican City, the country with the most kangaroos: Australia
        """),
        _WHICH_ASKS, _WHICH_REPLIES, _WHICH_QUIZ,
    ),
    Subject(
        "jobs",
        _table("""
            a baker: bakes bread and cakes, a doctor: helps sick people, a farmer: grows food and keeps animals, a pilot:
            flies planes, a firefighter: puts out fires, a teacher: helps people learn, a chef: cooks in a restaurant, a
            plumber: repairs water pipes, a dentist: looks after teeth, a vet: helps sick animals, a carpenter: builds things
            out of wood, a gardener: looks after plants, a librarian: looks after books, a tailor: sews clothes, a sailor:
            works on a ship, a barber: cuts hair, a potter: makes pots out of clay, a miller: grinds grain into flour
        """),
        ("What does {k} do?", "What is the job of {k}?", "What does {k} do all day?", "Tell me what {k} does.",
         "What work does {k} do?", "{k}, what does that person do?", "Do you know what {k} does?"),
        ("{k:c} {v}.", "{k:c} is someone who {v}{to}."),
        ("What does {k} do?", "What is the job of {k}?", "Tell me what {k} does."),
        guessable=False,
    ),
)

COUNTS: tuple[tuple[str, str, str], ...] = (
    ("fingers", "on one hand", "five, with the thumb"), ("toes", "on two feet", "ten"), ("wheels", "on a bicycle", "two"),
    ("wheels", "on a tricycle", "three"), ("wheels", "on a normal car", "four"), ("planets", "around our sun", "eight"),
    ("letters", "in the English alphabet", "twenty-six"), ("players", "in a soccer team", "eleven on the field"),
    ("strings", "on a violin", "four"), ("strings", "on a normal guitar", "six"), ("arms", "on an octopus", "eight"),
    ("legs", "on a normal chair", "four"), ("eyes", "in a human face", "two"), ("eggs", "in a dozen", "twelve"),
    ("cents", "in a dollar", "one hundred"), ("faces", "on a cube", "six"), ("dots", "on the biggest side of a die", "six"),
    ("continents", "on Earth", "seven, as many people count them"), ("squares", "on a chessboard", "sixty-four"),
    ("keys", "on a full piano", "eighty-eight"), ("centimeters", "in a meter", "one hundred"),
    ("grams", "in a kilogram", "one thousand"),
    ("teeth", "in a full grown-up mouth", "thirty-two"), ("colors", "in a rainbow", "seven, as people usually count them"),
    ("wings", "on a butterfly", "four"), ("wings", "on a bird", "two"), ("wheels", "on a unicycle", "one"),
    ("corners", "in a triangle", "three"),
    ("meters", "in a kilometer", "one thousand"), ("vowels", "in the alphabet", "five: A, E, I, O and U, and sometimes Y"),
    ("states", "in the United States", "fifty"), ("cards", "in a normal deck", "fifty-two"),
    ("inches", "in a foot", "twelve"),
    ("things", "in a pair", "two"), ("horns", "on a unicorn", "one"), ("ears", "on a rabbit", "two, and long ones"),
    ("humps", "on a camel", "one or two, there are both kinds"), ("players", "in a game of chess", "two"),
)
COUNT_ASKS = (
    "How many {k} are {p}?", "Do you know how many {k} are {p}?", "Tell me how many {k} are {p}.",
    "How many {k} are there {p}?", "What's the number of {k} {p}?", "I forgot how many {k} are {p}.",
    "Can you tell me how many {k} there are {p}?",
)
COUNT_REPLIES = ("The number of {k} {p} is {v}.", "{k:c} {p}: {v}.")
# fmt: on
