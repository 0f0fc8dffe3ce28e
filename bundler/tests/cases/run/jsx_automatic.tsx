// tsconfig: {"compilerOptions": {"jsx": "react-jsx", "jsxImportSource": "host"}}
log(<a b="c">d</a>, <>e</>, <ul><li key="k"/><li/></ul>);
//= {"tag":"a","props":{"b":"c","children":"d"}} {"tag":"frag","props":{"children":"e"}} ["s","ul",{"children":[{"tag":"li","props":{},"key":"k"},{"tag":"li","props":{}}]}]
//= exports: 
