"""picochat: train a small GPT from scratch on your own text, and talk to it.

    import picochat

    model = picochat.load()                      # the shipped model, or a path
    print(model.generate("Hello"))

    chat = picochat.Chat(model)                  # remembers what was said
    print(chat.say("Hi, I'm Ada."))

    result = picochat.train("my.txt", time="20m")
    print(picochat.Chat(result).say("Hi"))

Names are loaded when they are first used: `import picochat` itself imports neither torch nor Textual.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picochat.api import Chat, Model, load, train
    from picochat.errors import PicochatError
    from picochat.inference.engine import Token
    from picochat.model.config import ModelConfig
    from picochat.model.gpt import GPT
    from picochat.training.trainer import Result

__version__ = "0.1.0"

__all__ = ["GPT", "Chat", "Model", "ModelConfig", "PicochatError", "Result", "Token", "load", "train"]

_PLACES = {
    "Chat": "api",
    "Model": "api",
    "load": "api",
    "train": "api",
    "PicochatError": "errors",
    "Token": "inference.engine",
    "ModelConfig": "model.config",
    "GPT": "model.gpt",
    "Result": "training.trainer",
}

# a type checker that saw it would believe in any name
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module 'picochat' has no attribute '{name}'")
        return getattr(importlib.import_module(f"picochat.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
