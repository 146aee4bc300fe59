"""What the model sees of a chat, token by token, and what fell off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from picochat.chat.conversation import Conversation, Entry, Prompt, Section
from picochat.chat.pieces import Block, Piece, count, describe_block, pieces_of
from picochat.chat.reply import Reply, opening_ids
from picochat.chat.session import ChatSession
from picochat.inference.engine import Engine, Token
from picochat.text.chat_format import Part, Rendered, Role

SPEAKERS: dict[Role | None, str] = {None: "mark", "system": "system", "user": "you", "assistant": "picochat"}

State = Literal["read", "waiting", "next"]
"""The model has read it; an answer has begun, and it is about to; or it is what a message sent now would be part of."""

_SUMMARIES: dict[State, str] = {
    "read": "The model has read",
    "waiting": "The model is about to read",
    "next": "Not read yet: your next message would go to the model within",
}


@dataclass(frozen=True)
class ContextView:
    """The model's window.

    Attributes:
        blocks: what fell off, then what is seen, each in order.
        state: how far the model is with it.
        window: tokens that the model can see at once.
        reserve: tokens that a prompt leaves free for the answer; 0 for a model that slides its window instead.
    """

    blocks: tuple[Block, ...]
    state: State
    window: int
    reserve: int

    @property
    def seen(self) -> list[Piece]:
        """The tokens in the window."""
        return [piece for block in self.blocks if not block.fallen for piece in block.pieces]

    @property
    def shares(self) -> dict[str, int]:
        """Tokens in the window by speaker, and those free; they add up to the window."""
        shares = dict.fromkeys(SPEAKERS.values(), 0)
        for block in self.blocks:
            if not block.fallen:
                shares[block.speaker] += len(block.pieces)
        used = sum(shares.values())
        return {speaker: tokens for speaker, tokens in shares.items() if tokens} | {"free": max(0, self.window - used)}

    def summary(self) -> str:
        """How full the window is, and what there is to know besides."""
        sentences = [f"{_SUMMARIES[self.state]} {len(self.seen):,} of {count(self.window, 'token')}."]
        if self.reserve:
            sentences.append(f"A prompt leaves {self.reserve:,} free for the answer.")
        if fallen := sum(len(block.pieces) for block in self.blocks if block.fallen):
            sentences.append(f"Fell off: {count(fallen, 'token')}.")
        return " ".join(sentences)


def context_view(session: ChatSession, draft: str = "") -> ContextView:
    """What the model read for its last answer, up to now; where the chat has changed since, what it would read next.

    Nothing is changed by looking. Safe while an answer comes on another thread.

    Args:
        draft: show what would be read if this was sent now.

    Raises:
        PicochatError: there is no model.
    """
    engine = session.require_engine()
    # an answer first adds its record and then reads the token: in this order none is found without its record
    cached = engine.cached_ids
    prompt, message, reserve = _next_prompt(session, engine, draft)
    state: State = "next"
    last = session.last
    if last is not None and not draft and _stands(session, last, prompt):
        tokens = _answered(engine, last)
        offset = _find(cached, [piece.id for _, piece in tokens])
        if offset is not None:
            fallen = [*_tokens(engine, last.prompt.fallen), *tokens[:offset]]
            shown = tokens[offset : offset + len(cached)]
            return ContextView(_blocks(fallen, shown), "read", engine.context, reserve)
        if last.stop is None:
            prompt, message, state = last.prompt, None, "waiting"
    tokens = _tokens(engine, _sections(prompt))
    border = len(tokens) - len(engine.fit(prompt.ids))
    fallen = [*_tokens(engine, prompt.fallen), *tokens[:border]]
    return ContextView(_blocks(fallen, tokens[border:], message), state, engine.context, reserve)


def describe_context(view: ContextView) -> str:
    """The window as lines: figures, then each block with its tokens."""
    shares = " | ".join(f"{name} {tokens:,}" for name, tokens in view.shares.items())
    return "\n".join([view.summary(), shares, *map(describe_block, view.blocks)])


def _next_prompt(session: ChatSession, engine: Engine, draft: str) -> tuple[Prompt, Entry | None, int]:
    """What a message sent now would be read with, its place where it is still to be written, and the reserve."""
    if not engine.info.chats:
        return Prompt(engine.chat_format.document(draft).ids), None, 0
    if session.mode == "conversation":
        conversation = replace(session.conversation, entries=[*session.conversation.entries])
    else:
        conversation = Conversation(system=session.settings.system)
    message = conversation.add("user", draft)
    limit = session.settings.sampling(0, session.mode).max_tokens
    reserve = min(engine.context - 1, engine.reserve(limit))
    prompt = conversation.prompt(engine.chat_format, engine.context, reserve)
    return prompt, None if draft else message, reserve


def _stands(session: ChatSession, last: Reply, prompt: Prompt) -> bool:
    """Whether the chat is still as the last answer left it; `prompt` is its next one."""
    if last.engine is not session.engine or last.prompt.system != prompt.system:
        return False
    if session.mode == "single":
        return last.question.entry is None
    entries = session.conversation.entries
    if entries and entries[-1] is last.question.entry:
        return True
    return len(entries) > 1 and entries[-2] is last.question.entry and entries[-1].ids == last.ids


def _sections(prompt: Prompt) -> list[Section]:
    """The sections of a prompt; of a plain text's, the mark and the text."""
    if prompt.sections:
        return list(prompt.sections)
    mark, *text = prompt.ids
    sections = [Section(Rendered([mark], [Part.STRUCTURE]))]
    return [*sections, Section(Rendered(text, [Part.TEXT] * len(text)), "user")] if text else sections


