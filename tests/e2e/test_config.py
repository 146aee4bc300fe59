"""`picochat config`, and `picochat train` with files, presets and --resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from picochat.training.config import TrainConfig
from picochat.training.preset import preset_names
from tests.e2e import inside
from tests.e2e.test_generate import picochat
from tests.e2e.test_train import SMALL

Capture = pytest.CaptureFixture[str]

TINY = "preset: nano\nlayers: 1\nheads: 2\nembedding: 32\ncontext: 32\nvocab_size: 300\nbatch_size: 4\ndevice: cpu\n"


def shown(capfd: Capture, *arguments: object) -> dict[str, Any]:
    code, out, err = inside(capfd, "config", "show", "--json", *arguments)
    assert (code, err) == (0, "")
    return dict(json.loads(out))


def refused(capfd: Capture, *arguments: object) -> str:
    """What is said of a wrong command, in one line."""
    code, out, err = inside(capfd, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("picochat: ")
    assert err.count("\n") == 1
    return err


def steps_of(run: Path) -> int:
    return len((run / "metrics.jsonl").read_text().splitlines())


# -- config ---------------------------------------------------------------------------------------------------------------


def test_presets_are_listed(capfd: Capture) -> None:
    code, out, err = inside(capfd, "config", "presets")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(preset_names())
    assert any(line.split()[1] == "124.4M" and "GPT-2" in line for line in lines)


def test_show_prints_every_setting_with_its_description(capfd: Capture) -> None:
    code, out, err = inside(capfd, "config", "show", "--preset", "shakespeare", "--time", "2h", "--data", "a b.txt")
    assert (code, err) == (0, "")
    values = yaml.safe_load(out)
    assert list(values) == list(TrainConfig.model_fields)
    assert values | {"data": "a b.txt", "tokenizer": "char", "time": 7200.0, "steps": None, "layers": 2} == values
    for field in TrainConfig.model_fields.values():
        assert f"# {field.description}" in out


def test_what_show_prints_is_a_file_for_config(capfd: Capture, tmp_path: Path) -> None:
    wishes = [
        "--preset",
        "shakespeare",
        "--log",
        "wandb",
        "--compile",
        "on",
        "--no-checkpointing",
        "--untied",
        "--lr",
        "1e-5",
    ]
    wishes += ["--sample-prompt", "Hi:\n# ünd 'so' \x1b", "--seed", 2**62]
    first = shown(capfd, *wishes)
    assert first["data"] is None
    _, out, _ = inside(capfd, "config", "show", *wishes)
    path = tmp_path / "a.yaml"
    path.write_text(out, encoding="utf-8")
    assert shown(capfd, "--config", path) == first
    assert inside(capfd, "config", "check", path)[0] == 0


def test_options_count_before_the_file_and_the_file_before_the_preset(capfd: Capture, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("preset: shakespeare\nlr: 0.01\nbatch_size: 3\n")
    values = shown(capfd, "--config", path, "--batch-size", 5)
    assert [values[name] for name in ("preset", "lr", "batch_size", "layers")] == ["shakespeare", 0.01, 5, 2]
    values = shown(capfd, "--config", path, "--preset", "nano")
    assert [values[name] for name in ("preset", "lr", "batch_size", "layers")] == ["nano", 0.01, 3, None]


def test_check_says_what_network_a_file_makes(capfd: Capture, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(TINY)
    code, out, err = inside(capfd, "config", "check", path)
    assert (code, err) == (0, "")
    assert out == (
        f"{path} is fine: qwen3 network of 1 layers, 2 heads, width 32, context 32; "
        "0.0M parameters with a vocabulary of 300.\n"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("layer: 3\n", "line 1: There is no setting 'layer'; did you mean 'layers'?"),
        ("heads: 3\n", "heads (3) must divide the embedding width (256)"),
        ("lr: [\n", "line 2: this is no YAML"),
        ("- lr\n", "must hold lines like"),
    ],
)
def test_check_and_show_and_train_tell_what_is_wrong(capfd: Capture, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert says in refused(capfd, "config", "check", path)
    if "heads" not in text:
        assert says in refused(capfd, "config", "show", "--config", path)
        assert says in refused(capfd, "train", "--data", "x.txt", "--config", path)


def test_config_alone_is_help(capfd: Capture) -> None:
    code, out, _ = inside(capfd, "config")
    assert code == 0
    for name in ("presets", "show", "check"):
        assert f"\n  {name} " in out


# -- train ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["train"], ["config", "show"]])
def test_help_shows_every_setting_in_its_section(capfd: Capture, command: list[str]) -> None:
    code, out, _ = inside(capfd, *command, "--help")
    assert code == 0
    words = out.replace(",", " ").split()
    for name in TrainConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in words, name
    for name in ("--config", "--dataset", "--untied", "-d"):
        assert name in words
    titles = [line for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles[:7] == ["Data:", "Network:", "Length and batch:", "Optimizer:", "Evaluation:", "Machine:", "Run:"]


def test_a_run_from_a_file_and_a_run_from_that_runs_own_file(capfd: Capture, chat_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"{TINY}data: {chat_file}\nsteps: 50\ntime: 2h\nout: {tmp_path / 'one'}\n")
    code, _, err = inside(capfd, "train", "--config", path, "--steps", 3)
    assert code == 0, err
    assert steps_of(tmp_path / "one") == 3
    again = tmp_path / "one" / "config.yaml"
    assert "--force" in refused(capfd, "train", "--config", again)
    assert inside(capfd, "train", "--config", again, "--out", tmp_path / "two")[0] == 0
    settings = [yaml.safe_load((tmp_path / name / "config.yaml").read_text()) for name in ("one", "two")]
    assert settings[0] == {**settings[1], "out": str(tmp_path / "one")}
    losses = [
        [json.loads(line)["loss"] for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert losses[0] == losses[1]


def test_paths_in_a_file_are_meant_from_the_working_directory(
    capfd: Capture, chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "conv.txt").write_bytes(chat_file.read_bytes())
    (tmp_path / "settings" / "a.yaml").write_text(f"{TINY}data: conv.txt\nout: runs/here\nsteps: 1\n")
    monkeypatch.chdir(tmp_path)
    assert inside(capfd, "train", "--config", "settings/a.yaml")[0] == 0
    assert steps_of(tmp_path / "runs" / "here") == 1


def test_the_first_limit_reached_ends_the_run(capfd: Capture, chat_file: Path, tmp_path: Path) -> None:
    limits = ["--steps", 2, "--epochs", 100, "--time", "1h"]
    assert inside(capfd, "train", "--data", chat_file, "--out", tmp_path / "run", *SMALL, *limits)[0] == 0
    assert steps_of(tmp_path / "run") == 2


def test_resume_finds_its_run_by_every_name(
    capfd: Capture, chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("runs/mine")
    assert inside(capfd, "train", "--data", chat_file, "--out", run, *SMALL, "--steps", 2)[0] == 0
    ways: list[list[object]] = [
        ["--resume"],
        ["--resume", "auto"],
        ["--resume", "--out", run],
        ["--resume", "auto", "--out", run],
        ["--resume", run],
        [f"--resume={run}"],
        ["--resume", run / "best.pt"],
        ["--resume", next(run.glob("steps/*.pt"))],
    ]
    for count, way in enumerate(ways, 1):
        code, _, err = inside(capfd, "train", "--steps", 1, *way, *(["--no-checkpointing"] * (count % 2)))
        assert code == 0, err
        assert steps_of(run) == 2 + count
    code, _, err = inside(capfd, "train", "--steps", "1", "--resume")
    assert code == 0, err
    assert (steps_of(run), list(tmp_path.glob("runs/*"))) == (3 + len(ways), [tmp_path / run])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--resume", "--config", "a.yaml"], "--config can't go with it"),
        (["--resume", "--preset", "nano"], "--preset can't go with it"),
        (["--resume", "runs/a", "--out", "runs/b"], "--resume runs/a names the run already"),
        (["--resume", "runs/none"], "holds no states"),
        (["--resume", "--steps", "many"], "no run to resume"),
        (["--config", "none.yaml"], "no settings file none.yaml"),
        (["--data", "x", "--steps", "many"], "steps must be a valid integer, not 'many'"),
        (["--data", "x", "--preset", "giant"], "preset must be one of default, nano, micro"),
        (["--data", "x", "--size", "giant"], "size must be one of nano, micro"),
        (["--data", "x", "--log", "paper"], "log must be 'tensorboard', 'wandb' or 'mlflow'"),
    ],
)
def test_what_does_not_go_together_is_told(
    capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refused(capfd, "train", *arguments)
    assert not list(tmp_path.glob("runs"))


def test_the_settings_of_a_resumed_run_can_be_changed_but_the_rest_is_its_own(
    capfd: Capture, chat_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert inside(capfd, "train", "--data", chat_file, "--out", run, *SMALL, "--steps", 1, "--lr", 0.01)[0] == 0
    assert inside(capfd, "train", "--resume", run, "--steps", 1, "--clip", 0.5)[0] == 0
    settings = yaml.safe_load((run / "config.yaml").read_text())
    assert [settings[name] for name in ("lr", "clip", "steps", "layers", "batch_size")] == [0.01, 0.5, 2, 1, 4]


def test_a_process_of_its_own_trains_from_a_preset(chat_file: Path, tmp_path: Path) -> None:
    words = ["--data", chat_file, "--out", tmp_path / "run", "--preset", "shakespeare", "--steps", 1, "--batch-size", 2]
    done = picochat("train", *words, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert b"char tokenizer" in done.stderr
