"""A conversation as HTML. All that a model or a visitor wrote is text in it, and is never read as markup."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator

from picochat.chat.conversation import Entry
from picochat.chat.pieces import visible
from picochat.inference.engine import Token
from picochat.text.safe import printable
from picochat.web.talk import Talk

SPEAKERS = {"user": "You", "assistant": "picochat", "system": "System"}


def transcript(talk: Talk, *, colored: bool) -> list[str]:
    """The messages, each an element, and the note below them.

    Args:
        colored: show how likely each token of an answer was, and what else could have stood there.
    """
    entries = talk.conversation.entries
    parts = [_message(entry, colored) for entry in entries]
    if talk.busy and (not entries or entries[-1].message.role == "user"):
        parts.append(_article("assistant", '<span class="waiting" role="status">reading</span>'))
    if talk.note:
        parts.append(f'<p class="note" role="status">{_text(talk.note)}</p>')
    return parts


def _message(entry: Entry, colored: bool) -> str:
    role = entry.message.role
    if colored and entry.tokens:
        body = "".join(_token(token, token_text) for token, token_text in _with_text(entry.tokens))
    else:
        body = _text("".join(token.text for token in entry.tokens) if entry.tokens else entry.message.content)
    below = f'<div class="below">{_text(entry.footnote)}</div>' if entry.stop is not None else ""
    return _article(role, body, below)


def _article(role: str, body: str, below: str = "") -> str:
    return f'<article class="{role}"><h2>{SPEAKERS[role]}</h2><div class="body">{body}</div>{below}</article>'


def _with_text(tokens: list[Token]) -> Iterator[tuple[Token, str]]:
    """Tokens that show: one whose bytes are a part of a character shows with the one that completes it."""
    return ((token, token.text) for token in tokens if token.text)


def _token(token: Token, text: str) -> str:
    """A token over a color for its probability, which also says in words what else could have stood there."""
    if token.id is None:
        return _text(text)
    lines = [f"{_percent(token.logprob)} {visible(text)}"]
    lines += [f"{_percent(other.logprob)} {visible(other.text)}" for other in token.alternatives if other.id != token.id]
    told = html.escape("\n".join(line.replace("\n", "") for line in lines))
    share = math.exp(min(0.0, token.logprob))
    return f'<span class="token" tabindex="0" style="--p:{share:.3f}" data-told="{told}">{_text(text)}</span>'


def _percent(logprob: float) -> str:
    return f"{math.exp(min(0.0, logprob)):.1%}"


def _text(text: str) -> str:
    return html.escape(printable(text))
