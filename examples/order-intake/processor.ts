// order-intake: orders, checked before they count. TypeScript in several files, a package from npm, types that follow from
// a schema.
//
//   millrace deploy examples/order-intake --stream /examples/order-intake --wait
//   millrace append /examples/order-intake - < examples/order-intake/input.jsonl
//   millrace tail /examples/order-intake
//
// Append `order-submitted` events with any payload. Expect `order-accepted` for each, or `order-rejected` with a list of
// what is wrong. The state is what was sold.

import { defineProcessor } from "millrace";
import { Order, problems } from "./lib/order";

interface State {
  sold: Record<string, number>;
}

export default defineProcessor({
  initialState: { sold: {} } as State,

  reduce({ event, state }) {
    if (event.type !== "order-submitted") return;
    const order = Order.safeParse(event.payload);
    if (!order.success) return;
    const { item, quantity } = order.data;
    return { sold: { ...state.sold, [item]: (state.sold[item] ?? 0) + quantity } };
  },

  async afterAppend({ event, state, append }) {
    if (event.type !== "order-submitted") return;
    const order = Order.safeParse(event.payload);
    if (order.success) {
      await append({ type: "order-accepted", payload: { order: event.offset, sold: state.sold[order.data.item] } });
    } else {
      await append({ type: "order-rejected", payload: { order: event.offset, problems: problems(order.error) } });
    }
  },
});
