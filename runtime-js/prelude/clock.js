// What time it is, and `Date`, which tells it: the time of the event while `reduce` runs, that of the recorded events in
// a rehearsal.

export default function clocks(native, tools) {
  const { isRecorded, now: machineNow, elapsed, began, parse } = tools.natives("clock");
  const { defineProperty } = Object;
  const { construct } = Reflect;
  const { reducing } = tools;

  const now = () => (reducing.active ? parse(reducing.createdAt) : machineNow());

  /** Made with the first `Date`: what only asks for the time does without. */
  function makeDate() {
    const NativeDate = tools.part("engine/made").make("Date");
    function ClockedDate(...parts) {
      if (new.target === undefined) return new NativeDate(now()).toString();
      const target = new.target === ClockedDate ? NativeDate : new.target;
      return construct(NativeDate, parts.length === 0 ? [now()] : parts, target);
    }
    defineProperty(ClockedDate, "name", { value: "Date", configurable: true });
    defineProperty(ClockedDate, "length", { value: 7, configurable: true });
    defineProperty(ClockedDate, "prototype", { value: NativeDate.prototype, writable: false });
    const give = (object, name, value) => defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
    give(ClockedDate, "now", now);
    give(ClockedDate, "parse", NativeDate.parse);
    give(ClockedDate, "UTC", NativeDate.UTC);
    give(NativeDate.prototype, "constructor", ClockedDate);
    const localized = tools.part("intl/methods").Date;
    for (const name of Object.keys(localized)) give(NativeDate.prototype, name, localized[name]);
    return ClockedDate;
  }

  let made;
  return {
    get Date() {
      return (made ??= makeDate());
    },
    /** Whether the same run gives the same time, and the same numbers, again. */
    isDetermined: () => reducing.active || isRecorded,
    /** In milliseconds since 1970, and since the origin. */
    origin: () => (reducing.active ? 0 : began),
    now: () => (reducing.active ? now() : elapsed()),
  };
}
