// packages: marked@18.2.1
import { marked } from 'marked';
export default { async afterAppend({ append, event }) { await append({ type: 'html', payload: { html: await marked(event.payload.md) } }); } };
