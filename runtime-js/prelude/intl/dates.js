// Intl.DateTimeFormat, in English. Where no time zone is named it is UTC, as everywhere in an isolate.

export default function dateFormats(native, tools) {
  const { expose } = tools.part("idl");
  const { localesOf, supported, oneOf } = tools.part("intl/locales");
  const { UTC, zoneOf, offsetOf, zoneName } = tools.part("intl/zones");
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const WIDTHS = [undefined, "numeric", "2-digit"];
  const NAMES = [undefined, "long", "short", "narrow"];
  const STYLES = [undefined, "full", "long", "medium", "short"];

  const DATE_STYLES = {
    full: { weekday: "long", month: "long", day: "numeric", year: "numeric" },
    long: { month: "long", day: "numeric", year: "numeric" },
    medium: { month: "short", day: "numeric", year: "numeric" },
    short: { month: "numeric", day: "numeric", year: "2-digit" },
  };
  const TIME_STYLES = {
    full: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "long" },
    long: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
    medium: { hour: "numeric", minute: "2-digit", second: "2-digit" },
    short: { hour: "numeric", minute: "2-digit" },
  };

  /** `needed` and `defaults`: "date", "time" or "any"/"all", as the language's own methods differ in them. */
  function optionsOf(given, needed, defaults) {
    const options = given === undefined ? {} : Object(given);
    const { timeZone, hour12 } = options;
    const zone = timeZone === undefined ? UTC : zoneOf(timeZone);
    const fields = {
      weekday: oneOf(options, "weekday", NAMES),
      era: oneOf(options, "era", NAMES),
      year: oneOf(options, "year", WIDTHS),
      month: oneOf(options, "month", [...WIDTHS, "long", "short", "narrow"]),
      day: oneOf(options, "day", WIDTHS),
      dayPeriod: oneOf(options, "dayPeriod", NAMES),
      hour: oneOf(options, "hour", WIDTHS),
      minute: oneOf(options, "minute", WIDTHS),
      second: oneOf(options, "second", WIDTHS),
      fractionalSecondDigits: options.fractionalSecondDigits === undefined ? undefined : Number(oneOf(options, "fractionalSecondDigits", ["1", "2", "3"])),
      timeZoneName: oneOf(options, "timeZoneName", [undefined, "short", "long", "shortOffset", "longOffset", "shortGeneric", "longGeneric"]),
    };
    const dateStyle = oneOf(options, "dateStyle", STYLES);
    const timeStyle = oneOf(options, "timeStyle", STYLES);
    const hourCycle = oneOf(options, "hourCycle", [undefined, "h11", "h12", "h23", "h24"]);
    const clock = hour12 === undefined ? (hourCycle ?? "h12") : hour12 ? "h12" : "h23";
    if (dateStyle || timeStyle) {
      if (Object.values(fields).some((value) => value !== undefined)) throw new TypeError("dateStyle and timeStyle go with no other field");
      return { ...DATE_STYLES[dateStyle], ...TIME_STYLES[timeStyle], dateStyle, timeStyle, clock, zone };
    }
    const dates = ["weekday", "year", "month", "day"].some((name) => fields[name]);
    const times = ["dayPeriod", "hour", "minute", "second", "fractionalSecondDigits"].some((name) => fields[name]);
    const asked = (needed !== "time" && dates) || (needed !== "date" && times);
    if (!asked && defaults !== "time") Object.assign(fields, { year: "numeric", month: "numeric", day: "numeric" });
    if (!asked && defaults !== "date") Object.assign(fields, { hour: "numeric", minute: "2-digit", second: "2-digit" });
    return { ...fields, clock, zone };
  }

  const padded = (value, width) => (width === "2-digit" ? String(value).padStart(2, "0").slice(-2) : String(value));
  const literal = (value) => ({ type: "literal", value });

  function dateParts(date, { weekday, era, year, month, day }) {
    const part = {
      weekday: weekday && { type: "weekday", value: named(DAYS[date.getUTCDay()], weekday) },
      month: month && { type: "month", value: NAMES.includes(month) ? named(MONTHS[date.getUTCMonth()], month) : padded(date.getUTCMonth() + 1, month) },
      day: day && { type: "day", value: padded(date.getUTCDate(), day) },
      year: year && { type: "year", value: padded(era && date.getUTCFullYear() <= 0 ? 1 - date.getUTCFullYear() : date.getUTCFullYear(), year) },
    };
    const words = month && NAMES.includes(month);
    let parts = [];
    const add = (separator, one) => one && parts.push(...(parts.length > 0 ? [literal(separator), one] : [one]));
    add("", part.weekday);
    if (words) {
      add(", ", part.month);
      add(month && parts.length > 1 && !part.month ? ", " : " ", part.day);
      add(part.day ? ", " : " ", part.year);
    } else {
      const numbers = [part.month, part.day, part.year].filter(Boolean);
      numbers.forEach((one, at) => add(at === 0 ? ", " : "/", one));
    }
    if (era) parts = [...parts, literal(" "), { type: "era", value: date.getUTCFullYear() > 0 ? (era === "long" ? "Anno Domini" : "AD") : era === "long" ? "Before Christ" : "BC" }];
    return parts;
  }

  const named = (name, width) => (width === "long" ? name : width === "short" ? name.slice(0, 3) : name[0]);

  function timeParts(time, date, { hour, minute, second, fractionalSecondDigits, timeZoneName, clock, zone }) {
    const parts = [];
    const add = (separator, type, value) => parts.push(...(parts.length > 0 ? [literal(separator)] : []), { type, value });
    const half = clock === "h12" || clock === "h11";
    if (hour) {
      const hours = date.getUTCHours();
      const shown = clock === "h12" ? hours % 12 || 12 : clock === "h11" ? hours % 12 : clock === "h24" ? hours || 24 : hours;
      add("", "hour", padded(shown, half ? hour : "2-digit"));
    }
    if (minute) add(":", "minute", padded(date.getUTCMinutes(), hour || second ? "2-digit" : minute));
    if (second) add(":", "second", padded(date.getUTCSeconds(), minute ? "2-digit" : second));
    if (fractionalSecondDigits) add(".", "fractionalSecond", String(date.getUTCMilliseconds()).padStart(3, "0").slice(0, fractionalSecondDigits));
    if (hour && half) add(" ", "dayPeriod", date.getUTCHours() < 12 ? "AM" : "PM");
    if (timeZoneName) add(" ", "timeZoneName", zoneName(zone, time, timeZoneName));
    return parts;
  }

  function partsOf(time, options) {
    const instant = (time === undefined ? new Date() : new Date(Number(time))).getTime();
    if (Number.isNaN(instant)) throw new RangeError("Invalid time value");
    // What the clocks there show, read as if they stood in Greenwich.
    const date = new Date(instant + offsetOf(options.zone, instant) * 1000);
    const [dates, times] = [dateParts(date, options), timeParts(instant, date, options)];
    if (dates.length === 0 || times.length === 0) return [...dates, ...times];
    const words = options.dateStyle ? options.dateStyle === "full" || options.dateStyle === "long" : options.month === "long";
    if (dates.length === 1 && dates[0].type === "weekday") return [...dates, literal(" "), ...times];
    const joint = times.length === 1 && times[0].type === "timeZoneName" ? ", " : words ? " at " : ", ";
    return [...dates, literal(joint), ...times];
  }

  const joined = (parts) => parts.map((part) => part.value).join("");
  const textOf = (date, given, needed, defaults) => (Number.isNaN(date.getTime()) ? "Invalid Date" : (localesOf(given[0]), joined(partsOf(date, optionsOf(given[1], needed, defaults)))));

  class DateTimeFormat {
    #options;
    #bound;

    constructor(locales = undefined, options = undefined) {
      localesOf(locales);
      this.#options = optionsOf(options, "any", "date");
    }
    static supportedLocalesOf(locales) { return supported(locales); }

    get format() { return (this.#bound ??= (time) => joined(partsOf(time, this.#options))); }
    formatToParts(time = undefined) { return partsOf(time, this.#options); }
    formatRange(start, end) { return `${this.format(start)} – ${this.format(end)}`; }
    formatRangeToParts(start, end) {
      const from = (source) => (part) => ({ ...part, source });
      return [...this.formatToParts(start).map(from("startRange")), { ...literal(" – "), source: "shared" }, ...this.formatToParts(end).map(from("endRange"))];
    }
    resolvedOptions() {
      const { clock, zone, ...options } = this.#options;
      const shown = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
      const hours = shown.hour ? { hourCycle: clock, hour12: clock === "h12" || clock === "h11" } : {};
      return { locale: "en-US", calendar: "gregory", numberingSystem: "latn", timeZone: zone, ...hours, ...shown };
    }
  }

  return { DateTimeFormat: expose(DateTimeFormat), textOf };
}
