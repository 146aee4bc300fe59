"""The transcript: following, reading, and many messages."""

from __future__ import annotations

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Size

from picochat.ui.said import Note
from picochat.ui.widgets.item_window import FIRST_ITEMS, MOST_ITEMS
from picochat.ui.widgets.message import MessageView, NoteView
from tests.ui.hosts import TranscriptHost, screen_lines, settle, shown, talk, tokens, wait_until

SIZE = (80, 24)


def wheel(kind, app):
    app.transcript.post_message(kind(app.transcript, 5, 5, 0, 0, 0, False, False, False))


async def test_brackets_and_escapes_are_text() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        said = app.transcript.add_message("user", "[b]x[/nothing] \x1b[2J\ttab")
        app.transcript.add_message("assistant").append(tokens("[/] [@click=app.quit]\x1b]52;c;eA==\x07"))
        app.transcript.add_note("[red \x1b[31m")
        await settle(pilot)
        text = "\n".join(screen_lines(pilot))
        assert "[b]x[/nothing] ␛[2J    tab" in text
        assert "[/] [@click=app.quit]␛]52;c;eA==␇" in text
        assert "[red ␛[31m" in text
        assert said.text == "[b]x[/nothing] \x1b[2J\ttab"


@pytest.mark.parametrize("probs", [False, True])
async def test_what_streams_looks_like_what_was_there(probs: bool) -> None:
    text = "A few words, then a\nnew line. " * 5 + "ünïcödé 漢字漢字 " * 9 + "x" * 200 + "\n\n  indented   spaces \n"
    looks = []
    for step in (7, len(text)):
        app = TranscriptHost()
        async with app.run_test(size=(40, 50)) as pilot:
            app.transcript.probs = probs
            said = app.transcript.add_message("assistant")
            for start in range(0, len(text), step):
                said.append(tokens(text[start : start + step]))
                await pilot.pause()
            await settle(pilot)
            looks.append(screen_lines(pilot))
    assert looks[0] == looks[1]
    assert "indented   spaces" in "\n".join(looks[0])


async def test_it_follows_what_streams() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(30))
        said = app.transcript.add_message("assistant", index=30)
        for number in range(40):
            said.append(tokens(f"line {number}\n"))
            await pilot.pause()
        await settle(pilot)
        assert app.transcript.following
        assert "line 39" in "\n".join(screen_lines(pilot))
        assert not app.hint.display
        said.finish("40 lines")
        await settle(pilot)
        assert "40 lines" in "\n".join(screen_lines(pilot))


@pytest.mark.parametrize("way", ["wheel", "pageup"])
async def test_who_scrolls_up_while_it_streams_stays_there(way: str) -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(30))
        said = app.transcript.add_message("assistant", index=30)
        said.append(tokens("start\n" * 5))
        app.transcript.focus()
        await settle(pilot)
        if way == "wheel":
            wheel(MouseScrollUp, app)
        else:
            await pilot.press("pageup")
        await settle(pilot)
        before = screen_lines(pilot)
        assert not app.transcript.following
        assert not app.hint.display
        for number in range(40):
            said.append(tokens(f"line {number}\n"))
            await pilot.pause()
        await settle(pilot)
        # the hint takes the last line
        assert screen_lines(pilot)[:15] == before[:15]
        assert app.hint.display
        assert "new text below - End" in "\n".join(screen_lines(pilot))


