"""Process start to `--help`, and to the end of a one-token `generate`, beside bare Python and `import torch`, in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "bare python": ["-c", "pass"],
    "picochat --help": ["-m", "picochat", "--help"],
    "import torch": ["-c", "import torch"],
    "generate, one token": ["-m", "picochat", "generate", "-p", "Hi", "-t", "1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for index in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)
            if index:  # the first round warms the file cache
                seconds[name].append(time.perf_counter() - start)
    medians = {name: round(statistics.median(values), 3) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"  {name:<20} {value * 1000:>7.0f} ms")
    print(json.dumps({"median_seconds": medians}))


if __name__ == "__main__":
    main()
