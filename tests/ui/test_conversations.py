from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from picochat.chat.store import ConversationStore
from picochat.ui.screens.conversations import PAGE, ConversationsScreen
from tests.chat.history import talk
from tests.ui.conversations_host import Host

SIZE = (80, 24)


async def wait_until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the app never got there"
        await pilot.pause(0.01)


def ids(picker: ConversationsScreen) -> list[int]:
    return [row.summary.id for row in picker.rows.rows]


def seen(picker: ConversationsScreen) -> str:
    return "\n".join(picker.rows.render_line(line).text for line in range(picker.rows.size.height))


def line(picker: ConversationsScreen) -> str:
    return str(picker.line.render())


def three() -> ConversationStore:
    store = ConversationStore(None)
    talk(store, "What is a [river]?", "It runs to the sea.")
    talk(store, "Tell me of soup", "Soup is [b]hot\x1b[31m.")
    talk(store, "Good night", "Sleep well, by the river.")
    return store


def many(count: int) -> ConversationStore:
    store = ConversationStore(None)
    database = store._connection
    database.execute("BEGIN")
    for number in range(1, count + 1):
        database.execute("INSERT INTO conversations (created, updated) VALUES (?, ?)", (number, number))
        database.execute(
            "INSERT INTO messages (conversation, position, role, content, settings, created) "
            "VALUES (?, 0, 'user', ?, '{}', 0)",
            (number, f"talk number {number}"),
        )
    database.execute("COMMIT")
    return store


@pytest.mark.parametrize("size", [(60, 20), SIZE, (120, 40)])
async def test_conversations_are_listed_and_enter_takes_one(size: tuple[int, int]) -> None:
    app = Host(three(), current=2)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        assert "2  Good night" in seen(app.picker)
        assert "Tell me of soup (this" in seen(app.picker)
        assert "What is a [river]?" in seen(app.picker)
        assert line(app.picker) == "3 saved"
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: app.results == [2])


async def test_typing_searches_names_and_what_was_said() -> None:
    store = three()
    store.rename(2, "River trip")
    app = Host(store)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        await pilot.press(*"rive")
        await wait_until(pilot, lambda: line(app.picker) == "3 found")
        assert "Sleep well, by the river." in seen(app.picker)
        assert "(its name)" in seen(app.picker)
        await pilot.press(*"r sl")
        await wait_until(pilot, lambda: ids(app.picker) == [3])
        await pilot.press(*"zzz")
        await wait_until(pilot, lambda: "Nothing with 'river slzzz'." in line(app.picker))
        await pilot.press("enter", "f2", "delete")
        assert app.screen is app.picker
        await pilot.press("ctrl+u")
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])


async def test_what_was_said_is_shown_not_obeyed() -> None:
    app = Host(three())
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker))
        await pilot.press(*"hot")
        await wait_until(pilot, lambda: ids(app.picker) == [2])
        assert "[b]hot␛[31m." in seen(app.picker)


async def test_enter_right_after_typing_takes_what_was_typed_for() -> None:
    app = Host(three())
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        app.picker.search.value = "soup"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.results)
        assert app.results == [2]


async def test_a_name_is_changed_in_its_row_and_escape_leaves_it() -> None:
    store = three()
    app = Host(store)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        await pilot.press("down", "f2")
        field, rows = app.picker.name_field, app.picker.rows
        await wait_until(pilot, lambda: field.region.y == rows.region.y + 1)
        assert field.value == "Tell me of soup"
        await pilot.press(*"Dinner [y]", "enter")
        await wait_until(pilot, lambda: "Dinner [y]" in seen(app.picker))
        assert store.load(2).title == "Dinner [y]"
        assert app.picker.rows.highlighted == 1
        await pilot.press("f2", *"Other", "escape")
        assert not field.display
        assert app.screen is app.picker
        # an empty name makes the first words the name again
        await pilot.press("f2", "delete", "enter")
        await wait_until(pilot, lambda: "Tell me of soup" in seen(app.picker))
        await pilot.press("f2")
        assert field.display
        await pilot.click(app.picker.search)
        await wait_until(pilot, lambda: not field.display)
        assert store.load(2).title == "Tell me of soup"


async def test_deleting_asks_and_only_yes_deletes() -> None:
    store = three()
    app = Host(store, current=3)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        for no in ("n", "escape", "enter", "down"):
            await pilot.press("delete")
            assert "for good? y/n" in line(app.picker)
            await pilot.press(no)
            assert line(app.picker) == "3 saved"
        assert app.screen is app.picker
        assert app.picker.search.value == ""
        await pilot.press("delete", "y")
        await wait_until(pilot, lambda: ids(app.picker) == [3, 1])
        assert not app.picker.current_deleted
        await pilot.press("up", "up", "delete", "y")
        await wait_until(pilot, lambda: len(ids(app.picker)) == 1)
        assert [entry.id for entry in store.list()] == ids(app.picker)
        # without a question they are letters
        await pilot.press("y", "n")
        assert app.picker.search.value == "yn"


