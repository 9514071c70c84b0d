"""What is claimed about speed, as paired runs: ``python -m benchmarks [name …]``."""
