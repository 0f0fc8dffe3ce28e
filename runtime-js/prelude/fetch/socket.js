// WebSocket, as the standard has it; a second argument may also be `{ protocols, headers }`.

export default function sockets(native, tools) {
  const { expose, constants, isObject, needs, text } = tools.part("idl");
  const { EventTarget, Event, MessageEvent, ErrorEvent, CloseEvent, handlerAttribute, fire } = tools.part("events");
  const { utf8Encode, utf8Decode } = tools.natives("text");
  const urls = tools.natives("url");
  const { Exchange } = tools.part("fetch/network");
  const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  function urlOf(given) {
    const parts = urls.urlParse(text(given), undefined);
    const syntax = (message) => new DOMException(message, "SyntaxError");
    if (!parts) throw syntax(`Invalid URL: ${text(given)}`);
    const href = parts[0].replace(/^http/, "ws");
    if (!/^wss?:/.test(href)) throw syntax("the URL of a WebSocket begins with ws:, wss:, http: or https:");
    if (parts[10] !== "") throw syntax("the URL of a WebSocket has no fragment");
    return href;
  }

  function optionsOf(given) {
    if (given === undefined) return { protocols: [], headers: [] };
    if (!isObject(given)) return { protocols: protocolsOf([given]), headers: [] };
    if (typeof given[Symbol.iterator] === "function") return { protocols: protocolsOf([...given]), headers: [] };
    const { protocols = [], headers } = given;
    const { Headers, pairsOf } = tools.part("fetch/headers");
    return {
      protocols: protocolsOf(isObject(protocols) ? [...protocols] : [protocols]),
      headers: pairsOf(new Headers(headers)).flat(),
    };
  }

  function protocolsOf(given) {
    const protocols = given.map(text);
    const wrong = protocols.find((one, at) => !TOKEN.test(one) || protocols.some((other, place) => place < at && other.toLowerCase() === one.toLowerCase()));
    if (wrong !== undefined) throw new DOMException(`${JSON.stringify(wrong)} is no protocol, or is named twice`, "SyntaxError");
    return protocols;
  }

  class WebSocket extends EventTarget {
    #url;
    #state = CONNECTING;
    #protocol = "";
    #extensions = "";
    #binaryType = "blob";
    #buffered = 0;
    #exchange;
    /** What waits to be sent, in order. */
    #queue = [];
    #sending = false;

    constructor(url, protocols = undefined) {
      super();
      needs(1, arguments, "new WebSocket");
      tools.forbid("WebSocket");
      this.#url = urlOf(url);
      const { protocols: asked, headers } = optionsOf(protocols);
      const begin = (natives, call, event) => natives.connect(call, event, this.#url, asked, headers);
      this.#exchange = new Exchange(begin, true, (answer) => this.#opened(answer), (reason) => this.#failed(`${reason?.message ?? reason}`, false));
    }

    get url() { return this.#url; }
    get readyState() { return this.#state; }
    get bufferedAmount() { return this.#buffered; }
    get extensions() { return this.#extensions; }
    get protocol() { return this.#protocol; }
    get binaryType() { return this.#binaryType; }
    set binaryType(value) {
      if (value === "blob" || value === "arraybuffer") this.#binaryType = value;
    }

    send(data) {
      needs(1, arguments, "send");
      tools.forbid("send");
      if (this.#state === CONNECTING) throw new DOMException("the WebSocket is not open yet", "InvalidStateError");
      const { kind, bytes } = messageOf(data);
      this.#buffered += bytes.length;
      if (this.#state !== OPEN) return;
      this.#queue.push({ kind, bytes });
      this.#sendNext();
    }

    close(code = undefined, reason = undefined) {
      const number = code === undefined ? undefined : Math.trunc(+code) & 0xffff;
      if (number !== undefined && number !== 1000 && !(number >= 3000 && number <= 4999)) {
        throw new DOMException(`the code of a close is 1000, or from 3000 to 4999, and is ${number}`, "InvalidAccessError");
      }
      const why = reason === undefined ? "" : text(reason);
      if (utf8Encode(why).length > 123) throw new DOMException("the reason of a close may have 123 bytes", "SyntaxError");
      if (this.#state === CLOSING || this.#state === CLOSED) return;
      if (this.#state === CONNECTING) {
        this.#state = CLOSING;
        this.#exchange.end(false);
        tools.part("timers").task("close", () => this.#failed("the WebSocket was closed before it was open", false));
        return;
      }
      this.#state = CLOSING;
      this.#queue.push({ kind: "close", bytes: undefined, code: number, reason: why });
      this.#sendNext();
    }

    #sendNext() {
      if (this.#sending || this.#queue.length === 0 || this.#exchange.over) return;
      this.#sending = true;
      const { kind, bytes, code, reason } = this.#queue.shift();
      this.#exchange.push(kind, bytes, code, reason, () => {
        this.#sending = false;
        this.#buffered -= bytes?.length ?? 0;
        this.#sendNext();
      });
    }

    #opened(answer) {
      if (answer.kind === "failed") {
        this.#failed(answer.message, true);
        return;
      }
      this.#state = OPEN;
      this.#url = answer.url || this.#url;
      this.#protocol = answer.protocol;
      this.#extensions = answer.extensions;
      this.#listen();
      fire(this, new Event("open"));
    }

    #listen() {
      this.#exchange.pull((answer, bytes) => {
        if (answer.kind === "failed") this.#failed(answer.message, true);
        else if (answer.kind === "closed") this.#closed(answer.code, answer.reason, answer.clean);
        else {
          if (this.#state === OPEN) fire(this, new MessageEvent("message", { data: this.#dataOf(answer.kind, bytes), origin: new URL(this.#url).origin }));
          if (!this.#exchange.over) this.#listen();
        }
      });
    }

    #dataOf(kind, bytes) {
      if (kind === "text") return utf8Decode(bytes);
      return this.#binaryType === "blob" ? tools.part("blob").blobOf(bytes, "") : bytes.buffer;
    }

    #failed(message, known) {
      if (this.#state === CLOSED) return;
      this.#exchange?.end(known);
      this.#state = CLOSED;
      fire(this, new ErrorEvent("error", { message, error: new Error(message) }));
      fire(this, new CloseEvent("close", { code: 1006, reason: "", wasClean: false }));
    }

    #closed(code, reason, clean) {
      if (this.#state === CLOSED) return;
      this.#exchange.end(true);
      this.#state = CLOSED;
      if (!clean) fire(this, new ErrorEvent("error", { message: "the connection was cut" }));
      fire(this, new CloseEvent("close", { code, reason, wasClean: clean }));
    }
  }

  function messageOf(data) {
    const blob = isObject(data) ? tools.loaded("blob")?.bytesOf(data) : undefined;
    if (blob) return { kind: "binary", bytes: blob };
    if (ArrayBuffer.isView(data)) return { kind: "binary", bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() };
    if (data instanceof ArrayBuffer) return { kind: "binary", bytes: new Uint8Array(data).slice() };
    return { kind: "text", bytes: utf8Encode(text(data)) };
  }

  for (const name of ["open", "message", "error", "close"]) handlerAttribute(WebSocket, name);
  expose(WebSocket);
  constants(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });
  return { WebSocket };
}
