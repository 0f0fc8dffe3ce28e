// Standard Webhooks: whether a request is from who it says, and not an old one again.

/** What a receiver knows: `whsec_` and the key in base64. Several while one takes the place of another. */
export type SigningSecret = string | readonly string[];

/** A request may be so much older or newer than this clock says. */
const TOLERANCE_SECONDS = 300;

/** Nothing when it is good, or what is wrong with it. */
export async function complaint(
  headers: Headers,
  body: string,
  secret: SigningSecret,
  now = Date.now(),
): Promise<string | undefined> {
  const id = headers.get("webhook-id");
  const timestamp = headers.get("webhook-timestamp");
  const signatures = headers.get("webhook-signature");
  if (!id || !timestamp || !signatures) return "the headers webhook-id, webhook-timestamp and webhook-signature must be there";
  const seconds = Number(timestamp);
  if (!Number.isInteger(seconds)) return "webhook-timestamp must be in seconds";
  if (Math.abs(now / 1000 - seconds) > TOLERANCE_SECONDS)
    return `webhook-timestamp is more than ${TOLERANCE_SECONDS} s away from this clock`;
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const key of typeof secret === "string" ? [secret] : secret) {
    const imported = await crypto.subtle.importKey("raw", keyBytes(key), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of signatures.split(" ")) {
      const [version, value] = signature.split(",");
      const bytes = version === "v1" && value ? fromBase64(value) : undefined;
      // `verify` compares in constant time.
      if (bytes && (await crypto.subtle.verify("HMAC", imported, bytes, signed))) return undefined;
    }
  }
  return "no signature fits: is this the subscription's signing secret?";
}

function keyBytes(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(secret.replace(/^whsec_/, ""));
  if (!bytes || bytes.length === 0)
    throw new TypeError("a signing secret is `whsec_` and base64, as GET /api/subscriptions/__secret/{path} shows it");
  return bytes;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
