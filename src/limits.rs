//! Every bound of the system, in one place, each with its reason.

mod deliveries;
mod expressions;
mod schedules;
mod traces;
mod travel;

use std::time::Duration;

pub use deliveries::*;
pub use expressions::*;
pub use schedules::*;
pub use traces::*;
pub use travel::*;

// --- events -------------------------------------------------------------------------------------

/// The contract's length of a stream path.
pub const PATH_CHARS_MAX: usize = 1_023;
/// The contract's length of a project's name.
pub const PROJECT_CHARS_MAX: usize = 255;
/// The contract's length of an event type.
pub const EVENT_TYPE_CHARS_MAX: usize = 2_048;
/// A key is an index entry of the store, kept for ever: long ones would make the index outgrow the events.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 1_024;
/// Deeper values overflow the recursive parsers of common readers.
pub const JSON_DEPTH_MAX: usize = 128;
/// One event: fat bundles with their source maps reach several megabytes.
pub const EVENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Of an invalid input that is larger than an event, so much of its text is kept.
pub const RAW_INPUT_CUT_CHARS: usize = 64 * 1024;

// --- appends ------------------------------------------------------------------------------------

/// Of a form's files the contents are kept up to so many bytes together: in base64 they still fit into an event.
pub const FORM_FILES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Parts of a multipart form: far more than any page has, and few enough to be held one by one.
pub const FORM_PARTS_MAX: usize = 10_000;
/// One request's body: a batch may hold one event of the largest size.
pub const BODY_BYTES_MAX: usize = EVENT_BYTES_MAX + 1024 * 1024;
/// Large bodies held at once, all requests together; more are answered 503, so that memory does not run out.
pub const BODIES_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Bodies up to this size are not counted: so many connections of them fit.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;
/// One atomic batch, so that no client holds the committer for long.
pub const BATCH_EVENTS_MAX: usize = 10_000;
/// Appends waiting at one stream; more are answered 429, so that a slow disk shows as back-pressure.
pub const STREAM_QUEUE_MAX: usize = 4_096;
/// Events that one stream hands to the committer at once; the rest waits for the next sync.
pub const STREAM_COMMIT_EVENTS_MAX: usize = 1_024;
/// Commits waiting for the committer; more make the streams wait.
pub const COMMIT_QUEUE_MAX: usize = 4_096;
/// Events that share one sync: more would let the first of them wait for the last.
pub const GROUP_COMMIT_EVENTS_MAX: usize = 4_096;
/// Bytes that share one sync, for the same reason.
pub const GROUP_COMMIT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Checkpoints need no sync of their own: they join the next commit, or wait this long for one.
/// What a crash takes back is done again, with the same idempotency keys.
pub const LAZY_WRITE_DELAY: Duration = Duration::from_millis(20);

// --- the log ------------------------------------------------------------------------------------

/// sled's largest segment. A leaf beyond a quarter of it would go to a file of its own that sled never syncs.
pub const SLED_SEGMENT_BYTES: usize = 16 * 1024 * 1024;
/// A segment's worth of writes has at least so many syncs, whatever the checkpoints do (see `log/sled`).
pub const SLED_SYNCS_PER_SEGMENT: usize = 8;
/// No value of the store is longer: 16 of them, a leaf of sled, stay well under a quarter of a segment.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Default of sled's cache: memory takes off when the data outgrows it, so it is large.
pub const SLED_CACHE_BYTES: u64 = 1024 * 1024 * 1024;
/// fjall's cache of blocks, beside its memtables.
pub const FJALL_CACHE_BYTES: u64 = 256 * 1024 * 1024;
/// fjall's write buffer: what a restart after a crash has to replay is a few of these.
pub const FJALL_MEMTABLE_BYTES: u64 = 32 * 1024 * 1024;
/// fjall's journals: the least that it takes, for the same reason.
pub const FJALL_JOURNAL_BYTES: u64 = 128 * 1024 * 1024;
/// Tails that the committer remembers, 16 bytes each; a forgotten one costs one look into the store.
pub const TAIL_CACHE_MAX: usize = 100_000;
/// Keys of deleted streams that are removed between two commits: about 10 ms of waiting on sled.
pub const PURGE_KEYS_MAX: usize = 1_000;
/// How long an engine's own lock may outlive the engine in this process (its threads end a little later, and on a disk
/// that is busy with other things they may still be writing a segment).
pub const ENGINE_LOCK_WAIT: Duration = Duration::from_secs(30);
/// Problems that one check of a data folder spells out; the rest is counted.
pub const FSCK_PROBLEMS_MAX: usize = 100;

