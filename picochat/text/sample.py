"""A short conversation, to try a model on where nothing of its own is at hand."""

from __future__ import annotations

from picochat.text.chat_format import Message

_TALK = (
    ("Hi! How was your weekend?", "It was lovely, thank you. I went for a long walk by the river. How was yours?"),
    ("Quiet. I mostly slept and read.", "That sounds like just what you needed. What are you reading?"),
    ("A novel about a lighthouse keeper who writes letters.", "Oh, I like the sound of that! Who does he write to?"),
    ("His sister, but she never answers.", "How sad. Do you find out why, or have you not got that far yet?"),
    ("Not yet. Do you have any plans for tonight?", "I might cook some soup and watch an old film. Do you like cooking?"),
    ("Only when someone else does the dishes.", "Ha, I know what you mean! The cooking is the fun part."),
    ("I should go now. Talk to you tomorrow?", "Of course. Have a good evening, and enjoy your book!"),
)


def sample_talk() -> tuple[Message, ...]:
    """The user's and the assistant's messages, in turns; some 250 tokens."""
    return tuple(message for said, answer in _TALK for message in (Message("user", said), Message("assistant", answer)))
