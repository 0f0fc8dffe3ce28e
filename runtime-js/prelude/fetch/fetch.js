// fetch, as the standard has it where there is no page: no origin, no cache, no cookies. The host performs it; a
// redirect that is not followed is given as it came. data: URLs answer by themselves.

export default function fetching(native, tools) {
  const { needs, promised, resolved } = tools.part("idl");
  const NO_BODY = [101, 103, 204, 205, 304];

  function fetch(input, init = undefined) {
    tools.forbid("fetch");
    return promised(() => {
      needs(1, arguments, "fetch");
      const { Request, heldBy } = tools.part("fetch/request");
      const request = new Request(input, init);
      const held = heldBy(request);
      held.signal?.throwIfAborted();
      const protocol = request.url.slice(0, request.url.indexOf(":") + 1);
      if (protocol === "data:") return dataResponse(request);
      if (!["http:", "https:"].includes(protocol)) throw new TypeError(`fetch failed: it knows no URLs that begin with ${protocol}`);
      if (held.integrity !== "") throw new TypeError("fetch failed: `integrity` is not supported here");
      return send(request, held, false);
    });
  }

  function dataResponse(request) {
    const found = tools.part("fetch/data").read(request.url);
    if (!found) throw new TypeError("fetch failed: the data: URL is not one");
    const body = request.method === "HEAD" ? null : found.bytes;
    return tools.part("fetch/response").responseOf(body, { "content-type": found.type }, request.url);
  }

  /** Method, URL and redirect mode, then names and values of the headers in turn. */
  function flat(request) {
    const { pairsOf } = tools.part("fetch/headers");
    const { headers } = request;
    const more = [];
    if (!headers.has("accept")) more.push("accept", "*/*");
    if (!headers.has("user-agent")) more.push("user-agent", navigator.userAgent);
    return [request.method, request.url, request.redirect, ...more, ...pairsOf(headers).flat()];
  }

  function send(request, { signal, body }, lasts) {
    const { Exchange, explain } = tools.part("fetch/network");
    // Made now, so that its stack shows who asked.
    const failure = new TypeError("fetch failed");
    return new Promise((resolve, reject) => {
      const streams = body !== null && body.isStream;
      const bytes = body === null || streams ? undefined : body.takeBytes();
      let answered;
      let uploading;
      let forget = () => {};
      const settle = (known) => {
        exchange.end(known);
        forget();
      };
      const fail = (reason, known = false) => {
        settle(known);
        uploading?.(reason);
        // The answer's stream is only held by who reads it: once nobody can, the request ends.
        if (answered) answered.deref()?.controller.error(reason);
        else reject(reason);
      };
      const received = (head, first) => {
        if (head.kind === "failed") {
          fail(explain(failure, head), true);
          return;
        }
        const bare = request.method === "HEAD" || NO_BODY.includes(head.status);
        if (bare || head.last) {
          settle(head.last);
          resolve(responseOf(head, bare ? null : first, undefined));
          return;
        }
        const stream = streamOf(exchange, first, settle, (answer) => fail(explain(failure, answer), true));
        answered = new WeakRef(stream);
        const response = responseOf(head, undefined, stream);
        abandoned.register(stream, { exchange });
        abandoned.register(response, { exchange, stream: answered });
        resolve(response);
        // What can fail the exchange must not keep the answer.
        resolve = reject = undefined;
      };
      const exchange = new Exchange((natives, call, event) => natives.fetch(call, event, flat(request), streams, bytes, lasts), lasts, received, fail);
      if (signal) forget = tools.part("abort").onAbort(signal, () => fail(signal.reason));
      if (streams) uploading = upload(exchange, body.stream, fail);
    });
  }

  /** Answers that nobody has read to the end, and nobody can any more. A response goes sooner than its stream. */
  const abandoned = new FinalizationRegistry(({ exchange, stream }) => {
    const held = stream?.deref();
    if (!held || (held.wrapper === undefined && !held.disturbed && !held.locked)) exchange.end(false);
  });

  const responseOf = (head, bytes, stream) => tools.part("fetch/response").received(head, bytes, stream);

  /** The body as it comes: each pull asks for one piece. */
  function streamOf(exchange, first, settle, failed) {
    let ready = first.length > 0 ? first : undefined;
    const { deferred } = tools.part("streams/common");
    return tools.part("streams/bytes").byteStreamOf({
      start: () => undefined,
      cancel() {
        settle(false);
        return resolved(undefined);
      },
      pull: (controller) => promised(() => {
        if (ready) {
          const piece = ready;
          ready = undefined;
          controller.enqueue(piece);
          return undefined;
        }
        const done = deferred();
        exchange.pull((answer, bytes) => {
          if (answer.kind === "failed") failed(answer);
          else {
            if (bytes.length > 0) controller.enqueue(bytes);
            if (answer.last) {
              settle(true);
              controller.close();
              if (controller.pending.length > 0) controller.respond(0);
            }
          }
          done.resolve();
        });
        return done.promise;
      }),
    });
  }

  /** Sends a stream, one piece after the other was taken. Gives a function that stops it. */
  function upload(exchange, stream, fail) {
    const { Reader } = tools.part("streams/state");
    const { handled } = tools.part("streams/common");
    const reader = new Reader(stream, false);
    const stop = (reason) => handled(stream.cancel(reason));
    const next = () => {
      if (!exchange.over) reader.read(request);
    };
    const pushed = (answer) => {
      if (answer.kind === "taken") next();
      else stop(new TypeError(answer.message));
    };
    const push = (...piece) => {
      try {
        exchange.push(...piece);
      } catch (error) {
        fail(error);
      }
    };
    const request = {
      chunk(chunk) {
        if (exchange.over) return;
        if (!(chunk instanceof Uint8Array)) fail(new TypeError("the stream of a request's body must give Uint8Arrays"));
        else if (chunk.length === 0) tools.microtask(next);
        else push("bytes", chunk, undefined, undefined, pushed);
      },
      close() {
        if (!exchange.over) push("end", undefined, undefined, undefined, () => {});
      },
      error: (error) => fail(error),
    };
    next();
    return stop;
  }

  Object.defineProperty(fetch, "length", { value: 1, configurable: true });
  return { fetch, send };
}
