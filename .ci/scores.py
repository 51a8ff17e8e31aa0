#!/usr/bin/env python3
"""Runs the scorers and fails when a figure is below its floor: scores.py SHARED PROGRAM."""

import json
import pathlib
import subprocess
import sys
import tempfile

SHARED, PROGRAM = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
ANALYZE = f"{PROGRAM} analyze --quiet --format json"
failures = []


def floor(name, value, least):
    good = value is not None and value >= least
    print(f"{'ok  ' if good else 'FAIL'} {name}: {value if value is None else f'{value:.4f}'}, at least {least}")
    if not good:
        failures.append(name)


def most(name, value, limit):
    good = value <= limit
    print(f"{'ok  ' if good else 'FAIL'} {name}: {value:.4f}, at most {limit}")
    if not good:
        failures.append(name)


def run(script, *arguments):
    """The scorer's JSON result; its own output is shown when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        done = subprocess.run(
            [sys.executable, str(script), *arguments, "--json", str(result)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
        if done.returncode != 0 or not result.is_file():
            print(done.stdout)
            sys.exit(f"{script} failed with exit code {done.returncode}")
        print("\n".join(done.stdout.splitlines()[-3:]))
        return json.loads(result.read_text())


def truth():
    # The captures are short, so what is stuck is so after two seconds, and hundreds of TIME_WAITs are many.
    command = ANALYZE + " --stuck-after 2s --threshold time-wait-excess=200 {pcap}"
    total = run(SHARED / "truth/score.py", str(SHARED / "truth"), "--cmd", command)["total"]
    mean = total["by_scenario_mean"]
    floor("connections found", total["found_rate"], 1.0)
    most("connections that are not there", total["spurious"], 0)
    floor("exact histories, all connections", total["exact"], 0.99)
    floor("final states, all connections", total["final"], 0.99)
    floor("exact histories, mean over scenarios", mean["exact"], 0.97)
    floor("final states, mean over scenarios", mean["final"], 0.98)
    floor("time in the right state, mean over scenarios", mean["time_macro_lenient"], 0.96)
    floor("possible states hold the true one", total["possible"]["holds_truth"], 0.999)
    most("possible states of an endpoint", total["possible"]["mean_size"], 1.2)
    floor("findings that are right", total["labels"]["precision"], 0.98)
    floor("findings that were found", total["labels"]["recall"], 0.98)
    most("runs that failed", total["analyzer_errors"], 0)


def defaults():
    # The same without settings: what a short capture tells of as a note.
    total = run(SHARED / "truth/score.py", str(SHARED / "truth"), "--cmd", ANALYZE + " {pcap}")["total"]
    floor("findings that are right, with default thresholds", total["labels"]["precision"], 0.995)
    floor("findings that were found, with default thresholds", total["labels"]["recall"], 0.975)
    most("runs that failed, with default thresholds", total["analyzer_errors"], 0)


def corpus():
    summary = run(SHARED / "corpus/compare.py", "--cmd", ANALYZE + " {}")["summary"]
    most("crashes on real and damaged captures", summary.get("crash", 0), 0)
    most("captures that were not there", summary.get("absent", 0), 0)
    floor("captures on which all counts agree", summary.get("agree", 0), 90)
    most("captures on which a count differs", summary.get("differ", 0), 10)


truth()
defaults()
corpus()
if failures:
    sys.exit("below the floor: " + ", ".join(failures))
