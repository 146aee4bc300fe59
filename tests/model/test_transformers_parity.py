"""The same weights in transformers' classes must give the same logits."""

from __future__ import annotations

import pytest
import torch

from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-4
VOCAB, CONTEXT = 97, 40


def randomised(model: GPT) -> GPT:
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def assert_same_logits(ours: GPT, theirs: torch.nn.Module) -> None:
    ids = torch.randint(0, VOCAB, (2, CONTEXT), generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        difference = (ours(ids) - theirs.eval()(ids).logits).abs().max().item()
    assert difference < TOLERANCE


@pytest.mark.parametrize("tied", [True, False])
def test_gpt2(tied: bool) -> None:
    config = ModelConfig.create(
        preset="nano", architecture="gpt2", vocab_size=VOCAB, context=CONTEXT, layers=3, heads=4, dim=48, tied=tied
    )
    ours = randomised(GPT(config))
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCAB, n_positions=CONTEXT, n_embd=48, n_layer=3, n_head=4, tie_word_embeddings=tied,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip
    state = {"transformer.wte.weight": ours.embedding.weight, "transformer.wpe.weight": ours.positions.weight}
    state["lm_head.weight"] = ours.head.weight
    state["transformer.ln_f.weight"], state["transformer.ln_f.bias"] = ours.norm.weight, ours.norm.bias
    for index, block in enumerate(ours.blocks):
        prefix = f"transformer.h.{index}"
        for name, module in (("ln_1", block.norm1), ("ln_2", block.norm2)):
            state[f"{prefix}.{name}.weight"], state[f"{prefix}.{name}.bias"] = module.weight, module.bias
        # GPT-2's own class keeps its matrices transposed
        for name, linear in (
            ("attn.c_attn", block.attention.qkv),
            ("attn.c_proj", block.attention.out),
            ("mlp.c_fc", block.feed_forward.up),
            ("mlp.c_proj", block.feed_forward.down),
        ):
            state[f"{prefix}.{name}.weight"], state[f"{prefix}.{name}.bias"] = linear.weight.T, linear.bias
    assert not theirs.load_state_dict({k: v.detach() for k, v in state.items()}, strict=False).unexpected_keys
    assert_same_logits(ours, theirs)


def llama_state(ours: GPT) -> dict[str, torch.Tensor]:
    config = ours.config
    state = {"model.embed_tokens.weight": ours.embedding.weight, "model.norm.weight": ours.norm.weight}
    state["lm_head.weight"] = ours.head.weight
    q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
    for index, block in enumerate(ours.blocks):
        prefix = f"model.layers.{index}"
        state[f"{prefix}.input_layernorm.weight"] = block.norm1.weight
        state[f"{prefix}.post_attention_layernorm.weight"] = block.norm2.weight
        for name, part in zip("qkv", block.attention.qkv.weight.split((q, kv, kv)), strict=True):
            state[f"{prefix}.self_attn.{name}_proj.weight"] = part
        state[f"{prefix}.self_attn.o_proj.weight"] = block.attention.out.weight
        gate, up = block.feed_forward.up.weight.chunk(2)
        state[f"{prefix}.mlp.gate_proj.weight"], state[f"{prefix}.mlp.up_proj.weight"] = gate, up
        state[f"{prefix}.mlp.down_proj.weight"] = block.feed_forward.down.weight
        if config.qk_norm:
            state[f"{prefix}.self_attn.q_norm.weight"] = block.attention.q_norm.weight
            state[f"{prefix}.self_attn.k_norm.weight"] = block.attention.k_norm.weight
    return {name: tensor.detach() for name, tensor in state.items()}


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_llama_and_qwen3(architecture: str, tied: bool, kv_heads: int) -> None:
    config = ModelConfig.create(
        preset="nano", architecture=architecture, vocab_size=VOCAB, context=CONTEXT, layers=3, heads=4, dim=48,
        kv_heads=kv_heads, tied=tied, rope_theta=5000.0,
    )  # fmt: skip
    ours = randomised(GPT(config))
    kind, settings = {
        "llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig),
        "qwen3": (transformers.Qwen3ForCausalLM, transformers.Qwen3Config),
    }[architecture]
    theirs = kind(
        settings(
            vocab_size=VOCAB, hidden_size=48, intermediate_size=config.ff_dim, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=kv_heads, head_dim=12, max_position_embeddings=CONTEXT,
            rms_norm_eps=config.norm_eps, tie_word_embeddings=tied,
            rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        )
    )  # fmt: skip
    missing, unexpected = theirs.load_state_dict(llama_state(ours), strict=False)
    assert not unexpected
    assert not missing
    assert_same_logits(ours, theirs)
