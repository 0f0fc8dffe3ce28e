/** @jsx h */
/** @jsxFrag Frag */
const h = (...parts: any[]) => parts;
const Frag = "frag";
log(<a b="c">d</a>, <>e</>);
//= ["a",{"b":"c"},"d"] ["frag",null,"e"]
//= exports: 
