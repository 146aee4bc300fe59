"""Turn formats and the Jinja templates that other programs keep them as.

A template is a small program. What picochat needs of it are the texts around the messages: it is run, in Jinja's sandbox as
transformers does, on conversations of unlikely words, and the result is cut at these words. A template that is more than
such texts is found out by running it on other conversations.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from picochat.errors import PicochatWarning
from picochat.text.turns import Frame, TurnFormat, plain_turns

_ROLES = {"s": "system", "u": "user", "a": "assistant"}
_LONGEST = 200_000
"""Characters of a template: more is none."""
_TALKS = ("u", "uau", "uauau")
_SYSTEM_TALKS = ("su", "suau")
"""Conversations that both must write alike, by the first letters of the roles."""
_SAID = ("Hello there!", "What is 2 + 2?\nAnd 3?", "It is 4 <b>(four)</b>.", "Why?", "Because.", "Thanks")


class _IrregularError(Exception):
    """The template can't be told as texts around messages."""


def derive_turns(
    template: str | None,
    *,
    bos: str,
    eos: str,
    ends: Sequence[str] = (),
    special: Collection[str] = (),
    name: str = "The model",
) -> TurnFormat:
    """The turn format of a Jinja chat template.

    One that can't be told so gives plain turns ("User:", a line each), and a warning says so; so does a template that has no
    place of its own for a system message. Without a template it is plain turns.

    Args:
        bos: the token that begins a text; empty where the model has none.
        eos: the token that ends one.
        ends: tokens that end a turn, `eos` first if it is among them; what the template puts at an answer's end is added.
        special: all special tokens' names.
        name: of the model, for warnings.
    """
    ends = tuple(dict.fromkeys([*ends, *([eos] if eos not in ends else [])]))
    # models without a beginning mark, and those of one mark for both, separate texts by GPT-2's
    end_of_text = bos if bos in ends else "<|endoftext|>" if "<|endoftext|>" in ends else eos
    start_of_text = bos or ("<|endoftext|>" if "<|endoftext|>" in special else end_of_text)
    plain = plain_turns(start_of_text, end_of_text)
    if template is None:
        return plain
    try:
        return _derive(_Template(template, bos, eos), ends, start_of_text, end_of_text, special, name)
    except _IrregularError as error:
        warnings.warn(
            f"{name}'s chat template is more than texts around messages ({error}); "
            "plain turns take its place, and the model may answer worse.",
            PicochatWarning,
            stacklevel=2,
        )
        return plain


def template_of(turns: TurnFormat) -> str:
    """The Jinja template that writes what `turns` writes."""
    parts = [f"{{{{- {_literal(turns.begin)} }}}}"]
    if turns.default_system is not None:
        whole = f"{turns.system.before}{turns.default_system}{turns.system.after}"
        parts.append("{%- if not messages or messages[0]['role'] != 'system' %}")
        parts.append(f"{{{{- {_literal(whole)} }}}}{{%- endif %}}")
    parts.append("{%- for message in messages %}")
    for place, role in enumerate(_ROLES.values()):
        frame = turns.frame(role)
        parts.append(f"{{%- {'elif' if place else 'if'} message['role'] == '{role}' %}}")
        parts.append(f"{{{{- {_literal(frame.before)} + message['content'] + {_literal(frame.after)} }}}}")
    parts.append("{%- else %}{{- raise_exception('The roles are system, user and assistant.') }}{%- endif %}")
    parts.append(f"{{%- endfor %}}{{%- if add_generation_prompt %}}{{{{- {_literal(turns.reply)} }}}}{{%- endif %}}")
    return "".join(parts)


