#!/usr/bin/env bash
# Cuts the power of a server under load, again and again, and checks that nothing acknowledged is lost.
#
#   sudo tests/power_cut.sh [--engine sled|fjall] [--rounds 10] [--millrace target/release/millrace]
#
# For releases: it needs root, a loop device, mkfs.ext4 and python3. The data folder lies on a file system of
# its own in a file. A cut shuts that file system down without writing its journal or its caches
# (EXT4_IOC_SHUTDOWN), so that only what was synced is left; then the server is killed, the file system
# mounted anew, the folder checked by `millrace fsck`, and every acknowledged append looked for. The folder
# lives on from round to round. Not simulated: torn sectors, and disks that lie about their caches.
set -euo pipefail

engine=sled
rounds=10
millrace=target/release/millrace
while [ $# -gt 0 ]; do
    case "$1" in
        --engine) engine=$2 ;;
        --rounds) rounds=$2 ;;
        --millrace) millrace=$2 ;;
        *) echo "unknown option $1; see the head of $0" >&2; exit 2 ;;
    esac
    shift 2
done

[ "$(id -u)" = 0 ] || { echo "this needs root, for the loop device" >&2; exit 2; }
for tool in losetup mkfs.ext4 mount python3; do
    command -v "$tool" >/dev/null || { echo "this needs $tool" >&2; exit 2; }
done
[ -x "$millrace" ] || { echo "there is no program at $millrace; run \`cargo build --release\`" >&2; exit 2; }

work=$(mktemp -d)
disk=$work/disk
mountpoint=$work/mnt
data=$mountpoint/data
acknowledged=$work/acknowledged
server=
device=

clean_up() {
    [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
    umount "$mountpoint" 2>/dev/null || umount -l "$mountpoint" 2>/dev/null || true
    [ -z "$device" ] || losetup -d "$device" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

mkdir "$mountpoint"
: >"$acknowledged"
truncate -s 4G "$disk"
mkfs.ext4 -q "$disk"
device=$(losetup --find --show "$disk")
mount "$device" "$mountpoint"

# Sets $server and $url.
start_server() {
    local output=$work/server.log
    rm -f "$output"
    "$millrace" serve --store "$engine" --data "$data" --listen 127.0.0.1:0 >"$output" 2>&1 &
    server=$!
    for _ in $(seq 300); do
        url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$output" 2>/dev/null | head -n 1 || true)
        [ -z "$url" ] || return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    echo "the server does not start:" >&2
    cat "$output" >&2
    return 1
}

stop_server() {
    kill -9 "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

# Prints how much had been acknowledged when the cut began. What comes later does not count: a sync that the
# shutdown overtakes may be reported as done by the kernel, which a machine without power would not live to do.
cut_power() {
    python3 - "$mountpoint" "$acknowledged" <<'PYTHON'
import fcntl, os, struct, sys
EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_WRITING_THE_JOURNAL = 2
folder = os.open(sys.argv[1], os.O_RDONLY)
with open(sys.argv[2], "rb") as notes:
    # A note that was cut off is none.
    notes_bytes = notes.read().rfind(b"\n") + 1
fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_WRITING_THE_JOURNAL))
print(notes_bytes)
PYTHON
}

# Appends from several connections until the server no longer answers, and notes what it has acknowledged.
cat >"$work/load.py" <<'PYTHON'
import http.client, json, sys, threading, urllib.parse

host = urllib.parse.urlparse(sys.argv[1]).netloc
round_number, notes = sys.argv[2], open(sys.argv[3], "a", buffering=1)
lock = threading.Lock()
BREAKER = {"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1000000, "refillRatePerMinute": 1000000}}

def append(connection, path, events):
    connection.request("POST", f"/api/streams/{path}", json.dumps(events), {"content-type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise ConnectionError(f"the server answered {answer.status}: {json.loads(body).get('detail')}")
    return json.loads(body)["events"]

def load(thread):
    connection = http.client.HTTPConnection(host, timeout=30)
    path = f"load/t{thread}"
    try:
        append(connection, path, [BREAKER])
        for n in range(10 ** 9):
            size = 200000 if n % 40 == 39 else 200
            events = [
                {"type": "load", "payload": {"n": n, "text": "x" * size}, "idempotencyKey": f"{round_number}-{thread}-{n}-{i}"}
                for i in range(1 if size > 200 else 1 + n % 5)
            ]
            lines = [f"{path} {stored['offset']} {stored['idempotencyKey']}\n" for stored in append(connection, path, events)]
            with lock:
                notes.write("".join(lines))
    except (OSError, http.client.HTTPException) as error:
        # The cut is the only good reason to end; the caller sees how much was stored before it.
        if thread == 0:
            print(f"  load ended: {error}")

threads = [threading.Thread(target=load, args=(thread,)) for thread in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
PYTHON

# Every acknowledged event is at its offset, offsets are dense, and its key still leads to it.
cat >"$work/verify.py" <<'PYTHON'
import http.client, json, sys, urllib.parse

host = urllib.parse.urlparse(sys.argv[1]).netloc
expected = {}
for line in open(sys.argv[2]):
    path, offset, key = line.split()
    expected.setdefault(path, {})[int(offset)] = key
connection = http.client.HTTPConnection(host, timeout=120)
problems = []
for path, keys in expected.items():
    connection.request("GET", f"/api/streams/{path}", headers={"accept": "application/x-ndjson"})
    answer = connection.getresponse()
    body = answer.read()
    events = [json.loads(line) for line in body.splitlines() if line] if answer.status == 200 else []
    found = {event["offset"]: event.get("idempotencyKey") for event in events}
    if sorted(found) != list(range(1, len(found) + 1)):
        problems.append(f"{path}: its offsets are not dense")
    lost = [offset for offset, key in keys.items() if found.get(offset) != key]
    if lost:
        problems.append(f"{path}: {len(lost)} acknowledged events are lost, the first at {min(lost)}")
    stored = [key for key in found.values() if key]
    if len(stored) != len(set(stored)):
        problems.append(f"{path}: an idempotency key stands twice")
    last = max(keys)
    connection.request("POST", f"/api/streams/{path}", json.dumps({"type": "load", "idempotencyKey": keys[last]}))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200 or json.loads(body)["event"]["offset"] != last:
        problems.append(f"{path}: the key of event {last} no longer leads to it: {answer.status} {body[:200]}")
print(f"  {sum(map(len, expected.values()))} acknowledged events in {len(expected)} streams, {len(problems)} problems")
for problem in problems:
    print(f"  {problem}")
sys.exit(1 if problems else 0)
PYTHON

for round in $(seq "$rounds"); do
    echo "round $round of $rounds ($engine)"
    before=$(wc -l <"$acknowledged")
    start_server
    python3 "$work/load.py" "$url" "$round" "$acknowledged" &
    load=$!
    sleep "$((1 + RANDOM % 3)).$((RANDOM % 10))"
    counted=$(cut_power)
    stop_server
    wait "$load"
    late=$(($(wc -c <"$acknowledged") - counted))
    [ "$late" = 0 ] || echo "  $late bytes of notes came after the cut, and do not count"
    truncate -s "$counted" "$acknowledged"
    [ "$(wc -l <"$acknowledged")" -gt "$before" ] || { echo "nothing was acknowledged in this round" >&2; exit 1; }
    umount "$mountpoint"
    mount "$device" "$mountpoint"
    "$millrace" fsck "$data"
    start_server
    python3 "$work/verify.py" "$url" "$acknowledged"
    kill "$server"
    wait "$server" || true
    server=
done
echo "$rounds power cuts, nothing lost"
