// The bodies of requests and responses: what they can be made of, and how they are read. Bytes that are there
// already only become a stream when a script asks for one.

export default function bodies(native, tools) {
  const texts = tools.natives("text");
  const { isObject, promised, text } = tools.part("idl");
  const { parse: parseMime, serialize } = tools.part("fetch/mime");

  class Body {
    #bytes;
    #stream;
    #used = false;

    constructor(bytes, stream) {
      this.#bytes = bytes;
      this.#stream = stream;
    }

    get isStream() { return this.#bytes === undefined; }
    get used() { return this.#used || (this.#stream?.disturbed ?? false); }
    get locked() { return this.#stream?.locked ?? false; }

    /** The stream beneath; made now if there is none. */
    get stream() {
      if (!this.#stream) {
        this.#stream = tools.part("blob").streamOfBytes(this.#used ? new Uint8Array(0) : this.#bytes);
        if (this.#used) {
          this.#stream.cancel(undefined);
          // Whoever used the body has its stream, and keeps it.
          new (tools.part("streams/state").Reader)(this.#stream, false);
        }
      }
      return this.#stream;
    }

    /** Calls back with all bytes, in a buffer of their own; then the body is used. */
    read(done, failed) {
      if (this.#stream) readAll(this.#stream, done, failed);
      else {
        this.#used = true;
        tools.microtask(() => done(this.#bytes.slice()));
      }
    }

    /** All bytes, which are there already; the body is used then. */
    takeBytes() {
      this.#used = true;
      return this.#bytes;
    }

    clone() {
      if (!this.#stream) return new Body(this.#bytes, undefined);
      const [mine, other] = tools.part("streams/tee").tee(this.#stream, true);
      this.#stream = mine;
      this.#bytes = undefined;
      return new Body(undefined, other);
    }

    /** The same body for someone else; this one counts as used. */
    take() {
      const taken = new Body(this.#bytes, this.#stream);
      if (this.#stream) taken.#stream = passedOn(this.#stream);
      this.#used = true;
      return taken;
    }
  }

  function passedOn(source) {
    const { transformOf } = tools.part("streams/transform");
    const through = transformOf((chunk, enqueue) => enqueue(chunk));
    const readable = tools.part("streams/readable");
    readable.show(source).pipeThrough(through);
    return readable.stateOf(through.readable);
  }

  /** Without promises of bytes on the way: a script could have them answered by a `then` of its own. */
  function readAll(stream, done, failed) {
    const { Reader } = tools.part("streams/state");
    const reader = new Reader(stream, false);
    const chunks = [];
    const next = () => reader.read(request);
    const request = {
      chunk(chunk) {
        if (!(chunk instanceof Uint8Array)) {
          const error = new TypeError("a body's stream must give Uint8Arrays");
          stream.cancel(error);
          failed(error);
          return;
        }
        chunks.push(chunk);
        // A stream may answer at once, again and again: not all on one stack.
        tools.microtask(next);
      },
      close: () => done(tools.part("blob").joined(chunks)),
      error: failed,
    };
    next();
  }

  /** `{ body, type }` of what a script gave as a body. */
  function extract(value) {
    const stream = tools.loaded("streams/readable")?.stateOf(value);
    if (stream) {
      if (stream.disturbed || stream.locked) throw new TypeError("the stream is used or locked already, and cannot be a body");
      return { body: new Body(undefined, stream), type: null };
    }
    const { bytes, type } = bytesOf(value);
    return { body: new Body(bytes, undefined), type };
  }

  function bytesOf(value) {
    if (isObject(value)) {
      const blob = tools.loaded("blob")?.bytesOf(value);
      if (blob) return { bytes: blob, type: value.type || null };
      if (ArrayBuffer.isView(value)) return { bytes: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice(), type: null };
      if (value instanceof ArrayBuffer) return { bytes: new Uint8Array(value).slice(), type: null };
      const entries = tools.loaded("fetch/form")?.entriesOf(value);
      if (entries) return tools.part("fetch/multipart").serialize(entries);
      if (tools.loaded("url")?.isParams(value)) {
        return { bytes: texts.utf8Encode(`${value}`), type: "application/x-www-form-urlencoded;charset=UTF-8" };
      }
    }
    return { bytes: texts.utf8Encode(text(value)), type: "text/plain;charset=UTF-8" };
  }

  /** Of the headers' content-type. */
  const mimeOf = (headers) => {
    const type = headers.get("content-type");
    return type === null ? undefined : parseMime(type);
  };

  function formOf(bytes, headers) {
    const type = mimeOf(headers);
    if (type?.essence === "multipart/form-data") return tools.part("fetch/multipart").parse(bytes, type.parameters.get("boundary"));
    if (type?.essence === "application/x-www-form-urlencoded") return tools.part("fetch/multipart").parseUrlEncoded(bytes);
    throw new TypeError(`formData needs a content-type of a form; it is ${type ? type.essence : "missing"}`);
  }

  /** Gives `type` the members of a body. `held` gives `{ body, headers }` of one, and throws for anything else. */
  function addBody(type, held) {
    const read = (self, make) =>
      promised(() => {
        const { body, headers } = held(self);
        if (body === null) return make(new Uint8Array(0), headers);
        if (body.used || body.locked) throw new TypeError("the body was used already, or its stream is locked");
        return new Promise((resolve, reject) => {
          const finish = (bytes) => {
            try {
              resolve(make(bytes, headers));
            } catch (error) {
              reject(error);
            }
          };
          body.read(finish, reject);
        });
      });
    const members = {
      get body() {
        const { body } = held(this);
        return body === null ? null : tools.part("streams/readable").show(body.stream);
      },
      get bodyUsed() {
        const { body } = held(this);
        return body !== null && body.used;
      },
      arrayBuffer() { return read(this, (bytes) => bytes.buffer); },
      blob() {
        return read(this, (bytes, headers) => {
          const type = mimeOf(headers);
          const { blobOf, typeOf } = tools.part("blob");
          return blobOf(bytes, type ? typeOf(serialize(type)) : "");
        });
      },
      bytes() { return read(this, (bytes) => bytes); },
      formData() { return read(this, formOf); },
      json() { return read(this, (bytes) => JSON.parse(texts.utf8Decode(bytes))); },
      text() { return read(this, (bytes) => texts.utf8Decode(bytes)); },
    };
    Object.defineProperties(type.prototype, Object.getOwnPropertyDescriptors(members));
  }

  /** Of the prelude's own: of bytes that are its own now, or of a stream. */
  const bodyOf = (bytes, stream) => new Body(bytes, stream);

  return { extract, addBody, bodyOf };
}
