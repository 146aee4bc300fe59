"""Tokens a second at batch 1: picochat beside transformers, llama.cpp and ONNX Runtime GenAI, same weights, in turns.

The shape is that of a 30M llama, its weights are random. `picochat bench` measures a model of yours in the same way. With
`--busy N` so many other processes compute all the while.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from picochat.benchmark.plan import Cell, Plan, make_plan
from picochat.benchmark.processes import FailedError, ask
from picochat.benchmark.programs import OURS, PEERS
from picochat.benchmark.run import new_report, run, setup_of, write_once
from picochat.benchmark.table import table
from picochat.checkpoint import save_checkpoint
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--precision", nargs="*", default=[], help="some of fp32, bf16, fp16, int8, int4")
    parser.add_argument("--threads", type=int, nargs="*", default=[], help="default: 1 and all")
    parser.add_argument("--prompt", type=int, nargs="*", default=[64], help="tokens in the prompt")
    parser.add_argument("--tokens", type=int, default=128, help="tokens to generate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="other processes that compute meanwhile")
    parser.add_argument("--against", nargs="*", default=list(PEERS))
    options = parser.parse_args()

    torch.manual_seed(0)
    room = max(options.prompt) + options.tokens
    shape = {"vocab_size": options.vocabulary, "context": max(512, room)}
    config = ModelConfig.create(preset=options.preset, architecture="llama", **shape)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "random.pt"
        network = GPT(config)
        with torch.no_grad():
            for weight in network.blocks.parameters():
                if weight.dim() > 1:
                    weight *= 4  # else the likeliest token is always the last one again, and all programs agree on that
        # programs want a tokenizer of a kind that they know; no text is read with it
        save_checkpoint(model, network, Tokenizer.train(["a b c"]), {"kind": "text"})
        plan = make_plan(
            model, config, precisions=options.precision, threads=options.threads, contexts=options.prompt,
            tokens=options.tokens, rounds=options.rounds, against=options.against, losses=False,
        )  # fmt: skip
        report = new_report(plan)
        with others(options.busy):
            run(report, lambda done, total: print(f"\r{done} of {total}", end="", file=sys.stderr, flush=True))
        print(file=sys.stderr)
        cells = [cell for cell in report.samples if cell.precision == "fp32"]
        texts = {name: greedy(plan, cells, name, Path(folder)) for name in dict.fromkeys(cell.program for cell in cells)}
    same = {name: ids == texts.get(OURS) for name, ids in texts.items() if name != OURS}
    print(table(report))
    for name, agrees in same.items():
        print(f"  greedy tokens of picochat and {name} in fp32 {'agree' if agrees else 'DIFFER'}")
    for note in report.notes:
        print(f"note: {note}")
    print(json.dumps({**report.to_dict(), "greedy_equal": same}))


@contextlib.contextmanager
def others(count: int) -> Iterator[None]:
    """Processes beside this one that compute all the while."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            busy = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(busy.kill)
        yield


def greedy(plan: Plan, cells: list[Cell], program: str, folder: Path) -> list[int] | str:
    """The likeliest tokens after the shortest prompt."""
    cell = min((cell for cell in cells if cell.program == program), key=lambda cell: cell.context)
    try:
        ask("prepare", program=program, **setup_of(plan, cell, folder))
        return write_once(plan, cell, folder, temperature=0.0)["ids"]
    except FailedError as error:
        return str(error)


if __name__ == "__main__":
    main()
