// Standard Schema (standardschema.dev): what zod, valibot, arktype and others have in common. Only its types, and how a
// payload is put through one.

/** A schema of any library that follows Standard Schema, version 1. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a valid value has become. */
export type SchemaOutput<Schema> = Schema extends { readonly "~standard": { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : never
  : never;

/** The value as the schema leaves it, or what is wrong with it. At once: `reduce` cannot wait. */
export function validate<Output>(schema: StandardSchema<unknown, Output>, value: unknown): SchemaResult<Output> {
  const result = schema["~standard"].validate(value);
  if (typeof (result as Promise<unknown>).then !== "function") return result as SchemaResult<Output>;
  (result as Promise<unknown>).then(undefined, () => {});
  throw new TypeError("a schema of `events` checks asynchronously, and `reduce` cannot wait: use one that does not");
}

/** The issues in one sentence, each with its place. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  return issues.map(({ message, path }) => (path?.length ? `${path.map(keyOf).join(".")}: ${message}` : message)).join("; ");
}

const keyOf = (step: PropertyKey | { readonly key: PropertyKey }) => String(typeof step === "object" ? step.key : step);
