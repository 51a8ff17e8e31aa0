#!/usr/bin/env python3
"""One connection over a VLAN, its frames made by hand: no kernel has to know VLANs for it.

    tagged.py answer INTERFACE     the server, until the connection is closed; prints `ready` once it listens
    tagged.py ask INTERFACE        the client

A tag that arrives travels beside the packet from there on: a tap is shown the packet without it. The other end's
kernel takes none of these packets, they are for a VLAN that it does not have.
"""
import socket
import struct
import sys

VLAN = 7
CLIENT, SERVER = (bytes([10, 7, 0, 1]), 40_000, bytes([2, 0, 0, 0, 7, 1])), (bytes([10, 7, 0, 2]), 8_010, bytes([2, 0, 0, 0, 7, 2]))
FIN, SYN, PSH, ACK = 1, 2, 8, 16
OUTGOING = 4


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(src, dst, seq, ack, flags, data):
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack, 0x50, flags, 0xFFFF, 0, 0) + data
    pseudo = src[0] + dst[0] + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), seq & 0xFFFF, 0x4000, 64, 6, 0) + src[0] + dst[0]
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return dst[2] + src[2] + struct.pack("!HHH", 0x8100, VLAN, 0x0800) + ip + tcp


# Who sends, sequence and acknowledgment number, flags, data: each waits for the one before.
STEPS = [
    ("ask", 1_000, 0, SYN, b""),
    ("answer", 5_000, 1_001, SYN | ACK, b""),
    ("ask", 1_001, 5_001, ACK, b""),
    ("ask", 1_001, 5_001, ACK | PSH, b"hello"),
    ("answer", 5_001, 1_006, ACK | PSH, b"hello, too"),
    ("ask", 1_006, 5_011, ACK | FIN, b""),
    ("answer", 5_011, 1_007, ACK, b""),
    ("answer", 5_011, 1_007, ACK | FIN, b""),
    ("ask", 1_007, 5_012, ACK, b""),
]


def main(role, interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 3))
    mine, other = (CLIENT, SERVER) if role == "ask" else (SERVER, CLIENT)
    print("ready", flush=True)
    for who, seq, ack, flags, data in STEPS:
        if who == role:
            s.send(frame(mine, other, seq, ack, flags, data))
            continue
        # As it arrives: without its tag.
        awaited = frame(other, mine, seq, ack, flags, data)
        awaited = awaited[:12] + awaited[16:]
        while True:
            got, address = s.recvfrom(2_048)
            if address[2] != OUTGOING and got[: len(awaited)] == awaited:
                break


main(sys.argv[1], sys.argv[2])
