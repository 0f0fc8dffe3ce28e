namespace Shapes {
  export const sides = 4;
  export function area(n: number) { return n * sides; }
  export namespace Deep.Inner { export let value = sides + 1; }
  const hidden = 1;
  export class Square { static s = hidden; }
  export enum Kind { A = "a" }
}
namespace Types { export interface X {} }
function fn() { return fn.extra; }
namespace fn { export const extra = "extra"; }
class K { static make() { return K.count; } }
namespace K { export const count = 2; }
import Inner = Shapes.Deep.Inner;
const outside = "outside", taken = "taken", tag = "not this";
namespace Twice {
  export let count = 1;
  export const tag = "first";
  export function twice(n = count) { return n * 2; }
  export namespace Deep { export const level = 2; }
}
namespace Twice {
  export const sum = count + twice();
  export function raise(by: number) { count += by; ({ count = by } = { count: count + 1 }); [count] = [count]; return { count, tag, outside }; }
  export function own(tag: string) { return tag + [1].map((count) => count); }
  const taken = "mine";
  export const hidden = taken;
}
namespace Twice.Deep { export const all = [count, level, tag, typeof hidden]; }
namespace Twice.Deep { export const again = all.length; }
enum Level { Low = 1 }
enum Level { High = Low + 1 }
log(Twice.sum, JSON.stringify(Twice.raise(2)), Twice.count, Twice.own("x"), Twice.hidden, Twice.Deep.all.join(), Twice.Deep.again, Level.High, taken);
log(Shapes.area(2), Inner.value, Shapes.Square.s, Shapes.Kind.A, fn(), K.make());
//= 3 {"count":4,"tag":"first","outside":"outside"} 4 x1 mine 1,2,first,string 4 2 taken
//= 8 5 1 a extra 2
//= exports: 