/// A file of the journal, and there are two. What they hold is applied again after a crash: a few thousand
/// events, a few tenths of a second on sled.
pub const JOURNAL_SEGMENT_BYTES: u64 = 2 * 1024 * 1024;
/// Written to the journal, the engine syncs so often: a checkpoint has little to do then, and holds nobody up.
pub const CHECKPOINT_BYTES: u64 = 512 * 1024;
/// And at the latest so long after a write: whoever restarts a quiet server does not wait for the journal.
pub const CHECKPOINT_AFTER: Duration = Duration::from_secs(1);

// --- streams ------------------------------------------------------------------------------------

/// A stream without appends and readers gives its memory back; its state is rebuilt in well under a millisecond.
pub const STREAM_IDLE: Duration = Duration::from_secs(10);
/// How often it is looked whether memory can go back to the system.
pub const MEMORY_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After so many streams have gone to rest, it does.
pub const MEMORY_TRIM_AFTER: usize = 512;
/// Committed batches that a live reader may be behind before it reads from the log again.
pub const PUBLISH_BUFFER_MAX: usize = 64;
/// Events read from the log at a time: bounds the memory of a reader, and how long one read holds a thread.
pub const READ_PAGE_EVENTS: usize = 512;
/// Bytes read from the log at a time, for the same reason when events are large.
pub const READ_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The built-in processors' state is stored after this many events, so that a stream starts by reading few.
pub const BUILTIN_CHECKPOINT_EVENTS: u64 = 1_000;
/// New streams waiting to be announced to their ancestors; the rest is found again by its mark in the log.
pub const ANNOUNCEMENTS_MAX: usize = 10_000;
/// New streams announced in one append to each ancestor.
pub const ANNOUNCEMENTS_BATCH: usize = 256;
/// Wait after an announcement that could not be stored.
pub const ANNOUNCE_RETRY: Duration = Duration::from_secs(1);
/// Fewer events than this are read again when a stream starts, rather than its state stored when it goes.
pub const BUILTIN_CHECKPOINT_EVENTS_MIN: u64 = 64;
/// Streams that one page of a listing shows.
pub const LIST_PAGE_MAX: usize = 1_000;

// --- the circuit breaker (contract §5) ------------------------------------------------------------

/// Default burst capacity, as the original's: a batch, or a page of answers at once.
pub const BURST_CAPACITY: u64 = 500;
/// Default refill: 250 events a second. A model streams up to 200 deltas a second, each an event, and that is no flood;
/// whatever goes on faster than that empties the bucket within seconds (a loop of two processors makes a thousand a
/// second and more). The original's 500 a minute stopped an answer of a model after its first minute.
pub const REFILL_RATE_PER_MINUTE: u64 = 15_000;
/// Largest capacity and refill: a bucket of that many events still counts in 64 bits, a thousandth of an event at a time.
pub const BREAKER_SETTING_MAX: u64 = 100_000_000_000_000;
/// Default length of a chain of reactions: an agent may well take 200 turns on its own.
pub const DEPTH_MAX: u32 = 500;
/// Links of a chain that are followed back to name its cycle in the reason of a pause.
pub const CYCLE_LINKS_MAX: usize = 32;

// --- readers over HTTP ------------------------------------------------------------------------------

/// Open connections; more wait to be accepted, so that descriptors do not run out.
pub const CONNECTIONS_MAX: usize = 10_000;
/// A client must send its request's head within this time.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The contract's interval of keep-alive comments.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a graceful shutdown waits for requests and hooks under way.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

// --- processors -------------------------------------------------------------------------------------

