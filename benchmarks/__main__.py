"""Run benchmarks: all, or those that are named."""

import sys
from collections.abc import Callable

from benchmarks import browser, buffering, concurrency, fairness, faults, first_audio, leavers, slow_reader

BENCHMARKS: dict[str, Callable[[], None]] = {
    "first_audio": first_audio.main,
    "concurrency": concurrency.main,
    "buffering": buffering.main,
    "fairness": fairness.main,
    "faults": faults.main,
    "leavers": leavers.main,
    "slow_reader": slow_reader.main,
    "browser": browser.main,
}

if __name__ == "__main__":
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    for name in names:
        print(f"== {name}", flush=True)
        BENCHMARKS[name]()
