// packages: yaml@2.9.1
import YAML from 'yaml';
export default { reduce: ({ event }) => YAML.parse(event.payload.text), slug: YAML.stringify({}) };
