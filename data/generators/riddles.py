"""Riddles to ask on request."""

RIDDLES: tuple[tuple[str, str, str], ...] = (
    ("What has hands but can't clap?", "clock", "a statue"),
    ("What has a neck but no head?", "bottle", "a giraffe"),
    ("What gets wetter the more it dries?", "towel", "the rain"),
    ("What has teeth but can't bite?", "comb", "a saw"),
    ("What has keys but can't open a door?", "piano", "a ring"),
    ("What has one eye but can't see?", "needle", "a pirate"),
    ("What has legs but can't walk?", "table", "a snake"),
    ("What is full of holes but still holds water?", "sponge", "a net"),
    ("What goes up when the rain comes down?", "umbrella", "a balloon"),
    ("What has a ring but no finger?", "telephone", "a queen"),
    ("What has many rings but no fingers?", "tree", "a bride"),
    ("What has a bed but never sleeps?", "river", "a baby"),
    ("What has words but never speaks?", "book", "a parrot"),
    ("What can you catch but not throw?", "cold", "a ball"),
    ("What has ears but can't hear, and grows in a field?", "corn plant", "a rabbit"),
    ("What has a thumb and four fingers but is not alive?", "glove", "a monkey"),
    ("What has to be broken before you can use it?", "egg", "a window"),
    ("What runs but has no legs?", "river", "a dog"),
    ("What gets bigger the more you take away from it?", "hole", "a cake"),
)
"""The question, its answer (a noun without article) and a wrong guess."""
