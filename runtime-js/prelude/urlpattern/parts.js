// A component's pattern as a list of parts, and what is made of that: a regular expression with the names of its
// groups, and the pattern in its normal form.

export default function urlPatternParts(native, tools) {
  const { tokenize, isNamePart } = tools.part("urlpattern/tokens");
  const { quote, acceptable } = tools.part("urlpattern/expressions");
  const ANYTHING = ".*";
  const escapePattern = (text) => text.replace(/[+*?:{}()\\]/g, "\\$&");
  /** A group without an expression of its own stops where the next label or segment begins. */
  const segment = ({ delimiter }) => `[^${delimiter === "" ? "" : `\\${delimiter}`}]+?`;
  const startsWithDigit = (name) => /^[0-9]/.test(name);

  /** `canonical` gives the form that a fixed piece of text has in a URL; it throws when no URL can have that text. */
  function parse(pattern, canonical, options) {
    const tokens = tokenize(pattern);
    const parts = [];
    const names = new Set();
    const segments = segment(options);
    let at = 0;
    let fixed = "";
    let unnamed = 0;

    const take = (...kinds) => (kinds.includes(tokens[at].kind) ? tokens[at++] : undefined);
    const takeExpression = (name) => take("regexp") ?? (name ? undefined : take("asterisk"));
    const takeModifier = () => take("modifier", "asterisk")?.text ?? "";
    const demand = (kind) => {
      if (take(kind)) return;
      const { text, at: place } = tokens[at];
      const met = text === "" ? "its end" : JSON.stringify(text);
      throw new TypeError(`the pattern ${JSON.stringify(pattern)} has ${met} at character ${place} where ${kind === "close" ? "a closing brace" : "its end"} should be`);
    };
    function takeText() {
      let text = "";
      for (let token = take("char", "escaped"); token; token = take("char", "escaped")) text += token.text;
      return text;
    }
    function flush() {
      if (fixed !== "") parts.push({ kind: "fixed", value: canonical(fixed), modifier: "", name: "", prefix: "", suffix: "" });
      fixed = "";
    }
    function add(prefix, nameToken, expression, suffix, modifier) {
      const groups = nameToken || expression;
      if (!groups && modifier === "") {
        fixed += prefix;
        return;
      }
      flush();
      if (!groups) {
        if (prefix !== "") parts.push({ kind: "fixed", value: canonical(prefix), modifier, name: "", prefix: "", suffix: "" });
        return;
      }
      const value = !expression ? segments : expression.kind === "asterisk" ? ANYTHING : expression.text;
      const kind = value === segments ? "segment" : value === ANYTHING ? "anything" : "regexp";
      const name = nameToken ? nameToken.text : `${unnamed++}`;
      if (names.has(name)) throw new TypeError(`the pattern ${JSON.stringify(pattern)} has two groups of the name ${JSON.stringify(name)}`);
      names.add(name);
      parts.push({ kind, value, modifier, name, prefix: canonical(prefix), suffix: canonical(suffix) });
    }

    while (at < tokens.length) {
      const character = take("char");
      const name = take("name");
      const expression = takeExpression(name);
      if (name || expression) {
        let prefix = character?.text ?? "";
        if (prefix !== options.prefix) {
          fixed += prefix;
          prefix = "";
        }
        flush();
        add(prefix, name, expression, "", takeModifier());
        continue;
      }
      const text = character ?? take("escaped");
      if (text) {
        fixed += text.text;
        continue;
      }
      if (take("open")) {
        const prefix = takeText();
        const inner = take("name");
        const innerExpression = takeExpression(inner);
        const suffix = takeText();
        demand("close");
        add(prefix, inner, innerExpression, suffix, takeModifier());
        continue;
      }
      flush();
      demand("end");
    }
    return parts;
  }

  function expressionOf(parts) {
    const piece = ({ kind, value: written, modifier, prefix, suffix }) => {
      if (kind === "fixed") return modifier === "" ? quote(written) : `(?:${quote(written)})${modifier}`;
      const value = kind === "regexp" ? acceptable(written) : written;
      const before = quote(prefix);
      const after = quote(suffix);
      const repeats = modifier === "*" || modifier === "+";
      if (before === "" && after === "") return repeats ? `((?:${value})${modifier})` : `(${value})${modifier}`;
      if (!repeats) return `(?:${before}(${value})${after})${modifier}`;
      // What stands between two repetitions is of the group, and what stands around them all is not.
      return `(?:${before}((?:${value})(?:${after}${before}(?:${value}))*)${after})${modifier === "*" ? "?" : ""}`;
    };
    return `^${parts.map(piece).join("")}$`;
  }

  function patternOf(parts, options) {
    const piece = (part, at) => {
      const { kind, value, modifier, name, prefix, suffix } = part;
      if (kind === "fixed") return modifier === "" ? escapePattern(value) : `{${escapePattern(value)}}${modifier}`;
      const braced = needsBraces(part, parts[at - 1], parts[at + 1], options);
      const named = !startsWithDigit(name);
      let text = escapePattern(prefix);
      if (named) text += `:${name}`;
      if (kind === "regexp" || (kind === "segment" && !named)) text += `(${value})`;
      else if (kind === "anything") {
        const before = parts[at - 1];
        const alone = !before || before.kind === "fixed" || before.modifier !== "" || braced || prefix !== "";
        text += !named && alone ? "*" : `(${ANYTHING})`;
      }
      if (kind === "segment" && named && isNamePart([...suffix][0])) text += "\\";
      text += escapePattern(suffix);
      return braced ? `{${text}}${modifier}` : `${text}${modifier}`;
    };
    return parts.map(piece).join("");
  }

  /** Whether a group would run into its neighbours if it had no braces. */
  function needsBraces({ kind, modifier, name, prefix, suffix }, before, after, options) {
    if (suffix !== "" || (prefix !== "" && prefix !== options.prefix)) return true;
    const bare = kind === "segment" && modifier === "" && !startsWithDigit(name);
    if (bare && after && after.prefix === "" && after.suffix === "") {
      if (after.kind === "fixed" ? isNamePart([...after.value][0]) : startsWithDigit(after.name)) return true;
    }
    return prefix === "" && before?.kind === "fixed" && options.prefix !== "" && before.value.endsWith(options.prefix);
  }

  /** A pattern of one component, ready to match. */
  function compile(pattern, canonical, options, ignoreCase = false) {
    const parts = parse(pattern, canonical, options);
    let expression;
    try {
      expression = new RegExp(expressionOf(parts), ignoreCase ? "vi" : "v");
    } catch (error) {
      throw new TypeError(`the pattern ${JSON.stringify(pattern)} has a regular expression that is not valid: ${error.message}`);
    }
    return {
      expression,
      names: parts.filter(({ kind }) => kind !== "fixed").map(({ name }) => name),
      pattern: patternOf(parts, options),
      hasExpressions: parts.some(({ kind }) => kind === "regexp"),
    };
  }

  return { compile, escapePattern };
}
