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
log(Shapes.area(2), Inner.value, Shapes.Square.s, Shapes.Kind.A, fn(), K.make());
//= 8 5 1 a extra 2
//= exports: 
