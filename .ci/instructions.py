#!/usr/bin/env python3
"""Instructions of whole runs on generated traffic, counted by valgrind, against what they may be.

instructions.py PROGRAM            fails where a run takes more than its budget
instructions.py PROGRAM --refresh  measures and writes the budgets anew (.ci/instructions.toml)

Unlike seconds they hardly depend on the machine or on what else it does; the hash seed makes them differ a little."""

import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
BUDGETS = HERE / "instructions.toml"
# The budget is this many times what was noted; below the other the note is out of date, which is said but no failure.
ROOM, SLACK = 1.15, 0.85
# Name: shape and size of the traffic, file, further arguments.
RUNS = {
    "start": ("web", 1, "one.pcap", []),
    "web": ("web", 1_000, "web.pcap", []),
    "web-pcapng": ("web", 1_000, "web.pcapng", []),
    "web-ndjson": ("web", 1_000, "web.pcap", ["--format", "ndjson"]),
    "web-csv": ("web", 1_000, "web.pcap", ["--format", "csv"]),
    "web-filter": ("web", 1_000, "web.pcap", ["--filter", "outcome reset"]),
    "churn": ("churn", 1_000, "churn.pcap", []),
    "synflood": ("synflood", 3_000, "synflood.pcap", []),
    "elephant": ("elephant", 20_000, "elephant.pcap", []),
}


def generate(shape, size, file):
    command = ["cargo", "bench", "--quiet", "--profile", "dev", "--bench", "traffic", "--", shape, str(size), str(file)]
    done = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[0])


def instructions(command):
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*valgrind, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return int(found[1])


def measure(program):
    with tempfile.TemporaryDirectory() as folder:
        for name, (shape, size, file, arguments) in RUNS.items():
            path = pathlib.Path(folder) / file
            packets = generate(shape, size, path)
            yield name, instructions([program, "analyze", "--quiet", *arguments, str(path)]), packets


def refresh(program):
    lines = ["# Instructions of whole runs. Written by `.ci/instructions.py target/release/tcpstate --refresh`."]
    for name, measured, packets in measure(program):
        lines.append(f"{name} = {measured}")
        print(f"{name}: {measured} instructions, {measured / packets:.0f} per packet")
    BUDGETS.write_text("\n".join(lines) + "\n")


def check(program):
    budgets = tomllib.loads(BUDGETS.read_text())
    failures = []
    for name, measured, packets in measure(program):
        good = measured <= budgets[name] * ROOM
        outdated = measured < budgets[name] * SLACK
        share = f"{measured / packets:.0f} per packet, {measured / budgets[name]:.1%} of what was noted"
        print(f"{'ok  ' if good else 'FAIL'} {name}: {measured} instructions, {share}")
        if outdated:
            print(f"     the budget of {name} is too wide by now: run it with --refresh")
        if not good:
            failures.append(name)
    if failures:
        sys.exit(f"not within the budget: {', '.join(failures)}; if that is meant, run it with --refresh")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [program]:
            check(program)
        case [program, "--refresh"]:
            refresh(program)
        case _:
            sys.exit(__doc__)
