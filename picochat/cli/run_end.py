"""What is said at the end of a training."""

from __future__ import annotations

import shlex
from pathlib import Path

from picochat.cli.terminal import note
from picochat.text.safe import printable


def tell_end(best: Path, val_loss: float | None, val_bpb: float | None, *, stopped_at: int | None = None) -> None:
    """How good the best model is and how to go on, on stderr; on stdout the command to talk to it.

    Args:
        best: the model file, in its run's folder.
        stopped_at: the step at which the run was stopped early.
    """
    scores = [f"validation loss {val_loss:.3f}"] if val_loss is not None else []
    scores += [f"{val_bpb:.3f} bits per byte"] if val_bpb is not None else []
    note(f"Best model: {best} ({', '.join(scores)})" if scores else f"Best model: {best}")
    if stopped_at is not None:
        note(f"Stopped at step {stopped_at}; go on with: picochat train --resume --out {shlex.quote(str(best.parent))}")
    print(printable(f"picochat chat -m {shlex.quote(str(best))}"))
