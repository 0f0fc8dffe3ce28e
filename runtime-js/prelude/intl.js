// Intl, as far as it can be honest without a database of locales: English. What asks for another language gets that,
// as the standard has it for languages that are not there.

export default function intl(native, tools) {
  const { localesOf, Locale } = tools.part("intl/locales");
  const dates = () => tools.part("intl/dates");
  const numbers = () => tools.part("intl/numbers");
  const words = () => tools.part("intl/words");

  const Intl = Object.defineProperty({}, Symbol.toStringTag, { value: "Intl", configurable: true });
  const add = (name, make) => {
    Object.defineProperty(Intl, name, { get: () => (set(name, make()), Intl[name]), set: (value) => set(name, value), configurable: true });
  };
  const set = (name, value) => Object.defineProperty(Intl, name, { value, writable: true, enumerable: false, configurable: true });
  set("getCanonicalLocales", (given = undefined) => localesOf(given));
  set("supportedValuesOf", (key) => {
    const known = { calendar: ["gregory"], collation: [], currency: [], numberingSystem: ["latn"], timeZone: [], unit: [] }[`${key}`];
    if (!known) throw new RangeError(`there are no values of ${String(key)}`);
    return key === "timeZone" ? tools.part("intl/zones").zones() : known;
  });
  set("Locale", Locale);
  add("DateTimeFormat", () => callable(dates().DateTimeFormat));
  add("NumberFormat", () => callable(numbers().NumberFormat));
  add("Collator", () => callable(words().Collator));
  for (const name of ["PluralRules", "ListFormat", "RelativeTimeFormat", "Segmenter", "DisplayNames"]) add(name, () => words()[name]);

  /** The oldest three are also called without `new`. */
  function callable(Type) {
    const made = { [Type.name]: function (...given) { return Reflect.construct(Type, given, new.target && new.target !== made ? new.target : Type); } }[Type.name];
    Object.defineProperty(made, "prototype", { value: Type.prototype, writable: false });
    Object.defineProperty(made, "length", { value: 0, configurable: true });
    made.supportedLocalesOf = Type.supportedLocalesOf;
    Object.defineProperty(Type.prototype, "constructor", { value: made, writable: true, enumerable: false, configurable: true });
    return made;
  }

  const FIELDS = { toLocaleString: ["any", "all"], toLocaleDateString: ["date", "date"], toLocaleTimeString: ["time", "time"] };

  /** What the language's own methods with a locale do. */
  function localized(type, name, value, given) {
    if (type === "String") {
      if (value === null || value === undefined) throw new TypeError("localeCompare is called on text");
      const [other, locales, options] = given;
      localesOf(locales);
      return words().compare(value, other, words().collation(options));
    }
    if (type === "Date") return dates().textOf(new Date(Date.prototype.getTime.call(value)), given, ...FIELDS[name]);
    return new (numbers().NumberFormat)(...given).format(tools.owners[type].valueOf.call(value));
  }

  return { Intl, localized };
}
