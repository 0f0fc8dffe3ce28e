// The model's message into an answer: one JSON object, wherever in the message it stands.

export interface Answer {
  files: Record<string, string | null>;
  reason: string;
  confidence: number | null;
  /** What the processor is meant to do otherwise from now on, where that is so. */
  changes: string | null;
}

/** The schema, for servers that hold a model to it. */
export const schema = {
  type: "object",
  additionalProperties: false,
  required: ["files", "reason", "confidence", "changes"],
  properties: {
    files: { type: "object", additionalProperties: { type: ["string", "null"] } },
    reason: { type: "string" },
    confidence: { type: "number" },
    changes: { type: ["string", "null"] },
  },
};

/** The answer, or a sentence about what is wrong with it. */
export function parseAnswer(message: string): Answer | string {
  let wrong = "there is no JSON object in the answer";
  for (const text of objectsIn(message)) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      wrong = `the answer is no valid JSON: ${(error as Error).message}`;
      continue;
    }
    const answer = answerOf(value);
    if (typeof answer !== "string") return answer;
    wrong = answer;
  }
  return wrong;
}

/** What may be meant: the whole, each fenced block, and from each brace at a line's beginning to the one that closes it. */
function* objectsIn(message: string): Generator<string> {
  const whole = message.replace(/<think>[\s\S]*?<\/think>/g, "").trim();
  if (whole.startsWith("{")) yield whole;
  for (const [, block] of whole.matchAll(/```[a-zA-Z]*\s*\n([\s\S]*?)\n\s*```/g)) {
    if (block?.trim().startsWith("{")) yield block;
  }
  let from = whole.indexOf("{");
  for (let tries = 0; from >= 0 && tries < 20; tries++) {
    const end = closing(whole, from);
    if (end > from) yield whole.slice(from, end + 1);
    from = whole.indexOf("{", from + 1);
  }
}

/** Where the object that begins there ends; -1 when it does not. */
function closing(text: string, from: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return at;
  }
  return -1;
}

function answerOf(value: unknown): Answer | string {
  const isObject = (it: unknown): it is Record<string, unknown> => !!it && typeof it === "object" && !Array.isArray(it);
  if (!isObject(value) || !isObject(value.files)) return "the answer has no object `files`";
  const entries = Object.entries(value.files);
  if (entries.length === 0) return "`files` of the answer is empty: nothing would change";
  const wrong = entries.find(([path, text]) => !isPath(path) || (text !== null && typeof text !== "string"));
  if (wrong) return `\`files\` of the answer has ${JSON.stringify(wrong[0])}, which is no path with a text`;
  const files = Object.fromEntries(entries.map(([path, text]) => [path.replace(/^(\.\/|\/)+/, ""), text as string | null]));
  const { reason, confidence, changes } = value;
  return {
    files,
    reason: typeof reason === "string" ? reason.slice(0, 2000) : "",
    confidence: typeof confidence === "number" ? confidence : null,
    changes: typeof changes === "string" && changes.trim() !== "" ? changes.slice(0, 2000) : null,
  };
}

function isPath(path: string): boolean {
  return path.length > 0 && path.length < 300 && !path.split("/").includes("..");
}
