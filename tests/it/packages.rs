//! Packages that people use: each is resolved, fetched, bundled, loaded and put to a small real use in an isolate.

use serde_json::{Value, json};

use crate::harness::{Shared, shared};

/// A processor whose pong carries the value of `expression`, or what it throws.
fn processor(imports: &str, expression: &str) -> String {
    format!(
        "{imports}\n\nexport default {{\n  async afterAppend({{ event, append }}: any) {{\n    if (event.type === 'ping') await append({{ type: 'pong', payload: {{ value: {expression} }} }});\n  }},\n}};\n"
    )
}

fn check(cases: &[(&str, Value, &str, &str, Value)]) {
    let millrace = shared();
    std::thread::scope(|scope| {
        for (name, dependencies, imports, expression, expected) in cases {
            let millrace = &millrace;
            scope.spawn(move || {
                let value = value_of(millrace, name, dependencies, &processor(imports, expression));
                assert_eq!(value, *expected, "{name}");
            });
        }
    });
}

fn value_of(millrace: &Shared, name: &str, dependencies: &Value, source: &str) -> Value {
    let path = format!("/{name}");
    let mut payload = json!({"slug": "p", "typecheck": "off", "files": {"processor.ts": source}, "packageJson": {"dependencies": dependencies}});
    if name == "ajv" {
        // It makes its validators with `new Function`.
        payload["limits"] = json!({"codeGeneration": true});
    }
    millrace.append(
        &path,
        json!([{"type": "processor/source-configured", "payload": payload}, {"type": "waiting"}]),
    );
    let done = ["processor/activated", "processor/compile-failed", "processor/failed"];
    let events = millrace.wait_for(&path, "an answer", |events| {
        events.iter().any(|event| done.iter().any(|it| event["type"] == *it))
    });
    let trouble =
        events.iter().find(|event| event["type"] != done[0] && done.iter().any(|it| event["type"] == *it));
    assert!(trouble.is_none(), "{name}: {:#}", trouble.unwrap()["payload"]);
    millrace.append(&path, json!({"type": "ping"}));
    let ended = ["pong", "processor/failed"];
    let events = millrace.wait_for(&path, "pong", |events| {
        events.iter().any(|event| ended.iter().any(|it| event["type"] == *it))
    });
    let failed = events.iter().find(|event| event["type"] == "processor/failed");
    assert!(failed.is_none(), "{name}: {:#}", failed.unwrap()["payload"]);
    events.iter().find(|event| event["type"] == "pong").unwrap()["payload"]["value"].clone()
}

