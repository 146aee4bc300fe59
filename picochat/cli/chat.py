"""`picochat chat`."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from picochat.chat.preferences import read_preferences
from picochat.chat.settings import ChatSettings
from picochat.cli.options import DeviceOption, DraftOption, ModelOption, PrecisionOption, ThreadsOption, given, option
from picochat.cli.terminal import has_screen
from picochat.errors import ConfigError
from picochat.locations import default_model, history_database, preferences

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def chat(
    model: ModelOption = None,
    draft: DraftOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    prompt: Annotated[
        str | None, typer.Option("--prompt", "-p", help="Answer this once, and leave.", show_default=False)
    ] = None,
    system: Annotated[str | None, option(ChatSettings, "system")] = None,
    mode: Annotated[str | None, option(ChatSettings, "mode")] = None,
    temperature: Annotated[float | None, option(ChatSettings, "temperature", "--temperature", "-T")] = None,
    top_k: Annotated[int | None, option(ChatSettings, "top_k", "--top-k", "-k")] = None,
    top_p: Annotated[float | None, option(ChatSettings, "top_p")] = None,
    min_p: Annotated[float | None, option(ChatSettings, "min_p")] = None,
    guidance_scale: Annotated[float | None, option(ChatSettings, "guidance_scale")] = None,
    repetition_penalty: Annotated[float | None, option(ChatSettings, "repetition_penalty")] = None,
    max_tokens: Annotated[int | None, option(ChatSettings, "max_tokens", "--max-tokens", "-t")] = None,
    seed: Annotated[int | None, option(ChatSettings, "seed")] = None,
    history: Annotated[bool, typer.Option("--history/--no-history", help="Keep the conversation.")] = True,
    follow: Annotated[bool | None, option(ChatSettings, "follow", "--follow/--no-follow")] = None,
    theme: Annotated[str | None, option(ChatSettings, "theme")] = None,
    reduced_motion: Annotated[bool | None, option(ChatSettings, "reduced_motion", "--reduced-motion/--motion")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last conversation.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines instead of the full screen.")] = False,
) -> None:
    """Talk to a model in the terminal.

    A pipe or a dumb terminal gets the same chat as plain lines.
    """
    kept, problem = read_preferences(preferences())
    if problem:
        print(f"picochat: {problem}", file=sys.stderr)
    settings = ChatSettings.parse(
        kept
        | given(
            system=system,
            mode=mode,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            guidance_scale=guidance_scale,
            repetition_penalty=repetition_penalty,
            max_tokens=max_tokens,
            seed=seed,
            follow=follow,
            theme=theme,
            reduced_motion=reduced_motion,
        )
    )
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
            session.recorder.resume(session, None, keep=given(mode=mode, system=system))
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
