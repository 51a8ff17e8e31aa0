#!/bin/bash
# Watches generated connections for as long as PACKETS last, and notes every ten seconds what it costs:
#   benches/soak.sh PROGRAM SHAPE PACKETS RATE OUT.csv [INTERFACE]
# SHAPE as of `cargo bench --bench traffic`, RATE in packets per second, `-` for as fast as it goes. The packets come by a
# pipe; with INTERFACE (say, one end of a veth, as root) they are sent there with tcpreplay, and watched there.
# Columns: seconds, packets, connections remembered, connections forgotten, packets dropped, resident KiB, CPU seconds.
set -eu
program=$1 shape=$2 packets=$3 rate=$4 out=$5 interface=${6:-}
port=${METRICS_PORT:-9465}
[ "$rate" != - ] || rate=1e9
cd "$(dirname "$(readlink -f "$0")")/.."
traffic=${TRAFFIC:-"cargo bench -q --bench traffic --"}
options=(--format ndjson --output /dev/null --interval 60s --metrics "127.0.0.1:$port")
if [ -n "$interface" ]; then
    "$program" live -i "$interface" "${options[@]}" & watcher=$!
    $traffic "$shape" "$packets" - "$rate" | tcpreplay -q --topspeed -i "$interface" - > /dev/null & sender=$!
else
    "$program" live - "${options[@]}" < <($traffic "$shape" "$packets" - "$rate") & watcher=$! sender=$!
fi
trap 'kill "$watcher" "$sender" 2>/dev/null || true' EXIT
page() {
    exec 8<>"/dev/tcp/127.0.0.1/$port" || return
    printf 'GET /metrics HTTP/1.1\r\n\r\n' >&8
    cat <&8
    exec 8>&-
}
value() { awk -v name="$1" 'index($1, name) == 1 { print $2; found = 1 } END { if (!found) print 0 }' <<< "$metrics" | tail -1; }
echo seconds,packets,tracked,evicted,dropped,rss_kib,cpu_s > "$out"
SECONDS=0
while kill -0 "$sender" 2>/dev/null; do
    sleep 10
    metrics=$(page 2>/dev/null || true)
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$watcher/status" 2>/dev/null || true)
    [ -n "$metrics" ] && [ -n "$rss" ] || continue
    cpu=$(awk -v hertz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hertz }' "/proc/$watcher/stat")
    echo "$SECONDS,$(value tcpstate_packets_total),$(value tcpstate_tracked_connections),$(value tcpstate_connections_evicted_total),$(value tcpstate_dropped_packets_total),$rss,$cpu" >> "$out"
done
kill -INT "$watcher" 2>/dev/null || true
wait "$watcher" || true
