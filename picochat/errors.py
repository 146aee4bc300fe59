"""Every error that a user can cause, as one tree.

Each message is one sentence that says what is wrong, where, and what to do. The command line prints it to stderr and exits
with code 2; the screen shows it and goes on. Anything that is not a `PicochatError` is a bug of ours.
"""

from __future__ import annotations


class PicochatError(Exception):
    """Base of all errors with a message meant for the user."""


class PicochatWarning(UserWarning):
    """What went wrong and was got round, in a message meant for the user."""


class ConfigError(PicochatError):
    """A setting, flag or shape that can't be used."""


class DataError(PicochatError):
    """Training text that is missing, empty or unreadable."""


class CheckpointError(PicochatError):
    """A model file that is missing, damaged, foreign or of another version."""


class DeviceError(PicochatError):
    """A device that this machine does not have."""


class ContextOverflowError(PicochatError):
    """More tokens than the context window holds."""


class TrainingError(PicochatError):
    """A run that can't go on."""


class OutputError(PicochatError):
    """A place that can't be written, or holds something that must not be overwritten."""


class HistoryError(PicochatError):
    """A saved conversation that is not there, or a history that can't be read or written."""


def first_line(error: Exception) -> str:
    """What another library says of an error, for a sentence of ours: some say pages."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
