from __future__ import annotations

from pathlib import Path

from picochat.chat.recorder import Recorder
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.chat.store import ConversationStore
from picochat.inference.engine import Token
from picochat.ui.app import ChatApp
from picochat.ui.screens.microscope import MicroscopeScreen
from picochat.ui.widgets.message import MessageView
from picochat.ui.widgets.token_text import token_content
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, idle, notes, send, texts, wait_until


def test_styles_tell_more_than_colour() -> None:
    tokens = [Token(1, text, logprob, 0.0) for text, logprob in (("a", 0.0), ("b", -0.7), ("c", -1.5), ("[d]", -5.0))]
    content = token_content(tokens, cursor=2)
    assert content.plain == "abc[d]"
    styles = [str(span.style) for span in content.spans]
    assert len(set(styles)) == len(styles)
    assert any("reverse" in style for style in styles)
    assert any("underline" in style for style in styles)


async def test_answers_are_coloured_on_request_and_while_they_come() -> None:
    app = ChatApp(scripted_session(["Hello [b]", "Again"]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        await send(pilot, "/probs")
        assert all(view.probs for view in app.chat.transcript.query(MessageView))
        await send(pilot, "More")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant") == ["Hello [b]", "Again"])
        last = app.chat.transcript.query(MessageView).last(MessageView)
        assert last.probs
        assert "Again" in str(last.render())
        await send(pilot, "/probs")
        assert not app.chat.transcript.probs


async def test_the_microscope_shows_rivals_and_an_answer_goes_on_from_one(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    session.load(chat_model)
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        before = session.conversation.entries[-1].ids
        assert before is not None
        await pilot.press("f3")
        await wait_until(pilot, lambda: isinstance(app.screen, MicroscopeScreen))
        screen = app.screen
        assert isinstance(screen, MicroscopeScreen)
        await pilot.press("home", "right")
        assert screen.cursor == 1
        assert "token 2 of" in str(screen.facts.render())
        assert screen.choices.option_count == 5
        said = screen.choices.highlighted
        await pilot.press("enter")  # what was said anyway: nothing happens
        assert app.screen is screen
        await pilot.press("down" if said == 0 else "up", "enter")
        await wait_until(pilot, lambda: app.screen is app.chat and idle(app)())
        after = session.conversation.entries[-1].ids
        assert after is not None
        assert after[0] == before[0]
        assert after[1] != before[1]
        assert texts(app, "assistant") == [session.conversation.entries[-1].message.content]


async def test_the_microscope_closes_and_changes_nothing() -> None:
    app = ChatApp(scripted_session(["Hello"]))
    async with app.run_test(size=(60, 20)) as pilot:
        await send(pilot, "/inspect")
        assert "no answer to look into" in notes(app)
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        await send(pilot, "/inspect")
        await wait_until(pilot, lambda: isinstance(app.screen, MicroscopeScreen))
        await pilot.press("end", "right", "left", "escape")
        await wait_until(pilot, lambda: app.screen is app.chat)
        assert texts(app, "assistant") == ["Hello"]


async def test_regenerate_edit_and_undo_redraw_the_transcript() -> None:
    session = scripted_session(["One", "Two", "Three"])
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        for text in ("A", "B"):
            await send(pilot, text)
            await wait_until(pilot, idle(app))
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant") == ["One", "Three"])
        await send(pilot, "/edit")
        await wait_until(pilot, lambda: texts(app, "user") == ["A"])
        assert app.chat.prompt.text == "B"
        await send(pilot, "/undo")
        await wait_until(pilot, lambda: texts(app, "user") == [])
        await send(pilot, "/undo")
        assert "nothing to take back" in notes(app)


async def test_a_message_changed_in_the_middle_leaves_the_rest_in_a_branch() -> None:
    session = scripted_session(["One", "Two", "Three"])
    session.recorder = Recorder(ConversationStore(None))
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        for text in ("A", "B"):
            await send(pilot, text)
            await wait_until(pilot, idle(app))
        app.chat.prompt.text = "a thought"
        app.chat.transcript.focus()
        await pilot.press("up", "up", "up", "e")
        await wait_until(pilot, lambda: app.chat.prompt.text == "A\na thought")
        assert texts(app, "user") == []
        assert "kept in conversation 2" in notes(app)
        await send(pilot, "/resume 2")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One", "Two"])


async def test_the_answer_of_a_single_prompt_is_gone_on_with_and_looked_into(text_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=0, max_tokens=5), device="cpu")
    session.load(text_model)
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "a")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        (first,) = texts(app, "assistant")
        await send(pilot, "/system")
        await send(pilot, "/continue")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant") != [first])
        (whole,) = texts(app, "assistant")
        assert whole.startswith(first)
        assert len(session.tokens_of()) > 5
        await pilot.press("f3")
        await wait_until(pilot, lambda: isinstance(app.screen, MicroscopeScreen))
        await pilot.press("home", "down", "enter")
        await wait_until(pilot, lambda: app.screen is app.chat and idle(app)())
        (other,) = texts(app, "assistant")
        assert other[0] != whole[0]


async def test_an_alternative_of_an_answer_that_is_gone_is_refused_and_the_palette_stays_closed() -> None:
    app = ChatApp(scripted_session(["Hello"]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        await pilot.press("f3")
        await wait_until(pilot, lambda: isinstance(app.screen, MicroscopeScreen))
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert isinstance(app.screen, MicroscopeScreen)
        app.chat.session.reset()
        await pilot.press("home", "down", "enter")
        await wait_until(pilot, lambda: "no answer to" in notes(app))
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: app.screen is not app.chat)
