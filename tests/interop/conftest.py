"""Small models as transformers writes them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text

BOS, EOS = "<s>", "</s>"
ZEPHYR = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def bpe_tokenizer(*special: str) -> Any:
    """A byte-level tokenizer of transformers, with these special tokens and nothing of ChatML."""
    from tokenizers import AddedToken
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerFast

    raw = json.loads(Tokenizer.train([chat_text()], "bpe", 400).to_json())
    vocab = raw["model"]["vocab"]
    raw["added_tokens"] = []
    raw["model"]["vocab"] = {piece: index - 3 for piece, index in vocab.items() if index >= 3}
    backend = Backend.from_str(json.dumps(raw))
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=special[0], eos_token=special[-1], clean_up_tokenization_spaces=False
    )


def transformers_model(kind: str, vocab_size: int, **settings: Any) -> Any:
    """A model of 2 layers with random weights that matter."""
    import transformers

    torch.manual_seed(7)
    if kind == "gpt2":
        shape = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=vocab_size, **{**shape, **settings}))
    else:
        shape = {
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
        }  # fmt: skip
        name = {"llama": "Llama", "qwen3": "Qwen3"}[kind]
        config = getattr(transformers, f"{name}Config")(vocab_size=vocab_size, **{**shape, **settings})
        model = getattr(transformers, f"{name}ForCausalLM")(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture
def make_hf(tmp_path: Path) -> Callable[..., tuple[Path, Any, Any]]:
    """A function that writes a small model and its tokenizer: the folder, and both as transformers has them."""

    def make(
        kind: str, *, template: str | None = None, special: tuple[str, ...] = (BOS, EOS), dtype: Any = None, **more: Any
    ) -> tuple[Path, Any, Any]:
        saving = {"max_shard_size": more.pop("max_shard_size", "5GB")}
        tokenizer = bpe_tokenizer(*special)
        tokenizer.chat_template = template
        ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        model = transformers_model(kind, len(tokenizer) + 5, **ids, **more)
        folder = tmp_path / f"{kind}-model"
        if dtype:
            # the weights alone: a model of 16 bits would round its tables of positions too
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.copy_(parameter.to(dtype))
        (copy.deepcopy(model).to(dtype) if dtype else model).save_pretrained(folder, **saving)
        tokenizer.save_pretrained(folder)
        return folder, model, tokenizer

    return make