async def test_the_conversation_at_hand_can_be_deleted_and_that_is_known() -> None:
    app = Host(three(), current=3)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        await pilot.press("delete", "y")
        await wait_until(pilot, lambda: ids(app.picker) == [2, 1])
        assert app.picker.current_deleted
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.results == [None])


async def test_delete_in_the_search_deletes_a_letter_where_there_is_one() -> None:
    app = Host(three())
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker))
        await pilot.press(*"soupx", "left", "delete")
        assert app.picker.search.value == "soup"
        await wait_until(pilot, lambda: line(app.picker) == "1 found")
        await pilot.press("delete")
        await wait_until(pilot, lambda: "y/n" in line(app.picker))


async def test_typing_in_the_list_searches() -> None:
    app = Host(three())
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        await pilot.press("tab")
        assert app.focused is app.picker.rows
        await pilot.press("down", *"soup")
        await wait_until(pilot, lambda: ids(app.picker) == [2])
        assert app.focused is app.picker.search


async def test_a_click_chooses_and_a_double_click_takes() -> None:
    app = Host(three())
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        await pilot.click(app.picker.rows, offset=(30, 2))
        await wait_until(pilot, lambda: app.picker.rows.highlighted == 2)
        assert app.results == []
        await pilot.click(app.picker.rows, offset=(30, 1), times=2)
        await wait_until(pilot, lambda: app.results == [2])


async def test_an_empty_history_says_so_and_nothing_can_be_done_to_it() -> None:
    app = Host(ConversationStore(None))
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: line(app.picker) == "Nothing is saved yet.")
        await pilot.press("f2", "delete", "enter", "down", "up", "pagedown", "ctrl+end")
        assert app.screen is app.picker
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.results == [None])


async def test_a_store_that_fails_is_told_and_the_list_goes_on() -> None:
    store = three()
    app = Host(store)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        store.delete(3)  # as another program might
        await pilot.press("f2", *"New", "enter")
        await wait_until(pilot, lambda: line(app.picker).startswith("Error: There is no conversation 3;"))
        await pilot.press(*"soup")
        await wait_until(pilot, lambda: ids(app.picker) == [2] and line(app.picker) == "1 found")
        store.close()
        await pilot.press("x")
        await wait_until(pilot, lambda: "Error: The history can't be used" in line(app.picker))
        await pilot.press("delete", "y")
        await wait_until(pilot, lambda: "Error" in line(app.picker))
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.results == [None])


async def test_a_store_that_fails_at_once_or_by_a_mistake_of_ours_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = three()

    def broken(*_: object) -> object:
        raise RuntimeError("a bug")

    monkeypatch.setattr(store, "find", broken)
    app = Host(store)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: "RuntimeError: a bug" in line(app.picker))
        await pilot.press("enter", "escape")
        await wait_until(pilot, lambda: app.results == [None])


async def test_a_long_history_comes_in_pages_as_one_goes_down() -> None:
    count = 2 * PAGE + 50
    app = Host(many(count))
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(ids(app.picker)) == PAGE)
        assert line(app.picker) == f"{PAGE} and more saved"
        await pilot.press("ctrl+end")
        await wait_until(pilot, lambda: len(ids(app.picker)) == 2 * PAGE)
        app.picker.rows.scroll_end(animate=False)
        await wait_until(pilot, lambda: len(ids(app.picker)) == count)
        assert ids(app.picker) == list(range(count, 0, -1))
        assert line(app.picker) == f"{count} saved"
        # a change keeps all that was read, and the place
        await pilot.press("ctrl+end", "delete", "y")
        await wait_until(pilot, lambda: ids(app.picker) == list(range(count, 1, -1)))
        assert app.picker.rows.highlighted == count - 2


async def test_five_thousand_conversations_are_read_a_page_at_a_time() -> None:
    store = many(5000)
    app = Host(store)
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    async with app.run_test(size=(60, 20)) as pilot:
        await wait_until(pilot, lambda: len(ids(app.picker)) == PAGE)
        assert sum("LIMIT 100 OFFSET 0" in statement for statement in statements) == 1
        await pilot.press(*"number 4711")
        await wait_until(pilot, lambda: ids(app.picker) == [4711])


async def test_a_page_that_comes_too_late_is_left_out() -> None:
    app = Host(many(PAGE + 10))
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(ids(app.picker)) == PAGE)
        app.picker.store.delete(1)
        await pilot.press("ctrl+end", *"number 7")
        await wait_until(pilot, lambda: line(app.picker).endswith("found"))
        found = [number for number in range(PAGE + 10, 1, -1) if str(number).startswith("7")]
        assert ids(app.picker) == found


async def test_it_survives_a_resize_while_a_name_is_being_changed() -> None:
    app = Host(three())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: ids(app.picker) == [3, 2, 1])
        await pilot.press("f2", *"New")
        await pilot.resize_terminal(60, 20)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "New" in seen(app.picker))
