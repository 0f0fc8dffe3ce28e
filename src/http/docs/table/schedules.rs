//! What the event types of schedules are.

use super::{EventDoc, Field, optional, required};

const SLUG: Field =
    required("slug", "string", "The schedule's name within the stream: `[a-z0-9][a-z0-9_-]{0,63}`.");

pub const CONFIGURED: EventDoc = EventDoc {
    summary: "An event is to be appended by itself: at a time, after a while, again and again, or by the calendar.",
    who: "Clients; processors.",
    effect: "At each due time the server appends, in one commit, the event (its `source.kind` is `schedule`, its cause this configuration) and `schedule/fired`. A later configuration of the same slug replaces this one whole. What is overdue after a restart, or when a paused stream is resumed, is done once, and a recurring schedule goes on from there: missed runs are not made up for. Restarts and crashes neither lose a run nor do one twice. Each run is charged to the circuit breaker like any event. `GET /api/streams/__state/…` shows what waits, under `processors.scheduler`.",
    fields: &[
        SLUG,
        required(
            "append",
            "object",
            "The event to append, as it would be posted: `{type, payload?, metadata?, idempotencyKey?, offset?}`. It is checked now; one that is invalid makes this event invalid. A stream's scheduled events may have 32 MiB together. With an `idempotencyKey` of its own it is stored once, however often it is due. A paused stream takes `stream/resumed` from a schedule too, so a pause can be given an end.",
        ),
        required(
            "schedule",
            "object",
            "One of `{\"kind\":\"once-at\",\"at\":\"2026-01-31T09:00:00+01:00\"}` (a date-time with an offset; in the past means at once; up to the year 2199), `{\"kind\":\"once-in\",\"delaySeconds\":90}` (from this event on, 0.001 up to 100 years), `{\"kind\":\"every\",\"intervalSeconds\":0.5}` (the first after one interval; 0.01 up to 100 years) and `{\"kind\":\"cron\",\"cron\":\"30 9 * * MON-FRI\",\"timezone\":\"Europe/Berlin\"}`. Times have milliseconds. A cron expression has 5 fields (minute, hour, day of the month, month, day of the week) or 6 with the second in front, takes `L`, `W` and `#`, or is `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`; when both days are given, either will do. `timezone` is an IANA name, `UTC` when left out. Times of the day that are named (`30 2 * * *`, up to 48 of them) are kept when the clock is changed: one that is skipped is made up for at once, one that comes twice is done once. Intervals (`*/30 * * * *`) follow the clock.",
        ),
    ],
    example: r#"{"slug":"heartbeat","append":{"type":"heartbeat","payload":{"from":"scheduler"}},"schedule":{"kind":"every","intervalSeconds":60}}"#,
    client: true,
};

pub const CANCELLED: EventDoc = EventDoc {
    summary: "A schedule is no longer wanted.",
    who: "Clients; processors.",
    effect: "Ends the schedule: nothing of it is appended behind this event, not even what is due at this moment. A slug without a schedule is ignored.",
    fields: &[SLUG],
    example: r#"{"slug":"heartbeat"}"#,
    client: true,
};

pub const FIRED: EventDoc = EventDoc {
    summary: "A schedule was due, and this is how it went.",
    who: "The server, right behind the event that was appended, in the same commit.",
    effect: "Counts the run and sets the next; a schedule without a next run is gone. From anyone else it has no effect.",
    fields: &[
        SLUG,
        required(
            "outcome",
            "string",
            "`succeeded`, or `failed` when the stream did not take the event. A recurring schedule goes on after that.",
        ),
        optional("error", "string", "Why it failed."),
        required(
            "nextRunAt",
            "string or null",
            "When it is due again, as `createdAt` is written; null when this was the last time.",
        ),
    ],
    example: r#"{"slug":"heartbeat","outcome":"succeeded","nextRunAt":"2026-01-31T09:01:00.000Z"}"#,
    client: false,
};
