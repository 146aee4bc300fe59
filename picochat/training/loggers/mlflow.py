"""Logging to MLflow."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picochat.metrics import Record
from picochat.training.loggers.logger import Ending, keep_id, known_id, numbers

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

EXPERIMENT = "picochat"
SERVICE = "mlflow"
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
DEFAULTS = {
    # a server that does not answer holds up the training for seconds, not for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Its own variables, where they are not set."""
MOST_METRICS = 1000
"""MLflow takes no more at once."""
SEND_SECONDS = 10.0
LONGEST_PARAMETER = 500


class MlflowLogger:
    """Logs to the server in MLFLOW_TRACKING_URI, by default to `mlflow/mlflow.db` in the run folder."""

    name = "MLflow"

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        """Begin a run, or go on with the one that the folder remembers; parameters stay as they were first given."""
        for variable, value in DEFAULTS.items():
            os.environ.setdefault(variable, value)
        from mlflow import MlflowClient

        store = folder.resolve() / "mlflow"
        given = os.environ.get("MLFLOW_TRACKING_URI")
        if not given:
            store.mkdir(exist_ok=True)
        place = given or f"sqlite:///{(store / 'mlflow.db').as_posix()}"
        self._client = MlflowClient(tracking_uri=place)
        self._waiting: list[Metric] = []
        self._sent = time.monotonic()
        before = known_id(folder, SERVICE) if step else None
        if before and _has_run(self._client, before):
            self._run = before
            self._client.update_run(self._run, status="RUNNING")
        else:
            experiment = _experiment(self._client, None if given else (store / "artifacts").as_uri())
            self._run = self._client.create_run(experiment, run_name=folder.resolve().name).info.run_id
            for name, setting in {**config, **{f"facts.{name}": fact for name, fact in facts.items()}}.items():
                self._client.log_param(self._run, name, str(setting)[:LONGEST_PARAMETER])
            keep_id(folder, SERVICE, self._run)
        return f"MLflow logs to {place}" if given else f"MLflow shows the run with: mlflow ui --backend-store-uri '{place}'"

    def log(self, record: Record) -> None:
        """Take a step; it is sent with others, as a request for each would slow a small model down."""
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        self._waiting += [Metric(name, float(value), now, record["step"]) for name, value in numbers(record).items()]
        if "sample" in record:
            self._client.log_text(self._run, record["sample"], f"samples/step-{record['step']:06d}.txt")
        if "val_loss" in record or time.monotonic() - self._sent > SEND_SECONDS or len(self._waiting) > MOST_METRICS // 2:
            self._send()

    def finish(self, ending: Ending) -> None:
        """Send what is left and the best scores."""
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        self._waiting += [Metric(name, float(value), now, ending.step) for name, value in ending.scores().items()]
        self._send()
        self._client.set_terminated(self._run, STATUS[ending.status])

    def _send(self) -> None:
        for first in range(0, len(self._waiting), MOST_METRICS):
            self._client.log_batch(self._run, metrics=self._waiting[first : first + MOST_METRICS])
        self._waiting.clear()
        self._sent = time.monotonic()


def _experiment(client: MlflowClient, artifacts: str | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    return str(found.experiment_id if found else client.create_experiment(EXPERIMENT, artifact_location=artifacts))


def _has_run(client: MlflowClient, run: str) -> bool:
    """Whether that server knows the run: it may be another server, or the run was deleted there."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
