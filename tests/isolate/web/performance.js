// The marks and measures of performance, and who observes them.

//# marks and measures are of their classes, and have the detail as it was
const detail = { x: 1 };
const mark = performance.mark("a", { startTime: 1, detail });
detail.x = 2;
performance.mark("b", { startTime: 5 });
const measure = performance.measure("m", { start: "a", end: "b", detail: "d" });
console.log(mark instanceof PerformanceMark, mark instanceof PerformanceEntry, mark.detail, `${mark}`);
console.log(measure instanceof PerformanceMeasure, measure.duration, JSON.stringify(measure), `${measure}`);
console.log(performance.measure("n", undefined, "b").duration, performance.measure("o", { end: 7, duration: 3 }).startTime);
console.log(new PerformanceMark("alone").name, performance.getEntriesByName("alone").length, performance instanceof EventTarget);
//> true true { x: 1 } [object PerformanceMark]
//> true 4 {"name":"m","entryType":"measure","startTime":1,"duration":4,"detail":"d"} [object PerformanceMeasure]
//> 5 4
//> alone 0 true

//# what cannot be marked or measured
for (const make of [
  () => performance.mark("a", { startTime: -1 }), () => performance.mark("a", 1), () => performance.measure("a", "nothing"),
  () => performance.measure("a", { start: 1, end: 2, duration: 1 }), () => performance.measure("a", { start: 1 }, "b"),
  () => performance.measure("a", { detail: 1 }), () => performance.mark("a", { detail: () => {} }), () => new PerformanceEntry(), () => new Performance(),
]) {
  try { console.log(make()); } catch (e) { console.log(e.name); }
}
//> TypeError
//> TypeError
//> SyntaxError
//> TypeError
//> TypeError
//> TypeError
//> DataCloneError
//> TypeError
//> TypeError

//# an observer hears of what it asked for, a little later and together; with `buffered` of what was before too
performance.mark("before");
const observed = (options) => new Promise((done) => {
  new PerformanceObserver((list, observer) => {
    observer.disconnect();
    done(list.getEntries().map(({ name }) => name).join());
  }).observe(options);
});
const heard = Promise.all([observed({ entryTypes: ["mark"] }), observed({ type: "mark", buffered: true }), observed({ type: "measure" })]);
performance.mark("one");
performance.mark("two");
performance.measure("three");
for (const names of await heard) console.log(names);
console.log(PerformanceObserver.supportedEntryTypes.join());
//> one,two
//> before,one,two
//> three
//> mark,measure
