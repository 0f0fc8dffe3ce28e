enum Color { Red, Green = "g", Blue = 1 << 2, Next }
const enum Flag { A = 1, B = A << 1, C = A | B }
export enum Merged { A }
enum Merged2 { A = 1 } 
enum Merged2 { B = 2 }
declare enum Gone { A }
log(Color, Color[0], Flag.C, Merged[0], Merged2);
log(Object.keys(Color));
const key: keyof typeof Color = "Blue";
log(Color[key]);
//= {"0":"Red","4":"Blue","5":"Next","Red":0,"Green":"g","Blue":4,"Next":5} Red 3 A {"1":"A","2":"B","A":1,"B":2}
//= ["0","4","5","Red","Green","Blue","Next"]
//= 4
//= exports: Merged={"0":"A","A":0}
