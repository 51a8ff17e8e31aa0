#!/usr/bin/env python3
"""Records the captures of this folder again: record.py [SCENE…]; without a name, all. See MANIFEST.md."""

import pathlib
import subprocess
import sys
import time

import capture
import scenes
from talk import Stage
from wire import Host, Wire

HERE = pathlib.Path(__file__).resolve().parent.parent
# Scene: one-way delay in seconds, and which tap is written to which file (snap length).
SCENES = {
    "clean": (0.008, {"server": ("clean.pcapng", 262144)}),
    "leak": (0.008, {"server": ("leak.pcap", 96)}),
    "trouble": (0.008, {"server": ("trouble.pcap", 96)}),
    "accept_queue": (0.008, {"client": ("accept_queue.pcap", 96)}),
    "time_wait": (0.004, {"client": ("time_wait.pcap.gz", 80)}),
    "loss": (0.015, {"client": ("loss_client.pcap", 96), "server": ("loss_server.pcap", 96)}),
    "simultaneous": (0.020, {"client": ("simultaneous.pcap", 96)}),
}


V4 = ("192.0.2.0/24", "198.51.100.0/24")
V6 = ("2001:db8:1::/64", "2001:db8:2::/64")


def record(name):
    delay, files = SCENES[name]
    client = Host("client0", "02:00:00:00:00:01", scenes.CLIENT_ADDRESSES, [V4[1], V6[1]])
    server = Host("server0", "02:00:00:00:00:02", scenes.SERVER_ADDRESSES, [V4[0], V6[0]])
    wire = Wire(client, server, delay)
    wire.thread.start()
    stage = Stage(client, server)
    try:
        time.sleep(getattr(scenes, name)(stage, wire))
        wire.recording = False
        stage.wait()
    finally:
        wire.running = False
        wire.thread.join()
    start = min(tap[0][0] for tap in wire.taps.values() if tap)
    for tap, (file, snap) in files.items():
        capture.save(str(HERE / file), wire.taps[tap], start, snap)


def main():
    names = sys.argv[1:] or list(SCENES)
    if len(names) == 1:
        return record(names[0])
    # A process for each scene: its sockets and namespaces end with it.
    runs = [subprocess.Popen([sys.executable, __file__, name]) for name in names]
    sys.exit(max(run.wait() for run in runs))


if __name__ == "__main__":
    main()