@pytest.mark.parametrize("way", ["end", "ctrl+end", "click", "follow", "wheel"])
async def test_ways_back_to_the_end(way: str) -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(30))
        said = app.transcript.add_message("assistant", index=30)
        app.transcript.focus()
        await settle(pilot)
        wheel(MouseScrollUp, app)
        wheel(MouseScrollUp, app)
        await settle(pilot)
        said.append(tokens("new\n"))
        await wait_until(pilot, lambda: app.hint.display)
        await settle(pilot)
        if way == "click":
            await pilot.click(app.hint)
        elif way == "follow":
            app.transcript.follow()
        elif way == "wheel":
            # the end runs away by two lines for each turn of the wheel but the last
            for _ in range(3):
                said.append(tokens("more\n"))
                await settle(pilot)
                wheel(MouseScrollDown, app)
                wheel(MouseScrollDown, app)
                await settle(pilot)
        else:
            await pilot.press(way)
        await wait_until(pilot, lambda: app.transcript.following)
        for number in range(30):
            said.append(tokens(f"line {number}\n"))
            await pilot.pause()
        await settle(pilot)
        assert app.transcript.following
        assert not app.hint.display
        assert "line 29" in "\n".join(screen_lines(pilot))


async def test_within_two_lines_of_the_end_is_the_end_downwards_only() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(30))
        await settle(pilot)
        transcript = app.transcript
        end = transcript.max_scroll_y
        transcript.scroll_to(y=end - 1, animate=False)
        await settle(pilot)
        assert not transcript.following
        transcript.scroll_to(y=end - 9, animate=False)
        await settle(pilot)
        transcript.scroll_to(y=end - 5, animate=False)
        await settle(pilot)
        assert not transcript.following
        transcript.scroll_to(y=end - 2, animate=False)
        await settle(pilot)
        assert transcript.following
        assert transcript.scroll_y == end


async def test_page_down_at_the_end_does_not_let_go_of_it() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(30))
        app.transcript.focus()
        await settle(pilot)
        await pilot.press("pagedown")
        app.transcript.add_note("the last\nof\nall\nnotes")
        await settle(pilot)
        assert "notes" in "\n".join(screen_lines(pilot))


@pytest.mark.parametrize("other", [(60, 20), (120, 40), (40, 24)])
async def test_a_resize_keeps_the_place(other: tuple[int, int]) -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(50, words=60))
        said = app.transcript.add_message("assistant", index=50)
        await settle(pilot)
        said.append(tokens("streams\n" * 5))
        await pilot.resize_terminal(*other)
        said.append(tokens("on\n" * 5))
        await settle(pilot)
        assert app.transcript.following
        assert shown(app.transcript)[-1] == 50
        app.transcript.scroll_to(y=app.transcript.max_scroll_y // 2, animate=False)
        await settle(pilot)
        top = shown(app.transcript)[0]
        for size in (SIZE, other, SIZE):
            await pilot.resize_terminal(*size)
            said.append(tokens("and\non\n"))
            await wait_until(pilot, lambda size=size: app.size == Size(*size))
            await settle(pilot)
            assert not app.transcript.following
            assert shown(app.transcript)[0] == top


async def test_a_long_conversation_mounts_few_messages() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(5000))
        app.transcript.focus()
        await settle(pilot)
        assert len(app.transcript.query(MessageView)) == FIRST_ITEMS
        assert shown(app.transcript)[-1] == 4999
        for _ in range(25):
            await pilot.press("pageup")
        await settle(pilot)
        assert len(app.transcript.query(MessageView)) <= MOST_ITEMS
        assert shown(app.transcript)[0] < 4890
        await pilot.press("home")
        await settle(pilot)
        assert shown(app.transcript)[0] == 0
        assert app.transcript.scroll_y == 0
        assert len(app.transcript.query(MessageView)) <= MOST_ITEMS
        for _ in range(25):
            await pilot.press("pagedown")
        await settle(pilot)
        assert shown(app.transcript)[0] > 80
        assert len(app.transcript.query(MessageView)) <= MOST_ITEMS
        await pilot.press("ctrl+end")
        await settle(pilot)
        assert shown(app.transcript)[-1] == 4999
        assert app.transcript.following


