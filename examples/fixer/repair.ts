// One attempt at a repair, from the question to the event that makes the answer run. Each step is an event with a key of
// its own: after a crash the work goes on behind the last of them.

import type { AppendContext, Event, EventInput, JsonObject } from "millrace";
import { parseAnswer, type Answer } from "./answer";
import { check, rehearse } from "./check";
import { diffOf } from "./diff";
import { gather, one, type Scene } from "./evidence";
import type { Failure } from "./failure";
import { newest, type State, type Tracked } from "./lineage";
import { ask, modelOf } from "./model";
import { promptOf } from "./prompt";
import type { Simulate } from "./simulate";
import { candidateOf, change, codeOf, configuring, hashOf, textsOf, type Candidate } from "./source";

export type Context = AppendContext<State> & { simulate: Simulate };

export class Repair {
  constructor(
    private context: Context,
    private state: State,
    private slug: string,
    private tracked: Tracked,
    private failure: Failure,
  ) {}

  /** Does the next step of attempt `number`: the question, or, when there is an answer, what becomes of it. */
  async attempt(number: number): Promise<void> {
    const { settings } = this.state;
    const { lineage } = this.tracked;
    const known = lineage.attempts.find((it) => it.attempt === number);
    if (known && known.outcome !== "asked" && known.outcome !== "answered") return;
    if (number > settings.maxAttempts) return this.giveUp(`${number - 1} attempts were not enough`);
    try {
      const scene = await this.scene();
      if (!scene) return;
      const answered = known?.answered && (await one(this.context.read, known.answered));
      if (answered) await this.judge(scene, number, answered);
      else await this.ask(scene, number);
    } catch (error) {
      // Replaced or shut down, which comes again; anything else would come again without an end.
      this.context.signal.throwIfAborted();
      await this.giveUp(`the fixer could not go on: ${(error as Error).message}`);
    }
  }

  private async scene(): Promise<Scene | undefined> {
    const { read, simulate, stream } = this.context;
    const { slug, failure } = this;
    const [source, told] = [await one(read, failure.source), await one(read, failure.offset)];
    if (!source || !told) return;
    const { lineage, sources } = this.tracked;
    const typeErrors = sources.find((it) => it.offset === failure.source)?.typeErrors ?? 0;
    const scene: Scene = { slug, source, told, failure, lineage, typeErrors };
    return { ...scene, before: await rehearse(simulate, scene, stream.path) };
  }

  // --- the question ---------------------------------------------------------------------------------------

  private async ask(scene: Scene, attempt: number): Promise<void> {
    const { read, stream, signal } = this.context;
    const model = modelOf(process.env);
    if (typeof model === "string") {
      await this.giveUp(model);
      return;
    }
    await this.say(attempt, "asked", { model: model.name });
    const prompt = promptOf(await gather(scene, read, stream.path));
    const reply = await ask(model, prompt, this.state.settings.maxTokens, signal);
    if ("trouble" in reply) {
      await pause(reply.waitSeconds ?? 0, signal);
      await this.say(attempt, "attempted", { outcome: "unanswered", reason: reply.trouble, tokens: reply.tokens, model: model.name });
      return;
    }
    const answer = parseAnswer(reply.text);
    if (typeof answer === "string") {
      const said = reply.text.slice(0, 500);
      await this.say(attempt, "attempted", { outcome: "unanswered", reason: answer, said, tokens: reply.tokens, model: model.name });
      return;
    }
    const candidate = this.candidate(scene, answer);
    const hash = typeof candidate === "string" ? "" : await hashOf(candidate);
    const { tried } = this.tracked.lineage;
    const repeats = hash !== "" && (tried.includes(hash) || hash === (await hashOf(unchanged(scene.source))));
    await this.say(attempt, "answered", { ...answer, hash, repeats, tokens: reply.tokens, model: model.name });
  }

  private candidate({ source }: Scene, { files }: Pick<Answer, "files">): Candidate | string {
    try {
      return candidateOf(source, change(textsOf(codeOf(source)), files));
    } catch (error) {
      return `its package.json cannot be read: ${(error as Error).message}`;
    }
  }

