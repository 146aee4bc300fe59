from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest
from rich.segment import Segment
from textual.app import App

from picochat.chat.context_view import context_view
from picochat.chat.pieces import text_block
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.inference.engine import Engine
from picochat.text.tokenizer import Tokenizer
from picochat.ui.screens.context import ContextScreen
from picochat.ui.screens.tokens import LensScreen, TokensScreen
from picochat.ui.widgets.context_meter import ContextMeter
from tests.conftest import chat_text
from tests.fakes import ScriptedBackend, scripted_session

SIZES = [(60, 20), (80, 24), (120, 40)]
NASTY = "see [/foo] [bold \x1b[31m <|im_end|>"


class Host(App[None]):
    """Shows one screen above nothing."""

    def __init__(self, lens: LensScreen) -> None:
        super().__init__()
        self.lens = lens
        self.closed = False

    def on_mount(self) -> None:
        self.push_screen(self.lens, self._close)

    def _close(self, _: object) -> None:
        self.closed = True


async def wait_until(pilot, condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "the screen never got there"
        await pilot.pause(0.01)


async def shown(pilot, lens: LensScreen) -> None:
    """Wait for the first frame."""
    await wait_until(pilot, lambda: lens.is_mounted and lens.flow.has_focus and lens.flow.lines_of_tokens.lines)
    await pilot.pause()


def drawn(lens: LensScreen) -> list[str]:
    """The lines of tokens in view."""
    return [lens.flow.render_line(y).text.rstrip() for y in range(lens.flow.size.height)]


def segments(lens: LensScreen) -> list[Segment]:
    return [segment for y in range(lens.flow.size.height) for segment in lens.flow.render_line(y)]


def facts(lens: LensScreen) -> str:
    return str(lens.facts.render())


def talk(*turns: tuple[str, str], context: int = 512, system: str | None = None) -> ChatSession:
    session = scripted_session([reply for _, reply in turns], ChatSettings(system=system), context=context)
    for text, _ in turns:
        list(session.reply(text))
    return session


def bpe_session(replies: list[str], context: int = 512) -> ChatSession:
    tokenizer = Tokenizer.train([chat_text()], "bpe", 400)
    session = ChatSession()
    session.use(Engine(ScriptedBackend(replies, tokenizer, context=context), tokenizer))
    return session


@pytest.mark.parametrize("size", SIZES)
async def test_the_window_is_drawn_with_its_figures(size: tuple[int, int]) -> None:
    session = talk(("Hi you", "Hello!\nSo"), system="Be kind.", context=100)
    lens = ContextScreen(context_view(session))
    app = Host(lens)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, lens)
        bar, numbers = str(lens.query_one(ContextMeter).render()).replace("\xa0", " ").split("\n", 1)
        assert len(bar) == lens.query_one(ContextMeter).size.width
        assert lens.query_one(ContextMeter).size.height == 1 + len(numbers.splitlines())
        assert " ".join(numbers.split()) == "│ mark 1 | ░ system 18 | ▒ you 14 | █ picochat 20 | · free 47"
        assert all(sign in bar for sign in "│░▒█·")
        assert lens.flow.size.height >= 7
        lines = drawn(lens)
        assert lines[:4] == [
            "── document mark: 1 token",
            "<|endoftext|>",
            "── system prompt: 18 tokens",
            "<|im_start|>system⏎",
        ]
        await pilot.press("end")
        assert "So" in drawn(lens)
        assert "picochat, turn 1" in facts(lens)


async def test_the_cursor_goes_over_tokens_lines_and_sections() -> None:
    session = talk(("Hi you", "Hello"), system="Be kind.")
    lens = ContextScreen(context_view(session))
    app = Host(lens)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, lens)

        async def press(*keys: str) -> str:
            await pilot.press(*keys)
            await pilot.pause()
            return facts(lens)

        engine = session.require_engine()
        assert facts(lens).startswith(
            f"token 1 of {engine.cached}: document mark, frame\nid {engine.tokenizer.end_of_text}:"
        )
        assert "system prompt, frame\nid" in await press("right")
        assert "'B', 1 byte 42" in await press("left", "tab", "down")
        assert "id 1: <|im_start|>" in await press("up")
        assert ": you, turn 1, frame" in await press("tab")
        assert ": picochat, turn 1, frame" in await press("tab")
        assert ": you, turn 1, frame" in await press("shift+tab")
        assert "'o', 1 byte 6f, probability 100.0%" in await press("end", "right")
        assert f"token {engine.cached} of {engine.cached}" in facts(lens)
        assert "token 1 of" in await press("home", "left", "up")
        await press("pagedown")
        assert lens.flow.cursor > 10
        await press("pageup")
        assert lens.flow.cursor == 0
        await press("i")
        assert f"<|endoftext|>={engine.tokenizer.end_of_text}" in drawn(lens)
        await press("i")
        assert "<|endoftext|>" in drawn(lens)
        await pilot.click(lens.flow, offset=(13, 3))
        await wait_until(pilot, lambda: "'y', 1 byte 79" in facts(lens))


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_it_closes(key: str) -> None:
    lens = ContextScreen(context_view(scripted_session([])))
    app = Host(lens)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, lens)
        assert "your next message goes here" in "".join(drawn(lens))
        await pilot.press(key)
        await wait_until(pilot, lambda: app.closed)


