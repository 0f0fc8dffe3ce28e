// packages: just-bash@3.4.2
import { Bash } from 'just-bash';
export default { async afterAppend({ append }) { const bash = new Bash({ files: { '/a': 'x' } }); const r = await bash.exec('cat /a'); await append({ type: 'r', payload: { out: r.stdout, bad: r.stdoutt } }); } };
// expected: TS2551 3:195
