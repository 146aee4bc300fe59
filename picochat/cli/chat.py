"""`picochat chat`."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, Any

import typer

from picochat.chat.preferences import read_preferences
from picochat.chat.settings import ChatSettings
from picochat.cli.options import (
    SAMPLING_NAMES,
    DeviceOption,
    DraftOption,
    ModelOption,
    PrecisionOption,
    ThreadsOption,
    given,
    options_of,
)
from picochat.cli.terminal import has_screen
from picochat.errors import ConfigError
from picochat.locations import default_model, history_database, preferences

NAMES = {**SAMPLING_NAMES, "reduced_motion": ("--reduced-motion/--motion",)}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@options_of(ChatSettings, names=NAMES, without=("stop", "keys"))
def chat(
    model: ModelOption = None,
    draft: DraftOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    prompt: Annotated[
        str | None, typer.Option("--prompt", "-p", help="Answer this once, and leave.", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history/--no-history", help="Keep the conversation.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last conversation.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines instead of the full screen.")] = False,
    **chosen: Any,
) -> None:
    """Talk to a model in the terminal.

    A pipe or a dumb terminal gets the same chat as plain lines.
    """
    kept, problem = read_preferences(preferences())
    if problem:
        print(f"picochat: {problem}", file=sys.stderr)
    wishes = given(**chosen)
    settings = ChatSettings.parse(kept | wishes)
    path = model or default_model()

    from picochat.chat.session import ChatSession

    session = ChatSession(settings, device=device, threads=threads, precision=precision, draft=draft)
    notice = None
    if history and prompt is None:
        from picochat.chat.recorder import Recorder
        from picochat.chat.store import ConversationStore

        session.recorder = Recorder(ConversationStore(history_database()))
        notice = session.recorder.store.notice
        if resume:
            session.recorder.resume(session, None, keep=wishes)
    elif resume:
        raise ConfigError("--resume goes on with a saved conversation, and can't go with -p or --no-history.")
    if prompt is not None or plain or not has_screen():
        from picochat.repl import Repl

        session.load(path)
        repl = Repl(session)
        if notice:
            repl.say(notice)
        if prompt is not None:
            repl.interactive = False
            repl.send(prompt)
        else:
            repl.run()
        raise typer.Exit(repl.exit_code)

    from picochat.chat.prompts import PromptHistory
    from picochat.locations import prompt_history
    from picochat.ui.app import ChatApp

    if not path.exists():
        # known before the screen opens: say it as any other command does
        session.load(path)
    screen = ChatApp(session, path if session.engine is None else None, PromptHistory(prompt_history()), notice)
    # what is there by now stays; to look through it for garbage would hold up keys and tokens each time
    gc.freeze()
    screen.run()
    if screen.unfinished_jobs:
        # a model that is still loading can't be stopped, and must not keep the user waiting
        sys.stdout.flush()
        os._exit(screen.return_code or 0)
    raise typer.Exit(screen.return_code or 0)
