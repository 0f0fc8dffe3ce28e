export default {
  async afterAppend({ event, append }) {
    if (event.type !== "ping") return;
    const name = event.payload.from.name;
    await append({ type: "pong", payload: { to: event.offset, greeting: `hello ${name}` } });
  },
};
