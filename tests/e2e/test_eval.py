from __future__ import annotations

import json
import lzma
import math
import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.conftest import chat_text
from tests.e2e import inside

SHEET = """
entries:
  - prompt: Hi, I'm Ada.
    tags: [names]
    checks: {contains: Ada}
  - name: impossible
    tags: [names, hard]
    turns: ["Hi, I'm Ben.", I like soup.]
    checks: {contains: [no such word]}
"""


def evaluated(capfd: pytest.CaptureFixture[str], model: Path, *arguments: object) -> dict[str, object]:
    code, out, err = inside(capfd, "eval", "-m", model, "-d", "cpu", "--json", *arguments)
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    return json.loads(out)  # type: ignore[no-any-return]


def test_bits_per_byte_of_conversations(chat_model: Path, chat_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = evaluated(capfd, chat_model, "--data", chat_file)
    lines = [line.split(": ", 1)[1] for line in chat_text().splitlines() if line]
    assert found["documents"] == 40
    assert found["bytes"] == sum(map(len, lines))
    assert found["tokens"] < found["bytes"]  # type: ignore[operator]
    # it has learnt the answers; the names and foods before them can't be foreseen
    assert 0 < found["assistant_bits_per_byte"] < found["bits_per_byte"] < 2  # type: ignore[operator]
    nats = found["bits_per_byte"] * found["bytes"] * math.log(2)  # type: ignore[operator]
    assert found["perplexity"] == pytest.approx(math.exp(nats / found["tokens"]))  # type: ignore[operator]
    assert list(found["per_source"]) == [str(chat_file)]  # type: ignore[call-overload]


def test_sources_several_files_and_a_limit(
    chat_model: Path, chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    talk = [{"role": "user", "content": "Hi, I'm Ada."}, {"role": "assistant", "content": "Hello Ada!"}]
    rows = [{"source": name, "messages": talk} for name in ("a", "b", "b", "c")]
    path = tmp_path / "talk.jsonl.xz"
    path.write_bytes(lzma.compress("\n".join(map(json.dumps, rows)).encode()))
    found = evaluated(capfd, chat_model, "--data", path, "--data", chat_file, "--limit", 3)
    sources = found["per_source"]
    assert isinstance(sources, dict)
    assert list(sources) == ["a", "b", str(chat_file)]
    assert sources["b"]["bytes"] == 2 * sources["a"]["bytes"] == 44
    assert sources["b"]["bits_per_byte"] == pytest.approx(sources["a"]["bits_per_byte"], rel=1e-4)
    assert sum(figures["tokens"] for figures in sources.values()) == found["tokens"]
    assert found["documents"] == 6


@pytest.mark.parametrize(("wishes", "precision"), [([], "fp32"), (["--precision", "int8"], "int8")])
def test_what_read_the_texts_is_named(
    wishes: list[str], precision: str, chat_model: Path, chat_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(capfd, chat_model, "--data", chat_file, "--limit", 1, *wishes)
    assert found["read_with"] == {"device": "cpu", "precision": precision}


def test_a_model_of_plain_text(
    text_model: Path, plain_file: Path, chat_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(capfd, text_model, "--data", plain_file)
    assert found["bytes"] == found["tokens"] == plain_file.stat().st_size
    assert found["bits_per_byte"] < 1  # type: ignore[operator]
    assert found["assistant_bits_per_byte"] is None
    talk = evaluated(capfd, text_model, "--data", chat_file)
    assert talk["bits_per_byte"] > 2  # type: ignore[operator]
    assert talk["assistant_bits_per_byte"] is not None


def test_all_for_people(chat_model: Path, chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.yaml"
    sheet.write_text(SHEET, encoding="utf-8")
    arguments = ("--data", chat_file, "--sheet", sheet, "--memorised", chat_file, "--failures", "-T", 0)
    code, out, err = inside(capfd, "eval", "-m", chat_model, "-d", "cpu", *arguments)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["runs", "that", "pass", "1", "of", "2", "50.0%"] in lines
    assert ["hard", "0", "of", "1", "0.0%"] in lines
    assert ["contains", "1", "of", "2", "50.0%"] in lines
    assert "-- impossible (round 0)\nUser: Hi, I'm Ben.\nAssistant: Hello Ben!" in out
    assert re.search(r"User: I like soup\.\nAssistant: Oh, \w+ is good, Ben\.   \[fails contains\]  \(seed \d+\)\n", out)
    assert re.search(r"longest: 5 words: Oh, \w+ is good, Ben\.\n", out)

    found = evaluated(capfd, chat_model, *arguments)
    assert found["sheet"]["by_tag"]["names"] == {"pass_rate": 0.5, "passed": 1, "of": 2}  # type: ignore[index]
    assert found["sampling"]["temperature"] == 0  # type: ignore[index]
    failure = found["sheet"]["failures"][0]  # type: ignore[index]
    assert [turn["failed"] for turn in failure["turns"]] == [[], ["contains"]]
    assert set(found["memorised"]) == {"generated", "held_out"}  # type: ignore[call-overload]


def test_memorised_without_a_sheet(
    text_model: Path, plain_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Nothing of the kind was ever said by anyone here. " * 20, encoding="utf-8")
    arguments = ("--memorised", plain_file, "--samples", 3, "-T", 0)
    found = evaluated(capfd, text_model, "--data", plain_file, *arguments)["memorised"]
    assert found["generated"]["texts"] == 3  # type: ignore[index]
    assert found["generated"]["copied_share"] > 0.8  # type: ignore[index]
    assert found["held_out"]["copied_share"] == 1.0  # type: ignore[index]
    found = evaluated(capfd, text_model, "--data", other, *arguments)["memorised"]
    assert found["held_out"]["copied_share"] == 0.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give --data FILE, --sheet FILE or both"),
        (["--data", "none.txt"], "no data file none.txt"),
        (["--sheet", "none.yaml"], "no sheet none.yaml"),
        (["--data", "DATA", "--limit", "0"], "--limit"),
        (["--data", "DATA", "-T", "-1"], "temperature"),
        (["--data", "DATA", "--memorised", "none.txt"], "no data file none.txt"),
        (["--data", "DATA", "-m", "none.pt"], "no model at none.pt"),
    ],
)
def test_wrong_wishes_get_one_sentence_and_code_2(
    chat_model: Path, chat_file: Path, arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    named = [str(chat_file) if argument == "DATA" else argument for argument in arguments]
    code, out, message = inside(capfd, "eval", "-m", chat_model, "-d", "cpu", *named)
    assert (code, out) == (2, "")
    assert says in message
    assert message.startswith("picochat: ")
    assert message.count("\n") == 1


def test_ctrl_c_ends_it_quietly(text_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("The quick brown fox jumps over the lazy dog.\n" * 200_000, encoding="utf-8")
    arguments = ["-m", "picochat", "eval", "-m", str(text_model), "-d", "cpu", "--data", str(path)]
    child = pexpect.spawn(sys.executable, arguments, timeout=120, dimensions=(24, 80))
    child.expect(r"bits per byte.* [1-9]\d*%")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert b"Traceback" not in child.before
