export default {
  async afterAppend({ event, append }) {
    if (event.type !== "ping") return;
    await append({ type: "pong", payload: { to: event.offset } });
  },
};