async def test_paging_up_and_down_misses_no_message() -> None:
    app = TranscriptHost()
    async with app.run_test(size=(80, 40)) as pilot:
        app.transcript.show(talk(150))
        app.transcript.focus()
        await settle(pilot)
        seen = set(shown(app.transcript))
        while app.transcript.scroll_y > 0:
            await pilot.press("pageup")
            await settle(pilot)
            assert max(shown(app.transcript)) >= min(seen) - 1
            seen |= set(shown(app.transcript))
        assert seen == set(range(150))
        seen = set(shown(app.transcript))
        while not app.transcript.following:
            await pilot.press("pagedown")
            await settle(pilot)
            assert min(shown(app.transcript)) <= max(seen) + 1
            seen |= set(shown(app.transcript))
        assert seen == set(range(150))


async def test_the_place_is_steady_when_earlier_messages_are_mounted() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(1000))
        await settle(pilot)
        first = app.transcript.mounted.start
        app.transcript.scroll_to(y=30, animate=False)
        await settle(pilot)
        assert app.transcript.mounted.start == first
        while app.transcript.mounted.start == first:
            before = screen_lines(pilot)
            wheel(MouseScrollUp, app)
            await settle(pilot)
        moved = int(app.scroll_sensitivity_y)
        height = app.transcript.region.height
        assert screen_lines(pilot)[moved : height - 1] == before[: height - 1 - moved]


async def test_what_comes_while_reading_the_first_messages_is_not_lost() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(500))
        said = app.transcript.add_message("assistant", index=500)
        app.transcript.focus()
        await pilot.press("home")
        await settle(pilot)
        before = screen_lines(pilot)
        said.append(tokens("an answer "))
        app.transcript.add_note("and a note")
        said.append(tokens("to the end"))
        said.finish("done")
        await settle(pilot)
        assert screen_lines(pilot)[:10] == before[:10]
        assert app.hint.display
        await pilot.press("end")
        await settle(pilot)
        text = "\n".join(screen_lines(pilot))
        assert "an answer to the end" in text
        assert "done" in text
        assert "and a note" in text


async def test_show_replaces_everything() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.show(talk(100))
        await settle(pilot)
        app.transcript.show([Note("a note"), *talk(2)])
        await settle(pilot)
        assert shown(app.transcript) == [0, 1]
        assert [view.text for view in app.transcript.query(NoteView)] == ["a note"]
        app.transcript.clear()
        await settle(pilot)
        assert not app.transcript.query(MessageView)
        app.transcript.add_message("user", "again", index=0)
        await settle(pilot)
        assert shown(app.transcript) == [0]


async def test_what_is_no_longer_shown_may_still_grow() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        said = app.transcript.add_message("assistant")
        app.transcript.show(talk(50))
        app.transcript.focus()
        await settle(pilot)
        await pilot.press("pageup")
        said.append(tokens("late"))
        said.finish("late too")
        await settle(pilot)
        assert said.text == "late"
        assert "late" not in "\n".join(screen_lines(pilot))
        assert not app.hint.display


async def test_keys_on_an_empty_transcript_do_nothing() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.focus()
        await pilot.press("home", "end", "up", "down", "pageup", "pagedown", "enter", "e", "b", "r", "i", "space")
        await settle(pilot)
        assert app.asked == []
        app.transcript.add_note("a note")
        await pilot.press("home", "up", "down", "c", "space", "end")
        await settle(pilot)
        assert app.asked == []


async def test_an_endless_answer_draws_what_is_on_the_screen_only() -> None:
    app = TranscriptHost()
    async with app.run_test(size=SIZE) as pilot:
        said = app.transcript.add_message("assistant")
        said.append(tokens("word " * 20_000))
        await settle(pilot)
        view = app.transcript.query_one(MessageView)
        drawn: list[int] = []
        draw = view._draw
        view._draw = lambda line: (drawn.append(line.y), draw(line))[1]  # type: ignore[method-assign]
        for _ in range(20):
            said.append(tokens("and on " * 8))
            await pilot.pause()
        await settle(pilot)
        assert "and on and on" in "\n".join(screen_lines(pilot))
        assert len(drawn) < 200
