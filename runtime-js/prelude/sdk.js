// What processors use of the package `millrace` beside `defineProcessor`. Linked from runtime-js/src by a test
// (tests/it/sdk.rs), which says how: not to be edited.

export default function sdk() {
class MillraceError extends Error {
    name = "MillraceError";
    status;
    code;
    detail;
    more;
    constructor(status, code, detail, more = {}, options){
        super(detail, options);
        this.status = status;
        this.code = code;
        this.detail = detail;
        this.more = more;
    }
    get isPassing() {
        return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
    }
    static async of(response, asked) {
        const text = await response.text().catch(()=>"");
        try {
            const { status, code, detail, title, type: _, ...more } = JSON.parse(text);
            if (typeof code === "string") return new MillraceError(response.status, code, String(detail ?? title ?? code), more);
        } catch  {}
        const said = text.replace(/\s+/g, " ").trim().slice(0, 200);
        return new MillraceError(response.status, "unexpected-answer", `${asked} was answered with status ${response.status}${said && `: ${said}`}`);
    }
    static unreachable(asked, cause) {
        const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
        const why = inner instanceof Error ? inner.message : String(inner);
        return new MillraceError(0, "unreachable", `${asked} could not be sent: ${why}; is the server running there?`, {}, {
            cause
        });
    }
}
class HookFailure extends Error {
    name = "HookFailure";
    phase;
    reason;
    constructor(phase, thrown, reason = "exception"){
        super(thrown instanceof Error ? thrown.message : `${describe(thrown)} was thrown, which is not an Error`, {
            cause: thrown
        });
        this.phase = phase;
        this.reason = reason;
    }
    get isPause() {
        return this.cause instanceof MillraceError && this.cause.code === "stream-paused";
    }
    recorded(slug, version, offset) {
        const { cause } = this;
        const error = cause instanceof Error ? cause : this;
        const at = offset === undefined ? "" : ` at event ${offset}`;
        return {
            type: "stream/error-occurred",
            payload: {
                message: `processor \`${slug}\` failed in ${this.phase}${at}: ${this.message}`,
                error: {
                    name: error.name,
                    message: error.message || this.message,
                    ...error.stack && {
                        stack: error.stack
                    }
                }
            },
            metadata: {
                processor: slug,
                version,
                phase: this.phase,
                reason: this.reason,
                ...offset !== undefined && {
                    offset
                }
            }
        };
    }
}
function describe(thrown) {
    try {
        return typeof thrown === "string" ? JSON.stringify(thrown) : String(thrown);
    } catch  {
        return "something that cannot be looked at";
    }
}
const SEGMENTS = /^\/(?:[a-z0-9_-]+(?:\/[a-z0-9_-]+)*)?$/;
function canonical(path) {
    if (/^\/*$/.test(path)) return "/";
    return path.startsWith("/") ? path : `/${path}`;
}
function resolvePath(own, to) {
    if (to === undefined) return own;
    if (to.startsWith("/")) return checked(to.length > 1 && to.endsWith("/") ? to.slice(0, -1) : to);
    if (!/^\.\.?(?:\/|$)/.test(to)) {
        throw new TypeError(`path ${JSON.stringify(to)} must be absolute (\`/a/b\`) or relative (\`./child\`, \`../sibling\`, \`..\`)`);
    }
    const segments = own.split("/").filter(Boolean);
    for (const step of to.split("/")){
        if (step === "" || step === ".") continue;
        if (step !== "..") segments.push(step);
        else if (segments.pop() === undefined) throw new TypeError(`path ${JSON.stringify(to)} leads above the root from ${own}`);
    }
    return checked(`/${segments.join("/")}`);
}
function checked(path) {
    if (SEGMENTS.test(path)) return path;
    throw new TypeError(`stream path ${JSON.stringify(path)} must be made of segments of a-z, 0-9, _ and -, each behind a slash`);
}
function systemPath(path, ...segments) {
    return `${path === "/" ? "" : path}/${segments.join("/")}`;
}
function isSystem(path) {
    return path.split("/").some((segment)=>segment.startsWith("_") && !segment.startsWith("__"));
}
function isBelow(path, ancestor) {
    return ancestor === "/" ? path !== "/" : path.startsWith(`${ancestor}/`);
}
function inUrl(path) {
    return canonical(path).slice(1).split("/").map(encodeURIComponent).join("/");
}
function sleep(ms, signal) {
    return new Promise((resolve, reject)=>{
        if (signal?.aborted) return reject(signal.reason);
        const ended = ()=>{
            signal?.removeEventListener("abort", aborted);
            resolve();
        };
        const timer = setTimeout(ended, ms);
        const aborted = ()=>{
            clearTimeout(timer);
            reject(signal?.reason);
        };
        signal?.addEventListener("abort", aborted, {
            once: true
        });
    });
}
class Pauses {
    #next;
    #first;
    #most;
    constructor(firstMs = 100, mostMs = 10_000){
        this.#first = this.#next = firstMs;
        this.#most = mostMs;
    }
    take(atLeastMs = 0) {
        const taken = this.#next * (0.5 + Math.random() / 2);
        this.#next = Math.min(2 * this.#next, this.#most);
        return Math.max(taken, atLeastMs);
    }
    reset() {
        this.#next = this.#first;
    }
}
function anySignal(...signals) {
    const given = signals.filter((signal)=>signal !== undefined);
    return given.length === 1 ? given[0] : AbortSignal.any(given);
}
async function* lines(body, heard, signal) {
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let pieces = [];
    const stop = ()=>void reader.cancel(signal?.reason).catch(()=>{});
    signal?.addEventListener("abort", stop, {
        once: true
    });
    try {
        signal?.throwIfAborted();
        for(;;){
            const { done, value } = await reader.read();
            if (done) {
                signal?.throwIfAborted();
                return;
            }
            heard?.();
            const text = decoder.decode(value, {
                stream: true
            });
            let from = 0;
            for(let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)){
                const line = pieces.length > 0 ? pieces.join("") + text.slice(from, at) : text.slice(from, at);
                pieces = [];
                from = at + 1;
                yield line.endsWith("\r") ? line.slice(0, -1) : line;
            }
            if (from < text.length) pieces.push(text.slice(from));
        }
    } finally{
        signal?.removeEventListener("abort", stop);
        const cancelled = reader.cancel().catch(()=>{});
        if (!signal?.aborted) await cancelled;
    }
}
async function* messages(body, heard, signal) {
    let data = [];
    let event = "message";
    let id;
    for await (const line of lines(body, heard, signal)){
        if (line === "") {
            if (data.length > 0) yield {
                event,
                data: data.join("\n"),
                ...id !== undefined && {
                    id
                }
            };
            data = [];
            event = "message";
            continue;
        }
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        if (name === "data") data.push(value);
        else if (name === "event") event = value;
        else if (name === "id") id = value;
    }
}
const SILENCE_MS = 16_000;
const FIRST_ATTEMPTS = 6;
async function* follow(door, options) {
    const { beforeOffset, limit = Infinity, signal } = options;
    const live = options.live ?? beforeOffset === undefined;
    const types = typeof options.types === "string" ? options.types : options.types && [
        ...options.types
    ].join(",");
    let after = options.afterOffset;
    if (live && after === "end") after = await tail(door, options.path, signal) || "start";
    let left = limit;
    let attempt = 0;
    let reached = false;
    const pauses = new Pauses();
    while(left > 0){
        const watch = new Watch(live ? options.silenceMs ?? SILENCE_MS : Infinity);
        const stop = anySignal(watch.signal, signal);
        try {
            const response = await door.open(`/streams/${inUrl(options.path)}`, {
                query: {
                    afterOffset: after,
                    beforeOffset,
                    live,
                    types,
                    limit: left === Infinity ? undefined : left
                },
                headers: {
                    accept: live ? "text/event-stream" : "application/x-ndjson"
                },
                signal: stop
            });
            reached = true;
            for await (const event of events(response, live, watch, stop)){
                signal?.throwIfAborted();
                after = event.offset;
                attempt = 0;
                pauses.reset();
                watch.rest();
                yield event;
                left -= 1;
                if (left === 0) return;
                watch.heard();
            }
            if (!live) return;
            throw new MillraceError(0, "connection-ended", "the server has ended the connection");
        } catch (error) {
            if (signal?.aborted) throw signal.reason;
            const refused = error instanceof MillraceError && !error.isPassing;
            attempt += 1;
            if (refused || !reached && attempt >= FIRST_ATTEMPTS) throw error;
            options.onRetry?.(error, attempt);
            await sleep(pauses.take(), signal);
        } finally{
            watch.end();
        }
    }
}
async function tail(door, path, signal) {
    try {
        const state = await door.json(`/streams/__state/${inUrl(path)}`, {
            signal,
            patienceMs: 10_000
        });
        return state.eventCount;
    } catch (error) {
        if (error instanceof MillraceError && error.status === 404) return 0;
        throw error;
    }
}
async function* events(response, live, watch, signal) {
    if (!response.body) return;
    if (!live) {
        for await (const line of lines(response.body))if (line !== "") yield JSON.parse(line);
        return;
    }
    for await (const message of messages(response.body, ()=>watch.heard(), signal)){
        if (message.event === "error") throw new MillraceError(0, "stream-broken", message.data);
        yield JSON.parse(message.data);
    }
}
class Watch {
    #controller = new AbortController();
    #timer;
    #silenceMs;
    constructor(silenceMs){
        this.#silenceMs = silenceMs;
        this.heard();
    }
    get signal() {
        return this.#controller.signal;
    }
    heard() {
        if (this.#silenceMs === Infinity) return;
        clearTimeout(this.#timer);
        const silent = ()=>this.#controller.abort(new MillraceError(0, "silent", "the connection has fallen silent"));
        this.#timer = setTimeout(silent, this.#silenceMs);
    }
    rest() {
        clearTimeout(this.#timer);
    }
    end() {
        this.rest();
        this.#controller.abort(new DOMException("the read has ended", "AbortError"));
    }
}
const TYPES = [
    "processor/configured",
    "processor/activated",
    "processor/failed",
    "processor/compile-failed"
];
const ASK_EVERY_MS = 300;
async function deploy(door, { path, ...payload }, options = {}) {
    const { timeoutMs = 120_000 } = options;
    const { slug } = payload;
    const type = payload.files ? "processor/source-configured" : "processor/configured";
    const { event } = await door.json(`/streams/${inUrl(path)}`, {
        method: "POST",
        body: {
            type,
            payload
        },
        signal: options.signal
    });
    if (event.type !== type) {
        throw new MillraceError(400, "invalid-configuration", `the server takes this for no valid configuration: ${event.payload.error}`);
    }
    const { offset } = event;
    const over = new AbortController();
    const signal = options.signal ? AbortSignal.any([
        options.signal,
        over.signal
    ]) : over.signal;
    const late = setTimeout(()=>{
        const what = `processor \`${slug}\` was configured at offset ${offset} of ${path}`;
        over.abort(new MillraceError(0, "deploy-timeout", `${what}, but it was neither active nor failed within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
        const outcome = await Promise.race([
            told(door, path, slug, offset, signal),
            shown(door, path, slug, offset, signal)
        ]);
        return {
            slug,
            offset,
            ...outcome
        };
    } finally{
        clearTimeout(late);
        over.abort(new DOMException("the outcome is known", "AbortError"));
    }
}
async function told(door, path, slug, offset, signal) {
    for await (const event of follow(door, {
        path,
        afterOffset: offset,
        live: true,
        types: TYPES,
        signal
    })){
        const { payload } = event;
        if (payload.slug !== slug) continue;
        if (event.type === "processor/compile-failed" && payload.sourceOffset === offset) {
            return {
                status: "compile-failed",
                stage: payload.stage,
                diagnostics: payload.diagnostics,
                event
            };
        }
        if (event.type === "processor/activated" && payload.configuredOffset >= offset) {
            return {
                status: "activated",
                version: payload.version,
                configuredOffset: payload.configuredOffset,
                event
            };
        }
        const since = payload.cause?.offset ?? offset;
        if (event.type === "processor/failed" && payload.phase === "load" && since >= offset) {
            return {
                status: "failed",
                error: payload.error,
                event
            };
        }
    }
    throw new MillraceError(0, "connection-ended", `the stream ${path} has ended`);
}
async function shown(door, path, slug, offset, signal) {
    for(;;){
        await sleep(ASK_EVERY_MS, signal);
        const rows = await door.json(`/processors/${inUrl(path)}`, {
            signal,
            patienceMs: 10_000
        });
        const row = rows.find((row)=>row.slug === slug);
        const newest = row?.source?.offset ?? row?.configuredOffset;
        if (!row || newest !== undefined && newest > offset && row.source !== undefined) return {
            status: "superseded"
        };
        const isAnswered = row.source === undefined || row.source.status === "built";
        const isOlder = row.configuredOffset !== undefined && row.configuredOffset < offset;
        if (row.status === "active" && isAnswered && isOlder) return {
            status: "unchanged",
            version: row.version ?? ""
        };
    }
}
class Door {
    baseUrl;
    project;
    #token;
    #fetch;
    constructor({ baseUrl, project, token, fetch = globalThis.fetch }){
        this.baseUrl = baseUrl.replace(/\/+$/, "").replace(/\/api$/, "");
        this.project = project;
        this.#token = token;
        this.#fetch = (url, init)=>fetch(url, init);
    }
    async json(path, ask = {}) {
        return await this.#patiently(path, ask, async (response)=>response.json());
    }
    async open(path, ask = {}) {
        return this.#patiently(path, ask, async (response)=>response);
    }
    async #patiently(path, ask, take) {
        const until = Date.now() + (ask.patienceMs ?? 0);
        const pauses = new Pauses(50, 5_000);
        for(;;){
            let wanted = 0;
            try {
                const response = await this.#send(path, ask);
                wanted = 1_000 * Number(response.headers.get("retry-after") ?? 0) || 0;
                if (!response.ok) throw await MillraceError.of(response, asked(path, ask));
                return await take(response);
            } catch (error) {
                ask.signal?.throwIfAborted();
                const told = error instanceof MillraceError ? error : MillraceError.unreachable(asked(path, ask), error);
                const pause = pauses.take(wanted);
                if (!told.isPassing || Date.now() + pause > until) throw told;
                await sleep(pause, ask.signal);
            }
        }
    }
    #send(path, { method = "GET", query, body, headers, signal }) {
        const url = new URL(`${this.baseUrl}/api${path}`);
        for (const [key, value] of Object.entries(query ?? {}))if (value !== undefined) url.searchParams.set(key, String(value));
        const sent = {
            ...headers
        };
        if (this.project !== undefined) sent["x-millrace-project"] = this.project;
        if (this.#token !== undefined) sent["authorization"] = `Bearer ${this.#token}`;
        if (body !== undefined) sent["content-type"] = "application/json";
        return this.#fetch(url.href, {
            method,
            headers: sent,
            ...body !== undefined && {
                body: JSON.stringify(body)
            },
            ...signal && {
                signal
            }
        });
    }
}
const asked = (path, { method = "GET" })=>`${method} /api${path}`;
function fromEnvironment(...names) {
    const { process } = globalThis;
    for (const name of names){
        try {
            const value = process?.env?.[name];
            if (value) return value;
        } catch  {}
    }
    return undefined;
}
const DEFAULT_URL = "http://127.0.0.1:4777";
const PATIENCE_MS = 10_000;
function createEventsClient(options = {}) {
    const given = typeof options === "string" ? {
        baseUrl: options
    } : options;
    const door = new Door({
        baseUrl: given.baseUrl ?? fromEnvironment("MILLRACE_URL", "BASE_URL") ?? DEFAULT_URL,
        project: given.project ?? given.projectSlug ?? fromEnvironment("MILLRACE_PROJECT"),
        token: given.token ?? fromEnvironment("MILLRACE_TOKEN"),
        fetch: given.fetch
    });
    function post(path, body, repeatable, options) {
        const { cause, signal, patienceMs = PATIENCE_MS } = options;
        const headers = cause && {
            "x-millrace-cause": causeHeader(cause, door.project)
        };
        return door.json(`/streams/${inUrl(path)}`, {
            method: "POST",
            body,
            signal,
            ...headers && {
                headers
            },
            patienceMs: repeatable ? patienceMs : 0
        });
    }
    const client = {
        baseUrl: door.baseUrl,
        project: door.project,
        append (input, options = {}) {
            const path = "params" in input ? input.params.path : input.path;
            const body = "params" in input ? input.body : input.event;
            const event = isWrapped(body) ? body.event : body;
            return post(path, {
                event
            }, event.idempotencyKey !== undefined, options);
        },
        appendBatch (input, options = {}) {
            const repeatable = input.events.every((event)=>event.idempotencyKey !== undefined);
            return post(input.path, {
                events: input.events
            }, repeatable, options);
        },
        stream (options, { signal } = {}) {
            const { offset, ...rest } = options;
            return follow(door, {
                ...rest,
                afterOffset: rest.afterOffset ?? offset,
                signal: signal ?? rest.signal
            });
        },
        read (options, { signal } = {}) {
            return client.stream({
                ...options,
                live: false
            }, {
                signal
            });
        },
        state ({ path }, options = {}) {
            return door.json(`/streams/__state/${inUrl(path)}`, {
                ...options,
                patienceMs: PATIENCE_MS
            });
        },
        children ({ path, system }, options = {}) {
            return door.json(`/streams/__children/${inUrl(path)}`, {
                ...options,
                query: {
                    system
                },
                patienceMs: PATIENCE_MS
            });
        },
        async *list (options = {}) {
            const { prefix, system, signal } = options;
            for(let cursor;;){
                const page = await door.open("/streams", {
                    query: {
                        prefix,
                        system,
                        limit: 1000,
                        cursor
                    },
                    signal,
                    patienceMs: PATIENCE_MS
                });
                cursor = page.headers.get("x-millrace-next-cursor") ?? undefined;
                yield* await page.json();
                if (cursor === undefined) return;
            }
        },
        destroy (input, options = {}) {
            const { path, destroyChildren } = "params" in input ? {
                ...input.params,
                ...input.query
            } : input;
            return door.json(`/streams/${inUrl(path)}`, {
                ...options,
                method: "DELETE",
                query: {
                    destroyChildren
                }
            });
        },
        deploy (deployment, options = {}) {
            return deploy(door, deployment, options);
        },
        simulate ({ path, ...candidate }, options = {}) {
            return door.json(`/simulate/${inUrl(path)}`, {
                ...options,
                method: "POST",
                body: candidate
            });
        },
        processors ({ path }, options = {}) {
            return door.json(`/processors/${inUrl(path)}`, {
                ...options,
                patienceMs: PATIENCE_MS
            });
        },
        secrets: {
            set: (secret, options = {})=>door.json("/secrets", {
                    ...options,
                    method: "POST",
                    body: secret
                }),
            list: (options = {})=>door.json("/secrets", {
                    ...options,
                    patienceMs: PATIENCE_MS
                }),
            remove: ({ name }, options = {})=>door.json(`/secrets/${encodeURIComponent(name)}`, {
                    ...options,
                    method: "DELETE"
                }),
            create: (secret, options = {})=>client.secrets.set(secret, options)
        },
        getState: (input, options = {})=>client.state(input, options),
        listChildren: (input, options = {})=>client.children(input, options)
    };
    return client;
}
const isWrapped = (body)=>"event" in body && !("type" in body);
function causeHeader({ streamPath, offset }, project) {
    return `${streamPath}@${offset}${project === undefined ? "" : `; project=${encodeURIComponent(project)}`}`;
}
function validate(schema, value) {
    const result = schema["~standard"].validate(value);
    if (typeof result.then !== "function") return result;
    result.then(undefined, ()=>{});
    throw new TypeError("a schema of `events` checks asynchronously, and `reduce` cannot wait: use one that does not");
}
function describeIssues(issues) {
    return issues.map(({ message, path })=>path?.length ? `${path.map(keyOf).join(".")}: ${message}` : message).join("; ");
}
const keyOf = (step)=>String(typeof step === "object" ? step.key : step);
function defineProcessor(definition) {
    const defined = typeof definition === "function" ? definition() : definition;
    const found = defined;
    return found?.events ? looking(found, found.events) : found;
}
function looking(found, events) {
    const { events: _, ...processor } = found;
    const last = found.afterAppend ? "afterAppend" : found.onEvent ? "onEvent" : "reduce";
    for (const name of [
        "reduce",
        "afterAppend",
        "onEvent"
    ]){
        const hook = found[name];
        if (!hook) continue;
        processor[name] = (context)=>{
            const event = fitting(events, context.event, name === last ? context.logger : undefined);
            if (event === undefined) return;
            if (event === context.event) return hook.call(found, context);
            return hook.call(found, Object.create(context, {
                event: {
                    value: event,
                    enumerable: true
                }
            }));
        };
    }
    return processor;
}
function fitting(events, event, logger) {
    if (!Object.hasOwn(events, event.type)) return undefined;
    const schema = events[event.type];
    if (schema === true || schema === undefined) return event;
    const result = validate(schema, event.payload);
    if (result.issues) {
        logger?.warn(`\`${event.type}\` at offset ${event.offset} does not fit its schema and is passed over: ${describeIssues(result.issues)}`);
        return undefined;
    }
    return {
        ...event,
        payload: result.value
    };
}
const CHECKPOINTED = "pull/checkpointed";
const STARTED = "pull/started";
class CheckpointStore {
    #client;
    #path;
    #tail = 0;
    #snapshotAt;
    constructor(client, path, slug){
        this.#client = client;
        this.#path = systemPath(path, "_pull", slug);
    }
    async load(signal) {
        this.#tail = await this.#findTail(signal);
        if (this.#tail === 0) return {};
        const first = await this.#find(2, signal);
        const bases = first?.type === STARTED ? {
            bases: first.payload.bases
        } : {};
        const newest = await this.#find(this.#tail, signal);
        if (newest?.type !== CHECKPOINTED) return bases;
        const { snapshotAt, snapshot, ...checkpoint } = newest.payload;
        this.#snapshotAt = snapshot ? newest.offset : snapshotAt;
        const holder = snapshot || this.#snapshotAt === undefined ? newest : await this.#find(this.#snapshotAt, signal);
        return {
            ...bases,
            checkpoint: checkpoint,
            ...holder?.payload.snapshot && {
                snapshot: holder.payload.snapshot
            }
        };
    }
    async start(bases, signal) {
        await this.#append(STARTED, {
            bases
        }, signal);
    }
    async save(checkpoint, snapshot, signal) {
        const pointer = snapshot ? {
            snapshot
        } : this.#snapshotAt === undefined ? {} : {
            snapshotAt: this.#snapshotAt
        };
        const event = await this.#append(CHECKPOINTED, {
            ...checkpoint,
            ...pointer
        }, signal);
        if (snapshot) this.#snapshotAt = event.offset;
    }
    async #append(type, payload, signal) {
        const offset = Math.max(this.#tail, 1) + 1;
        try {
            const input = {
                type,
                payload,
                offset,
                idempotencyKey: crypto.randomUUID()
            };
            const { event } = await this.#client.append({
                path: this.#path,
                event: input
            }, {
                ...signal && {
                    signal
                },
                patienceMs: 60_000
            });
            this.#tail = event.offset;
            return event;
        } catch (error) {
            if (!(error instanceof MillraceError && error.code === "offset-mismatch")) throw error;
            const message = `another runtime drives this processor: it has written to ${this.#path}; this one has stopped`;
            throw new MillraceError(412, "taken-over", message, {}, {
                cause: error
            });
        }
    }
    async #find(offset, signal) {
        const cursor = offset === 1 ? "start" : offset - 1;
        for await (const event of this.#client.read({
            path: this.#path,
            afterOffset: cursor,
            limit: 1
        }, {
            signal
        }))return event;
        return undefined;
    }
    async #findTail(signal) {
        try {
            return (await this.#client.state({
                path: this.#path
            }, {
                signal
            })).eventCount;
        } catch (error) {
            if (error instanceof MillraceError && error.status === 404) return 0;
            throw error;
        }
    }
}
const ORIGINAL = "https://events.iterate.com/events/";
function isOwnLifecycle(event, slug) {
    const type = event.type.startsWith(ORIGINAL) ? event.type.slice(ORIGINAL.length) : event.type;
    if (type.startsWith("processor/") || type === "dynamic-worker/configured") return event.payload.slug === slug;
    return type === "stream/error-occurred" && event.metadata?.processor === slug;
}
function isCreation(event) {
    return event.type === "stream/child-created" || event.type === `${ORIGINAL}stream/child-stream-created`;
}
const SLUG = /^[a-z0-9][a-z0-9_-]{0,63}$/;
function slugOf(given) {
    if (given === undefined) throw new TypeError("the processor has no name: give it a `slug`, or name one beside it");
    if (!SLUG.test(given)) throw new TypeError(`slug ${JSON.stringify(given)} must be made of a-z, 0-9, _ and -, 64 characters at most`);
    return given;
}
const PATIENCE_MS2 = 120_000;
const LETTERS_MAX = 500;
class Outbox {
    #client;
    #queues = new Map();
    constructor(client){
        this.#client = client;
    }
    append(path, event, cause, signal) {
        return new Promise((stored, failed)=>{
            const letter = {
                event,
                stored,
                failed
            };
            let queues = this.#queues.get(signal);
            if (!queues) this.#queues.set(signal, queues = new Map());
            const waiting = queues.get(path);
            if (waiting) return waiting.letters.push(letter);
            const queue = {
                path,
                cause,
                signal,
                letters: [
                    letter
                ]
            };
            queues.set(path, queue);
            this.#deliver(queue);
        });
    }
    async #deliver(queue) {
        while(queue.letters.length > 0)await this.#send(queue, queue.letters.splice(0, LETTERS_MAX));
        const queues = this.#queues.get(queue.signal);
        queues?.delete(queue.path);
        if (queues?.size === 0) this.#queues.delete(queue.signal);
    }
    async #send(queue, letters) {
        const { path, cause, signal } = queue;
        const options = {
            ...cause && {
                cause: {
                    streamPath: cause.streamPath,
                    offset: cause.offset
                }
            },
            signal,
            patienceMs: PATIENCE_MS2
        };
        try {
            if (letters.length === 1) {
                const { event } = await this.#client.append({
                    path,
                    event: letters[0].event
                }, options);
                return settle(letters[0], event);
            }
            const { events } = await this.#client.appendBatch({
                path,
                events: letters.map(({ event })=>event)
            }, options);
            letters.forEach((letter, at)=>settle(letter, events[at]));
        } catch (error) {
            if (letters.length === 1) return letters[0].failed(error);
            for (const letter of letters)await this.#send(queue, [
                letter
            ]);
        }
    }
}
function settle({ event, stored, failed }, found) {
    if (found.type !== "stream/invalid-event-appended" || event.type === found.type) return stored(found);
    failed(new MillraceError(400, "invalid-event", `append: ${found.payload.error}`));
}
function reachOf(client) {
    const outbox = new Outbox(client);
    return {
        append: (path, event, cause, signal)=>outbox.append(path, event, cause, signal),
        simulate: async (path, candidate)=>await client.simulate({
                path,
                ...candidate
            }),
        async *read (options) {
            try {
                yield* client.read(options);
            } catch (error) {
                if (!(error instanceof MillraceError && error.code === "stream-not-found")) throw error;
            }
        }
    };
}
const KEYS = [
    "type",
    "payload",
    "metadata",
    "idempotencyKey",
    "offset"
];
function wrongInput(event) {
    const { type, payload, metadata, idempotencyKey, offset } = event;
    const unknown = Object.keys(event).find((key)=>!KEYS.includes(key));
    if (unknown) return `\`${unknown}\` is no field of an event, which has ${KEYS.join(", ")}`;
    if (typeof type !== "string" || type.trim() === "" || type.length > 2_048) return "`type` must be a text of 1 to 2048 characters";
    if (payload !== undefined && !isObject(payload)) return "`payload` must be a JSON object";
    if (metadata !== undefined && !isObject(metadata)) return "`metadata` must be a JSON object";
    if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || idempotencyKey.trim() === "")) return "`idempotencyKey` must be a text that is not empty";
    if (offset !== undefined && !(Number.isInteger(offset) && offset > 0)) return "`offset` must be a positive integer";
    return undefined;
}
const isObject = (value)=>typeof value === "object" && value !== null && !Array.isArray(value);
function sequence(seed) {
    let hash = 0x811c9dc5;
    for(let at = 0; at < seed.length; at += 1)hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
    const word = ()=>{
        hash = hash + 0x9e3779b9 | 0;
        let mixed = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
        mixed = Math.imul(mixed ^ mixed >>> 13, 0xc2b2ae35);
        return (mixed ^ mixed >>> 16) >>> 0;
    };
    let [a, b, c, d] = [
        word(),
        word(),
        word(),
        word()
    ];
    const rotate = (value, by)=>value << by | value >>> 32 - by;
    return ()=>{
        const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
        const shifted = b << 9;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = rotate(d, 11);
        return result;
    };
}
function fraction(next) {
    return (next() * 0x200000 + (next() >>> 11)) / 0x20000000000000;
}
const FORBIDDEN = [
    "fetch",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "WebSocket",
    "EventSource"
];
const NOT_IN_REDUCE = "is not available in reduce, which only computes: use it in afterAppend";
function sealed(createdAt, seed, compute) {
    const now = Date.parse(createdAt);
    let next;
    const replaced = [];
    const replace = (target, name, value)=>{
        const before = Object.getOwnPropertyDescriptor(target, name);
        if (before && !before.configurable && !before.writable) return;
        replaced.push([
            target,
            name,
            before
        ]);
        Object.defineProperty(target, name, {
            value,
            writable: true,
            configurable: true,
            enumerable: before?.enumerable ?? false
        });
    };
    replace(globalThis, "Date", clockedDate(now));
    replace(Math, "random", ()=>fraction(next ??= sequence(seed)));
    for (const name of FORBIDDEN){
        if (!(name in globalThis)) continue;
        replace(globalThis, name, function refuse() {
            throw new Error(`${name} ${NOT_IN_REDUCE}`);
        });
    }
    try {
        return compute();
    } finally{
        for (const [target, name, before] of replaced.reverse()){
            if (before) Object.defineProperty(target, name, before);
            else Reflect.deleteProperty(target, name);
        }
    }
}
function clockedDate(now) {
    const Native = Date;
    function ClockedDate(...parts) {
        if (new.target === undefined) return new Native(now).toString();
        return Reflect.construct(Native, parts.length === 0 ? [
            now
        ] : parts, new.target === ClockedDate ? Native : new.target);
    }
    ClockedDate.prototype = Native.prototype;
    return Object.assign(ClockedDate, {
        now: ()=>now,
        parse: Native.parse,
        UTC: Native.UTC
    });
}
const HOOK_TIMEOUT_MS = 300_000;
const APPENDS_PER_HOOK_MAX = 75_000;
class Reactor {
    #processor;
    #stream;
    #version;
    #reach;
    #logger;
    #timeoutMs;
    #hooks = new Set();
    #state;
    #committed;
    #reducing = false;
    constructor(options){
        this.#processor = options.processor;
        this.#stream = Object.freeze({
            ...options.stream
        });
        this.#version = options.version;
        this.#reach = options.reach;
        this.#logger = options.logger;
        this.#timeoutMs = options.hookTimeoutMs ?? HOOK_TIMEOUT_MS;
        this.#committed = toText(options.processor.initialState ?? {}, "initialState");
        this.#state = JSON.parse(this.#committed);
    }
    get isParallel() {
        return this.#processor.concurrency === "parallel";
    }
    get state() {
        return JSON.parse(this.#committed);
    }
    restore(state) {
        this.#committed = toText(state, "the stored state");
        this.#state = JSON.parse(this.#committed);
    }
    reduce(event) {
        const before = this.#committed;
        if (!this.#processor.reduce) return {
            event,
            before,
            after: before
        };
        try {
            const { project, path, slug } = this.#stream;
            this.#reducing = true;
            const copy = structuredClone(event);
            const context = {
                event: copy,
                state: this.#state,
                logger: this.#logger
            };
            const next = sealed(event.createdAt, `${project} ${path} ${slug} ${event.offset}`, ()=>this.#processor.reduce(context));
            if (next !== undefined && next !== null) {
                if (typeof next.then === "function") {
                    next.then(undefined, ()=>{});
                    throw new TypeError("reduce returned a promise: it must be synchronous; wait in afterAppend and append the result");
                }
                this.#state = next;
            }
            this.#committed = toText(this.#state, "the state that reduce returned");
        } catch (thrown) {
            this.#state = JSON.parse(before);
            throw new HookFailure("reduce", thrown);
        } finally{
            this.#reducing = false;
        }
        return {
            event,
            before,
            after: this.#committed
        };
    }
    act({ event, before, after }) {
        const { afterAppend, onEvent } = this.#processor;
        if (!afterAppend && !onEvent) return Promise.resolve(false);
        return this.#run("afterAppend", event, async (hook)=>{
            const context = lazily(this.#contextOf(hook, after), {
                event: ()=>structuredClone(event),
                prevState: ()=>JSON.parse(before)
            });
            await afterAppend?.call(this.#processor, context);
            await onEvent?.call(this.#processor, context);
        });
    }
    caughtUp() {
        if (!this.#processor.onCaughtUp) return Promise.resolve(false);
        return this.#run("onCaughtUp", undefined, async (hook)=>{
            await this.#processor.onCaughtUp(this.#contextOf(hook, this.#committed));
        });
    }
    abort(reason) {
        for (const hook of this.#hooks)hook.controller.abort(new DOMException(reason, "AbortError"));
    }
    async #run(phase, event, call) {
        const hook = {
            phase,
            event,
            ordinal: 0,
            asked: false,
            waiting: new Set(),
            controller: new AbortController()
        };
        this.#hooks.add(hook);
        let late;
        const timeout = new Promise((_, reject)=>{
            late = setTimeout(()=>{
                const message = `${phase} took longer than ${this.#timeoutMs} ms`;
                hook.controller.abort(new DOMException(message, "TimeoutError"));
                reject(new HookFailure(phase, new Error(message), "timeout"));
            }, this.#timeoutMs);
        });
        try {
            const called = call(hook);
            noteWaiting(called, hook);
            await Promise.race([
                called,
                timeout
            ]);
            while(hook.waiting.size > 0)await Promise.race([
                Promise.all(hook.waiting),
                timeout
            ]);
            return hook.asked;
        } catch (thrown) {
            throw thrown instanceof HookFailure ? thrown : new HookFailure(phase, thrown);
        } finally{
            clearTimeout(late);
            this.#hooks.delete(hook);
        }
    }
    #contextOf(hook, state) {
        const context = {
            append: this.#appendOf(hook),
            read: (options)=>this.#read(options),
            simulate: (candidate)=>this.#simulate(hook, candidate),
            stream: this.#stream,
            signal: hook.controller.signal,
            logger: noting(this.#logger, hook)
        };
        return lazily(context, {
            state: ()=>JSON.parse(state)
        });
    }
    #appendOf(hook) {
        const send = async (input)=>{
            if (this.#reducing) throw new Error(`append ${NOT_IN_REDUCE}`);
            const { path, event } = understood(input);
            const target = resolvePath(this.#stream.path, path);
            hook.controller.signal.throwIfAborted();
            if (hook.ordinal === APPENDS_PER_HOOK_MAX) throw new RangeError(`more than ${APPENDS_PER_HOOK_MAX} appends in one hook`);
            hook.ordinal += 1;
            hook.asked = true;
            const keyed = {
                ...event,
                idempotencyKey: event.idempotencyKey ?? this.#derivedKey(hook)
            };
            return this.#reach.append(target, JSON.parse(JSON.stringify(keyed)), hook.event, hook.controller.signal);
        };
        return (input)=>{
            const stored = send(input);
            hook.waiting.add(stored);
            const settled = ()=>hook.waiting.delete(stored);
            stored.then(settled, settled);
            return stored;
        };
    }
    #derivedKey(hook) {
        const { path, slug } = this.#stream;
        const place = hook.event ? `${hook.event.offset}@${Date.parse(hook.event.createdAt).toString(36)}` : "caught-up";
        return `sdk:${path}:${slug}:${this.#version}:${place}:${hook.ordinal}`;
    }
    async #simulate(hook, { path, ...candidate }) {
        if (this.#reducing) throw new Error(`simulate ${NOT_IN_REDUCE}`);
        hook.asked = true;
        const target = resolvePath(this.#stream.path, path);
        if (!this.#reach.simulate) throw new Error("simulate needs a server: there is none behind a test in memory");
        return this.#reach.simulate(target, candidate);
    }
    async *#read({ path, afterOffset, beforeOffset, types } = {}) {
        if (this.#reducing) throw new Error(`read ${NOT_IN_REDUCE}`);
        const wanted = types === undefined ? undefined : typeof types === "string" ? [
            types
        ] : [
            ...types
        ];
        yield* this.#reach.read({
            path: resolvePath(this.#stream.path, path),
            ...afterOffset !== undefined && {
                afterOffset
            },
            ...beforeOffset !== undefined && {
                beforeOffset
            },
            ...wanted && {
                types: wanted
            }
        });
    }
}
function understood(input) {
    if (input === null || typeof input !== "object") throw new TypeError("append takes an event, { type, payload }, or { event, path }");
    const wrapped = "event" in input && !("type" in input);
    const event = wrapped ? input.event : input;
    const path = wrapped ? input.path : undefined;
    if (wrapped) {
        const unknown = Object.keys(input).find((key)=>key !== "event" && key !== "path");
        if (unknown) throw new TypeError(`append takes { event, path }; it was given \`${unknown}\` too`);
    }
    if (event === null || typeof event !== "object" || Array.isArray(event)) {
        throw new TypeError("append: `event` must be an object { type, payload }");
    }
    const wrong = wrongInput(event);
    if (wrong) throw new TypeError(`append: ${wrong}`);
    if (path !== undefined && typeof path !== "string") throw new TypeError('append: `path` must be a string such as "/a/b" or "./child"');
    return {
        path,
        event
    };
}
function toText(value, what) {
    let text;
    try {
        text = JSON.stringify(value);
    } catch (error) {
        throw new TypeError(`${what} must be JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (text === undefined) throw new TypeError(`${what} must be JSON, and is of type ${typeof value}`);
    return text;
}
function lazily(target, members) {
    for (const [name, make] of Object.entries(members)){
        const define = (value)=>Object.defineProperty(target, name, {
                value,
                writable: true,
                enumerable: true,
                configurable: true
            });
        Object.defineProperty(target, name, {
            get: ()=>(define(make()), target[name]),
            set: define,
            enumerable: true,
            configurable: true
        });
    }
    return target;
}
function noting(logger, hook) {
    const noted = (level)=>(...values)=>{
            hook.asked = true;
            logger[level](...values);
        };
    return {
        debug: noted("debug"),
        info: noted("info"),
        log: noted("log"),
        warn: noted("warn"),
        error: noted("error")
    };
}
function noteWaiting(called, hook) {
    let settled = false;
    const done = ()=>void (settled = true);
    called.then(done, done);
    const timer = setTimeout(()=>void (hook.asked ||= !settled), 0);
    called.then(()=>clearTimeout(timer), ()=>clearTimeout(timer));
}
const FAILURES_IN_A_ROW_MAX = 10;
const PARALLEL_HOOKS_MAX = 16;
const SAVE_AFTER_MS = 1_000;
const SNAPSHOT_EVENTS = 1_000;
const ABORT_GRACE_MS = 500;
class Instance {
    path;
    #options;
    #signal;
    #underWay = new Map();
    #done = new Set();
    #reactor;
    #mark;
    #snapshotAt = 0;
    #isUp = false;
    #saving = Promise.resolve();
    #saveTimer;
    #broken;
    constructor(options, signal){
        this.#options = options;
        this.path = options.path;
        this.#signal = signal;
        this.#reactor = this.#fresh();
        this.#mark = {
            version: options.version,
            birth: null,
            reduced: 0,
            acted: 0,
            failuresInARow: 0,
            caughtUp: false
        };
    }
    get state() {
        return this.#reactor.state;
    }
    get acted() {
        return this.#mark.acted;
    }
    get reduced() {
        return this.#mark.reduced;
    }
    async open({ found, claim = false } = {}) {
        const { client, path, version, store } = this.#options;
        const { checkpoint, snapshot } = found ?? await store?.load(this.#signal) ?? {};
        const birth = await this.#birth();
        if (checkpoint && (checkpoint.birth === null || checkpoint.birth === birth)) {
            this.#mark = {
                ...checkpoint,
                birth,
                reduced: 0
            };
            if (checkpoint.version !== version) Object.assign(this.#mark, {
                version,
                caughtUp: false,
                failuresInARow: 0
            });
            if (snapshot?.version === version && snapshot.reduced <= checkpoint.acted) {
                this.#reactor.restore(snapshot.state);
                this.#mark.reduced = this.#snapshotAt = snapshot.reduced;
            }
            if (claim) await store?.save(this.#mark, undefined, this.#signal);
            return;
        }
        const base = checkpoint ? 0 : this.#options.base ?? (birth ? (await client.state({
            path
        }, {
            signal: this.#signal
        })).eventCount : 0);
        this.#mark = {
            ...this.#mark,
            birth,
            acted: base
        };
        if (this.#options.base === undefined || claim) await store?.save(this.#mark, undefined, this.#signal);
    }
    async isOfThePast() {
        return this.#mark.birth !== null && await this.#birth() !== this.#mark.birth;
    }
    async bringUp() {
        if (this.#isUp) return;
        await this.#replay(this.#mark.acted);
        this.#isUp = true;
        if (this.#mark.caughtUp) return;
        await this.#attempt(undefined, ()=>this.#reactor.caughtUp());
        this.#mark.caughtUp = true;
        this.#saveSoon();
    }
    async take(event) {
        if (this.#broken) throw this.#broken;
        await this.bringUp();
        if (event.offset <= this.#mark.reduced) return;
        this.#mark.birth ??= event.offset === 1 ? event.createdAt : await this.#birth();
        if (event.offset > this.#mark.reduced + 1) await this.#bridge(event.offset - 1);
        const acting = this.#react(event);
        this.#underWay.set(event.offset, acting);
        const over = ()=>this.#underWay.delete(event.offset);
        acting.then(over, over);
        const most = this.#reactor.isParallel ? PARALLEL_HOOKS_MAX : 1;
        while(this.#underWay.size >= most)await Promise.race(this.#underWay.values());
        if (this.#broken) throw this.#broken;
    }
    async finished(offset) {
        await this.#underWay.get(offset);
    }
    async settle() {
        await Promise.race([
            Promise.allSettled(this.#underWay.values()),
            sleep(ABORT_GRACE_MS)
        ]);
        clearTimeout(this.#saveTimer);
        await this.#saving;
        if (this.#isUp && !(this.#broken instanceof MillraceError && this.#broken.code === "taken-over")) await this.#save(true);
    }
    abort(reason) {
        this.#reactor.abort(reason);
    }
    async #react(event) {
        try {
            if (!isOwnLifecycle(event, this.#options.slug)) {
                await this.#attempt(event, this.#reacting(event));
            } else {
                this.#mark.reduced = event.offset;
            }
            this.#finish(event.offset);
        } catch (error) {
            this.#break(error);
            throw error;
        }
    }
    #reacting(event) {
        let reduced;
        try {
            reduced = this.#reactor.reduce(event);
        } catch (failure) {
            reduced = failure;
        }
        this.#mark.reduced = event.offset;
        return async ()=>{
            if (reduced instanceof HookFailure) throw reduced;
            return this.#reactor.act(reduced);
        };
    }
    async #attempt(event, act) {
        for(;;){
            try {
                if (await act()) this.#mark.failuresInARow = 0;
                return;
            } catch (thrown) {
                this.#signal.throwIfAborted();
                const failure = thrown;
                if (!failure.isPause) return this.#failed(failure, event);
                await this.#untilResumed();
            }
        }
    }
    async #failed(failure, event) {
        const { slug, version, logger } = this.#options;
        const input = failure.recorded(slug, version, event?.offset);
        logger.error(`${this.path}: ${input.payload?.message}`, failure.cause);
        await this.#record(input, event, `failed:${failure.phase}`);
        this.#mark.failuresInARow += 1;
        if (this.#mark.failuresInARow < FAILURES_IN_A_ROW_MAX) return;
        const message = `processor \`${slug}\` is suspended on ${this.path}: ${FAILURES_IN_A_ROW_MAX} failures in a row, the last${event ? ` at event ${event.offset}` : ""}: ${failure.message}; mend it and run it again`;
        await this.#record({
            type: "stream/error-occurred",
            payload: {
                message
            },
            metadata: {
                processor: slug,
                version
            }
        }, event, "suspended");
        this.#mark.failuresInARow = 0;
        if (event) this.#finish(event.offset);
        throw new MillraceError(0, "suspended", message, {}, {
            cause: failure
        });
    }
    async #record(input, event, what) {
        const { client, slug, version } = this.#options;
        const at = event ? `${event.offset}@${Date.parse(event.createdAt).toString(36)}` : "caught-up";
        const idempotencyKey = `sdk:${this.path}:${slug}:${version}:${what}:${at}`;
        const cause = event && {
            cause: {
                streamPath: event.streamPath,
                offset: event.offset
            }
        };
        const pauses = new Pauses();
        for(;;){
            try {
                await client.append({
                    path: this.path,
                    event: {
                        ...input,
                        idempotencyKey
                    }
                }, {
                    ...cause,
                    signal: this.#signal
                });
                return;
            } catch (error) {
                this.#signal.throwIfAborted();
                if (!(error instanceof MillraceError)) throw error;
                if (error.code === "stream-paused") await this.#untilResumed();
                else if (error.isPassing) await sleep(pauses.take(), this.#signal);
                else throw error;
            }
        }
    }
    async #untilResumed() {
        const { client } = this.#options;
        const { paused, eventCount } = await client.state({
            path: this.path
        }, {
            signal: this.#signal
        });
        if (!paused) return;
        const resumed = {
            path: this.path,
            afterOffset: eventCount,
            live: true,
            types: "stream/resumed"
        };
        for await (const _ of client.stream(resumed, {
            signal: this.#signal
        }))return;
    }
    async #replay(to) {
        const { slug, logger } = this.#options;
        for await (const event of this.#history(this.#mark.reduced, to)){
            if (!isOwnLifecycle(event, slug)) {
                try {
                    this.#reactor.reduce(event);
                } catch (failure) {
                    logger.warn(`${this.path}: reduce failed at event ${event.offset} of the history: ${failure.message}`);
                }
            }
            this.#mark.reduced = event.offset;
        }
    }
    async #bridge(to) {
        const from = this.#mark.reduced;
        if (this.#options.gaps === "act") {
            for await (const event of this.#history(from, to))await this.take(event);
            return;
        }
        await this.#replay(to);
        this.#mark.reduced = to;
        for(let offset = from + 1; offset <= to; offset += 1)this.#finish(offset);
    }
    async *#history(from, to) {
        if (from >= to) return;
        const range = {
            path: this.path,
            afterOffset: from === 0 ? "start" : from,
            beforeOffset: to + 1
        };
        yield* this.#options.client.read(range, {
            signal: this.#signal
        });
    }
    async #birth() {
        try {
            for await (const event of this.#options.client.read({
                path: this.path,
                limit: 1
            }, {
                signal: this.#signal
            }))return event.createdAt;
        } catch (error) {
            if (!(error instanceof MillraceError && error.code === "stream-not-found")) throw error;
        }
        return null;
    }
    #finish(offset) {
        if (offset > this.#mark.acted) this.#done.add(offset);
        while(this.#done.delete(this.#mark.acted + 1))this.#mark.acted += 1;
        this.#saveSoon();
    }
    #break(error) {
        if (this.#broken) return;
        this.#broken = error;
        this.#options.onBroken?.(error);
    }
    #saveSoon() {
        if (!this.#options.store) return;
        this.#saveTimer ??= setTimeout(()=>{
            this.#saveTimer = undefined;
            this.#saving = this.#saving.then(()=>this.#save(false)).catch((error)=>this.#break(error));
        }, SAVE_AFTER_MS);
    }
    async #save(always) {
        const { store } = this.#options;
        if (!store) return;
        const { reduced, version } = this.#mark;
        const quiescent = this.#done.size === 0 && this.#mark.acted === reduced;
        const due = quiescent && this.#options.processor.reduce && reduced > this.#snapshotAt && (always || reduced - this.#snapshotAt >= SNAPSHOT_EVENTS);
        const snapshot = due ? {
            version,
            reduced,
            state: this.#reactor.state
        } : undefined;
        await store.save(this.#mark, snapshot);
        if (snapshot) this.#snapshotAt = reduced;
    }
    #fresh() {
        const { client, processor, slug, version, logger, path, hookTimeoutMs } = this.#options;
        const stream = {
            path,
            project: client.project ?? "public",
            slug
        };
        return new Reactor({
            processor,
            stream,
            version,
            logger,
            hookTimeoutMs,
            reach: reachOf(client)
        });
    }
}
const PARTS = [
    "reduce",
    "afterAppend",
    "onEvent",
    "onCaughtUp",
    "initialState",
    "concurrency"
];
function versionOf(processor) {
    const text = PARTS.map((part)=>{
        const value = processor[part];
        return typeof value === "function" ? String(value) : JSON.stringify(value) ?? "";
    }).join("\0");
    return [
        0x811c9dc5,
        0x01234567
    ].map((basis)=>hash(text, basis)).join("");
}
function hash(text, basis) {
    let hash = basis;
    for(let at = 0; at < text.length; at += 1)hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
    hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
    return ((hash ^ hash >>> 16) >>> 0).toString(16).padStart(8, "0");
}
const OPENED_AT_ONCE = 8;
class PullProcessorRuntime {
    #options;
    #client;
    #path;
    #slug;
    #version;
    #logger;
    #stopping = new AbortController();
    #signal;
    #instances = new Map();
    #running = new Set();
    #ready = resolvers();
    #run;
    #failure;
    constructor(options){
        this.#options = options;
        this.#client = options.eventsClient ?? createEventsClient();
        this.#path = canonical(options.path);
        this.#slug = slugOf(options.slug ?? options.processor.slug);
        this.#version = options.version ?? versionOf(options.processor);
        this.#logger = options.logger ?? console;
        this.#signal = anySignal(this.#stopping.signal, options.signal);
        this.#ready.promise.catch(()=>{});
    }
    get ready() {
        return this.#ready.promise;
    }
    run() {
        this.#run ??= this.#runAll();
        return this.#run;
    }
    async stop() {
        this.#stopping.abort(new DOMException("the runtime was stopped", "AbortError"));
        await this.#run?.catch(()=>{});
    }
    getStreamPaths() {
        return [
            ...this.#instances.keys()
        ].sort();
    }
    getState(path = this.#path) {
        const instance = this.#instances.get(canonical(path));
        if (instance) return instance.state;
        return structuredClone(this.#options.processor.initialState ?? {});
    }
    getProgress(path) {
        const instance = this.#instances.get(canonical(path));
        return instance && {
            reduced: instance.reduced,
            acted: instance.acted
        };
    }
    getProcessorSlug() {
        return this.#slug;
    }
    async #runAll() {
        try {
            await this.#begin();
            await Promise.race([
                Promise.all(this.#running),
                aborted(this.#signal)
            ]);
        } catch (error) {
            this.#fail(error);
        }
        const reason = this.#failure instanceof Error ? this.#failure.message : "the runtime was stopped";
        this.#stopping.abort(new DOMException(reason, "AbortError"));
        for (const instance of this.#instances.values())instance.abort(reason);
        await Promise.allSettled([
            ...this.#instances.values()
        ].map((instance)=>instance.settle().catch((error)=>this.#fail(error))));
        await Promise.allSettled(this.#running);
        this.#ready.reject(this.#failure ?? new DOMException("the runtime was stopped", "AbortError"));
        if (this.#failure !== undefined) throw this.#failure;
    }
    #fail(error) {
        if (!this.#signal.aborted) this.#failure ??= error;
        this.#stopping.abort(new DOMException("the runtime has failed", "AbortError"));
    }
    async #begin() {
        const { includeChildren = true } = this.#options;
        const store = this.#storeOf(this.#path);
        const found = await store.load(this.#signal);
        if (!includeChildren) {
            const root = this.#instanceOf(this.#path, store);
            await root.open({
                found,
                claim: true
            });
            await root.bringUp();
            this.#drive(root);
            return this.#ready.resolve();
        }
        const since = await this.#tail();
        const streams = await this.#streamsBelow();
        let { bases } = found;
        if (!bases && !found.checkpoint) {
            bases = {
                ...Object.fromEntries(streams),
                [this.#path]: since
            };
            await store.start(bases, this.#signal);
        }
        const isSame = ([path, base])=>base <= (path === this.#path ? since : streams.get(path) ?? 0);
        const known = Object.fromEntries(Object.entries(bases ?? {}).filter(isSame));
        const root = this.#instanceOf(this.#path, store, known[this.#path]);
        await root.open({
            found,
            claim: true
        });
        if (this.#matches(this.#path)) {
            await root.bringUp();
            this.#drive(root);
        } else {
            this.#instances.delete(this.#path);
        }
        const waiting = [
            ...streams.keys()
        ];
        const worker = async ()=>{
            for(let path = waiting.shift(); path !== undefined; path = waiting.shift())await this.#come(path, known);
        };
        await Promise.all(Array.from({
            length: OPENED_AT_ONCE
        }, worker));
        this.#track(this.#discover(since, known));
        this.#ready.resolve();
    }
    async #discover(since, bases) {
        const afterOffset = since === 0 ? "start" : since;
        const created = {
            path: this.#path,
            afterOffset,
            live: true,
            types: "stream/child-created"
        };
        for await (const event of this.#client.stream(created, {
            signal: this.#signal
        })){
            if (isCreation(event)) await this.#come(String(event.payload.childPath), bases);
        }
    }
    async #come(path, bases) {
        if (this.#instances.has(path) || !this.#matches(path)) return;
        const instance = this.#instanceOf(path, this.#storeOf(path), bases[path] ?? 0);
        await instance.open();
        this.#drive(instance);
    }
    #matches(path) {
        return this.#options.matches?.(path) ?? true;
    }
    #storeOf(path) {
        return new CheckpointStore(this.#client, path, this.#slug);
    }
    #instanceOf(path, store, base) {
        const { processor, hookTimeoutMs } = this.#options;
        const shared = {
            client: this.#client,
            processor,
            slug: this.#slug,
            version: this.#version,
            logger: this.#logger
        };
        const instance = new Instance({
            ...shared,
            path,
            store,
            hookTimeoutMs,
            base,
            onBroken: (error)=>this.#fail(error)
        }, this.#signal);
        this.#instances.set(path, instance);
        return instance;
    }
    #drive(instance) {
        this.#track(this.#follow(instance));
    }
    async #follow(instance) {
        const { path, acted } = instance;
        const destroyed = new AbortController();
        const onRetry = async (error)=>{
            this.#logger.warn(`${path}: ${error.message}; connecting again`);
            if (await instance.isOfThePast().catch(()=>false)) destroyed.abort(new DOMException("it was destroyed", "AbortError"));
        };
        const signal = AbortSignal.any([
            this.#signal,
            destroyed.signal
        ]);
        const behind = {
            path,
            afterOffset: acted === 0 ? "start" : acted,
            live: true,
            onRetry
        };
        try {
            for await (const event of this.#client.stream(behind, {
                signal
            }))await instance.take(event);
        } catch (error) {
            if (!destroyed.signal.aborted || this.#signal.aborted) throw error;
            instance.abort("the stream was destroyed");
            await instance.settle();
            const next = this.#instanceOf(path, this.#storeOf(path), 0);
            await next.open({
                claim: true
            });
            return this.#follow(next);
        }
    }
    #track(task) {
        const told = task.catch((error)=>this.#fail(error));
        this.#running.add(told);
        told.then(()=>this.#running.delete(told));
    }
    async #tail() {
        try {
            return (await this.#client.state({
                path: this.#path
            }, {
                signal: this.#signal
            })).eventCount;
        } catch (error) {
            if (error instanceof MillraceError && error.status === 404) return 0;
            throw error;
        }
    }
    async #streamsBelow() {
        const found = new Map();
        for await (const { path, tail } of this.#client.list({
            prefix: this.#path,
            signal: this.#signal
        })){
            if (path !== this.#path) found.set(path, tail);
        }
        return found;
    }
}
function aborted(signal) {
    return new Promise((resolve)=>{
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", ()=>resolve(), {
            once: true
        });
    });
}
function resolvers() {
    let settle;
    const promise = new Promise((resolve, reject)=>settle = {
            resolve,
            reject
        });
    return {
        promise,
        ...settle
    };
}
const TOLERANCE_SECONDS = 300;
async function complaint(headers, body, secret, now = Date.now()) {
    const id = headers.get("webhook-id");
    const timestamp = headers.get("webhook-timestamp");
    const signatures = headers.get("webhook-signature");
    if (!id || !timestamp || !signatures) return "the headers webhook-id, webhook-timestamp and webhook-signature must be there";
    const seconds = Number(timestamp);
    if (!Number.isInteger(seconds)) return "webhook-timestamp must be in seconds";
    if (Math.abs(now / 1000 - seconds) > TOLERANCE_SECONDS) return `webhook-timestamp is more than ${TOLERANCE_SECONDS} s away from this clock`;
    const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
    for (const key of typeof secret === "string" ? [
        secret
    ] : secret){
        const imported = await crypto.subtle.importKey("raw", keyBytes(key), {
            name: "HMAC",
            hash: "SHA-256"
        }, false, [
            "verify"
        ]);
        for (const signature of signatures.split(" ")){
            const [version, value] = signature.split(",");
            const bytes = version === "v1" && value ? fromBase64(value) : undefined;
            if (bytes && await crypto.subtle.verify("HMAC", imported, bytes, signed)) return undefined;
        }
    }
    return "no signature fits: is this the subscription's signing secret?";
}
function keyBytes(secret) {
    const bytes = fromBase64(secret.replace(/^whsec_/, ""));
    if (!bytes || bytes.length === 0) throw new TypeError("a signing secret is `whsec_` and base64, as GET /api/subscriptions/__secret/{path} shows it");
    return bytes;
}
function fromBase64(text) {
    try {
        return Uint8Array.from(atob(text), (char)=>char.charCodeAt(0));
    } catch  {
        return undefined;
    }
}
const STREAMS_MAX = 100;
class PushProcessorRuntime {
    #options;
    #client;
    #slug;
    #version;
    #logger;
    #path;
    #stopping = new AbortController();
    #instances = new Map();
    #turns = new Map();
    constructor(options){
        this.#options = options;
        this.#client = options.eventsClient ?? createEventsClient();
        this.#slug = slugOf(options.slug ?? options.processor.slug);
        this.#version = options.version ?? versionOf(options.processor);
        this.#logger = options.logger ?? console;
        const path = options.path ?? options.streamPath;
        this.#path = path === undefined ? undefined : canonical(path);
    }
    fetch = async (request)=>{
        const { signingSecret, unsigned } = this.#options;
        if (request.method !== "POST") return answer(405, {
            ok: false,
            error: "webhooks are POSTed"
        });
        const body = await request.text();
        if (signingSecret !== undefined) {
            const wrong = await complaint(request.headers, body, signingSecret);
            if (wrong) return answer(401, {
                ok: false,
                error: wrong
            });
        } else if (!unsigned) {
            return answer(500, {
                ok: false,
                error: "the runtime has no `signingSecret`; `unsigned: true` takes what nobody signed"
            });
        }
        const event = eventOf(body);
        if (!event) return answer(400, {
            ok: false,
            error: "the body must be an event, as a webhook subscription delivers it"
        });
        const foreign = this.#foreign(event, request.headers.get("x-millrace-cause"));
        if (foreign) return answer(400, {
            ok: false,
            error: foreign
        });
        try {
            const taken = await this.#take(event, "webhook");
            return answer(200, taken ? {
                ok: true
            } : {
                ok: true,
                skipped: true
            });
        } catch (error) {
            this.#logger.error(`${event.streamPath}: event ${event.offset} could not be taken:`, error);
            const message = error instanceof Error ? error.message : String(error);
            const suspended = error instanceof MillraceError && error.code === "suspended";
            return answer(suspended ? 410 : 503, {
                ok: false,
                error: message
            });
        }
    };
    async consume(event) {
        const foreign = this.#foreign(event, null);
        if (foreign) throw new TypeError(foreign);
        await this.#take(event, "webhook");
    }
    accept(socket) {
        socket.addEventListener("message", ({ data })=>{
            const event = frameOf(data);
            if (!event) return;
            const foreign = this.#foreign(event, null);
            if (foreign) return socket.close(1008, "invalid_event");
            this.#take(event, "socket").catch((error)=>{
                this.#logger.error(`${event.streamPath}: event ${event.offset} could not be taken:`, error);
                socket.close(1011, "processor_error");
            });
        });
    }
    getState(path) {
        const asked = path ?? this.#path;
        return asked === undefined ? undefined : this.#instances.get(canonical(asked))?.state;
    }
    getProgress(path) {
        const instance = this.#instances.get(canonical(path));
        return instance && {
            reduced: instance.reduced,
            acted: instance.acted
        };
    }
    getProcessorSlug() {
        return this.#slug;
    }
    async stop() {
        const reason = "the runtime was stopped";
        this.#stopping.abort(new DOMException(reason, "AbortError"));
        for (const instance of this.#instances.values())instance.abort(reason);
        await Promise.allSettled([
            ...this.#instances.values()
        ].map((instance)=>instance.settle()));
    }
    #foreign(event, cause) {
        const path = this.#path;
        const below = this.#options.includeChildren && path !== undefined && isBelow(event.streamPath, path);
        if (path !== undefined && event.streamPath !== path && !below) return `a runtime for ${path} received an event of ${event.streamPath}`;
        const project = cause?.match(/;\s*project=([^;]*)/)?.[1];
        const own = this.#client.project ?? "public";
        if (project !== undefined && decodeURIComponent(project) !== own) {
            return `the event is of project ${decodeURIComponent(project)}, and the runtime's client of ${own}`;
        }
        return undefined;
    }
    #take(event, way) {
        const path = event.streamPath;
        const before = this.#turns.get(path) ?? Promise.resolve();
        const turn = before.catch(()=>{}).then(()=>this.#inTurn(event, way));
        const begun = turn.then(({ begun })=>begun);
        this.#turns.set(path, begun);
        const over = ()=>this.#turns.get(path) === begun && this.#turns.delete(path);
        begun.then(over, over);
        return turn.then(async ({ begun, ended })=>{
            const isNew = await begun;
            if (!this.#isDurable(way)) await ended();
            return isNew;
        });
    }
    async #inTurn(event, way) {
        const instance = await this.#instanceOf(event, way);
        const isNew = event.offset > instance.reduced || event.offset > instance.acted;
        const begun = instance.take(event).then(()=>isNew, (error)=>{
            this.#instances.delete(event.streamPath);
            throw error;
        });
        return {
            begun,
            ended: ()=>instance.finished(event.offset)
        };
    }
    async #instanceOf(event, way) {
        const path = event.streamPath;
        const known = this.#instances.get(path);
        if (known) {
            this.#instances.delete(path);
            this.#instances.set(path, known);
            return known;
        }
        const { processor, hookTimeoutMs } = this.#options;
        const store = this.#isDurable(way) ? new CheckpointStore(this.#client, path, this.#slug) : undefined;
        const shared = {
            client: this.#client,
            processor,
            slug: this.#slug,
            version: this.#version,
            logger: this.#logger
        };
        const gaps = store ? "act" : "reduce";
        const made = new Instance({
            ...shared,
            path,
            store,
            gaps,
            hookTimeoutMs,
            base: event.offset - 1
        }, this.#stopping.signal);
        await made.open({
            claim: store !== undefined
        });
        this.#instances.set(path, made);
        await this.#forgetOldest();
        return made;
    }
    #isDurable(way) {
        return way === "socket" || this.#options.processor.concurrency === "parallel";
    }
    async #forgetOldest() {
        for (const [path, instance] of this.#instances){
            if (this.#instances.size <= STREAMS_MAX) return;
            if (this.#turns.has(path)) continue;
            this.#instances.delete(path);
            await instance.settle();
        }
    }
}
function eventOf(text) {
    try {
        const event = JSON.parse(text);
        const whole = typeof event.type === "string" && typeof event.streamPath === "string" && Number.isInteger(event.offset);
        return whole ? event : undefined;
    } catch  {
        return undefined;
    }
}
function frameOf(data) {
    if (typeof data !== "string") return undefined;
    try {
        const frame = JSON.parse(data);
        return frame.type === "event" ? eventOf(JSON.stringify(frame.event)) : undefined;
    } catch  {
        return undefined;
    }
}
function answer(status, body) {
    return Response.json(body, {
        status
    });
}
const LEVELS = [
    "debug",
    "info",
    "warn",
    "error",
    "silent"
];
function createWorkshopLogger(level = "info") {
    const from = Math.max(LEVELS.indexOf(level), 0);
    const at = (name)=>LEVELS.indexOf(name) >= from ? console[name].bind(console) : ()=>{};
    return {
        debug: at("debug"),
        info: at("info"),
        log: at("info"),
        warn: at("warn"),
        error: at("error")
    };
}
const workshopLogger = createWorkshopLogger();
function normalizePathPrefix(prefix) {
    return prefix.startsWith("/") ? prefix : `/${prefix}`;
}
function getDefaultWorkshopPathPrefix() {
    const given = fromEnvironment("PATH_PREFIX", "WORKSHOP_PATH_PREFIX");
    if (given) return normalizePathPrefix(given);
    const user = fromEnvironment("USER", "LOGNAME", "USERNAME") ?? "workshop";
    return `/${user.toLowerCase().replace(/[^a-z0-9_-]+/g, "-")}`;
}
const workshopPathPrefix = getDefaultWorkshopPathPrefix;
const segment = (name)=>name.toLowerCase().replace(/[^a-z0-9_-]+/g, "-").replace(/^[-_]+|-+$/g, "") || "test";
function createWorkshopTestHarness({ baseUrl, projectSlug, runRootPath } = {}) {
    const client = createEventsClient({
        ...baseUrl && {
            baseUrl
        },
        ...projectSlug && {
            project: projectSlug
        }
    });
    const root = runRootPath ?? `${getDefaultWorkshopPathPrefix()}/run-${Date.now().toString(36)}`;
    const harness = {
        client,
        append: (path, event)=>client.append({
                path,
                event
            }),
        stream: (options)=>client.stream(options),
        createTestStreamPath: (testName)=>`${root}/${segment(testName)}`,
        createTestChildStreamPath: ({ childSlug, testName })=>`${root}/${segment(testName)}/${segment(childSlug)}`,
        async collectEvents (path) {
            const events = [];
            for await (const event of client.read({
                path
            }))events.push(event);
            return events;
        },
        async startProcessors ({ processors, streamPath }) {
            const shared = {
                eventsClient: client,
                includeChildren: false,
                path: streamPath,
                logger: createWorkshopLogger("warn")
            };
            const runtimes = processors.map((processor)=>new PullProcessorRuntime({
                    ...shared,
                    processor
                }));
            const runPromise = Promise.all(runtimes.map((runtime)=>runtime.run()));
            runPromise.catch(()=>{});
            await Promise.all(runtimes.map((runtime)=>runtime.ready));
            const stopAndWait = async ()=>void await Promise.all(runtimes.map((runtime)=>runtime.stop()));
            return {
                runPromise,
                stop: ()=>void stopAndWait(),
                stopAndWait
            };
        },
        async waitForEvent (options) {
            const { predicate, streamPath, timeoutMs = 15_000 } = options;
            const signal = AbortSignal.timeout(timeoutMs);
            for await (const event of client.stream({
                path: streamPath
            }, {
                signal
            }))if (predicate(event)) return event;
            throw new Error(`no such event on ${streamPath}`);
        }
    };
    return harness;
}
async function useProcessorTestHarness(options) {
    const { processor, pathPrefix, ...rest } = options;
    const harness = createWorkshopTestHarness(rest);
    const streamPath = `${normalizePathPrefix(pathPrefix)}/${segment(processor.slug ?? "processor")}-${Date.now().toString(36)}`;
    const running = await harness.startProcessors({
        processors: [
            processor
        ],
        streamPath
    });
    return {
        streamPath,
        append: (event)=>harness.append(streamPath, event),
        waitForEvent: (predicate, timeoutMs)=>harness.waitForEvent({
                predicate,
                streamPath,
                ...timeoutMs !== undefined && {
                    timeoutMs
                }
            }),
        [DISPOSE]: running.stopAndWait
    };
}
const DISPOSE = Symbol.asyncDispose ?? Symbol.for("nodejs.asyncDispose");
const surroundings = ()=>globalThis.process;
function isMainModule(importMetaUrl) {
    const program = surroundings()?.argv?.[1];
    if (!program) return false;
    const url = /^[A-Za-z]:[\\/]/.test(program) ? `file:///${program.replaceAll("\\", "/")}` : new URL(program, `file://${directory()}/`).href;
    return importMetaUrl === url || importMetaUrl === `${url}.ts` || importMetaUrl === `${url}.js`;
}
const directory = ()=>surroundings()?.cwd?.() ?? "";
function runWorkshopMain(importMetaUrl, run) {
    if (!isMainModule(importMetaUrl)) return;
    const process = surroundings();
    const prefix = getDefaultWorkshopPathPrefix();
    if (process?.env) process.env["PATH_PREFIX"] ??= prefix;
    ended(Promise.resolve().then(()=>run(prefix)));
}
const os = {
    handler: (handler)=>async (input = {})=>{
            const given = {
                pathPrefix: getDefaultWorkshopPathPrefix(),
                logLevel: "info",
                ...input
            };
            return handler({
                input: given
            });
        },
    input: ()=>os,
    output: ()=>os,
    meta: ()=>os,
    route: ()=>os
};
function runIfMain(importMetaUrl, procedure) {
    if (isMainModule(importMetaUrl)) ended(Promise.resolve().then(()=>procedure()));
}
function ended(running) {
    running.catch((error)=>{
        console.error(error);
        const process = surroundings();
        if (process) process.exitCode = 1;
    });
}
function normalizeStreamPattern(pattern) {
    return canonical(pattern.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1"));
}
function matchesStreamPattern(path, pattern) {
    return fits(segments(canonical(path)), segments(normalizeStreamPattern(pattern)));
}
function patternRoot(pattern) {
    const fixed = segments(normalizeStreamPattern(pattern));
    const wild = fixed.findIndex((segment)=>segment.includes("*"));
    return `/${(wild < 0 ? fixed : fixed.slice(0, wild)).join("/")}`;
}
function getDiscoveredStreamPath(event) {
    return /(?:^|\/)stream\/child(?:-stream)?-created$/.test(event.type) ? event.payload["childPath"] ?? event.payload["path"] : undefined;
}
const segments = (path)=>path.split("/").filter(Boolean);
function fits(path, pattern) {
    const [first, ...rest] = pattern;
    if (first === undefined) return path.length === 0;
    if (first === "**") return fits(path, rest) || path.length > 0 && fits(path.slice(1), pattern);
    return path.length > 0 && (first === "*" || first === path[0]) && fits(path.slice(1), rest);
}
class PullSubscriptionProcessorRuntime extends PullProcessorRuntime {
    constructor({ streamPath, ...options }){
        super({
            ...options,
            path: streamPath,
            includeChildren: false
        });
    }
}
class PullSubscriptionPatternProcessorRuntime extends PullProcessorRuntime {
    constructor({ streamPattern, ...options }){
        const matches = (path)=>matchesStreamPattern(path, streamPattern);
        super({
            ...options,
            path: patternRoot(streamPattern),
            includeChildren: true,
            matches
        });
    }
}
class PushSubscriptionProcessorRuntime extends PushProcessorRuntime {
    constructor(options){
        super(options);
    }
}
class EventInputError extends Error {
    issues;
    constructor(issues){
        super(describeIssues(issues));
        this.name = "EventInputError";
        this.issues = issues;
    }
}
function member(what, isOne) {
    const check = (value)=>isOne(value) ? {
            value: value
        } : {
            issues: [
                {
                    message: `must be ${what}`
                }
            ]
        };
    return {
        "~standard": {
            version: 1,
            vendor: "millrace",
            validate: check
        }
    };
}
function objectOf(members) {
    function check(value) {
        if (!isObject(value)) return {
            issues: [
                {
                    message: "must be an object"
                }
            ]
        };
        const issues = [];
        const output = {};
        for (const [name, schema] of Object.entries(members)){
            const result = validate(schema, value[name]);
            if (result.issues) issues.push(...result.issues.map((issue)=>({
                    ...issue,
                    path: [
                        name,
                        ...issue.path ?? []
                    ]
                })));
            else if (result.value !== undefined || name in value) output[name] = result.value;
        }
        return issues.length > 0 ? {
            issues
        } : {
            value: output
        };
    }
    const safeParse = (value)=>{
        const result = check(value);
        return result.issues ? {
            success: false,
            error: new EventInputError(result.issues)
        } : {
            success: true,
            data: result.value
        };
    };
    return {
        "~standard": {
            version: 1,
            vendor: "millrace",
            validate: check
        },
        extend: (more)=>objectOf({
                ...members,
                ...more
            }),
        parse (value) {
            const { data, error } = safeParse(value);
            if (error) throw error;
            return data;
        },
        safeParse
    };
}
const optional = (isOne)=>(value)=>value === undefined || isOne(value);
const isText = (value)=>typeof value === "string" && value !== "";
const GenericEventInputSchema = objectOf({
    type: member("a text that is not empty", isText),
    payload: member("an object", optional(isObject)),
    metadata: member("an object", optional(isObject)),
    idempotencyKey: member("a text that is not empty", optional(isText))
});
  return {
    GenericEventInputSchema: GenericEventInputSchema,
    HookFailure: HookFailure,
    MillraceError: MillraceError,
    PullProcessorRuntime: PullProcessorRuntime,
    PullSubscriptionPatternProcessorRuntime: PullSubscriptionPatternProcessorRuntime,
    PullSubscriptionProcessorRuntime: PullSubscriptionProcessorRuntime,
    PushProcessorRuntime: PushProcessorRuntime,
    PushSubscriptionProcessorRuntime: PushSubscriptionProcessorRuntime,
    createEventsClient: createEventsClient,
    createWorkshopLogger: createWorkshopLogger,
    createWorkshopTestHarness: createWorkshopTestHarness,
    defineProcessor: defineProcessor,
    getDefaultWorkshopPathPrefix: getDefaultWorkshopPathPrefix,
    getDiscoveredStreamPath: getDiscoveredStreamPath,
    isMainModule: isMainModule,
    matchesStreamPattern: matchesStreamPattern,
    normalizePathPrefix: normalizePathPrefix,
    normalizeStreamPattern: normalizeStreamPattern,
    os: os,
    runIfMain: runIfMain,
    runWorkshopMain: runWorkshopMain,
    useProcessorTestHarness: useProcessorTestHarness,
    workshopLogger: workshopLogger,
    workshopPathPrefix: workshopPathPrefix,
  };
}
