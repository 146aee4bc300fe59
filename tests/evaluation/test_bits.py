from __future__ import annotations

import math

import pytest
import torch

from picochat.errors import CheckpointError, DataError
from picochat.evaluation.bits import score_documents
from picochat.evaluation.scorer import scorer_of
from picochat.evaluation.step_scorer import StepScorer
from picochat.inference.engine import Engine
from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation, Document, Text
from tests.evaluation.tiny import network, scorer, talk, tiny_engine
from tests.fakes import ScriptedBackend, char_tokenizer
from tests.model.test_transformers_parity import llama_state


def nats(logits: torch.Tensor, ids: list[int], counted: list[bool]) -> float:
    """What the counted ids cost, by (T, vocab) logits over all ids."""
    logprobs = torch.log_softmax(logits.double(), dim=-1)
    return -sum(float(logprobs[place - 1, token]) for place, token in enumerate(ids) if counted[place])


def contents(engine: Engine, document: Conversation) -> tuple[list[int], list[bool]]:
    """A conversation that fits the window, and which of its ids are content."""
    chat, encode = engine.chat_format, engine.tokenizer.encode
    ids, counted = [engine.tokenizer.end_of_text], [False]
    for message in document.messages:
        header = [engine.tokenizer.im_start, *encode(f"{message.role}\n")]
        content = encode(message.content)
        ids += [*header, *content, engine.tokenizer.im_end, *encode("\n")]
        counted += [False] * len(header) + [message.role != "system"] * len(content) + [False] * 2
    assert ids == chat.render(document.messages).ids
    return ids, counted


def test_equal_logits_cost_a_logarithm_of_the_vocabulary_for_each_token() -> None:
    engine = tiny_engine()
    with torch.no_grad():
        network(engine).embedding.weight.zero_()
    # 4 characters of the vocabulary in 7 bytes, and one outside of it, which is 3 byte tokens
    score = score_documents(engine, scorer(engine), [talk("aä", "€b\u6f22")])
    assert (score.all.tokens, score.all.bytes) == (2 + 2 + 3, 1 + 2 + 3 + 1 + 3)
    bits = math.log2(engine.tokenizer.vocab_size)
    assert score.all.bits_per_byte == pytest.approx(bits * 7 / 10, rel=1e-6)
    assert score.all.perplexity == pytest.approx(engine.tokenizer.vocab_size, rel=1e-5)
    assert score.assistant.bits_per_byte == pytest.approx(bits * 5 / 7, rel=1e-6)


def test_a_conversation_costs_what_transformers_says() -> None:
    transformers = pytest.importorskip("transformers")
    engine = tiny_engine(context=128, architecture="llama")
    config = network(engine).config
    theirs = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=config.vocab_size, hidden_size=32, intermediate_size=config.ff_dim, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, head_dim=16, max_position_embeddings=128,
            rms_norm_eps=config.norm_eps, tie_word_embeddings=config.tied,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        )
    )  # fmt: skip
    theirs.load_state_dict(llama_state(network(engine)))
    document = talk("Hi there!", "Hello.", "How are you?", "Fine, and you?")
    document = Conversation((Message("system", "Be kind."), *document.messages))
    ids, counted = contents(engine, document)
    with torch.inference_mode():
        logits = theirs.eval()(torch.tensor([ids])).logits[0]
    score = score_documents(engine, scorer(engine), [document])
    assert score.all.tokens == sum(counted)
    assert score.all.bytes == len("Hi there!Hello.How are you?Fine, and you?")
    assert score.all.nats == pytest.approx(nats(logits, ids, counted), rel=1e-4)


