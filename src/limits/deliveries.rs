//! Bounds of push subscriptions, and of the WebSockets of clients.

use std::time::Duration;

use super::CONNECTIONS_MAX;

/// Subscriptions of one stream: each looks at every event of it.
pub const SUBSCRIPTIONS_PER_STREAM_MAX: usize = 256;
/// A callback's URL, as the common senders of webhooks bound it.
pub const SUBSCRIPTION_URL_BYTES_MAX: usize = 2_048;
/// Headers of a subscription's own.
pub const SUBSCRIPTION_HEADERS_MAX: usize = 32;
/// Their names and values together: common servers take 8 KiB to 16 KiB.
pub const SUBSCRIPTION_HEADERS_BYTES_MAX: usize = 8 * 1024;
/// Types that one subscription may name: each event of the stream is compared with them.
pub const SUBSCRIPTION_TYPES_MAX: usize = 256;
/// Events that one subscription reads at a time; of these one is on its way.
pub const DELIVERY_PAGE_EVENTS: usize = 32;
/// Bytes that it reads at a time, for the same reason when events are large.
pub const DELIVERY_PAGE_BYTES: usize = 1024 * 1024;
/// One attempt, from the connection to the head of the answer: receivers are to answer first and work later.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests and sockets of all subscriptions at once, apart from those of processors: a slow receiver takes no place
/// from a script.
pub const DELIVERY_PLACES: usize = 4_096;
/// Idle connections to one host: a hundred subscriptions may share one receiver.
pub const DELIVERY_CONNECTIONS_IDLE_MAX: usize = 128;
/// Of an answer so much is read, so that its connection can be used again.
pub const DELIVERY_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Of a refusal's text so much is told.
pub const DELIVERY_ERROR_CHARS_MAX: usize = 300;
/// No attempt follows another sooner.
pub const DELIVERY_RETRY_MIN: Duration = Duration::from_millis(200);
/// The first pause between two attempts is up to this long; each later one up to twice as long.
pub const DELIVERY_RETRY_FIRST: Duration = Duration::from_secs(1);
/// And never longer than this, so that a receiver which is back is found soon.
pub const DELIVERY_RETRY_MAX: Duration = Duration::from_secs(300);
/// The longest pause that a receiver may ask for.
pub const DELIVERY_RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// Attempts in a row for one event, about an hour and a half: then the subscription rests.
pub const DELIVERY_ATTEMPTS_MAX: u32 = 40;
/// Refusals of one event, as by 400 or 422, within some ten seconds: the receiver has read it and will not have it.
pub const DELIVERY_REFUSALS_MAX: u32 = 5;
/// Answers to one event that may be its fault or the receiver's (500, 404), over hours and two rests: by then somebody has
/// looked after a receiver that fails over everything.
pub const DELIVERY_DOUBTS_MAX: u32 = 3 * DELIVERY_ATTEMPTS_MAX;
/// Events in a row that a subscription gives up: one that refuses more than these would refuse every other, too, and
/// the rest is kept for it.
pub const DELIVERY_GIVEN_UP_IN_A_ROW_MAX: u32 = 3;
/// A subscription that rests is taken up by an event that comes after so long.
pub const DELIVERY_REST: Duration = Duration::from_secs(300);
/// A delivery without news ends after this long, with its progress stored: an event that comes within it costs no read.
pub const DELIVERY_LINGER: Duration = Duration::from_secs(2);
/// Notes of a subscription that wait for a paused stream to take them; of later troubles nothing is told.
pub const DELIVERY_NOTES_MAX: usize = 8;
/// How long the other side of a WebSocket has to answer the first ping: one that answers none is taken at its word
/// that it has what was written.
pub const PONG_FIRST_WAIT: Duration = Duration::from_secs(2);
/// An open WebSocket without traffic is asked so often whether the other side is there.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);
/// And it has so long to answer.
pub const PONG_WAIT: Duration = Duration::from_secs(10);
/// What a receiver appends over its WebSocket within so long after an event is taken to be in reaction to it: agents
/// take seconds, and people who write to each other pause now and then.
pub const REACTION_WINDOW: Duration = Duration::from_secs(30);

// --- WebSockets of clients ----------------------------------------------------------------------------

/// Open at once, as many as connections.
pub const SOCKETS_MAX: usize = CONNECTIONS_MAX;
/// A frame of a client's: larger events are appended over HTTP, whose bodies are counted together.
pub const SOCKET_MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Frames that wait for one socket; what is followed waits behind them, in the log.
pub const SOCKET_QUEUE_MAX: usize = 16;
/// A client that takes no frame for so long is sent away.
pub const SOCKET_SLOW_AFTER: Duration = Duration::from_secs(10);
/// Streams that one socket follows: each holds its actor.
pub const SOCKET_STREAMS_MAX: usize = 64;
/// Appends of one socket that are under way: they share syncs, and their order is kept.
pub const SOCKET_APPENDS_MAX: usize = 64;
