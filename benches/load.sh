#!/bin/bash
# Up to which rate no packet is dropped, beside tcpdump, over a veth into a network namespace (as root):
#   benches/load.sh PROGRAM CAPTURE PACKETS ROUNDS RATE...
# Sends the first PACKETS of CAPTURE (`cargo bench --bench traffic -- web PACKETS - > CAPTURE`) with tcpreplay at each rate,
# in packets per second or `top`; in each round once for each program, one after the other, so that whatever else the
# machine does meets all of them. Written: rate asked for and reached, program, packets seen and dropped by the kernel.
set -eu
program=$1 capture=$2 packets=$3 rounds=$4
shift 4
snap=128
folder=$(mktemp -d)
space=load$$
ip netns add "$space"
trap 'kill $(jobs -p) 2>/dev/null || true; ip netns del "$space"; ip link del "near$$" 2>/dev/null || true; rm -r "$folder"' EXIT
ip link add "near$$" type veth peer name far netns "$space"
for there in "" "ip netns exec $space"; do
    link=$([ -n "$there" ] && echo far || echo "near$$")
    $there sysctl -qw "net.ipv6.conf.$link.disable_ipv6=1" || true
    $there ip link set "$link" up
done
there() { exec ip netns exec "$space" nice -n -20 "$@"; }
# A socket that is bound is marked as running.
running() { ip netns exec "$space" awk '$6 == 1 { found = 1 } END { exit !found }' /proc/net/packet; }

run() { # name rate
    local options=() seen dropped
    case $1 in
        tcpdump) there tcpdump -i far -s $snap -w /dev/null 2> "$folder/errors" & ;;
        tcpstate) there "$program" live -i far -s $snap --format json --output "$folder/json" 2> "$folder/errors" & ;;
        tcpstate-ndjson) there "$program" live -i far -s $snap --format ndjson > "$folder/json" 2> "$folder/errors" & ;;
    esac
    local capturer=$!
    until running; do kill -0 "$capturer"; sleep 0.05; done
    [ "$2" = top ] && options=(--topspeed) || options=(--pps "$2")
    nice -n -20 tcpreplay -q -K "${options[@]}" -i "near$$" --limit "$packets" "$capture" > "$folder/sent" 2>&1
    sleep 0.5
    kill -INT "$capturer"
    wait "$capturer" || true
    if [ "$1" = tcpdump ]; then
        seen=$(awk '/packets captured/ { print $1 }' "$folder/errors")
        dropped=$(awk '/dropped by kernel/ { print $1 }' "$folder/errors")
    else
        read -r seen dropped < <(python3 - "$folder/json" <<'PYTHON'
import json, re, sys
head = open(sys.argv[1]).read()
files = re.search(r'"files": ?(\[.*?\])', head, re.S)
of = json.loads(files.group(1))[0]
print(of["packets"], of["dropped"])
PYTHON
        )
    fi
    echo "$2 $(awk '/^Rated/ { print int($(NF - 1)) }' "$folder/sent") $1 $seen $dropped"
}

echo "rate sent-at program seen dropped"
for rate in "$@"; do
    for ((round = 0; round < rounds; round++)); do
        for name in tcpdump tcpstate tcpstate-ndjson; do run "$name" "$rate"; done
    done
done
