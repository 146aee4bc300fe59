"""Guidance: answers are held away from those to a message that says nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.checkpoint import load_checkpoint, save_checkpoint
from picochat.inference.engine import Engine, load_engine
from picochat.inference.generation import Job
from picochat.inference.prompt import Request, answer, completion
from picochat.inference.sampling import guide
from picochat.inference.settings import SamplingSettings
from picochat.interop.hf import write_hf
from tests.evaluation.tiny import network
from tests.inference.tiny import counted, tiny_engine

CONTEXT = 96
GREEDY = SamplingSettings(temperature=0, max_tokens=24, guidance_scale=2.5)
DRAWN = SamplingSettings(temperature=1.5, top_k=0, max_tokens=24, guidance_scale=2.5, seed=3)
QUESTIONS = ("Hi!", "What is the colour of a lemon?", "I lost my keys", "?")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with drawn weights, large enough ones that the prompt matters."""
    engine = tiny_engine(context=CONTEXT, dim=64)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_checkpoint(path, network(engine), engine.tokenizer, {"kind": "chat"})
    return path


def asked(engine: Engine, text: str) -> Request:
    """The request for an answer that goes on until it is stopped."""
    return dataclasses.replace(completion(engine, text), end=frozenset())


def ids(engine: Engine, job: Job) -> list[int | None]:
    return [token.id for token in engine.run(job)]


def by_hand(engine: Engine, request: Request, scale: float, count: int) -> list[int]:
    """The greedy text as the formula has it: every token from two whole passes."""
    said: list[int] = []
    for _ in range(count):
        rows = []
        for prompt in (request.ids, request.unguided):
            engine.forget()
            rows.append(engine.read([*prompt, *said]))
        guided, unguided = rows
        assert guided is not None
        assert unguided is not None
        said.append(int((scale * guided + (1 - scale) * unguided).argmax()))
    return said


def test_the_scale_says_how_far() -> None:
    logits, unguided = np.array([1.0, 2.0, 4.0], dtype=np.float32), np.array([2.0, 2.0, 3.0], dtype=np.float32)
    assert guide(logits, unguided, 1).tolist() == logits.tolist()
    assert guide(logits, unguided, 0).tolist() == unguided.tolist()
    assert guide(logits, unguided, 3).tolist() == [-1.0, 2.0, 6.0]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_answer_is_what_the_formula_gives(model: Path, precision: str) -> None:
    engine = load_engine(model, device="cpu", precision=precision)
    for text in QUESTIONS:
        request = asked(engine, text)
        guided = ids(engine, request.job(GREEDY))
        assert guided == by_hand(engine, request, GREEDY.guidance_scale, len(guided))
        assert guided != ids(engine, request.job(GREEDY.changed(guidance_scale=1)))


def test_greedy_answers_are_those_of_transformers(model: Path, tmp_path: Path) -> None:
    engine = load_engine(model, device="cpu", precision="fp32")
    write_hf(load_checkpoint(model), tmp_path / "hf", check=False)
    peer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()
    for text in QUESTIONS:
        request = asked(engine, text)
        prompt = torch.tensor([request.ids])
        theirs = peer.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            negative_prompt_ids=torch.tensor([request.unguided]),
            guidance_scale=GREEDY.guidance_scale,
            do_sample=False, max_new_tokens=24, min_new_tokens=24, pad_token_id=0, eos_token_id=None,
        )  # fmt: skip
        assert ids(engine, request.job(GREEDY)) == theirs[0, len(request.ids) :].tolist()


@pytest.mark.parametrize("settings", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_texts_side_by_side_are_those_one_by_one(model: Path, settings: SamplingSettings) -> None:
    engine = load_engine(model, device="cpu", precision="fp32")
    scales = (2.5, 1.0, 1.3, 0.0)
    jobs = [asked(engine, text).job(settings.changed(guidance_scale=scale)) for text in QUESTIONS for scale in scales]
    written: list[list[int | None]] = [[] for _ in jobs]
    for index, token in engine.run_many(jobs, lanes=3):
        written[index].append(token.id)
    assert written == [ids(engine, job) for job in jobs]


def test_guesses_change_no_answer(model: Path) -> None:
    engine, draft = (load_engine(model, device="cpu", precision="fp32") for _ in range(2))
    engine.speculate = False
    jobs = [asked(engine, text).job(GREEDY) for text in QUESTIONS]
    plain = [ids(engine, job) for job in jobs]
    engine.speculate = True
    assert [ids(engine, job) for job in jobs] == plain
    engine.use_draft(draft)
    assert [ids(engine, job) for job in jobs] == plain


def test_an_answer_that_is_gone_on_with_goes_on_as_the_whole_would(model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=0, guidance_scale=2.5, max_tokens=12))
    session.use(load_engine(model, device="cpu", precision="fp32"))
    whole = [token.id for token in session.reply("Tell me of your day.")]
    first = tuple(session.tokens_of()[:5])
    resumed = session.resume(first)
    assert [token.id for token in resumed][: len(whole) - 5] == whole[5:]


def test_probabilities_are_the_models_own(model: Path) -> None:
    """They tell how sure the model is of a token, whatever it was drawn by."""
    engine = load_engine(model, device="cpu", precision="fp32")
    engine.speculate = False
    request = asked(engine, "Hi!")
    said = list(engine.run(request.job(GREEDY, alternatives=2)))
    engine.forget()
    logits = engine.read(request.ids)
    for token in said:
        assert logits is not None
        assert token.id is not None
        wide = logits.astype(np.float64)
        assert token.logprob == pytest.approx(wide[token.id] - np.log(np.exp(wide).sum()), abs=1e-4)
        assert token.alternatives[0].id == int(logits.argmax())
        logits = engine.advance(token.id)


def test_without_guidance_nothing_more_is_computed() -> None:
    engine = tiny_engine(context=CONTEXT)
    engine.speculate = False
    counting = counted(engine)
    list(engine.run(asked(engine, "Hello there!").job(GREEDY.changed(guidance_scale=1))))
    assert [kind for kind, _ in counting.passes] == ["prefill", *["step"] * 23]
    assert counting.twins == 0
    list(engine.run(asked(engine, "Hello there!").job(GREEDY)))
    assert counting.twins == 1


def test_a_long_answer_ends_where_the_window_does(model: Path) -> None:
    """Also where the prompt that says nothing is the longer one, and fills its window first."""
    engine = load_engine(model, device="cpu", precision="fp32")
    job = asked(engine, "?").job(GREEDY.changed(max_tokens=None))
    assert len(job.unguided) > len(job.ids)
    said = list(engine.run(job))
    assert said[-1].stop == "context"
    assert len(said) == CONTEXT - len(job.ids) + 1
    assert [token.id for _, token in engine.run_many([job])] == [token.id for token in said]


def test_plain_text_is_not_guided(model: Path) -> None:
    engine = load_engine(model, device="cpu", precision="fp32")
    request = completion(engine, "Once upon a time", raw=True)
    assert not request.unguided
    assert ids(engine, request.job(GREEDY)) == ids(engine, request.job(GREEDY.changed(guidance_scale=1)))


def test_a_prompt_that_goes_out_of_sight_guides_nothing(model: Path) -> None:
    engine = load_engine(model, device="cpu", precision="fp32")
    request = answer(engine, asked(engine, "Hi!").ids)
    with pytest.raises(ValueError, match="slide"):
        Job(request.ids, GREEDY, unguided=request.unguided)
    with pytest.raises(ValueError, match="same end"):
        Job(request.ids[:-1], GREEDY, slide=False, unguided=request.unguided)
