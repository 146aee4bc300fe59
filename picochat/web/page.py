"""The page: a chat in the browser, over the same services as the API."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

# no news of this machine go anywhere
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
from fastapi import FastAPI
from gradio.routes import App
from gradio.themes.utils.fonts import Font
from starlette.routing import Mount

from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.web.controls import NAMES, make_controls
from picochat.web.gate import PageGate
from picochat.web.models import Models
from picochat.web.talk import Talk, Wish
from picochat.web.transcript import transcript

STYLES = Path(__file__).with_name("page.css")
_CLOSE_ON_PHONES = "() => { if (window.innerWidth < 768) document.querySelector('#settings .toggle-button').click() }"


def add_page(app: FastAPI, models: Models, *, password: str | None = None) -> Callable[[], None]:
    """Put the page at the root of an app, behind the routes that it has.

    Args:
        password: what visitors must type; `None` lets everybody in.

    Returns:
        What ends the connections of browsers that look at it, to be called in the event loop.
    """
    page = make_page(models)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        theme=_theme(),
        css_paths=[STYLES],
    )
    route = app.routes[-1]
    assert isinstance(route, Mount) and isinstance(route.app, App)
    end = route.app.stop_event.set
    route.app = PageGate(route.app, password)
    return end


def make_page(models: Models) -> gr.Blocks:
    """The page; each visitor has a conversation of their own."""
    names = models.names()
    page = gr.Blocks(title="picochat", analytics_enabled=False, fill_height=True, fill_width=True)
    with page:
        talk = gr.State(Talk())
        with gr.Sidebar(position="right", width=340, elem_id="settings"):
            model = gr.Dropdown(names, value=names[0], label="Model", elem_id="model", interactive=True)
            system = gr.Textbox(label="System prompt", lines=2, max_lines=6, elem_id="system", info=_description("system"))
            controls = make_controls()
        with gr.Column(elem_id="chat"):
            gr.HTML("<h1>picochat</h1>", elem_id="title")
            with gr.Column(elem_id="scroll"):
                shown = gr.HTML([], html_template="${value.join('')}", js_on_load=None, elem_id="conversation")
            box = gr.Textbox(
                placeholder="Say something",
                show_label=False,
                container=False,
                lines=1,
                max_lines=8,
                autofocus=True,
                submit_btn=True,
                elem_id="say",
            )
            with gr.Row(elem_id="actions"):
                again = gr.Button("Regenerate", size="sm", elem_id="regenerate")
                back = gr.Button("Undo", size="sm", elem_id="undo")
                new = gr.Button("New chat", size="sm", elem_id="new")
                colored = gr.Checkbox(label="Show probabilities", container=False, elem_id="probabilities")

        wish = [model, system, colored, *controls]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        answer = [shown, box, again, back]
        hands = _Hands(models)
        box.submit(hands.send, [talk, box, *wish], answer, **quiet)
        again.click(hands.regenerate, [talk, *wish], answer, **quiet)
        box.stop(hands.stop, [talk], [], **quiet)
        back.click(hands.undo, [talk, colored], [shown, box], **quiet)
        new.click(hands.reset, [talk, colored], [shown], **quiet)
        colored.change(hands.show, [talk, colored], [shown], **quiet)
        # there the settings would hide the chat
        page.load(None, js=_CLOSE_ON_PHONES)
        page.load(hands.open, [talk, colored, model], [shown, model], **quiet)
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


_AS_IT_IS = (gr.skip(),) * 3
"""What becomes of box and buttons while nothing changes there."""


class _Hands:
    """What the page's buttons do. A handler returns, or yields, what its outputs become."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def send(
        self, request: gr.Request, talk: Talk, text: str, model: str, system: str, colored: bool, *values: Any
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Answer what was typed."""
        if text.strip():
            async with aclosing(self._answer(request, talk, _clean(text), model, system, colored, values)) as frames:
                async for frame in frames:
                    yield frame

    async def regenerate(
        self, request: gr.Request, talk: Talk, model: str, system: str, colored: bool, *values: Any
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Answer the last message anew."""
        async with aclosing(self._answer(request, talk, None, model, system, colored, values)) as frames:
            async for frame in frames:
                yield frame

    async def stop(self, talk: Talk) -> None:
        """End the answer that is being written."""
        talk.stop()

    async def undo(self, talk: Talk, colored: bool) -> tuple[Any, ...]:
        """Take the last message back into the box."""
        try:
            text = talk.undo()
        except PicochatError as error:
            talk.note = str(error)
            return transcript(talk, colored=colored), gr.skip()
        return transcript(talk, colored=colored), text

    async def reset(self, talk: Talk, colored: bool) -> list[str]:
        """Begin a new conversation."""
        talk.reset()
        return transcript(talk, colored=colored)

    async def show(self, talk: Talk, colored: bool) -> list[str]:
        """Draw the conversation."""
        return transcript(talk, colored=colored)

    async def open(self, talk: Talk, colored: bool, model: str) -> tuple[Any, ...]:
        """Draw the conversation, and list the models that there are by now."""
        names = self._models.names()
        return transcript(talk, colored=colored), gr.Dropdown(names, value=model if model in names else names[0])

    async def _answer(
        self,
        request: gr.Request,
        talk: Talk,
        text: str | None,
        model: str,
        system: str,
        colored: bool,
        values: tuple[Any, ...],
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        begun = False
        try:
            wish = Wish(model, _settings(system, values), request.client.host if request.client else "")
            async with aclosing(talk.answer(self._models, wish, text)) as frames:
                async for _ in frames:
                    yield transcript(talk, colored=colored), *(_AS_IT_IS if begun else _writing(text is not None))
                    begun = True
        except PicochatError as error:
            talk.note = str(error)
        yield transcript(talk, colored=colored), *(_AS_IT_IS if talk.busy else _resting(talk.taken_back if begun else ""))


def _writing(empty: bool) -> tuple[Any, ...]:
    """Box and buttons while an answer is written; the box is `empty` where it was sent."""
    box = gr.Textbox("", submit_btn=False, stop_btn=True) if empty else gr.Textbox(submit_btn=False, stop_btn=True)
    return box, gr.Button(interactive=False), gr.Button(interactive=False)


def _resting(taken_back: str) -> tuple[Any, ...]:
    """The same when it is there; what was taken back is to be sent again."""
    box = gr.Textbox(submit_btn=True, stop_btn=False)
    if taken_back:
        box = gr.Textbox(taken_back, submit_btn=True, stop_btn=False)
    return box, gr.Button(interactive=True), gr.Button(interactive=True)


def _settings(system: str, values: tuple[Any, ...]) -> ChatSettings:
    """Settings from what stands in the controls; raises `ConfigError`."""
    given = {name: None if value == "" else value for name, value in zip(NAMES, values, strict=True)}
    return ChatSettings.parse({**given, "system": _clean(system) or None})


def _clean(text: str) -> str:
    """`text` as Unicode, whatever a program sent in its place."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _description(name: str) -> str:
    return ChatSettings.model_fields[name].description or ""


def _theme() -> gr.themes.Base:
    """Quiet colors, and the fonts that the machine has: nothing comes from elsewhere."""
    return gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        font=[Font("ui-sans-serif"), Font("system-ui"), Font("sans-serif")],
        font_mono=[Font("ui-monospace"), Font("monospace")],
    )
