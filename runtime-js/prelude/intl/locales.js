// Locales: tags are read as they should be, and all of them mean English, for it is all that there is.

export default function locales(native, tools) {
  const { expose } = tools.part("idl");
  const TAG = /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i;

  function canonical(tag) {
    if (typeof tag !== "string" && (typeof tag !== "object" || tag === null)) throw new TypeError("a locale is text, or an Intl.Locale");
    const text = `${tag}`;
    if (!TAG.test(text)) throw new RangeError(`${text} is not a language tag`);
    return text
      .split("-")
      .map((part, at) => (at === 0 ? part.toLowerCase() : part.length === 2 ? part.toUpperCase() : part.length === 4 ? part[0].toUpperCase() + part.slice(1).toLowerCase() : part.toLowerCase()))
      .join("-");
  }

  const localesOf = (given) => (given === undefined ? [] : typeof given === "string" || given instanceof Locale ? [canonical(given)] : [...new Set(Array.from(given, canonical))]);
  const supported = (given) => localesOf(given).filter((tag) => tag === "en" || tag.startsWith("en-"));

  function oneOf(options, name, values, otherwise = values[0]) {
    const value = options[name];
    if (value === undefined) return otherwise;
    if (!values.includes(`${value}`)) throw new RangeError(`\`${name}\` must be one of ${values.filter((one) => one !== undefined).join(", ")}, and is ${String(value)}`);
    return `${value}`;
  }

  class Locale {
    #tag;
    #options;
    constructor(tag, options = {}) {
      this.#tag = canonical(tag);
      this.#options = options;
    }
    get baseName() { return this.#tag.replace(/-[a-z0-9]-.*$/, ""); }
    get language() { return this.#options.language ?? this.#tag.split("-")[0]; }
    get script() { return this.#options.script ?? /-([A-Z][a-z]{3})\b/.exec(this.#tag)?.[1]; }
    get region() { return this.#options.region ?? /-([A-Z]{2}|\d{3})\b/.exec(this.#tag)?.[1]; }
    get calendar() { return this.#options.calendar; }
    get numberingSystem() { return this.#options.numberingSystem; }
    get hourCycle() { return this.#options.hourCycle; }
    maximize() { return new Locale(this.#tag); }
    minimize() { return new Locale(this.language); }
    toString() { return this.#tag; }
  }

  return { canonical, localesOf, supported, oneOf, Locale: expose(Locale) };
}
