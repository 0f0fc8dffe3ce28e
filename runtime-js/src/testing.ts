// `millrace/testing`: given – when – then for processors, in memory or in a real isolate.

import type { Processor } from "./processor.ts";
import { inMemory, type InMemoryOptions } from "./testing/in-memory.ts";
import type { GivenEvent } from "./testing/memory.ts";
import { Scenario } from "./testing/scenario.ts";

export { ExpectationError } from "./testing/expectation.ts";
export type { Expectation, Expected } from "./testing/expectation.ts";
export type { InMemoryOptions } from "./testing/in-memory.ts";
export { inIsolate } from "./testing/isolate.ts";
export type { IsolateOptions } from "./testing/isolate.ts";
export type { GivenEvent } from "./testing/memory.ts";
export type { Outcome } from "./testing/outcome.ts";
export { Happening, Scenario } from "./testing/scenario.ts";
export { startServer } from "./testing/server.ts";
export type { TestServer } from "./testing/server.ts";

type Events = GivenEvent | readonly GivenEvent[];

/** The history of a processor that runs in this process: it is reduced, and not acted on. */
export function given<State>(processor: Processor<State>, events: Events = [], options: InMemoryOptions = {}): Scenario<State> {
  return new Scenario(inMemory(processor, options), events);
}

/** `const { given } = testing(processor)`: given(events).when(event).then(expected). */
export function testing<State>(processor: Processor<State>, options: InMemoryOptions = {}) {
  return { given: (events: Events = []): Scenario<State> => given(processor, events, options) };
}