/// Failures in a row after which a processor is suspended until it is configured again.
pub const FAILURES_IN_A_ROW_MAX: u32 = 10;
/// Failed events that an instance below its configuration remembers for `redeliverFailed`: they stand in its mark,
/// which is written behind every event.
pub const REDELIVERIES_MAX: usize = 1_000;
/// Failures of `reduce` that one replay of the history reports; the rest would say the same.
pub const REPLAY_FAILURES_MAX: usize = 10;
/// Events in one call into an isolate: a replay is fast in batches, and a batch must not hold the worker long.
pub const REDUCE_BATCH_EVENTS: usize = 1_000;
/// Events of a history that are sent behind the code: they spare short histories a question of their own,
/// and are few because a processor need not have a `reduce`.
pub const AHEAD_EVENTS_MAX: usize = 32;
/// Their bytes, for the same reason.
pub const AHEAD_BYTES_MAX: usize = 64 * 1024;
/// A processor's state is stored after this many events, so that waking it replays few.
pub const STATE_CHECKPOINT_EVENTS: u64 = 1_000;
/// A processor without events gives its isolate back after this long; waking costs 0.3 to 10 ms.
pub const HIBERNATE_AFTER: Duration = Duration::from_secs(30);
/// Events under way at once in a processor with `concurrency: "parallel"`.
pub const PARALLEL_HOOKS_MAX: usize = 16;
/// Time for a hook to end by itself after its signal was aborted.
pub const ABORT_GRACE: Duration = Duration::from_millis(500);
/// Processors of one stream; each is a follower with an isolate.
pub const PROCESSORS_PER_STREAM_MAX: usize = 64;
/// Environment variables of one stream.
pub const ENV_VARS_MAX: usize = 256;
/// A follower whose machinery fails (not the script) starts again after this long, doubled each time.
pub const FOLLOWER_RETRY_FIRST: Duration = Duration::from_millis(100);
/// And never waits longer than this.
pub const FOLLOWER_RETRY_MAX: Duration = Duration::from_secs(30);
/// Streams whose processors' usage is kept while they are idle: a hundred bytes for each processor.
pub const USAGES_MAX: usize = 10_000;
/// Source files of one processor.
pub const MODULES_MAX: usize = 1_000;

// --- the bundler ----------------------------------------------------------------------------------------

/// Builds at once: each holds its source in memory, and most wait for the network; how many compute at once is the
/// bundler's own bound.
pub const BUILDS_MAX: usize = 16;
/// Attempts of a build that this machine fails (not the source), before its author is told.
pub const BUILD_ATTEMPTS_MAX: usize = 4;

// --- isolates ---------------------------------------------------------------------------------------

