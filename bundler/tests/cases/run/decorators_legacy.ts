// tsconfig: {"compilerOptions": {"experimentalDecorators": true, "emitDecoratorMetadata": true}}
const seen: any[] = [];
(Reflect as any).metadata = (key: string, value: any) => (target: any, name?: string) => { seen.push([key, Array.isArray(value) ? value.map((v) => v?.name) : value?.name, name]); };
const prop = (target: any, name: string) => { log("prop", name); };
const method = (target: any, name: string, descriptor: PropertyDescriptor) => { const old = descriptor.value; descriptor.value = function (...a: any[]) { return `<${old.apply(this, a)}>`; }; };
const param = (target: any, name: any, index: number) => { log("param", name, index); };
const klass = (suffix: string) => (target: any) => { target.suffix = suffix; };
class Service {}
@klass("!")
class Tool {
  @prop private service: Service = new Service();
  constructor(@param readonly injected: Service) {}
  @method run(@param n: number): string { return `run ${n}`; }
}
log(new Tool(new Service()).run(1), (Tool as any).suffix);
for (const line of seen) log(line);
//= prop service
//= param run 0
//= param undefined 0
//= <run 1> !
//= ["design:type","Service","service"]
//= ["design:returntype","String","run"]
//= ["design:paramtypes",["Number"],"run"]
//= ["design:type","Function","run"]
//= ["design:paramtypes",["Service"],null]
//= ["design:type","Function",null]
//= exports: 
