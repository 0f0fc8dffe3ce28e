import type { FC } from "react";
const React = { createElement: (tag: any, props: any, ...children: any[]) => ({ tag: tag.name ?? tag, props, children }), Fragment: "fragment" };
const Item = ({ n }: { n: number }) => n;
const list = [1, 2];
const spread = { a: 1 };
log(<ul class="x" {...spread}>text {list.map((n) => <Item key={n} n={n} />)} don't &amp; "quote"</ul>);
log(<><b/>{/* nothing */}</>);
const generic = <T,>(x: T): T => x;
log(generic(<T,>() => 1)() as number);
//= {"tag":"ul","props":{"class":"x","a":1},"children":["text ",[{"tag":"Item","props":{"key":1,"n":1},"children":[]},{"tag":"Item","props":{"key":2,"n":2},"children":[]}]," don't & \"quote\""]}
//= {"tag":"fragment","props":null,"children":[{"tag":"b","props":null,"children":[]}]}
//= 1
//= exports: 
