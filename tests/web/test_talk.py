"""A visitor's conversation and the models behind it, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.settings import ChatSettings
from picochat.errors import CheckpointError, PicochatError
from picochat.inference.engine import Alternative, Token
from picochat.web.models import Models, find_models
from picochat.web.service import Service
from picochat.web.talk import Talk, Wish
from picochat.web.transcript import transcript
from tests.web.fake import EchoBackend, echo

LONG = "a" * 80


def wish(model: str = "echo", **settings: object) -> Wish:
    return Wish(model, ChatSettings.parse(settings))


async def answered(talk: Talk, models: Models, text: str | None, how: Wish | None = None) -> list[str]:
    async for _ in talk.answer(models, how or wish(), text):
        pass
    return said(talk)


def said(talk: Talk) -> list[str]:
    return [entry.message.content for entry in talk.conversation.entries]


@pytest.fixture
def models() -> Iterator[Models]:
    models = Models(Path("echo.pt"), lambda path: Service(echo(), parallel=2))
    yield models
    backend_of(models).gate.set()
    models.close()


def backend_of(models: Models) -> EchoBackend:
    assert isinstance(models.service.engine.backend, EchoBackend)
    return models.service.engine.backend


async def test_a_conversation_goes_on_and_back(models: Models) -> None:
    talk = Talk()
    assert await answered(talk, models, "Hi") == ["Hi", "Hi"]
    assert await answered(talk, models, "Ho") == ["Hi", "Hi", "Ho", "Ho"]
    assert talk.conversation.entries[-1].footnote.endswith("end of turn")
    assert await answered(talk, models, None) == ["Hi", "Hi", "Ho", "Ho"]
    assert talk.undo() == "Ho"
    assert said(talk) == ["Hi", "Hi"]
    talk.reset()
    assert said(talk) == []
    for nothing in (talk.undo, lambda: anext(talk.answer(models, wish()))):
        with pytest.raises(PicochatError):
            result = nothing()
            if not isinstance(result, str):
                await result


async def test_what_is_shown_grows(models: Models) -> None:
    talk, lengths = Talk(), []
    backend_of(models).delay = 0.01
    async for _ in talk.answer(models, wish(), LONG):
        lengths.append(sum(len(token.text) for entry in talk.conversation.entries for token in entry.tokens))
        if len(lengths) == 4:
            talk.stop()
    assert lengths == sorted(lengths)
    assert lengths[-1] > lengths[0]
    answer = said(talk)[1]
    assert LONG.startswith(answer) and 0 < len(answer) < len(LONG)
    assert talk.conversation.entries[1].stop == "cancelled"


async def test_an_answer_without_a_word_leaves_no_trace(models: Models) -> None:
    talk = Talk()
    await answered(talk, models, "Hi")
    backend_of(models).gate.clear()
    for text in ("Ho", None):
        async for _ in talk.answer(models, wish(), text):
            talk.stop()
        assert said(talk) == ["Hi", "Hi"]
        assert talk.taken_back == (text or "")
    backend_of(models).gate.set()
    backend_of(models).broken = CheckpointError("no numbers")
    assert await answered(talk, models, "Ho") == ["Hi", "Hi"]
    assert (talk.note, talk.taken_back, talk.busy) == ("no numbers", "Ho", False)
    assert await answered(talk, models, "Ho", wish("nothing")) == ["Hi", "Hi"]
    assert "There is no model 'nothing' here" in talk.note


async def test_one_answer_at_a_time(models: Models) -> None:
    talk = Talk()
    first = talk.answer(models, wish(), "Hi")
    await anext(first)
    with pytest.raises(PicochatError, match="An answer is being written"):
        await answered(talk, models, "Ho")
    with pytest.raises(PicochatError, match="An answer is being written"):
        talk.undo()
    await first.aclose()  # type: ignore[attr-defined]
    assert not talk.busy
    assert said(talk) == []


async def test_a_model_of_plain_text_goes_on_with_each_text() -> None:
    models = Models(Path("echo.pt"), lambda path: Service(echo(chats=False), parallel=1))
    try:
        talk = Talk()
        await answered(talk, models, "abc")
        assert len(said(talk)[1]) == 100
        assert "plain text" in talk.note
    finally:
        models.close()


# -- models -------------------------------------------------------------------------------------------------------------


def test_models_are_found_beside_the_given_one_and_among_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "own/a.pt",
        "own/b.pt",
        "own/notes.txt",
        "runs/one/best.pt",
        "runs/one/steps/step-000001.pt",
        "runs/a/best.pt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_models(Path("own/b.pt"))
    assert list(found)[:2] == ["b", "a"]
    assert set(found) == {"a", "b", "one", "runs/a/best.pt", "conv"}
    assert next(iter(find_models(Path("runs/one")))) == "one"
    assert len(find_models(Path("runs/one"))) == 3


class Shelf:
    """Models of which each takes its name to the text `a`."""

    def __init__(self, folder: Path, names: str) -> None:
        self.opened: list[str] = []
        self.services: dict[str, Service] = {}
        for name in names:
            (folder / f"{name}.pt").touch()

    def open(self, path: Path) -> Service:
        if path.stem == "x":
            raise CheckpointError("x is damaged.")
        self.opened.append(path.stem)
        self.services[path.stem] = Service(echo(delay=0.002), parallel=1)
        return self.services[path.stem]


async def test_models_come_when_they_are_asked_and_make_room_when_they_rest(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "abcdx")
    models = Models(tmp_path / "a.pt", shelf.open, most=3)
    try:
        talks = {name: Talk() for name in "abcd"}
        # two at work at once
        await asyncio.gather(*(answered(talks[name], models, LONG, wish(name)) for name in "bc"))
        assert said(talks["b"]) == said(talks["c"]) == [LONG, LONG]
        assert shelf.opened == ["a", "b", "c"]
        at_work = talks["b"].answer(models, wish("b"), LONG)
        for _ in range(3):
            await anext(at_work)
        # c rests, and goes; a was given, and stays
        assert await answered(talks["d"], models, "Hi", wish("d")) == ["Hi", "Hi"]
        assert [name for name, service in shelf.services.items() if not service.accepting] == ["c"]
        async for _ in at_work:
            pass
        assert said(talks["b"]) == [LONG] * 4
        assert await answered(talks["a"], models, "Hi", wish("x")) == []
        assert talks["a"].note == "x is damaged."
        assert await answered(talks["a"], models, "Hi", wish("a")) == ["Hi", "Hi"]
    finally:
        models.close()
    assert not any(service.accepting for service in shelf.services.values())


async def test_no_model_at_work_makes_room(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "abc")
    models = Models(tmp_path / "a.pt", shelf.open, most=2)
    try:
        async with models.use("b"):
            with pytest.raises(PicochatError, match="2 models are at work"):
                async with models.use("c"):
                    pass
        async with models.use("c"):
            assert shelf.opened == ["a", "b", "c"]
    finally:
        models.close()


# -- what is drawn ------------------------------------------------------------------------------------------------------


class _Reader:
    """What a browser would make of HTML: its text, its elements, and what they tell."""

    def __init__(self, source: str) -> None:
        from html.parser import HTMLParser

        reader = self
        self.text, self.tags, self.told = "", set[str](), list[str]()

        class Parser(HTMLParser):
            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                reader.tags.add(tag)
                assert {name for name, _ in attrs} <= {"class", "tabindex", "style", "data-told", "role"}
                reader.told += [value or "" for name, value in attrs if name == "data-told"]

            def handle_data(self, data: str) -> None:
                reader.text += data

        parser = Parser()
        parser.feed(source)
        parser.close()


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf"]), min_size=1) | st.sampled_from(
    ["<script>alert(1)</script>", "&lt;", "<", '"', "'", "</article>", "<!--", "]]>", "${1}", "{{a}}", "`"]
)


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, WORDS)
def test_all_that_was_written_is_text(words: list[str], asked: str, other: str) -> None:
    talk = Talk()
    talk.conversation.add("user", asked)
    answer = talk.conversation.add("assistant", "".join(words))
    answer.tokens = [Token(1, word, -0.5, 0.1, (Alternative(2, other, -2.0),)) for word in words]
    talk.note = other
    plain = _Reader("".join(transcript(talk, colored=False)))
    colored = _Reader("".join(transcript(talk, colored=True)))
    assert plain.text == colored.text == f"You{asked}picochat{''.join(words)}{other}"
    assert plain.tags == {"article", "h2", "div", "p"}
    assert colored.tags == {*plain.tags, "span"}
    assert len(colored.told) == len(words)


def test_a_token_tells_its_chances() -> None:
    talk = Talk()
    answer = talk.conversation.add("assistant", "So")
    answer.tokens = [Token(1, "So", -0.6931, 0.1, (Alternative(1, "So", -0.6931), Alternative(2, " no\n", -2.3026)))]
    (message,) = transcript(talk, colored=True)
    assert _Reader(message).told == ["50.0% So\n10.0% ·no⏎"]
    assert "--p:0.500" in message


def test_control_characters_are_shown() -> None:
    talk = Talk()
    talk.conversation.add("user", "a\x1b[31m\u202eb")
    assert "\x1b" not in transcript(talk, colored=False)[0]
    assert "\u202e" not in transcript(talk, colored=False)[0]
