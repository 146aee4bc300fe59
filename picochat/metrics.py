"""A training run seen from outside: its `metrics.jsonl`, followed while another process writes it.

A leaf, standard library only: the screen and the command line show a run without loading what trains one.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import IO, Any, Literal, NamedTuple

from picochat.errors import DataError

METRICS = "metrics.jsonl"
HEAD_BYTES = 256
"""A file whose first bytes changed is another file, even where it is no shorter."""
SMOOTHING = 0.9
RECENT = 20
PATIENCE_STEPS = 10
PATIENCE_SECONDS = 30.0
"""A run that writes nothing for so many of its steps, and so long, is taken to be over."""
LARGEST = 1e30
"""What is beyond it has diverged, and would only overflow in sums."""

Record = dict[str, Any]


class RunLog:
    """Tails the metrics of the run in `folder`; neither the folder nor the file needs to exist yet.

    Attributes:
        restarted: the last `poll` found another file, or none where one was; what came before it is void.
        behind: there is more to read than the last `poll` was allowed to.
        broken: lines that were no records, so far.
        modified: when the file was last written, in seconds of the epoch; `None` where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / METRICS
        self.restarted = False
        self.modified: float | None = None
        self._rest = b""
        self._checksum = 0
        self._inode = 0
        self._begin()

    def poll(self, most: int = -1) -> list[Record]:
        """The records that were completed since the last call, from at most so many bytes.

        Raises:
            DataError: the file is there but can't be read.
        """
        self.restarted = self.behind = False
        try:
            with self.path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_size < self._offset or not self._goes_on(stream, status.st_ino):
                    self._begin()
                    self.restarted = True
                self._inode = status.st_ino
                stream.seek(self._offset)
                new = stream.read(most)
        except (FileNotFoundError, NotADirectoryError):
            self.restarted = self._offset > 0
            self._begin()
            self.modified = None
            return []
        except OSError as error:
            raise DataError(f"{self.path} can't be read ({type(error).__name__}); check what it is and who may.") from None
        self.modified = status.st_mtime
        self._offset += len(new)
        self.behind = self._offset < status.st_size
        self._head += new[: HEAD_BYTES - len(self._head)]
        self._checksum = zlib.crc32(new, self._checksum)
        *lines, self._rest = (self._rest + new).split(b"\n")
        return [record for line in lines if (record := self._parse(line)) is not None]

    def _begin(self) -> None:
        self._offset, self._head, self._rest = 0, b"", b""
        self._checksum = 0
        self._inode = 0
        self.broken, self.behind = 0, False

    def _goes_on(self, stream: IO[bytes], inode: int) -> bool:
        """Whether the file begins with what was read of it so far."""
        if stream.read(len(self._head)) != self._head:
            return False
        # a resumed run puts a file in its place that lacks the last lines, and may have grown past them already
        return (
            inode == self._inode
            or zlib.crc32(stream.read(self._offset - len(self._head)), zlib.crc32(self._head)) == self._checksum
        )

    def _parse(self, line: bytes) -> Record | None:
        if not line.strip():
            return None
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        step = record.get("step") if isinstance(record, dict) else None
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step < 2**53:
            self.broken += 1
            return None
        return record  # type: ignore[no-any-return]


@dataclass
class Series:
    """Values by ascending step.

    A step that comes again replaces all from there on: a run that was killed resumes a little before its last line.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Append."""
        self.rewind(step)
        self.steps.append(step)
        self.values.append(value)

    def rewind(self, step: int) -> None:
        """Forget that step and all after it."""
        if self.steps and step <= self.steps[-1]:
            keep = bisect_left(self.steps, step)
            del self.steps[keep:], self.values[keep:]

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None


Status = Literal["waiting", "training", "finished", "stopped", "silent"]


@dataclass(frozen=True)
class RunState:
    """Where a run stands.

    Attributes:
        status: "silent" is finished or stopped: without a known end the file does not tell which.
        loss: smoothed, unless the newest one is no number.
        tokens_per_second: the median of the last twenty steps.
        silence: seconds since the last line.
    """

    status: Status = "waiting"
    step: int | None = None
    steps: int | None = None
    progress: float | None = None
    loss: float | None = None
    val_loss: float | None = None
    val_bpb: float | None = None
    best_step: int | None = None
    best_val_loss: float | None = None
    best_val_bpb: float | None = None
    lr: float | None = None
    tokens_per_second: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    seconds_left: float | None = None
    silence: float | None = None

    @property
    def alive(self) -> bool:
        """Whether more is to be expected."""
        return self.status in ("waiting", "training")


class Evaluation(NamedTuple):
    """What one evaluation found; `sample` is a text that the model wrote then, empty where it had nothing to say."""

    step: int
    val_loss: float
    val_bpb: float | None
    sample: str | None


