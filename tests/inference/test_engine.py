from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from picochat.errors import CheckpointError, ConfigError
from picochat.inference.backend import PREFILL_CHUNK
from picochat.inference.engine import Engine, Token, load_engine
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from picochat.inference.torch_backend import open_torch
from tests.fakes import ScriptedBackend, char_tokenizer

TOKENIZER = char_tokenizer()
GREEDY = SamplingSettings(temperature=0)


def scripted(*replies: str, **options: object) -> Engine:
    return Engine(ScriptedBackend(replies, TOKENIZER, **options), TOKENIZER)  # type: ignore[arg-type]


def run(engine: Engine, prompt: str = "Hi", settings: SamplingSettings = GREEDY, **options: object) -> list[Token]:
    return list(engine.stream(TOKENIZER.encode(prompt), settings, end={TOKENIZER.im_end}, **options))  # type: ignore[arg-type]


def text_of(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


def test_a_reply_ends_with_its_turn() -> None:
    tokens = run(scripted("Hello!"))
    assert text_of(tokens) == "Hello!"
    assert [token.stop for token in tokens] == [None] * 6 + ["end"]
    assert tokens[-1].id == TOKENIZER.im_end
    assert all(token.logprob == pytest.approx(0, abs=1e-6) for token in tokens)
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(tokens))


def test_a_new_text_ends_one_that_is_still_open() -> None:
    engine = scripted("Hello!", "Hello!")
    first = engine.stream(TOKENIZER.encode("Hi"), GREEDY, end={TOKENIZER.im_end})
    assert next(first).text == "H"
    assert text_of(run(engine)) == "Hello!"
    assert [(token.text, token.stop) for token in first] == [("", "cancelled")]


def test_length_stops_with_the_last_token() -> None:
    tokens = run(scripted("Hello!"), settings=SamplingSettings(temperature=0, max_tokens=3))
    assert text_of(tokens) == "Hel"
    assert tokens[-1].stop == "length"


@pytest.mark.parametrize("stop", ["lo", "o w", "Hello", "world!"])
def test_a_stop_text_ends_the_answer_and_is_not_shown(stop: str) -> None:
    tokens = run(scripted("Hello world!"), settings=SamplingSettings(temperature=0, stop=(stop,)))
    assert text_of(tokens) == "Hello world!".split(stop)[0]
    assert tokens[-1].stop == "stop"


def test_text_that_only_began_like_a_stop_text_is_shown() -> None:
    tokens = run(scripted("Use: abx"), settings=SamplingSettings(temperature=0, stop=("User:", "abc")))
    assert text_of(tokens) == "Use: abx"
    assert tokens[-1].stop == "end"


def test_an_emoji_comes_whole_even_byte_by_byte() -> None:
    engine = scripted("a€𝄞!")  # the last is no token of its own here, but four bytes
    pieces = [token.text for token in run(engine)]
    assert "".join(pieces) == "a€𝄞!"
    assert pieces.count("") == 3 + 1  # three of its bytes, and the end of the turn


def test_cancelling_keeps_the_text_and_says_so() -> None:
    seen: list[Token] = []
    for token in scripted("Hello!").stream(TOKENIZER.encode("x"), GREEDY, cancelled=lambda: len(seen) >= 3):
        seen.append(token)
    assert text_of(seen) == "Hel"
    assert seen[-1].stop == "cancelled"
    assert seen[-1].id is None


def test_a_long_prompt_is_read_in_chunks_and_can_be_cancelled_between_them() -> None:
    engine = scripted("x", context=4096)
    backend = engine.backend
    assert isinstance(backend, ScriptedBackend)
    tokens = list(engine.stream(TOKENIZER.encode("a" * 2000), GREEDY, cancelled=lambda: len(backend.prefills) >= 2))
    assert backend.prefills == [PREFILL_CHUNK] * 2
    assert [token.stop for token in tokens] == ["cancelled"]
    assert engine.cached == 2 * PREFILL_CHUNK


def test_only_what_is_new_is_read() -> None:
    engine = scripted("abc", "def", "ghi")
    prompt = TOKENIZER.encode("Hello")
    list(engine.stream(prompt, GREEDY, end={TOKENIZER.im_end}))
    assert engine.prefilled == 5
    # the answer is in the cache, the end of the turn is not
    follow = [*prompt, *TOKENIZER.encode("abc"), TOKENIZER.im_end, *TOKENIZER.encode("more")]
    list(engine.stream(follow, GREEDY, end={TOKENIZER.im_end}))
    assert engine.prefilled == 5
    # the same prompt again: its last token is read anew, for its logits
    list(engine.stream(follow, GREEDY, end={TOKENIZER.im_end}))
    assert engine.prefilled == 1


def test_a_changed_prompt_is_read_from_the_change_on() -> None:
    engine = scripted("abc", "def")
    list(engine.stream(TOKENIZER.encode("Hello there"), GREEDY, end={TOKENIZER.im_end}))
    list(engine.stream(TOKENIZER.encode("Hello again"), GREEDY, end={TOKENIZER.im_end}))
    assert engine.prefilled == len("again")


def test_the_window_slides_when_it_may() -> None:
    tokens = run(scripted(context=16, ends=False), settings=SamplingSettings(temperature=0, max_tokens=100))
    assert len(tokens) == 100
    assert tokens[-1].stop == "length"


