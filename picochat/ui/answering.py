"""The answer that is coming: it grows in the transcript, ends, and lets what waited for it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from picochat.chat.reply import Question, Reply
from picochat.chat.session import Cancelled, ChatSession
from picochat.errors import PicochatError
from picochat.ui.said import Said
from picochat.ui.widgets.transcript import Transcript
from picochat.ui.work import AnswerEnded, AnswerText, Job, Target, stream_answer


class AnswerScreen(Target, Protocol):
    """What an answer asks of the screen that it is shown on."""

    session: ChatSession

    @property
    def transcript(self) -> Transcript:
        """Where it appears."""

    def say(self, text: str) -> None:
        """Show a note."""

    def say_error(self, text: str) -> None:
        """Show what went wrong."""

    def conversation_changed(self) -> None:
        """Draw the transcript anew."""

    def give_back(self, text: str) -> None:
        """A message has left the conversation unanswered."""


class Answering:
    """At most one answer at a time, made on a thread of its own.

    Attributes:
        job: the thread; `None` while no answer is coming.
    """

    def __init__(self, screen: AnswerScreen) -> None:
        self._screen = screen
        self.job: Job | None = None
        self._reply: Reply | None = None
        self._said: Said | None = None

    def start(self, make_reply: Callable[[Cancelled], Reply]) -> None:
        """Start an answer; its text streams in as messages."""
        try:
            self.job, self._reply = stream_answer(make_reply, self._screen)
        except PicochatError as error:
            self._screen.say_error(str(error))
            return
        question, transcript = self._reply.question, self._screen.transcript
        if question.replaced is not None:
            self._screen.conversation_changed()
        elif question.opening:
            # a single prompt's answer goes on: its beginning comes again with the rest
            answers = [item for item in transcript.items if isinstance(item, Said) and item.role == "assistant"]
            transcript.show([item for item in transcript.items if item not in answers[-1:]])

    def _open(self) -> Said:
        """The answer's place in the transcript; before it stands what the model doesn't see, known with its first token."""
        assert self._reply is not None
        if self._said is None:
            question = self._reply.question
            for note in self._reply.prompt.notes():
                self._screen.say(note)
            opening = "".join(token.text for token in question.opening)
            # a quick answer is in the conversation already
            entries = self._screen.session.conversation.entries
            index = entries.index(question.entry) + 1 if question.entry in entries else None
            self._said = self._screen.transcript.add_message("assistant", opening, question.opening, index=index)
        return self._said

    def grow(self, event: AnswerText) -> bool:
        """Show more text, unless it is of an answer that is over; returns whether it was shown."""
        if self.job is None or event.run != self.job.run:
            return False
        self.job.draw_rate.measure()
        self._open().append(event.tokens)
        return True

    def end(self, event: AnswerEnded) -> bool:
        """Close the answer, unless it is another one's end; returns whether it was this one's."""
        if self.job is None or event.run != self.job.run:
            return False
        reply, said = self._reply, self._said if event.error else self._open()
        self.job = self._reply = self._said = None
        if reply is not None and said is not None:
            said.finish(reply.footnote)
        if reply is not None:
            self._take_back(reply.question)
        if event.error:
            self._screen.say_error(event.error)
        return True

    def _take_back(self, question: Question) -> None:
        """Where nothing came, the conversation is what it was before the question; the transcript follows it."""
        entries = self._screen.session.conversation.entries
        if question.replaced in entries:
            self._screen.conversation_changed()
            self._screen.say("Nothing came; the answer stays as it was.")
        elif question.entry is not None and question.entry not in entries:
            self._screen.conversation_changed()
            self._screen.give_back(question.text)

    def stop(self) -> bool:
        """Ask the answer to end; returns whether there was one that had not been asked."""
        if self.job is None or self.job.stopped():
            return False
        self.job.stop()
        return True

    @property
    def state(self) -> str:
        """A word on it; empty while there is none."""
        if self.job is None:
            return ""
        return "stopping" if self.job.stopped() else "answering"

    def show_again(self) -> None:
        """The transcript was emptied: what has come of the answer stays on it."""
        if (said := self._said) is not None:
            self._said = self._screen.transcript.add_message("assistant", said.text, said.tokens, index=said.index)
