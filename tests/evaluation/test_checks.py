from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import ConfigError
from picochat.evaluation.checks import ENDS, Checks, Given, failed_checks, has_loop, has_number, is_echo, is_whole


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


@pytest.mark.parametrize(
    ("text", "number", "has"),
    [
        ("It's 12.", 12, True),
        ("Twelve!", 12, True),
        ("It's 112 or 120.", 12, False),
        ("Seven plus five is twelve.", 5, True),
        ("That makes twenty-two.", 22, True),
        ("That makes Twenty two.", 22, True),
        ("That makes twenty-two.", 20, False),
        ("That makes twenty-two.", 2, False),
        ("Forty of them.", 40, True),
        ("Someone has tentacles.", 1, False),
        ("Someone has tentacles.", 10, False),
        ("3+4=7", 7, True),
        ("", 7, False),
    ],
)
def test_numbers_in_digits_and_in_words(text: str, number: int, has: bool) -> None:
    assert has_number(text, number) is has
    assert fails(text, number=number, whole_sentences=False) == ["number"] * (not has)


@given(number=st.integers(1, 99), other=st.integers(1, 99))
def test_a_number_is_no_other_number(number: int, other: int) -> None:
    assert has_number(f"It makes {other}.", number) is (number == other)


def test_something_new() -> None:
    checks = Checks.parse({"new": True})
    told = ("Why? Because!", "A cow.")
    assert failed_checks(checks, Given("More!", "why, because?", True, 5, told)) == ["whole_sentences", "new"]
    assert failed_checks(checks, Given("More!", "A goat.", True, 5, told)) == []
    assert failed_checks(checks, Given("More!", "A goat.", True, 5)) == []


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("Fine.\nUser: And you?", True),
        ("assistant: Fine.", True),
        ("Fine. <|im_end|>", True),
        ("The user: a person.", False),
        ("Users: many.", False),
    ],
)
def test_lines_that_speak_for_a_role(text: str, speaks: bool) -> None:
    assert fails(text, no_roles=True, whole_sentences=False) == ["no_roles"] * speaks


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
        ({"number": 100}, "number"),
        ({"ends": -1}, "ends must be"),
    ],
)
def test_wrong_checks(checks: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")):
        Checks.parse(checks)
