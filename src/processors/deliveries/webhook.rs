//! One attempt at one webhook: a POST of the event, signed, whose answer of 2xx is the acknowledgement.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::cause::{CAUSE_HEADER, CauseHeader};
use super::failure::{Failure, Then};
use super::pace;
use crate::egress::{Caller, Egress, EgressError, Redirect, Request, RequestBody, Response};
use crate::event::builtin::SubscriptionConfigured;
use crate::event::{Offset, StreamKey, Timestamp};
use crate::limits::{DELIVERY_ANSWER_BYTES_MAX, DELIVERY_ERROR_CHARS_MAX, DELIVERY_TIMEOUT};
use crate::log::StreamRecord;

/// What is posted.
pub struct Webhook<'a> {
    pub caller: &'a Caller,
    pub signer: &'a Caller,
    pub config: &'a SubscriptionConfigured,
    pub record: &'a StreamRecord,
    pub offset: Offset,
    pub body: Bytes,
}

impl Webhook<'_> {
    pub async fn post(self, egress: &Egress) -> Result<(), Failure> {
        let request = self.request(egress)?;
        let answered = timeout(DELIVERY_TIMEOUT, egress.fetch(self.caller, request)).await;
        let response = answered.map_err(|_| {
            let message = format!("the receiver did not answer within {} ms", DELIVERY_TIMEOUT.as_millis());
            Failure::passing(message)
        })??;
        let status = response.status;
        if (200..300).contains(&status) {
            read_out(response).await;
            return Ok(());
        }
        let retry_after = response
            .headers
            .iter()
            .find(|(name, _)| name == "retry-after")
            .and_then(|(_, value)| pace::retry_after(value, Timestamp::now()));
        let said = read_out(response).await;
        let hint = match status {
            300..400 => " (redirects are not followed: configure the URL that it leads to)",
            410 => " (it wants no more: configure the subscription again when it does)",
            _ => "",
        };
        let colon = if said.is_empty() { "" } else { ": " };
        Err(Failure {
            message: format!("the receiver answered with status {status}{hint}{colon}{said}"),
            retry_after,
            then: Then::of_status(status),
        })
    }

    fn request(&self, egress: &Egress) -> Result<Request, EgressError> {
        let (id, seconds) = (message_id(self.record, self.offset), Timestamp::now().as_millis() / 1_000);
        let signed = format!("{id}.{seconds}.");
        let secret = self.config.signing_secret.as_ref().map(|reference| reference.secret_key.trim());
        let url = &self.config.callback_url;
        let signature = egress.secrets().sign(self.signer, secret, url, &[signed.as_bytes(), &self.body])?;
        let stream: StreamKey = self.record.key.clone();
        let cause = CauseHeader { stream, offset: self.offset };
        let mut headers: Vec<(String, String)> = vec![
            ("webhook-id".into(), id),
            ("webhook-timestamp".into(), seconds.to_string()),
            ("webhook-signature".into(), signature),
            (CAUSE_HEADER.into(), cause.value()),
        ];
        if !self.config.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type".into(), "application/json".into()));
        }
        headers.extend(self.config.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(Request {
            method: "POST".into(),
            url: url.clone(),
            headers,
            body: RequestBody::Bytes(self.body.clone()),
            redirect: Redirect::Manual,
        })
    }
}

/// The same for each attempt at an event, and another for each event that this server ever had.
fn message_id(record: &StreamRecord, offset: Offset) -> String {
    format!("evt_{:x}_{}_{offset}", record.created_at.as_millis(), record.id.0)
}

/// Reads an answer to its end, if that is near, so that its connection can be used again. What it says, in short.
async fn read_out(mut response: Response) -> String {
    const PATIENCE: Duration = Duration::from_millis(500);
    let reading = async {
        let mut said: Vec<u8> = Vec::new();
        let mut left = DELIVERY_ANSWER_BYTES_MAX;
        while let Some(Ok(piece)) = response.body.next().await {
            let wanted = (4 * DELIVERY_ERROR_CHARS_MAX).saturating_sub(said.len());
            said.extend_from_slice(&piece[..piece.len().min(wanted)]);
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
        said
    };
    let said = timeout(PATIENCE, reading).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&said);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(DELIVERY_ERROR_CHARS_MAX).collect()
}
