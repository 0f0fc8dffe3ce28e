// Server-sent events out of a body: the messages, and nothing of streams.

export interface Message {
  /** `message`, unless the server names another. */
  event: string;
  data: string;
  id?: string;
}

/**
 * The lines of a body, without their ends. What comes behind the last end is no line. `signal` ends the body itself: not
 * every runtime breaks off a body whose request was aborted.
 */
export async function* lines(
  body: ReadableStream<Uint8Array>,
  heard?: () => void,
  signal?: AbortSignal,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let pieces: string[] = [];
  // Whoever waits for the next piece is then told that there is none.
  const stop = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        signal?.throwIfAborted();
        return;
      }
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
    signal?.removeEventListener("abort", stop);
    const cancelled = reader.cancel().catch(() => {});
    if (!signal?.aborted) await cancelled;
  }
}

/** The messages of a body. One that its body cuts short is none. */
export async function* messages(
  body: ReadableStream<Uint8Array>,
  heard?: () => void,
  signal?: AbortSignal,
): AsyncGenerator<Message, void> {
  let data: string[] = [];
  let event = "message";
  let id: string | undefined;
  for await (const line of lines(body, heard, signal)) {
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
