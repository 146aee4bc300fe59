"""What is said when the hub says no, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from picochat.errors import ConfigError, OutputError, PicochatError
from picochat.interop.hub import Hub, check_name
from tests.interop.hub_server import TOKEN, StandIn, stand_in

utils = pytest.importorskip("huggingface_hub.utils")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with stand_in() as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.address)
        yield server


def told(error: pytest.ExceptionInfo[PicochatError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert TOKEN not in text
    return text


@pytest.mark.parametrize("name", ["ada/tiny", "tiny", "a", "Ada-1/t.i_n-y2"])
def test_names(name: str) -> None:
    check_name(name)
    utils.validate_repo_id(name)


@pytest.mark.parametrize(
    "name",
    ["", "a/b/c", "-a", "a-", ".a", "a b", "a--b", "a..b", "a.git", "caf\u00e9", "ada/", "/a", "a\n", "x" * 97, "a/../b"],
)
def test_names_that_the_hub_does_not_take(name: str) -> None:
    with pytest.raises(ConfigError, match="can't be called"):
        check_name(name)


def test_the_user_owns_a_name_without_an_owner(server: StandIn) -> None:
    assert Hub(TOKEN).full_name("tiny") == "ada/tiny"
    assert Hub(TOKEN).full_name("ben/tiny") == "ben/tiny"


def test_a_page_that_is_there_is_filled_only_when_asked(server: StandIn, tmp_path: Path) -> None:
    hub = Hub(TOKEN)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / "a.pt").write_bytes(b"weights")
    assert hub.create("ada/tiny", "model", private=True) == f"{server.address}/ada/tiny"
    assert server.made["ada/tiny"]["visibility"] == "private"
    with pytest.raises(OutputError) as error:
        hub.create("ada/tiny", "model")
    assert told(error) == "ada/tiny is on the hub already; give another name, or --update to put the files into it."
    assert hub.create("ada/tiny", "model", update=True) == f"{server.address}/ada/tiny"
    hub.upload(tmp_path, "ada/tiny", "model")
    assert server.pages == {"ada/tiny": {"README.md": b"---\nlicense: mit\n---\n", "a.pt": b"weights"}}


def test_what_is_not_allowed(server: StandIn) -> None:
    with pytest.raises(OutputError) as error:
        Hub(TOKEN).create("ben/tiny", "model")
    assert told(error).startswith("This token may not write to ben/tiny on the hub (You don't have the rights")
    with pytest.raises(OutputError) as error:
        Hub("hf_bad").full_name("tiny")
    assert told(error).startswith("The hub does not know this token (")
    server.spaces_cost = True
    with pytest.raises(OutputError) as error:
        Hub(TOKEN).create("ada/tiny", "space")
    assert told(error) == "The hub wants to be paid for ada/tiny (Subscribe to PRO); leave --space out, or see to your plan."


def test_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    with pytest.raises(ConfigError, match="no token"):
        Hub()
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    Hub()


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in() as server:
        gone = server.address
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", gone)
    with pytest.raises(OutputError) as error:
        Hub(TOKEN).full_name("tiny")
    assert told(error).startswith(f"The hub at {gone} can't be reached for tiny (")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match="pip install huggingface_hub"):
        Hub(TOKEN)
