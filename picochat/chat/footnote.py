"""What is said below an answer: how long it is, how fast it came, and why it ended."""

from __future__ import annotations

from picochat.inference.engine import STOP_TEXT


def footnote(count: int | None, pace: str, seed: int | None, stop: str | None) -> str:
    """What is known of an answer, as "42 tokens, 90 a second, seed 7, end of turn"; empty when nothing is.

    Args:
        count: tokens generated.
        pace: how fast they came, as `pace_of` puts it.
        seed: what they were drawn with.
        stop: one of the engine's reasons to stop.
    """
    parts = [
        f"{count} token{'s' * (count != 1)}" if count is not None else "",
        pace,
        f"seed {seed}" if seed is not None else "",
        next((text for reason, text in STOP_TEXT.items() if reason == stop), ""),
    ]
    return ", ".join(filter(None, parts))


def tokens_per_second(count: int | None, seconds: float | None, first_token_seconds: float | None) -> float:
    """Speed after the first token, which waits for the prompt to be read; 0 where it can't be told.

    Of an answer that came whole, as one that was chosen among several does, it is that of all the time it took.
    """
    if count is None or count < 2 or not seconds or first_token_seconds is None:
        return 0.0
    return (count - 1) / (seconds - first_token_seconds) if seconds > first_token_seconds else count / seconds


def pace_of(count: int | None, seconds: float | None, first_token_seconds: float | None) -> str:
    """How fast tokens came, as "90 a second", or "in 0.2 s" for an answer that came whole; empty where it can't be told."""
    speed = tokens_per_second(count, seconds, first_token_seconds)
    return "" if not speed else f"in {seconds:.1f} s" if seconds == first_token_seconds else f"{speed:.0f} a second"
