from __future__ import annotations

import pytest

from picochat.errors import DataError
from picochat.evaluation.copying import Words, measure_copying
from picochat.evaluation.writing import LONGEST, write_texts
from picochat.inference.engine import Engine
from picochat.inference.settings import SamplingSettings
from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation, Text
from tests.evaluation.tiny import talk
from tests.fakes import ScriptedBackend, char_tokenizer

TOKENIZER = char_tokenizer()
COPIED = "It was the best of times, it was the worst of times."
HELD_OUT = [talk("Hi, I'm Ada.", "Hello Ada!", "What's my name?", "You're Ada."), talk("Tell me a story.", "No.")]


class Listening(ScriptedBackend):
    """Keeps what it was asked."""

    def __init__(self, *arguments: object, kind: str = "chat", **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.info.training["kind"] = kind
        self.heard: list[str] = []

    def prefill(self, ids):  # type: ignore[no-untyped-def]
        logits = super().prefill(ids)
        self.heard.append(TOKENIZER.decode(self._ids))
        return logits


def written(backend: ScriptedBackend, documents: list, count: int = 9) -> list[str]:
    return write_texts(Engine(backend, TOKENIZER), documents, SamplingSettings(), count=count)


def test_a_model_that_copies_is_found_out_and_one_that_does_not_is_not() -> None:
    training = Words(["Once.", COPIED])
    copies = measure_copying(written(ScriptedBackend([COPIED] * 3, TOKENIZER), HELD_OUT), training)
    assert (copies.texts, copies.share, copies.longest) == (3, 1.0, COPIED)
    own = [f"I have something else to tell you, and it is number {number}." for number in range(3)]
    news = measure_copying(written(ScriptedBackend(own, TOKENIZER), HELD_OUT), training)
    assert news.ngrams == 3 * (11 - 8 + 1) + 3
    assert news.share == 0


def test_every_question_is_asked_with_what_was_said_before() -> None:
    backend = Listening(["a.", "b.", "c."], TOKENIZER)
    first = Conversation((Message("system", "Be kind."), *HELD_OUT[0].messages))
    assert written(backend, [first, HELD_OUT[1]]) == ["a.", "b.", "c."]
    asked = "system\nBe kind.\nuser\nHi, I'm Ada.\nassistant\n"
    assert backend.heard == [
        asked, f"{asked}Hello Ada!\nuser\nWhat's my name?\nassistant\n", "user\nTell me a story.\nassistant\n",
    ]  # fmt: skip


def test_places_are_spread_over_all_documents() -> None:
    backend = Listening([], TOKENIZER)
    written(backend, [talk(f"Number {index}?", "Yes.") for index in range(100)], count=4)
    assert [text.split()[2] for text in backend.heard] == ["0?", "25?", "50?", "75?"]


@pytest.mark.parametrize("kind", ["chat", "text"])
def test_plain_text_is_gone_on_from(kind: str) -> None:
    backend = Listening(["x"], TOKENIZER, kind=kind, ends=False)
    texts = written(backend, [Text(" ".join(map(str, range(1000)))), Text("the end")], count=2)
    assert [len(text) for text in texts] == [LONGEST, LONGEST]
    assert [text.split()[-1] for text in backend.heard] == ["270", "757"]


def test_a_model_of_plain_text_goes_on_from_conversations_as_text() -> None:
    backend = Listening(["x"], TOKENIZER, kind="text", ends=False)
    written(backend, [talk("Hello there", "Absolutely everybody is doing fine today.")], count=1)
    assert backend.heard == ["User: Hello there\nAssistant:"]


def test_nothing_to_go_on_from() -> None:
    with pytest.raises(DataError, match="nothing to answer"):
        written(ScriptedBackend([], TOKENIZER), [Text("x")])
