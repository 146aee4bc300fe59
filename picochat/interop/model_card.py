"""What people should know of an exported model, as the README of its folder."""

from __future__ import annotations

from collections.abc import Mapping

from picochat.checkpoint import Checkpoint
from picochat.text.chat_format import Message
from picochat.text.turns import CHATML

_FACTS = {
    "source": "Made from",
    "data": "Trained on",
    "step": "Steps",
    "tokens": "Tokens seen",
    "val_bpb": "Bits per byte on held-out text",
}


def model_card(
    checkpoint: Checkpoint,
    name: str,
    architecture: str,
    *,
    place: str = "THIS FOLDER",
    files: Mapping[str, str] | None = None,
) -> str:
    """The model card, in Markdown with the metadata that model hubs read.

    Args:
        place: how programs name the model: its page on a hub, or what stands for its folder.
        files: the files beside those of transformers, and what each is for.
    """
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    chats = checkpoint.training.get("kind", "chat") == "chat"
    title = _plain(name)
    rows = {
        "Architecture": f"{architecture}: {config.layers} layers, {config.heads} heads, width {config.dim}",
        "Parameters": f"{config.parameters:,}",
        "Context": f"{config.context:,} tokens",
        "Tokenizer": f"{tokenizer.kind}, {tokenizer.vocab_size:,} tokens",
    }
    for fact, label in _FACTS.items():
        if (value := checkpoint.training.get(fact)) is not None:
            rows[label] = (
                f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
            )
    table = "\n".join(f"| {label} | {_plain(value)} |" for label, value in rows.items())
    use = (_CHAT_USE if chats else _TEXT_USE).replace("THIS FOLDER", place)
    others = "".join(f"- `{file}`: {purpose}\n" for file, purpose in (files or {}).items())
    turns = ""
    if chats:
        kind = "ChatML with a document mark in front" if tokenizer.turns == CHATML else "a format of its own"
        talk = [Message("user", "Hi!"), Message("assistant", "Hello!")]
        shown = tokenizer.turns.render([(message.role, message.content) for message in talk])
        turns = f"\n## Turns\n\nConversations are written in {kind}:\n\n{_indented(shown)}\n"
    return (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- picochat\n---\n\n"
        f"# {title}\n\nA small language model, exported by picochat.\n\n"
        f"| | |\n|---|---|\n{table}\n\n## Use\n\n```python\n{use}```\n\n"
        f"With picochat: `picochat {'chat' if chats else 'generate'} -m '{place}'`\n"
        f"{f'{chr(10)}Also here:{chr(10)}{chr(10)}{others}' if others else ''}{turns}\n"
        "## Limits\n\nA model of this size makes things up and must not be relied on for facts or advice.\n"
    )


_CHAT_USE = """from transformers import pipeline

chat = pipeline("text-generation", "THIS FOLDER")
print(chat([{"role": "user", "content": "Hi!"}], max_new_tokens=100)[0]["generated_text"][-1]["content"])
"""
_TEXT_USE = """from transformers import pipeline

write = pipeline("text-generation", "THIS FOLDER")
print(write("Once upon a time", max_new_tokens=100)[0]["generated_text"])
"""


def _plain(text: str) -> str:
    """A value on one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
