from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.screen import Screen
from textual.widgets import Sparkline

from picochat.ui.plot import MARK
from picochat.ui.screens.watch import WatchScreen
from picochat.ui.watch_app import WatchApp

SIZES = [(60, 20), (80, 24), (120, 40)]


def write(folder: Path, *steps: int, mode: str = "a", **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.jsonl").open(mode, encoding="utf-8") as stream:
        for step in steps:
            usual = {"seconds": step * 2.0, "tokens": step * 100, "loss": 6 - step / 10, "lr": step / 1000}
            stream.write(json.dumps({"step": step, **usual, "tokens_per_second": 50.0, **more}) + "\n")


async def wait_until(pilot, condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the screen never got there"
        await pilot.pause(0.01)


def figures(screen: WatchScreen) -> dict[str, str]:
    return dict(screen.figures.rows)


def logged(screen: WatchScreen) -> list[str]:
    return [str(entry.render()) for entry in screen.evaluations.entries]


def curve(screen: WatchScreen) -> str:
    return str(screen.curve.render())


async def test_a_run_that_grows_while_it_is_watched(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write(run, *range(1, 11))
    app = WatchApp(run)
    screen = app.watch_screen
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: figures(screen)["step"] == "10")
        assert screen.figures.status == "training"
        assert MARK not in curve(screen).splitlines()[5]
        write(run, *range(11, 20))
        write(run, 20, val_loss=3.5, val_bpb=1.25, steps=40)
        await wait_until(pilot, lambda: logged(screen))
        shown = figures(screen)
        assert shown["step"] == "20 of 40"
        assert shown["best"] == "3.500, step 20"
        assert shown["bits/byte"] == "1.250"
        assert shown["left"] == "0:40"
        assert "step 20: validation loss 3.500, 1.250 bits/byte" in logged(screen)[0]
        assert curve(screen).count(MARK) == 2  # one of them in the legend
        assert len(screen.query_one(Sparkline).data or []) == 20
        write(run, 40, steps=40)
        await wait_until(pilot, lambda: screen.figures.status.startswith("finished"))


async def test_a_missing_folder_is_waited_for(tmp_path: Path) -> None:
    run = tmp_path / "not" / "yet"
    app = WatchApp(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.6)
        assert app.watch_screen.figures.status == "waiting for the run"
        assert "no loss yet" in curve(app.watch_screen)
        write(run, 1)
        await wait_until(pilot, lambda: figures(app.watch_screen)["step"] == "1")
        assert app.watch_screen.figures.status == "training"


async def test_a_run_that_is_started_again_begins_anew(tmp_path: Path) -> None:
    write(tmp_path, *range(1, 9))
    write(tmp_path, 9, val_loss=3.0, val_bpb=1.0)
    app = WatchApp(tmp_path)
    screen = app.watch_screen
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: len(logged(screen)) == 1)
        write(tmp_path, 1, mode="w", val_loss=7.0)
        await wait_until(pilot, lambda: figures(screen)["step"] == "1")
        await wait_until(pilot, lambda: logged(screen) == ["step 1: validation loss 7.000"])
        assert figures(screen)["best"] == "7.000, step 1"
        (tmp_path / "metrics.jsonl").unlink()
        await wait_until(pilot, lambda: screen.figures.status == "waiting for the run")
        await wait_until(pilot, lambda: logged(screen) == [])


async def test_a_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    write(tmp_path, 4, val_loss=3.0)
    write(tmp_path, 5, val_loss=2.0)
    app = WatchApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: len(logged(app.watch_screen)) == 2)
        write(tmp_path, 5, val_loss=2.5)
        await wait_until(pilot, lambda: len(logged(app.watch_screen)) == 2 and "2.500" in logged(app.watch_screen)[-1])


async def test_a_silent_run_says_since_when(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    past = time.time() - 7200
    os.utime(tmp_path / "metrics.jsonl", (past, past))
    app = WatchApp(tmp_path)
    async with app.run_test(size=(80, 24)):
        assert app.watch_screen.figures.status.startswith("finished or stopped, last line 2:00:0")


@pytest.mark.parametrize("size", SIZES)
async def test_everything_is_visible_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    write(tmp_path, *range(1, 50))
    write(tmp_path, 50, val_loss=3.5, val_bpb=1.25, sample="Hello there")
    app = WatchApp(tmp_path)
    screen = app.watch_screen
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: logged(screen))
        await pilot.pause()
        whole = screen.region
        for widget in (screen.curve, screen.rate, screen.figures, screen.evaluations):
            assert widget.region.area > 0
            assert whole.contains_region(widget.region)
        assert screen.curve.size.height >= 5
        assert screen.figures.size.height >= len(str(screen.figures.render()).splitlines())
        assert "Hello there" in logged(screen)[0]
        assert all(len(row) <= screen.figures.size.width for row in str(screen.figures.render()).splitlines())


