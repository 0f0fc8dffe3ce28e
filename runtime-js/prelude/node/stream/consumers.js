// node:stream/consumers: all of a stream at once.

export default function consumers(native, tools) {
  const { Buffer } = tools.builtin("buffer");

  async function buffer(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    return Buffer.concat(chunks);
  }
  const text = async (stream) => (await buffer(stream)).toString();

  return {
    buffer,
    text,
    json: async (stream) => JSON.parse(await text(stream)),
    arrayBuffer: async (stream) => Uint8Array.from(await buffer(stream)).buffer,
    blob: async (stream) => new Blob([await buffer(stream)]),
  };
}
