"""The judged conversations, and what there is to learn from them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from picochat.text.chat_format import Part
from picochat.text.corpus import Conversation, read_corpus

DATA = Path(__file__).parent.parent / "data"


def test_each_answer_that_was_wrong_has_one_that_is_right_and_each_right_one_is_learnt_once(tmp_path: Path) -> None:
    path = tmp_path / "corrections.jsonl"
    with path.open("wb") as file:
        subprocess.run([sys.executable, DATA / "corrections.py"], stdout=file, check=True)
    learnt: list[tuple[str, ...]] = []
    for document in read_corpus(path):
        assert isinstance(document, Conversation)
        texts = [message.content for message in document.messages]
        answers = [index for index, message in enumerate(document.messages) if message.part == Part.ASSISTANT]
        assert answers
        learnt += [tuple(texts[: index + 1]) for index in answers]
    expected = []
    for line in (DATA / "judged.jsonl").read_text(encoding="utf-8").splitlines():
        went: list[str] = []
        for turn in json.loads(line)["turns"]:
            assert len(turn["answers"]) == len(turn["marks"]) == 3
            assert set(turn["marks"]) <= {"+", "-"}
            assert ("better" in turn) == ("+" not in turn["marks"])
            sensible = dict(zip(turn["marks"][::-1], turn["answers"][::-1], strict=True)).get("+")
            expected.append((*went, turn["user"], sensible or turn["better"]))
            went += [turn["user"], turn["answers"][0]]
    assert sorted(learnt) == sorted(expected)
    assert len(expected) > 3_000
