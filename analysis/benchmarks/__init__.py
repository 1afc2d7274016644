"""Speed of sdesim beside its peers and beside C, measured in one interleaved run; see README.md."""

from .bench import FULL, QUICK, Settings, run_benchmarks

__all__ = ["FULL", "QUICK", "Settings", "run_benchmarks"]
