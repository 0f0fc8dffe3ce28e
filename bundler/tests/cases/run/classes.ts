abstract class Base<T> {
  #secret = 1;
  declare ghost: string;
  protected readonly list: T[] = [];
  static count = 0;
  static { Base.count = 5; }
  constructor(public name: string, private size = 2, readonly tag?: string) { this.list.push(size as any); }
  abstract work(): string;
  get secret() { return this.#secret; }
  override?(): void;
}
interface Base<T> { mixed: T; }
class Derived extends Base<number> {
  accessor value = 3;
  static accessor shared = "s";
  name2 = this.name + "!";
  accessor #hidden = 4;
  work(): string { return `${this.name} ${this.name2} ${this.value} ${this.#hidden} ${Derived.shared}`; }
}
const d = new Derived("n");
d.value = 9; Derived.shared = "t";
log(d.work(), d.secret, Object.keys(d), Base.count, "ghost" in d, d.tag);
log(Object.getOwnPropertyNames(Derived.prototype));
class Fields { x; y? = 1; ["z" + 1] = 2; }
log(Object.keys(new Fields()));
const satisfied = { a: 1 } satisfies Record<string, number>;
let definite!: string; definite = <string>"d";
log(satisfied.a!, definite as unknown as string);
{ using r = { [Symbol.dispose]() { log("disposed"); } }; log("using"); }
async function f() { await using r = { async [Symbol.asyncDispose]() { log("async disposed"); } }; log("await using"); }
await f();
function over(a: string): string; function over(a: number): number; function over(a: any) { return a; }
log(over(1), (<T,>(x: T) => x)(2));
//= n n! 9 4 t 1 ["name","size","tag","list","name2"] 5 false undefined
//= ["constructor","value","work"]
//= ["x","y","z1"]
//= 1 d
//= using
//= disposed
//= await using
//= async disposed
//= 1 2
//= exports: 
