from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.commands import Command, CommandRegistry
from picochat.chat.completion import Completion, complete_conversation, complete_export, date
from picochat.chat.model_files import complete_model
from picochat.chat.recorder import Recorder
from picochat.chat.records import StoredMessage
from picochat.chat.session import ChatSession
from picochat.chat.store import ConversationStore
from picochat.errors import HistoryError
from picochat.inference.engine import load_engine
from picochat.interop.gguf_write import write_gguf
from picochat.interop.hf import write_hf
from tests.interop.gguf_models import tiny


def values(line: str, session: ChatSession | None = None) -> list[str]:
    return [choice.value for choice in COMMANDS.completions(session or ChatSession(), line)]


@pytest.fixture
def saved() -> ChatSession:
    """A chat with two saved conversations."""
    session = ChatSession()
    session.recorder = Recorder(ConversationStore(None))
    for text in ("All about cats", "A dog's life"):
        session.recorder.store.put(session.recorder.store.create(), 0, StoredMessage("user", text))
    return session


def test_settings_are_completed_and_then_their_values() -> None:
    assert values("/set tem") == ["temperature ", "system ", "theme "]
    assert values("/set top-k")[0] == "top_k "
    assert values("/set mode ") == ["mode conversation", "mode single"]
    assert values("/set mode si")[0] == "mode single"
    assert values("/set seed ") == ["seed none"]
    assert values("/set temperature ") == []
    assert values("/set nothing ") == []
    first = COMMANDS.completions(ChatSession(), "/set tem")[0]
    assert first.detail.startswith("0.6. Higher is more varied")
    assert not first.final
    assert COMMANDS.completions(ChatSession(), "/set mode si")[0].marks == (5, 6)


def test_presets_modes_and_commands() -> None:
    assert values("/preset w") == ["wild"]
    assert values("/mode ") == ["conversation", "single"]
    assert values("/help lo")[0] == "load"
    # by an alias, too
    assert values("/h quit") == ["quit"]


def test_nothing_to_complete_for_other_commands_and_unknown_ones() -> None:
    assert values("/tokens a") == []
    assert values("/nothing a") == []


def test_conversations_by_number_and_by_title(saved: ChatSession) -> None:
    assert values("/resume ", saved) == ["2", "1"]
    assert values("/resume 1", saved) == ["1"]
    assert values("/resume cat", saved) == ["1"]
    found = complete_conversation(saved, "2")[0]
    assert found.detail.endswith("A dog's life")
    assert found.marks == (0,)
    assert values("/resume ") == []


def test_a_history_that_fails_offers_nothing() -> None:
    def fail(session: ChatSession, typed: str) -> list[Completion]:
        raise HistoryError("The history is damaged.")

    registry = CommandRegistry([Command("resume", "", lambda front_end, argument: None, complete=fail)])
    assert registry.completions(ChatSession(), "/resume ") == []


def test_export_offers_new_files_and_folders(saved: ChatSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "old.md").write_text("")
    assert [choice.value for choice in complete_export(saved, "")] == ["conversation.md", "conversation.json", "notes/"]
    saved.recorder.current = 2  # type: ignore[union-attr]
    assert complete_export(saved, "notes/")[0] == Completion("notes/conversation-2.md", "new file")
    assert [choice.value for choice in complete_export(saved, "note")] == ["note.md", "note.json", "notes/"]
    assert [choice.value for choice in complete_export(saved, "notes")] == ["notes/"]
    assert complete_export(saved, "old.md") == [Completion("old.md", "is there already")]
    assert [choice.value for choice in complete_export(saved, "x\0.md")] == ["x\0.md"]


def test_models_of_the_usual_places_the_newest_run_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("picochat.chat.model_files.default_model", lambda: tmp_path / "models" / "conv.pt")
    paths = ["models/conv.pt", "models/other.pt", "runs/old/best.pt", "runs/new/best.pt"]
    paths += ["runs/new/steps/000100.pt", "runs/new/steps/000200.pt", "runs/new/state.txt", "elsewhere/my.pt"]
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1_500_000)
    os.utime("runs/old", (1, 1))
    expected = ["models/conv.pt", "runs/new/best.pt", "runs/new/steps/000200.pt", "runs/new/steps/000100.pt"]
    assert values("/load ") == [*expected, "runs/old/best.pt", "models/other.pt"]
    assert values("/load old") == ["runs/old/best.pt"]
    assert values("/load else")[0] == "elsewhere/"
    assert values("/load elsewhere/") == ["elsewhere/my.pt"]
    assert values(f"/load {tmp_path}/elsew") == [f"{tmp_path}/elsewhere/"]
    assert "1.5 MB" in complete_model(ChatSession(), "elsewhere/")[0].detail


