//! The pages of the transformers' event types.

use super::table::{EventDoc, Field};

const SLUG: Field = Field {
    name: "slug",
    form: "string",
    required: true,
    rule: "The transformer's name within the stream: `[a-z0-9][a-z0-9_-]{0,63}`.",
};

pub const CONFIGURED: EventDoc = EventDoc {
    summary: "From here on, events that match are transformed into other events.",
    who: "Clients and processors.",
    effect: "For each event behind this one whose `matcher` is true as JSONata's `$boolean` has it, the value of `transform` is appended to the same stream: one event, or an array of up to 1,000, all or none of them; no value, or `[]`, is no event. Both expressions get the whole event as it is read over the wire. So a foreign webhook, which is stored as `stream/invalid-event-appended`, becomes a proper event; give that an `idempotencyKey` of the webhook's own id, and its repetitions are one event. An expression that does not parse makes this event invalid, and the error says where. One that fails over an event is told as `stream/error-occurred`, of up to ten in a row; the events behind it are matched all the same. A transformer never sees what it has appended itself. A later configuration of the slug replaces this one at once. An expression has one second and a gigabyte over each event; its regular expressions have no look-around and no back-references, and take time in proportion to the text. Evaluated as JSONata 2.2.",
    fields: &[
        SLUG,
        Field {
            name: "matcher",
            form: "string",
            required: true,
            rule: "A JSONata expression: which events.",
        },
        Field {
            name: "transform",
            form: "string",
            required: true,
            rule: "A JSONata expression: `{type, payload?, metadata?, idempotencyKey?}`, or an array of such.",
        },
    ],
    example: r#"{"slug":"slack","matcher":"type = 'stream/invalid-event-appended' and payload.rawInput.type = 'event_callback'","transform":"payload.rawInput.{'type': 'slack-message-received', 'payload': event.{'user': user, 'channel': channel, 'text': text}, 'idempotencyKey': 'slack-' & event_id}"}"#,
    client: true,
};

pub const REMOVED: EventDoc = EventDoc {
    summary: "The transformer is no more.",
    who: "Clients and processors.",
    effect: "Nothing is transformed by it any more, from now on: neither what comes nor what it has not looked at yet.",
    fields: &[SLUG],
    example: r#"{"slug":"slack"}"#,
    client: true,
};
