//! Transformers: events a second through one matcher, as they come: when few of them match, and when all do.

use std::io;
use std::time::Instant;

use serde_json::{Value, json};

use super::server::{Client, Server};
use super::table::{Row, median_of};

const EVENTS: usize = 100_000;
const BATCH: usize = 1_000;
const ROUNDS: usize = 3;
/// Two comparisons on a path of the payload.
const MATCHER: &str = "type = 'order-placed' and payload.order.total > 100";
const TRANSFORM: &str =
    "{'type': 'large-order-placed', 'payload': payload.order.{'number': number, 'total': total}}";

pub fn run() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    // Of so many events one matches; the promise is of the matcher.
    for (share, name, target) in [(BATCH, "one of 1,000", Some(20_000.0)), (1, "all of them", None)] {
        let rounds = (0..ROUNDS).map(|_| measure(share)).collect::<io::Result<Vec<Rates>>>()?;
        let appended = median_of(rounds.iter().map(|rates| rates.appended).collect());
        let transformed = median_of(rounds.iter().map(|rates| rates.transformed).collect());
        let figure = format!("transformer, {name} matching, events/s");
        rows.push(Row::rate(figure, transformed, (appended, "the appends alone"), target));
    }
    Ok(rows)
}

struct Rates {
    appended: f64,
    /// From the first append to the transform of the last event.
    transformed: f64,
}

fn measure(share: usize) -> io::Result<Rates> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    client.lift_breaker("/bench")?;
    // The process that evaluates is there, and the expressions are compiled.
    configure(&mut client)?;
    let mut follow = client.follow("/bench", "end")?;
    client.append("/bench", &order(0, true))?;
    follow.wait_for("large-order-placed")?;
    let started = Instant::now();
    for batch in 0..EVENTS / BATCH {
        let numbers = batch * BATCH + 1..=(batch + 1) * BATCH;
        let orders: Vec<Value> = numbers.map(|number| order(number, number.is_multiple_of(share))).collect();
        client.append("/bench", &Value::Array(orders))?;
    }
    let appended = EVENTS as f64 / started.elapsed().as_secs_f64();
    follow.wait_for(&format!("\"large-order-placed\",\"payload\":{{\"number\":{EVENTS},"))?;
    Ok(Rates { appended, transformed: EVENTS as f64 / started.elapsed().as_secs_f64() })
}

fn configure(client: &mut Client) -> io::Result<()> {
    let payload = json!({"slug": "large", "matcher": MATCHER, "transform": TRANSFORM});
    client.append("/bench", &json!({"type": "transformer/configured", "payload": payload})).map(drop)
}

fn order(number: usize, large: bool) -> Value {
    let total = if large { 250 } else { 25 };
    json!({"type": "order-placed", "payload": {"order": {"number": number, "total": total, "currency": "EUR"}, "note": "x".repeat(60)}})
}
