"""Writes captures: pcap with nanoseconds, or pcapng. The first packet of a recording is at EPOCH."""

import gzip
import struct

# 2026-03-02 09:00:00 UTC
EPOCH = 1_772_442_000 * 10**9
ETHERNET = 1


def save(path, packets, start, snap=96):
    """Writes (monotonic ns, bytes) pairs; `start` is the monotonic time that becomes EPOCH."""
    packets = [(EPOCH + at - start, data) for at, data in packets]
    plain = path.removesuffix(".gz")
    out = pcapng(packets, snap) if plain.endswith(".pcapng") else pcap(packets, snap)
    with open(path, "wb") as file:
        # The time of making is left out, so that the same packets give the same file.
        file.write(gzip.compress(out, mtime=0) if path != plain else out)
    print(f"{path}: {len(packets)} packets")


def pcap(packets, snap):
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, ETHERNET)]
    for at, data in packets:
        cut = data[:snap]
        out += [struct.pack("<IIII", at // 10**9, at % 10**9, len(cut), len(data)), cut]
    return b"".join(out)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(packets, snap):
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    # if_name, if_tsresol: nanoseconds
    out.append(block(1, struct.pack("<HHI", ETHERNET, 0, snap) + option(2, b"tap0") + option(9, b"\x09") + option(0, b"")))
    for at, data in packets:
        cut = data[:snap]
        out.append(block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(cut), len(data)) + cut))
    # isb_ifrecv, isb_ifdrop
    last = packets[-1][0]
    counts = option(4, struct.pack("<Q", len(packets))) + option(5, struct.pack("<Q", 0))
    out.append(block(5, struct.pack("<III", 0, last >> 32, last & 0xFFFFFFFF) + counts + option(0, b"")))
    return b"".join(out)
