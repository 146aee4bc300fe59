"""Who in a chat between people is to be the assistant."""

from __future__ import annotations

from collections import Counter

from picochat.errors import ConfigError

_ASSISTANTS = {"assistant", "ai", "bot", "chatbot", "gpt", "chatgpt", "model"}
"""Names that say it themselves."""
_SHOWN = 8


def choose_assistant(counts: Counter[str], me: str | None, source: str) -> str:
    """The name of the speaker that the model is to learn, from how many messages each has.

    Nothing in a chat says whose side is wanted, and to guess wrong is to train for hours on the wrong voice: so `me` must
    be given, unless one name says it.

    Raises:
        ConfigError: it is not given, or nobody has that name; the message names those who speak.
    """
    if me is not None:
        for name in counts:
            if name.casefold() == me.strip().casefold():
                return name
        raise ConfigError(f"Nobody in {source} is called {me!r}; the speakers are {_listed(counts)}.")
    telling = [name for name in counts if name.casefold() in _ASSISTANTS]
    if len(telling) == 1:
        return telling[0]
    raise ConfigError(
        f"The speakers in {source} are {_listed(counts)}; say with --me NAME which of them the model shall learn to be: "
        "mostly yourself."
    )


def _listed(counts: Counter[str]) -> str:
    names = [f"{name} ({count:,} message{'s' * (count != 1)})" for name, count in counts.most_common(_SHOWN)]
    if len(counts) > _SHOWN:
        names.append(f"{len(counts) - _SHOWN:,} more")
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names) or "nobody"
