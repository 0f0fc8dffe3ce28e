// URLPattern, as its standard has it: a pattern for each component of a URL, from one text or from a dictionary.

export default function urlPattern(native, tools) {
  const { expose, dictionary, isObject, text } = tools.part("idl");
  const { compile, escapePattern } = tools.part("urlpattern/parts");
  const { cut, isSpecial } = tools.part("urlpattern/address");
  const canonical = tools.part("urlpattern/canonical");
  const { apply } = Reflect;
  const { exec } = RegExp.prototype;
  const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
  const MEMBERS = ["baseURL", ...COMPONENTS].sort();
  // A base gives a component only if none of these stands in the dictionary itself, nor the component.
  const OUTWEIGHED_BY = {
    protocol: [],
    username: ["protocol", "hostname", "port"],
    password: ["protocol", "hostname", "port", "username"],
    hostname: ["protocol"],
    port: ["protocol", "hostname"],
    pathname: ["protocol", "hostname", "port"],
    search: ["protocol", "hostname", "port", "pathname"],
    hash: ["protocol", "hostname", "port", "pathname", "search"],
  };
  const PLAIN = { delimiter: "", prefix: "" };
  const LABELS = { delimiter: ".", prefix: "" };
  const SEGMENTS = { delimiter: "/", prefix: "/" };

  class URLPattern {
    #components;

    constructor(input = {}, second = undefined, third = undefined) {
      // The second argument is the options, unless it is text; with three there is no doubt.
      const hasBase = arguments.length > 2 || (second !== undefined && second !== null && !isObject(second));
      const pattern = given(input);
      const base = hasBase ? text(second) : undefined;
      const ignoreCase = Boolean(dictionary(hasBase ? third : second, "the options of a URLPattern").ignoreCase);
      this.#components = compiled(pattern, base, ignoreCase);
    }

    test(input = {}, baseURL = undefined) {
      return matched(this.#components, input, baseURL) !== null;
    }

    exec(input = {}, baseURL = undefined) {
      return matched(this.#components, input, baseURL);
    }

    get hasRegExpGroups() {
      return COMPONENTS.some((name) => this.#components[name].hasExpressions);
    }

    static {
      for (const name of COMPONENTS) {
        Object.defineProperty(URLPattern.prototype, name, {
          get() { return this.#components[name].pattern; },
          enumerable: true,
          configurable: true,
        });
      }
    }
  }

  /** Text, or a dictionary of texts. */
  function given(input) {
    if (input !== null && !isObject(input)) return text(input);
    const members = {};
    for (const name of MEMBERS) {
      const value = input?.[name];
      if (value !== undefined) members[name] = text(value);
    }
    return members;
  }

  function compiled(pattern, base, ignoreCase) {
    let members = pattern;
    if (typeof pattern === "string") {
      members = cut(pattern);
      if (base !== undefined) members.baseURL = base;
      else if (members.protocol === undefined) {
        throw new TypeError(`the pattern ${JSON.stringify(pattern)} has no protocol, so a URLPattern needs a base URL for it`);
      }
    } else if (base !== undefined) throw new TypeError("a URLPattern of a dictionary takes its base URL as `baseURL` in that");
    const patterns = { ...Object.fromEntries(COMPONENTS.map((name) => [name, "*"])), ...patternsOf(members) };
    if (canonical.PORTS.get(patterns.protocol) === patterns.port) patterns.port = "";

    const protocol = compile(patterns.protocol, canonical.protocol, PLAIN);
    const [pathOptions, path] = isSpecial(protocol) ? [SEGMENTS, canonical.pathname] : [PLAIN, canonical.opaquePathname];
    // An address in brackets is checked by itself: its colons are no names.
    const host = /^(?:[{\\]?\[)/.test(patterns.hostname) && patterns.hostname.length > 1 ? canonical.address : canonical.hostname;
    return {
      protocol,
      username: compile(patterns.username, canonical.username, PLAIN),
      password: compile(patterns.password, canonical.password, PLAIN),
      hostname: compile(patterns.hostname, host, LABELS),
      port: compile(patterns.port, (value) => canonical.port(value), PLAIN),
      pathname: compile(patterns.pathname, path, pathOptions, ignoreCase),
      search: compile(patterns.search, canonical.search, PLAIN, ignoreCase),
      hash: compile(patterns.hash, canonical.hash, PLAIN, ignoreCase),
    };
  }

  const without = (value, mark) => (value.startsWith(mark) ? value.slice(1) : value);
  const baseOf = (members) => {
    if (members.baseURL === undefined) return undefined;
    const base = canonical.split(members.baseURL, undefined);
    if (!base) throw new TypeError(`Invalid URL: ${members.baseURL} (the baseURL of a URLPattern)`);
    return base;
  };
  const inherits = (members, name) => members[name] === undefined && OUTWEIGHED_BY[name].every((other) => members[other] === undefined);

  /** The patterns that a dictionary names, and those that it has of its base, in which nothing is special. */
  function patternsOf(members) {
    const base = baseOf(members);
    const patterns = {};
    for (const name of COMPONENTS) {
      if (members[name] !== undefined) patterns[name] = members[name];
      else if (base && name !== "username" && name !== "password" && inherits(members, name)) patterns[name] = escapePattern(base[name]);
    }
    if (patterns.protocol?.endsWith(":")) patterns.protocol = patterns.protocol.slice(0, -1);
    if (members.pathname !== undefined && base && !/^(?:\/|\\\/|\{\/)/.test(members.pathname)) {
      patterns.pathname = within(escapePattern(base.pathname), members);
    }
    if (members.search !== undefined) patterns.search = without(members.search, "?");
    if (members.hash !== undefined) patterns.hash = without(members.hash, "#");
    return patterns;
  }

  /** The components of what a dictionary describes, each in the form that it has in a URL. */
  function componentsOf(members) {
    const base = baseOf(members);
    const found = {};
    for (const name of COMPONENTS) {
      found[name] = members[name] ?? (base && inherits(members, name) ? base[name] : "");
    }
    if (members.protocol !== undefined) found.protocol = canonical.protocol(members.protocol.replace(/:$/, ""));
    if (members.username !== undefined) found.username = canonical.username(members.username);
    if (members.password !== undefined) found.password = canonical.password(members.password);
    if (members.hostname !== undefined) found.hostname = canonical.hostname(members.hostname);
    if (members.port !== undefined) found.port = canonical.port(members.port, found.protocol);
    if (members.pathname !== undefined) {
      const path = base && !members.pathname.startsWith("/") ? within(base.pathname, members) : members.pathname;
      const segments = found.protocol === "" || canonical.SPECIAL.includes(found.protocol);
      found.pathname = segments ? canonical.pathname(path) : canonical.opaquePathname(path);
    }
    if (members.search !== undefined) found.search = canonical.search(without(members.search, "?"));
    if (members.hash !== undefined) found.hash = canonical.hash(without(members.hash, "#"));
    return found;
  }

  /** A path beside that of the base; a base whose path has no segments has nothing beside it. */
  function within(basePath, { pathname, baseURL }) {
    const isOpaque = !canonical.split(baseURL, undefined).pathname.startsWith("/");
    return isOpaque ? pathname : basePath.slice(0, basePath.lastIndexOf("/") + 1) + pathname;
  }

  /** What an input is in each component: null when it is no URL. */
  function componentsOfInput(input, base) {
    if (typeof input === "string") {
      if (base !== undefined && !canonical.split(base, undefined)) return null;
      return canonical.split(input, base) ?? null;
    }
    try {
      return componentsOf(input);
    } catch {
      return null;
    }
  }

  function matched(components, rawInput, rawBase) {
    const input = given(rawInput);
    const base = rawBase === undefined ? undefined : text(rawBase);
    if (base !== undefined && typeof input !== "string") throw new TypeError("an input that is a dictionary takes its base URL as `baseURL` in that");
    const found = componentsOfInput(input, base);
    if (!found) return null;
    const result = { inputs: base === undefined ? [input] : [input, base] };
    for (const name of COMPONENTS) {
      const { expression, names } = components[name];
      const groups = apply(exec, expression, [found[name]]);
      if (!groups) return null;
      result[name] = { input: found[name], groups: Object.fromEntries(names.map((group, at) => [group, groups[at + 1]])) };
    }
    return result;
  }

  expose(URLPattern);
  Object.defineProperty(URLPattern, "length", { value: 0, configurable: true });
  return { URLPattern };
}
