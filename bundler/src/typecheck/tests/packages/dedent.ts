// packages: dedent@1.7.2
import dedent from 'dedent';
export default { slug: dedent`
 a` };
