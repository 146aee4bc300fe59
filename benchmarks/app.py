"""Tokens a second in the chat app, headless, beside the same engine without an app, in turns."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from picochat.chat.prompts import PromptHistory
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.inference.generation import Token
from picochat.locations import default_model
from picochat.ui.app import ChatApp

PROMPT = "Once upon a time there was a small boat."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", help="random weights of this shape instead of the shipped ones")
    parser.add_argument("--tokens", type=int, default=450)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "text.pt"
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
            other.submit(write_model, model, options.preset).result()
        settings = ChatSettings(max_tokens=options.tokens, seed=1)
        session = ChatSession(settings, device="cpu", threads=options.threads, precision=options.precision)
        session.load(model)
        assert session.engine is not None
        gc.freeze()  # as `picochat chat` does
        rates: dict[str, list[float]] = {"engine": [], "app": []}
        for number in range(options.rounds + 1):
            alone, shown = rate(session), asyncio.run(rate_in_app(session))
            if number:  # the first round warms up
                rates["engine"].append(alone)
                rates["app"].append(shown)
        precision = session.engine.info.precision
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    share = round(statistics.median(shown / alone for alone, shown in zip(*rates.values(), strict=True)), 3)
    for name, value in medians.items():
        print(f"  {name:<8} {value:>8.1f} tok/s")
    print(f"  share    {share:>8.1%}")
    print(json.dumps({"precision": precision, "median_tokens_per_second": medians, "share": share}))


def write_model(path: Path, preset: str | None) -> None:
    """A model that goes on with a text for ever: its tokens that end one have no weights, and others are always likelier.

    In a process of its own, as it imports torch, which the app does not.
    """
    import torch

    from picochat.checkpoint import load_checkpoint, save_checkpoint
    from picochat.model.config import ModelConfig
    from picochat.model.gpt import GPT

    shipped = load_checkpoint(default_model())
    network = shipped.build()
    if preset is not None:
        shape = {"vocab_size": network.config.vocab_size, "context": network.config.context}
        network = GPT(ModelConfig.create(preset=preset, **shape))
    with torch.no_grad():
        network.head.weight[sorted({shipped.tokenizer.end_of_text, *shipped.tokenizer.ends})] = 0
    save_checkpoint(path, network, shipped.tokenizer, {"kind": "text"})


def rate(session: ChatSession) -> float:
    """Tokens a second after the first, of an answer that nobody watches."""
    session.reset()
    return rate_of(session.reply(PROMPT), session.settings.max_tokens)


def rate_of(drawn: Iterable[Token], count: int) -> float:
    """The same of these tokens; all `count` must have come."""
    seconds = [token.seconds for token in drawn]
    if len(seconds) < count:
        raise SystemExit(f"The answer ended after {len(seconds)} tokens, and nothing can be said of {count}.")
    return (count - 1) / (seconds[-1] - seconds[0])


async def rate_in_app(session: ChatSession) -> float:
    """The same of one that is typed for, and watched as it comes."""
    session.reset()
    app = ChatApp(session, None, PromptHistory())
    async with app.run_test(size=(100, 30)) as pilot:
        await asyncio.sleep(1)  # until the screen has settled
        gc.collect()  # what the start leaves, and the round before: a chat clears that away once, in no or any answer
        app.chat.prompt.insert(PROMPT)
        await pilot.press("enter")
        while app.chat.answering.job is not None or session.last is None:
            await asyncio.sleep(0.05)
        return rate_of(session.last.tokens, session.settings.max_tokens)


if __name__ == "__main__":
    main()
