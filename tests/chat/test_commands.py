from __future__ import annotations

import pytest

from picochat.chat.actions import COMMANDS, describe_commands
from picochat.chat.commands import is_command
from picochat.errors import PicochatError
from tests.fakes import scripted_session


class Recorder:
    """A front end that remembers what it was asked for."""

    def __init__(self) -> None:
        self.session = scripted_session(["Hello!"])
        self.comparison = None
        self.said: list[str] = []
        self.calls: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def clear(self) -> None:
        self.calls.append("clear")

    def show_help(self) -> None:
        self.calls.append("help")

    def show_settings(self) -> None:
        self.calls.append("settings")

    def settings_changed(self) -> None:
        self.calls.append("changed")

    def load(self, path: str) -> None:
        self.calls.append(f"load {path}")

    def answer(self, start) -> None:
        self.calls.append("".join(token.text for token in start(lambda: False)))

    def edit(self, text: str) -> None:
        self.calls.append(f"edit {text}")

    def conversation_changed(self) -> None:
        self.calls.append("redraw")

    def show_probabilities(self) -> None:
        self.calls.append("probs")

    def inspect_answer(self) -> None:
        self.calls.append("inspect")

    def choose_conversation(self) -> None:
        self.calls.append("choose")

    def show_context(self) -> None:
        self.calls.append("context")

    def show_tokens(self, text) -> None:
        self.calls.append(f"tokens {text}")

    def compare(self, comparison) -> None:
        self.comparison = comparison
        self.calls.append("compare")

    def watch(self, folder) -> None:
        self.calls.append(f"watch {folder}")

    def copy(self, text: str) -> None:
        self.calls.append(f"copy {text}")

    def quit(self) -> None:
        self.calls.append("quit")


def test_help_names_every_command() -> None:
    front_end = Recorder()
    COMMANDS.run(front_end, "/help")
    assert front_end.calls == ["help"]
    for command in COMMANDS:
        assert f"/{command.name}" in describe_commands()
        assert command.help in describe_commands()
    COMMANDS.run(front_end, "/help quit")
    assert "/exit" in front_end.said[0]


def test_mode_toggles_and_takes_a_name() -> None:
    front_end = Recorder()
    for line, mode in (("/mode", "single"), ("/mode", "conversation"), ("/mode single", "single")):
        COMMANDS.run(front_end, line)
        assert front_end.session.settings.mode == mode
    with pytest.raises(PicochatError):
        COMMANDS.run(front_end, "/mode sideways")


def test_set_changes_a_setting_and_says_so() -> None:
    front_end = Recorder()
    COMMANDS.run(front_end, "/set temperature 0.25")
    assert front_end.session.settings.temperature == 0.25
    assert "temperature is now 0.25" in front_end.said[-1]
    with pytest.raises(PicochatError, match="less than or equal to 5"):
        COMMANDS.run(front_end, "/set temperature 99")
    assert front_end.session.settings.temperature == 0.25


def test_reset_forgets_and_clear_does_not() -> None:
    front_end = Recorder()
    list(front_end.session.reply("Hi"))
    COMMANDS.run(front_end, "/clear")
    assert len(front_end.session.conversation.entries) == 2
    COMMANDS.run(front_end, "/reset")
    assert front_end.session.conversation.entries == []
    assert front_end.calls == ["clear", "clear"]


def test_status_and_info_tell_of_the_model() -> None:
    front_end = Recorder()
    list(front_end.session.reply("Hi"))
    COMMANDS.run(front_end, "/status")
    COMMANDS.run(front_end, "/info")
    assert "scripted.pt" in front_end.said[0]
    assert f"{front_end.session.context_used} of 512" in front_end.said[0]
    assert "1,000" in front_end.said[1]


def test_load_and_quit_are_left_to_the_front_end() -> None:
    front_end = Recorder()
    COMMANDS.run(front_end, "/load some path.pt")
    COMMANDS.run(front_end, "/q")
    assert front_end.calls == ["load some path.pt", "quit"]
    with pytest.raises(PicochatError, match="needs the path"):
        COMMANDS.run(front_end, "/load")


def test_a_mistyped_command_names_the_nearest() -> None:
    with pytest.raises(PicochatError, match="did you mean /settings"):
        COMMANDS.run(Recorder(), "/setings")
    with pytest.raises(PicochatError, match="/help"):
        COMMANDS.run(Recorder(), "/zzz")


def test_some_commands_wait_for_the_answer() -> None:
    for line in ("/reset", "/load x.pt"):
        with pytest.raises(PicochatError, match="stop it first"):
            COMMANDS.run(Recorder(), line, answering=True)
    COMMANDS.run(Recorder(), "/status", answering=True)


def test_the_popup_finds_by_beginning_then_by_letters() -> None:
    assert [command.name for command in COMMANDS.matching("/se")][:2] == ["settings", "set"]
    assert "quit" in [command.name for command in COMMANDS.matching("/exit")]
    assert "reset" not in [command.name for command in COMMANDS.matching("/n")]
    assert [command.name for command in COMMANDS.matching("/stt")] == ["settings", "status"]
    assert len(COMMANDS.matching("/")) == len(list(COMMANDS))
    assert COMMANDS.matching("/xyz") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [("/help", True), ("/?", True), ("//help", False), ("/", False), ("/ a", False), ("hi /help", False), ("/a\nb", False)],
)
def test_what_counts_as_a_command(line: str, expected: bool) -> None:
    assert is_command(line) is expected


def test_regenerate_continue_edit_undo_and_copy() -> None:
    front_end = Recorder()
    front_end.session = scripted_session(["One", "Two", " three"])
    list(front_end.session.reply("A"))
    for line in ("/regenerate", "/continue", "/copy", "/edit"):
        COMMANDS.run(front_end, line)
    assert front_end.calls == ["Two", " three", "copy Two three", "redraw", "edit A"]
    with pytest.raises(PicochatError, match="take back"):
        COMMANDS.run(front_end, "/undo")
    with pytest.raises(PicochatError, match="no answer"):
        COMMANDS.run(front_end, "/copy")


def test_with_single_prompts_they_are_about_the_last_prompt_and_not_the_conversation_behind() -> None:
    front_end = Recorder()
    session = front_end.session = scripted_session(["Hello", "One", "Two", " three"])
    list(session.reply("Remember me"))
    session.change("mode", "single")
    list(session.reply("A"))
    for line in ("/regenerate", "/continue", "/copy", "/edit"):
        COMMANDS.run(front_end, line)
    assert front_end.calls == ["Two", " three", "copy Two three", "edit A"]
    assert "".join(token.text for token in session.tokens_of()) == "Two three"
    with pytest.raises(PicochatError, match="not remembered"):
        COMMANDS.run(front_end, "/undo")
    assert [entry.message.content for entry in session.conversation.entries] == ["Remember me", "Hello"]


def test_the_system_prompt_is_set_shown_and_taken_away() -> None:
    front_end = Recorder()
    for line in ("/system", "/system Be brief.", "/system none"):
        COMMANDS.run(front_end, line)
    none = "There is no system prompt."
    assert front_end.said == [none, "System prompt: Be brief.", none]


def test_tokens_and_context_are_asked_of_the_front_end() -> None:
    front_end = Recorder()
    COMMANDS.run(front_end, "/tokens ab")
    COMMANDS.run(front_end, "/context")
    assert front_end.calls == ["tokens ab", "context"]
