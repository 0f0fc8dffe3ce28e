//! What each built-in event type is, as data: the compiler sees to it that none is missing.

mod schedules;
mod subscriptions;

use super::transformers;
use crate::event::Kind;

pub struct EventDoc {
    /// One sentence.
    pub summary: &'static str,
    /// Who appends it.
    pub who: &'static str,
    /// What follows from it.
    pub effect: &'static str,
    pub fields: &'static [Field],
    /// A payload that is valid.
    pub example: &'static str,
    /// Whether a client may append it; what only the server may is shown and not offered.
    pub client: bool,
}

pub struct Field {
    pub name: &'static str,
    pub form: &'static str,
    pub required: bool,
    pub rule: &'static str,
}

const fn required(name: &'static str, form: &'static str, rule: &'static str) -> Field {
    Field { name, form, required: true, rule }
}

const fn optional(name: &'static str, form: &'static str, rule: &'static str) -> Field {
    Field { name, form, required: false, rule }
}

const SLUG: Field =
    required("slug", "string", "The processor's name within the stream: `[a-z0-9][a-z0-9_-]{0,63}`.");

const CONFIGURED_ON: Field = optional(
    "configuredOn",
    "object",
    "`{streamPath, offset}`: the configuration, when it is on a stream above (`includeChildren`); only the instance on this stream is meant.",
);

const REASON: [Field; 1] = [optional("reason", "string", "Why, for whoever reads the log.")];

