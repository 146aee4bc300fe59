"""The chat as plain lines: for pipes, dumb terminals, screen readers and `--plain`.

Answers go to stdout; notes, prompts and errors to stderr.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from picochat.chat.actions import COMMANDS, describe_commands, describe_settings
from picochat.chat.commands import is_command
from picochat.chat.comparison import Comparison, tell
from picochat.chat.context_view import context_view, describe_context
from picochat.chat.pieces import describe_tokens, text_block
from picochat.chat.reply import Reply
from picochat.chat.session import Cancelled, ChatSession
from picochat.errors import PicochatError
from picochat.figures import describe_status, figures
from picochat.inference.engine import STOP_TEXT
from picochat.interrupt import Interrupt
from picochat.locations import line_history
from picochat.metrics import RunHistory, RunLog
from picochat.text.safe import printable

HISTORY_LINES = 1000


class Repl:
    """A `FrontEnd` of lines."""

    def __init__(self, session: ChatSession) -> None:
        self.session = session
        if session.recorder is not None:
            session.recorder.problem = self.say
        self.running = True
        self.exit_code = 0
        self.interactive = sys.stdin.isatty()
        self.comparison: Comparison | None = None
        self._draft = ""

    def run(self) -> None:
        """Read lines until the input ends or /quit."""
        with _line_editing() if self.interactive else contextlib.nullcontext():
            if self.interactive:
                self.say("Type a message, or /help. Ctrl-C stops an answer, Ctrl-D leaves.")
            for line in self._lines():
                try:
                    if is_command(line):
                        COMMANDS.run(self, line)
                    elif line.strip():
                        self.send(line.removeprefix("/") if line.startswith("//") else line)
                except (PicochatError, OSError) as error:
                    self.say(str(error))
                if not self.running:
                    return

    def send(self, text: str) -> None:
        """Send a message and print the answer."""
        self.answer(lambda cancelled: self.session.reply(text, cancelled))

    # -- FrontEnd -------------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Print a note to stderr."""
        print(printable(text), file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Clear the screen, where there is one."""
        if self.interactive and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            sys.stderr.write("\x1b[2J\x1b[H")
            sys.stderr.flush()

    def show_help(self) -> None:
        """Print the commands."""
        self.say(describe_commands())

    def show_settings(self) -> None:
        """Print the settings."""
        self.say(describe_settings(self.session.settings))

    def settings_changed(self) -> None:
        """Nothing to redraw."""

    def load(self, path: str) -> None:
        """Load another model."""
        engine = self.session.load(path)
        self.say(f"Loaded {engine.info.summary()}.")

    def answer(self, start: Callable[[Cancelled], Reply]) -> None:
        """Stream one answer to stdout."""
        with Interrupt() as interrupt:
            reply = start(interrupt)
            for note in reply.prompt.notes():
                self.say(f"({note})")
            for token in itertools.chain(reply.question.opening, reply):
                self._write(token.text)
        self._write("\n")
        seed = f"seed {reply.seed}" if self.session.settings.seed is None and reply.settings.temperature else ""
        reason = STOP_TEXT[reply.stop or "cancelled"] if reply.stop not in ("end", "stop") else ""
        if seed or reason:
            self.say(f"({', '.join(filter(None, (reason, seed)))})")
        self._heed(interrupt)

    def choose_conversation(self) -> None:
        """List the saved conversations; /resume takes one by its number."""
        COMMANDS.run(self, "/history")

    def show_context(self) -> None:
        """Print the model's window."""
        self.say(describe_context(context_view(self.session)))

    def show_tokens(self, text: str) -> None:
        """Print the tokens of a text."""
        self.say(describe_tokens(text_block(self.session, text)))

    def compare(self, comparison: Comparison) -> None:
        """Print the answers one after the other."""
        self.comparison = comparison
        with Interrupt() as interrupt:
            tell(comparison, self.say, self._write, interrupt)
        self._heed(interrupt)

    def watch(self, folder: Path) -> None:
        """Print where the run stands."""
        log, history = RunLog(folder), RunHistory()
        history.add(log.poll())
        if log.modified is None:
            raise PicochatError(f"There is no run in {folder}; name the folder of one that has begun.")
        state = history.state(log.modified, time.time())
        self.say("\n".join(f"{name:<10}  {value}" for name, value in [("state", describe_status(state)), *figures(state)]))

    def _heed(self, interrupt: Interrupt) -> None:
        if interrupt() and (not self.interactive or interrupt.requested != signal.SIGINT):
            # a person's Ctrl-C stops the answer; a script's, or a request to end, the program
            self.exit_code = interrupt.exit_code
            self.running = False

    def _write(self, text: str) -> None:
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()

    def edit(self, text: str) -> None:
        """Offer the text at the prompt, where lines can be edited."""
        self._draft = text
        if not self.interactive:
            self.say(f"Taken back: {text}")

    def conversation_changed(self) -> None:
        """Say how much is left of it."""
        self.say(f"({len(self.session.conversation.entries)} messages in the conversation)")

    def show_probabilities(self) -> None:
        """Say each token's probability of the last answer."""
        for token in self.session.tokens_of():
            self.say(f"{math.exp(min(0.0, token.logprob)):>6.1%}  {token.text!r}")

    def inspect_answer(self) -> None:
        """Print each token of the last answer with its rivals."""
        for token in self.session.tokens_of():
            rivals = ", ".join(f"{other.text!r} {math.exp(other.logprob):.0%}" for other in token.alternatives)
            self.say(f"{token.text!r}  of  {rivals}")

    def copy(self, text: str) -> None:
        """Print it: a plain terminal has its own way to copy."""
        self.say(text)

    def quit(self) -> None:
        """End after this line."""
        self.running = False

    def _lines(self) -> Iterator[str]:
        while True:
            try:
                if self.interactive:
                    yield self._ask()
                else:
                    # bytes, so that one line that is no text doesn't take others with it
                    line = sys.stdin.buffer.readline()
                    if not line:
                        return
                    yield line.decode("utf-8").rstrip("\r\n")
            except EOFError:
                return
            except KeyboardInterrupt:
                self.say("(Ctrl-D or /quit leaves)")
            except UnicodeDecodeError:
                self.say("That line is not UTF-8 text; it was left out.")

    def _ask(self) -> str:
        if self._draft:
            _offer(self._draft)
            self._draft = ""
        if sys.stdout.isatty():
            return input("> ")
        # the prompt is no result
        sys.stderr.write("> ")
        sys.stderr.flush()
        return input()


def _offer(text: str) -> None:
    """Put a text into the next line to be edited, where readline is there to do so."""
    with contextlib.suppress(ImportError):
        import readline

        def insert() -> None:
            readline.insert_text(text)
            readline.redisplay()
            readline.set_pre_input_hook(None)

        readline.set_pre_input_hook(insert)


@contextlib.contextmanager
def _line_editing() -> Iterator[None]:
    """Readline with the history of earlier chats, where the system has it."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    path = line_history()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LINES)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
