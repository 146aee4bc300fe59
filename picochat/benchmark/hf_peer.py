"""transformers: `generate` with its cache, on an exported folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from picochat.benchmark.programs import SEED, TOP_K, Setup


def exported(setup: Setup) -> Path:
    """The model as a Hugging Face folder, written when it is first asked for."""
    folder = setup.folder / "hf"
    if not folder.exists():
        from picochat.interop.hf import write_hf
        from picochat.interop.source import read_any

        write_hf(read_any(setup.model), folder, check=False)
    return folder


def prepare(setup: Setup) -> None:
    """Write the folder."""
    exported(setup)


def open_writer(setup: Setup) -> HfWriter:
    """Load the model."""
    return HfWriter(exported(setup), setup)


class HfWriter:
    """See `Writer`."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        import torch
        import transformers

        torch.set_num_threads(setup.threads)
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[setup.precision]
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self.model = model.to(setup.device).eval()
        self.runtime = "PyTorch"

    def write(self, prompt: Sequence[int], tokens: int, temperature: float, tell: Callable[[int], None]) -> None:
        """See `Writer.write`."""
        import torch

        torch.manual_seed(SEED)
        ids = torch.tensor([list(prompt)], device=self.model.device)
        drawing = {"do_sample": True, "temperature": temperature, "top_k": TOP_K} if temperature else {"do_sample": False}
        with torch.inference_mode():
            self.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0,
                streamer=_Streamer(tell), **drawing,
            )  # fmt: skip


class _Streamer:
    """Passes tokens on as they come; the prompt comes first."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._prompt = True

    def put(self, ids: Any) -> None:
        """Take the prompt, then one token after the other."""
        if not self._prompt:
            self._tell(int(ids[0]))
        self._prompt = False

    def end(self) -> None:
        """Nothing is left."""
