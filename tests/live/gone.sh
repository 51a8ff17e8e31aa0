#!/bin/bash
# An interface goes away while it is watched: run as namespaces.sh is, as
#   tests/live/gone.sh PROGRAM
# Says for each way of going the exit code and what the program told. Whoever runs this bounds the whole.
set -u
program=$1
ip link set lo up
running() { awk '$6 == 1' /proc/net/packet | wc -l; }
for way in gone down-before another-one; do
    ip link add near type veth peer name far
    ip link set near up
    "$program" live -i near --format json -o /dev/null 2> told & watching=$!
    until [ "$(running)" = 1 ]; do kill -0 "$watching" || exit 1; sleep 0.01; done
    if [ "$way" != gone ]; then
        ip link set near down
        # Time for the program to hear of it; with less this is the first case again.
        sleep 0.3
    fi
    ip link del near
    [ "$way" != another-one ] || ip link add near type veth peer name far
    wait "$watching"
    echo "$way: $? $(cat told)"
    ip link del near 2> /dev/null
done
