"""A folder that a Hugging Face Space runs: a page to chat with one model, which lies in the folder itself.

So the Space also works where the model's own page is private, and `python app.py` runs it on any machine.
"""

from __future__ import annotations

import json
from pathlib import Path

from picochat import __version__
from picochat.checkpoint import Checkpoint

GRADIO = "6.31.0"
"""The version of Gradio that app.py was tried with."""
MODEL, APP, REQUIREMENTS, README = "model.pt", "app.py", "requirements.txt", "README.md"


def write_space(checkpoint: Checkpoint, folder: Path, name: str) -> None:
    """Write app.py, requirements.txt, README.md and the model into a folder that is there.

    Args:
        name: the model's page on the hub, OWNER/NAME.

    Raises:
        OutputError: the model can't be written.
    """
    title = name.rpartition("/")[2]
    chats = checkpoint.training.get("kind", "chat") == "chat"
    facts = {
        "title": title,
        "sdk": "gradio",
        "sdk_version": GRADIO,
        "app_file": APP,
        "models": [name],
    }
    # JSON is YAML, and needs no care for what a name may hold
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in facts.items())
    what = "Chat with" if chats else "Write with"
    (folder / README).write_text(
        f"---\n{front}\n---\n\n# {title}\n\n{what} the model {name}, trained or exported with picochat.\n\n"
        "The model is small: it makes things up and must not be relied on for facts or advice.\n",
        encoding="utf-8",
    )
    program = _APP.replace("TITLE", json.dumps(title)).replace("TOKENS", _CHAT if chats else _TEXT)
    (folder / REQUIREMENTS).write_text(f"picochat=={__version__}\n", encoding="utf-8")
    (folder / APP).write_text(program, encoding="utf-8")
    checkpoint.save(folder / MODEL)


_CHAT = 'model.stream_chat([*said(history), {"role": "user", "content": message}], max_tokens=500)'
_TEXT = "model.stream(message, max_tokens=200)"

_APP = '''"""A page to try the model that lies beside this file."""

from pathlib import Path

import gradio as gr
import picochat

model = picochat.load(Path(__file__).with_name("model.pt"))


def said(history):
    """The conversation so far, as picochat takes it; Gradio gives a text whole or as a list of parts."""
    for turn in history:
        parts = [turn["content"]] if isinstance(turn["content"], str) else [part.get("text", "") for part in turn["content"]]
        yield {"role": turn["role"], "content": "".join(parts)}


def answer(message, history):
    """What the model has written so far, each time a token has come."""
    try:
        text = ""
        for token in TOKENS:
            text += token.text
            yield text
    except picochat.PicochatError as error:
        raise gr.Error(str(error)) from None


page = gr.ChatInterface(
    answer,
    title=TITLE,
    chatbot=gr.Chatbot(render_markdown=False),  # a model's text is text
    concurrency_limit=1,  # one model, one text at a time
)

if __name__ == "__main__":
    page.launch()
'''
