"""Options made from a schema, in a command of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from picochat.cli.options import SectionedCommand, given, options_of
from picochat.schema import Duration, Schema


class Trip(Schema):
    place: Path = Field(description="Where to.")
    means: Literal["foot", "bike"] = Field("foot", description="How.")
    days: int | None = Field(None, ge=1, description="How long; default as long as it takes.")
    rest: Duration | None = Field(None, description="Time between.")
    alone: bool = Field(False, description="With nobody.")
    talk: bool | None = Field(None, description="On the way.")
    bags: tuple[Literal["red", "blue"], ...] = Field((), description="What to carry.")


def run(*arguments: str) -> tuple[dict[str, Any], str]:
    """The settings that arrive, or what is printed."""
    seen: dict[str, Any] = {}
    app = typer.Typer(rich_markup_mode=None)

    @app.command(cls=SectionedCommand)
    @options_of(Trip, names={"talk": ("--talk/--silent", "-t/-s")}, sections={"place": "Way", "rest": "Company"})
    def travel(pace: Annotated[int, typer.Option("--pace", rich_help_panel="Company")] = 1, **settings: Any) -> None:
        seen.update(given(**settings), pace=pace)

    done = CliRunner().invoke(app, list(arguments))
    return seen, done.output


def test_each_field_is_an_option_and_what_is_not_given_does_not_arrive() -> None:
    assert run() == ({"pace": 1}, "")
    words = ["--place", "a/b", "--means", "bike", "--days", "3", "--rest", "2h", "--alone", "--silent", "--bags", "red"]
    expected = {
        "place": Path("a/b"), "means": "bike", "days": "3", "rest": "2h", "alone": True, "talk": False,
        "bags": ["red", "blue"], "pace": 4,
    }  # fmt: skip
    assert run(*words, "--bags", "blue", "--pace", "4")[0] == expected
    trip = Trip.parse({name: value for name, value in expected.items() if name != "pace"})
    assert (trip.days, trip.rest, trip.bags) == (3, 7200.0, ("red", "blue"))


def test_a_switch_can_be_turned_off_again() -> None:
    assert run("--no-alone")[0]["alone"] is False
    assert run("-s")[0]["talk"] is False


def test_help_shows_each_field_in_its_section_with_its_description_and_default() -> None:
    help_text = run("--help")[1]
    way, _, rest = help_text.partition("\nWay:\n")[2].partition("\nCompany:\n")
    company, _, others = rest.partition("\nOptions:\n")
    for words in (
        "--place PATH",
        "Where to.",
        "--means foot|bike",
        "[default: foot]",
        "--days N",
        "Default as long as it takes.",
    ):
        assert words in way
    for words in ("--rest TIME", "--alone / --no-alone", "-t, --talk / -s, --silent", "--bags red|blue", "--pace"):
        assert words in company
    assert "--help" in others
    assert "False" not in help_text


@pytest.mark.parametrize(("typed", "offered"), [("--means ", "foot\nbike"), ("--means b", "bike"), ("--bags r", "red")])
def test_choices_are_completed(typed: str, offered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @options_of(Trip, names={}, sections={})
    def travel(**settings: Any) -> None: ...

    words = f"travel {typed}"
    env = {"_TRAVEL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}
    done = CliRunner().invoke(app, [], prog_name="travel", env=env)
    assert done.stdout.strip().split("\n") == offered.split("\n")
