// The package `millrace`: define processors, run them, and talk to a server.

export { HookFailure } from "./failure.ts";
export { createEventsClient } from "./client.ts";
export type {
  AppendOptions,
  CallOptions,
  ClientOptions,
  Destroyed,
  EventsClient,
  ListedStream,
  ProcessorReport,
  Secret,
  SecretInput,
  StreamOptions,
  StreamState,
} from "./client.ts";
export { defineProcessor } from "./define.ts";
export type { Deployed, DeployOptions, Deployment, Diagnostic } from "./deploy.ts";
export type { Cursor, Event, EventInput, EventSource, JsonObject, TypedEvent } from "./event.ts";
export { MillraceError } from "./problem.ts";
export type * from "./processor.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./schema.ts";
export { PullProcessorRuntime } from "./pull.ts";
export type { PullOptions } from "./pull.ts";
export { PushProcessorRuntime } from "./push.ts";
export type { AcceptedSocket, PushOptions } from "./push.ts";
export type { SigningSecret } from "./signature.ts";
export * from "./original.ts";
