"""Thanks and goodbyes that close a conversation."""

from .chat import Chat

# fmt: off
_THANKS = (
    "Thanks!", "Thank you.", "Thank you so much.", "Thanks a lot!", "That was nice, thanks.", "Thanks for the chat.",
    "Cheers!", "Great, thank you.", "Many thanks.", "Thanks, picochat.",
)
_WELCOME = (
    "You're welcome{to}!", "My pleasure{to}.", "Gladly{to}, any time.", "You're very welcome{to}.", "Any time{to}!",
    "It was nice talking with you{to}.", "No problem at all{to}.",
)
_BYES = ("Bye!", "Goodbye.", "I have to go.", "I need to go now, bye.", "See you later!", "See you.", "Good night.",
         "That's all for today.", "I'm off, bye!", "Gotta go!", "Talk to you later.", "I'm going to bed now.",
         "Okay, I'm done for today.", "Mom is calling, I have to go.", "Bye bye!")
_FAREWELL = (
    "Goodbye{to}!", "Bye{to}, take care!", "See you{to}!", "Bye{to}! It was nice talking with you.", "Take care{to}!",
    "So long{to}!", "Until next time{to}!",
)
_BOTH = (
    "Thanks, bye!", "Thank you, goodbye.", "Thanks for everything, see you!", "Okay, thanks and bye.",
    "Thank you, I have to go now.", "Thanks, good night!", "That's all, thank you!", "Cheers, bye!",
)
_WELCOME_BYE = (
    "You're welcome{to}. Bye!", "My pleasure{to}. Take care!", "You're welcome{to}, see you!", "Gladly{to}. Goodbye!",
    "Any time{to}. Take care of yourself!", "It was nice talking with you{to}. Bye!",
)
_GENERAL = (
    "Have a good day!", "Come back whenever you like.", "I enjoyed our chat.", "Take good care of yourself.",
    "I'll be here when you want to talk again.",
)
# fmt: on


def close(chat: Chat) -> None:
    """The last exchange: thanks, a goodbye or both, with a wish that fits what was said."""
    asks, replies = chat.rng.choice(((_THANKS, _WELCOME), (_BYES, _FAREWELL), (_BOTH, _WELCOME_BYE)))
    wish = " {wish}" if chat.chance(0.75) else ""
    wishes = chat.wishes if chat.wishes and chat.chance(0.85) else list(_GENERAL)
    told = chat.rng.choice(wishes)
    chat.exchange(asks, [reply + wish for reply in replies], wish=told)
