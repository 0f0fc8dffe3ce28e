//! The pages of push subscriptions.

use super::{EventDoc, Field, optional, required};

const SLUG: Field =
    required("slug", "string", "The subscription's name within the stream: `[a-z0-9][a-z0-9_-]{0,63}`.");

pub const CONFIGURED: EventDoc = EventDoc {
    summary: "The stream's events are to be pushed to this URL, one by one and in order.",
    who: "Clients; processors.",
    effect: "Each matching event is delivered at least once, in order, from a cursor that outlives restarts. A webhook is a POST whose JSON body is the event; any answer of 2xx acknowledges it, and redirects are not followed. Everything else, and 10 s without an answer, is a failure: the delivery is tried again after pauses that double up to five minutes (with jitter; `retry-after` is heard, up to an hour). After 40 attempts at one event the subscription rests, until it is configured again or an event comes five minutes later; 410 ends it at once, until it is configured again. An event that the receiver itself refuses does not hold the others for ever: after 5 answers of 400, 409, 422 or any other 4xx that speaks of the event, or after 120 of 401, 403, 404, 405, 407 or 500, which may have any cause, it is given up and the next one's turn has come; `subscription/delivery-failed` with `givenUp` says so, `givenUp` of its state counts them, and `startFrom` with its offset has it delivered again. Timeouts, broken connections, 429 and other 5xx say nothing of the event, which is kept; so it is once 3 events in a row were given up. A websocket is opened by the server when there is something to deliver, and speaks frames of JSON text: `{\"type\":\"event\",\"event\":…}` to the peer, `{\"type\":\"append\",\"event\":…}` from it, `{\"type\":\"error\",\"message\":…}` either way; an event counts as delivered when the peer has answered a ping behind it (one that answers none is taken to have what was written). What the peer appends within 30 s of an event is in reaction to that, unless its frame names another `cause` (an offset); with an `id`, the frame is answered by `{\"type\":\"appended\",\"id\":…,\"event\":…}`. The latest configuration for a slug replaces the earlier one whole, also in the middle of a delivery; without `startFrom` it goes on where that one was. `subscription/*` events are never delivered. Webhooks are signed as Standard Webhooks say: `webhook-id` (the same for each attempt), `webhook-timestamp`, and `webhook-signature: v1,` with the base64 of HMAC-SHA256 over `id.timestamp.body`; `GET /api/subscriptions/__secret/{path}?slug=…` shows the key (`whsec_…`). `x-millrace-cause` names the event: a receiver that appends in reaction sends the header along, and loops end. State and progress: `__state` (`external-subscriber`), `GET /api/subscriptions/{path}`.",
    fields: const {
        &[
            SLUG,
            required("type", "string", "`webhook` or `websocket`."),
            required(
                "callbackUrl",
                "string",
                "`http(s)://…`, for a websocket also `ws(s)://…`; no credentials. The server's egress policy applies: private addresses need `--egress-allow`.",
            ),
            optional("eventTypes", "array", "Only events of these types. Left out: all."),
            optional(
                "startFrom",
                "string or integer",
                "The first event to deliver: `tail` (the one behind this), `start` (the stream's first) or an offset. Left out: where the slug's earlier configuration was, else `tail`.",
            ),
            optional(
                "headers",
                "object",
                "Sent with each request or handshake. A value may hold `getSecret({secretKey: 'NAME'})`, which is replaced on the way out. Headers of the connection, `webhook-*` and `x-millrace-*` are the server's own.",
            ),
            optional(
                "signingSecret",
                "object",
                "`{\"secretKey\": \"NAME\"}`: webhooks are signed with this secret (`whsec_…`) instead of the subscription's own key.",
            ),
            optional(
                "jsonataFilter",
                "string",
                "JSONata over the whole event: it is delivered only if the result is true, as `$boolean` has it.",
            ),
            optional(
                "jsonataTransform",
                "string",
                "JSONata over the whole event, whose result is delivered in its place; without a result nothing is. An event over which an expression fails is left out, and told as a trouble.",
            ),
            optional(
                "includeChildren",
                "boolean",
                "`true` serves every stream below as well, each with a cursor and troubles of its own, from that stream's next event on (the event that creates it included; with `startFrom: \"start\"` from its first). A stream's own subscription of the same slug, or one of a nearer stream above, wins. System streams (`/a/_logs/x`) are left out.",
            ),
        ]
    },
    example: r#"{"slug":"billing","type":"webhook","callbackUrl":"https://example.com/hooks/millrace","eventTypes":["order-placed"],"startFrom":"start","headers":{"authorization":"Bearer getSecret({secretKey: 'BILLING_TOKEN'})"}}"#,
    client: true,
};

pub const REMOVED: EventDoc = EventDoc {
    summary: "The subscription is no more.",
    who: "Clients; processors.",
    effect: "Ends it, with what is on its way to it. Its cursor is forgotten: one that is configured later begins anew.",
    fields: const { &[SLUG] },
    example: r#"{"slug":"billing"}"#,
    client: true,
};

pub const DELIVERY_FAILED: EventDoc = EventDoc {
    summary: "A subscription's receiver is in trouble.",
    who: "The server, once when a trouble begins; and once more, without `willRetryAt`, when the subscription rests or the event is given up.",
    effect: "None of its own, and it is delivered to no subscription. Processors may react to it. On a paused stream it waits for `stream/resumed`.",
    fields: const {
        &[
            SLUG,
            required("offset", "integer", "The event that could not be delivered."),
            required("error", "string", "What happened, and what to do."),
            optional(
                "willRetryAt",
                "string",
                "The next attempt. Left out when none comes by itself: the receiver said 410 Gone, the egress policy refuses it, or it was tried long enough.",
            ),
            optional(
                "givenUp",
                "boolean",
                "`true`: the receiver refuses this event, which is left out; the next ones are delivered. Otherwise it is the first of those that wait.",
            ),
        ]
    },
    example: r#"{"slug":"billing","offset":12,"error":"https://example.com/hooks/millrace answered with status 500","willRetryAt":"2026-03-01T12:00:00.500Z"}"#,
    client: false,
};

pub const DELIVERY_RECOVERED: EventDoc = EventDoc {
    summary: "A subscription's trouble has ended: the event was delivered.",
    who: "The server, once for each trouble.",
    effect: "None of its own, and it is delivered to no subscription.",
    fields: const {
        &[
            SLUG,
            required("offset", "integer", "The event with which the trouble began."),
            required("attempts", "integer", "How often it was tried, the one that succeeded included."),
        ]
    },
    example: r#"{"slug":"billing","offset":12,"attempts":3}"#,
    client: false,
};
