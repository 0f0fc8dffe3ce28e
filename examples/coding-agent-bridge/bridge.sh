#!/bin/sh
# Mirrors the JSON lines of a coding agent into a stream: reads them from stdin, hands them on unchanged on stdout.
#
#   pi --mode json "mend the tests" | sh bridge.sh /coding/tests
#   opencode run --format json "mend the tests" | sh bridge.sh /coding/tests
#   tail -n +1 -f session.jsonl | sh bridge.sh /coding/tests session
#
# Each line becomes one `coding-agent-event-added` with the line as its payload. The idempotency key is the session's name
# with the line's number, so the same session can be mirrored again from its first line after a cut.
set -eu

stream=$1
session=${2:-$(date +%s)-$$}
number=0

while IFS= read -r line; do
  number=$((number + 1))
  printf '%s\n' "$line"
  case $line in
    *'"type":"message_update"'*) ;; # each piece of a message, which comes again as a whole
    '{'*)
      "${MILLRACE:-millrace}" append "$stream" --type coding-agent-event-added --key "$session-$number" "$line" >&2
      ;;
  esac
done