pub fn doc(kind: Kind) -> EventDoc {
    match kind {
        Kind::Created => EventDoc {
            summary: "The stream came to be.",
            who: "The server, as the first event of every stream; nobody else.",
            effect: "None of its own: it stands at offset 1, so the first event that a client appends has offset 2.",
            fields: const {
                &[
                    required("path", "string", "The stream's path."),
                    required("project", "string", "The project that the stream belongs to."),
                ]
            },
            example: r#"{"path":"/team/inbox","project":"public"}"#,
            client: false,
        },
        Kind::ChildCreated => EventDoc {
            summary: "A stream came to be below this one.",
            who: "The server, once on every ancestor of a new stream: the root, then each prefix of its path.",
            effect: "The child appears among the stream's `childPaths` and in `GET /api/streams/__children/…`. System streams, with a segment that begins with `_`, are not announced.",
            fields: const { &[required("childPath", "string", "The new stream's path.")] },
            example: r#"{"childPath":"/team/inbox"}"#,
            client: false,
        },
        Kind::MetadataUpdated => EventDoc {
            summary: "The stream's metadata are these from now on.",
            who: "Clients and processors.",
            effect: "Replaces the stream's metadata whole; `GET /api/streams/__state/…` shows them.",
            fields: const {
                &[required("metadata", "object", "Any JSON object. Keys that are left out are gone.")]
            },
            example: r#"{"metadata":{"title":"The team's inbox","owner":"ada"}}"#,
            client: true,
        },
        Kind::ErrorOccurred => EventDoc {
            summary: "Something went wrong, somewhere.",
            who: "Anyone who has an error to tell: clients, processors, the server.",
            effect: "None of its own. Processors may react to it.",
            fields: const {
                &[
                    required("message", "string", "Not empty."),
                    optional(
                        "error",
                        "object",
                        "`{message, name?, stack?, code?}`, all strings: the error in more detail.",
                    ),
                ]
            },
            example: r#"{"message":"the payment provider did not answer","error":{"name":"TimeoutError","message":"no answer within 30 s"}}"#,
            client: true,
        },
        Kind::InvalidEventAppended => EventDoc {
            summary: "Something was posted that is no valid event; it is kept here.",
            who: "The server, in place of the invalid input, which it answers with 200 all the same.",
            effect: "None of its own. A processor may make a proper event of it: that is how a foreign webhook is taken in.",
            fields: const {
                &[
                    required(
                        "rawInput",
                        "any JSON",
                        "What was posted: the JSON, a form as an object of its fields (a file of it as `{name, type, size, base64}`), or the text (`{\"base64\": …}` when it is not UTF-8).",
                    ),
                    required("error", "string", "Why it is no valid event; names the field."),
                ]
            },
            example: r#"{"rawInput":{"challenge":"x"},"error":"`type` is missing: it must be a string"}"#,
            client: false,
        },
        Kind::Paused => EventDoc {
            summary: "The stream takes no more events.",
            who: "Clients; the circuit breaker, when a stream floods or a chain of reactions grows too long.",
            effect: "Until `stream/resumed`, every append is refused with 412 `stream-paused` and leaves no event; repeats of a known idempotency key still find their event.",
            fields: &REASON,
            example: r#"{"reason":"maintenance until noon"}"#,
            client: true,
        },
        Kind::Resumed => EventDoc {
            summary: "The stream takes events again.",
            who: "Clients.",
            effect: "Ends a pause, and starts the circuit breaker's counts anew.",
            fields: &REASON,
            example: r#"{"reason":"maintenance is over"}"#,
            client: true,
        },
        Kind::CircuitBreakerConfigured => EventDoc {
            summary: "How much this stream takes before it is paused.",
            who: "Clients.",
            effect: "Replaces the stream's circuit breaker configuration. Every event costs one from a bucket that refills steadily; an empty bucket pauses the stream, and so does a chain of reactions longer than `maxDepth`.",
            fields: const {
                &[
                    required(
                        "burstCapacity",
                        "integer",
                        "Positive: events at once. 15,000 when never configured, which is 250 a second: a model's stream of deltas passes, a flood does not.",
                    ),
                    required(
                        "refillRatePerMinute",
                        "integer",
                        "Positive: events a minute for ever. 500 when never configured.",
                    ),
                    optional(
                        "maxDepth",
                        "integer",
                        "Positive: the longest chain of reactions. 500 when left out.",
                    ),
                ]
            },
            example: r#"{"burstCapacity":10000,"refillRatePerMinute":60000,"maxDepth":50}"#,
            client: true,
        },
        Kind::ProcessorSourceConfigured => EventDoc {
            summary: "This stream is to run this source as a processor: TypeScript, several files, npm packages.",
            who: "Clients; processors that write processors.",
            effect: "The bundler resolves the dependencies, compiles and links the files, and appends `processor/configured` with one module that runs, or `processor/compile-failed` with what to change. Whatever ran under the slug goes on until the bundle is loaded. A later source, configuration or removal of the same slug takes the place of one that is still being built.",
            fields: const {
                &[
                    SLUG,
                    required(
                        "files",
                        "object",
                        "Text by relative path, as in `{\"processor.ts\": \"…\", \"lib/words.ts\": \"…\"}`. A `package.json` and a `tsconfig.json` among them count.",
                    ),
                    optional(
                        "entry",
                        "string",
                        "The file whose default export (or export `processor`) is the processor. Left out: `main` of package.json, else `processor` or `index` with any extension, also below `src/`, else the only file.",
                    ),
                    optional(
                        "packageJson",
                        "object or string",
                        "The package.json, of which `dependencies`, `optionalDependencies`, `peerDependencies`, `overrides`, `imports`, `main` and the `@types/*` of `devDependencies` count.",
                    ),
                    optional(
                        "lock",
                        "object",
                        "The `bundle.lock` of an earlier bundle: the same packages again, as long as the dependencies are the same. One that was changed since, or gives a package the name of another, is refused (`bad-lock`). Left out: that of the slug's last bundle on this stream.",
                    ),
                    optional(
                        "typecheck",
                        "string",
                        "`report` (default): the bundle runs, and type errors are told as `processor/type-errors-found`. `require`: they are `processor/compile-failed`. `off`: nobody looks. JavaScript is not checked (`checkJs: false`).",
                    ),
                    optional("includeChildren", "boolean", "As in `processor/configured`."),
                    optional("redeliverFailed", "boolean", "As in `processor/configured`."),
                    optional("limits", "object", "As in `processor/configured`."),
                    optional("egress", "object", "As in `processor/configured`."),
                ]
            },
            example: r#"{"slug":"ping","files":{"processor.ts":"import { defineProcessor } from 'millrace';\n\nexport default defineProcessor({\n  async afterAppend({ event, append }) {\n    if (event.type === 'ping') await append({ type: 'pong', payload: { to: event.offset } });\n  },\n});\n"}}"#,
            client: true,
        },
        Kind::ProcessorCompileFailed => EventDoc {
            summary: "A source did not become a processor: what is wrong, exactly where, and what to do.",
            who: "The bundler.",
            effect: "None of its own: whatever ran under the slug goes on. Append a repaired `processor/source-configured`.",
            fields: const {
                &[
                    SLUG,
                    required("sourceOffset", "integer", "Where the `processor/source-configured` stands."),
                    required("stage", "string", "`parse`, `resolve`, `install`, `link` or `typecheck`."),
                    required(
                        "diagnostics",
                        "array",
                        "`{severity, code, message, file, line, column, endLine?, endColumn?, snippet, hint?}` each; lines and columns count from 1 and point into `files`.",
                    ),
                ]
            },
            example: r#"{"slug":"ping","sourceOffset":2,"stage":"resolve","diagnostics":[{"severity":"error","code":"undeclared-dependency","message":"`zod` is not a dependency","file":"processor.ts","line":1,"column":19,"snippet":"> 1 | import { z } from 'zod';\n    |                   ^\n","hint":"add \"zod\" to the dependencies of package.json"}]}"#,
            client: false,
        },
        Kind::ProcessorTypeErrorsFound => EventDoc {
            summary: "A processor runs although the type checker objects to it.",
            who: "The bundler, for a source with `typecheck: \"report\"`.",
            effect: "None of its own.",
            fields: const {
                &[
                    SLUG,
                    required("sourceOffset", "integer", "Where the `processor/source-configured` stands."),
                    required(
                        "diagnostics",
                        "array",
                        "As in `processor/compile-failed`; the codes are TypeScript's.",
                    ),
                ]
            },
            example: r#"{"slug":"ping","sourceOffset":2,"diagnostics":[{"severity":"error","code":"TS2339","message":"Property 'tpye' does not exist on type 'Event'.","file":"processor.ts","line":5,"column":15,"snippet":"> 5 |     if (event.tpye === 'ping') return;\n    |               ^\n"}]}"#,
            client: false,
        },
        Kind::ProcessorConfigured => EventDoc {
            summary: "This stream runs this code as a processor.",
            who: "Clients; the bundler.",
            effect: "The server loads the code, reduces the stream's history with it, runs `onCaughtUp`, appends `processor/activated` and acts on every event after this one. A later configuration of the same slug replaces this one; one that fails to load leaves the last good version running, and is told as `processor/failed`. Identical code changes nothing.",
            fields: const {
                &[
                    SLUG,
                    optional(
                        "script",
                        "string",
                        "The code, one ES module whose default export (or export `processor`) is the processor. Exactly one of `script` and `modules`.",
                    ),
                    optional(
                        "modules",
                        "object",
                        "The code as several ES modules, text by relative name; the entry is `processor.js`, `processor.mjs`, `index.js` or `index.mjs` (or the same as .ts, when a bundler made JavaScript of it).",
                    ),
                    optional(
                        "sourceMap",
                        "object",
                        "A source map of `script` (version 3): with it, failures are told in the author's own files.",
                    ),
                    optional(
                        "includeChildren",
                        "boolean",
                        "`true` runs the processor on every stream below as well, each with a state of its own, from that stream's next event on (the event that creates it included). A stream's own processor of the same slug, or one of a nearer stream above, wins. System streams (`/a/_logs/x`) are left out.",
                    ),
                    optional(
                        "redeliverFailed",
                        "boolean",
                        "Once active, act again on the events whose `afterAppend` has failed since the last activation, oldest first.",
                    ),
                    optional(
                        "limits",
                        "object",
                        "What it may use; a breach is a `processor/failed` that says the limit and what was used. Default, and the most that may be asked for: `memoryBytes` of the isolate (64 MiB, 256 MiB), `cpuMs` of one turn (1,000, 5,000), `timeoutMs` of one `afterAppend` (300,000, 3,600,000), `stackBytes` (512 KiB, 2 MiB), `timers` set at once (1,000, 10,000), `pendingFetches` at once (32, 256), `appendsPerHook` (75,000, 100,000), `eventBytes` of one appended event as JSON (32 MiB, 32 MiB), `logLines` of one hook, beyond which they are only counted (200, 2,000), `moduleBytes` of all modules together (16 MiB, 32 MiB). `codeGeneration: true` lets `eval` and `new Function` compile, which some packages need (ajv's `compile`). A value beyond the most makes the event invalid.",
                    ),
                    optional(
                        "egress",
                        "object",
                        "`{allow: [\"api.example.com\", \"*.example.org:443\"]}`: narrows where the processor may call out to with `fetch`, `WebSocket` and `EventSource`, below what the server itself allows.",
                    ),
                    optional(
                        "bundle",
                        "object",
                        "`{sourceOffset?, sha256?, bytes?, dependencies?, lock?}`: what a bundler says of the bundle.",
                    ),
                ]
            },
            example: r#"{"slug":"ping","script":"export default {\n  async afterAppend({ event, append }) {\n    if (event.type === 'ping') await append({ type: 'pong', payload: { to: event.offset } });\n  },\n};\n"}"#,
            client: true,
        },
        Kind::ProcessorActivated => EventDoc {
            summary: "A version of a processor is running.",
            who: "The server, once per version, on the stream that was configured; not again at a restart.",
            effect: "None of its own: every event after the configuration is acted on by this version.",
            fields: const {
                &[
                    SLUG,
                    required("version", "string", "A digest of the code and its configuration."),
                    required("configuredOffset", "integer", "Where its `processor/configured` stands."),
                ]
            },
            example: r#"{"slug":"ping","version":"4c2f9b","configuredOffset":2}"#,
            client: false,
        },
        Kind::ProcessorFailed => EventDoc {
            summary: "A processor's code failed: where, why, and at which event.",
            who: "The server, once per failure.",
            effect: "None of its own. After `reduce` failed the state is as it was before; after `afterAppend` failed the next event goes on; a version that failed to load never replaces one that works. The processor itself does not see this event, others do.",
            fields: const {
                &[
                    SLUG,
                    required("version", "string", "The version that failed."),
                    required(
                        "phase",
                        "string",
                        "`load`, `reduce`, `afterAppend`, `onCaughtUp` or `unhandled-rejection`.",
                    ),
                    required(
                        "reason",
                        "string",
                        "`exception`, `timeout`, `out-of-memory`, `stack-overflow` or `limit`.",
                    ),
                    required(
                        "error",
                        "object",
                        "`{name, message, stack, frames: [{file, line, column, function?}], snippet?}`; lines and columns count from 1 and point into the author's own files, or into a package's (`zod/v4/core.js`); `snippet` is the code frame.",
                    ),
                    optional(
                        "cause",
                        "object",
                        "`{streamPath, offset}`: the event that the processor was busy with.",
                    ),
                    CONFIGURED_ON,
                ]
            },
            example: r#"{"slug":"ping","version":"4c2f9b","phase":"afterAppend","reason":"exception","error":{"name":"TypeError","message":"cannot read property 'to' of undefined","stack":"at afterAppend (processor.js:3:47)","frames":[{"file":"processor.js","line":3,"column":47,"function":"afterAppend"}]},"cause":{"streamPath":"/me/hello","offset":7}}"#,
            client: false,
        },
        Kind::ProcessorSuspended => EventDoc {
            summary: "A processor failed too often in a row and does not run any more.",
            who: "The server.",
            effect: "The processor rests until it is configured again. The stream itself goes on. Ten failures in a row do it: an event that it acts on with success breaks the row, by an append, a request or a log line; one that it only looks at does not.",
            fields: const { &[SLUG, required("reason", "string", "What it was suspended for."), CONFIGURED_ON] },
            example: r#"{"slug":"ping","reason":"10 failures in a row, the last at event 17"}"#,
            client: false,
        },
        Kind::ProcessorRemoved => EventDoc {
            summary: "A processor is no longer wanted.",
            who: "Clients.",
            effect: "Ends the processor; its `signal` aborts. A new configuration of the slug starts it again, from the beginning.",
            fields: const { &[SLUG] },
            example: r#"{"slug":"ping"}"#,
            client: true,
        },
        Kind::ProcessorLogged => EventDoc {
            summary: "A line that a processor has logged.",
            who: "The server, on the stream `PATH/_logs/SLUG`, for `console.*` and `logger`; once by itself, as `warn`, for a member of the processor that looks misspelt, or when it has none.",
            effect: "None. They are kept in a system stream, apart from the events that processors see.",
            fields: const {
                &[
                    required("level", "string", "`debug`, `log`, `info`, `warn` or `error`."),
                    required("message", "string", "The text."),
                    optional("offset", "integer", "The event that the processor was busy with."),
                ]
            },
            example: r#"{"level":"info","message":"answered a ping","offset":7}"#,
            client: false,
        },
        Kind::SubscriptionConfigured => subscriptions::CONFIGURED,
        Kind::SubscriptionRemoved => subscriptions::REMOVED,
        Kind::SubscriptionDeliveryFailed => subscriptions::DELIVERY_FAILED,
        Kind::SubscriptionDeliveryRecovered => subscriptions::DELIVERY_RECOVERED,
        Kind::EnvVarSet => EventDoc {
            summary: "An environment variable of this stream's processors.",
            who: "Clients.",
            effect: "`process.env[key]` is this value in the stream's processors from then on. It is part of the log: anyone who may read the stream can read it, so no secret belongs here.",
            fields: const {
                &[
                    required("key", "string", "1 to 256 bytes, without `=` and NUL."),
                    required("value", "string", "Any text without NUL."),
                ]
            },
            example: r#"{"key":"GREETING","value":"hello"}"#,
            client: true,
        },
        Kind::ScheduleConfigured => schedules::CONFIGURED,
        Kind::ScheduleCancelled => schedules::CANCELLED,
        Kind::ScheduleFired => schedules::FIRED,
        Kind::RendererConfigured => EventDoc {
            summary: "How a user interface shows matching events.",
            who: "Clients.",
            effect: "None on the server: it is for whoever displays the stream.",
            fields: const {
                &[
                    required(
                        "slug",
                        "string",
                        "The renderer's name within the stream: `[a-z0-9][a-z0-9_-]{0,63}`.",
                    ),
                    required("matcher", "string", "Which events: an expression over the event."),
                    required("template", "string", "The HTML template."),
                ]
            },
            example: r#"{"slug":"greeting","matcher":"type = 'greeted'","template":"<b>{{payload.name}}</b>"}"#,
            client: true,
        },
        Kind::TransformerConfigured => transformers::CONFIGURED,
        Kind::TransformerRemoved => transformers::REMOVED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventType, Json, builtin};

    #[test]
    fn each_example_is_a_payload_that_the_server_takes() {
        for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Created) {
            let example = Json::parse(doc(*kind).example).unwrap();
            assert_eq!(builtin::check(&EventType::from(*kind), &example), Ok(()), "{}", kind.name());
        }
    }

    #[test]
    fn each_example_shows_the_required_fields_and_only_known_ones() {
        for kind in Kind::ALL {
            let doc = doc(*kind);
            let example: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(doc.example).unwrap();
            for field in doc.fields.iter().filter(|field| field.required) {
                assert!(example.contains_key(field.name), "{}: {}", kind.name(), field.name);
            }
            for name in example.keys() {
                assert!(doc.fields.iter().any(|field| field.name == name), "{}: {name}", kind.name());
            }
        }
    }

    #[test]
    fn a_field_that_the_server_refuses_to_miss_is_called_required() {
        for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Created) {
            let doc = doc(*kind);
            for field in doc.fields {
                let mut example: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(doc.example).unwrap();
                if example.remove(field.name).is_none() || field.name == "script" {
                    continue;
                }
                let without = Json::of(&example);
                let refused = builtin::check(&EventType::from(*kind), &without).is_err();
                assert_eq!(refused, field.required, "{}: {}", kind.name(), field.name);
            }
        }
    }
}