class RunHistory:
    """What the records of a run add up to."""

    def __init__(self) -> None:
        self.losses = Series()
        self.rates = Series()
        self.evaluations: list[Evaluation] = []
        self._smooth = Series()
        self._recent: deque[Record] = deque(maxlen=RECENT + 1)
        self._bounds: dict[str, float] = {}

    def add(self, records: Iterable[Record]) -> list[Evaluation]:
        """Take new records; returns the evaluations among them."""
        return [evaluation for record in records if (evaluation := self._take(record)) is not None]

    def state(self, modified: float | None, now: float, running: bool | None = None) -> RunState:
        """The run at the time `now`.

        Args:
            modified: when its file was last written.
            running: whether its process is there; `None` where nobody knows, and silence has to tell.
        """
        if not self._recent:
            return RunState()
        last = self._recent[-1]
        step, seconds = int(last["step"]), number(last, "seconds")
        steps = self._bounds.get("steps")
        # the trainer's own word counts before a division: a run may end by time, too
        progress = self._bounds.get("progress", step / steps if steps else None)
        progress = None if progress is None else min(1.0, progress)
        silence = max(0.0, now - modified) if modified is not None else None
        status = self._status(progress, silence, running)
        left = seconds * (1 - progress) / progress if seconds and progress and status == "training" else None
        best = min((e for e in self.evaluations if e.val_loss < math.inf), key=lambda e: e.val_loss, default=None)
        newest = self.evaluations[-1] if self.evaluations else None
        loss = self.losses.last
        tokens = number(last, "tokens")
        speeds = [speed for record in list(self._recent)[-RECENT:] if (speed := number(record, "tokens_per_second"))]
        return RunState(
            status=status,
            step=step,
            steps=int(steps) if steps else None,
            progress=progress,
            loss=self._smooth.last if loss is not None and math.isfinite(loss) else loss,
            val_loss=newest.val_loss if newest else None,
            val_bpb=newest.val_bpb if newest else None,
            best_step=best.step if best else None,
            best_val_loss=best.val_loss if best else None,
            best_val_bpb=best.val_bpb if best else None,
            lr=self.rates.last,
            tokens_per_second=median(speeds) if speeds else None,
            tokens=int(tokens) if tokens is not None and math.isfinite(tokens) else None,
            seconds=seconds,
            seconds_left=left,
            silence=silence,
        )

    def _status(self, progress: float | None, silence: float | None, running: bool | None) -> Status:
        if running:
            return "training"
        if progress is not None and progress >= 1:
            return "finished"
        if running is False:
            return "stopped"
        times = [seconds for record in self._recent if (seconds := number(record, "seconds")) is not None]
        gaps = [after - before for before, after in pairwise(times) if after > before]
        patience = max(PATIENCE_SECONDS, PATIENCE_STEPS * median(gaps) if gaps else 0.0)
        if silence is not None and silence <= patience:
            return "training"
        return "silent" if progress is None else "stopped"

    def _take(self, record: Record) -> Evaluation | None:
        step: int = record["step"]
        self._recent.append(record)
        for name in ("steps", "progress"):
            bound = number(record, name)
            if bound is not None and 0 <= bound < LARGEST:
                self._bounds[name] = bound
        if (rate := number(record, "lr")) is not None:
            self.rates.add(step, rate)
        if (loss := number(record, "loss")) is not None:
            self.losses.add(step, loss)
            if math.isfinite(loss):
                self._smooth.rewind(step)
                before = self._smooth.last
                self._smooth.add(step, loss if before is None else SMOOTHING * before + (1 - SMOOTHING) * loss)
        val_loss, sample = number(record, "val_loss"), record.get("sample")
        while self.evaluations and self.evaluations[-1].step >= step:
            self.evaluations.pop()
        if val_loss is None:
            return None
        text = sample if isinstance(sample, str) else None
        self.evaluations.append(Evaluation(step, val_loss, number(record, "val_bpb"), text))
        return self.evaluations[-1]


def number(record: Record, name: str) -> float | None:
    """A field as a number; `None` where it is missing or none, infinity where it is beyond use."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value != value or abs(value) <= LARGEST:
        return float(value)
    return math.inf if value > 0 else -math.inf


def downsample(
    xs: Sequence[float], ys: Sequence[float], width: int, span: tuple[float, float] | None = None
) -> list[float | None]:
    """The means of a curve in `width` equal stretches of `span`, by default all of `xs`, which must ascend.

    A stretch without a finite value is `None`.
    """
    if not xs or width < 1:
        return [None] * max(0, width)
    first, last = span or (xs[0], xs[-1])
    # bounds by bisection and sums by slices: a long curve costs milliseconds, twice a second
    bounds = [bisect_left(xs, first + (last - first) * index / width) for index in range(width)]
    bounds.append(bisect_left(xs, math.nextafter(last, math.inf)))
    if first == last:
        return [_mean(ys[bounds[0] : bounds[-1]]), *[None] * (width - 1)]
    return [_mean(ys[begin:end]) for begin, end in pairwise(bounds)]


def _mean(values: Sequence[float]) -> float | None:
    # least and greatest may pass over a NaN; the mean does not
    if values and not all(abs(extreme) <= LARGEST for extreme in (min(values), max(values), sum(values) / len(values))):
        values = [value for value in values if abs(value) <= LARGEST]
    return sum(values) / len(values) if values else None
