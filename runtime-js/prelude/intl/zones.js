// Time zones by name, of the database that the server was built with, and by their distance from UTC.

export default function zones(native, tools) {
  const known = tools.natives("zones");
  const UTC = "UTC";
  const GREENWICH = /^(utc|gmt|etc\/(utc|gmt|uct|universal|zulu|greenwich)|uct|universal|zulu|greenwich)$/i;
  const FIXED = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/;
  /** English names there are only for the zones of countries that speak of them by name. */
  const NAMED = { ES: "Eastern Standard", ED: "Eastern Daylight", CS: "Central Standard", CD: "Central Daylight", MS: "Mountain Standard", MD: "Mountain Daylight", PS: "Pacific Standard", PD: "Pacific Daylight", AKS: "Alaska Standard", AKD: "Alaska Daylight", HS: "Hawaii-Aleutian Standard", HD: "Hawaii-Aleutian Daylight" };
  const AMERICAN = /^(America|US|Canada)\/|^Pacific\/Honolulu$|^[ECMP]ST/;

  /** The name of a zone as it is spelled; a distance as `+01:00`. */
  function zoneOf(given) {
    const name = `${given}`;
    if (GREENWICH.test(name)) return UTC;
    const fixed = FIXED.exec(name);
    if (fixed) return fixed[2] === "00" && (fixed[3] ?? "00") === "00" ? UTC : `${fixed[1]}${fixed[2]}:${fixed[3] ?? "00"}`;
    const found = known.named(name);
    if (found === undefined) throw new RangeError(`there is no time zone ${name}`);
    return found;
  }

  /** Seconds that clocks in a zone are ahead of Greenwich at a time. */
  function offsetOf(zone, time) {
    if (zone === UTC) return 0;
    const fixed = FIXED.exec(zone);
    if (!fixed) return known.offset(zone, time) ?? 0;
    return (fixed[1] === "-" ? -60 : 60) * (Number(fixed[2]) * 60 + Number(fixed[3] ?? 0));
  }

  function distance(seconds, long) {
    const minutes = Math.round(Math.abs(seconds) / 60);
    if (minutes === 0) return "GMT";
    const [hours, rest] = [String(Math.floor(minutes / 60)), String(minutes % 60).padStart(2, "0")];
    return `GMT${seconds < 0 ? "-" : "+"}${long ? hours.padStart(2, "0") : hours}${long || rest !== "00" ? `:${rest}` : ""}`;
  }

  function zoneName(zone, time, style) {
    const long = style.startsWith("long");
    if (style === "long" && zone === UTC) return "Coordinated Universal Time";
    if (style === "short" && zone === UTC) return "UTC";
    if ((style === "long" || style === "short") && AMERICAN.test(zone)) {
      const short = known.abbreviation(zone, time);
      const name = NAMED[short?.slice(0, -1)];
      if (name) return long ? `${name} Time` : short;
    }
    return distance(offsetOf(zone, time), long);
  }

  return { UTC, zoneOf, offsetOf, zoneName, zones: () => known.names() };
}
