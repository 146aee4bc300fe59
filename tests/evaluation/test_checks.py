from __future__ import annotations

import pytest

from picochat.errors import ConfigError
from picochat.evaluation.checks import ENDS, Checks, Given, failed_checks, has_loop, is_echo, is_whole


def fails(
    text: str, prompt: str = "Tell me about the sky.", ended: bool = True, tokens: int = 5, **checks: object
) -> list[str]:
    return failed_checks(Checks.parse(checks), Given(prompt, text, ended, tokens))


def test_a_good_answer_passes_the_checks_that_all_answers_get() -> None:
    assert fails("The sky is blue.") == []
    assert set(Checks().active) == {"ends", "no_loop", "not_echo", "whole_sentences"}


def test_ends() -> None:
    assert fails("Yes.", tokens=ENDS) == []
    assert fails("Yes.", tokens=ENDS + 1) == ["ends"]
    assert fails("Yes.", ended=False) == ["ends"]
    assert fails("Yes.", tokens=9, ends=8) == ["ends"]
    assert fails("Yes.", ended=False, ends=False) == []
    assert Checks.parse({"ends": True}).ends == ENDS


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("No, no, no, no.", True),
        ("Very, very, very good!", False),
        ("I like it. I like it. I like it.", True),
        ("I like it. So what? I like it! Now then. I like it?", True),
        ("I like it. I like it.", False),
        ("on and on and on and on we go", True),
        ("on and on and on we go", False),
        ("on and on we go", False),
        ("a b c d a b c d a b c d", True),
        ("a b c d a b c d a b c", False),
        ("Ha! Ho! Hi!", False),
        ("", False),
        ("... ... ... ...", False),
    ],
)
def test_loops(text: str, loops: bool) -> None:
    assert has_loop(text) is loops


@pytest.mark.parametrize(
    ("prompt", "text", "echo"),
    [
        ("What color is the sky?", "what color is the sky", True),
        ("What color is the sky?", "What color is the sky? It is blue.", True),
        ("What color is the sky?", "The sky is blue.", False),
        ("Hi!", "Hi!", False),
        ("Good morning", "Good morning!", False),
    ],
)
def test_echoes(prompt: str, text: str, echo: bool) -> None:
    assert is_echo(prompt, text) is echo
    assert fails(text, prompt, whole_sentences=False) == ["not_echo"] * echo


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Yes.", True),
        ("\u00c4h, no!", True),
        ("7 is a prime.", True),
        ('"Hello," he said. "Come in."', True),
        ("\u201cCome in\u201d", True),
        ("  Fine?\n", True),
        ("yes.", False),
        ("Yes", False),
        ("Yes,", False),
        (", and so on.", False),
        ("", False),
    ],
)
def test_whole_sentences(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


def test_words_are_found_whole_and_in_any_capitals() -> None:
    assert fails("The sky is BLUE.", contains=["gray", "blue"]) == []
    assert fails("Bluebirds.", contains="blue") == ["contains"]
    assert fails("It is 4.", contains=[4]) == []
    assert fails("Dark\nblue.", contains=["dark blue"]) == []
    assert fails("I am human.", excludes=["human", "alive"]) == ["excludes"]
    assert fails("Humanity.", excludes=["human", "alive"]) == []
    assert fails("Your name is ada!", recalls="Ada") == []
    assert fails("Your name is Adam!", recalls="Ada") == ["recalls"]
    assert fails("C++ (the language).", contains=["c++"]) == []


def test_patterns_and_lengths() -> None:
    assert fails("It is 12 o'clock.", matches=r"\b\d+\b", min_words=4, max_words=4) == []
    assert fails("It is noon.", matches=r"\b\d+\b", min_words=4) == ["matches", "min_words"]
    assert fails("It is noon.", max_words=2) == ["max_words"]


def test_checks_over_others_keep_what_they_do_not_say() -> None:
    general = Checks.parse({"ends": 30, "not_echo": False})
    both = Checks.parse({"contains": ["a"], "ends": False}).over(general)
    assert both.active == {"no_loop": True, "whole_sentences": True, "contains": ("a",)}


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ({"contains": [True]}, "contains must be words in quotes"),
        ({"contains": [" "]}, "contains must be words in quotes"),
        ({"matches": "("}, "matches must be a regular expression"),
        ({"contain": ["a"]}, "did you mean 'contains'"),
        ({"max_words": 0}, "max-words"),
        ({"ends": -1}, "ends must be"),
    ],
)
def test_wrong_checks(checks: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")):
        Checks.parse(checks)
