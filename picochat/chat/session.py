"""One chat: a model, a conversation and settings, with no screen in it. Every front end drives this."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from picochat.chat.conversation import Conversation, Entry
from picochat.chat.recorder import Recorder
from picochat.chat.reply import Answered, Question, Reply, opening_ids, prompt_for, with_text
from picochat.chat.settings import ChatSettings, Mode
from picochat.errors import ConfigError, HistoryError, PicochatError
from picochat.inference.engine import Engine, Token, load_engine
from picochat.inference.settings import SamplingSettings
from picochat.text.chat_format import Message

SEED_LIMIT = 2**31
"""Random seeds stay below this, so that they are short enough to type."""

Cancelled = Callable[[], bool]


def never() -> bool:
    """What is never cancelled."""
    return False


class ChatSession:
    """A model that may still be loading, a conversation, and settings.

    Args:
        draft: a smaller model that guesses tokens ahead for every model that has the same tokenizer.
    """

    def __init__(
        self,
        settings: ChatSettings | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        precision: str = "auto",
        draft: Path | None = None,
    ) -> None:
        self.settings = settings or ChatSettings()
        self.conversation = Conversation(system=self.settings.system)
        self.engine: Engine | None = None
        self.last: Reply | None = None
        self._cached: Reply | None = None
        self.recorder: Recorder | None = None
        self._device = device
        self._threads = threads
        self._precision = precision
        self.draft_model = draft

    # -- the model ------------------------------------------------------------------------------------------------------

    def load(self, path: str | Path) -> Engine:
        """Take another model; the conversation goes on with it. When it can't be loaded, the old one stays.

        Raises:
            CheckpointError, DeviceError: the model can't be used here.
        """
        engine = self.open(path)
        self.use(engine)
        return engine

    def open(self, path: str | Path) -> Engine:
        """Load a model without taking it yet; safe on another thread. Raises as `load` does."""
        engine = self._load(path)
        if self.draft_model is not None:
            draft = self._load(self.draft_model)
            # another model may have another tokenizer: it then writes without guesses
            with contextlib.suppress(ConfigError):
                engine.use_draft(draft)
        return engine

    def _load(self, path: str | Path) -> Engine:
        return load_engine(path, device=self._device, threads=self._threads, precision=self._precision)

    def use(self, engine: Engine) -> None:
        """Take an engine that is already loaded."""
        self.engine = engine
        self.conversation.forget_ids()

    @property
    def mode(self) -> Mode:
        """The mode in force: a model of plain text only takes single prompts, whatever the settings say."""
        return "single" if self.engine is not None and not self.engine.info.chats else self.settings.mode

    def require_engine(self) -> Engine:
        """The engine; raises `PicochatError` while there is none."""
        if self.engine is None:
            raise PicochatError("No model is loaded yet; wait a moment, or name one with /load.")
        return self.engine

    # -- settings -------------------------------------------------------------------------------------------------------

    def change(self, name: str, text: str) -> None:
        """Change one setting by what a user typed; raises `ConfigError`."""
        settings = self.settings.with_text(name, text)
        if name == "mode" and settings.mode == "conversation" and self.engine is not None and not self.engine.info.chats:
            raise PicochatError(
                "This model learnt from plain text and can't hold a conversation; it goes on with each text."
            )
        self.settings = settings
        if self.conversation.system != settings.system:
            self.conversation.system = settings.system
            if self.recorder is not None:
                self.recorder.set_system(settings.system)

    # -- answers --------------------------------------------------------------------------------------------------------

    def reply(self, text: str, cancelled: Cancelled = never) -> Reply:
        """Take a user's message and return the answer, to be iterated.

        When the answer has ended, it joins the conversation with as much as there was of it; an answer stopped before its
        first word leaves no trace, and takes the message with it.

        Raises:
            PicochatError: no model is loaded.
        """
        self.require_engine()
        entry = self.conversation.add("user", text) if self.mode == "conversation" else None
        if entry is None and self.recorder is not None:
            self.recorder.single = None
        return self._answer(Question(text, entry), cancelled)

    def regenerate(self, cancelled: Cancelled = never) -> Reply:
        """Answer the last message anew; the old answer goes when a new one has come.

        Raises:
            PicochatError: nothing was answered yet.
        """
        self.require_engine()
        return self._answer(self.last_question(), cancelled)

    def last_question(self) -> Question:
        """What was answered last, to be answered once more.

        Raises:
            PicochatError: nothing was answered yet.
        """
        return self._last_answer("answer anew").question

    def draft(
        self,
        engine: Engine,
        question: Question,
        settings: SamplingSettings,
        conversation: Conversation | None = None,
        cancelled: Cancelled = never,
    ) -> Reply:
        """An answer that joins nothing when it ends, by any engine; `adopt` lets it take the last one's place.

        Args:
            conversation: what the model sees, up to the question; without it the question is asked alone.
        """
        return Reply(
            engine,
            question,
            lambda: prompt_for(engine, question, settings.max_tokens, conversation or self._alone(question)),
            settings,
            finished=lambda _: None,
            cancelled=cancelled,
        )

    def adopt(self, reply: Reply) -> int | None:
        """Let a draft take the last answer's place, as if it had been regenerated; the old one stays in a saved branch.

        Returns:
            The number of that branch; `None` when the conversation is not saved.

        Raises:
            PicochatError: the conversation has gone on since the draft was begun.
        """
        question, entries = reply.question, self.conversation.entries
        branch = None
        if question.entry is not None:
            if len(entries) < 2 or entries[-2] is not question.entry or entries[-1] is not question.replaced:
                raise PicochatError("The conversation has gone on since these answers were compared; compare again.")
            if entries[-1].message.content != reply.text:
                branch = self._branch()
            entries.pop()
        self.last = reply
        self._finish(reply)
        return branch

    def resume(self, opening: tuple[Token, ...] | None = None, cancelled: Cancelled = never) -> Reply:
        """Go on with the last answer.

        Args:
            opening: go on from these tokens instead of from all of the answer; how another choice of token is tried out.

        Raises:
            PicochatError: there is no answer to go on with.
        """
        engine = self.require_engine()
        answer = self._last_answer("go on with")
        if opening is None:
            opening = tuple(replace(token, stop=None) for token in answer.tokens if token.stop != "end")
            if not opening:
                opening = tuple(Token(index, "", 0.0, 0.0) for index in engine.tokenizer.encode(answer.text))
        return self._answer(replace(answer.question, opening=with_text(engine.tokenizer, opening)), cancelled)

    def tokens_of(self, index: int | None = None) -> list[Token]:
        """The records of the answer at a place, the last one by default.

        Raises:
            PicochatError: there is none, or only its text is left.
        """
        entries = self.conversation.entries
        if index is None:
            tokens = self._last_answer("look into").tokens
        elif 0 <= index < len(entries):
            tokens = entries[index].tokens
        else:
            raise PicochatError("That answer is no part of the conversation any more.")
        if not any(token.alternatives for token in tokens):
            raise PicochatError("Of that answer only the text is left; /regenerate gives one to look into.")
        return tokens

    def end_answer(self, tokens: tuple[Token, ...]) -> None:
        """Let the last answer end after just these of its tokens.

        Raises:
            PicochatError: there is no answer in the conversation, or single prompts are answered.
        """
        self._require_conversation()
        _, answer = self._last_turn("end")
        kept = with_text(self.require_engine().tokenizer, tokens)
        answer.message = Message("assistant", "".join(token.text for token in kept))
        answer.ids, answer.tokens, answer.stop = opening_ids(kept), list(kept), "end"
        if answer.record is not None:
            # of a part, the time is not known
            answer.record = replace(answer.record, tokens=len(kept), seconds=None, first_token_seconds=None)
        self._keep(len(self.conversation.entries) - 1)

    def undo(self) -> str:
        """Take back the last turn; returns what the user had said.

        Raises:
            PicochatError: there is nothing to take back, or single prompts are answered.
        """
        self._require_conversation()
        taken = self.conversation.undo()
        if not taken:
            raise PicochatError("There is nothing to take back.")
        self._keep(len(self.conversation.entries))
        return taken[0].message.content

    def take_back(self, index: int) -> tuple[str, int | None]:
        """Take back the message at a place, and all after it.

        Returns:
            What it said, and what `cut` returns.

        Raises:
            PicochatError: there is no message of the user's at that place, or single prompts are answered.
        """
        entries = self.conversation.entries
        if not 0 <= index < len(entries) or entries[index].message.role != "user":
            raise PicochatError("That message can't be changed; choose one that you wrote in this conversation.")
        text = entries[index].message.content
        return text, self.cut(index)

    def cut(self, length: int) -> int | None:
        """Forget all messages but the first `length`; if that is more than a turn, all of them stay in a saved branch.

        Returns:
            The number of that branch; `None` where there is none.

        Raises:
            PicochatError: single prompts are answered.
        """
        self._require_conversation()
        branch = self._branch() if len(self.conversation.entries) - length > 2 else None
        self.conversation.cut(length)
        self._keep(length)
        return branch

    def reset(self) -> None:
        """Start a new conversation."""
        self.conversation.reset()
        self.last = None
        if self.recorder is not None:
            self.recorder.leave()
        if self.engine is not None:
            self.engine.forget()

    @property
    def context_used(self) -> int:
        """Tokens of the window that are taken, or will be when a conversation that was changed or resumed goes on."""
        engine, last, entries = self.engine, self.last, self.conversation.entries
        if engine is None:
            return 0
        if self.mode == "single" or (last is not None and last.stop is None):
            return engine.cached
        if not entries:
            return 0
        # an adopted draft is not what the cache holds
        own = last if last is self._cached else None
        if own is not None and own.engine is engine and entries[-1].seed == own.seed and entries[-1].ids == own.ids:
            return engine.cached
        # a copy: what is asked here must not count as the moment that old turns fell off
        waiting = replace(self.conversation, entries=[*self.conversation.entries])
        reserve = min(engine.context - 1, engine.reserve(self.settings.max_tokens))
        return len(waiting.prompt(engine.chat_format, engine.context, reserve).ids)

    # -- details --------------------------------------------------------------------------------------------------------

    def _answer(self, question: Question, cancelled: Cancelled) -> Reply:
        engine = self.require_engine()
        seed = self.settings.seed if self.settings.seed is not None else secrets.randbelow(SEED_LIMIT)
        settings = self.settings.sampling(seed, self.mode)
        if question.replaced is not None:
            self.conversation.entries.remove(question.replaced)
        conversation = self.conversation if question.entry is not None else None
        self.last = self._cached = Reply(
            engine,
            question,
            lambda: prompt_for(engine, question, settings.max_tokens, conversation or self._alone(question)),
            settings,
            finished=self._finish,
            cancelled=cancelled,
        )
        return self.last

    def _alone(self, question: Question) -> Conversation:
        alone = Conversation(system=self.settings.system)
        alone.add("user", question.text)
        return alone

    def _keep(self, first: int) -> None:
        """Save the messages from `first` on."""
        if self.recorder is not None:
            self.recorder.keep(self.conversation, first)

    def _branch(self) -> int | None:
        """Save the conversation as it is beside the one that goes on."""
        recorder = self.recorder
        if recorder is None or recorder.current is None:
            return None
        try:
            return recorder.store.branch(recorder.current, len(self.conversation.entries))
        except HistoryError as error:
            recorder.problem(f"{error} What was replaced is not kept.")
            return None

    def _last_answer(self, wish: str) -> Answered:
        """The last answer on the screen: that of the conversation, or of the last single prompt."""
        if (last := self._single) is not None:
            # under another model its tokens would mean other words
            own = self.engine is not None and last.info is self.engine.info
            return Answered(Question(last.question.text), last.tokens if own else [], last.text)
        entry, answer = self._last_turn(wish)
        return Answered(Question(entry.message.content, entry, answer), answer.tokens, answer.message.content)

    @property
    def _single(self) -> Reply | None:
        """What stands for the last answer while single prompts are answered; a resumed one is a conversation at first."""
        return self.last if self.mode == "single" else None

    def _require_conversation(self) -> None:
        if self._single is not None:
            raise PicochatError("Single prompts are not remembered; /mode conversation goes back to what is.")

    def _last_turn(self, wish: str) -> tuple[Entry, Entry]:
        entries = self.conversation.entries
        if len(entries) < 2 or entries[-1].message.role != "assistant":
            raise PicochatError(f"There is no answer to {wish} yet.")
        return entries[-2], entries[-1]

    def _finish(self, reply: Reply) -> None:
        """An answer has ended: keep it."""
        question, entries = reply.question, self.conversation.entries
        new = reply.count > (reply.stop == "end")
        record = reply.record(self.recorder.digest(reply.info) if self.recorder is not None else None)
        if question.entry is None:
            if self.recorder is not None and (new or reply.stop == "end"):
                # plain text knows no system prompt
                system = self.settings.system if reply.info.chats else None
                self.recorder.keep_single(question.text, record, system)
            return
        # the conversation may have been reset or left meanwhile
        if not entries or entries[-1] is not question.entry:
            return
        if new or (reply.stop == "end" and question.replaced is None):
            entry = self.conversation.add("assistant", reply.text)
            entry.stop, entry.seed, entry.record = reply.stop or "cancelled", reply.seed, record
            if reply.engine is self.engine:
                # under another model these ids would mean other words
                entry.ids, entry.tokens = reply.ids, list(reply.tokens)
            self._keep(len(entries) - 2)
        elif question.replaced is not None:
            entries.append(question.replaced)
        else:
            self.conversation.undo()
