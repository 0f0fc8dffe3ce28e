// given – when – then, over whatever runs the processor.

import { canonical } from "../path.ts";
import { check, type Expectation, type Expected } from "./expectation.ts";
import type { GivenEvent } from "./memory.ts";
import type { Outcome } from "./outcome.ts";

/** Brings the history, then what happens; returns what came of it. */
export type Stage<State> = (history: GivenEvent[], happening: GivenEvent[]) => Promise<Outcome<State>>;

type Events = GivenEvent | readonly GivenEvent[];

export class Scenario<State> {
  readonly #stage: Stage<State>;
  readonly #history: GivenEvent[];

  constructor(stage: Stage<State>, history: Events) {
    this.#stage = stage;
    this.#history = [history].flat().map(placed);
  }

  /** What happens once the processor runs. */
  when(...events: Events[]): Happening<State> {
    return new Happening(this.#stage, this.#history, events.flat().map(placed));
  }
}

/** What happens, and what is to come of it. */
export class Happening<State> {
  readonly #stage: Stage<State>;
  readonly #history: GivenEvent[];
  readonly #happening: GivenEvent[];

  constructor(stage: Stage<State>, history: GivenEvent[], happening: GivenEvent[]) {
    this.#stage = stage;
    this.#history = history;
    this.#happening = happening;
  }

  when(...events: Events[]): Happening<State> {
    return new Happening(this.#stage, this.#history, [...this.#happening, ...events.flat().map(placed)]);
  }

  /** What comes of it. */
  outcome(): Promise<Outcome<State>> {
    return this.#stage(this.#history, this.#happening);
  }

  /**
   * Resolves to the outcome when it is as expected, and rejects with what is otherwise. A function may look for itself;
   * because of that an `await` in front of a scenario without `then` runs it, too.
   */
  async then(
    expected: Expectation | readonly Expected[] | ((outcome: Outcome<State>) => unknown),
    rejected?: (reason: unknown) => void,
  ): Promise<Outcome<State>> {
    try {
      const outcome = await this.outcome();
      if (typeof expected === "function") await expected(outcome);
      else check(outcome, expected);
      return outcome;
    } catch (error) {
      if (!rejected) throw error;
      rejected(error);
      return undefined as never;
    }
  }
}

const placed = (event: GivenEvent): GivenEvent =>
  event.streamPath === undefined ? event : { ...event, streamPath: canonical(event.streamPath) };
