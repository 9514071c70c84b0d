"""python -m tests.soak --seconds 900: random faults, leavers and slow readers, and nothing that grows."""

import argparse
import sys

from tests.soak.soak import soak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--at-a-time", type=int, default=12, help="visitors")
    options = parser.parse_args()
    verdict = soak(options.seconds, at_a_time=options.at_a_time, say=lambda line: print(line, flush=True))
    print(f"{verdict.visits} visits: {verdict.outcomes}")
    for line in verdict.wrong:
        print(f"WRONG: {line}")
    sys.exit(bool(verdict.wrong))


if __name__ == "__main__":
    main()
