// packages: jsonata@2.2.2
import jsonata from 'jsonata';
export default { async afterAppend({ event }) { await jsonata('$sum(a)').evaluate(event.payload); jsonata(1); } };
// expected: TS2345 3:107
