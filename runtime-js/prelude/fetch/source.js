// EventSource, over fetch: it connects again when the connection ends, and says where it was. `headers` may be given.

export default function sources(native, tools) {
  const { expose, constants, dictionary, needs, text } = tools.part("idl");
  const { EventTarget, Event, MessageEvent, ErrorEvent, handlerAttribute, fire } = tools.part("events");
  const { Reader } = tools.part("streams/state");
  const CONNECTING = 0, OPEN = 1, CLOSED = 2;
  /** Until the server says how long to wait. */
  const RETRY_MS = 3000;
  const RETRY_MS_MAX = 0x7fffffff;

  class EventSource extends EventTarget {
    #url;
    #withCredentials;
    #headers;
    #state = CONNECTING;
    #retry = RETRY_MS;
    #lastEventId = "";
    #controller;
    #timer;

    constructor(url, options = undefined) {
      super();
      needs(1, arguments, "new EventSource");
      tools.forbid("EventSource");
      const { withCredentials, headers } = dictionary(options, "the options of an EventSource");
      const parts = tools.natives("url").urlParse(text(url), undefined);
      if (!parts) throw new DOMException(`Invalid URL: ${text(url)}`, "SyntaxError");
      this.#url = parts[0];
      this.#withCredentials = Boolean(withCredentials);
      this.#headers = new Headers(headers);
      this.#connect();
    }

    get url() { return this.#url; }
    get withCredentials() { return this.#withCredentials; }
    get readyState() { return this.#state; }

    close() {
      this.#state = CLOSED;
      this.#controller?.abort();
      if (this.#timer !== undefined) tools.part("timers").clearTimeout(this.#timer);
    }

    #connect() {
      const controller = new AbortController();
      this.#controller = controller;
      const headers = new Headers(this.#headers);
      headers.set("accept", "text/event-stream");
      headers.set("cache-control", "no-store");
      if (this.#lastEventId !== "") headers.set("last-event-id", unescape(encodeURIComponent(this.#lastEventId)));
      const { heldBy } = tools.part("fetch/request");
      const request = new Request(this.#url, { headers, signal: controller.signal });
      const lost = (error) => {
        if (this.#controller === controller) this.#lost(error);
      };
      let sent;
      try {
        sent = tools.part("fetch/fetch").send(request, heldBy(request), true);
      } catch (error) {
        sent = Promise.reject(error);
      }
      sent.then((response) => this.#opened(response, lost), lost);
    }

    #opened(response, lost) {
      if (this.#state === CLOSED) return;
      const type = response.headers.get("content-type") ?? "";
      if (response.status !== 200 || !/^text\/event-stream *(;|$)/i.test(type)) {
        response.body?.cancel();
        this.#failed(`the server answered with status ${response.status} and the type ${JSON.stringify(type)}, and not with a stream of events`);
        return;
      }
      this.#state = OPEN;
      const { origin } = new URL(response.url || this.#url);
      fire(this, new Event("open"));
      if (this.#state === CLOSED) return;
      const stream = response.body === null ? undefined : tools.part("streams/readable").stateOf(response.body);
      if (!stream) {
        lost(undefined);
        return;
      }
      const reader = new Reader(stream, false);
      const decoder = new TextDecoder();
      const lines = lineReader((line) => this.#line(line, origin, event));
      const event = { data: [], type: "", id: this.#lastEventId };
      const next = () => {
        if (this.#state !== CLOSED) reader.read(request);
      };
      const request = {
        chunk: (chunk) => {
          lines(decoder.decode(chunk, { stream: true }));
          tools.microtask(next);
        },
        close: () => lost(undefined),
        error: lost,
      };
      next();
    }

    #line(line, origin, event) {
      if (this.#state === CLOSED) return;
      if (line === "") {
        this.#lastEventId = event.id;
        const { data, type } = event;
        event.data = [];
        event.type = "";
        if (data.length > 0) fire(this, new MessageEvent(type || "message", { data: data.join("\n"), origin, lastEventId: event.id }));
        return;
      }
      const colon = line.indexOf(":");
      if (colon === 0) return;
      const name = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (name === "data") event.data.push(value);
      else if (name === "event") event.type = value;
      else if (name === "id" && !value.includes("\0")) event.id = value;
      else if (name === "retry" && /^[0-9]+$/.test(value)) this.#retry = Math.min(Number(value), RETRY_MS_MAX);
    }

    /** The connection is over, or never was: it is tried again. */
    #lost(error) {
      if (this.#state === CLOSED) return;
      this.#state = CONNECTING;
      fire(this, new ErrorEvent("error", { message: error?.message ?? "the connection has ended", error }));
      if (this.#state === CLOSED) return;
      this.#timer = tools.part("timers").setTimeout(() => {
        this.#timer = undefined;
        if (this.#state !== CLOSED) this.#connect();
      }, this.#retry);
    }

    #failed(message) {
      this.#state = CLOSED;
      fire(this, new ErrorEvent("error", { message }));
    }
  }

  /** Lines end with CR, LF or both. */
  function lineReader(line) {
    let rest = "";
    let afterReturn = false;
    return (chunk) => {
      if (afterReturn && chunk[0] === "\n") chunk = chunk.slice(1);
      if (chunk !== "") afterReturn = chunk.endsWith("\r");
      const lines = (rest + chunk).split(/\r\n|\r|\n/);
      rest = lines.pop();
      for (const one of lines) line(one);
    };
  }

  for (const name of ["open", "message", "error"]) handlerAttribute(EventSource, name);
  expose(EventSource);
  constants(EventSource, { CONNECTING, OPEN, CLOSED });
  return { EventSource };
}
