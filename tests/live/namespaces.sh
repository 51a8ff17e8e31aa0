#!/bin/bash
# Two hosts joined by a veth, in network namespaces of their own: run as
#   unshare -n tests/live/namespaces.sh PROGRAM FOLDER [ROUNDS]                                   as root
#   unshare -Un --map-current-user --keep-caps tests/live/namespaces.sh PROGRAM FOLDER [ROUNDS]   as anybody else
# In FOLDER it leaves tap.pcap (tcpdump at the client's end), live.json, live.pcapng and live.ndjson (the program at the same tap),
# any.json (the program on all interfaces), ss.client and ss.server (the kernels' states at the end), metrics.txt.
set -eu
program=$1 folder=$2 rounds=${3:-3}
here=$(dirname "$(readlink -f "$0")")
cd "$folder"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

unshare -n sleep infinity & peer=$!
pids+=("$peer")
# The other namespace is there when it differs from this one.
until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
there() { nsenter -t "$peer" -n "$@"; }
ip link set lo up
ip link add near type veth peer name far netns "$peer"
ip addr add 10.9.0.1/24 dev near
ip addr add fd09::1/64 dev near nodad
ip link set near up
there ip link set lo up
there ip addr add 10.9.0.2/24 dev far
there ip addr add fd09::2/64 dev far nodad
there ip link set far up

# Immediately, so that nothing is missing at the end; in nanoseconds, like the program.
tcpdump -i near -w tap.pcap -s 256 -B 16384 --nano --immediate-mode -U $( [ "$(id -u)" != 0 ] || echo -Z root ) 'tcp or ip6[6] == 0' 2>tcpdump.log & tcpdump=$!
"$program" live -i near --format json --output live.json --write live.pcapng -n all & json=$!
"$program" live -i near --format ndjson --interval 1s --metrics 127.0.0.1:9464 > live.ndjson 2>/dev/null & ndjson=$!
"$program" live -i any --format json --output any.json -n all & any=$!
pids+=("$tcpdump" "$json" "$ndjson" "$any")
until grep -q "listening on" tcpdump.log; do kill -0 "$tcpdump"; sleep 0.01; done
until [ "$(wc -l < /proc/net/packet)" -ge 5 ]; do sleep 0.01; done

coproc server { there python3 "$here/workload.py" serve 10.9.0.2; }
read -r -u "${server[0]}" _
coproc server6 { there python3 "$here/workload.py" serve fd09::2; } 2>/dev/null
read -r -u "${server6[0]}" _
mkfifo hold
python3 "$here/workload.py" connect 10.9.0.2 "$rounds" < hold > four.log & four=$!
python3 "$here/workload.py" connect fd09::2 "$rounds" < hold > six.log & six=$!
exec 9> hold
pids+=("$four" "$six")
until grep -q ready four.log && grep -q ready six.log; do sleep 0.05; done
# Two rounds of the program's own clock: everything captured is out.
sleep 1.5
ss -Htan > ss.client
there ss -Htan > ss.server
exec 8<>/dev/tcp/127.0.0.1/9464
printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n' >&8
cat <&8 > metrics.txt
exec 8>&-
kill -INT "$json" "$ndjson" "$any" "$tcpdump"
wait "$json"; wait "$ndjson"; wait "$any"; wait "$tcpdump" || true