def _derive(
    template: _Template, ends: tuple[str, ...], start_of_text: str, end_of_text: str, special: Collection[str], name: str
) -> TurnFormat:
    opening, after_user = template.cut("u")
    reply = _rest(template.cut("u", reply=True)[1], after_user)
    if not reply:
        # what follows a question opens the answer too
        after_user, reply = "", after_user
    after_assistant = template.cut("ua")[2]
    _, question_to_answer, answer_to_question, _ = template.cut("uau")
    user = Frame(_rest(answer_to_question, after_assistant), after_user)
    assistant = Frame(_rest(question_to_answer, after_user), after_assistant)
    begin, system, default, regular = _system(template, _front(opening, user.before), user)
    closing = (token for token in special if after_assistant.lstrip().startswith(token))
    if closer := max(closing, key=len, default=""):
        ends = tuple(dict.fromkeys((*ends, closer)))
    turns = TurnFormat(system, user, assistant, begin, reply, ends, start_of_text, end_of_text, default)
    for talk in (*_TALKS, *(_SYSTEM_TALKS if regular else ())):
        messages = [(_ROLES[letter], said) for letter, said in zip(talk, _SAID, strict=False)]
        if template.render(messages, reply=True) != turns.render(messages, reply=True):
            raise _IrregularError("it writes some conversations in another way")
    if not regular:
        warnings.warn(
            f"{name}'s chat template has no turn of its own for a system prompt; one is put in front of the first question.",
            PicochatWarning,
            stacklevel=3,
        )
    return turns


def _system(template: _Template, opening: str, user: Frame) -> tuple[str, Frame, str | None, bool]:
    """The beginning, what stands around a system message, the default one, and whether the template knows them."""
    try:
        first, middle, _ = template.cut("su")
        after = _front(middle, user.before)
    except _IrregularError:
        return opening, user, None, False
    if first.startswith(opening):
        return opening, Frame(first[len(opening) :], after), None, True
    begin = template.bos if first.startswith(template.bos) else ""
    return begin, Frame(first[len(begin) :], after), _front(_rest(opening, first), after), True


class _Template:
    """A template, to be run."""

    def __init__(self, source: str, bos: str, eos: str) -> None:
        # a second's tenth, which picochat's own models don't need
        from jinja2 import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def refuse(message: str) -> None:
            raise TemplateError(message)

        if len(source) > _LONGEST:
            raise _IrregularError("it is too long")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, **options)
        environment.globals["raise_exception"] = refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        # transformers' own tag around what the assistant says; it writes nothing
        source = re.sub(
            r"(\{%[-+]?\s*)(end)?generation\b", lambda found: found[1] + ("endif" if found[2] else "if true"), source
        )
        self.bos = bos
        self._names = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = environment.from_string(source)
        except Exception as error:  # a foreign program may fail in any way
            raise _IrregularError(f"{type(error).__name__}: {error}") from None

    def render(self, messages: Sequence[tuple[str, str]], *, reply: bool = False) -> str:
        """What the template writes for (role, content) messages."""
        given: list[dict[str, Any]] = [{"role": role, "content": content} for role, content in messages]
        try:
            return self._template.render(messages=given, add_generation_prompt=reply, tools=None, **self._names)
        except Exception as error:  # a foreign program may fail in any way
            raise _IrregularError(f"{type(error).__name__}: {error}") from None

    def cut(self, talk: str, *, reply: bool = False) -> list[str]:
        """The texts before, between and after the messages of a conversation, told by its roles' first letters."""
        words = [f"qx{place}zw{letter}vk" for place, letter in enumerate(talk)]
        text = self.render([(_ROLES[letter], word) for letter, word in zip(talk, words, strict=True)], reply=reply)
        pieces = []
        for word in words:
            piece, found, text = text.partition(word)
            if not found or word in text:
                raise _IrregularError("it leaves messages out, moves or repeats them")
            pieces.append(piece)
        return [*pieces, text]


def _rest(text: str, front: str) -> str:
    if not text.startswith(front):
        raise _IrregularError("what stands around a message depends on the others")
    return text[len(front) :]


def _front(text: str, end: str) -> str:
    if not text.endswith(end):
        raise _IrregularError("what stands around a message depends on the others")
    return text[: len(text) - len(end)]


def _literal(text: str) -> str:
    """A text as Jinja writes it."""
    for character, escape in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return f"'{text}'"
