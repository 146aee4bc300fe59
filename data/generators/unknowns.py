"""Honest answers to what a small model without clock, internet or crystal ball can't know."""

from dataclasses import dataclass

from .chat import Chat


@dataclass(frozen=True, eq=False)
class Unknown:
    """Questions beyond its reach, with values for `{x}` and honest answers."""

    values: tuple[str, ...]
    asks: tuple[str, ...]
    replies: tuple[str, ...]


# fmt: off
_UNKNOWNS: tuple[Unknown, ...] = (
    Unknown(
        ("tomorrow", "on Saturday", "on Sunday", "next week", "tonight", "in the morning", "on Friday", "at noon"),
        ("What will the weather be like {x}?", "Will it rain {x}?", "Is it going to snow {x}?", "Do I need an umbrella {x}?",
         "Will it be sunny {x}?", "How warm will it be {x}?", "What's the forecast for the weather {x}?"),
        ("I don't know what the weather will do {x}. I have no internet, so a weather report will help you more.",
         "I can't tell{to}. I have no forecast and no window.", "I don't know. The weather {x} is beyond me, sorry.",
         "Nobody told me about the weather {x}, and I can't look it up.", "I can't know that. Better ask a weather service.",
         "I have no way to see the weather {x}. I hope it will be nice, though."),
    ),
    Unknown(
        ("the lottery", "the next lottery draw", "the big lottery", "bingo tonight", "the raffle"),
        ("Which numbers will win {x}?", "Tell me the winning numbers for {x}.", "Can you predict {x}?", "Will I win {x}?",
         "Give me lucky numbers for {x}.", "Who is going to win {x}?"),
        ("I don't know, and nobody else does either. {x:c} is pure chance.",
         "I can't know that{to}. Nobody can tell who wins {x}.", "I can't see the future, so I don't know about {x}.",
         "I don't know. Any numbers are as good as any others there.",
         "If I could predict {x}, it wouldn't be a game of chance. I don't know."),
    ),
    Unknown(
        ("gold", "oil", "the dollar", "the euro", "coffee", "a share of that company", "bread at the store",
         "a train ticket to the coast", "gas"),
        ("What's the price of {x} today?", "How much does {x} cost right now?", "Will the price of {x} go up?",
         "Should I buy {x} now?", "What is {x} worth at the moment?", "Is {x} getting cheaper?"),
        ("I don't know today's prices. I have no internet to look up {x}.",
         "I can't tell you about the price of {x}{to}. It changes, and I get no news.",
         "I don't know. Prices change, and I'm not connected to anything.",
         "For {x} you'd need fresh numbers, and I have none.",
         "I can't know that. Please check a source you trust for {x}."),
    ),
    Unknown(
        ("the game last night", "the election", "the match today", "the song contest this year", "the race yesterday",
         "the cup final", "the tennis match on TV"),
        ("Who won {x}?", "Did you hear who won {x}?", "What was the result of {x}?", "How did {x} end?",
         "Do you know how {x} went?", "Tell me about {x}."),
        ("I don't know, I get no news in here. Who do you hope won {x}?",
         "I don't know how {x} went. I have no internet{to}.", "I can't know that, news never reaches me.",
         "I haven't heard about {x}. I only know what you tell me.", "No idea{to}. Tell me about {x} if you find out."),
    ),
    Unknown(
        ("my middle name", "my shoe size", "my mother's name", "my address", "my phone number", "my password",
         "my boss's name", "my grandma's first name", "the name of my street", "my blood type", "the color of my front door",
         "what I dreamed last night", "what I'm wearing", "what's in my pocket", "how tall I am", "what I'm thinking"),
        ("Do you know {x}?", "Tell me {x}.", "Can you guess {x}?", "I bet you know {x}.", "Say {x}.",
         "Do you happen to know {x}?", "Please tell me {x}."),
        ("I don't know that. I only know what you tell me in this chat.", "You haven't told me, so I don't know{to}.",
         "I can't know that, I only see the words you type.", "I don't know {y}. You'd have to tell me.",
         "No, I don't know {y}. You haven't mentioned it.",
         "That I don't know. Nothing about you reaches me except this chat."),
    ),
    Unknown(
        ("my neighbor", "my teacher", "my dad", "your maker", "my best friend", "the mayor", "my boss", "my cousin"),
        ("What is {x} doing right now?", "Where is {x} at the moment?", "How old is {x}?", "What did {x} eat today?",
         "Is {x} at home?", "What does {x} think of me?"),
        ("I don't know, I can't see what people do.", "I can't know that about {y}. You'd have to ask.",
         "I have no way to tell{to}. What do you think?", "I don't know anything about {y}, sorry.",
         "Only {y} could answer that. I don't know."),
    ),
    Unknown(
        ("in ten years", "next year", "when I'm grown up", "in the year 2100", "tomorrow", "in a hundred years"),
        ("Will I be happy {x}?", "What will happen {x}?", "Will I be rich {x}?", "How will the world look {x}?",
         "Will there be flying cars {x}?", "What will I be doing {x}?"),
        ("I don't know, I can't see the future. I hope it will be good, though.",
         "Nobody can know that{to}. What do you wish for?", "The future is hidden from me. I can only hope for the best.",
         "I don't know what will be {y}.", "That's beyond me. I don't know what comes {y}."),
    ),
    Unknown(
        ("grains of sand", "hairs", "stars", "raindrops", "fish", "ants", "trees", "birds"),
        ("How many {x} are there in the whole world?", "Exactly how many {x} exist?", "Can you count all the {x}?",
         "How many {x} are there right now?", "Tell me the exact number of {x}."),
        ("I don't know the number. It's surely huge.", "Nobody has counted all the {x}, so I can't say.",
         "More than I could count{to}. I don't know the number.", "I don't know, only that there are very many {x}.",
         "That number is too big for me, and I don't know it."),
    ),
    Unknown(
        ("the train", "the bus", "the ferry", "the next train", "the school bus", "the night bus", "the tram"),
        ("When does {x} leave?", "Is {x} on time today?", "Does {x} run on Sundays?", "How late is {x} today?",
         "When is {x} coming?", "Did {x} leave already?"),
        ("I don't know. I have no timetables, so please check a sign or a website.",
         "I can't look that up{to}, I have no internet.", "I don't know when {x} goes. Somebody at the stop can tell you.",
         "I have no times for {x}, sorry. I don't know.", "I don't know that, and I don't want to guess and make you late."),
    ),
    Unknown(
        ("the library", "the store", "the bakery", "the swimming pool", "the post office", "the museum", "the pharmacy",
         "the bank"),
        ("When does {x} open?", "Is {x} open right now?", "How long is {x} open today?", "Does {x} close at six?",
         "Is {x} open on Sundays?", "When does {x} close?"),
        ("I don't know. I can't look up the hours of {x}.", "I can't look that up{to}, I have no internet.",
         "I don't know. A quick call to {x} would tell you.",
         "I have no opening hours in here, sorry. Please check the sign at {x}.",
         "I don't know that. I wouldn't want you to stand in front of a closed door."),
    ),
    Unknown(
        ("a famous singer", "the latest phone", "the new movie everyone talks about", "the president's speech today",
         "today's headlines", "the newest video game"),
        ("What's new about {x}?", "What's the news about {x}?", "What do people say about {x}?", "Can you look up {x}?",
         "Search the internet for {x}.", "Google {x} for me."),
        ("I can't look things up, I have no internet. But tell me what you know!",
         "I get no news, so I don't know about {x}.", "I'm not connected to anything, so I can't search for {x}.",
         "I don't know{to}. News can't reach me here.", "I can't look up {x}. I run on your computer without the internet."),
    ),
)
# fmt: on


def ask(chat: Chat) -> None:
    """A question that gets an honest "I don't know"."""
    unknown = chat.pick(_UNKNOWNS)
    value = chat.rng.choice(unknown.values)
    other = (
        value.replace("my ", "your ")
        .replace("I'm", "you're")
        .replace(
            "I am",
            "you are",
        )
        .replace(" I ", " you ")
        .replace("your maker", "my maker")
    )
    chat.turn_to(unknown.asks, unknown.replies, x=value, y=other)
