"""The watch screen over a training that was started for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from picochat.ui.run_process import RunProcess
from picochat.ui.screens.leave_run import LeaveRunScreen
from picochat.ui.watch_app import WatchApp
from tests.ui.test_watch import SIZES, figures, wait_until, write


class Training(RunProcess):
    """A process that does what a test says."""

    pid = 4321  # type: ignore[assignment]

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "console.log"
        self.stopping = False
        self.exit_code: int | None = None
        self._before = 0
        self._metrics = self._stamp()
        folder.mkdir(exist_ok=True)

    @property
    def code(self) -> int | None:
        return self.exit_code

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def stop(self) -> None:
        self.stopping = True


def news(app: WatchApp) -> str:
    return str(app.watch_screen.news.render()) if app.watch_screen.news.display else ""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    process = Training(tmp_path / "run")
    write(process.folder, 1, 2)
    return process


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c", "ctrl+q"])
@pytest.mark.parametrize(
    ("answer", "stops"), [(["s"], True), (["enter"], True), (["b"], False), (["down", "enter"], False), (["ctrl+q"], False)]
)
async def test_who_leaves_is_asked_what_becomes_of_the_training(
    training: Training, key: str, answer: list[str], stops: bool
) -> None:
    app = WatchApp(training.folder, training)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await wait_until(pilot, lambda: isinstance(app.screen, LeaveRunScreen))
        assert app.is_running
        await pilot.press(*answer)
        await wait_until(pilot, lambda: not app.is_running)
    assert training.stopping is stops


@pytest.mark.parametrize("key", ["escape", "q", "w", "ctrl+c"])
async def test_one_may_stay(training: Training, key: str) -> None:
    app = WatchApp(training.folder, training)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await wait_until(pilot, lambda: isinstance(app.screen, LeaveRunScreen))
        await pilot.press(key)
        await wait_until(pilot, lambda: app.screen is app.watch_screen)
        assert app.is_running
        # the run is still followed
        write(training.folder, 3)
        await wait_until(pilot, lambda: figures(app.watch_screen)["step"] == "3")
    assert not training.stopping


@pytest.mark.parametrize("size", SIZES)
async def test_the_question_fits(training: Training, size: tuple[int, int]) -> None:
    app = WatchApp(training.folder, training)
    async with app.run_test(size=size) as pilot:
        await pilot.press("q")
        await wait_until(pilot, lambda: isinstance(app.screen, LeaveRunScreen))
        await pilot.pause()
        for name in ("#question", "Static", "OptionList"):
            assert app.screen.region.contains_region(app.screen.query_one(name).region)
        assert app.screen.query_one("OptionList").size.height == 3


async def test_a_run_that_ended_says_so_and_is_left_at_once(training: Training) -> None:
    app = WatchApp(training.folder, training)
    async with app.run_test(size=(60, 20)) as pilot:
        await wait_until(pilot, lambda: app.watch_screen.figures.status == "training")
        assert news(app) == ""
        assert "4321" in str(app.watch_screen.query_one("#run").render())  # type: ignore[attr-defined]
        write(training.folder, 4, steps=4)
        training.exit_code = 0
        await wait_until(pilot, lambda: news(app) == "The run is finished. Press q to leave.")
        assert app.watch_screen.figures.status.startswith("finished")
        await pilot.press("q")
        await wait_until(pilot, lambda: not app.is_running)


@pytest.mark.parametrize(
    ("code", "log", "says"),
    [
        (-9, "", "The training process was killed (SIGKILL)"),
        (130, "", "The run was stopped, and saved."),
        (143, "", "The run was stopped, and saved."),
        (2, "step 1\npicochat: The loss is [no] number.\n", "The loss is [no] number."),
        (1, "Traceback\nKeyError\n", "The training process failed (exit code 1)"),
    ],
)
async def test_a_run_that_did_not_get_to_its_end_says_why_at_once(
    training: Training, code: int, log: str, says: str
) -> None:
    app = WatchApp(training.folder, training)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: app.watch_screen.figures.status == "training")
        training.log.write_text(log)
        training.exit_code = code
        await wait_until(pilot, lambda: news(app).startswith(says))
        # no patience is needed where the process is known to be gone
        await wait_until(pilot, lambda: app.watch_screen.figures.status.startswith("stopped"))
        await pilot.press("q")
        await wait_until(pilot, lambda: not app.is_running)


async def test_before_its_first_step_it_shows_what_the_training_says(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write(run, 1, 2, steps=2)
    training = Training(run)
    app = WatchApp(run, training)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: news(app) == "Starting.")
        # what is there is of an earlier run
        assert app.watch_screen.figures.status.startswith("finished")
        training.log.write_text("40 [conversations] \x1b[31m\n")
        await wait_until(pilot, lambda: news(app) == "40 [conversations] \u241b[31m")
        write(run, 3, steps=9)
        await wait_until(pilot, lambda: app.watch_screen.figures.status == "training")
        await wait_until(pilot, lambda: news(app) == "")


async def test_a_training_that_never_began_leaves_nothing_to_watch(tmp_path: Path) -> None:
    training = Training(tmp_path / "run")
    app = WatchApp(training.folder, training)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await wait_until(pilot, lambda: isinstance(app.screen, LeaveRunScreen))
        training.exit_code = 2
        await wait_until(pilot, lambda: not app.is_running)
