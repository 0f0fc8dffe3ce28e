import { A, type B } from "./gone";
import C from "./gone2";
import * as D from "./gone3";
import { join } from "node:path";
type X = A | B | typeof C; let x: D.Y | X;
export type { A };
log(join("a", "b"));
export {};
//= a/b
//= exports: 
