#!/usr/bin/env python3
"""Runs a program on a terminal of its own and says in which state it leaves that.

    terminal.py HOW PROGRAM ARGUMENT...

HOW is a list of signals and keys, separated by commas, that the program gets once its screen is drawn (`TERM`,
`key:q`), or `none`. The program's standard input is an empty pipe that stays open. Written as JSON: `output`, the
terminal's settings `raw` while the screen was open and `restored` at the end, whether the `cursor` is shown, `code`
(negative: a signal).
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios

# The screen is entered, and something was drawn on it.
OPEN, HIDDEN, SHOWN = b"\x1b[?1049h", b"\x1b[?25l", b"\x1b[?25h"


def main(how, program):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        # The first terminal that is opened is the controlling one.
        os.close(os.open(os.ttyname(slave), os.O_RDWR))
        os.dup2(theirs, 0)
        os.dup2(slave, 1)
        os.dup2(slave, 2)
        os.closerange(3, 64)
        os.environ["TERM"] = "xterm"
        os.environ["NO_COLOR"] = "1"
        os.execvp(program[0], program)
    # The child's end of the pipe is the child's alone; `slave` stays open here to read its settings.
    os.close(theirs)
    output, raw = b"", None
    pending = [] if how == "none" else how.split(",")
    status = None
    os.set_blocking(master, False)
    while True:
        ready, _, _ = select.select([master], [], [], 0.05)
        if ready:
            output += os.read(master, 65536)
            if pending and OPEN in output and HIDDEN in output:
                raw = termios.tcgetattr(slave) != before
                for what in pending:
                    if what.startswith("key:"):
                        os.write(master, what[4:].encode())
                    else:
                        os.kill(child, getattr(signal, "SIG" + what))
                pending = []
        elif status is not None:
            break
        if status is None:
            done, got = os.waitpid(child, os.WNOHANG)
            status = os.waitstatus_to_exitcode(got) if done else None
    json.dump(
        {
            "output": output.decode(errors="replace"),
            "raw": raw,
            "restored": termios.tcgetattr(slave) == before,
            "cursor": output.rfind(SHOWN) >= output.rfind(HIDDEN),
            "code": status,
        },
        sys.stdout,
    )


main(sys.argv[1], sys.argv[2:])
