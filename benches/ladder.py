#!/usr/bin/env python3
"""Whole-process CPU time beside `cat` and peers, on generated traffic: ladder.py [--program P] [--scale N] [--runs N].

Runs are paired: each of ours is followed by one of `cat` and of each peer on the same file, and what is printed is the
median of the ratios, so a machine that is busy with other things disturbs it little. Peers that are not installed are
left out. Memory is the peak; what is below this script's own 16 MiB cannot be told. Needs cargo for the generator
(benches/traffic.rs)."""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = {"web": 100_000, "elephant": 2_000_000, "churn": 100_000, "reuse": 100_000, "synflood": 200_000}
PEERS = {
    "capinfos": ["capinfos", "-c", "-M"],
    "tcptrace": ["tcptrace", "-n", "-q"],
    "tshark": ["tshark", "-n", "-q", "-z", "conv,tcp", "-r"],
}


def cpu(command):
    """CPU seconds, of the user and of the system, and the largest memory in MiB."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # Output goes through a pipe: some programs do less when they see /dev/null.
    while process.stdout.read(1 << 20):
        pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def generate(shape, size, file):
    command = ["cargo", "bench", "--quiet", "--profile", "dev", "--bench", "traffic", "--", shape, str(size), str(file)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(ROOT / "target/release/tcpstate"))
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of connections")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    ours = {
        "summary": [options.program, "analyze", "--quiet"],
        "ndjson": [options.program, "analyze", "--quiet", "--format", "ndjson"],
    }
    peers = {} if options.no_peers else {name: command for name, command in PEERS.items() if shutil.which(command[0])}
    print(f"{'file':<18}{'packets':>10}  {'command':<10}{'cpu s':>8}{'x cat':>8}{'ns/packet':>11}{'MiB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for shape, size in SIZES.items():
            for kind in ["pcap", "pcapng"] if shape in ("web", "elephant") else ["pcap"]:
                file = pathlib.Path(folder) / f"{shape}.{kind}"
                packets = generate(shape, int(size * options.scale), file)
                commands = {"cat": ["cat"], **ours, **peers}
                runs = {name: [] for name in commands}
                for _ in range(options.runs):
                    for name, command in commands.items():
                        runs[name].append(cpu([*command, str(file)]))
                base = [seconds for seconds, _ in runs["cat"]]
                for name, measured in runs.items():
                    seconds = statistics.median(seconds for seconds, _ in measured)
                    # A clock tick is the least that can be told.
                    ratio = statistics.median(s / max(c, 1e-3) for (s, _), c in zip(measured, base))
                    memory = max(memory for _, memory in measured)
                    print(
                        f"{file.name:<18}{packets:>10}  {name:<10}{seconds:>8.3f}{ratio:>8.1f}"
                        f"{seconds / packets * 1e9:>11.0f}{memory:>8.0f}",
                        flush=True,
                    )
                file.unlink()


if __name__ == "__main__":
    main()