def _answered(engine: Engine, last: Reply) -> list[tuple[Section, Piece]]:
    """The prompt of an answer, and the answer as far as it has come."""
    sections = _sections(last.prompt)
    header = sections.pop() if sections[-1].role == "assistant" else Section(Rendered([], []), "assistant")
    records = [token for token in list(last.tokens) if token.id is not None]
    # of an opening too long for the window, the prompt holds the end only
    records = records[len(opening_ids(last.question.opening)) - len(last.prompt.opening) :]
    ids = opening_ids(records)
    answer = replace(header, tokens=header.tokens + Rendered(ids, [Part.ASSISTANT] * len(ids)))
    return _tokens(engine, [*sections, answer], records)


def _tokens(engine: Engine, sections: Iterable[Section], answer: Sequence[Token] = ()) -> list[tuple[Section, Piece]]:
    """Each token with the section it belongs to; `answer` holds the records of the one that is no message yet."""
    return [
        (section, piece)
        for section in sections
        for piece in pieces_of(
            engine.tokenizer,
            section.tokens.ids,
            section.tokens.parts,
            [token for token in section.entry.tokens if token.id is not None] if section.entry else answer,
        )
    ]


def _find(cached: list[int], ids: list[int]) -> int | None:
    """Where in `ids` the cached ones begin: at the front, or as far behind as the window has slid; `None` for nowhere."""
    if not cached:
        return None
    offsets: Iterable[int] = (0, *range(len(ids) - len(cached), 0, -1))
    for offset in offsets:
        if ids[offset] == cached[0] and ids[offset : offset + len(cached)] == cached:
            return offset
    return None


def _blocks(
    fallen: list[tuple[Section, Piece]], shown: list[tuple[Section, Piece]], message: Entry | None = None
) -> tuple[Block, ...]:
    """Tokens of the same section as one block each; `message` is the one still to be written."""
    torn = {id(section) for section, _ in fallen} & {id(section) for section, _ in shown}
    blocks = []
    for gone, tokens in ((True, fallen), (False, shown)):
        for key, group in groupby(tokens, key=lambda token: id(token[0])):
            sections, pieces = zip(*group, strict=True)
            section: Section = sections[0]
            title = "your next message goes here" if message and section.entry is message else _title(section)
            blocks.append(Block(title, pieces, SPEAKERS[section.role], gone, section.cut or key in torn))
    return tuple(blocks)


def _title(section: Section) -> str:
    if section.role is None:
        return "document mark"
    if section.role == "system":
        return "system prompt"
    turn = f", turn {section.turn}" if section.turn else ""
    return f"{SPEAKERS[section.role]}{turn}"