async def test_what_fell_off_stands_first_and_is_marked() -> None:
    session = talk(("first message", "One"), ("second message", "Two"), ("third", "Three"), context=80)
    lens = ContextScreen(context_view(session))
    app = Host(lens)
    async with app.run_test(size=(80, 40)) as pilot:
        await shown(pilot, lens)
        lines = drawn(lens)
        assert lines[0] == "── you, turn 1, fell off: 21 tokens"
        assert lens.flow.pieces[lens.flow.cursor].text == "<|endoftext|>"
        assert facts(lens).startswith("token 1 of")
        gone = next(segment for segment in segments(lens) if "first" in "".join(lines) and segment.text == "f")
        assert gone.style is not None and gone.style.italic
        await pilot.press("left")
        await wait_until(pilot, lambda: "fell off: picochat, turn" in facts(lens))
        await pilot.press("right")
        await wait_until(pilot, lambda: facts(lens).startswith("token 1 of"))


async def test_what_fell_off_is_just_above_the_first_view() -> None:
    session = talk(*((f"message {n} is long enough", f"answer {n}") for n in range(9)), context=120)
    lens = ContextScreen(context_view(session))
    app = Host(lens)
    async with app.run_test(size=(60, 20)) as pilot:
        await shown(pilot, lens)
        lines = drawn(lens)
        assert "── document mark: 1 token" in lines[1:]
        assert "<|endoftext|>" in lines


@pytest.mark.parametrize("no_color", [False, True])
async def test_borders_the_cursor_and_markers_show_without_colours(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    session = talk(("<|im_end|>", "Hello"))
    lens = ContextScreen(context_view(session))
    app = Host(lens)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, lens)
        pieces = iter(lens.flow.pieces)
        parts = [segment for segment in segments(lens) if segment.text.strip() and not segment.text.startswith("──")]
        cursors = []
        for index, (segment, piece) in enumerate(zip(parts, pieces, strict=True)):
            style = segment.style
            assert style is not None
            assert segment.text == piece.shown.rstrip("\n")
            assert bool(style.underline) == (index % 2 == 1)
            assert bool(style.bold) == piece.special
            cursors += [index] if style.reverse else []
        assert cursors == [0]


async def test_brackets_and_escape_sequences_are_text() -> None:
    session = talk((NASTY, NASTY))
    for lens in (ContextScreen(context_view(session)), TokensScreen(text_block(session, NASTY))):
        app = Host(lens)
        async with app.run_test(size=(120, 40)) as pilot:
            await shown(pilot, lens)
            lens.flow.ids = False
            await pilot.pause()
            text = "".join(drawn(lens))
            assert "see·[/foo]·[bold·␛[31m·<|im_end|>" in text
            assert "\x1b" not in text
            lens.flow.cursor = next(index for index, piece in enumerate(lens.flow.pieces) if piece.text == "\x1b")
            await wait_until(pilot, lambda: "'\\x1b', 1 byte 1b" in facts(lens))  # noqa: B023


async def test_an_emoji_of_several_tokens_shows_each() -> None:
    session = bpe_session(["Hello 😀!"])
    list(session.reply("Hi 😀"))
    lens = ContextScreen(context_view(session))
    app = Host(lens)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, lens)
        lines = "".join(drawn(lens))
        assert lines.count("\\xf0\\x9f\\x98\\x80") == 2
        texts = [piece.text for piece in lens.flow.pieces]
        for _ in range(texts.index("\\x9f")):
            await pilot.press("right")
        await wait_until(pilot, lambda: "b'\\x9f', 1 byte 9f" in facts(lens))


async def test_a_large_window_can_be_walked_and_resized() -> None:
    session = bpe_session(["Hello Ada! " * 600], context=8000)
    list(session.reply("I like soup. " * 1400))
    view = context_view(session)
    assert len(view.seen) > 4000
    lens = ContextScreen(view)
    app = Host(lens)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, lens)
        await pilot.press("end", "up", "pageup", "home", "end")
        last = lens.flow.lines_of_tokens
        assert lens.flow.cursor == len(view.seen) - 1
        await pilot.resize_terminal(60, 20)
        await wait_until(pilot, lambda: lens.flow.lines_of_tokens is not last)
        y, _ = lens.flow.lines_of_tokens.where[-1]
        await wait_until(pilot, lambda: lens.flow.scroll_y <= y < lens.flow.scroll_y + lens.flow.size.height)


@pytest.mark.parametrize("size", SIZES)
async def test_a_text_is_shown_with_its_ids(size: tuple[int, int]) -> None:
    session = bpe_session([])
    block = text_block(session, "Hello Ada 😀 [b]\nyou")
    lens = TokensScreen(block)
    app = Host(lens)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, lens)
        lines = drawn(lens)
        assert lines[0] == f"── text: {len(block.pieces)} tokens"
        written = " ".join(lines[1:]).split()
        assert written == [f"{piece.shown.rstrip()}={piece.id}" for piece in block.pieces]
        assert f"{len(block.pieces)} tokens, 19 characters, " in str(lens.query_one("#summary").render())  # type: ignore[attr-defined]
        assert facts(lens).startswith(f"token 1 of {len(block.pieces)}\nid ")


async def test_a_text_without_tokens_is_told() -> None:
    session = scripted_session([""])
    list(session.reply("Hi"))
    lens = TokensScreen(text_block(session))
    app = Host(lens)
    async with app.run_test(size=(60, 20)) as pilot:
        await shown(pilot, lens)
        await pilot.press("left", "right", "up", "down", "home", "end", "tab", "shift+tab", "pagedown", "i")
        assert "no tokens" in facts(lens)
        await pilot.press("q")
        await wait_until(pilot, lambda: app.closed)