/// Default memory of one isolate (contract §4).
pub const MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// What a configuration may ask for at most: a few of them must fit a small machine.
pub const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What an isolate has at least: the engine and the prelude need a quarter of it before a script begins.
pub const MEMORY_BYTES_MIN: u64 = 1024 * 1024;
/// Default processor time of one turn (contract §4).
pub const CPU_PER_TURN: Duration = Duration::from_secs(1);
/// What a configuration may ask for: a turn holds its whole worker.
pub const CPU_PER_TURN_MAX: Duration = Duration::from_secs(5);
/// Default wall clock of one `afterAppend` (contract §4).
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(300);
/// What a configuration may ask for.
pub const HOOK_TIMEOUT_MAX: Duration = Duration::from_secs(3_600);
/// Loading a processor, with what its top level awaits: a deployment must not hang.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Default JavaScript stack.
pub const STACK_BYTES: u64 = 512 * 1024;
/// What a configuration may ask for: the thread of a worker has four times as much, for the engine's own recursions.
pub const STACK_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// The prelude itself needs less than half of it.
pub const STACK_BYTES_MIN: u64 = 128 * 1024;
/// Default timers of one isolate.
pub const TIMERS: u64 = 1_000;
/// What a configuration may ask for: each is an entry in the one list of its worker.
pub const TIMERS_MAX: u64 = 10_000;
/// Default `fetch`es of one isolate that are under way at once.
pub const PENDING_FETCHES: u64 = 32;
/// What a configuration may ask for: each holds a connection of the host's.
pub const PENDING_FETCHES_MAX: u64 = 256;
/// A piece of an answer on its way into an isolate; each exchange has one.
pub const NETWORK_PIECE_BYTES_MAX: usize = 256 * 1024;
/// Pieces of a request, or messages to a socket, that a script has sent and nobody has taken: it waits for each.
pub const NETWORK_PUSHES_MAX: usize = 2;
/// The other side of a WebSocket has this long to answer a close.
pub const SOCKET_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Streams that one isolate compresses or decompresses at once: each holds up to half a megabyte outside its memory.
pub const CODECS_MAX: usize = 32;
/// Bytes that one native of cryptography takes: it cannot be interrupted, and does so many in a few tenths of a second.
pub const CRYPTO_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Steps of a key derivation between two looks at the clock: a few milliseconds.
pub const DERIVATION_STEPS: u32 = 4_096;
/// Salsa blocks that scrypt stirs between two looks at the clock: a few milliseconds.
pub const SCRYPT_SALSA_STEPS: usize = 32 * 1024;
/// Bytes of the lanes of one scrypt, which are outside of the isolate's memory; also what one of its steps may work on.
pub const SCRYPT_BLOCK_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that one derivation gives: HKDF's own bound is just below. Until they are complete, no isolate counts them.
pub const DERIVED_BYTES_MAX: usize = 16 * 1024;
/// The modulus of an RSA key: a signature by a longer one takes longer than a turn should.
pub const RSA_BITS_MAX: usize = 4_096;
/// An RSA key in its format: the largest, with all its numbers, has less than a third of it.
pub const RSA_KEY_BYTES_MAX: usize = 8 * 1024;
/// Numbers that the search for an RSA key looks at between two looks at the clock: few of them are tested at length.
pub const RSA_CANDIDATES: u32 = 4;
/// Operations of one isolate that wait for the host.
pub const PENDING_OPS_MAX: usize = 256;
/// Bytes of the events among them: they have left the isolate's memory, and must not fill the worker's.
pub const PENDING_OP_BYTES_MAX: usize = 2 * EVENT_BYTES_MAX;
/// Unhandled rejections that one hook reports; the rest would say the same.
pub const UNHANDLED_PER_HOOK_MAX: u32 = 10;
/// Texts that an isolate hands over at once, in an array: the fields of a form, headers.
pub const TEXTS_MAX: usize = 1_000_000;
/// Their bytes: they are copied out of the memory that is counted.
pub const TEXTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Types that one read may name: each event of the history is compared with them, on the host.
pub const READ_TYPES_MAX: usize = 256;
/// Reads of one processor that the host works on at once: each holds one of its threads.
pub const READS_AT_ONCE_MAX: usize = 4;
/// Appends that one hook may make: what the breaker lets through on one stream in the 300 s that a hook may take. A
/// runaway loop inside one hook is no different from one across hooks.
pub const APPENDS_PER_HOOK: u64 = 75_000;
/// Streams that one reaction may append to: more than any list of recipients that should not be split.
pub const STREAMS_PER_HOOK_MAX: usize = 1_000;
/// Streams that all reactions to one event may create together, however deep: a workflow that starts thousands of
/// agents passes, a tree that doubles with each level ends at its thirteenth.
pub const STREAMS_PER_TREE_MAX: usize = 10_000;
/// Of these so many are forgiven in time: what a processor has scheduled may create a stream at each run for ever, and a
/// tree that doubles creates no more than that.
pub const STREAM_FORGIVEN_EVERY: Duration = Duration::from_secs(1);
/// Links of a chain that are looked up to find its tree: a schedule, a transformer and a receiver outside are one each.
pub const FAN_OUT_LINKS_MAX: usize = 8;
/// Events whose tree of reactions is known, in each of two generations: some tens of megabytes at the very most.
pub const FAN_OUT_EVENTS_MAX: usize = 100_000;
/// What a configuration may ask for: an import of a large file, say, takes several hooks.
pub const APPENDS_PER_HOOK_MAX: u64 = 100_000;
/// Default log lines of one hook, beyond which they are counted only.
pub const LOG_LINES_PER_HOOK: u64 = 200;
/// What a configuration may ask for: a turn's lines wait in the worker's memory.
pub const LOG_LINES_PER_HOOK_MAX: u64 = 2_000;
/// Default bytes of a processor's modules together: fat bundles reach several megabytes.
pub const MODULE_BYTES: u64 = 16 * 1024 * 1024;
/// What a configuration may ask for: the modules are part of one event.
pub const MODULE_BYTES_MAX: u64 = EVENT_BYTES_MAX as u64;
/// Log lines of one processor that wait to be stored; more are dropped.
pub const LOG_QUEUE_MAX: usize = 2_048;
/// Log lines stored in one append.
pub const LOG_BATCH_MAX: usize = 256;
/// Bytes of one log line.
pub const LOG_LINE_BYTES_MAX: usize = 16 * 1024;
/// A processor's state, as JSON.
pub const STATE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What a worker reads of its socket at once: most messages are smaller, so one call reads a whole one.
pub const WORKER_READ_BYTES: usize = 16 * 1024;
/// Bytes in one message between host and worker: a page of the largest events fits.
pub const FRAME_BYTES_MAX: usize = 96 * 1024 * 1024;
/// Compiling one processor: large bundles take 150 ms.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(10);
/// The address space of the process that compiles; only its own job dies of it.
pub const COMPILE_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Beyond its turn's allowance a worker is given this long before it is killed.
pub const KILL_GRACE: Duration = Duration::from_secs(1);
/// A worker beyond this much resident memory is replaced.
pub const WORKER_RSS_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// An isolate that works tells its host so often what it has used: more would cost more than a small turn.
pub const USAGE_INTERVAL: Duration = Duration::from_millis(500);
/// And at once when it has used so much.
pub const USAGE_CPU_MAX: Duration = Duration::from_millis(20);
/// Files that a worker process may have open: its three standard ones, copies of its socket, and a few in passing.
pub const WORKER_OPEN_FILES_MAX: u64 = 16;
/// Compiled processors kept in memory.
pub const BYTECODE_CACHE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How often a worker's processor time and memory are looked at.
pub const SUPERVISION_INTERVAL: Duration = Duration::from_millis(100);

