"""Fault tests of a service: its responses and its memory under misuse and failures.

    python benchmarks/serving_faults.py              # about two minutes
    python benchmarks/serving_faults.py --smoke      # a tenth of everything

Covers invalid requests, slow connections, a thousand connections at once, clients that disconnect, a killed
worker, and a reload and a shutdown under load. Exits with 1 if a check fails. Everything runs over the
loopback device; the service and its clients share the cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from loopback import bad_requests, faults, hammer
from loopback.served import Served

import egraph

GRAPH = bad_requests.GRAPH
REQUEST = hammer.request(bad_requests.SCORE, {"architectures": [GRAPH]})
BODY = faults.score_body(4)
Row = tuple[str, bool, str]
"""Name of the test, whether it passed, and the observation."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true", help="a tenth of everything")
    share = 0.1 if parser.parse_args().smoke else 1.0
    everything_went_well = True
    print("| what happened | as it should | seen | MiB before | MiB after |\n|---|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        first, second = make_rankers(Path(name))
        with Served(first, Path(name) / "log", workers=2) as served:
            for happens in (
                send_bad,
                send_raw,
                dawdle,
                crowd,
                leave,
                kill,
                lambda *_: reload(served, first, second),
                end,
            ):
                before = served.memory()
                for what, well, seen in happens(served, share):
                    after = served.memory()
                    print(
                        f"| {what} | {'yes' if well else '**no**'} | {seen} | {before:.0f} | {after:.0f} |",
                        flush=True,
                    )
                    everything_went_well &= well
                    before = after
        tracebacks = Path(name, "log").read_text().count("Traceback")
    print(f"\nTracebacks in the log: {tracebacks}.")
    sys.exit(not everything_went_well or tracebacks > 0)


def make_rankers(folder: Path) -> tuple[Path, Path]:
    """Makes two different rankers."""
    space, rng = egraph.spaces.get("nasbench201"), np.random.default_rng(0)
    graphs = [space.sample(rng) for _ in range(60)]
    paths = folder / "first.onnx", folder / "second.onnx"
    for seed, path in enumerate(paths):
        egraph.Ranker(members=1, epochs=2, folds=0, seed=seed).fit(graphs, rng.normal(size=60)).to_onnx(path)
    return paths


def send_bad(served: Served, share: float) -> Iterator[Row]:
    for bad in bad_requests.bad_requests(10**6, 10**5):
        began = time.perf_counter()
        status, problem = faults.send_bad(served, bad)
        seconds = time.perf_counter() - began
        pointer = problem.get("errors", [{}])[0].get("pointer")
        where = f" `{pointer}`" if pointer else ""
        yield (
            bad.name,
            (status, pointer) == (bad.status, bad.pointer),
            f"{status}{where} in {1e3 * seconds:.0f} ms",
        )


def send_raw(served: Served, share: float) -> Iterator[Row]:
    for name, (words, status) in bad_requests.raw_requests().items():
        line = faults.say(served, words).split(b"\r\n")[0].decode()
        yield name, line.startswith(f"HTTP/1.1 {status} "), line


def dawdle(served: Served, share: float) -> Iterator[Row]:
    count = int(1000 * share)
    starts = {
        "headers": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
        "body": REQUEST[:-40],
        "nothing": b"",
    }
    for part, start in starts.items():
        seen = faults.drip(served, count, start, BODY, patience=45)
        well = seen.closed == count and set(seen.others) == {200}
        yield f"{count} connections send {part}, a byte a second", well, describe(seen)


def crowd(served: Served, share: float) -> Iterator[Row]:
    count = int(1000 * share)
    seen = faults.gather(served, count, REQUEST, BODY)
    yield f"{count} connections ask at once", seen.statuses == {200: count}, describe(seen)


def leave(served: Served, share: float) -> Iterator[Row]:
    count = int(1000 * share)
    large = hammer.request(bad_requests.SCORE, {"architectures": [GRAPH] * 4096})
    seen = faults.leave(served, count, large, BODY)
    yield f"{2 * count} clients go away, half of them in the middle", seen.others == {200: 1}, describe(seen)


def kill(served: Served, share: float) -> Iterator[Row]:
    connections = 64
    with faults.hammering(served, REQUEST, connections, seconds=max(6.0, 20 * share)) as seen:
        time.sleep(1)
        seconds = faults.kill_worker(served)
    lost = sum(seen["errors"].values())
    well = set(seen["statuses"]) == {"200"} and lost <= 2 * connections and len(served.workers()) == 2
    told = f"{seen['requests']} answers of 200, {lost} without, replaced in {seconds:.1f} s"
    yield f"kill -9 of one of 2 workers, {connections} connections asking", well, told


def reload(served: Served, first: Path, second: Path) -> Iterator[Row]:
    version = served.ask("GET", "/v1/model")[1]["version"]
    with faults.hammering(served, REQUEST, connections=64, seconds=8) as seen:
        time.sleep(1)
        shutil.copy(second, first.with_name("new"))
        os.replace(first.with_name("new"), first)
        seconds = faults.reload(served, version)
    lost = sum(seen["errors"].values())
    told = f"{seen['requests']} answers of 200, {lost} without, in use after {seconds:.1f} s"
    well = set(seen["statuses"]) == {"200"} and not lost
    yield "SIGHUP with another ranker, 64 connections asking", well, told


def end(served: Served, share: float) -> Iterator[Row]:
    with faults.hammering(served, REQUEST, connections=64, seconds=5) as seen:
        time.sleep(1)
        code, seconds = faults.end(served)
    errors = Counter(seen["errors"])
    well = code == 0 and set(seen["statuses"]) == {"200"} and not errors["lost"]
    told = (
        f"ended with {code} in {seconds:.1f} s; {seen['requests']} answers of 200, {errors['lost']} without"
    )
    yield "SIGTERM, 64 connections asking", well, f"{told}; {errors['not accepted']} connections not accepted"


def describe(crowd: faults.Crowd) -> str:
    answers = (
        ", ".join(f"{count} times {status}" for status, count in sorted(crowd.statuses.items())) or "none"
    )
    told = f"answers: {answers}"
    if crowd.closed:
        told += f"; {crowd.closed} closed after {crowd.seconds:.0f} s"
    if crowd.others:
        told += f"; others waited {1e3 * crowd.slowest:.0f} ms at most"
    return told


if __name__ == "__main__":
    main()
