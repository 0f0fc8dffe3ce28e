// packages: ajv@8.20.0
import { Ajv } from 'ajv';
const ajv = new Ajv();
export default { reduce: ({ event }) => ({ ok: ajv.validate({}, event.payload) }) };
