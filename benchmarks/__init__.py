"""The library against what a practitioner would pick instead: ``python -m benchmarks``, or ``make bench``."""
