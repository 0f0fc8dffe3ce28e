// Whether a value is an event that a server will take as one: it would keep anything else as an invalid event.

const KEYS = ["type", "payload", "metadata", "idempotencyKey", "offset"];

/** Nothing when it is, or a sentence that names the field. */
export function wrongInput(event: object): string | undefined {
  const { type, payload, metadata, idempotencyKey, offset } = event as Record<string, unknown>;
  const unknown = Object.keys(event).find((key) => !KEYS.includes(key));
  if (unknown) return `\`${unknown}\` is no field of an event, which has ${KEYS.join(", ")}`;
  if (typeof type !== "string" || type.trim() === "" || type.length > 2_048)
    return "`type` must be a text of 1 to 2048 characters";
  if (payload !== undefined && !isObject(payload)) return "`payload` must be a JSON object";
  if (metadata !== undefined && !isObject(metadata)) return "`metadata` must be a JSON object";
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || idempotencyKey.trim() === ""))
    return "`idempotencyKey` must be a text that is not empty";
  if (offset !== undefined && !(Number.isInteger(offset) && (offset as number) > 0)) return "`offset` must be a positive integer";
  return undefined;
}

/** A JSON object, and not a list. */
export const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
