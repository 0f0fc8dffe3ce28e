// webhook-intake: take in what somebody else's service posts. Its requests are no events of ours, so the
// stream stores each as `stream/invalid-event-appended` with the body in `rawInput`; this processor makes
// proper events of the ones that it knows.
//
//   millrace deploy examples/webhook-intake --stream /examples/webhook-intake --wait
//   curl --json '{"order":17,"item":"tea"}' http://127.0.0.1:4777/api/streams/examples/webhook-intake
//   millrace tail /examples/webhook-intake
//
// Expect one `order-placed` for each order, however often its webhook is repeated: the idempotency key makes
// the second append find the first event. What is no order stays where it is.

export default {
  async afterAppend({ event, append }) {
    if (event.type !== "stream/invalid-event-appended") return;
    const body = event.payload.rawInput;
    if (!Number.isInteger(body?.order)) return;
    await append({
      type: "order-placed",
      payload: { order: body.order, item: body.item ?? "unknown" },
      idempotencyKey: `order-${body.order}`,
    });
  },
};
