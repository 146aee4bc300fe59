"""What is said below an answer: how long it is, how fast it came, and why it ended."""

from __future__ import annotations

from picochat.inference.engine import STOP_TEXT


def footnote(count: int | None, speed: float, seed: int | None, stop: str | None) -> str:
    """What is known of an answer, as "42 tokens, 90 a second, seed 7, end of turn"; empty when nothing is.

    Args:
        count: tokens generated.
        speed: of them a second, as `tokens_per_second` counts it.
        seed: what they were drawn with.
        stop: one of the engine's reasons to stop.
    """
    parts = [
        f"{count} token{'s' * (count != 1)}" if count is not None else "",
        f"{speed:.0f} a second" if speed else "",
        f"seed {seed}" if seed is not None else "",
        next((text for reason, text in STOP_TEXT.items() if reason == stop), ""),
    ]
    return ", ".join(filter(None, parts))


def tokens_per_second(count: int | None, seconds: float | None, first_token_seconds: float | None) -> float:
    """Speed after the first token, which waits for the prompt to be read; 0 where it can't be told.

    Of an answer that was chosen among several and came out whole, it is that of all the time it took.
    """
    if count is None or count < 2 or not seconds or first_token_seconds is None:
        return 0.0
    return (count - 1) / (seconds - first_token_seconds) if seconds > first_token_seconds else count / seconds
