// What came of a test's events.

import type { Event } from "../event.ts";

export interface Outcome<State = any> {
  /** What the processor appended, on whichever stream, in order. */
  appends: Event[];
  /** Its state behind the last event of the stream. */
  state: State;
  /** What its hooks have thrown. */
  failures: { phase: string; offset?: number; message: string }[];
  /** Too much has failed in a row, and what came later was not looked at. */
  suspended: boolean;
  /** The state on each stream, where it runs on several. */
  states: Record<string, State>;
}
