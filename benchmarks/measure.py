"""Times and memory, measured so that two functions can be compared on a busy machine."""

import contextlib
import math
import os
import statistics
import time
import tracemalloc

import torch

WARM_UP, ROUNDS, SECONDS = 3, 15, 1.0
FEWEST, PATIENCE = 5, 4.0  # where 15 rounds would take longer


def compare(function, size, ours, peers, device):
    """Time ``ours`` against each peer, one call each in turn, and return a row per peer.

    ``peers`` maps a peer's name to (callable, the ratio to reach or None) and, where memory is the point, the ratio of
    the peaks to reach; a ratio below 1 says that ours is faster, or smaller.
    """
    calls = {"ours": ours} | {name: peer for name, (peer, *_) in peers.items()}
    mebibytes = {name: peak_memory(call, device) / 2**20 for name, call in calls.items()}
    milliseconds = {name: statistics.median(times) for name, times in interleaved(calls, device).items()}
    return [
        {
            "function": function,
            "size": size,
            "peer": name,
            "ratio": milliseconds["ours"] / milliseconds[name],
            "reach": reach,
            "ours_ms": milliseconds["ours"],
            "peer_ms": milliseconds[name],
            "ours_mib": mebibytes["ours"],
            "peer_mib": mebibytes[name],
            "memory_reach": next(iter(memory_reach), None),
        }
        for name, (_, reach, *memory_reach) in peers.items()
    ]


def growth(function, letter, cases, device):
    """Time a function at several sizes (number → callable) and fit the exponent of time ~ number^exponent.

    The sizes take turns, so that caches are cold for all of them and the exponent is not that of a cache overflowing.
    """
    mebibytes = {number: peak_memory(call, device) / 2**20 for number, call in cases.items()}
    milliseconds = {number: statistics.median(times) for number, times in interleaved(cases, device).items()}
    points = [{letter: number, "ms": milliseconds[number], "mib": mebibytes[number]} for number in cases]
    slope, _ = statistics.linear_regression(
        [math.log(point[letter]) for point in points], [math.log(point["ms"]) for point in points]
    )
    return {"function": function, "letter": letter, "exponent": slope, "points": points}


def interleaved(calls, device):
    """Return the times of each call in milliseconds; every round starts with another call.

    At least 15 rounds of what is quick, as many as there is time for, and at least 5 of what takes seconds. The calls
    are warm from the measurement of their memory, the quick ones after three rounds more.
    """
    names, stopwatch = list(calls), _events if device.type == "cuda" else _clock
    times = {name: [] for name in names}
    with torch.no_grad():
        start, rounds = time.perf_counter(), 0
        for call in WARM_UP * list(calls.values()):
            if time.perf_counter() - start < SECONDS / 2:
                call()
        start, rounds = time.perf_counter(), 0
        while not _enough(rounds, time.perf_counter() - start):
            for name in names[rounds % len(names) :] + names[: rounds % len(names)]:
                times[name].append(stopwatch(calls[name]))
            rounds += 1
    return times


def _enough(rounds, seconds):
    return (rounds >= ROUNDS and seconds >= SECONDS) or (rounds >= FEWEST and seconds >= PATIENCE)


def peak_memory(call, device):
    """Return the most bytes that a call held at once, its result included: those of torch, and on a CPU NumPy's too.

    Each at its own peak; what a compiled library keeps for itself, as a sparse factorization does, is not seen.
    """
    with torch.no_grad():
        if device.type == "cuda":
            return _peak_on_cuda(call)
        with _quiet(), torch.profiler.profile(profile_memory=True) as profile:
            tracemalloc.start()
            result = call()
            arrays = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    held = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    del result
    return peak + arrays


@contextlib.contextmanager
def _quiet():
    """Silence the profiler, which greets on the standard error of the process at each start and stop."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _clock(call):
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def _events(call):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def _peak_on_cuda(call):
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    result = call()
    torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() - before
    del result
    return peak
