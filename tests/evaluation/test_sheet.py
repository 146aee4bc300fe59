from __future__ import annotations

from pathlib import Path

import pytest

from picochat.errors import DataError, PicochatError
from picochat.evaluation.sheet import Sheet, read_sheet
from picochat.evaluation.sheet_run import SheetResult, run_sheet
from picochat.inference.engine import Engine
from picochat.inference.settings import SamplingSettings
from tests.fakes import ScriptedBackend, char_tokenizer

SHEET = """
checks: {ends: 40}
entries:
  - prompt: What color is the sky?
    tags: [facts, short]
    checks: {contains: [blue, gray]}
  - name: her name
    tags: [recall]
    system: Be kind.
    turns:
      - Hi, I'm Ada.
      - prompt: I like soup.
        checks: {contains: soup, whole_sentences: false}
      - What's my name?
    checks: {recalls: Ada}
"""
GOOD = ["It's blue.", "Hello, Ada!", "soup is good", "You're Ada."]
GREEDY, DRAWN = SamplingSettings(temperature=0), SamplingSettings()


def sheet_of(tmp_path: Path, text: str = SHEET) -> Sheet:
    path = tmp_path / "sheet.yaml"
    path.write_text(text, encoding="utf-8")
    return read_sheet(path)


def answered(sheet: Sheet, replies: list[str], settings: SamplingSettings = GREEDY, **options: object) -> SheetResult:
    tokenizer = char_tokenizer()
    backend = ScriptedBackend(replies, tokenizer, **{"ends": True, **options})  # type: ignore[arg-type]
    return run_sheet(Engine(backend, tokenizer), sheet, settings, seeds=3)


def test_good_answers_pass(tmp_path: Path) -> None:
    result = answered(sheet_of(tmp_path), GOOD)
    assert (result.overall.passed, result.overall.of) == (2, 2)
    assert result.failures == []
    assert result.texts == GOOD


def test_failures_are_counted_by_tag_and_by_check(tmp_path: Path) -> None:
    result = answered(sheet_of(tmp_path), ["blueish", "Hello, Ada!", "bread is good", "You're Ada."])
    assert [answer.failed for run in result.runs for answer in run.answers] == [
        ("whole_sentences", "contains"), (), ("contains",), (),
    ]  # fmt: skip
    assert result.to_dict() == {
        "pass_rate": 0.0,
        "passed": 0,
        "of": 2,
        "by_tag": {tag: {"pass_rate": 0.0, "passed": 0, "of": 1} for tag in ("facts", "recall", "short")},
        "by_check": {
            "ends": {"pass_rate": 1.0, "passed": 4, "of": 4},
            "no_loop": {"pass_rate": 1.0, "passed": 4, "of": 4},
            "not_echo": {"pass_rate": 1.0, "passed": 4, "of": 4},
            "whole_sentences": {"pass_rate": 2 / 3, "passed": 2, "of": 3},
            "contains": {"pass_rate": 0.0, "passed": 0, "of": 2},
            "recalls": {"pass_rate": 1.0, "passed": 1, "of": 1},
        },
    }


def test_what_does_not_end_is_stopped_and_fails(tmp_path: Path) -> None:
    result = answered(sheet_of(tmp_path), ["It's blue. " * 9], ends=False)
    answer = result.runs[0].answers[0]
    assert "ends" in answer.failed
    assert len(answer.text) == 40


def test_later_turns_see_the_earlier_ones_and_entries_do_not_see_each_other(tmp_path: Path) -> None:
    tokenizer = char_tokenizer()
    read: list[str] = []

    class Listening(ScriptedBackend):
        def prefill(self, ids):  # type: ignore[no-untyped-def]
            logits = super().prefill(ids)
            read.append(tokenizer.decode(self._ids))
            return logits

    run_sheet(Engine(Listening(GOOD, tokenizer), tokenizer), sheet_of(tmp_path), GREEDY)
    assert read[0] == "user\nWhat color is the sky?\nassistant\n"
    assert read[3] == (
        "system\nBe kind.\nuser\nHi, I'm Ada.\nassistant\nHello, Ada!\nuser\nI like soup.\nassistant\nsoup is good\n"
        "user\nWhat's my name?\nassistant\n"
    )


