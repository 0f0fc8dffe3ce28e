// What a row needs of whatever runs its processor.

import type { EventsClient } from "millrace";
import type { Row } from "../behaviour.ts";

export interface Driver {
  /** Resolves when the history has been reduced and what comes next is acted on. */
  start(client: EventsClient, path: string, row: Row): Promise<Running>;
}

export interface Running {
  /** How far it has acted on a stream; nothing where it does not run there. */
  acted(path: string): Promise<number | undefined>;
  state(path: string): Promise<unknown>;
  isSuspended(): Promise<boolean>;
  stop(): Promise<void>;
}
