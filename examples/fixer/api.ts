// What a model has to know of the place where its code will run.

export const api = `A processor is an ES module whose default export is an object, or defineProcessor(object) from "millrace":

interface Processor<State> {
  initialState?: State;                                    // JSON
  reduce?(c: { event: Event; state: State; logger }): State | void;   // synchronous and pure; void keeps the state
  afterAppend?(c: Context<State>): Promise<void>;          // acts on a stored event; throwing fails this event only
  onCaughtUp?(c: Context<State>): Promise<void>;           // once, when the history has been reduced
  concurrency?: "serial" | "parallel";
}
interface Context<State> {
  event: Event; state: State; prevState: State;            // the state behind the event, and before it
  append(input: EventInput | { path: string; event: EventInput }): Promise<Event>;   // path: "/a/b", "./child", ".."
  read(options?: { path?; afterOffset?: number | "start" | "end"; beforeOffset?; types?: string | string[] }): AsyncGenerator<Event>;
  signal: AbortSignal; logger; stream: { path: string; project: string; slug: string };
}
interface Event { type: string; payload: object; metadata?: object; streamPath: string; offset: number; createdAt: string }
interface EventInput { type: string; payload?: object; metadata?: object; idempotencyKey?: string; offset?: number }   // no other keys

- reduce has no append, fetch or timers; its clock is the event's time. State is JSON and must be given back, not changed elsewhere.
- A processor sees its own appends: react to types that it does not append, or it loops.
- fetch and the web's other globals are there, and many node: modules. A package must be in package.json's dependencies, which npm resolves.
- A relative import names a file that is among the files. The entry is processor.ts, processor.js, index.ts or index.js.
- CPU time per turn, memory and time per call are limited: no endless loops, and await only what settles.
- A secret is written into a header as getSecret({secretKey: 'NAME'}) and filled in on the way out; the code never sees it.`;
