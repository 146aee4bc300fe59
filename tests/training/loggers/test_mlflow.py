from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from picochat.training.loggers.logger import keep_id
from tests.training.loggers.logged import curve, train_logged
from tests.training.test_trainer import metrics

pytest.importorskip("mlflow", reason="mlflow is not installed")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def client(run: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{run / 'mlflow' / 'mlflow.db'}")


def test_it_holds_what_the_metrics_do_and_a_resumed_run_goes_on(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    notes = train_logged(chat_file, out, ["mlflow"])
    store = client(out)
    experiment = store.get_experiment_by_name("picochat").experiment_id
    [run] = store.search_runs([experiment])
    assert (run.info.run_name, run.info.status) == ("my run", "FINISHED")
    assert (run.data.params["layers"], run.data.params["facts.kind"]) == ("1", "chat")
    assert run.data.metrics["best_val_loss"] == min(loss for _, loss in curve(out, "val_loss"))
    assert f"MLflow shows the run with: mlflow ui --backend-store-uri 'sqlite:///{out}/mlflow/mlflow.db'" in notes
    samples = [store.list_artifacts(run.info.run_id, "samples")[0].path, "samples/step-000006.txt"]
    assert samples == ["samples/step-000003.txt", "samples/step-000006.txt"]
    text = out / "mlflow" / "artifacts" / run.info.run_id / "artifacts" / "samples" / "step-000006.txt"
    assert text.read_text() == metrics(out)[-1]["sample"]

    train_logged(chat_file, out, ["mlflow"], more=2)
    [again] = store.search_runs([experiment])
    assert (again.info.run_id, again.info.status) == (run.info.run_id, "FINISHED")
    for name in ("loss", "lr", "tokens", "val_loss", "val_bpb"):
        history = [(metric.step, metric.value) for metric in store.get_metric_history(run.info.run_id, name)]
        assert sorted(history) == curve(out, name)


def test_a_store_that_does_not_know_the_run_gets_a_new_one(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train_logged(chat_file, out)
    keep_id(out, "mlflow", 32 * "0")
    train_logged(chat_file, out, ["mlflow"], more=2)
    store = client(out)
    [run] = store.search_runs([store.get_experiment_by_name("picochat").experiment_id])
    assert [metric.step for metric in store.get_metric_history(run.info.run_id, "loss")] == [7, 8]


def test_a_server_that_is_not_there_does_not_end_the_run(
    chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    notes = train_logged(chat_file, tmp_path / "run", ["mlflow"])
    assert len([note for note in notes if note.startswith("MLflow failed")]) == 1
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 6
