// TextEncoder and TextDecoder, as the Encoding standard has them (the work is Rust's), and the old base64 functions.

export default function encoding(native, tools) {
  const texts = tools.natives("text");
  const { expose, dictionary, needs, text: wellFormed } = tools.part("idl");

  class TextEncoder {
    /** Without state of its own, and yet its members are its alone. */
    #brand = undefined;
    get encoding() {
      void this.#brand;
      return "utf-8";
    }

    encode(text = "") {
      void this.#brand;
      return texts.utf8Encode(wellFormed(text));
    }

    encodeInto(text, into) {
      needs(2, arguments, "encodeInto");
      if (!(into instanceof Uint8Array)) throw new TypeError("encodeInto writes into a Uint8Array");
      let read = 0;
      let written = 0;
      const string = wellFormed(text);
      for (const character of string) {
        const point = character.codePointAt(0);
        const bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        if (written + bytes > into.length) break;
        written += bytes;
        read += character.length;
      }
      // A buffer that is elsewhere by now takes nothing.
      if (written > 0) into.set(texts.utf8Encode(string.slice(0, read)));
      return { read, written };
    }
  }

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #decoder = undefined;

    constructor(label = "utf-8", options = undefined) {
      const { fatal, ignoreBOM } = dictionary(options, "the options of a TextDecoder");
      this.#encoding = texts.encodingName(wellFormed(label));
      if (!this.#encoding) throw new RangeError(`TextDecoder knows no encoding ${JSON.stringify(`${label}`)}`);
      this.#fatal = Boolean(fatal);
      this.#ignoreBOM = Boolean(ignoreBOM);
    }

    get encoding() { return this.#encoding; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }

    decode(input = undefined, options = undefined) {
      const { stream } = dictionary(options, "the options of decode");
      this.#decoder ??= texts.decoder(this.#encoding, this.#fatal, this.#ignoreBOM);
      const decoder = this.#decoder;
      const goesOn = Boolean(stream);
      if (!goesOn) this.#decoder = undefined;
      const text = decoder.decode(bytesOf(input), !goesOn);
      if (text === undefined) {
        this.#decoder = undefined;
        const error = new TypeError(`the bytes are not valid ${this.#encoding}`);
        error.code = "ERR_ENCODING_INVALID_ENCODED_DATA";
        throw error;
      }
      return text;
    }
  }

  function bytesOf(input) {
    if (input === undefined) return new Uint8Array(0);
    // What was transferred elsewhere gives nothing.
    if (input.detached || input.buffer?.detached) return new Uint8Array(0);
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    if (input instanceof ArrayBuffer || input instanceof SharedArrayBuffer) return new Uint8Array(input);
    throw new TypeError("decode takes an ArrayBuffer or a view of one");
  }

  const notBase64 = () => new DOMException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");

  function atob(text) {
    if (arguments.length === 0) throw new TypeError("atob takes a string");
    let base64 = String(text).replace(/[\t\n\f\r ]/g, "");
    if (base64.length % 4 === 0) base64 = base64.replace(/==?$/, "");
    if (base64.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(base64)) throw notBase64();
    return Array.from(Uint8Array.fromBase64(base64), (byte) => String.fromCharCode(byte)).join("");
  }

  function btoa(text) {
    if (arguments.length === 0) throw new TypeError("btoa takes a string");
    const bytes = Uint8Array.from(String(text), (character) => {
      const code = character.codePointAt(0);
      if (code > 0xff) throw new DOMException("btoa takes characters up to U+00FF only", "InvalidCharacterError");
      return code;
    });
    return bytes.toBase64();
  }

  expose(TextEncoder);
  expose(TextDecoder);
  return { TextEncoder, TextDecoder, atob, btoa };
}
