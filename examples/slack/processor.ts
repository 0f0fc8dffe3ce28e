// slack: an agent that answers in Slack, put together from parts that know each other by events only. A transformer makes
// the agent's input of the webhook, the agent answers it, and this processor, the only code, posts the answer.
//
//   millrace secrets set OPENAI_API_KEY --host api.openai.com
//   millrace secrets set SLACK_BOT_TOKEN --host slack.com
//   millrace deploy examples/agent --stream /examples/slack --wait
//   millrace deploy examples/slack --stream /examples/slack --wait
//   millrace append /examples/slack - < examples/slack/input.jsonl
//   millrace tail /examples/slack --follow
//
// The lines of `input.jsonl` are: where the model is (leave it out for OpenAI) and where Slack is (leave it out for the real
// one), the transformer, and a message as Slack posts it to the stream's URL. Expect `slack-message-received`,
// `agent-input-added`, the agent's own events, and `slack-message-sent {channel, text}`, in the thread of the question. A
// webhook that is delivered twice is answered once. Slack checks an Events API URL by a challenge that it wants back,
// which a stream does not do: put a relay in front, or use a workflow's webhook.

import { defineProcessor } from "millrace";

interface Place {
  channel: string;
  thread: string;
}

export default defineProcessor({
  initialState: { places: {} as Record<string, Place> },

  reduce({ event, state }) {
    const { channel, thread } = event.metadata ?? {};
    if (event.type !== "agent-input-added" || !channel) return;
    return { places: { ...state.places, [event.offset]: { channel, thread } } };
  },

  async afterAppend({ event, state, append, signal }) {
    if (event.type !== "agent-output-added") return;
    const place = state.places[event.payload.requestId];
    if (!place) return;
    const text = String(event.payload.content);
    await post({ channel: place.channel, thread_ts: place.thread, text }, signal);
    await append({ type: "slack-message-sent", payload: { channel: place.channel, text } });
  },
});

async function post(message: object, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${process.env.SLACK_URL ?? "https://slack.com"}/api/chat.postMessage`, {
    method: "POST",
    headers: {
      "content-type": "application/json; charset=utf-8",
      authorization: "Bearer getSecret({secretKey: 'SLACK_BOT_TOKEN'})",
    },
    body: JSON.stringify(message),
    signal,
  });
  // Slack says 200 to nearly everything.
  const answer = await response.json();
  if (!answer.ok) throw new Error(`slack did not take the message: ${answer.error ?? response.status}`);
}
