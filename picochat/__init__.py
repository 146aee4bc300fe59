"""picochat: train a small GPT from scratch on your own text, and talk to it in the terminal.

    import picochat

    model = picochat.load()                      # the shipped model, or a path
    print(model.generate("Hello"))
    print(model.chat([{"role": "user", "content": "Hi, I'm Ada."}]))

Names are loaded when they are first used: `import picochat` itself imports neither torch nor Textual.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picochat.api import Model, load, train
    from picochat.chat.session import ChatSession
    from picochat.errors import PicochatError
    from picochat.model.config import ModelConfig
    from picochat.model.gpt import GPT

__version__ = "0.1.0"

_PUBLIC = {
    "load": "picochat.api",
    "Model": "picochat.api",
    "ChatSession": "picochat.chat.session",
    "PicochatError": "picochat.errors",
    "ModelConfig": "picochat.model.config",
    "GPT": "picochat.model.gpt",
    "train": "picochat.api",
}

__all__ = ["GPT", "ChatSession", "Model", "ModelConfig", "PicochatError", "load", "train"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'picochat' has no attribute '{name}'")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
