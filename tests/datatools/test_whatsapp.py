from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.datatools import whatsapp
from picochat.datatools.settling import Tally
from picochat.errors import DataError

ANNA, BEN = "Anna Müller", "Ben"
HOURS = 3600.0

IPHONE = """\
[31.12.23, 21:05:10] Familie: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.
[31.12.23, 21:05:11] Anna Müller: Hallo Ben: wie geht's?
[31.12.23, 21:06:00] Ben: Gut!
Und dir?

Ich bin müde.
\u200e[31.12.23, 21:07:00] Anna Müller: \u200eBild weggelassen
[31.12.23, 21:08:00] Anna Müller: Auch gut. \u200e<Diese Nachricht wurde bearbeitet.>
\u200e[31.12.23, 21:08:30] Ben: Schau mal \u200e<angehängt: 00000012-PHOTO-2023-12-31.jpg>
[01.01.24, 09:00:00] ~\u202fBen: Frohes neues Jahr, \u2068@Anna\u2069!
[01.01.24, 09:00:10] Anna Müller: \u200eDiese Nachricht wurde gelöscht.
"""
IPHONE_SAID = [
    [
        (ANNA, "Hallo Ben: wie geht's?"),
        (BEN, "Gut!\nUnd dir?\n\nIch bin müde."),
        (ANNA, "Auch gut."),
        (BEN, "Schau mal"),
    ],
    [(BEN, "Frohes neues Jahr, @Anna!")],
]

ANDROID = """\
12/31/23, 9:05\u202fPM - Messages and calls are end-to-end encrypted. Tap to learn more.
12/31/23, 9:05\u202fPM - Anna Müller created group "Trip: June"
12/31/23, 9:05\u202fPM - Anna Müller: Hello
12/31/23, 9:06\u202fPM - Ben: <Media omitted>
12/31/23, 9:06\u202fPM - Ben: \u200eIMG-20231231-WA0001.jpg (file attached)
Our tree
12/31/23, 9:07\u202fPM - Anna Müller: Oh, <3 it <This message was edited>
12/31/23, 9:08\u202fPM - Ben: This message was deleted
12/31/23, 9:08\u202fPM - Ben: I said image omitted
1/1/24, 12:30\u202fAM - Ben:
Happy new year
1/1/24, 7:31\u202fAM - Anna Müller: To you, too
"""
ANDROID_SAID = [
    [(ANNA, "Hello"), (BEN, "Our tree"), (ANNA, "Oh, <3 it"), (BEN, "I said image omitted"), (BEN, "Happy new year")],
    [(ANNA, "To you, too")],
]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def read(path: Path, gap: float = 6 * HOURS, tally: Tally | None = None) -> list[list[tuple[str, str]]]:
    return list(whatsapp.read(path, whatsapp.survey(path).day_first, gap, tally or Tally()))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_iphone_s_export(tmp_path: Path, newline: str) -> None:
    path = write(tmp_path / "_chat.txt", IPHONE.replace("\n", newline))
    assert whatsapp.survey(path).speakers == {ANNA: 2, BEN: 3}
    tally = Tally()
    assert read(path, tally=tally) == IPHONE_SAID
    assert sum(tally.messages_left_out.values()) == 3


def test_an_android_s_export(tmp_path: Path) -> None:
    path = write(tmp_path / "WhatsApp Chat with Ben.txt", ANDROID)
    found = whatsapp.survey(path)
    assert found.speakers == {ANNA: 3, BEN: 3}
    assert not found.day_first
    assert read(path) == ANDROID_SAID


def test_a_longer_gap_joins_them(tmp_path: Path) -> None:
    path = write(tmp_path / "c.txt", ANDROID)
    assert read(path, 24 * HOURS) == [[*ANDROID_SAID[0], *ANDROID_SAID[1]]]


