"""A processor in Python, with the standard library only.

It counts the words of each `text-added` and appends `words-counted`:

    MILLRACE_URL=http://127.0.0.1:4777 python3 processor.py /examples/polyglot cursor.txt

See README.md for what it has to do with its cursor and its keys.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ.get("MILLRACE_URL", "http://127.0.0.1:4777")
# A live server says something every 5 seconds.
SILENCE_MAX = 20


def request(path, query="", body=None, **headers):
    return urllib.request.urlopen(
        urllib.request.Request(
            f"{SERVER}/api/streams{path}{query}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", **headers},
        ),
        timeout=SILENCE_MAX,
    )


def follow(path, after):
    """The events behind an offset, and then whatever comes, until the connection breaks."""
    query = "?" + urllib.parse.urlencode({"live": "true", "types": "text-added", "afterOffset": after or "start"})
    with request(path, query, accept="text/event-stream") as response:
        for line in response:
            if line.startswith(b"data:"):
                yield json.loads(line[len(b"data:") :])


def act(path, event):
    words = len(event["payload"].get("text", "").split())
    # The same event always has the same key: when it is acted on again, the stream finds what was appended first.
    key = f"words-python-{event['offset']}"
    payload = {"of": event["offset"], "words": words}
    # What it is a reaction to: so the log shows it, and a loop through several processors ends.
    cause = {"x-millrace-cause": f"{event['streamPath']}@{event['offset']}"}
    with request(path, body={"type": "words-counted", "payload": payload, "idempotencyKey": key}, **cause) as response:
        stored = json.load(response)["event"]
    if stored["type"] != "words-counted":
        raise SystemExit(f"the server takes this for no event: {stored['payload']['error']}")


def read_cursor(file):
    try:
        with open(file) as cursor:
            return int(cursor.read())
    except FileNotFoundError:
        return 0


def save_cursor(file, offset):
    """Whole or not at all, whenever the machine stops."""
    with open(f"{file}.new", "w") as cursor:
        cursor.write(str(offset))
        cursor.flush()
        os.fsync(cursor.fileno())
    os.replace(f"{file}.new", file)


def main(path, file):
    while True:
        try:
            for event in follow(path, read_cursor(file)):
                act(path, event)
                save_cursor(file, event["offset"])
        except urllib.error.HTTPError as error:
            # 4xx is our mistake; 429 and 5xx pass.
            if error.code < 500 and error.code != 429:
                raise SystemExit(f"{error.code}: {error.read().decode()}")
        except OSError as error:
            print(f"{error}; trying again", file=sys.stderr)
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
