// The tokens of a pattern: what is text, what is a group, what is a modifier.

export default function urlPatternTokens() {
  const SIMPLE = new Map([
    ["*", "asterisk"],
    ["+", "modifier"],
    ["?", "modifier"],
    ["{", "open"],
    ["}", "close"],
  ]);
  const NAME_START = /^[$_\p{ID_Start}]$/u;
  const NAME_PART = /^[$\u200c\u200d\p{ID_Continue}]$/u;
  const isNamePart = (character) => character !== undefined && NAME_PART.test(character);
  const isAscii = (character) => character <= "\x7f";

  /**
   * Each token has its kind, its text and the place of its first character, counted in code points; the last is `end`.
   * What is no token throws, or when `lenient` becomes a token of the kind `invalid`: a whole URL is first cut into
   * its components, and only these must be right.
   */
  function tokenize(pattern, lenient = false) {
    const characters = [...pattern];
    const tokens = [];
    let at = 0;
    const push = (kind, next, text) => {
      tokens.push({ kind, at, text });
      at = next;
    };
    const slice = (from, to) => characters.slice(from, to).join("");
    const refuse = (next, why) => {
      if (!lenient) throw new TypeError(`the pattern ${JSON.stringify(pattern)} ${why} at character ${at}`);
      push("invalid", next, slice(at, next));
    };
    while (at < characters.length) {
      const character = characters[at];
      if (SIMPLE.has(character)) push(SIMPLE.get(character), at + 1, character);
      else if (character === "\\") {
        if (at + 1 === characters.length) refuse(at + 1, "ends with a backslash that escapes nothing,");
        else push("escaped", at + 2, characters[at + 1]);
      } else if (character === ":") {
        let end = at + 1;
        while (end < characters.length && (end === at + 1 ? NAME_START : NAME_PART).test(characters[end])) end += 1;
        if (end === at + 1) refuse(end, "has a colon without a name");
        else push("name", end, slice(at + 1, end));
      } else if (character === "(") {
        const { end, why } = expressionEnd(characters, at + 1);
        if (why) refuse(at + 1, why);
        else push("regexp", end + 1, slice(at + 1, end));
      } else push("char", at + 1, character);
    }
    push("end", at, "");
    return tokens;
  }

  /** Where the parenthesis closes that a regular expression stands in, or why it is none. */
  function expressionEnd(characters, start) {
    let depth = 1;
    for (let at = start; at < characters.length; at += 1) {
      const character = characters[at];
      if (!isAscii(character)) return { why: "has a regular expression with a character beyond ASCII" };
      if (at === start && character === "?") return { why: "has a regular expression that begins with a question mark" };
      if (character === "\\") {
        at += 1;
        if (at === characters.length) return { why: "has a regular expression that does not end" };
        if (!isAscii(characters[at])) return { why: "has a regular expression with a character beyond ASCII" };
      } else if (character === ")") {
        depth -= 1;
        if (depth === 0) return at === start ? { why: "has an empty regular expression" } : { end: at };
      } else if (character === "(") {
        depth += 1;
        // Groups are counted by the names of the pattern, so an expression has none of its own that capture.
        if (characters[at + 1] !== "?") return { why: "has a regular expression with a capturing group" };
      }
    }
    return { why: "has a regular expression that does not end" };
  }

  return { tokenize, isNamePart };
}