  // --- the answer -----------------------------------------------------------------------------------------

  private async judge(scene: Scene, attempt: number, { offset, payload }: Event): Promise<void> {
    const { reason, confidence, changes, model, tokens, hash } = payload;
    const told = { reason, confidence, model, tokens, ...(changes && { changes }) };
    const candidate = this.candidate(scene, payload as Answer);
    const wrong = await this.wrong(scene, candidate, payload);
    if (typeof candidate === "string" || wrong) {
      await this.say(attempt, "attempted", { outcome: "rejected", reason: wrong, answer: offset, model, tokens });
      return;
    }
    if (this.state.settings.mode === "propose") {
      const diff = diffOf(textsOf(codeOf(scene.source)), textsOf(codeOf({ payload: candidate.payload } as Event)));
      await this.say(attempt, "proposed", { diff, ...told, hash, answer: offset, source: scene.source.offset });
      return;
    }
    await this.apply(candidate, attempt, told);
  }

  private async wrong(scene: Scene, candidate: Candidate | string, { repeats, changes }: JsonObject): Promise<string | undefined> {
    if (typeof candidate === "string") return candidate;
    if (repeats) return "it is a candidate that was tried already, or what runs now";
    return await check(this.context.simulate, scene, candidate, changes ?? null, this.context.stream.path);
  }

  /** Whoever has approved a proposal. */
  async applyProposal(proposal: Event): Promise<void> {
    const { attempt, answer, source, reason, confidence, model, tokens, changes } = proposal.payload;
    const [of, answered] = [await one(this.context.read, source), await one(this.context.read, answer)];
    if (!of || !answered) return;
    const candidate = this.candidate({ source: of } as Scene, answered.payload as Answer);
    if (typeof candidate === "string") return;
    await this.apply(candidate, attempt, { reason, confidence, model, tokens, ...(changes && { changes }), proposed: proposal.offset });
  }

  private async apply(candidate: Candidate, attempt: number, told: JsonObject): Promise<void> {
    if (await this.isReplaced()) return;
    const { offset: fixes, fingerprint } = this.failure;
    const metadata = { fixes, attempt, ...told, fingerprint };
    await this.context.append(configuring(candidate, metadata, this.key(`${attempt}/applied`)));
  }

  /** Somebody may have written a new source in the meantime, which is then not ours to replace. */
  private async isReplaced(): Promise<boolean> {
    const types = ["processor/source-configured", "processor/configured", "processor/removed"];
    for await (const { payload } of this.context.read({ afterOffset: this.failure.source, types })) {
      if (payload.slug === this.slug && typeof payload.bundle?.sourceOffset !== "number") return true;
    }
    return false;
  }

  // --- the story ------------------------------------------------------------------------------------------

  async giveUp(reason: string): Promise<void> {
    const { lineage } = this.tracked;
    const attempts = lineage.attempts.length;
    const last = lineage.attempts[attempts - 1]?.why;
    const payload = { slug: this.slug, fixes: this.failure.offset, reason, attempts, ...(last && { last }) };
    await this.append({ type: "fixer/gave-up", payload, idempotencyKey: this.key("gave-up") });
  }

  private async say(attempt: number, what: string, more: JsonObject): Promise<Event> {
    const payload = { slug: this.slug, fixes: this.failure.offset, attempt, ...more };
    return await this.append({ type: `fixer/${what}`, payload, idempotencyKey: this.key(`${attempt}/${what}`) });
  }

  private append(event: EventInput): Promise<Event> {
    return this.context.append(event);
  }

  private key(step: string): string {
    return `${this.context.stream.slug}/${this.slug}/${this.tracked.lineage.root}/${step}`;
  }
}

function unchanged(source: Event): Candidate {
  return candidateOf(source, textsOf(codeOf(source)));
}

export function isCurrent(tracked: Tracked, failure: Failure): boolean {
  return newest(tracked).offset === failure.source;
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  if (seconds <= 0) return;
  await new Promise<void>((resolve) => setTimeout(() => resolve(), seconds * 1000));
  signal.throwIfAborted();
}
