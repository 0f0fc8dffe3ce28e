// Intl, in English.

//# dates
const date = new Date(Date.UTC(2020, 0, 2, 15, 4, 5, 67));
const show = (options) => new Intl.DateTimeFormat("en-US", options).format(date);
console.log([{}, { dateStyle: "full" }, { dateStyle: "long", timeStyle: "short" }, { timeStyle: "long" }, { weekday: "short", month: "short", day: "numeric" }, { year: "numeric", month: "2-digit", day: "2-digit" }, { hour: "2-digit", minute: "2-digit", hour12: false }].map(show).join(" | "));
console.log(date.toLocaleString(), "|", date.toLocaleDateString("en", { month: "long" }), "|", date.toLocaleTimeString(), "|", new Date(NaN).toLocaleString());
console.log(Intl.DateTimeFormat().resolvedOptions().timeZone, new Intl.DateTimeFormat("de").resolvedOptions().locale);
//> 1/2/2020 | Thursday, January 2, 2020 | January 2, 2020 at 3:04 PM | 3:04:05 PM UTC | Thu, Jan 2 | 01/02/2020 | 15:04
//> 1/2/2020, 3:04:05 PM | January | 3:04:05 PM | Invalid Date
//> UTC en-US

//# time zones
const date = new Date(Date.UTC(2020, 0, 2, 15, 4, 5, 67));
const summer = new Date(Date.UTC(2026, 6, 1, 22, 30));
const show = (options, at = date) => new Intl.DateTimeFormat("en-US", options).format(at);
for (const timeZone of ["Europe/Berlin", "america/new_york", "Asia/Kolkata", "+05:30", "Etc/GMT"]) {
  console.log(new Intl.DateTimeFormat("en-US", { timeZone }).resolvedOptions().timeZone, show({ timeZone, dateStyle: "short", timeStyle: "long" }), "|", ["short", "long", "shortOffset", "longOffset"].map((timeZoneName) => show({ timeZone, hour: "numeric", timeZoneName }, summer)).join(", "));
}
console.log(summer.toLocaleString("en-US", { timeZone: "Asia/Tokyo" }), "|", summer.toLocaleDateString("en-US", { timeZone: "Asia/Tokyo", weekday: "long" }), "|", new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hour12: false, hour: "2-digit", minute: "2-digit" }).formatToParts(summer).map((part) => part.value).join(""));
// The hour that clocks skip, and the one that they show twice.
console.log([[2026, 2, 29, 0, 59], [2026, 2, 29, 1, 0], [2026, 9, 25, 0, 30], [2026, 9, 25, 1, 30]].map((parts) => show({ timeZone: "Europe/Berlin", hour: "numeric", minute: "numeric", hour12: false }, new Date(Date.UTC(...parts)))).join(" "));
console.log(Intl.supportedValuesOf("timeZone").includes("Europe/Berlin"), new Date(0).getTimezoneOffset());
for (const timeZone of ["Mars/Olympus", "+25:00"]) try { show({ timeZone }); } catch (e) { console.log(`${e.name}: ${e.message}`); }
//> Europe/Berlin 1/2/20, 4:04:05 PM GMT+1 | 12 AM GMT+2, 12 AM GMT+02:00, 12 AM GMT+2, 12 AM GMT+02:00
//> America/New_York 1/2/20, 10:04:05 AM EST | 6 PM EDT, 6 PM Eastern Daylight Time, 6 PM GMT-4, 6 PM GMT-04:00
//> Asia/Kolkata 1/2/20, 8:34:05 PM GMT+5:30 | 4 AM GMT+5:30, 4 AM GMT+05:30, 4 AM GMT+5:30, 4 AM GMT+05:30
//> +05:30 1/2/20, 8:34:05 PM GMT+5:30 | 4 AM GMT+5:30, 4 AM GMT+05:30, 4 AM GMT+5:30, 4 AM GMT+05:30
//> UTC 1/2/20, 3:04:05 PM UTC | 10 PM UTC, 10 PM Coordinated Universal Time, 10 PM GMT, 10 PM GMT
//> 7/2/2026, 7:30:00 AM | Thursday | 18:30
//> 01:59 03:00 02:30 02:30
//> true 0
//> RangeError: there is no time zone Mars/Olympus
//> RangeError: there is no time zone +25:00

//# numbers
const show = (options) => [1234.5678, -0.005, 999999].map((number) => new Intl.NumberFormat("en-US", options).format(number)).join(" ");
for (const options of [{}, { style: "percent" }, { style: "currency", currency: "USD" }, { style: "currency", currency: "JPY" }, { notation: "compact" }, { notation: "scientific" }, { maximumSignificantDigits: 3 }, { minimumFractionDigits: 2 }]) console.log(show(options));
console.log((1005.005).toLocaleString("en", { maximumFractionDigits: 2 }), (12345678901234567890n).toLocaleString(), new Intl.NumberFormat("en", { style: "unit", unit: "kilometer-per-hour" }).format(50));
try { new Intl.NumberFormat("en", { style: "currency" }); } catch (e) { console.log(`${e.name}: ${e.message}`); }
//> 1,234.568 -0.005 999,999
//> 123,457% -1% 99,999,900%
//> $1,234.57 -$0.01 $999,999.00
//> ¥1,235 -¥0 ¥999,999
//> 1.2K -0.005 1M
//> 1.235E3 -5E-3 1E6
//> 1,230 -0.005 1,000,000
//> 1,234.568 -0.005 999,999.00
//> 1,005.01 12,345,678,901,234,567,890 50 km/h
//> TypeError: a format of currency needs a `currency`

//# words
console.log([1, 2, 3, 11, 22].map((n) => new Intl.PluralRules("en", { type: "ordinal" }).select(n)), new Intl.ListFormat("en").format(["a", "b", "c"]), new Intl.ListFormat("en", { type: "disjunction" }).format(["a", "b"]));
console.log(new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-1, "day"), new Intl.RelativeTimeFormat("en").format(3, "hours"));
console.log(["b", "a10", "B", "A", "á", "a9"].sort(new Intl.Collator("en", { numeric: true }).compare), "a".localeCompare("B"), "a".localeCompare("A", "en", { sensitivity: "base" }));
console.log([...new Intl.Segmenter("en").segment("e\u0301👍🏽x")].length, [...new Intl.Segmenter("en", { granularity: "word" }).segment("Hi, don't")].filter((part) => part.isWordLike).map((part) => part.segment));
//> ["one", "two", "few", "other", "two"] a, b, and c a or b
//> yesterday in 3 hours
//> ["A", "á", "a9", "a10", "b", "B"] -1 0
//> 3 ["Hi", "don't"]