@pytest.mark.parametrize("shape", [{}, {"architecture": "gpt2"}, {"position": "alibi"}])
def test_documents_side_by_side_cost_what_they_cost_alone(shape: dict[str, str]) -> None:
    engine = tiny_engine(**shape)
    documents: list[Document] = [
        talk("Hi", "Hello!", source="a"),
        Text("A text that is much longer than the window of this model. " * 3, "b"),
        talk("one", "two", "three", "four", "five", "six" * 10, source="a"),
        Text("x", "c"),
    ]
    together = score_documents(engine, scorer(engine), documents)
    alone = [score_documents(engine, scorer(engine), [document]) for document in documents]
    assert together.all.nats == pytest.approx(sum(score.all.nats for score in alone), rel=1e-5)
    assert together.all.tokens == sum(score.all.tokens for score in alone)
    assert list(together.sources) == ["a", "b", "c"]
    assert together.sources["a"].nats == pytest.approx(alone[0].all.nats + alone[2].all.nats, rel=1e-5)
    assert together.sources["b"].bytes == len(documents[1].content)  # type: ignore[union-attr]
    assert together.assistant.nats == pytest.approx(sum(score.assistant.nats for score in alone), rel=1e-5)


def test_a_long_text_is_read_in_windows_that_overlap_by_half() -> None:
    engine = tiny_engine(context=16)
    text = "The quick brown fox jumps over the lazy dog, and again."
    ids = [engine.tokenizer.end_of_text, *engine.tokenizer.encode(text)]
    expected, place = 0.0, 1
    while place < len(ids):
        start = 0 if place == 1 else place - 8
        window = ids[start : start + 17]
        with torch.inference_mode():
            logits = network(engine)(torch.tensor([window[:-1]]))[0]
        expected += nats(logits, window, [start + index >= place for index in range(len(window))])
        place = start + 17
    score = score_documents(engine, scorer(engine), [Text(text)])
    assert score.all.tokens == len(text)
    assert score.all.nats == pytest.approx(expected, rel=1e-5)


def test_progress_counts_the_bytes() -> None:
    engine, seen = tiny_engine(context=16), []
    score_documents(engine, scorer(engine), [Text("äh, ja. " * 3000)], lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (27_000, 27_000)


def test_an_answer_of_weight_0_is_no_answer_to_measure() -> None:
    engine = tiny_engine()
    answers = (Message("assistant", "Whatever.", learnt=False), Message("assistant", "Fine, thanks."))
    asked = [Message("user", "How are you?"), Message("user", "Sorry?")]
    score = score_documents(engine, scorer(engine), [Conversation((asked[0], answers[0], asked[1], answers[1]))])
    assert (score.assistant.bytes, score.assistant.tokens) == (len("Fine, thanks."), len("Fine, thanks."))
    # but it was said, and is predicted like a user's words
    assert score.all.bytes == sum(len(message.content) for message in (*asked, *answers))


def test_a_model_that_computes_no_numbers() -> None:
    engine = tiny_engine()
    with torch.no_grad():
        network(engine).embedding.weight.fill_(math.nan)
    with pytest.raises(CheckpointError, match="computes no numbers"):
        score_documents(engine, scorer(engine), [Text("Hi")])


def test_nothing_to_predict() -> None:
    engine = tiny_engine()
    with pytest.raises(DataError, match="nothing to predict"):
        score_documents(engine, scorer(engine), [Conversation((Message("system", "Be kind."),))])


def test_any_back_end_is_measured_token_by_token() -> None:
    engine = tiny_engine()
    said = talk("Hi there.", "Hello you!", "How?", "Well.")
    beside = score_documents(engine, scorer(engine), [said])
    alone = score_documents(engine, StepScorer(engine.backend), [said])
    ours, theirs = alone.to_dict(), beside.to_dict()
    assert (ours["tokens"], ours["bytes"]) == (theirs["tokens"], theirs["bytes"])
    assert ours["bits_per_byte"] == pytest.approx(theirs["bits_per_byte"], rel=1e-5)
    assert engine.backend.length == 0
    assert isinstance(scorer_of(ScriptedBackend([], char_tokenizer())), StepScorer)
