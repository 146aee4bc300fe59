"""What the evaluations of a run found, and what the model wrote then."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from picochat.figures import describe_evaluation
from picochat.metrics import Evaluation
from picochat.text.safe import printable

MOST = 200
"""Older entries go: a long run must not slow the screen."""
LONGEST_SAMPLE = 4000


class EvaluationView(Static):
    """One evaluation, and the sample below it, if there is one."""

    def __init__(self, evaluation: Evaluation) -> None:
        parts: list[Content | tuple[str, str]] = [(describe_evaluation(evaluation), "bold")]
        if evaluation.sample is not None:
            said = printable(evaluation.sample[:LONGEST_SAMPLE].strip())
            parts.append(Content(f"\n{said}") if said else ("\n(it said nothing)", "dim"))
        super().__init__(Content.assemble(*parts), markup=False)
        self.evaluation = evaluation


class EvaluationLog(VerticalScroll, can_focus=True):
    """Evaluations, oldest first; it follows the end until the reader scrolls up."""

    def on_mount(self) -> None:
        """Stay at the end."""
        self.border_title = "evaluations"
        self.anchor()

    def show(self, evaluations: Sequence[Evaluation]) -> None:
        """Show the last of these: new ones come at the end, and what a restart made void goes."""
        wanted = evaluations[-MOST:]
        kept = set(wanted)
        shown = {entry.evaluation for entry in self.entries}
        self.remove_children([entry for entry in self.entries if entry.evaluation not in kept])
        self.mount_all(EvaluationView(evaluation) for evaluation in wanted if evaluation not in shown)

    @property
    def entries(self) -> list[EvaluationView]:
        """What is shown."""
        return [child for child in self.children if isinstance(child, EvaluationView)]
