// packages: lodash@4.18.1 @types/lodash@4.17.27
import _ from 'lodash';
export default { reduce: () => ({ a: _.chunk([1], 'x') }) };
// expected: TS2345 3:51
