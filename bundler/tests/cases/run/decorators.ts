const order: string[] = [];
function logged(value: any, context: any) {
  order.push(`${context.kind} ${String(context.name)} ${context.static} ${context.private}`);
  if (context.kind === "method") return function (this: any, ...args: any[]) { return `<${value.call(this, ...args)}>`; };
  if (context.kind === "field") return (initial: number) => initial * 2;
  if (context.kind === "accessor") return { get() { return value.get.call(this) + 1; }, init(v: number) { return v * 10; } };
  if (context.kind === "class") context.addInitializer(function (this: any) { order.push(`init ${this.name}`); });
}
function bound(_: any, context: any) { context.addInitializer(function (this: any) { this[context.name] = this[context.name].bind(this); }); }
const meta = (key: string) => (_: any, context: any) => { context.metadata[key] = context.name; };
@logged
class Tool {
  @logged field = 2;
  @logged accessor acc = 1;
  @logged #hidden() { return "h"; }
  @logged static s() { return "static"; }
  @logged @meta("m") method(n: number) { return `${n} ${this.#hidden()}`; }
  @bound who() { return this.field; }
  @logged get computed() { return 7; }
  static self = Tool.name;
}
const tool = new Tool();
const { who } = tool;
log(tool.method(1), tool.field, tool.acc, Tool.s(), who(), tool.computed, Tool.self);
log((Tool as any)[Symbol.metadata ?? Symbol.for("Symbol.metadata")]);
for (const line of order) log(line);
export const Anonymous = @logged class {};
export default @logged class Exported {}
//= <1 <h>> 4 11 <static> 4 7 Tool
//= {"m":"method"}
//= method s true false
//= accessor acc false false
//= method #hidden false true
//= method method false false
//= getter computed false false
//= field field false false
//= class Tool undefined undefined
//= init Tool
//= exports: Anonymous=function , default=function Exported
