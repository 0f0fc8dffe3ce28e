// Events: as they are appended, and as they are stored.

/** What JSON can hold, as far as a type can say it without getting in the way. */
export type JsonObject = { [key: string]: any };

/** What is appended. A key that is not listed makes it invalid. */
export interface EventInput {
  /** Any name: kebab case and past tense, such as `order-placed`, is the custom. */
  type: string;
  /** The fact itself, a JSON object; `{}` if left out. */
  payload?: JsonObject;
  /** Facts about the fact. */
  metadata?: JsonObject;
  /** Unique in its stream for ever: a second append finds the first one's event. */
  idempotencyKey?: string;
  /** A precondition: append only if the event lands exactly here. */
  offset?: number;
}

/** An event that is stored. */
export interface Event {
  type: string;
  payload: JsonObject;
  metadata?: JsonObject;
  idempotencyKey?: string;
  streamPath: string;
  /** 1, 2, 3 and so on, without gaps, in each stream. */
  offset: number;
  /** ISO 8601, with milliseconds, in UTC. */
  createdAt: string;
  source?: EventSource;
}

/** An event of one type, whose payload is known. */
export interface TypedEvent<Type extends string, Payload> extends Omit<Event, "type" | "payload"> {
  type: Type;
  payload: Payload;
}

/** Who appended an event, and in reaction to what. */
export interface EventSource {
  kind: "client" | "processor" | "schedule" | "transformer" | "server";
  slug?: string;
  principal?: string;
  cause?: { streamPath: string; offset: number };
  /** The length of the chain of reactions; 0 for what a client appended. */
  depth: number;
}

/** An exclusive place in a stream: an offset, its start or its end. */
export type Cursor = number | "start" | "end";
