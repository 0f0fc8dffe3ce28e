// The rest of Intl, in English: plurals, lists, relative times, order, segments, names.

export default function words(native, tools) {
  const { expose } = tools.part("idl");
  const { canonical, localesOf, supported, oneOf } = tools.part("intl/locales");

  class PluralRules {
    #type;
    constructor(locales = undefined, options = {}) {
      localesOf(locales);
      this.#type = oneOf(options, "type", ["cardinal", "ordinal"]);
    }
    static supportedLocalesOf(locales) { return supported(locales); }
    select(value) {
      const number = Math.abs(Number(value));
      if (this.#type === "cardinal") return number === 1 ? "one" : "other";
      const [ones, tens] = [number % 10, number % 100];
      if (tens >= 11 && tens <= 13) return "other";
      return { 1: "one", 2: "two", 3: "few" }[ones] ?? "other";
    }
    resolvedOptions() {
      const pluralCategories = this.#type === "cardinal" ? ["one", "other"] : ["few", "one", "two", "other"];
      return { locale: "en-US", type: this.#type, minimumIntegerDigits: 1, minimumFractionDigits: 0, maximumFractionDigits: 3, pluralCategories };
    }
  }

  class ListFormat {
    #options;
    constructor(locales = undefined, options = {}) {
      localesOf(locales);
      this.#options = { type: oneOf(options, "type", ["conjunction", "disjunction", "unit"]), style: oneOf(options, "style", ["long", "short", "narrow"]) };
    }
    static supportedLocalesOf(locales) { return supported(locales); }
    format(list) { return this.formatToParts(list).map((part) => part.value).join(""); }
    formatToParts(list) {
      const { type, style } = this.#options;
      const items = [...list].map((value) => {
        if (typeof value !== "string") throw new TypeError("a list is formatted of strings");
        return value;
      });
      const word = type === "unit" ? "" : type === "disjunction" ? "or " : style === "long" ? "and " : style === "short" ? "& " : "";
      const comma = type === "unit" && style === "narrow" ? " " : ", ";
      return items.flatMap((value, at) => {
        const last = at === items.length - 1;
        const two = items.length === 2 && word !== "" ? ` ${word}` : comma + (last ? word : "");
        return [...(at === 0 ? [] : [{ type: "literal", value: last ? two : comma }]), { type: "element", value }];
      });
    }
    resolvedOptions() { return { locale: "en-US", ...this.#options }; }
  }

  const SHORT = { second: "sec.", minute: "min.", hour: "hr.", day: "day", week: "wk.", month: "mo.", quarter: "qtr.", year: "yr." };
  const NEAR = {
    day: { "-1": "yesterday", 0: "today", 1: "tomorrow" },
    second: { 0: "now" },
    ...Object.fromEntries(["year", "quarter", "month", "week"].map((unit) => [unit, { "-1": `last ${unit}`, 0: `this ${unit}`, 1: `next ${unit}` }])),
    hour: { 0: "this hour" },
    minute: { 0: "this minute" },
  };

  class RelativeTimeFormat {
    #options;
    constructor(locales = undefined, options = {}) {
      localesOf(locales);
      this.#options = { style: oneOf(options, "style", ["long", "short", "narrow"]), numeric: oneOf(options, "numeric", ["always", "auto"]) };
    }
    static supportedLocalesOf(locales) { return supported(locales); }
    format(value, unit) { return this.formatToParts(value, unit).map((part) => part.value).join(""); }
    formatToParts(value, unit) {
      const number = Number(value);
      if (!Number.isFinite(number)) throw new RangeError("a relative time needs a finite number");
      const name = `${unit}`.replace(/s$/, "");
      if (!Object.hasOwn(SHORT, name)) throw new RangeError(`there is no unit ${unit} of time`);
      const near = this.#options.numeric === "auto" ? NEAR[name]?.[String(number)] : undefined;
      if (near !== undefined && !Object.is(number, -0)) return [{ type: "literal", value: near }];
      const amount = Math.abs(number);
      const many = amount === 1 ? "" : "s";
      const word = this.#options.style === "long" || name === "day" ? name + many : SHORT[name];
      const text = new (tools.part("intl/numbers").NumberFormat)().formatToParts(amount).map((part) => ({ ...part, unit: name }));
      const past = number < 0 || Object.is(number, -0);
      return past ? [...text, { type: "literal", value: ` ${word} ago` }] : [{ type: "literal", value: "in " }, ...text, { type: "literal", value: ` ${word}` }];
    }
    resolvedOptions() { return { locale: "en-US", ...this.#options, numberingSystem: "latn" }; }
  }

  // --- order ----------------------------------------------------------------------------------------------------

  /** Spaces, marks, digits, letters: in this order. */
  const rankOf = (character) => (/\s/u.test(character) ? 0 : /\p{L}/u.test(character) ? 3 : /\p{N}/u.test(character) ? 2 : 1);

  function compareBase(one, other, numeric) {
    const split = (text) => (numeric ? text.match(/\d+|\D/gu) ?? [] : [...text]);
    const [a, b] = [split(one), split(other)];
    for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
      if (a[at] === b[at]) continue;
      if (numeric && /^\d/.test(a[at]) && /^\d/.test(b[at])) {
        const difference = BigInt(a[at]) - BigInt(b[at]);
        if (difference !== 0n) return difference < 0n ? -1 : 1;
        continue;
      }
      const ranks = rankOf(a[at]) - rankOf(b[at]);
      if (ranks !== 0) return Math.sign(ranks);
      return a[at] < b[at] ? -1 : 1;
    }
    return Math.sign(a.length - b.length);
  }

  const bare = (text) => text.normalize("NFD").replace(/\p{M}/gu, "");

  function compare(one, other, { sensitivity, numeric, caseFirst, ignorePunctuation }) {
    let [a, b] = [`${one}`, `${other}`];
    if (a === b) return 0;
    if (ignorePunctuation) [a, b] = [a, b].map((text) => text.replace(/[\p{P}\s]/gu, ""));
    const base = compareBase(bare(a).toLowerCase(), bare(b).toLowerCase(), numeric);
    if (base !== 0 || sensitivity === "base") return base;
    const [accentA, accentB] = [a, b].map((text) => text.normalize("NFD").toLowerCase());
    if (sensitivity !== "case" && accentA !== accentB) return accentA < accentB ? -1 : 1;
    if (sensitivity === "accent") return 0;
    const [caseA, caseB] = [bare(a), bare(b)];
    if (caseA === caseB) return 0;
    // Small letters come before capitals, unless it was asked otherwise.
    const upperFirst = caseFirst === "upper";
    for (let at = 0; at < caseA.length; at += 1) {
      if (caseA[at] !== caseB[at]) return (caseA[at] === caseA[at].toLowerCase()) === !upperFirst ? -1 : 1;
    }
    return 0;
  }

  function collation(options = {}) {
    return {
      usage: oneOf(options, "usage", ["sort", "search"]),
      sensitivity: oneOf(options, "sensitivity", ["variant", "base", "accent", "case"]),
      ignorePunctuation: Boolean(options.ignorePunctuation),
      numeric: Boolean(options.numeric),
      caseFirst: oneOf(options, "caseFirst", ["false", "upper", "lower"]),
    };
  }

  class Collator {
    #options;
    #bound;
    constructor(locales = undefined, options = {}) {
      localesOf(locales);
      this.#options = collation(options);
    }
    static supportedLocalesOf(locales) { return supported(locales); }
    get compare() { return (this.#bound ??= (one, other) => compare(one, other, this.#options)); }
    resolvedOptions() { return { locale: "en-US", collation: "default", ...this.#options }; }
  }

  // --- segments -------------------------------------------------------------------------------------------------

  const SEGMENTS = {
    grapheme: /\r\n|\p{RI}\p{RI}|\p{Emoji}(?:\p{EMod}|\ufe0f\u20e3?|[\u{e0020}-\u{e007e}]+\u{e007f})?(?:\u200d\p{Emoji}(?:\p{EMod}|\ufe0f)?)*\p{M}*|[^\p{M}\u200d]?[\p{M}\u200d\ufe0f]+|[^]/gu,
    word: /[\p{L}\p{N}_\p{M}]+(?:['’.:·][\p{L}\p{N}_\p{M}]+)*|\r\n|[^]/gu,
    sentence: /[^]*?[.!?]+["'”’)\]]*(?:\s+|$)|[^]+$/gu,
  };

  class Segmenter {
    #granularity;
    constructor(locales = undefined, options = {}) {
      localesOf(locales);
      this.#granularity = oneOf(options, "granularity", ["grapheme", "word", "sentence"]);
    }
    static supportedLocalesOf(locales) { return supported(locales); }
    segment(text) {
      const input = `${text}`;
      const granularity = this.#granularity;
      const all = function* () {
        for (const { 0: segment, index } of input.matchAll(SEGMENTS[granularity])) {
          yield granularity === "word" ? { segment, index, input, isWordLike: /[\p{L}\p{N}]/u.test(segment) } : { segment, index, input };
        }
      };
      return {
        containing: (at = 0) => (at < 0 || at >= input.length ? undefined : [...all()].findLast(({ index }) => index <= at)),
        [Symbol.iterator]: all,
      };
    }
    resolvedOptions() { return { locale: "en-US", granularity: this.#granularity }; }
  }

  /** Without names of languages and regions: a code is its own name. */
  class DisplayNames {
    #options;
    constructor(locales, options) {
      localesOf(locales);
      if (options === null || typeof options !== "object" || options.type === undefined) throw new TypeError("DisplayNames needs a `type`");
      const type = oneOf(options, "type", ["language", "region", "script", "currency", "calendar", "dateTimeField"]);
      this.#options = { type, style: oneOf(options, "style", ["long", "short", "narrow"]), fallback: oneOf(options, "fallback", ["code", "none"]) };
    }
    static supportedLocalesOf(locales) { return supported(locales); }
    of(code) {
      const text = this.#options.type === "language" ? canonical(code) : `${code}`;
      return this.#options.fallback === "code" ? text : undefined;
    }
    resolvedOptions() { return { locale: "en-US", ...this.#options }; }
  }

  for (const type of [PluralRules, ListFormat, RelativeTimeFormat, Collator, Segmenter, DisplayNames]) expose(type);
  return { PluralRules, ListFormat, RelativeTimeFormat, Collator, Segmenter, DisplayNames, compare, collation };
}
