"""One visitor's conversation: what was said, and the answer that is being written."""

from __future__ import annotations

import asyncio
import secrets
import weakref
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from functools import cached_property

from picochat.chat.conversation import Conversation, Entry
from picochat.chat.records import StoredMessage
from picochat.chat.reply import ALTERNATIVES
from picochat.chat.session import SEED_LIMIT
from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.inference.engine import Engine
from picochat.inference.generation import Job
from picochat.inference.prompt import answer, completion
from picochat.text.chat_format import Message
from picochat.web.models import Models
from picochat.web.service import Generation

FRAME_SECONDS = 0.04
"""A page is drawn anew no sooner than this after the last time."""


@dataclass(frozen=True)
class Wish:
    """How a visitor wants to be answered.

    Attributes:
        model: its name.
        client: who asks; see `Service.generate`.
    """

    model: str
    settings: ChatSettings
    client: str = ""

    @cached_property
    def seed(self) -> int:
        """What to draw with: a new one each time where none is set."""
        return secrets.randbelow(SEED_LIMIT) if self.settings.seed is None else self.settings.seed


class Talk:
    """A conversation that one visitor sees.

    Attributes:
        note: what went wrong at last, or is worth to know; empty for most answers.
        busy: an answer is being written.
        taken_back: the message that the last answer took with it.
    """

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.note = self.taken_back = ""
        self.busy = False
        self._generation: Generation | None = None
        self._stopped = False
        self._engine: weakref.ref[Engine] | None = None

    async def answer(self, models: Models, wish: Wish, text: str | None = None) -> AsyncGenerator[None, None]:
        """Answer a text, or without one the last message anew; yields whenever there is more to show.

        When not a word comes of it, the old answer is back, or the message goes to `taken_back`; `note` says why.

        Raises:
            PicochatError: an answer is being written already, or there is none to write anew.
        """
        self._require_rest()
        conversation, replaced = self.conversation, None
        if text is not None:
            conversation.add("user", text)
        elif conversation.entries and conversation.entries[-1].message.role == "assistant":
            replaced = conversation.entries.pop()
        else:
            raise PicochatError("There is no answer to write anew yet.")
        answer = Entry(Message("assistant", ""), seed=wish.seed)
        self.busy, self._stopped, self.note, self.taken_back = True, False, "", ""
        try:
            yield
            async with models.use(wish.model) as service:
                job = await asyncio.to_thread(self._job, conversation, service.engine, wish)
                if not self._stopped:
                    conversation.entries.append(answer)
                    with service.generate([job], wish.client) as self._generation:
                        async for _, token in self._generation:
                            answer.tokens.append(token)
                            if not self._generation.more:
                                yield
                                await asyncio.sleep(FRAME_SECONDS)
        except PicochatError as error:
            self.note = str(error)
        finally:
            self.busy, self._generation = False, None
            if not self._keep(conversation, answer, replaced):
                if replaced is not None:
                    conversation.entries.append(replaced)
                else:
                    self.taken_back = conversation.undo()[0].message.content

    def stop(self) -> None:
        """End the answer that is being written; as much as there is of it stays."""
        self._stopped = True
        if self._generation is not None:
            self._generation.cancel()

    def undo(self) -> str:
        """Take back the last message and its answer; returns what it said.

        Raises:
            PicochatError: there is none, or an answer is being written.
        """
        self._require_rest()
        taken = self.conversation.undo()
        if not taken:
            raise PicochatError("There is nothing to take back.")
        self.note = ""
        return taken[0].message.content

    def reset(self) -> None:
        """Begin anew, whatever is being written."""
        self.stop()
        self.conversation = Conversation()
        self.note = ""

    def _require_rest(self) -> None:
        if self.busy:
            raise PicochatError("An answer is being written; stop it first.")

    def _job(self, conversation: Conversation, engine: Engine, wish: Wish) -> Job:
        """What to draw; in a thread, as a long text takes a while to encode."""
        chats = engine.info.chats
        settings = wish.settings.sampling(wish.seed, "conversation" if chats else "single")
        if self._engine is None or self._engine() is not engine:
            # under another model the tokens would mean other words
            conversation.forget_ids()
            self._engine = weakref.ref(engine)
        if chats:
            conversation.system = wish.settings.system
            prompt = conversation.prompt(engine.chat_format, engine.context, engine.reserve(settings.max_tokens))
            self.note = " ".join(prompt.notes())
            return answer(engine, prompt.ids).job(settings, alternatives=ALTERNATIVES)
        request = completion(engine, conversation.entries[-1].message.content, raw=True)
        self.note = "This model learnt from plain text: it goes on with each text, and knows none of those before."
        return replace(request, slide=False).job(settings, alternatives=ALTERNATIVES)

    def _keep(self, conversation: Conversation, answer: Entry, replaced: Entry | None) -> bool:
        """Let an answer that has ended stay in the conversation, if there is anything of it."""
        if answer in conversation.entries:
            conversation.entries.remove(answer)
        answer.stop = answer.tokens[-1].stop or "cancelled" if answer.tokens else "cancelled"
        count = len(answer.tokens)
        ended = answer.stop == "end"
        if count <= ended and not (ended and replaced is None):
            return False
        text = "".join(token.text for token in answer.tokens)
        answer.message = Message("assistant", text)
        answer.ids = [token.id for token in answer.tokens[: count - ended] if token.id is not None]
        answer.record = StoredMessage(
            "assistant",
            text,
            tokens=count,
            seconds=answer.tokens[-1].seconds,
            first_token_seconds=answer.tokens[0].seconds,
        )
        conversation.entries.append(answer)
        return True
