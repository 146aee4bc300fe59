from __future__ import annotations

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import default_keys, keymap, normal_key
from picochat.chat.settings import ChatSettings
from picochat.errors import ConfigError


def test_the_defaults_are_a_keymap_without_clashes() -> None:
    assert keymap({}, COMMANDS) == default_keys(COMMANDS)
    assert keymap({}, COMMANDS)["regenerate"] == "ctrl+r"


@pytest.mark.parametrize(
    ("typed", "key"),
    [("Ctrl+G", "ctrl+g"), ("control+Return", "ctrl+enter"), ("F5, alt+x", "f5,alt+x"), ("shift+ctrl+a", "ctrl+shift+a")],
)
def test_keys_are_read_as_people_write_them(typed: str, key: str) -> None:
    assert normal_key(typed) == key
    assert ChatSettings(keys={"probs": typed}).keys == {"probs": key}


@pytest.mark.parametrize("typed", ["", "ctrl+", "hyper+x", "ctrl+nokey", "f99", "\x1b", "ctrl+ä"])
def test_what_is_no_key_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="keys must be a key like"):
        ChatSettings.parse({"keys": {"probs": typed}})


@pytest.mark.parametrize(
    ("own", "complaint"),
    [
        ({"probz": "ctrl+t"}, "did you mean 'probs'"),
        ({"probs": "ctrl+r"}, "ctrl+r is the key of 'regenerate' already"),
        ({"probs": "ctrl+t", "context": "ctrl+t"}, "ctrl+t is the key of"),
        ({"probs": "x"}, "for typing"),
        ({"probs": "left"}, "for typing"),
        ({"probs": "shift+up"}, "for typing"),
    ],
)
def test_a_keymap_that_cannot_work_is_told(own: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint.replace("+", "[+]")):
        keymap(own, COMMANDS)


def test_two_keys_can_change_places() -> None:
    keys = keymap({"help": "f2", "settings": "f1"}, COMMANDS)
    assert (keys["help"], keys["settings"]) == ("f2", "f1")
