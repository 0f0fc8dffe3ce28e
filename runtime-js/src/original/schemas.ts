// The original's schema of an event that is to be appended. Its users extend it by schemas of members, of zod or any other
// library that follows Standard Schema.

import type { JsonObject } from "../event.ts";
import { isObject } from "../input.ts";
import { describeIssues, validate } from "../schema.ts";
import type { SchemaIssue, SchemaOutput, SchemaResult, StandardSchema } from "../schema.ts";

type Members = Record<string, StandardSchema<any, any>>;

export interface EventInputSchema<Output> extends StandardSchema<unknown, Output> {
  /** With members beside these, or in their place. */
  extend<const More extends Members>(
    more: More,
  ): EventInputSchema<Omit<Output, keyof More> & { [Name in keyof More]: SchemaOutput<More[Name]> }>;
  /** Throws what is wrong with the value. */
  parse(value: unknown): Output;
  safeParse(
    value: unknown,
  ): { success: true; data: Output; error?: undefined } | { success: false; data?: undefined; error: EventInputError };
}

export class EventInputError extends Error {
  readonly issues: readonly SchemaIssue[];

  constructor(issues: readonly SchemaIssue[]) {
    super(describeIssues(issues));
    this.name = "EventInputError";
    this.issues = issues;
  }
}

function member<Output>(what: string, isOne: (value: unknown) => boolean): StandardSchema<unknown, Output> {
  const check = (value: unknown): SchemaResult<Output> =>
    isOne(value) ? { value: value as Output } : { issues: [{ message: `must be ${what}` }] };
  return { "~standard": { version: 1, vendor: "millrace", validate: check } };
}

function objectOf<Output>(members: Members): EventInputSchema<Output> {
  function check(value: unknown): SchemaResult<Output> {
    if (!isObject(value)) return { issues: [{ message: "must be an object" }] };
    const issues: SchemaIssue[] = [];
    const output: Record<string, unknown> = {};
    for (const [name, schema] of Object.entries(members)) {
      const result = validate(schema, (value as JsonObject)[name]);
      if (result.issues) issues.push(...result.issues.map((issue) => ({ ...issue, path: [name, ...(issue.path ?? [])] })));
      // An optional member that is absent stays so.
      else if (result.value !== undefined || name in (value as JsonObject)) output[name] = result.value;
    }
    return issues.length > 0 ? { issues } : { value: output as Output };
  }
  const safeParse: EventInputSchema<Output>["safeParse"] = (value) => {
    const result = check(value);
    return result.issues ? { success: false, error: new EventInputError(result.issues) } : { success: true, data: result.value };
  };
  return {
    "~standard": { version: 1, vendor: "millrace", validate: check },
    extend: (more) => objectOf({ ...members, ...more }),
    parse(value) {
      const { data, error } = safeParse(value);
      if (error) throw error;
      return data as Output;
    },
    safeParse,
  };
}

const optional = (isOne: (value: unknown) => boolean) => (value: unknown) => value === undefined || isOne(value);
const isText = (value: unknown) => typeof value === "string" && value !== "";

export const GenericEventInputSchema: EventInputSchema<{
  type: string;
  payload?: JsonObject | undefined;
  metadata?: JsonObject | undefined;
  idempotencyKey?: string | undefined;
}> = objectOf({
  type: member("a text that is not empty", isText),
  payload: member("an object", optional(isObject)),
  metadata: member("an object", optional(isObject)),
  idempotencyKey: member("a text that is not empty", optional(isText)),
});
