//! The packages by which people talk to models, bundled by the server and streaming from a server of ours that speaks
//! their wire protocols: each piece of an answer is an event while the rest is still being held back.

use serde_json::{Value, json};

use crate::harness::{Answering, Asked, Client, Origin, Server, assert_subset};

fn sse(to: &mut Answering, event: Option<&str>, data: &Value) {
    let name = event.map_or(String::new(), |event| format!("event: {event}\n"));
    to.chunk(format!("{name}data: {data}\n\n").as_bytes());
}

fn answer(asked: &Asked, to: &mut Answering) {
    match asked.path() {
        "/v1/chat/completions" if asked.json()["model"] == "busy" => {
            let error =
                json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit"}});
            let headers = [("content-type", "application/json"), ("retry-after", "0")];
            to.whole("429 Too Many Requests", &headers, error.to_string().as_bytes());
        }
        "/v1/chat/completions" if asked.json()["model"] == "broken" => {
            to.begin("text/event-stream", &[]);
            sse(to, None, &chat_chunk(json!({"role": "assistant", "content": "One"}), None));
            to.raw(b"zz\r\n");
        }
        "/v1/chat/completions" => chat(asked, to),
        "/v1/responses" => responses(to),
        "/v1/messages" => messages(to),
        "/mcp" => mcp(asked, to),
        path => to.json("404 Not Found", &json!({"error": {"message": format!("nothing at {path}")}})),
    }
}

