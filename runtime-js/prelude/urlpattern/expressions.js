// Regular expressions in the form in which the engine takes them. With the flag `v` it refuses a few characters also
// outside of classes, where they are plain text; there they are written by their codes.

export default function urlPatternExpressions() {
  const code = (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  const ALONE = /[-/]/;
  const DOUBLED = /[&!#%,:;<=>@`~]/;

  /** An expression that matches this text. */
  const quote = (text) => text.replace(/[.+*?^${}()[\]|\\]/g, "\\$&").replace(/[-/&!#%,:;<=>@`~]/g, code);

  /** An author's expression. */
  function acceptable(expression) {
    let depth = 0;
    let text = "";
    for (let at = 0; at < expression.length; at += 1) {
      const character = expression[at];
      if (character === "\\") {
        text += character + (expression[at += 1] ?? "");
        continue;
      }
      if (character === "[") depth += 1;
      else if (character === "]" && depth > 0) depth -= 1;
      // Of two of the same, the first may belong to what stands before it, like `(?=`.
      const refused = depth === 0 && (ALONE.test(character) || (DOUBLED.test(character) && expression[at - 1] === character));
      const switchesFlags = character === "-" && /\(\?[a-z]*$/.test(expression.slice(Math.max(0, at - 5), at));
      text += refused && !switchesFlags ? code(character) : character;
    }
    return text;
  }

  return { quote, acceptable };
}
