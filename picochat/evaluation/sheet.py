"""A sheet of prompts, with what the answers must be like: a YAML file.

checks: {ends: 100}                  # (optional) for every answer of the sheet
entries:
  - prompt: What color is the sky?
    tags: [facts]
    checks: {contains: [blue, gray]}
  - name: her name, two turns later  # (optional) else the first prompt is the name
    tags: [recall]
    system: You are a pirate.        # (optional)
    turns:
      - Hi, I'm Ada.
      - prompt: I like soup.
        checks: {contains: soup}
      - What's my name?
    checks: {recalls: Ada}           # of an entry with turns: for its last answer
"""

from __future__ import annotations

import difflib
import reprlib
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from picochat.errors import DataError
from picochat.evaluation.checks import Checks, has_phrase
from picochat.schema import Schema


class Turn(Schema):
    """One thing the user says, and the checks of the answer to it."""

    prompt: str = Field(min_length=1)
    checks: Checks = Checks()


class Entry(Schema):
    """A prompt, or a conversation in turns."""

    name: str = ""
    tags: tuple[str, ...] = ()
    system: str | None = None
    prompt: str | None = None
    turns: tuple[Turn, ...] = ()
    checks: Checks = Checks()

    @field_validator("turns", mode="before")
    @classmethod
    def _plain_turns(cls, value: Any) -> Any:
        return [{"prompt": turn} if isinstance(turn, str) else turn for turn in value] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _whole(self) -> Entry:
        if (self.prompt is None) == (not self.turns):
            raise ValueError("an entry with either a prompt or turns")
        said = ""
        for turn in self.script(Checks()):
            if turn.checks.recalls and not has_phrase(said, turn.checks.recalls):
                raise ValueError(f"an entry whose user says {turn.checks.recalls!r} before it is to be recalled")
            said = f"{said}\n{turn.prompt}"
        return self

    @property
    def title(self) -> str:
        """The name; where there is none, the first thing said."""
        return self.name or self.prompt or self.turns[0].prompt

    def script(self, checks: Checks) -> list[Turn]:
        """What is said and how the answers must be, with `checks` where the entry says nothing else."""
        turns = self.turns or (Turn(prompt=self.prompt or ""),)
        wishes = [turn.checks for turn in turns]
        wishes[-1] = wishes[-1].over(self.checks)
        return [Turn(prompt=turn.prompt, checks=wish.over(checks)) for turn, wish in zip(turns, wishes, strict=True)]


class Sheet(Schema):
    """Entries, and checks for all of their answers."""

    checks: Checks = Checks()
    entries: tuple[Entry, ...] = Field(min_length=1)


def read_sheet(path: Path) -> Sheet:
    """Read a sheet.

    Raises:
        DataError: it can't be used; the message names the file, the entry and the field.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"There is no sheet {path}; check the path.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"{path}, line {line}: {error.problem or 'this is not YAML'}; correct it.") from None
    except (OSError, UnicodeDecodeError, RecursionError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"{path} can't be read ({type(error).__name__}); a sheet is a YAML file.") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} is no sheet; it must hold 'entries:' with a list of prompts.")
    try:
        sheet = Sheet.model_validate(values)
    except ValidationError as error:
        raise DataError(_explain(path, values, error)) from None
    double = [name for name, count in Counter(entry.title for entry in sheet.entries).items() if count > 1]
    if double:
        raise DataError(f"{path}: two entries are called {double[0]!r}; give one of them another name.")
    return sheet


def _explain(path: Path, values: dict[str, Any], error: ValidationError) -> str:
    """The first mistake in one sentence: file, entry, turn, field."""
    detail = error.errors()[0]
    places, location = [str(path)], list(detail["loc"])
    schema: type[Schema] = Sheet
    if len(location) > 1 and location[0] == "entries" and isinstance(location[1], int):
        entry = values["entries"][location[1]]
        name = entry.get("name") or entry.get("prompt") if isinstance(entry, dict) else None
        places.append(f"entry {location[1] + 1}" + (f" ({reprlib.repr(name)})" if name else ""))
        location, schema = location[2:], Entry
    if len(location) > 1 and location[0] == "turns" and isinstance(location[1], int):
        places.append(f"turn {location[1] + 1}")
        location, schema = location[2:], Turn
    field, message = ".".join(map(str, location)), detail["msg"]
    if detail["type"] == "extra_forbidden":
        fields = (Checks if location[:1] == ["checks"] and len(location) > 1 else schema).model_fields
        near = difflib.get_close_matches(str(location[-1]), fields, n=1)
        what = f"there is no '{field}'; " + (f"did you mean '{near[0]}'?" if near else f"there are {', '.join(fields)}.")
    elif detail["type"] == "missing":
        what = f"'{field}' is missing."
    else:
        subject = f"'{field}'" if field else "it"
        for prefix in ("Input should be ", "Value error, "):
            message = message.replace(prefix, f"{subject} must be ", 1)
        if subject not in message:
            message = f"{subject}: {message[:1].lower()}{message[1:]}"
        what = f"{message}, not {reprlib.repr(detail['input'])}." if field else f"{message}."
    return f"{', '.join(places)}: {what}"
