// packages: uuid@14.0.3
import { v4, v7 } from 'uuid';
export default { async afterAppend({ append }) { await append({ type: v4(), payload: { a: v7() } }); v4(1, 2, 3, 4); } };
// expected: TS2554 3:114
