"""Measurements of edgeshift against what one would use otherwise; ``python -m benchmarks`` writes docs/benchmarks.md."""
