// Response.

export default function responses(native, tools) {
  const urls = tools.natives("url");
  const { expose, isObject, dictionary, needs, byteText, text } = tools.part("idl");
  const { Headers, freeze } = tools.part("fetch/headers");
  const { extract, addBody, bodyOf } = tools.part("fetch/body");
  const NO_BODY = [101, 103, 204, 205, 304];
  const REDIRECTS = [301, 302, 303, 307, 308];
  const inside = Symbol("inside");
  let heldBy;

  class Response {
    #held;
    #headers;

    constructor(body = null, init = undefined) {
      if (body === inside) {
        this.#held = init;
        this.#headers = init.headers;
        return;
      }
      const { status, statusText, headers } = initOf(init);
      const extracted = body === null ? { body: null, type: null } : extract(body);
      this.#fill(extracted, status, statusText, headers);
    }
    static {
      heldBy = (value) => (isObject(value) && #held in value ? value.#held : undefined);
    }

    #fill({ body, type }, status, statusText, headers) {
      this.#headers = new Headers(headers);
      this.#held = { type: "default", url: "", redirected: false, status, statusText, body };
      if (body === null) return;
      if (NO_BODY.includes(status)) throw new TypeError(`a response with status ${status} has no body`);
      if (type !== null && !this.#headers.has("content-type")) this.#headers.append("content-type", type);
    }

    static error() {
      return new Response(inside, { type: "error", url: "", redirected: false, status: 0, statusText: "", body: null, headers: freeze(new Headers()) });
    }

    static redirect(url, status = 302) {
      needs(1, arguments, "redirect");
      const parts = urls.urlParse(text(url), undefined);
      if (!parts) throw new TypeError(`Invalid URL: ${text(url)}`);
      const code = statusOf(status);
      if (!REDIRECTS.includes(code)) throw new RangeError(`${code} is not the status of a redirection`);
      const headers = freeze(new Headers([["location", parts[0]]]));
      return new Response(inside, { type: "default", url: "", redirected: false, status: code, statusText: "", body: null, headers });
    }

    static json(data, init = undefined) {
      needs(1, arguments, "json");
      const string = JSON.stringify(data);
      if (string === undefined) throw new TypeError("the data cannot be written as JSON");
      const { status, statusText, headers } = initOf(init);
      const response = new Response();
      response.#fill({ body: extract(string).body, type: "application/json" }, status, statusText, headers);
      return response;
    }

    get type() { return this.#held.type; }
    get url() { return this.#held.url; }
    get redirected() { return this.#held.redirected; }
    get status() { return this.#held.status; }
    get ok() { return this.#held.status >= 200 && this.#held.status <= 299; }
    get statusText() { return this.#held.statusText; }
    get headers() { return void this.#held, this.#headers; }

    clone() {
      const held = this.#held;
      if (held.body && (held.body.used || held.body.locked)) throw new TypeError("a Response whose body was used cannot be cloned");
      return new Response(inside, { ...held, body: held.body ? held.body.clone() : null, headers: new Headers(this.#headers) });
    }
  }

  const statusOf = (value) => Math.trunc(+value) & 0xffff;

  function initOf(init) {
    const { headers, status = 200, statusText = "" } = dictionary(init, "the options of a Response");
    const code = statusOf(status);
    if (code < 200 || code > 599) throw new RangeError(`the status of a Response must be from 200 to 599, and is ${code}`);
    const reason = byteText(statusText, "the statusText of a Response");
    if (/[^\t\x20-\x7e\x80-\xff]/.test(reason)) throw new TypeError("the statusText of a Response holds a character that it cannot");
    return { headers, status: code, statusText: reason };
  }

  /** A response that came from somewhere: its headers cannot be changed. */
  function responseOf(bytes, headers, url) {
    const body = bytes === null ? null : extract(bytes).body;
    return new Response(inside, { type: "basic", url, redirected: false, status: 200, statusText: "OK", body, headers: freeze(new Headers(headers)) });
  }

  /** A response of the network: without a body, or with one of bytes or of a stream. */
  function received({ status, statusText, url, redirected, headers }, bytes, stream) {
    const body = bytes === null ? null : bodyOf(bytes, stream);
    return new Response(inside, { type: "basic", url, redirected, status, statusText, body, headers: freeze(new Headers(headers)) });
  }

  addBody(Response, (response) => {
    const held = heldBy(response);
    if (!held) throw new TypeError("this is not a Response");
    return { body: held.body, headers: response.headers };
  });
  expose(Response);
  Object.defineProperty(Response, "length", { value: 0, configurable: true });
  return { Response, responseOf, received };
}
