// web-form: a form on a web page as input. A browser posts a form straight to the stream's URL; that is no event of ours, so
// the stream keeps it as `stream/invalid-event-appended` with the fields in `rawInput`, and this processor makes an event
// of it, or says what is missing.
//
//   millrace serve --allow-origin http://localhost:8000
//   millrace deploy examples/web-form --stream /examples/web-form --wait
//   python3 -m http.server 8000 -d examples/web-form        and open http://localhost:8000/form.html
//   millrace tail /examples/web-form --follow
//
// Fill the form in, or post what `input.form` has. Expect `enquiry-received {name, email, text}` for each form that is
// complete, and `enquiry-refused {problems}` for the others. Pages of other origins are refused: `--allow-origin` names those
// that may post.

const FIELDS = ["name", "email", "text"];

function problemsOf(form) {
  const missing = FIELDS.filter((field) => !String(form[field] ?? "").trim()).map((field) => `${field} is missing`);
  return missing.length > 0 || /^\S+@\S+$/.test(form.email) ? missing : ["email is no address"];
}

export default {
  initialState: { received: 0 },

  reduce({ event, state }) {
    if (event.type === "enquiry-received") return { received: state.received + 1 };
  },

  async afterAppend({ event, append }) {
    const form = event.payload.rawInput;
    if (event.type !== "stream/invalid-event-appended" || typeof form?.email !== "string") return;
    const problems = problemsOf(form);
    if (problems.length > 0) {
      await append({ type: "enquiry-refused", payload: { form: event.offset, problems } });
    } else {
      const { name, email, text } = form;
      await append({ type: "enquiry-received", payload: { name: name.trim(), email, text } });
    }
  },
};
