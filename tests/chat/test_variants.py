from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.settings import PRESETS
from picochat.chat.variants import MOST, Variant, parse_variants
from picochat.errors import PicochatError


def test_each_word_is_a_variant_and_a_comma_joins_changes() -> None:
    assert parse_variants("temperature=0.2 top-k=5") == [
        Variant("temperature=0.2", {"temperature": 0.2}),
        Variant("top_k=5", {"top_k": 5}),
    ]
    assert parse_variants("seed=7,temperature=1") == [Variant("seed=7, temperature=1", {"seed": 7, "temperature": 1.0})]


def test_no_words_are_another_seed() -> None:
    for text in ("", "  "):
        assert [variant.changes for variant in parse_variants(text)] == [{"seed": None}]
    assert parse_variants("seed=auto")[0].changes == {"seed": None}


def test_presets_can_be_taken_and_changed() -> None:
    precise, wild = parse_variants("precise wild,top_k=3")
    assert precise == Variant("precise", PRESETS["precise"])
    assert wild.changes == {**PRESETS["wild"], "top_k": 3}
    assert wild.label == "wild, top_k=3"


def test_a_model_is_a_path_that_may_hold_spaces_and_backslashes() -> None:
    first, second, third = parse_variants(r'model=runs/a/best.pt "model=my runs/b.pt",seed=1 model=C:\run\c.pt')
    assert (first.model, first.label) == (Path("runs/a/best.pt"), "a/best.pt")
    assert (second.model, second.changes) == (Path("my runs/b.pt"), {"seed": 1})
    assert str(third.model) == r"C:\run\c.pt"
    assert parse_variants("model=~/x.pt")[0].model == Path.home() / "x.pt"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("temprature=1", "did you mean temperature="),
        ("percise", "did you mean precise?"),
        ("temperature", "needs a value"),
        ("model=", "needs a value"),
        ("temperature=9", "temperature must be less than or equal to 5"),
        ("seed=soon", "seed must be"),
        ("temperature=", "temperature needs a value"),
        ("mode=single", "did you mean model="),
        ("system=x", "name a setting"),
        (",", "name a setting"),
        ("[/b]", "name a setting"),
        ('model="a', "quotation mark"),
        ("precise " * (MOST + 1), f"at most {MOST}"),
    ],
)
def test_mistakes_are_told_in_a_sentence(text: str, hint: str) -> None:
    with pytest.raises(PicochatError) as error:
        parse_variants(text)
    assert hint in str(error.value)
    assert "\n" not in str(error.value)