#[test]
fn that_compute() {
    check(&[
        (
            "zod",
            json!({"zod": "^4"}),
            "import * as z from 'zod';",
            "z.object({ a: z.coerce.number() }).parse({ a: '7' })",
            json!({"a": 7}),
        ),
        (
            "lodash",
            json!({"lodash": "^4"}),
            "import _ from 'lodash';",
            "[_.chunk([1, 2, 3], 2), _.camelCase('a small step')]",
            json!([[[1, 2], [3]], "aSmallStep"]),
        ),
        (
            "date-fns",
            json!({"date-fns": "^4"}),
            "import { addDays, format } from 'date-fns';",
            "format(addDays(new Date(0), 1), 'yyyy-MM-dd')",
            json!("1970-01-02"),
        ),
        (
            "uuid",
            json!({"uuid": "*"}),
            "import { v4, v5, validate } from 'uuid';",
            "[validate(v4()), v5('a', v5.URL)]",
            json!([true, "e1407479-3136-56c0-9908-bb02fb0339e2"]),
        ),
        (
            "yaml",
            json!({"yaml": "^2"}),
            "import { parse, stringify } from 'yaml';",
            "[parse('a: [1, 2]'), stringify({ b: 'c' })]",
            json!([{"a": [1, 2]}, "b: c\n"]),
        ),
        (
            "marked",
            json!({"marked": "*"}),
            "import { marked } from 'marked';",
            "await marked.parse('# hi *there*')",
            json!("<h1>hi <em>there</em></h1>\n"),
        ),
        (
            "jsonata",
            json!({"jsonata": "^2"}),
            "import jsonata from 'jsonata';",
            "await jsonata('$sum(a.b)').evaluate({ a: [{ b: 2 }, { b: 3 }] })",
            json!(5),
        ),
        (
            "dedent",
            json!({"dedent": "^1"}),
            "import dedent from 'dedent';",
            "dedent`\n    a\n      b\n  `",
            json!("a\n  b"),
        ),
        (
            "ajv",
            json!({"ajv": "^8"}),
            "import { Ajv } from 'ajv';",
            "[1, 'a'].map((it) => new Ajv().compile({ type: 'number' })(it))",
            json!([true, false]),
        ),
        (
            "hono",
            json!({"hono": "^4"}),
            "import { html } from 'hono/html';\nimport { sha256 } from 'hono/utils/crypto';",
            "[String(html`<b>${'<'}</b>`), await sha256('a')]",
            json!(["<b>&lt;</b>", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"]),
        ),
    ]);
}

#[test]
fn that_know_time_zones() {
    check(&[
        (
            "dayjs",
            json!({"dayjs": "^1"}),
            "import dayjs from 'dayjs';\nimport utc from 'dayjs/plugin/utc';\nimport timezone from 'dayjs/plugin/timezone';\ndayjs.extend(utc);\ndayjs.extend(timezone);",
            "[dayjs.utc('2026-06-01T12:00:00Z').tz('Europe/Berlin').format('HH:mm'), dayjs.tz('2026-12-24 18:00', 'America/New_York').toISOString()]",
            json!(["14:00", "2026-12-24T23:00:00.000Z"]),
        ),
        (
            "luxon",
            json!({"luxon": "^3"}),
            "import { DateTime } from 'luxon';",
            "DateTime.fromISO('2026-03-07T10:00', { zone: 'America/New_York' }).plus({ days: 1 }).toUTC().toISO()",
            json!("2026-03-08T14:00:00.000Z"),
        ),
    ]);
}

/// They import modules of Node's that no isolate has, and do without them for what is asked of them here.
#[test]
fn that_could_do_more_in_node() {
    check(&[
        (
            "ollama",
            json!({"ollama": "^0.6"}),
            "import { Ollama } from 'ollama';",
            "[typeof new Ollama({ host: 'http://127.0.0.1:9' }).chat, await new Ollama().encodeImage(new Uint8Array([1, 2]))]",
            json!(["function", "AQI="]),
        ),
        (
            "rss-parser",
            json!({"rss-parser": "^3"}),
            "import Parser from 'rss-parser';",
            "(await new Parser().parseString('<rss version=\"2.0\"><channel><title>news</title></channel></rss>')).title",
            json!("news"),
        ),
    ]);
}

#[test]
fn that_talk_to_models() {
    check(&[
        (
            "openai",
            json!({"openai": "*"}),
            "import OpenAI from 'openai';",
            "new OpenAI({ apiKey: 'x', baseURL: 'http://127.0.0.1:9/v1' }).baseURL",
            json!("http://127.0.0.1:9/v1"),
        ),
        (
            "anthropic",
            json!({"@anthropic-ai/sdk": "*"}),
            "import Anthropic from '@anthropic-ai/sdk';",
            "[typeof new Anthropic({ apiKey: 'x' }).messages.create, new Anthropic.APIError(429, {}, 'slow down', new Headers()).status]",
            json!(["function", 429]),
        ),
        (
            "ai",
            json!({"ai": "*", "zod": "^4"}),
            "import { cosineSimilarity, tool } from 'ai';\nimport * as z from 'zod';",
            "[cosineSimilarity([1, 0], [1, 0]), await tool({ inputSchema: z.object({ n: z.number() }), execute: async ({ n }) => n * 2 }).execute!({ n: 21 }, {} as any)]",
            json!([1, 42]),
        ),
        (
            "tanstack",
            json!({"@tanstack/ai": "*", "@tanstack/ai-openai": "*", "zod": "^4"}),
            "import { chat, toolDefinition } from '@tanstack/ai';\nimport { openaiText } from '@tanstack/ai-openai';\nimport * as z from 'zod';",
            "[typeof chat, typeof openaiText, toolDefinition({ name: 'add', description: 'adds', inputSchema: z.object({ a: z.number() }) }).name]",
            json!(["function", "function", "add"]),
        ),
        (
            "mcp",
            json!({"@modelcontextprotocol/sdk": "^1"}),
            "import { Client } from '@modelcontextprotocol/sdk/client/index.js';\nimport { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';",
            "[typeof new Client({ name: 'a', version: '1' }).connect, CallToolResultSchema.parse({ content: [{ type: 'text', text: 'hi' }] }).content[0]]",
            json!(["function", {"type": "text", "text": "hi"}]),
        ),
        (
            "just-bash",
            json!({"just-bash": "*"}),
            "import { Bash } from 'just-bash';",
            "(await new Bash().exec('echo hello | tr a-z A-Z | sed s/L/l/')).stdout",
            json!("HElLO\n"),
        ),
    ]);
}

#[test]
fn that_sign_and_encrypt() {
    check(&[
        (
            "jose",
            json!({"jose": "^6"}),
            r#"import * as jose from 'jose';

async function signed(alg: string): Promise<string> {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const again = await jose.importPKCS8(await jose.exportPKCS8(privateKey), alg);
  const token = await new jose.SignJWT({ iss: '1' }).setProtectedHeader({ alg }).setExpirationTime('10m').sign(again);
  const jwks = jose.createLocalJWKSet({ keys: [{ ...(await jose.exportJWK(publicKey)), alg }] });
  const { payload } = await jose.jwtVerify(token, jwks, { issuer: '1' });
  const refusal = await jose.jwtVerify(`${token.slice(0, -8)}AAAAAAAA`, publicKey).catch((error) => error.code);
  return `${alg} ${payload.iss} ${refusal}`;
}

async function sealed(alg: string, enc: string): Promise<string> {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg);
  const text = await new jose.CompactEncrypt(new TextEncoder().encode(alg)).setProtectedHeader({ alg, enc }).encrypt(publicKey);
  return new TextDecoder().decode((await jose.compactDecrypt(text, privateKey)).plaintext);
}"#,
            "[...(await Promise.all(['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'].map(signed))), await sealed('RSA-OAEP-256', 'A256GCM'), await sealed('ECDH-ES+A256KW', 'A128CBC-HS256')]",
            json!([
                "RS256 1 ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
                "PS384 1 ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
                "ES256 1 ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
                "ES384 1 ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
                "ES512 1 ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
                "EdDSA 1 ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
                "RSA-OAEP-256",
                "ECDH-ES+A256KW",
            ]),
        ),
        (
            "jsonwebtoken",
            json!({"jsonwebtoken": "^9"}),
            r#"import jwt from 'jsonwebtoken';
import { generateKeyPairSync } from 'node:crypto';

function signed(algorithm: any, type: any, options: any): string {
  const { publicKey, privateKey } = generateKeyPairSync(type, { ...options, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } }) as any;
  const token = jwt.sign({ iss: '1' }, privateKey, { algorithm, expiresIn: '10m' });
  let refusal = '';
  try { jwt.verify(token.slice(0, -8) + 'AAAAAAAA', publicKey) } catch (error: any) { refusal = error.message }
  return `${algorithm} ${(jwt.verify(token, publicKey) as any).iss} ${refusal}`;
}"#,
            "[signed('RS256', 'rsa', { modulusLength: 2048 }), signed('ES256', 'ec', { namedCurve: 'P-256' }), (jwt.verify(jwt.sign({ iss: '2' }, 'secret'), 'secret') as any).iss]",
            json!(["RS256 1 invalid signature", "ES256 1 invalid signature", "2"]),
        ),
        (
            "universal-github-app-jwt",
            json!({"universal-github-app-jwt": "^2"}),
            r#"import githubAppJwt from 'universal-github-app-jwt';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';

async function signed(): Promise<boolean> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 }) as any;
  const { token } = await githubAppJwt({ id: 1, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) });
  const [head, body, signature] = token.split('.');
  return verify('sha256', Buffer.from(`${head}.${body}`), createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), Buffer.from(signature, 'base64url'));
}"#,
            "await signed()",
            json!(true),
        ),
    ]);
}
