// packages: lodash@4.18.1
import _ from 'lodash';
export default { reduce: () => _.chunk([1], 1) as any };
// expected: TS7016 2:15
