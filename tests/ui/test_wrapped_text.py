from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from picochat.ui.wrapped_text import WrappedText

TEXT = st.text(alphabet="ab  \n漢é-", max_size=80)


@given(st.lists(TEXT, max_size=6), st.integers(2, 20))
def test_adding_bit_by_bit_wraps_as_all_at_once(parts: list[str], width: int) -> None:
    whole = WrappedText(width)
    whole.append(Content("".join(parts)))
    grown = WrappedText(width)
    for part in parts:
        grown.append(Content(part))
    assert [(line.content.plain, line.x, line.y) for line in grown.lines] == [
        (line.content.plain, line.x, line.y) for line in whole.lines
    ]


@given(TEXT, st.integers(2, 20))
def test_no_character_is_lost_and_none_stands_out(text: str, width: int) -> None:
    wrapped = WrappedText(width, first=1)
    wrapped.append(Content(text))
    lines = text.split("\n")
    for line in wrapped.lines:
        plain = line.content.plain
        assert lines[line.y - 1][line.x : line.x + len(plain)] == plain
        assert cell_len(plain.rstrip()) <= width
    assert "".join(line.content.plain for line in wrapped.lines) == text.replace("\n", "")


def test_words_stay_whole_where_they_fit() -> None:
    wrapped = WrappedText(8)
    wrapped.append(Content("one two three fourteen incomprehensible"))
    assert [line.content.plain.rstrip() for line in wrapped.lines] == [
        "one two",
        "three",
        "fourteen",
        "incompre",
        "hensible",
    ]


def test_styles_stay_with_their_words() -> None:
    wrapped = WrappedText(4)
    for text, style in (("on", "bold"), ("e tw", "italic"), ("o", "bold")):
        wrapped.append(Content.styled(text, style))
    assert [[(span.start, span.end, span.style) for span in line.content.spans] for line in wrapped.lines] == [
        [(0, 2, "bold"), (2, 4, "italic")],
        [(0, 2, "italic"), (2, 3, "bold")],
    ]