STAMPS = {
    "[{:%d.%m.%y, %H:%M:%S}] ": True,
    "[{:%d/%m/%Y, %H:%M:%S}] ": True,
    "[{:%m/%d/%y, %I:%M:%S\u202f%p}] ": False,
    "[{:%Y-%m-%d, %I:%M:%S %p}] ": True,
    "[{:%d.%m.%Y klo %H.%M.%S}] ": True,
    "\u200e[{:%d-%m-%y %H:%M:%S}] ": True,
    "{:%d/%m/%Y, %H:%M} - ": True,
    "{:%d.%m.%y, %H:%M} - ": True,
    "{:%m/%d/%y, %I:%M %p} - ": False,
    "{:%d/%m/%Y, %I:%M p. m.} - ": True,
    "{:%d/%m/%Y %H:%M} – ": True,
    "{:%m/%d/%y, %I:%M:%S %p}: ": False,
}


@pytest.mark.parametrize(("stamp", "day_first"), STAMPS.items())
def test_stamps_of_many_phones(tmp_path: Path, stamp: str, day_first: bool) -> None:
    begin = datetime(2023, 2, 8, 13, 7, 11)
    times = [begin + timedelta(days=day) for day in range(12)]
    lines = [f"{stamp.format(time)}{(ANNA, BEN)[number % 2]}: Message {number}" for number, time in enumerate(times)]
    path = write(tmp_path / "c.txt", "\n".join(lines))
    assert whatsapp.is_chat(path.read_text(encoding="utf-8"))
    assert whatsapp.survey(path).day_first is day_first
    shown = list(whatsapp._messages(path, Tally()))
    assert [(said.speaker, said.text) for said in shown] == [((ANNA, BEN)[i % 2], f"Message {i}") for i in range(12)]
    seconds = 11 if "%S" in stamp else 0
    assert [said.when(day_first) for said in shown] == [time.replace(second=seconds) for time in times]


def test_dates_that_fit_both_orders_follow_the_clock(tmp_path: Path) -> None:
    months_first = "".join(f"{month}/{day}/24, 10:00 - Ben: Hi\n" for month, day in ((1, 9), (2, 3), (3, 2), (4, 1)))
    assert not whatsapp.survey(write(tmp_path / "m.txt", months_first)).day_first
    days_first = "".join(f"{day}/{month}/24, 10:00 - Ben: Hi\n" for month, day in ((1, 9), (2, 3), (3, 2), (4, 1)))
    assert whatsapp.survey(write(tmp_path / "d.txt", days_first)).day_first


@pytest.mark.parametrize(
    "line",
    [
        "Hello",
        "12:30 - Ben: Hi",
        "[21:05] Ben: Hi",
        "32/13/23, 10:00 - Ben: Hi",
        "12/31/23, 25:00 - Ben: Hi",
        "12/31/23, 13:00 PM - Ben: Hi",
        "In 12/31/23, 10:00 - Ben: Hi",
        "",
    ],
)
def test_lines_that_begin_no_message(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "c.txt", f"31/12/23, 10:00 - Ben: Hi\n{line}\n")
    assert read(path) == [[(BEN, f"Hi\n{line}".strip())]]
    with pytest.raises(DataError, match="no message of a WhatsApp chat"):
        whatsapp.survey(write(tmp_path / "d.txt", f"{line}\n"))


TYPED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=40).map(str.strip)


@given(st.lists(st.tuples(st.sampled_from([ANNA, BEN]), st.lists(TYPED.filter(bool), min_size=1, max_size=3)), min_size=1))
def test_what_people_typed_comes_back(tmp_path_factory: pytest.TempPathFactory, talk: list[tuple[str, list[str]]]) -> None:
    def ordinary(text: str) -> bool:
        return not (text.startswith("<") or text == "null" or whatsapp._header(text))

    talk = [(name, lines) for name, lines in talk if all(map(ordinary, lines))] or [(ANNA, ["Hi"])]
    path = tmp_path_factory.getbasetemp() / "typed.txt"
    write(
        path,
        "".join(
            f"[31.12.23, 21:05:{n % 60:02d}] {name}: " + "\n".join(lines) + "\n" for n, (name, lines) in enumerate(talk)
        ),
    )
    assert read(path) == [[(name, "\n".join(lines)) for name, lines in talk]]
