"""`make bench SIZE=1m`: a simulated city through the whole path; seconds, CPU, memory, and multiples of B.

Each step is the command an engineer would type, run as a process of its own. Memory is the largest sum of
resident memory of the step's process tree, sampled; B is measured in the same run (baseline_duckdb.py), and
its rows must be the frozen ones (baseline.json).
What is measured is kept step by step: `--resume` goes on after the last step that ended, e.g. when ten
million records met a full disk in the seventh of ten steps.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
SUBJECTS = {
    "150k": (20_000, 60_000),
    "1m": (26_148, 98_744),
    "10m": (261_478, 987_443),
}  # Xiamen 2015, a tenth of it
RECORDS = {"150k": 150_000, "1m": 1_000_000, "10m": 10_000_000}
BUSINESS_DATE = "2026-11-16"
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Measured:
    """One step as a whole process tree."""

    step: str
    seconds: float
    cpu_seconds: float
    peak_mb: int


def measure(step: str, command: list[str], environment: dict[str, str], log: Path) -> Measured:
    """Run a command to its end; SystemExit with its log when it fails."""
    before = os.times()
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=output, stderr=output)
        peak = [0]
        watcher = threading.Thread(target=watch_memory, args=(process.pid, peak))
        watcher.start()
        code = process.wait()
        watcher.join()
    seconds = time.perf_counter() - start
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    if code:
        raise SystemExit(f"{step} failed with exit code {code}; its last lines:\n{log.read_text()[-4000:]}")
    measured = Measured(step, round(seconds, 1), round(cpu, 1), peak[0] >> 20)
    print(
        f"{step:<14}{measured.seconds:>9.1f} s {measured.cpu_seconds:>9.1f} cpu-s {measured.peak_mb:>8} MB",
        flush=True,
    )
    return measured


def watch_memory(pid: int, peak: list[int]) -> None:
    """Keep the largest sum of resident memory of a process and its descendants until it ends."""
    while psutil.pid_exists(pid):
        total = 0
        try:
            root = psutil.Process(pid)
            if root.status() == psutil.STATUS_ZOMBIE:
                return
            for process in [root, *root.children(recursive=True)]:
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        peak[0] = max(peak[0], total)
        time.sleep(SAMPLE_SECONDS)


def steps_of(home: Path, size: str, seed: int = 1) -> list[tuple[str, list[str]]]:
    """Return the commands of one day, in order."""
    command = str(REPOSITORY / ".venv/bin/creditlake")
    legal, natural = SUBJECTS[size]
    day = ["--business-date", BUSINESS_DATE]
    return [
        (
            "simulate",
            [
                command,
                "simulate",
                str(home / "city"),
                "--seed",
                str(seed),
                "--legal",
                str(legal),
                "--natural",
                str(natural),
                "--records",
                str(RECORDS[size]),
                "--day",
                BUSINESS_DATE,
                "--no-plain",
            ],
        ),
        ("collect", [command, "collect", *day]),
        ("decode", [command, "decode", *day]),
        ("standardise", [command, "standardise", *day]),
        ("link", [command, "link", *day]),
        ("build_marts", [command, "build-marts", *day]),
        ("gate", [command, "gate", *day]),
        ("serve", [command, "serve", *day]),
        ("publish", [command, "publish", *day]),
        ("feedback", [command, "feedback", *day]),
    ]


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of an installation that collects from its own simulated city."""
    return os.environ | {
        "CREDITLAKE_HOME": str(home),
        "CREDITLAKE_INBOX": str(home / "city" / "inbox_by_day" / BUSINESS_DATE),
        "CREDITLAKE_SUBJECT_KEY": "benchmark key",
    }


def main() -> None:
    """Run the steps and the baseline; print a table in multiples of B and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(RECORDS), default="1m")
    parser.add_argument("--home", type=Path, default=REPOSITORY / "var" / "bench")
    parser.add_argument("--keep", action="store_true", help="keep the lake for a look afterwards")
    parser.add_argument("--resume", action="store_true", help="go on after the last step that ended")
    parser.add_argument("--until", help="stop after this step; `--resume` goes on from there")
    arguments = parser.parse_args()
    home = arguments.home / arguments.size
    if not arguments.resume:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
    environment = environment_of(home)
    measured = []
    for step, command in steps_of(home, arguments.size):
        done = home / f"{step}.json"
        if not done.exists():
            done.write_text(json.dumps(asdict(measure(step, command, environment, home / f"{step}.log"))))
        measured.append(Measured(**json.loads(done.read_text())))
        if step == arguments.until:
            return
    baseline = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("baseline_duckdb.py")),
            str(home / "lake" / "cells"),
            str(home / "baseline.parquet"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    b = json.loads(baseline.stdout)
    frozen = json.loads(Path(__file__).with_name("baseline.json").read_text()).get(arguments.size)
    if frozen and {name: b[name] for name in frozen} != frozen:
        raise SystemExit(
            f"the baseline's rows are not the frozen ones: {b}, frozen {frozen}. The simulator or decode "
            "changed what is delivered; figures of B before and after cannot be compared."
        )
    print(
        f"\nB = {b['seconds']} s for {b['records']:,} records, "
        f"{b['linked']:,} linked, rows' hash {b['rows_hash']}"
    )
    for step in measured:
        print(
            f"{step.step:<14}{step.seconds:>9.1f} s {step.seconds / b['seconds']:>7.1f} B"
            f" {step.peak_mb:>8} MB"
        )
    result = {
        "size": arguments.size,
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "baseline": b,
        "steps": [asdict(step) for step in measured],
    }
    (arguments.home / f"{arguments.size}.json").write_text(json.dumps(result, indent=1))
    if not arguments.keep:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