def test_every_answer_has_a_seed_of_its_own_and_the_same_one_next_time(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path)
    seeds = [[answer.seed for run in answered(sheet, GOOD * 3, DRAWN).runs for answer in run.answers] for _ in range(2)]
    assert len(set(seeds[0])) == len(seeds[0]) == 12
    assert seeds[0] == seeds[1]


def test_greedy_answers_are_asked_for_once(tmp_path: Path) -> None:
    assert len(answered(sheet_of(tmp_path), GOOD).runs) == 2
    assert len(answered(sheet_of(tmp_path), GOOD * 3, DRAWN).runs) == 6


def test_an_answer_is_compared_with_those_before_it_in_the_same_entry(tmp_path: Path) -> None:
    entry = "entries: [{turns: [A joke!, Another!], checks: {new: true}}, {prompt: A joke please!, checks: {new: true}}]"
    result = answered(sheet_of(tmp_path, entry), ["Why not?", "Why not!", "Why not?"])
    assert [answer.failed for run in result.runs for answer in run.answers] == [(), ("new",), ()]


def test_progress_counts_runs(tmp_path: Path) -> None:
    seen, tokenizer = [], char_tokenizer()
    engine = Engine(ScriptedBackend(GOOD, tokenizer), tokenizer)
    run_sheet(engine, sheet_of(tmp_path), GREEDY, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_a_model_of_plain_text_has_no_answers(tmp_path: Path) -> None:
    tokenizer = char_tokenizer()
    backend = ScriptedBackend(GOOD, tokenizer)
    backend.info.training["kind"] = "text"
    with pytest.raises(PicochatError, match=r"scripted\.pt learnt from plain text"):
        run_sheet(Engine(backend, tokenizer), sheet_of(tmp_path), GREEDY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("entries: [", "line 1"),
        ("- prompt: Hi", "must hold 'entries:'"),
        ("", "must hold 'entries:'"),
        ("entries: []", "'entries'"),
        ("entries: [{prompt: Hi}]\nentry: 1", "there is no 'entry'; did you mean 'entries'?"),
        ("entries: [{prompt: Hi, tag: [a]}]", "entry 1 ('Hi'): there is no 'tag'; did you mean 'tags'?"),
        ("entries: [{prompt: Hi}, {name: two}]", "entry 2 ('two'): it must be an entry with either a prompt or turns."),
        ("entries: [{prompt: Hi, turns: [Hi]}]", "either a prompt or turns"),
        ("entries: [{turns: []}]", "either a prompt or turns"),
        ("entries: [Hi]", "entry 1: it must be a valid dictionary"),
        ("entries: [{prompt: [Hi]}]", "'prompt' must be a valid string, not ['Hi']"),
        ("entries: [{prompt: Hi, checks: {contain: [a]}}]", "there is no 'checks.contain'; did you mean 'contains'?"),
        ("entries: [{prompt: Hi, checks: {contains: [yes]}}]", "'checks.contains' must be words in quotes, not [True]"),
        ("entries: [{prompt: Hi, checks: {matches: '('}}]", "'checks.matches' must be a regular expression"),
        ("entries: [{turns: [Hi, {prompt: a, checks: {ends: many}}]}]", "entry 1, turn 2: 'checks.ends' must be"),
        ("entries: [{turns: [{checks: {ends: 3}}]}]", "entry 1, turn 1: 'prompt' is missing."),
        ("entries: [{prompt: 'I am Ada', checks: {recalls: Ada}}]", "says 'Ada' before it is to be recalled"),
        ("entries: [{turns: [Hi, Who am I], checks: {recalls: Ada}}]", "says 'Ada' before it is to be recalled"),
        ("entries: [{prompt: Hi}, {prompt: Hi}]", "two entries are called 'Hi'"),
        ("entries: 5", "'entries' must be"),
        ("checks: [ends]\nentries: [{prompt: Hi}]", "'checks' must be"),
        ("a: !!python/object:os.system {}", "sheet.yaml"),
    ],
)
def test_mistakes_are_told_with_file_entry_and_field(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError) as error:
        sheet_of(tmp_path, text)
    message = str(error.value)
    assert says in message
    assert "sheet.yaml" in message
    assert "\n" not in message


def test_a_sheet_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sheet"):
        read_sheet(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "b.yaml", tmp_path):
        with pytest.raises(DataError, match="can't be read"):
            read_sheet(path)
