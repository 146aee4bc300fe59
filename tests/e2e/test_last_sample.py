from __future__ import annotations

from pathlib import Path

import pytest

import picochat
from picochat.cli.last_sample import write_at_end
from picochat.errors import ConfigError
from picochat.inference.samples import GREETING


@pytest.mark.parametrize("prompt", [None, "I like soup."])
def test_a_model_that_chats_answers(chat_model: Path, prompt: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    text = write_at_end(chat_model, 30, prompt, device="cpu", seed=3)
    assert text == picochat.load(chat_model, device="cpu").generate(prompt or GREETING, max_tokens=30, seed=3)
    assert text
    assert capfd.readouterr() == (f"{text}\n", "")


@pytest.mark.parametrize("prompt", [None, "The quick "])
def test_a_model_of_plain_text_goes_on(text_model: Path, prompt: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    text = write_at_end(text_model, 12, prompt, device="cpu", seed=3)
    assert text == picochat.load(text_model, device="cpu").generate(prompt or "", max_tokens=12, seed=3)
    assert capfd.readouterr().out == f"{text}\n"


def test_as_many_tokens_as_were_asked_for(text_model: Path) -> None:
    assert len(write_at_end(text_model, 7, device="cpu")) <= 7 < len(write_at_end(text_model, 60, device="cpu"))
    with pytest.raises(ConfigError, match="max-tokens"):
        write_at_end(text_model, 0, device="cpu")
