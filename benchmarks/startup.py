"""Process start to end of `--help` and to the first token of `generate`, beside bare Python and `import torch`, in turns."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

FIRST = "generate, first token"
COMMANDS = {
    "bare python": ["-c", "pass"],
    "picochat --help": ["-m", "picochat", "--help"],
    "import torch": ["-c", "import torch"],
    FIRST: ["-m", "picochat", "generate", "-p", "Hi", "-t", "1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for index in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            taken = run(arguments, to_first_output=name == FIRST)
            if index:  # the first round warms the file cache
                seconds[name].append(taken)
    medians = {name: round(statistics.median(values), 3) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"  {name:<20} {value * 1000:>7.0f} ms")
    print(json.dumps({"median_seconds": medians}))


def run(arguments: list[str], to_first_output: bool) -> float:
    """Seconds from the start of Python with these arguments to its first output or its end."""
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        if to_first_output:
            os.read(process.stdout.fileno(), 1)
            taken = time.perf_counter() - start
        process.stdout.read()
        process.wait()
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}.")
        return taken if to_first_output else time.perf_counter() - start


if __name__ == "__main__":
    main()
