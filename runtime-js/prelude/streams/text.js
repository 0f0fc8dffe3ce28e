// TextEncoderStream and TextDecoderStream.

export default function textStreams(native, tools) {
  const { expose } = tools.part("idl");
  const { transformOf } = tools.part("streams/transform");
  const { TextEncoder, TextDecoder } = tools.part("encoding");

  class TextEncoderStream {
    #sides;

    constructor() {
      const encoder = new TextEncoder();
      /** A high surrogate at the end of a chunk waits for its other half. */
      let held = "";
      const encode = (chunk, enqueue) => {
        let text = held + `${chunk}`;
        held = /[\ud800-\udbff]$/.test(text) ? text.at(-1) : "";
        if (held) text = text.slice(0, -1);
        if (text !== "") enqueue(encoder.encode(text));
      };
      this.#sides = transformOf(encode, (enqueue) => {
        if (held) enqueue(new Uint8Array([0xef, 0xbf, 0xbd]));
      });
    }

    get encoding() {
      void this.#sides;
      return "utf-8";
    }
    get readable() { return this.#sides.readable; }
    get writable() { return this.#sides.writable; }
  }

  class TextDecoderStream {
    #decoder;
    #sides;

    constructor(label = "utf-8", options = undefined) {
      const decoder = new TextDecoder(label, options);
      this.#decoder = decoder;
      const pass = (text, enqueue) => {
        if (text !== "") enqueue(text);
      };
      this.#sides = transformOf(
        (chunk, enqueue) => {
          if (chunk === undefined || chunk === null) throw new TypeError("a TextDecoderStream takes bytes");
          pass(decoder.decode(chunk, { stream: true }), enqueue);
        },
        (enqueue) => pass(decoder.decode(), enqueue),
      );
    }

    get encoding() { return this.#decoder.encoding; }
    get fatal() { return this.#decoder.fatal; }
    get ignoreBOM() { return this.#decoder.ignoreBOM; }
    get readable() { return this.#sides.readable; }
    get writable() { return this.#sides.writable; }
  }

  return { TextEncoderStream: expose(TextEncoderStream), TextDecoderStream: expose(TextDecoderStream) };
}
