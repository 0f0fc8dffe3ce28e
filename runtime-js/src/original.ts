// The names of the original's SDK that are not ours as well, so that what was written for it runs.

export { createWorkshopTestHarness, useProcessorTestHarness } from "./original/harness.ts";
export type { HarnessOptions } from "./original/harness.ts";
export { createWorkshopLogger, workshopLogger } from "./original/logger.ts";
export { isMainModule, os, runIfMain, runWorkshopMain } from "./original/main.ts";
export type { Procedure, ProcedureBuilder, ProcedureInput } from "./original/main.ts";
export { getDiscoveredStreamPath, matchesStreamPattern, normalizeStreamPattern } from "./original/pattern.ts";
export { getDefaultWorkshopPathPrefix, normalizePathPrefix, workshopPathPrefix } from "./original/prefix.ts";
export {
  PullSubscriptionPatternProcessorRuntime,
  PullSubscriptionProcessorRuntime,
  PushSubscriptionProcessorRuntime,
} from "./original/runtimes.ts";
export { GenericEventInputSchema } from "./original/schemas.ts";
export type { EventInputSchema } from "./original/schemas.ts";
export type { JsonObject as JSONObject } from "./event.ts";
export type { AppendInput as ProcessorAppendInput } from "./processor.ts";
