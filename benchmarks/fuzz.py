"""Fuzzing of the doors of egraph: whatever comes is read or refused in one line, soon, in bounded memory.

    python benchmarks/fuzz.py --seconds 3600 --out runs/fuzz          # round robin over the doors; resumes
    python benchmarks/fuzz.py --seconds 60 --doors npz,http
    python benchmarks/fuzz.py --replay runs/fuzz/faults/npz-1a2b3c4d.npz

Inputs are made by hypothesis and are damaged valid ones (`fuzzing`). A fault is an error that is none of
egraph's own or whose text is longer than a line, an answer with status 500 or above, more than ten seconds of
processor time, or more memory than the limit. Each door has a process of its own, so that crashes and hangs
count too. ``faults`` gets the smallest input of each fault and its traceback; ``DOOR.json`` counts. The
command may be killed and run again: each batch of inputs has a seed of its own, and the next batch follows.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path

from fuzzing import DOORS
from fuzzing.trying import SECONDS, Door, Fault, Tally, try_batch, try_input

BATCH = 40
SILENCE = 1800
"""Seconds after which a process that tells of no input hangs without using the processor."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="time in all")
    parser.add_argument("--slice", type=float, default=60, help="time of a door before the next one's turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--doors", help="names, with commas between; all by default")
    parser.add_argument(
        "--memory", type=int, default=2048, help="MiB that inputs may take beside what is loaded"
    )
    parser.add_argument("--replay", type=Path, help="read this input once more, and show its error")
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.replay:
        return replay(options)
    doors = options.doors.split(",") if options.doors else list(DOORS)
    end = time.monotonic() + options.seconds
    while doors and (left := end - time.monotonic()) > 1:
        # the door that has had the least time is next, also after a restart
        door = min(doors, key=lambda name: read_tally(options.out, name).given)
        if not run_slice(options, door, min(left, options.slice)):
            doors.remove(door)
    print(show(options.out, list(DOORS)))
    sys.exit(any(read_tally(options.out, door).faults for door in DOORS))


def run_slice(options: argparse.Namespace, door: str, seconds: float) -> bool:
    """Gives a door a process of its own for some time; a crash or a hang is a fault.

    Returns:
        Whether the fuzzing itself works.
    """
    log, state = options.out / f"{door}.log", options.out / f"{door}.json"
    child = multiprocessing.get_context("fork").Process(target=work, args=(options, door, seconds, log))
    started = time.time()
    child.start()
    while child.exitcode is None:
        child.join(1)
        told = max(started, state.stat().st_mtime if state.exists() else 0)
        if time.time() - told > SILENCE:
            child.kill()
    tally = read_tally(options.out, door)
    tally.given += time.time() - started
    if child.exitcode > 0:
        print(f"{door} cannot be fuzzed; see {log}", file=sys.stderr)
    if child.exitcode < 0:
        why = f"the process ended with {child.exitcode}"
        tally.faults[why] = tally.faults.get(why, 0) + 1
        tally.batches += 1
        path = next((options.out / "now" / door).glob("input*"))
        text = log.read_text(errors="replace")[-5000:]
        keep(options.out, door, path.suffix, Fault(why, text, path.read_bytes()))
    write_tally(options.out, door, tally)
    return child.exitcode <= 0


def work(options: argparse.Namespace, name: str, seconds: float, log: Path) -> None:
    """Tries inputs at one door until the time is over."""
    with log.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
    folder = options.out / "now" / name
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["HOME"] = str(folder)
    end = time.monotonic() + seconds
    door, tally = DOORS[name](folder), read_tally(options.out, name)
    path = folder / f"input{door.suffix}"
    limit_memory(options.memory)
    while time.monotonic() < end:
        limit_processor(BATCH * SECONDS)
        text = f"{options.seed} {name} {tally.batches}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
        try_batch(door, path, seed, BATCH, tally, lambda fault: keep(options.out, name, door.suffix, fault))
        write_tally(options.out, name, tally)


def limit_processor(seconds: float) -> None:
    """Ends this process, also where Python cannot, when it has used that much more processor time."""
    most = int(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def limit_memory(more: int) -> None:
    """Limits the memory of this process to what it has now and some MiB more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def replay(options: argparse.Namespace) -> None:
    """Reads an input again and shows the traceback."""
    name = options.replay.name.rpartition("-")[0]
    folder = options.out / "replayed" / name
    folder.mkdir(parents=True, exist_ok=True)
    door: Door = DOORS[name](folder)
    limit_memory(options.memory)
    tally = Tally()
    fault = try_input(door, folder / f"input{door.suffix}", options.replay.read_bytes(), tally)
    print(
        f"{fault.key}\n{fault.text}" if fault else "no fault",
        f"{tally.slowest:.2f} s, {tally.peak} MiB",
        sep="\n",
    )


def keep(out: Path, door: str, suffix: str, fault: Fault) -> None:
    """Keeps the smallest input of each fault, and its traceback."""
    folder = out / "faults"
    folder.mkdir(exist_ok=True)
    path = folder / f"{door}-{hashlib.sha256(fault.key.encode()).hexdigest()[:8]}{suffix}"
    if not path.exists() or len(fault.content) < path.stat().st_size:
        path.write_bytes(fault.content)
        Path(f"{path}.txt").write_text(
            f"{fault.key}\n\n{fault.text}", encoding="utf-8", errors="backslashreplace"
        )


def read_tally(out: Path, door: str) -> Tally:
    path = out / f"{door}.json"
    return Tally(**json.loads(path.read_text())) if path.exists() else Tally()


def write_tally(out: Path, door: str, tally: Tally) -> None:
    new = out / f"{door}.json.new"
    new.write_text(json.dumps(dataclasses.asdict(tally)))
    new.replace(out / f"{door}.json")


def show(out: Path, doors: list[str]) -> str:
    """The counts of all doors as a table, and the faults."""
    lines = [
        "| door | inputs | processor, s | faults | kinds | slowest, s | peak, MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    tallies = {door: read_tally(out, door) for door in doors}
    for door, tally in tallies.items():
        lines.append(
            f"| {door} | {tally.tried:,} | {tally.seconds:,.0f} | {sum(tally.faults.values()):,} | "
            f"{len(tally.faults)} | {tally.slowest:.2f} | {tally.peak:,} |"
        )
    tried, seconds = (
        sum(getattr(tally, name) for tally in tallies.values()) for name in ("tried", "seconds")
    )
    faults = {
        f"{door}: {key}": count for door, tally in tallies.items() for key, count in tally.faults.items()
    }
    lines.append(f"| all | {tried:,} | {seconds:,.0f} | {sum(faults.values()):,} | {len(faults)} | | |")
    return "\n".join([*lines, "", *(f"{count:5} {key}" for key, count in sorted(faults.items()))])


if __name__ == "__main__":
    main()
