// The runtimes under the names of the original's first clients.

import type { EventsClient } from "../client.ts";
import type { Logger, Processor } from "../processor.ts";
import { PullProcessorRuntime } from "../pull.ts";
import { PushProcessorRuntime } from "../push.ts";
import { matchesStreamPattern, patternRoot } from "./pattern.ts";

interface Shared<State> {
  eventsClient?: EventsClient;
  processor: Processor<State>;
  logger?: Logger;
}

/** Of one stream. */
export class PullSubscriptionProcessorRuntime<State = any> extends PullProcessorRuntime<State> {
  constructor({ streamPath, ...options }: Shared<State> & { streamPath: string }) {
    super({ ...options, path: streamPath, includeChildren: false });
  }
}

/** Of every stream whose path fits a pattern. */
export class PullSubscriptionPatternProcessorRuntime<State = any> extends PullProcessorRuntime<State> {
  constructor({ streamPattern, ...options }: Shared<State> & { streamPattern: string }) {
    const matches = (path: string) => matchesStreamPattern(path, streamPattern);
    super({ ...options, path: patternRoot(streamPattern), includeChildren: true, matches });
  }
}

/** Takes events that were delivered. */
export class PushSubscriptionProcessorRuntime<State = any> extends PushProcessorRuntime<State> {
  constructor(options: Shared<State> & { streamPath: string }) {
    super(options);
  }
}
