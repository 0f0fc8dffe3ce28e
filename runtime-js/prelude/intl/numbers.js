// Intl.NumberFormat, in English: exact decimal rounding, currencies, percent, compact and scientific notation.

export default function numberFormats(native, tools) {
  const { expose } = tools.part("idl");
  const { localesOf, supported, oneOf } = tools.part("intl/locales");
  const CURRENCIES = {
    USD: "$", EUR: "€", GBP: "£", JPY: "¥", INR: "₹", CNY: "CN¥", KRW: "₩", BRL: "R$", CAD: "CA$", AUD: "A$", MXN: "MX$", NZD: "NZ$", ILS: "₪", VND: "₫",
    TWD: "NT$", HKD: "HK$", PHP: "₱", XAF: "FCFA", XOF: "F CFA",
  };
  const WHOLE = new Set(["JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "PYG", "UGX", "RWF", "KMF", "GNF", "DJF", "BIF", "VUV", "XPF"]);
  const THOUSANDTHS = new Set(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]);
  const UNITS = {
    kilometer: "km", meter: "m", centimeter: "cm", millimeter: "mm", mile: "mi", foot: "ft", inch: "in", kilogram: "kg", gram: "g", pound: "lb", ounce: "oz",
    liter: "L", milliliter: "mL", byte: "byte", kilobyte: "kB", megabyte: "MB", gigabyte: "GB", terabyte: "TB", bit: "bit", kilobit: "kb", megabit: "Mb",
    gigabit: "Gb", second: "sec", minute: "min", hour: "hr", day: "day", week: "wk", month: "mth", year: "yr", millisecond: "ms", microsecond: "μs",
    nanosecond: "ns", percent: "%", celsius: "°C", fahrenheit: "°F", degree: "deg",
  };
  const COMPACT = { short: ["", "K", "M", "B", "T"], long: ["", " thousand", " million", " billion", " trillion"] };

  // --- decimals -------------------------------------------------------------------------------------------------

  /** A number as its shortest digits, and how many of them stand before the point. */
  function decimalOf(value) {
    const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(String(value));
    let digits = whole + fraction;
    let point = whole.length + Number(exponent);
    const zeros = /^0*/.exec(digits)[0].length;
    digits = digits.slice(zeros).replace(/0+$/, "");
    point -= zeros;
    return { negative: sign === "-" || Object.is(value, -0), digits, point: digits === "" ? 1 : point };
  }

  /** With so many digits kept, and a half rounded away from zero. */
  function rounded({ negative, digits, point }, keep) {
    if (keep >= digits.length) return { negative, digits, point };
    if (keep < 0) return { negative, digits: "", point: 1 };
    const up = digits[keep] >= "5";
    let kept = digits.slice(0, keep);
    if (!up) {
      kept = kept.replace(/0+$/, "");
      return { negative, digits: kept, point: kept === "" ? 1 : point };
    }
    kept = (BigInt(kept || "0") + 1n).toString().padStart(keep, "0");
    return { negative, digits: kept.replace(/0+$/, ""), point: kept.length > keep ? point + 1 : point };
  }

  function toText({ digits, point }, leastFraction, leastInteger) {
    const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "";
    const fraction = point > 0 ? digits.slice(point) : digits === "" ? "" : "0".repeat(-point) + digits;
    return { integer: (whole || "0").padStart(leastInteger, "0"), fraction: fraction.padEnd(leastFraction, "0") };
  }

  // --- options --------------------------------------------------------------------------------------------------

  function digitOption(options, name, least, most, otherwise) {
    const value = options[name];
    if (value === undefined) return otherwise;
    const number = Math.floor(Number(value));
    if (!(number >= least && number <= most)) throw new RangeError(`${name} must be from ${least} to ${most}, and is ${String(value)}`);
    return number;
  }

  function optionsOf(given) {
    const options = given === undefined ? {} : Object(given);
    const resolved = {
      style: oneOf(options, "style", ["decimal", "percent", "currency", "unit"]),
      notation: oneOf(options, "notation", ["standard", "scientific", "engineering", "compact"]),
      compactDisplay: oneOf(options, "compactDisplay", ["short", "long"]),
      currencyDisplay: oneOf(options, "currencyDisplay", ["symbol", "narrowSymbol", "code", "name"]),
      currencySign: oneOf(options, "currencySign", ["standard", "accounting"]),
      signDisplay: oneOf(options, "signDisplay", ["auto", "never", "always", "exceptZero", "negative"]),
      unitDisplay: oneOf(options, "unitDisplay", ["short", "narrow", "long"]),
      useGrouping: options.useGrouping === undefined ? true : Boolean(options.useGrouping) && options.useGrouping !== "false",
      minimumIntegerDigits: digitOption(options, "minimumIntegerDigits", 1, 21, 1),
    };
    if (resolved.style === "currency") {
      if (options.currency === undefined) throw new TypeError("a format of currency needs a `currency`");
      resolved.currency = `${options.currency}`.toUpperCase();
      if (!/^[A-Z]{3}$/.test(resolved.currency)) throw new RangeError(`${String(options.currency)} is not a code of a currency`);
    }
    if (resolved.style === "unit") {
      resolved.unit = `${options.unit}`;
      if (!resolved.unit.split("-per-").every((unit) => Object.hasOwn(UNITS, unit))) throw new RangeError(`there is no unit ${resolved.unit}`);
    }
    return Object.assign(resolved, precisionOf(options, resolved));
  }

  function precisionOf(options, { style, currency, notation }) {
    if (options.minimumSignificantDigits !== undefined || options.maximumSignificantDigits !== undefined) {
      const minimumSignificantDigits = digitOption(options, "minimumSignificantDigits", 1, 21, 1);
      return { minimumSignificantDigits, maximumSignificantDigits: digitOption(options, "maximumSignificantDigits", minimumSignificantDigits, 21, 21) };
    }
    const usual = style === "currency" && notation === "standard" ? (WHOLE.has(currency) ? 0 : THOUSANDTHS.has(currency) ? 3 : 2) : 0;
    const most = style === "currency" ? usual : style === "percent" ? 0 : 3;
    const min = digitOption(options, "minimumFractionDigits", 0, 100, undefined);
    const max = digitOption(options, "maximumFractionDigits", 0, 100, undefined);
    if (min === undefined && max === undefined && notation === "compact") return { compactRounding: true, minimumFractionDigits: 0, maximumFractionDigits: 0 };
    if (min !== undefined && max !== undefined && min > max) throw new RangeError("minimumFractionDigits is more than maximumFractionDigits");
    return { minimumFractionDigits: min ?? Math.min(usual, max ?? usual), maximumFractionDigits: max ?? Math.max(most, min ?? usual) };
  }

  // --- formatting -----------------------------------------------------------------------------------------------

  function round(decimal, options) {
    if (options.maximumSignificantDigits !== undefined) return rounded(decimal, options.maximumSignificantDigits);
    if (options.compactRounding) return rounded(decimal, Math.max(decimal.point, 2));
    return rounded(decimal, decimal.point + options.maximumFractionDigits);
  }

  function numeric(value, options) {
    let decimal = typeof value === "bigint" ? decimalOf(value.toString()) : decimalOf(value);
    if (options.style === "percent" && decimal.digits !== "") decimal = { ...decimal, point: decimal.point + 2 };
    let exponent = 0;
    const scaled = (by) => ({ ...decimal, point: decimal.digits === "" ? 1 : decimal.point - by });
    const stepOf = (point) => (options.notation === "compact" ? Math.min(Math.max(Math.floor((point - 1) / 3), 0), 4) * 3 : options.notation === "engineering" ? Math.floor((point - 1) / 3) * 3 : point - 1);
    if (options.notation !== "standard" && decimal.digits !== "") {
      exponent = stepOf(decimal.point);
      // Rounding up may reach the next step: 999,999 is 1M.
      exponent = stepOf(round(scaled(exponent), options).point + exponent);
    }
    const result = round(scaled(exponent), options);
    const least = options.minimumSignificantDigits === undefined ? options.minimumFractionDigits : Math.max(options.minimumSignificantDigits - result.point, 0);
    return { ...toText(result, least, options.minimumIntegerDigits), negative: result.negative, zero: result.digits === "", exponent };
  }

  function grouped(integer, options) {
    if (!options.useGrouping || integer.length < (options.notation === "compact" ? 5 : 4)) return [integer];
    return integer.replace(/\B(?=(\d{3})+$)/g, ",").split(",");
  }

  function signOf(negative, zero, { signDisplay }) {
    if (signDisplay === "never" || (signDisplay === "exceptZero" && zero)) return "";
    if (negative) return signDisplay === "negative" && zero ? "" : "-";
    return signDisplay === "always" || signDisplay === "exceptZero" ? "+" : "";
  }

  function partsOf(value, options) {
    const parts = [];
    const add = (type, text) => text !== "" && parts.push({ type, value: text });
    let zero = false;
    let negative = false;
    let plural = true;
    if (typeof value === "number" && !Number.isFinite(value)) {
      negative = value < 0;
      add(Number.isNaN(value) ? "nan" : "infinity", Number.isNaN(value) ? "NaN" : "∞");
    } else {
      const made = numeric(value, options);
      ({ zero, negative } = made);
      plural = made.integer !== "1" || made.fraction !== "";
      grouped(made.integer, options).forEach((group, at) => {
        if (at > 0) add("group", ",");
        add("integer", group);
      });
      if (made.fraction !== "") {
        add("decimal", ".");
        add("fraction", made.fraction);
      }
      if (options.notation === "compact") {
        const name = COMPACT[options.compactDisplay][made.exponent / 3];
        if (name.startsWith(" ")) add("literal", " ");
        add("compact", name.trim());
      } else if (options.notation !== "standard") {
        add("exponentSeparator", "E");
        if (made.exponent < 0) add("exponentMinusSign", "-");
        add("exponentInteger", String(Math.abs(made.exponent)));
      }
    }
    return decorated(parts, signOf(negative, zero, options), plural, options);
  }

  function decorated(parts, sign, plural, options) {
    const accounting = options.style === "currency" && options.currencySign === "accounting" && sign === "-";
    const signed = accounting ? [{ type: "literal", value: "(" }] : sign === "" ? [] : [{ type: sign === "-" ? "minusSign" : "plusSign", value: sign }];
    const end = accounting ? [{ type: "literal", value: ")" }] : [];
    if (options.style === "percent") return [...signed, ...parts, { type: "percentSign", value: "%" }];
    if (options.style === "currency") return [...signed, ...withCurrency(parts, options), ...end];
    if (options.style === "unit") return [...signed, ...parts, ...unitParts(plural, options)];
    return [...signed, ...parts];
  }

  function withCurrency(parts, { currency, currencyDisplay }) {
    if (currencyDisplay === "name") return [...parts, { type: "literal", value: " " }, { type: "currency", value: currency }];
    const known = currencyDisplay === "code" ? undefined : CURRENCIES[currency];
    const symbol = known && currencyDisplay === "narrowSymbol" ? known.replace(/^[A-Z]+(?=[^A-Z])/, "") : known;
    return symbol ? [{ type: "currency", value: symbol }, ...parts] : [{ type: "currency", value: currency }, { type: "literal", value: "\u00a0" }, ...parts];
  }

  function unitParts(plural, { unit, unitDisplay }) {
    const [first, per] = unit.split("-per-");
    const one = (name) => (unitDisplay === "long" ? name : UNITS[name]);
    const words = /^(byte|bit|day|week|month|year|sec|min|hr|wk|mth|yr)$/;
    const base = one(first);
    const many = plural && (unitDisplay === "long" || /^(day|wk|mth|yr)$/.test(base)) && !/s$|%/.test(base) ? `${base}s` : base;
    const text = many + (per ? (unitDisplay === "long" ? ` per ${one(per)}` : `/${UNITS[per].replace(/^sec$/, "s").replace(/^hr$/, "h")}`) : "");
    const close = unitDisplay !== "long" && (/[°%]/.test(text) || (unitDisplay === "narrow" && !words.test(base)));
    return [...(close ? [] : [{ type: "literal", value: " " }]), { type: first === "percent" ? "percentSign" : "unit", value: text }];
  }

  const numberOf = (value) => (typeof value === "bigint" ? value : Number(value));
  const joined = (parts) => parts.map((part) => part.value).join("");

  class NumberFormat {
    #options;
    #bound;

    constructor(locales = undefined, options = undefined) {
      localesOf(locales);
      this.#options = optionsOf(options);
    }
    static supportedLocalesOf(locales) { return supported(locales); }

    get format() { return (this.#bound ??= (value) => joined(partsOf(numberOf(value), this.#options))); }
    formatToParts(value) { return partsOf(numberOf(value), this.#options); }
    formatRange(start, end) { return `${this.format(start)}–${this.format(end)}`; }
    formatRangeToParts(start, end) {
      return [...this.formatToParts(start), { type: "literal", value: "–" }, ...this.formatToParts(end)];
    }
    resolvedOptions() {
      const { compactRounding, useGrouping, ...options } = this.#options;
      return { locale: "en-US", numberingSystem: "latn", ...options, useGrouping: useGrouping ? "auto" : false, roundingMode: "halfExpand", roundingIncrement: 1, trailingZeroDisplay: "auto" };
    }
  }

  return { NumberFormat: expose(NumberFormat) };
}
