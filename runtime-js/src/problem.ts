// Errors as values: what a server has answered, or that it did not.

/** A request that came to nothing. `code` is stable; `detail` says what to do. */
export class MillraceError extends Error {
  override readonly name = "MillraceError";
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** One for each cause, such as `stream-paused` or `offset-mismatch`; see the server's /api/docs. */
  readonly code: string;
  readonly detail: string;
  /** What else the problem document has, as `expectedOffset`. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, detail: string, more: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(detail, options);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.more = more;
  }

  /** Whether the same request may succeed a moment later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** What an answer that is none of success says: an RFC 9457 problem document, or whatever a proxy in between has sent. */
  static async of(response: Response, asked: string): Promise<MillraceError> {
    const text = await response.text().catch(() => "");
    try {
      const { status, code, detail, title, type: _, ...more } = JSON.parse(text);
      if (typeof code === "string") return new MillraceError(response.status, code, String(detail ?? title ?? code), more);
    } catch {
      // Not ours.
    }
    const said = text.replace(/\s+/g, " ").trim().slice(0, 200);
    return new MillraceError(
      response.status,
      "unexpected-answer",
      `${asked} was answered with status ${response.status}${said && `: ${said}`}`,
    );
  }

  /** That there was no answer. */
  static unreachable(asked: string, cause: unknown): MillraceError {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const why = inner instanceof Error ? inner.message : String(inner);
    return new MillraceError(0, "unreachable", `${asked} could not be sent: ${why}; is the server running there?`, {}, { cause });
  }
}
