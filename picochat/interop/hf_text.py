"""The tokenizer and the turns of a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from picochat.errors import CheckpointError
from picochat.interop.hf_weights import read_json
from picochat.text.chat_template import derive_turns, template_of
from picochat.text.tokenizer import Tokenizer

TOKENIZER = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
GENERATION = "generation_config.json"

_SETTINGS_SIZE, _TOKENIZER_SIZE = 10_000_000, 200_000_000
"""Bytes of a file: more is no such thing."""


def read_tokenizer(folder: Path, config: dict[str, Any]) -> tuple[Tokenizer, bool]:
    """The tokenizer with its turn format, and whether the model was taught turns.

    Args:
        config: the model's `config.json`.

    Raises:
        CheckpointError: no tokenizer, a damaged one, or one that can't end a text.
    """
    path = folder / TOKENIZER
    try:
        if path.stat().st_size > _TOKENIZER_SIZE:
            raise CheckpointError(f"{path} is too large to be a tokenizer.")
        text = path.read_text(encoding="utf-8")
        backend = Backend.from_str(text)
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} holds no {TOKENIZER}, and a model can't be used without its tokenizer; save it anew with "
            "transformers' AutoTokenizer."
        ) from None
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({error.strerror or error}).") from None
    except Exception as error:  # the library raises bare Exception
        raise CheckpointError(f"{path} is damaged ({error}); get it again.") from None
    settings = _optional(folder / SETTINGS)
    generation = _optional(folder / GENERATION)
    ends = [*_names(backend, generation.get("eos_token_id", config.get("eos_token_id")))]
    eos = _token(settings.get("eos_token")) or next(iter(ends), "")
    if "bos_token" in settings:
        bos = _token(settings["bos_token"])
    else:
        bos = next(iter(_names(backend, config.get("bos_token_id"))), "")
    if not eos:
        raise CheckpointError(f"{folder} doesn't tell which token ends a text (eos_token); add it to {SETTINGS}.")
    template = _template(folder, settings)
    special = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    turns = derive_turns(template, bos=bos, eos=eos, ends=ends, special=special, name=folder.name)
    return Tokenizer.from_json(text, turns), template is not None


def tokenizer_files(tokenizer: Tokenizer, context: int, *, chats: bool) -> dict[str, Any]:
    """What transformers needs of a tokenizer: its files by name, as text or as what becomes JSON."""
    turns = tokenizer.turns
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": turns.start_of_text,
        "eos_token": turns.ends[0] if chats else turns.end_of_text,
        "pad_token": turns.end_of_text,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    # older programs look for the template in the one place, newer ones in the other
    template = template_of(turns)
    return {
        TOKENIZER: tokenizer.library_json(),
        SETTINGS: {**settings, "chat_template": template} if chats else settings,
        **({TEMPLATE: template} if chats else {}),
    }


def _template(folder: Path, settings: dict[str, Any]) -> str | None:
    path = folder / TEMPLATE
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{path} can't be read ({error}).") from None
    template = settings.get("chat_template")
    if isinstance(template, list):
        named = {each.get("name"): each.get("template") for each in template if isinstance(each, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path, _SETTINGS_SIZE) if path.is_file() else {}


def _token(value: object) -> str:
    """A token as `tokenizer_config.json` writes it: its name, or an object with it."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _names(backend: Backend, ids: object) -> list[str]:
    """The names of token ids, of which `config.json` has none, one or a list."""
    listed = ids if isinstance(ids, list) else [ids]
    known = (backend.id_to_token(index) for index in listed if isinstance(index, int) and 0 <= index < 2**31)
    return [name for name in known if name]
