import * as z from "zod";

export const Order = z.object({
  item: z.string().min(1),
  quantity: z.int().positive().default(1),
});

export type Order = z.infer<typeof Order>;

/** One line for each thing that is wrong. */
export function problems(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => `${path.join(".") || "the order"}: ${message}`);
}