fn chat_chunk(delta: Value, finish: Option<&str>) -> Value {
    json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn chat(asked: &Asked, to: &mut Answering) {
    to.begin("text/event-stream", &[]);
    if asked.json()["tools"].is_array() {
        let call = |arguments: &str, name: Option<&str>| json!({"tool_calls": [{"index": 0, "id": name.map(|_| "t1"), "type": "function", "function": {"name": name, "arguments": arguments}}]});
        sse(to, None, &chat_chunk(call("{\"a\"", Some("add")), None));
        to.hold();
        sse(to, None, &chat_chunk(call(":1}", None), None));
        sse(to, None, &chat_chunk(json!({}), Some("tool_calls")));
    } else {
        sse(to, None, &chat_chunk(json!({"role": "assistant", "content": "One"}), None));
        to.hold();
        sse(to, None, &chat_chunk(json!({"content": " two"}), None));
        sse(to, None, &chat_chunk(json!({}), Some("stop")));
    }
    to.chunk(b"data: [DONE]\n\n");
    to.end();
}

fn responses(to: &mut Answering) {
    let response = |status: &str, output: Value| json!({"id": "r1", "object": "response", "created_at": 1, "status": status, "model": "m", "output": output, "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}});
    let item = |text: &str, status: &str| json!({"id": "m1", "type": "message", "role": "assistant", "status": status, "content": if text.is_empty() { json!([]) } else { json!([{"type": "output_text", "text": text, "annotations": []}]) }});
    let mut number = 0;
    let mut event = |to: &mut Answering, kind: &str, more: Value| {
        let mut data = json!({"type": kind, "sequence_number": number});
        number += 1;
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sse(to, Some(kind), &data);
    };
    let delta = |text: &str| json!({"item_id": "m1", "output_index": 0, "content_index": 0, "delta": text, "logprobs": []});
    to.begin("text/event-stream", &[]);
    event(to, "response.created", json!({"response": response("in_progress", json!([]))}));
    event(to, "response.output_item.added", json!({"output_index": 0, "item": item("", "in_progress")}));
    event(
        to,
        "response.content_part.added",
        json!({"item_id": "m1", "output_index": 0, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
    );
    event(to, "response.output_text.delta", delta("One"));
    to.hold();
    event(to, "response.output_text.delta", delta(" two"));
    event(
        to,
        "response.output_text.done",
        json!({"item_id": "m1", "output_index": 0, "content_index": 0, "text": "One two", "logprobs": []}),
    );
    event(to, "response.output_item.done", json!({"output_index": 0, "item": item("One two", "completed")}));
    event(
        to,
        "response.completed",
        json!({"response": response("completed", json!([item("One two", "completed")]))}),
    );
    to.end();
}

fn messages(to: &mut Answering) {
    let event = |to: &mut Answering, data: Value| {
        let kind = data["type"].as_str().unwrap().to_string();
        sse(to, Some(&kind), &data);
    };
    let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    to.begin("text/event-stream", &[]);
    event(
        to,
        json!({"type": "message_start", "message": {"id": "a1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}}}),
    );
    event(
        to,
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    );
    event(to, json!({"type": "ping"}));
    event(to, delta("One"));
    to.hold();
    event(to, delta(" two"));
    event(to, json!({"type": "content_block_stop", "index": 0}));
    event(
        to,
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 2}}),
    );
    event(to, json!({"type": "message_stop"}));
    to.end();
}

fn mcp(asked: &Asked, to: &mut Answering) {
    let (request, id) = (asked.json(), asked.json()["id"].clone());
    let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    match request["method"].as_str() {
        Some("initialize") => to.json("200 OK", &result(json!({"protocolVersion": request["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "ours", "version": "1"}}))),
        Some("tools/list") => to.json("200 OK", &result(json!({"tools": [{"name": "count", "inputSchema": {"type": "object"}}]}))),
        Some("tools/call") => {
            to.begin("text/event-stream", &[]);
            let token = request["params"]["_meta"]["progressToken"].clone();
            sse(to, Some("message"), &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1, "total": 2, "message": "One"}}));
            to.hold();
            sse(to, Some("message"), &result(json!({"content": [{"type": "text", "text": " two"}]})));
            to.end();
        }
        Some(_) => to.whole("202 Accepted", &[], b""),
        None => to.whole("405 Method Not Allowed", &[], b""),
    }
}

struct Case {
    name: &'static str,
    dependencies: Value,
    imports: &'static str,
    /// Calls `delta` with each piece of the answer.
    body: &'static str,
}

fn check(cases: Vec<Case>, deltas: &Value) {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let millrace = server.client("models");
    std::thread::scope(|scope| {
        for case in cases {
            let millrace = &millrace;
            scope.spawn(move || stream(millrace, &case, deltas));
        }
    });
}

fn deploy(millrace: &Client, case: &Case, origin: &Origin) -> String {
    let Case { name, dependencies, imports, body } = case;
    let path = format!("/{name}");
    let source = format!(
        "{imports}\n\nconst url: string = '{}';\nexport default {{\n  async afterAppend({{ event, append }}: any) {{\n    if (event.type !== 'go') return;\n    const delta = (text: unknown) => append({{ type: 'delta', payload: {{ text }} }});\n    {body}\n    await append({{ type: 'done' }});\n  }},\n}};\n",
        origin.url("")
    );
    let payload = json!({"slug": "p", "typecheck": "off", "files": {"processor.ts": source}, "packageJson": {"dependencies": dependencies}});
    millrace.append(&path, json!({"type": "processor/source-configured", "payload": payload}));
    let done = ["processor/activated", "processor/compile-failed", "processor/failed"];
    let events = millrace.wait_for(&path, "an answer", |events| {
        events.iter().any(|event| done.iter().any(|it| event["type"] == *it))
    });
    let last = events.last().unwrap();
    assert!(last["type"] == done[0], "{name}: {:#}", last["payload"]);
    millrace.append(&path, json!({"type": "go"}));
    path
}

fn wait(millrace: &Client, path: &str, event_type: &str) -> Vec<Value> {
    let ended = [event_type, "processor/failed"];
    let events = millrace.wait_for(path, event_type, |events| {
        events.iter().any(|event| ended.iter().any(|it| event["type"] == *it))
    });
    let failed = events.iter().find(|event| event["type"] == "processor/failed");
    assert!(failed.is_none(), "{path}: {:#}", failed.unwrap()["payload"]);
    events
}

fn stream(millrace: &Client, case: &Case, deltas: &Value) {
    let origin = Origin::start(answer);
    let path = deploy(millrace, case, &origin);
    // The first piece is an event while the server holds the rest back.
    wait(millrace, &path, "delta");
    origin.release();
    let events = wait(millrace, &path, "done");
    let seen: Vec<Value> = events
        .iter()
        .filter(|event| event["type"] == "delta")
        .map(|event| event["payload"]["text"].clone())
        .collect();
    assert_eq!(Value::Array(seen), *deltas, "{}", case.name);
}

#[test]
fn answers_stream_through_the_packages_that_people_use() {
    let cases = vec![
        Case {
            name: "openai-chat",
            dependencies: json!({"openai": "*"}),
            imports: "import OpenAI from 'openai';",
            body: "const client = new OpenAI({ apiKey: 'k', baseURL: url + '/v1' }); for await (const chunk of await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'count' }], stream: true })) { const text = chunk.choices[0]?.delta?.content; if (text) await delta(text); }",
        },
        Case {
            name: "openai-responses",
            dependencies: json!({"openai": "*"}),
            imports: "import OpenAI from 'openai';",
            body: "const client = new OpenAI({ apiKey: 'k', baseURL: url + '/v1' }); for await (const event of await client.responses.create({ model: 'm', input: 'count', stream: true })) if (event.type === 'response.output_text.delta') await delta(event.delta);",
        },
        Case {
            name: "anthropic",
            dependencies: json!({"@anthropic-ai/sdk": "*"}),
            imports: "import Anthropic from '@anthropic-ai/sdk';",
            body: "const client = new Anthropic({ apiKey: 'k', baseURL: url }); for await (const event of client.messages.stream({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'count' }] })) if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') await delta(event.delta.text);",
        },
        Case {
            name: "ai",
            dependencies: json!({"ai": "*", "@ai-sdk/openai": "*", "zod": "^4"}),
            imports: "import { streamText } from 'ai';\nimport { createOpenAI } from '@ai-sdk/openai';",
            body: "const openai = createOpenAI({ apiKey: 'k', baseURL: url + '/v1' }); for await (const text of streamText({ model: openai.chat('m'), prompt: 'count' }).textStream) await delta(text);",
        },
        Case {
            name: "tanstack",
            dependencies: json!({"@tanstack/ai": "*", "@tanstack/ai-openai": "*", "zod": "^4"}),
            imports: "import { chat } from '@tanstack/ai';\nimport { createOpenaiChat } from '@tanstack/ai-openai';",
            body: "const adapter = (createOpenaiChat as any)('gpt-4o', 'k', { baseURL: url + '/v1' }); for await (const chunk of chat({ adapter, messages: [{ role: 'user', content: 'count' }] }) as any) if (chunk.type === 'TEXT_MESSAGE_CONTENT') await delta(chunk.delta);",
        },
        Case {
            name: "mcp",
            dependencies: json!({"@modelcontextprotocol/sdk": "^1"}),
            imports: "import { Client } from '@modelcontextprotocol/sdk/client/index.js';\nimport { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';",
            body: "const client = new Client({ name: 'a', version: '1' }); await client.connect(new StreamableHTTPClientTransport(new URL(url + '/mcp'))); const { tools } = await client.listTools(); const result = await client.callTool({ name: tools[0].name, arguments: {} }, undefined, { onprogress: (progress) => { delta(progress.message); } }); await delta((result.content as any)[0].text); await client.close();",
        },
    ];
    check(cases, &json!(["One", " two"]));
}

#[test]
fn tool_calls_stream_in_pieces() {
    let case = Case {
        name: "openai-tools",
        dependencies: json!({"openai": "*"}),
        imports: "import OpenAI from 'openai';",
        body: "const client = new OpenAI({ apiKey: 'k', baseURL: url + '/v1' }); const tools = [{ type: 'function' as const, function: { name: 'add', parameters: { type: 'object' } } }]; for await (const chunk of await client.chat.completions.create({ model: 'm', tools, messages: [{ role: 'user', content: 'add' }], stream: true })) { const call = chunk.choices[0]?.delta?.tool_calls?.[0]; if (call) await delta(call.function?.arguments); }",
    };
    check(vec![case], &json!(["{\"a\"", ":1}"]));
}

#[test]
fn failures_of_a_model_are_the_packages_own_errors() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let millrace = server.client("models");
    let create = "const client = new OpenAI({ apiKey: 'k', baseURL: url + '/v1', maxRetries: 1 });";
    let busy = format!(
        "{create} try {{ await client.chat.completions.create({{ model: 'busy', messages: [] }}); }} catch (e: any) {{ await delta([e.constructor === OpenAI.RateLimitError, e.status, e.headers.get('retry-after')]); }}"
    );
    let broken = format!(
        "{create} try {{ for await (const chunk of await client.chat.completions.create({{ model: 'broken', messages: [], stream: true }})) await delta(chunk.choices[0].delta.content); }} catch (e: any) {{ await delta([e instanceof Error, String(e.message)]); }}"
    );
    let cases = [
        ("busy", busy, json!([[true, 429, "0"]]), 2),
        ("broken", broken, json!(["One", [true, "~fetch failed"]]), 1),
    ];
    for (name, body, expected, asked) in cases {
        let case = Case {
            name,
            dependencies: json!({"openai": "*"}),
            imports: "import OpenAI from 'openai';",
            body: Box::leak(body.into_boxed_str()),
        };
        let origin = Origin::start(answer);
        let path = deploy(&millrace, &case, &origin);
        let events = wait(&millrace, &path, "done");
        let seen: Vec<Value> = events
            .iter()
            .filter(|event| event["type"] == "delta")
            .map(|event| event["payload"]["text"].clone())
            .collect();
        assert_subset(name, &Value::Array(seen), &expected);
        assert_eq!(origin.asked().len(), asked, "{name}: it was tried again as the package has it");
    }
}
