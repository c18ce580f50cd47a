"""How fast hbss is, as ratios to an anchor that is not ours. `python -m benchmarks`, or `make bench`."""
