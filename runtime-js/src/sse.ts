// Server-sent events out of a body: the messages, and nothing of streams.

export interface Message {
  /** `message`, unless the server names another. */
  event: string;
  data: string;
  id?: string;
}

/** The lines of a body, without their ends. What comes behind the last end is no line. */
export async function* lines(body: ReadableStream<Uint8Array>, heard?: () => void): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let pieces: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard?.();
      const text = decoder.decode(value, { stream: true });
      let from = 0;
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
        const line = pieces.length > 0 ? pieces.join("") + text.slice(from, at) : text.slice(from, at);
        pieces = [];
        from = at + 1;
        yield line.endsWith("\r") ? line.slice(0, -1) : line;
      }
      if (from < text.length) pieces.push(text.slice(from));
    }
  } finally {
    // Also when the reader of these lines stops early: the connection is given back.
    await reader.cancel().catch(() => {});
  }
}

/** The messages of a body. One that its body cuts short is none. */
export async function* messages(body: ReadableStream<Uint8Array>, heard?: () => void): AsyncGenerator<Message, void> {
  let data: string[] = [];
  let event = "message";
  let id: string | undefined;
  for await (const line of lines(body, heard)) {
    if (line === "") {
      if (data.length > 0) yield { event, data: data.join("\n"), ...(id !== undefined && { id }) };
      data = [];
      event = "message";
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") data.push(value);
    else if (name === "event") event = value;
    else if (name === "id") id = value;
  }
}
