"""A folder that runs with ONNX Runtime, tokenizers and NumPy alone.

It holds the graph, the tokenizer, what a program has to know of both, and a README with such a program.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from picochat.checkpoint import Checkpoint
from picochat.errors import ConfigError
from picochat.files import atomic_folder
from picochat.interop.onnx import Precision, arrays, write_onnx
from picochat.interop.onnx_check import OnnxCheck, check_onnx
from picochat.text.chat_format import ChatFormat

GRAPH, TOKENIZER, CONFIG, README = "model.onnx", "tokenizer.json", "config.json", "README.md"
FORMAT = "picochat-onnx/1"


def write_onnx_folder(
    checkpoint: Checkpoint, folder: Path, precision: Precision = "fp32", *, check: bool = True
) -> OnnxCheck | None:
    """Write `model.onnx`, `model.onnx.data`, `tokenizer.json`, `config.json` and `README.md` into a new folder.

    Args:
        precision: "fp32", "int8" or "int4": how matrices are stored; norms are fp32, the embedding is as it is.
        check: whether to run the graph and compare.

    Returns:
        What was compared.

    Raises:
        ConfigError: a network that the graph can't hold, or a package is missing.
        CheckpointError: weights that don't fit the model's shape.
        OutputError: the place can't be written or holds something, or what was written is not the model.
    """
    checkpoint.check()
    facts = {"format": FORMAT, "precision": precision, **onnx_config(checkpoint)}
    with atomic_folder(folder) as temporary:
        try:
            write_onnx(checkpoint.config, arrays(checkpoint.weights), temporary / GRAPH, precision)
        except ImportError:
            raise ConfigError("Writing ONNX needs the package onnx; run `pip install onnx`.") from None
        (temporary / TOKENIZER).write_text(checkpoint.tokenizer.library_json(), encoding="utf-8")
        (temporary / CONFIG).write_text(f"{json.dumps(facts, indent=2)}\n", encoding="utf-8")
        (temporary / README).write_text(_README.format(name=folder.name, program=PROGRAM), encoding="utf-8")
        return check_onnx(checkpoint, temporary / GRAPH, precision) if check else None


def onnx_config(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a program has to know beside the graph: the caches' shape, and the ids around a prompt and at an answer's end."""
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    before, after, ends = [tokenizer.start_of_text], [], [tokenizer.end_of_text]
    if checkpoint.training.get("kind", "chat") == "chat":
        turns = ChatFormat(tokenizer)
        opening, closing = turns.frame("user")
        before, after = [*turns.render([]).ids, *opening.ids], [*closing.ids, *turns.reply_header]
        ends = sorted(turns.ends)
    return {
        "architecture": config.architecture,
        "vocab_size": config.vocab_size,
        "context": config.context,
        "layers": config.layers,
        "kv_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "before": before,
        "after": after,
        "ends": ends,
    }


PROGRAM = '''import json
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

with open("config.json", encoding="utf-8") as file:
    config = json.load(file)
tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.encode_special_tokens = True  # what a user types is text, and never a marker
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
inputs = [each.name for each in session.get_inputs()]
shape = (1, config["kv_heads"], config["context"], config["head_dim"])
caches = {name: np.zeros(shape, np.float32) for name in inputs if name.startswith("past_")}


def logits_after(ids, past):
    """The logits after the last of ids, of which the first `past` are in the caches."""
    feed = {
        "ids": np.array([ids[past:]], np.int64),
        "last": np.array([len(ids) - 1], np.int32),
        "total": np.array(len(ids), np.int32),
        "wanted": np.array([len(ids) - past - 1], np.int64),
        "places": np.arange(past, len(ids), dtype=np.int64)[None],
    }
    logits, *present = session.run(None, {name: feed[name] for name in inputs if name in feed} | caches)
    caches.update(zip(caches, present))
    return logits[0, 0]


prompt = " ".join(sys.argv[1:]) or "Hello"
ids = config["before"] + tokenizer.encode(prompt, add_special_tokens=False).ids + config["after"]
answer, past = [], 0
while len(ids) < config["context"]:
    token = int(logits_after(ids, past).argmax())  # the likeliest
    if token in config["ends"]:
        break
    past = len(ids)
    ids.append(token)
    answer.append(token)
print(tokenizer.decode(answer))
'''

_README = """# {name}

A small language model as a graph for ONNX Runtime, written by picochat. `config.json` tells the shape of its caches, and the
token ids that stand around a prompt (`before`, `after`) and end an answer (`ends`).

    pip install onnxruntime tokenizers numpy

This program answers a prompt, always taking the likeliest token:

```python
{program}```

| input | shape | what |
|---|---|---|
| `ids` | (B, T) | tokens |
| `last` | (B) | the place of each row's last token, counted from 0 |
| `total` | () | tokens of the longest row, those in the caches and new ones |
| `wanted` | (W) | which of the T tokens get logits |
| `places` | (B, T) | each token's place; only some networks ask for it |
| `past_key.I`, `past_value.I` | (B, K, S, D) | caches of layer I |

Outputs are `logits` (B, W, vocabulary), and `present_key.I` and `present_value.I`: the caches for the next pass, which may
share the memory of those that came in.
"""