def test_the_file_that_was_typed_comes_before_all_that_look_like_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in map(Path, ("runs/ex/best.pt", "x.pt", "xx.pt")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert values("/load x.pt")[0] == "x.pt"


def test_home_hidden_files_and_names_that_cannot_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in ("plain.pt", ".hidden.pt", "evil\x1b[2J.pt", "line\nbreak.pt"):
        home.mkdir(exist_ok=True)
        (home / name).touch()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    assert values("/load ~/") == ["~/plain.pt"]
    assert values("/load ~/.h") == ["~/.hidden.pt"]
    assert values("/load ~nobody-of-that-name/x") == []
    assert values("/load nowhere/x") == []


def test_facts_of_a_model_are_found_out_once_and_again_when_it_has_changed(
    chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pt").write_bytes(chat_model.read_bytes())
    Path("bad.pt").write_bytes(b"junk")
    first = complete_model(ChatSession(), "a.pt")[0]
    assert "step" not in first.detail
    assert first.more is not None
    assert first.more().startswith("step ")
    again = complete_model(ChatSession(), "a.pt")[0]
    assert again.more is None
    assert again.detail == first.more()
    assert ", loss " in again.detail
    os.utime("a.pt", (1_000_000, 1_000_000))
    assert complete_model(ChatSession(), "a.pt")[0].more is not None
    bad = complete_model(ChatSession(), "bad.pt")[0]
    assert bad.more is not None
    assert bad.more().startswith("no model that picochat reads")


def test_gguf_files_and_hugging_face_folders_are_models_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("picochat.chat.model_files.default_model", lambda: tmp_path / "models" / "conv.pt")
    checkpoint = tiny("qwen3")
    Path("models").mkdir()
    write_gguf(checkpoint, Path("models/tiny.gguf"), "f16")
    write_hf(checkpoint, Path("models/whole"), check=False)
    for name, left in (("bare", "config.json"), ("unfinished", "model.safetensors")):
        Path(name).mkdir()
        shutil.copy(f"models/whole/{left}", name)
    Path("mine.gguf").write_bytes(b"GGUFjunk")
    assert values("/load ") == ["models/conv.pt", "models/tiny.gguf", "models/whole"]
    assert values("/load models/") == ["models/conv.pt", "models/tiny.gguf", "models/whole"]
    assert values("/load models/who") == ["models/whole"]
    # neither is a whole model
    assert values("/load bare") == ["bare/"]
    assert values("/load unfin") == ["unfinished/"]
    for name in ("models/tiny.gguf", "models/whole"):
        (choice,) = complete_model(ChatSession(), name)
        assert choice.final
        assert choice.more is not None
        assert choice.more() == f"qwen3, 0.1M parameters, {choice.detail}"
        assert complete_model(ChatSession(), name)[0].detail == choice.more()
        assert load_engine(name, precision="fp32", device="cpu").info.architecture == "qwen3"
    folder = complete_model(ChatSession(), "models/whole")[0]
    assert f", {Path('models/whole/model.safetensors').stat().st_size / 1e6:.1f} MB, " in folder.detail
    (junk,) = complete_model(ChatSession(), "mine")
    assert junk.more is not None
    assert junk.more().startswith("no model that picochat reads, 0.0 MB")


def test_a_time_that_is_none() -> None:
    assert date(1e30) == "no date"


def test_the_hint_of_an_argument_comes_with_the_whole_name() -> None:
    assert [COMMANDS.hint(line) for line in ("/load", "/load ", "/help", "/h")] == [
        " PATH",
        "PATH",
        " [COMMAND]",
        " [COMMAND]",
    ]
    assert [COMMANDS.hint(line) for line in ("/loa", "/load x", "/quit", "load", "")] == [""] * 5


def test_the_whole_name_comes_before_a_longer_one() -> None:
    assert [command.name for command in COMMANDS.matching("/set")][:2] == ["set", "settings"]
