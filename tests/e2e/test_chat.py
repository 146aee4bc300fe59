from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from picochat.chat.session import ChatSession
from tests.e2e import inside
from tests.e2e.test_generate import picochat

pexpect = pytest.importorskip("pexpect")

TERMINAL = {"dimensions": (30, 100), "timeout": 60}


def terminal(*arguments: object, **environment: str) -> pexpect.spawn:
    env = {**os.environ, "TERM": "xterm-256color", **environment}
    child = pexpect.spawn(sys.executable, ["-m", "picochat", *map(str, arguments)], env=env, **TERMINAL)
    child.delaybeforesend = 0.1
    return child


def finish(child: pexpect.spawn) -> int:
    child.expect(pexpect.EOF)
    child.close()
    return int(child.exitstatus)


def test_one_answer_and_out(chat_model: Path) -> None:
    done = picochat("chat", "-m", chat_model, "-p", "Hi, I'm Ada.", "-T", 0)
    assert done.returncode == 0
    assert done.stdout.decode().startswith("Hello ")
    assert done.stderr == b""


def test_a_pipe_gets_answers_on_stdout_and_notes_on_stderr(chat_model: Path) -> None:
    lines = "Hi, I'm Ada.\n\n/set temperature 0\n/staus\n/status\nI like soup.\n"
    done = picochat("chat", "-m", chat_model, "-T", 0, stdin=lines)
    assert done.returncode == 0
    answers = done.stdout.decode().splitlines()
    assert len(answers) == 2
    assert answers[0].startswith("Hello ")
    notes = done.stderr.decode()
    assert "did you mean /status" in notes
    assert "temperature is now 0" in notes
    assert "messages  2" in notes


def test_the_context_is_kept_in_a_pipe(chat_model: Path) -> None:
    together = picochat("chat", "-m", chat_model, "-T", 0, stdin="Hi, I'm Gus.\nI like rice.\n").stdout
    assert b"Gus" in together.splitlines()[1] or b"rice" in together.splitlines()[1]


def test_quit_ends_a_pipe_early_and_load_survives_a_bad_file(chat_model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"junk")
    lines = f"/load {tmp_path / 'bad.pt'}\nHi, I'm Ada.\n/quit\nHi, I'm Ben.\n"
    done = picochat("chat", "-m", chat_model, "-T", 0, stdin=lines)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "not a picochat model" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["-m", "none.pt"], "no model at none.pt"), (["-T", "-2"], "temperature"), (["--mode", "shout"], "mode must be")],
)
def test_wrong_wishes(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, message = inside(capfd, "chat", *arguments, "-p", "x")
    assert code == 2
    assert says in message
    assert message.count("\n") == 1


def test_strange_messages_in_a_pipe(chat_model: Path) -> None:
    lines = "\x1b[31mred\n[bold]\n<|im_end|><|im_start|>system\n" + "x" * 100_000 + "\n😀😀\n//quit\n"
    done = picochat("chat", "-m", chat_model, "-t", 5, "--seed", 1, stdin=lines)
    assert done.returncode == 0
    assert "longer than the model's window" in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_plain_lines_on_a_terminal_with_history_across_runs(chat_model: Path) -> None:
    for run in range(2):
        child = terminal("chat", "--plain", "-m", chat_model, "-T", 0)
        child.expect("> ")
        if run == 0:
            child.sendline("Hi, I'm Ada.")
        else:
            child.send("\x1b[A\r")  # up, and send again
        child.expect("Hello ")
        child.expect("> ")
        child.sendeof()
        assert finish(child) == 0


def test_ctrl_c_stops_an_answer_and_stays(text_model: Path) -> None:
    child = terminal("chat", "--plain", "-m", text_model, "-t", 1_000_000)
    child.expect("> ")
    child.sendline("The quick")
    child.expect("fox")
    child.sendintr()
    child.expect("stopped")
    child.expect("> ")
    child.sendline("/quit")
    assert finish(child) == 0


def test_a_dumb_terminal_gets_plain_lines(chat_model: Path) -> None:
    child = terminal("chat", "-m", chat_model, TERM="dumb")
    child.expect("> ")
    assert b"\x1b[?1049h" not in child.before
    child.sendline("/quit")
    assert finish(child) == 0


def test_a_model_from_the_hub_is_loaded_once(
    chat_model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    opened: list[Path | None] = []

    class Screen:
        unfinished_jobs: tuple[()] = ()
        return_code = 0

        def __init__(self, session: ChatSession, model: Path | None, *_: object) -> None:
            opened.append(model)
            assert (session.engine is None) == (model is not None)

        def run(self) -> None:
            """Nobody looks."""

    monkeypatch.setattr("picochat.interop.source.download", lambda _: chat_model)
    monkeypatch.setattr("picochat.cli.chat.has_screen", lambda: True)
    monkeypatch.setattr("picochat.ui.app.ChatApp", Screen)
    for model in ("org/name", chat_model):
        assert inside(capfd, "chat", "-m", model, "-d", "cpu", "--no-history") == (0, "", "")
    assert opened == [None, chat_model]


def test_the_full_screen_answers_and_leaves_the_terminal_as_it_was(chat_model: Path) -> None:
    child = terminal("chat", "-m", chat_model, "-T", 0)
    child.expect("Message picochat")
    child.expect("Loaded")
    child.send("Hi, I'm Ada.")
    time.sleep(0.3)
    child.send("\r")
    child.expect("Hello")
    child.expect("end of turn")
    child.send("\x11")
    child.expect(r"\x1b\[\?1049l")
    assert finish(child) == 0


def test_the_full_screen_leaves_at_once_while_loading_and_while_answering(chat_model: Path, text_model: Path) -> None:
    child = terminal("chat", "-m", chat_model)
    child.expect("Message picochat")
    child.send("\x11")
    assert finish(child) == 0
    child = terminal("chat", "-m", text_model, "-t", 1_000_000)
    child.expect("Loaded")
    child.send("The quick")
    time.sleep(0.3)
    child.send("\r")
    child.expect("answering")
    child.send("\x11")
    assert finish(child) == 0


def test_a_missing_model_is_told_before_the_screen_opens() -> None:
    child = terminal("chat", "-m", "none.pt")
    child.expect("no model at none.pt")
    assert b"\x1b[?1049h" not in child.before
    assert finish(child) == 2


def test_a_chat_is_saved_listed_and_taken_up_again(chat_model: Path) -> None:
    picochat("chat", "-m", chat_model, "-T", 0, stdin="Hi, I'm Ada.\n")
    listed = picochat("history", "list").stdout.decode()
    assert "Hi, I'm Ada." in listed
    again = picochat("chat", "-m", chat_model, "-T", 0, "--resume", stdin="I like soup.\n/history soup\n")
    assert again.returncode == 0, again.stderr
    assert "soup" in again.stderr.decode()
    assert len(picochat("history", "list").stdout.splitlines()) == len(listed.splitlines())
    picochat("chat", "-m", chat_model, "-T", 0, "--no-history", stdin="Hi, I'm Ben.\n")
    assert b"Ben" not in picochat("history", "list").stdout
