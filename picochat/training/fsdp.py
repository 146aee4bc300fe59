"""A network whose weights, gradients and optimizer state are shared out among the processes: FSDP2.

https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html. Each process keeps its rows of every weight. A
block's matrices come together when it computes, and go again. The rest, which is the embedding and the head that the loss
reads too, and norms, stays from the forward pass to the end of the backward pass.

Loaded only where it is asked for: to import it takes torch a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, Shard

from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT, Block
from picochat.training.shards import Pieces, mapped


def sharded_gpt(shape: ModelConfig, device: torch.device, precision: str) -> GPT:
    """A fresh network that is never whole in one process; its weights are those that `GPT(shape)` would draw.

    With bf16, matrices travel as such. Norms, the residual stream and the sums of gradients are in fp32.
    """
    _draw_defaults(shape)
    with torch.device("meta"):
        model = GPT(shape)
    mesh = _mesh(device)
    dtype = torch.bfloat16 if precision == "bf16" else None
    # what comes in is cast by autocast, as without fsdp
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for block in model.blocks:
        matrices: list[nn.Module] = [module for module in block.modules() if isinstance(module, nn.Linear)]
        fully_shard(matrices, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, reshard_after_forward=False)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # the loss is divided by the targets of all processes: gradients are summed, not averaged
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    register_fsdp_forward_method(model, "hidden")
    model.to_empty(device=device)
    model._tie()
    model._make_tables()
    for table in model.buffers():
        table.data = table.to(device)
    GPT.init_weights(cast(GPT, _OneByOne(model)))
    return model


def gathered(tensors: dict[str, Tensor], *, keep: bool) -> dict[str, Tensor]:
    """The whole tensors, on the CPU; all processes must ask, and those that don't `keep` get nothing."""
    whole = {}
    for name, tensor in tensors.items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if keep:
            whole[name] = full.detach().cpu()
    return whole


def own_rows(tree: Any, device: torch.device) -> Any:
    """Dicts and lists of tensors or `Pieces`, each cut to the rows of this process; numbers, texts and scalars stay."""
    mesh = _mesh(device)

    def cut(leaf: Any) -> Any:
        if not isinstance(leaf, (Tensor, Pieces)) or not leaf.shape:
            return leaf
        size = torch.Size(leaf.shape)
        strides = torch.empty(size, device="meta").stride()
        local = leaf[_own(size[0], mesh)].to(device)
        return DTensor.from_local(local, mesh, [Shard(0)], run_check=False, shape=size, stride=strides)

    return mapped(cut, tree)


def local_rows(tree: Any) -> Any:
    """The other way: this process's rows as tensors on the CPU."""
    return mapped(lambda leaf: leaf.to_local().cpu() if isinstance(leaf, DTensor) else leaf, tree)


class _OneByOne:
    """Stands for a sharded network while its weights are drawn: each is drawn whole, cut, and forgotten."""

    def __init__(self, model: GPT) -> None:
        self.model, self.config = model, model.config

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.model.named_parameters():
            whole = torch.empty(parameter.shape)
            yield name, whole
            mine = cast(DTensor, parameter)
            mine.to_local().copy_(whole[_own(len(whole), mine.device_mesh)])


def _draw_defaults(shape: ModelConfig) -> None:
    """Draw what torch's own layers draw when made, so that the weights after it are the same as in one process."""
    for _ in range(shape.layers):
        Block(shape)
    nn.Linear(shape.dim, shape.vocab_size, bias=False)


def _mesh(device: torch.device) -> DeviceMesh:
    return init_device_mesh(device.type, (torch.distributed.get_world_size(),))


def _own(rows: int, mesh: DeviceMesh) -> slice:
    """Which of so many rows are this process's, as DTensor cuts them."""
    share = -(-rows // mesh.size())
    first = min(rows, share * mesh.get_local_rank())
    return slice(first, min(rows, first + share))
