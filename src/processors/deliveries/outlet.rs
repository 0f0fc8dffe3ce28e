//! Where a subscription's events go out: a webhook for each, or one WebSocket for all.

use super::failure::Failure;
use super::parcel::Parcel;
use super::socket::Socket;
use super::webhook::Webhook;
use crate::egress::{Caller, Egress};
use crate::event::builtin::{SubscriptionConfigured, Transport};
use crate::limits::DELIVERY_PAGE_EVENTS;
use crate::log::StreamRecord;
use crate::stream::Streams;

pub enum Outlet {
    Webhook,
    /// Opened when there is something to deliver, and kept as long as the other side keeps it.
    Websocket(Option<Socket>),
}

/// To whom, and on whose behalf.
pub struct To<'a> {
    pub egress: &'a Egress,
    pub caller: &'a Caller,
    /// Where it is configured: its receiver checks all signatures with one key.
    pub signer: &'a Caller,
    pub config: &'a SubscriptionConfigured,
    pub streams: &'a Streams,
    pub record: &'a StreamRecord,
}

impl Outlet {
    pub fn of(transport: Transport) -> Outlet {
        match transport {
            Transport::Webhook => Outlet::Webhook,
            Transport::Websocket => Outlet::Websocket(None),
        }
    }

    /// As many are acknowledged together.
    pub fn events_at_once(&self) -> usize {
        match self {
            Outlet::Webhook => 1,
            Outlet::Websocket(_) => DELIVERY_PAGE_EVENTS,
        }
    }

    /// One attempt; returns when all of them are acknowledged.
    pub async fn push(&mut self, to: &To<'_>, parcels: &[Parcel]) -> Result<(), Failure> {
        match self {
            Outlet::Webhook => {
                for Parcel { event, body } in parcels {
                    let To { caller, signer, config, record, .. } = *to;
                    let (offset, body) = (event.offset, body.clone());
                    let webhook = Webhook { caller, signer, config, record, offset, body };
                    webhook.post(to.egress).await?;
                }
                Ok(())
            }
            Outlet::Websocket(kept) => {
                // It is put back only when all went well: after a failure the next attempt has another one.
                if let Some(mut socket) = kept.take()
                    && socket.deliver(parcels).await.is_ok()
                {
                    *kept = Some(socket);
                    return Ok(());
                }
                // That an old one is gone by now says nothing of the receiver.
                let mut socket =
                    Socket::connect(to.egress, to.caller, to.config, to.streams, to.record).await?;
                socket.deliver(parcels).await?;
                *kept = Some(socket);
                Ok(())
            }
        }
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Outlet::Websocket(Some(_)))
    }

    /// Resolves when an open socket is no more, and never when there is none.
    pub async fn ended(&mut self) {
        let Outlet::Websocket(Some(socket)) = self else { return std::future::pending().await };
        socket.ended().await;
        *self = Outlet::Websocket(None);
    }

    pub fn close(self, code: u16, reason: &'static str) {
        if let Outlet::Websocket(Some(socket)) = self {
            socket.close(code, reason);
        }
    }
}