def test_the_window_ends_the_answer_when_it_may_not_slide() -> None:
    engine = scripted("x" * 100, context=16)
    tokens = run(engine, "Hi", slide=False)
    assert tokens[-1].stop == "context"
    assert len(tokens) == 16 - 2 + 1  # the last token needs no room in the cache


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 5000])
@pytest.mark.parametrize("context", [1, 2, 8, 16])
def test_no_length_of_prompt_fails(length: int, context: int) -> None:
    engine = scripted("abc", context=context)
    for slide in (True, False):
        tokens = run(engine, "y" * length, SamplingSettings(temperature=0, max_tokens=20), slide=slide)
        assert tokens[-1].stop in ("end", "length", "context")


def test_alternatives_are_the_likeliest_first() -> None:
    token = run(scripted("A"), alternatives=3)[0]
    assert len(token.alternatives) == 3
    assert token.alternatives[0].id == token.id
    assert token.alternatives[0].text == "A"
    assert token.alternatives[0].logprob >= token.alternatives[1].logprob


def test_a_real_model_gives_the_same_text_for_a_seed(chat_model: Path) -> None:
    engine = load_engine(chat_model, device="cpu")
    prompt = engine.tokenizer.encode("Hi")
    settings = SamplingSettings(temperature=1.5, top_k=0, max_tokens=30, seed=5)

    def ids(settings: SamplingSettings) -> list[int | None]:
        return [token.id for token in engine.stream(prompt, settings)]

    first = ids(settings)
    assert ids(settings) == first
    engine.forget()
    assert ids(settings) == first
    assert ids(settings.changed(seed=6)) != first


def test_a_sliding_real_model_equals_one_that_reads_its_tail_anew(chat_model: Path) -> None:
    engine = load_engine(chat_model, device="cpu")
    settings = SamplingSettings(temperature=0, max_tokens=engine.context + 60)
    prompt = engine.tokenizer.encode("User")
    tokens = [token.id for token in engine.stream(prompt, settings)]
    assert engine.slides >= 1
    # what was generated right after the slide follows from the tail alone
    sequence = [*prompt, *tokens]
    border = engine.context + 1
    tail = sequence[border - engine.context * 3 // 4 : border]
    fresh = load_engine(chat_model, device="cpu")
    assert [token.id for token in fresh.stream(tail, settings.changed(max_tokens=10))] == sequence[border : border + 10]


def test_logprobs_are_those_of_the_model(chat_model: Path) -> None:
    engine = Engine(*open_torch(chat_model, device="cpu"))
    prompt = engine.tokenizer.encode("Hi, I'm Ada.")
    tokens = list(engine.stream(prompt, SamplingSettings(temperature=2, seed=1, max_tokens=8)))
    ids = [token.id for token in tokens if token.id is not None]
    with torch.inference_mode():
        logits = engine.backend.model(torch.tensor([[*prompt, *ids]]))  # type: ignore[attr-defined]
    expected = logits.log_softmax(-1)[0, len(prompt) - 1 : -1].gather(1, torch.tensor(ids)[:, None])[:, 0]
    assert np.array([token.logprob for token in tokens]) == pytest.approx(expected.numpy(), abs=1e-4)


def test_a_model_that_computes_no_numbers_is_told() -> None:
    engine = scripted("x")
    engine.backend.prefill = lambda ids: np.full(TOKENIZER.vocab_size, np.nan, dtype=np.float32)  # type: ignore[method-assign]
    with pytest.raises(CheckpointError, match="computes no numbers"):
        run(engine)


def test_the_end_of_a_turn_is_no_repetition() -> None:
    prompt = [TOKENIZER.im_end, *TOKENIZER.encode("aab")]
    tokens = scripted("ab").stream(prompt, SamplingSettings(temperature=0, repetition_penalty=9), end={TOKENIZER.im_end})
    assert [token.stop for token in tokens][-1] == "end"


def test_a_long_prompt_keeps_the_shape_of_a_turn() -> None:
    engine = scripted("x", context=64)
    request = completion(engine, "w" * 500 + "end?")
    seen = "".join(map(TOKENIZER.piece, request.ids))
    assert request.cut
    assert len(request.ids) < 64
    assert seen.startswith("<|endoftext|><|im_start|>user\nw")
    assert seen.endswith("end?<|im_end|>\n<|im_start|>assistant\n")


def test_a_model_computes_in_the_precision_that_is_asked_for(chat_model: Path) -> None:
    rows = {}
    for precision in ("fp32", "bf16", "fp16"):
        backend, tokenizer = open_torch(chat_model, device="cpu", precision=precision)
        assert backend.info.precision == precision
        rows[precision] = backend.prefill(tokenizer.encode("Hello"))
        assert rows[precision].dtype == np.float32
        stepped = backend.lanes(2).step({1: 5})
        assert np.isfinite(stepped).all()
    for rough in ("bf16", "fp16"):
        assert 0 < np.abs(rows[rough] - rows["fp32"]).max() < 0.3
    with pytest.raises(ConfigError, match="fp32, bf16, fp16"):
        open_torch(chat_model, device="cpu", precision="fp8")
