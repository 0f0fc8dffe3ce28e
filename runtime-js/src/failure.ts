// A hook that has failed, and how that is told.

import type { EventInput } from "./event.ts";
import { MillraceError } from "./problem.ts";

export type Phase = "reduce" | "afterAppend" | "onCaughtUp";

/** What a hook has thrown, or that it took too long. */
export class HookFailure extends Error {
  override readonly name = "HookFailure";
  readonly phase: Phase;
  readonly reason: "exception" | "timeout";

  constructor(phase: Phase, thrown: unknown, reason: "exception" | "timeout" = "exception") {
    super(thrown instanceof Error ? thrown.message : `${describe(thrown)} was thrown, which is not an Error`, { cause: thrown });
    this.phase = phase;
    this.reason = reason;
  }

  /** The stream refuses appends until it is resumed: nothing is lost, and the hook has not failed. */
  get isPause(): boolean {
    return this.cause instanceof MillraceError && this.cause.code === "stream-paused";
  }

  /** The event that says so, on the stream where it happened. What a client may append is an error, and no more. */
  recorded(slug: string, version: string, offset: number | undefined): EventInput {
    const { cause } = this;
    const error = cause instanceof Error ? cause : this;
    const at = offset === undefined ? "" : ` at event ${offset}`;
    return {
      type: "stream/error-occurred",
      payload: {
        message: `processor \`${slug}\` failed in ${this.phase}${at}: ${this.message}`,
        error: { name: error.name, message: error.message || this.message, ...(error.stack && { stack: error.stack }) },
      },
      metadata: { processor: slug, version, phase: this.phase, reason: this.reason, ...(offset !== undefined && { offset }) },
    };
  }
}

function describe(thrown: unknown): string {
  try {
    return typeof thrown === "string" ? JSON.stringify(thrown) : String(thrown);
  } catch {
    return "something that cannot be looked at";
  }
}