async def test_it_follows_the_terminals_size(tmp_path: Path) -> None:
    write(tmp_path, *range(1, 200))
    app = WatchApp(tmp_path)
    screen = app.watch_screen
    async with app.run_test(size=(120, 40)) as pilot:
        for size in [*SIZES, (20, 5), (1, 1), (200, 60), (80, 24)]:
            await pilot.resize_terminal(*size)
            await pilot.pause(0.05)
            assert {len(row) for row in curve(screen).splitlines()} <= {screen.curve.size.width}
        await wait_until(pilot, lambda: len(screen.rate.data or []) == screen.rate.size.width)
        assert screen.has_class("-narrow")


async def test_brackets_and_escapes_in_a_sample_are_shown_not_obeyed(tmp_path: Path) -> None:
    hostile = "[bold]x[/bold] [/] [link=x \x1b[31mred \x1b]0;title\x07 $primary"
    write(tmp_path, 1, val_loss=3.0, sample=hostile)
    run = tmp_path / "[red]run[/]"
    write(run, 1, val_loss=3.0, sample=hostile)
    app = WatchApp(run)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until(pilot, lambda: logged(app.watch_screen))
        await pilot.pause()
        shown = logged(app.watch_screen)[0]
        assert "[bold]x[/bold] [/] [link=x" in shown
        assert "\x1b" not in shown
        assert "\u241b[31mred" in shown
        assert "[red]run[/]" in str(app.watch_screen.query_one("#run").render())  # type: ignore[attr-defined]


async def test_a_model_that_said_nothing_is_told_from_one_that_was_not_asked(tmp_path: Path) -> None:
    write(tmp_path, 1, val_loss=3.0, sample=" \n")
    write(tmp_path, 2, val_loss=2.0)
    app = WatchApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until(pilot, lambda: len(logged(app.watch_screen)) == 2)
        assert [text.count("it said nothing") for text in logged(app.watch_screen)] == [1, 0]


async def test_what_is_no_number_and_no_line_does_not_end_it(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, loss=math.nan, val_loss=math.inf, lr="x")
    with (tmp_path / "metrics.jsonl").open("ab") as stream:
        stream.write(b"broken\n\xff\n[]\n")
    app = WatchApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "unreadable lines: 3" in app.watch_screen.figures.status)
        assert figures(app.watch_screen)["loss"] == "nan"
        assert "no loss yet" in curve(app.watch_screen)


async def test_a_file_that_cannot_be_read_is_told_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    app = WatchApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: "can't be read" in app.watch_screen.figures.status)
        (tmp_path / "metrics.jsonl").rmdir()
        write(tmp_path, 1)
        await wait_until(pilot, lambda: app.watch_screen.figures.status == "training")


async def test_a_long_run_is_read_in_pieces_and_the_log_stays_short(tmp_path: Path) -> None:
    write(tmp_path, *range(30_000))
    write(tmp_path, *range(30_000, 30_300), val_loss=2.0)
    app = WatchApp(tmp_path)
    screen = app.watch_screen
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: figures(screen)["step"] == "30,299")
        await wait_until(pilot, lambda: len(logged(screen)) == 200)
        assert logged(screen)[-1].startswith("step 30,299")


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c", "ctrl+q"])
async def test_keys_leave(tmp_path: Path, key: str) -> None:
    app = WatchApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        assert app.is_running
        await pilot.press(key)
        await wait_until(pilot, lambda: not app.is_running)


async def test_over_another_screen_leaving_goes_back_to_it(tmp_path: Path) -> None:
    write(tmp_path, 1)
    app: App[None] = App()
    async with app.run_test(size=(60, 20)) as pilot:
        below = app.screen
        screen = WatchScreen(tmp_path)
        await app.push_screen(screen)
        await wait_until(pilot, lambda: screen.figures.status == "training")
        # its styles came with it
        await wait_until(pilot, lambda: screen.figures.size.height == 6)
        await pilot.press("escape")
        assert app.screen is below
        assert isinstance(app.screen, Screen)
        assert app.is_running
