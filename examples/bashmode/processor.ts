// bashmode: an agent that writes shell scripts, and a shell that runs them, know each other by events only. A fenced `bash`
// block in what an agent says is run in a simulated shell (the package `just-bash`: no process, no real files), and
// the output is the agent's next input.
//
//   millrace deploy examples/bashmode --stream /examples/bashmode --wait
//   millrace append /examples/bashmode - < examples/bashmode/input.jsonl
//   millrace tail /examples/bashmode
//
// Append `agent-output-added {content}`, or deploy examples/agent on the same stream to have a model do that. Expect
// `bashmode-block-added {script}`, then `agent-input-added {content}` with the output. Files live as long as the
// isolate does; a block can also be appended by hand.

import { Bash } from "just-bash";
import { defineProcessor } from "millrace";

const OUTPUT_MAX = 8_000;
const shell = new Bash();

export default defineProcessor({
  async afterAppend({ event, append }) {
    if (event.type === "agent-output-added") {
      const script = /```bash\n([\s\S]*?)```/.exec(String(event.payload.content))?.[1];
      if (script) await append({ type: "bashmode-block-added", payload: { script } });
    }
    if (event.type === "bashmode-block-added") {
      const { stdout, stderr, exitCode } = await shell.exec(String(event.payload.script));
      await append({ type: "agent-input-added", payload: { content: told(stdout, stderr, exitCode) } });
    }
  },
});

function told(stdout: string, stderr: string, exitCode: number): string {
  const output = [stdout, stderr].filter(Boolean).join("\n");
  const shown = output.length > OUTPUT_MAX ? `${output.slice(0, OUTPUT_MAX)}\n… (cut)` : output;
  return `The script ended with exit code ${exitCode}.\n\n${shown || "It printed nothing."}`;
}
