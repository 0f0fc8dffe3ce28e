// packages: date-fns@4.4.0
import { addDays, format } from 'date-fns';
export default { reduce: ({ event }) => ({ d: format(addDays(new Date(event.createdAt), 1), 'yyyy'), x: addDays('x') }) };
// expected: TS2554 3:105