// --- egress -----------------------------------------------------------------------------------------

/// Finding a name's addresses and connecting: beyond that a host is as good as down.
pub const EGRESS_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From a request's last byte to the head of its answer: models think for minutes before they say a word.
pub const EGRESS_HEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Between two pieces of a body, for the same reason.
pub const EGRESS_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// One answer's body, unpacked: more than an isolate can hold, and less than what fills a disk.
pub const EGRESS_RESPONSE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Redirects that one request follows, as the fetch standard has it.
pub const EGRESS_REDIRECTS_MAX: usize = 20;
/// Requests and WebSockets under way in the whole server: each may be a socket with its buffers.
pub const EGRESS_PLACES: usize = 2_048;
/// Those of one processor on one stream, so that none takes all of them.
pub const EGRESS_PLACES_EACH: usize = 128;
/// How long a request waits for one of its processor's places: about as long as a connection may take.
pub const EGRESS_PLACE_WAIT: Duration = Duration::from_secs(30);
/// Addresses of one name that are tried.
pub const EGRESS_ADDRESSES_MAX: usize = 16;
/// The next address is tried beside the one that has not answered for that long, as browsers do.
pub const EGRESS_NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// An idle connection is kept for the next request; servers close theirs after about a minute.
pub const EGRESS_CONNECTION_IDLE: Duration = Duration::from_secs(60);
/// Idle connections to one host.
pub const EGRESS_CONNECTIONS_IDLE_MAX: usize = 16;
/// A URL, as the common servers take one.
pub const EGRESS_URL_BYTES_MAX: usize = 16 * 1024;
/// The headers of a request: names and values, together.
pub const EGRESS_HEADER_BYTES_MAX: usize = 128 * 1024;
/// Header lines of an answer, as browsers bound them.
pub const EGRESS_RESPONSE_HEADERS_MAX: usize = 256;
/// The head of an answer, in bytes.
pub const EGRESS_RESPONSE_HEAD_BYTES_MAX: usize = 256 * 1024;
/// HTTP/2 asks a silent server this often whether it is there while requests are under way.
pub const EGRESS_HTTP2_PING: Duration = Duration::from_secs(30);
/// Unpacked at a time, so that a few bytes that unpack to gigabytes hold no thread and no memory.
pub const EGRESS_UNPACK_BYTES: usize = 64 * 1024;
/// The window of a zstd frame, as RFC 8878 bounds it for HTTP.
pub const EGRESS_ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Content codings, one around the other, of one answer.
pub const EGRESS_CODINGS_MAX: usize = 3;
/// The answer to a WebSocket's handshake: nobody thinks about it for long.
pub const WEBSOCKET_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Messages that wait for one WebSocket: a slow server holds its sender up.
pub const WEBSOCKET_QUEUE_MAX: usize = 16;
/// One message of a WebSocket.
pub const WEBSOCKET_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

// --- secrets ----------------------------------------------------------------------------------------

/// A secret's name: what fits an environment variable does fit.
pub const SECRET_NAME_CHARS_MAX: usize = 128;
/// A secret's value: keys and tokens have less, a service account's JSON about 3 KB.
pub const SECRET_VALUE_BYTES_MAX: usize = 64 * 1024;
/// What a secret is for, in words.
pub const SECRET_DESCRIPTION_CHARS_MAX: usize = 1_024;
/// Hosts of one secret.
pub const SECRET_HOSTS_MAX: usize = 64;
/// Secrets of one project: its answers are searched for all of them.
pub const SECRETS_PER_PROJECT_MAX: usize = 256;
/// Secrets of a server: they are kept in memory, and written as one file.
pub const SECRETS_MAX: usize = 10_000;
/// So many bytes of a value may end a message of a WebSocket before they are taken for it: fewer occur by chance.
pub const SECRET_PIECE_BYTES_MAX: usize = 7;
/// Values at least this long are masked in every answer; shorter ones, which occur by chance, only where they were sent.
pub const SECRET_MASKED_BYTES_MIN: usize = 8;
