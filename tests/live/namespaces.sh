#!/bin/bash
# Two hosts joined by a veth, in network namespaces of their own: run as
#   unshare -n tests/live/namespaces.sh PROGRAM FOLDER [ROUNDS]                                   as root
#   unshare -Un --map-current-user --keep-caps tests/live/namespaces.sh PROGRAM FOLDER [ROUNDS]   as anybody else
# In FOLDER it leaves tap.pcap (tcpdump at the client's end), live.json, live.pcapng and live.ndjson (the program at the same
# tap), any.json and any.pcapng (the program on all interfaces), ss.client and ss.server (the kernels' states at the end),
# metrics.txt.
#
# Nothing here waits for a time: every step waits until what it needs is to be seen, however long that takes; whoever runs
# this bounds the whole. `sleep` is only the pause between two looks.
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

# As soon as they come, so that nothing is missing at the end; in nanoseconds, like the program.
tcpdump -i near -w tap.pcap -s 256 -B 16384 --nano --immediate-mode -U $( [ "$(id -u)" != 0 ] || echo -Z root ) 'tcp or vlan' 2>tcpdump.log & tcpdump=$!
"$program" live -i near --format json --output live.json --write live.pcapng -n all & json=$!
"$program" live -i near --format ndjson --interval 1s --metrics 127.0.0.1:9464 > live.ndjson 2>/dev/null & ndjson=$!
"$program" live -i any --format json --output any.json --write any.pcapng -n all & any=$!
captures=("$tcpdump" "$json" "$ndjson" "$any")
pids+=("${captures[@]}")
# Every capture runs: a socket that is not bound yet is listed too, but not as running.
running() { awk '$6 == 1' /proc/net/packet | wc -l; }
until grep -q "listening on" tcpdump.log && [ "$(running)" = ${#captures[@]} ]; do
    kill -0 "${captures[@]}"
    sleep 0.01
done

ready() { until grep -qs ready "$1"; do kill -0 "${pids[@]}"; sleep 0.02; done; }
# Alone: its ends see all that passes, and bulk data would fill their sockets.
nsenter -t "$peer" -n python3 "$here/tagged.py" answer far > serve.tagged & tagged=$!
ready serve.tagged
python3 "$here/tagged.py" ask near > connect.tagged
wait "$tagged"

# Everybody's standard input; it ends with this script.
mkfifo hold
for address in 10.9.0.2 fd09::2; do
    nsenter -t "$peer" -n python3 "$here/workload.py" serve "$address" < hold > "serve.$address" & pids+=($!)
done
exec 9> hold
for address in 10.9.0.2 fd09::2; do ready "serve.$address"; done
for address in 10.9.0.2 fd09::2; do
    python3 "$here/workload.py" connect "$address" "$rounds" < hold > "connect.$address" 9>&- & pids+=($!)
done
for address in 10.9.0.2 fd09::2; do ready "connect.$address"; done

# Both kernels rest: what is to stay is there, all else waits for its TIME_WAIT to end, and nothing is sent again.
rests() {
    awk -v waiting="$1" '
        /timer:\(on/ { bad = 1 }
        $1 == "ESTAB" { open++; next }
        $1 == waiting { half++; next }
        $1 != "TIME-WAIT" && $1 != "LISTEN" { bad = 1 }
        END { exit bad || open != 4 || half != 4 }'
}
until ss -Htano | rests FIN-WAIT-2 && there ss -Htano | rests CLOSE-WAIT; do sleep 0.05; done
ss -Htan > ss.client
there ss -Htan > ss.server

# The last packets: who has seen the refusal has seen everything before it.
python3 "$here/workload.py" refused 10.9.0.2
ended() { tcpdump -nr "$1" 'tcp src port 8098 and tcp[tcpflags] & tcp-rst != 0' 2>/dev/null | grep -q .; }
for file in tap.pcap live.pcapng any.pcapng; do
    until ended "$file"; do kill -0 "${captures[@]}"; sleep 0.05; done
done
# And so has the page: all connections, that one included.
until grep -qs "^tcpstate_connections_opened_total $((2 * (8 * rounds + 4) + 2))$" metrics.txt; do
    kill -0 "${captures[@]}"
    sleep 0.05
    exec 8<>/dev/tcp/127.0.0.1/9464
    printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n' >&8
    cat <&8 > metrics.txt
    exec 8>&-
done
kill -INT "${captures[@]}"
wait "$json"; wait "$ndjson"; wait "$any"; wait "$tcpdump" || true
