// Request.

export default function requests(native, tools) {
  const urls = tools.natives("url");
  const { expose, isObject, dictionary, needs, text, byteText } = tools.part("idl");
  const { Headers } = tools.part("fetch/headers");
  const { extract, addBody } = tools.part("fetch/body");
  const { isAbortSignal, following } = tools.part("abort");

  /** The words that a member may have, the first being its default. */
  const WORDS = {
    mode: ["cors", "navigate", "no-cors", "same-origin"],
    credentials: ["same-origin", "omit", "include"],
    cache: ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"],
    redirect: ["follow", "error", "manual"],
    referrerPolicy: ["", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url"],
  };
  const PRIORITIES = ["auto", "high", "low"];
  const NORMALIZED = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
  let heldBy;

  class Request {
    #held;
    #headers;
    #signal;

    constructor(input, init = undefined) {
      needs(1, arguments, "new Request");
      const source = heldBy(input);
      const from = source ?? { ...defaults(), url: urlOf(input), signal: undefined };
      const given = dictionary(init, "the options of a Request");
      const held = { ...from, body: null };
      for (const [name, words] of Object.entries(WORDS)) {
        if (given[name] !== undefined) held[name] = wordOf(name, words, given[name]);
      }
      if (held.mode === "navigate") throw new TypeError('the mode of a Request cannot be "navigate"');
      if (held.cache === "only-if-cached" && held.mode !== "same-origin") throw new TypeError('"only-if-cached" needs the mode "same-origin"');
      if (given.window !== undefined && given.window !== null) throw new TypeError("the `window` of a Request can only be null");
      if (given.priority !== undefined) wordOf("priority", PRIORITIES, given.priority);
      if (given.method !== undefined) held.method = methodOf(given.method);
      if (held.mode === "no-cors" && !["GET", "HEAD", "POST"].includes(held.method)) throw new TypeError(`a Request of mode "no-cors" cannot be a ${held.method}`);
      if (given.integrity !== undefined) held.integrity = text(given.integrity);
      if (given.keepalive !== undefined) held.keepalive = Boolean(given.keepalive);
      if (given.referrer !== undefined) held.referrer = referrerOf(given.referrer);
      if (given.duplex !== undefined && `${given.duplex}` !== "half") throw new TypeError('the `duplex` of a Request can only be "half"');
      if (given.signal !== undefined) {
        if (given.signal !== null && !isAbortSignal(given.signal)) throw new TypeError("the signal of a Request must be an AbortSignal");
        held.signal = given.signal ?? undefined;
      } else if (source) held.signal = input.signal;
      this.#headers = new Headers(given.headers ?? (source ? input.headers : undefined));
      this.#takeBody(held, given, source);
      this.#held = held;
    }
    static {
      heldBy = (value) => (isObject(value) && #held in value ? value.#held : undefined);
    }

    #takeBody(held, given, source) {
      const hasBody = given.body !== undefined && given.body !== null;
      if ((hasBody || source?.body) && (held.method === "GET" || held.method === "HEAD")) {
        throw new TypeError(`a ${held.method} request has no body`);
      }
      if (hasBody) {
        const { body, type } = extract(given.body);
        if (body.isStream && given.duplex === undefined) throw new TypeError('a Request whose body is a stream needs `duplex: "half"`');
        if (type !== null && !this.#headers.has("content-type")) this.#headers.append("content-type", type);
        held.body = body;
        if (source?.body && !source.body.used && !source.body.locked) source.body.take();
      } else if (source?.body) {
        if (source.body.used || source.body.locked) throw new TypeError("the body of that Request was used already");
        held.body = source.body.take();
      }
    }

    get method() { return this.#held.method; }
    get url() { return this.#held.url; }
    get headers() { return this.#headers; }
    get destination() { return void this.#held, ""; }
    get referrer() { return this.#held.referrer; }
    get referrerPolicy() { return this.#held.referrerPolicy; }
    get mode() { return this.#held.mode; }
    get credentials() { return this.#held.credentials; }
    get cache() { return this.#held.cache; }
    get redirect() { return this.#held.redirect; }
    get integrity() { return this.#held.integrity; }
    get keepalive() { return this.#held.keepalive; }
    get isReloadNavigation() { return void this.#held, false; }
    get isHistoryNavigation() { return void this.#held, false; }
    get duplex() { return void this.#held, "half"; }
    /** One of its own, which follows the one that was given. */
    get signal() {
      const { signal } = this.#held;
      return (this.#signal ??= following(signal));
    }

    clone() {
      const held = this.#held;
      if (held.body && (held.body.used || held.body.locked)) throw new TypeError("a Request whose body was used cannot be cloned");
      const copy = new Request(held.url);
      copy.#held = { ...held, body: held.body ? held.body.clone() : null, signal: this.signal };
      copy.#headers = new Headers(this.#headers);
      return copy;
    }
  }

  const defaults = () => ({
    method: "GET", referrer: "about:client", integrity: "", keepalive: false,
    ...Object.fromEntries(Object.entries(WORDS).map(([name, [first]]) => [name, first])),
  });

  function urlOf(input) {
    const string = text(input);
    const parts = urls.urlParse(string, undefined);
    if (!parts) throw new TypeError(`Invalid URL: ${string}`);
    if (parts[3] !== "" || parts[4] !== "") throw new TypeError("the URL of a Request cannot have a user name or a password");
    return parts[0];
  }

  function wordOf(name, words, value) {
    const word = `${value}`;
    if (!words.includes(word)) throw new TypeError(`the \`${name}\` of a Request cannot be ${JSON.stringify(word)}`);
    return word;
  }

  function methodOf(value) {
    const method = byteText(value, "the method of a Request");
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new TypeError(`${JSON.stringify(method)} is not a valid method`);
    const upper = method.toUpperCase();
    if (["CONNECT", "TRACE", "TRACK"].includes(upper)) throw new TypeError(`the method of a Request cannot be ${upper}`);
    return NORMALIZED.includes(upper) ? upper : method;
  }

  function referrerOf(value) {
    const string = text(value);
    if (string === "") return "no-referrer";
    const parts = urls.urlParse(string, undefined);
    if (!parts) throw new TypeError(`Invalid URL: ${string}`);
    return "about:client";
  }

  addBody(Request, (request) => {
    const held = heldBy(request);
    if (!held) throw new TypeError("this is not a Request");
    return { body: held.body, headers: request.headers };
  });
  return { Request: expose(Request), heldBy };
}
