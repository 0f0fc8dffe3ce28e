// Exchanges with the network: requests and sockets, each of which the host performs. What comes is asked for piece by
// piece, what goes out waits until it was taken, and every exchange can be ended by its hook, its signal or its time.

export default function network(native, tools) {
  const natives = tools.natives("network");
  const { parse } = JSON;
  /** What came of an operation goes to the exchange that asked. */
  const waiting = { __proto__: null };
  const exchanges = { __proto__: null };

  function tooMany(id) {
    if (id === 0) return tools.limit(`more than ${natives.pendingOpsMax} operations, or ${natives.pendingOpBytesMax} bytes, wait for the host: await some of them first`);
    return tools.limit(`more than ${natives.pendingFetchesMax} fetches and sockets are under way: read or cancel the bodies of some of them first (\`limits.pendingFetches\`)`);
  }

  class Exchange {
    id;
    hook = tools.hook();
    /** One that lasts goes on when its hook has ended, for as long as the isolate lives. */
    lasts;
    over = false;
    /** Called with the reason when the host, or the end of its hook, ends it. */
    fail;
    #asked = [];

    constructor(begin, lasts, received, fail) {
      this.lasts = lasts;
      this.fail = fail;
      const id = begin(natives, this.hook.call ?? 0, this.hook.offset);
      if (id <= 0) throw tooMany(id);
      this.id = id;
      exchanges[id] = this;
      this.#wait(id, received);
    }

    #wait(id, received) {
      if (id <= 0) throw tooMany(id);
      this.#asked.push(id);
      waiting[id] = { exchange: this, hook: tools.hook(), received };
    }

    heard(id) {
      this.#asked = this.#asked.filter((one) => one !== id);
    }

    pull(received) {
      this.#wait(natives.pull(tools.hook().call ?? 0, this.id), received);
    }

    push(kind, bytes, code, text, received) {
      this.#wait(natives.push(tools.hook().call ?? 0, this.id, kind, bytes, code, text), received);
    }

    /** `known`: the host has ended it. Nothing is heard of it any more. */
    end(known) {
      if (this.over) return;
      this.over = true;
      for (const id of this.#asked) delete waiting[id];
      this.#asked = [];
      delete exchanges[this.id];
      natives.end(this.id, known);
    }
  }

  /** Called by the host, with what came of an operation as JSON. */
  function receive(id, text, bytes) {
    const held = waiting[id];
    if (!held) return;
    delete waiting[id];
    tools.enter(held.hook);
    held.exchange.heard(id);
    held.received(parse(text), bytes);
  }

  /** Called by the host: its time is over. */
  function expire(id, message) {
    const exchange = exchanges[id];
    if (!exchange) return;
    tools.enter(exchange.hook);
    exchange.fail(new DOMException(message, "TimeoutError"));
  }

  /** A hook is to end, or without one all of them: so do their exchanges. */
  function abort(hook, reason) {
    for (const id in exchanges) {
      const exchange = exchanges[id];
      if (hook === undefined || (exchange.hook === hook && !exchange.lasts)) exchange.fail(reason);
    }
  }

  /** A TypeError that says why, with the host's code in its cause. Made beforehand, it knows who asked. */
  function explain(error, { code, message }) {
    const cause = new Error(message);
    cause.code = code;
    error.message = `fetch failed: ${message}`;
    Object.defineProperty(error, "cause", { value: cause, writable: true, configurable: true });
    return error;
  }

  return { Exchange, receive, expire, abort, explain };
}
