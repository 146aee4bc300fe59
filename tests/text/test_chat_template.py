"""Turn formats, and the Jinja templates they are read from and written as."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from picochat.errors import CheckpointError, PicochatWarning
from picochat.text.chat_template import derive_turns, template_of
from picochat.text.turns import CHATML, Frame, TurnFormat, plain_turns

TALK = [("system", "Be kind."), ("user", "Hi\nyou"), ("assistant", "Hello!"), ("user", "What?")]

ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""
LLAMA3 = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}{% if loop.first %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
CHATML_BODY = (
    "{%- for message in messages %}{%- if not (message.role == 'system' and loop.first) %}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
DEFAULT_SYSTEM = (
    "{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}"
    "{%- else %}{{- '<|im_start|>system\nYou are Q.<|im_end|>\n' }}{%- endif %}" + CHATML_BODY
)
DATED = (
    "{{- bos_token }}{%- if messages[0].role == 'system' %}{%- set said = messages[0].content %}{%- else %}"
    "{%- set said = '' %}{%- endif %}{{- '<|im_start|>system\nToday: ' + strftime_now('%Y') + '\n\n' + said }}"
    "{{- '<|im_end|>\n' }}" + CHATML_BODY
)
THINKING = (
    "{%- for message in messages %}{%- if message.role == 'assistant' %}{{- '<|im_start|>assistant\n' }}"
    "{%- if loop.last %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}"
    "{%- generation -%}{{- message.content + '<|im_end|>' }}{%- endgeneration -%}{{- '\n' }}"
    "{%- else %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set talk = messages[1:] %}{% set system = messages[0]['content'] %}"
    "{% else %}{% set talk = messages %}{% set system = false %}{% endif %}{% for message in talk %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('take turns') }}{% endif %}"
    "{% if loop.first and system %}{% set content = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% else %}"
    "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + LLAMA3
TOKENS = {"<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>"}


def rendered(template: str, messages: list[tuple[str, str]], *, reply: bool) -> str:
    """As transformers renders it."""

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: __import__("datetime").datetime.now().strftime(form)
    for tag in ("generation", "endgeneration"):
        template = template.replace(f"{{%- {tag} -%}}", "")
    given_messages = [{"role": role, "content": content} for role, content in messages]
    return environment.from_string(template).render(
        messages=given_messages, add_generation_prompt=reply, bos_token="<s>", eos_token="</s>"
    )


def derive(template: str | None, **more: Any) -> TurnFormat:
    return derive_turns(template, **{"bos": "<s>", "eos": "</s>", "special": TOKENS, **more})


@pytest.mark.parametrize("template", [ZEPHYR, LLAMA3, DEFAULT_SYSTEM, DATED, THINKING])
def test_a_regular_template_is_told_exactly(template: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        turns = derive(template)
    for talk in (TALK, TALK[1:], TALK[1:2], TALK[:2]):
        assert turns.render(talk, reply=True) == rendered(template, talk, reply=True)


def test_the_parts_are_where_they_belong() -> None:
    assert derive(LLAMA3, eos="<|eot_id|>") == TurnFormat(
        *(
            Frame(f"<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>")
            for role in ("system", "user", "assistant")
        ),
        begin="<s>",
        reply="<|start_header_id|>assistant<|end_header_id|>\n\n",
        ends=("<|eot_id|>",),
        start_of_text="<s>",
        end_of_text="<|eot_id|>",
    )
    assert derive(DEFAULT_SYSTEM).default_system == "You are Q."
    assert derive(DATED).default_system == ""
    # what the template ends an answer with ends it, also where nothing else says so
    assert derive(DEFAULT_SYSTEM, bos="", eos="<|endoftext|>").ends == ("<|endoftext|>", "<|im_end|>")
    assert derive(DEFAULT_SYSTEM, bos="", eos="<|im_end|>").start_of_text == "<|endoftext|>"


@pytest.mark.parametrize("template", [LLAMA2, NO_SYSTEM])
def test_without_a_turn_for_the_system_prompt_the_others_are_exact(template: str) -> None:
    with pytest.warns(PicochatWarning, match="system prompt"):
        turns = derive(template)
    for talk in (TALK[1:], TALK[1:2]):
        assert turns.render(talk, reply=True) == rendered(template, talk, reply=True)
    assert "Be kind." in turns.render(TALK)


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages | length }}{% for message in messages %}{{ message.content }}{% endfor %}",
        "{{ messages[-1].content }}",
        "{% for message in messages %}{{ message.content | upper }}{% endfor %}",
        "{% for message in messages %}{{ loop.index }}: {{ message.content }}{% endfor %}",
        "{% for message in messages %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ nothing.at.all }}",
        "{{ 1 / 0 }}",
        "x" * 300_000,
        "",
    ],
)
def test_anything_else_gives_plain_turns_and_a_warning(template: str) -> None:
    with pytest.warns(PicochatWarning, match="plain turns"):
        assert derive(template) == plain_turns("<s>", "</s>")


def test_without_a_template_turns_are_plain() -> None:
    assert derive(None, ends=["</s>", "<|eot_id|>"]) == plain_turns("<s>", "</s>")
    assert derive(None).render(TALK[1:], reply=True) == (
        "<s>User:\nHi\nyou\n\nAssistant:\nHello!</s>\n\nUser:\nWhat?\n\nAssistant:\n"
    )


@pytest.mark.parametrize(
    "turns", [CHATML, plain_turns("<s>", "</s>"), derive(ZEPHYR), derive(DEFAULT_SYSTEM), derive(DATED)]
)
def test_the_template_that_is_written_says_the_same(turns: TurnFormat) -> None:
    template = template_of(turns)
    for reply in (True, False):
        for talk in (TALK, TALK[1:], []):
            assert rendered(template, talk, reply=reply) == turns.render(talk, reply=reply)
    again = derive_turns(template, bos=turns.start_of_text, eos=turns.ends[0], ends=turns.ends, special=TOKENS)
    assert again.render(TALK, reply=True) == turns.render(TALK, reply=True)
    assert turns != CHATML or again == CHATML


@given(st.text(alphabet="\\'\"{}%#\n\r\t\u0000\U0001f600an "), st.text(alphabet="\\'{}n"))
def test_any_text_around_messages_can_be_written(before: str, after: str) -> None:
    # Jinja itself makes one kind of line break of all
    before = before.replace("\r", "")
    frame = Frame(before, after)
    turns = TurnFormat(frame, frame, frame, begin=after, reply=before, ends=("x",), start_of_text="x", end_of_text="x")
    assert rendered(template_of(turns), TALK, reply=True) == turns.render(TALK, reply=True)


@pytest.mark.parametrize("turns", [CHATML, derive(DEFAULT_SYSTEM)])
def test_json_carries_a_format(turns: TurnFormat) -> None:
    assert TurnFormat.from_dict(json.loads(json.dumps(turns.to_dict()))) == turns


@pytest.mark.parametrize(
    "changes",
    [
        {"ends": []},
        {"ends": "x"},
        {"ends": [1]},
        {"ends": [""]},
        {"user": {"before": "x"}},
        {"user": {"before": "x", "after": None}},
        {"user": None},
        {"begin": None},
        {"reply": "x" * 100_000},
        {"default_system": 5},
        {"more": "x"},
    ],
)
def test_a_damaged_format_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="turn format"):
        TurnFormat.from_dict(CHATML.to_dict() | changes)
    with pytest.raises(CheckpointError, match="turn format"):
        TurnFormat.from_dict([])
