// A processor in this process over streams in memory: the host's semantics, without a host.

import { HookFailure } from "../failure.ts";
import type { Event } from "../event.ts";
import { isOwnLifecycle } from "../own.ts";
import { canonical, isBelow } from "../path.ts";
import type { Logger, Processor } from "../processor.ts";
import { Reactor } from "../reactor.ts";
import { MemoryStreams, type GivenEvent } from "./memory.ts";
import type { Outcome } from "./outcome.ts";
import type { Stage } from "./scenario.ts";

export interface InMemoryOptions {
  path?: string;
  project?: string;
  slug?: string;
  includeChildren?: boolean;
  logger?: Logger;
}

/** A processor that answers itself without end would never be done. */
const EVENTS_MAX = 1_000;

/** As with the host. */
const FAILURES_IN_A_ROW_MAX = 10;

const SILENT: Logger = { debug() {}, info() {}, log() {}, warn() {}, error() {} };

export function inMemory<State>(processor: Processor<State>, options: InMemoryOptions): Stage<State> {
  return (history, happening) => new Play(processor, options).run(history, happening);
}

/** A stream's instance, and how far it has come. */
interface Seat<State> {
  reactor: Reactor<State>;
  reduced: number;
}

class Play<State> {
  readonly #processor: Processor<State>;
  readonly #path: string;
  readonly #project: string;
  readonly #slug: string;
  readonly #below: boolean;
  readonly #logger: Logger;
  readonly #streams: MemoryStreams;
  readonly #seats = new Map<string, Seat<State>>();
  /** How long each stream was when the processor came. */
  readonly #bases = new Map<string, number>();
  readonly #outcome: Pick<Outcome, "appends" | "failures" | "suspended"> = { appends: [], failures: [], suspended: false };
  /** With `concurrency: "parallel"`: what later events may have to bring to an end. */
  readonly #underWay = new Set<Promise<void>>();
  #failuresInARow = 0;

  constructor(processor: Processor<State>, options: InMemoryOptions) {
    this.#processor = processor;
    this.#path = canonical(options.path ?? "/test");
    this.#project = options.project ?? "public";
    this.#slug = options.slug ?? processor.slug ?? "processor";
    this.#below = options.includeChildren ?? false;
    this.#logger = options.logger ?? SILENT;
    this.#streams = new MemoryStreams(this.#project);
  }

  async run(history: GivenEvent[], happening: GivenEvent[]): Promise<Outcome<State>> {
    for (const event of history) this.#streams.append(event.streamPath ?? this.#path, event);
    for (const path of this.#streams.paths) this.#bases.set(path, this.#streams.events(path).length);
    const root = await this.#come(this.#path);
    await this.#settle();
    for (const event of happening) {
      this.#streams.append(event.streamPath ?? this.#path, event);
      await this.#settle();
    }
    while (this.#underWay.size > 0) {
      await Promise.race(this.#underWay);
      await this.#settle();
    }
    const states = Object.fromEntries([...this.#seats].map(([path, { reactor }]) => [path, reactor.state]));
    return { ...this.#outcome, state: root.reactor.state, states };
  }

  /** Acts on what has come, and on what comes of that, until nothing more comes. */
  async #settle(): Promise<void> {
    for (let acted = 0; ;) {
      // What was only begun gets a turn to go on, or to append.
      if (this.#underWay.size > 0) await new Promise((resolve) => setTimeout(resolve, 0));
      const next = await this.#next();
      if (!next || this.#outcome.suspended) return;
      if ((acted += 1) > EVENTS_MAX)
        throw new Error(`more than ${EVENTS_MAX} events in reaction to one: does the processor answer itself?`);
      await this.#react(...next);
    }
  }

  async #next(): Promise<[Seat<State>, Event] | undefined> {
    for (const path of this.#streams.paths) {
      if (path !== this.#path && !(this.#below && isBelow(path, this.#path))) continue;
      const known = this.#seats.get(path);
      const came = this.#streams.events(path).length;
      if (came <= (known?.reduced ?? this.#bases.get(path) ?? 0)) continue;
      const seat = known ?? (await this.#come(path));
      const event = this.#streams.events(path)[seat.reduced];
      if (event) return [seat, event];
    }
    return undefined;
  }

  async #come(path: string): Promise<Seat<State>> {
    const stream = { path, project: this.#project, slug: this.#slug };
    const shared = { processor: this.#processor, version: "test", logger: this.#logger };
    const reach = this.#streams.reach(this.#slug);
    const append: typeof reach.append = async (...given) => {
      const [path, , cause] = given;
      const before = this.#streams.events(path).length;
      const stored = await reach.append(...given);
      if (stored.offset > before || cause === undefined) this.#outcome.appends.push(stored);
      return stored;
    };
    const seat = { reactor: new Reactor({ ...shared, stream, reach: { ...reach, append } }), reduced: 0 };
    this.#seats.set(path, seat);
    for (const event of this.#streams.events(path).slice(0, this.#bases.get(path) ?? 0)) {
      seat.reduced = event.offset;
      if (isOwnLifecycle(event, this.#slug)) continue;
      await this.#recording(event.offset, async () => void seat.reactor.reduce(event));
    }
    await this.#recording(undefined, () => seat.reactor.caughtUp());
    return seat;
  }

  async #react(seat: Seat<State>, event: Event): Promise<void> {
    seat.reduced = event.offset;
    if (isOwnLifecycle(event, this.#slug)) return;
    const acting = this.#recording(event.offset, async () => seat.reactor.act(seat.reactor.reduce(event)));
    if (!seat.reactor.isParallel) return acting;
    this.#underWay.add(acting);
    acting.then(() => this.#underWay.delete(acting));
  }

  async #recording(offset: number | undefined, call: () => Promise<unknown>): Promise<void> {
    try {
      // A hook that only looked at its event breaks no row.
      if (await call()) this.#failuresInARow = 0;
    } catch (thrown) {
      const { phase, message } = thrown as HookFailure;
      this.#outcome.failures.push({ phase, ...(offset !== undefined && { offset }), message });
      this.#failuresInARow += 1;
      this.#outcome.suspended ||= this.#failuresInARow === FAILURES_IN_A_ROW_MAX;
    }
  }
}
