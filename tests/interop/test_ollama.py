"""The folder for Ollama."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from picochat.errors import ConfigError, OutputError
from picochat.interop.gguf_read import read_gguf
from picochat.interop.ollama import go_template, modelfile, write_ollama
from picochat.text.tokenizer import Tokenizer
from picochat.text.turns import CHATML, Frame, TurnFormat
from tests.conftest import chat_text
from tests.interop.gguf_models import tiny

ODD = TurnFormat(
    system=Frame('[{{ "S" }}] ', "\\\n"),
    user=Frame("\tQ: ", "\n"),
    assistant=Frame("A: ", "<e>\n"),
    begin="<s>[talk]",
    reply="A:",
    ends=("<e>",),
    start_of_text="<s>",
    end_of_text="<e>",
    default_system="Be \"kind\".",
)  # fmt: skip


def run_go(template: str, messages: list[tuple[str, str]]) -> str:
    """The part of Go's template language that is used, by Jinja, whose strings are written alike."""
    words = [
        (r"\{\{ range \.Messages \}\}", "{% for m in messages %}"),
        (r"\{\{ if not \.System \}\}", "{% if not system %}"),
        (r'\{\{ (else )?if eq \.Role ("\w+") \}\}', r"{% \1if m[0] == \2 %}"),
        (r"\{\{ \.Content \}\}", "{{ m[1] }}"),
    ]
    for pattern, replacement in words:
        template = re.sub(pattern, replacement, template)
    template = template.replace("{% else if", "{% elif")
    # the ends of Go have no name: the last opened one is closed
    opened: list[str] = []
    parts = re.split(r"(\{% (?:for|if) .*?%\}|\{\{ end \}\})", template)
    for place, part in enumerate(parts):
        if part.startswith("{% "):
            opened.append(part[3:].split()[0])
        elif part == "{{ end }}":
            parts[place] = f"{{% end{opened.pop()} %}}"
    assert not opened
    system = any(role == "system" for role, _ in messages)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string("".join(parts)).render(messages=messages, system=system)


@pytest.mark.parametrize("turns", [CHATML, ODD])
@pytest.mark.parametrize("roles", ["u", "su", "uau", "suauau"])
def test_the_template_writes_the_turns_behind_the_mark(turns: TurnFormat, roles: str) -> None:
    names = {"s": "system", "u": "user", "a": "assistant"}
    messages = [(names[letter], f"{letter}{place}\n{{{{ x }}}}") for place, letter in enumerate(roles)]
    assert turns.start_of_text + run_go(go_template(turns), messages) == turns.render(messages, reply=True)


def test_the_folder_holds_the_model_and_its_settings(tmp_path: Path) -> None:
    model = tiny("qwen3")
    write_ollama(model, tmp_path / "mine", "q8_0", sampling={"temperature": 0.8, "top_k": 20})
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["Modelfile", "model.gguf"]
    assert read_gguf(tmp_path / "mine" / "model.gguf").config == model.config
    lines = (tmp_path / "mine" / "Modelfile").read_text().splitlines()
    assert lines[0] == "FROM ./model.gguf"
    expected = {
        'PARAMETER stop "<|im_end|>"', 'PARAMETER stop "<|endoftext|>"', "PARAMETER temperature 0.8", "PARAMETER top_k 20",
        "PARAMETER num_ctx 64",
    }  # fmt: skip
    assert expected <= set(lines)


def test_a_model_that_does_not_chat_gets_the_prompt_as_it_is() -> None:
    assert 'TEMPLATE """{{ .Prompt }}"""' in modelfile(tiny("qwen3", kind="text"), {})


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("x")
    with pytest.raises(OutputError):
        write_ollama(tiny("qwen3"), tmp_path / "mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "kept"]


def test_a_model_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        write_ollama(tiny("llama", tokenizer=Tokenizer.train([chat_text()], "char")), tmp_path / "mine")
    assert not list(tmp_path.iterdir())
