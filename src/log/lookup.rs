//! The questions to the store that need no more than the layout: for readers, the committer and the check.
//! They see everything, also what is not durable yet.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use super::fork::{self, Fork};
use super::kv::{Kv, KvError};
use super::record::{self, Assembly, Frame};
use super::{LogError, StreamId, StreamRecord, keys};
use crate::event::{IdempotencyKey, Offset, StreamKey};

pub(super) struct Lookup<'a> {
    pub kv: &'a dyn Kv,
    pub folder: &'a Path,
}

impl Lookup<'_> {
    pub fn find(&self, key: &StreamKey) -> Result<Option<StreamRecord>, LogError> {
        let place = keys::path(&key.project, &key.path);
        let Some(value) = self.get(&place)? else {
            return Ok(None);
        };
        let (id, time) = record::split_number(&value).map_err(|why| self.corrupt(&place, why))?;
        let created_at = record::decode_time(time).map_err(|why| self.corrupt(&place, why))?;
        Ok(Some(StreamRecord { id: StreamId(id), key: key.clone(), created_at }))
    }

    pub fn record(&self, id: StreamId) -> Result<Option<StreamRecord>, LogError> {
        let place = keys::record(id);
        let Some(value) = self.get(&place)? else {
            return Ok(None);
        };
        decode_record(id, &value).map(Some).map_err(|why| self.corrupt(&place, why))
    }

    pub fn tail(&self, id: StreamId) -> Result<Offset, LogError> {
        let mut tail = Some(Offset::START);
        let events = keys::events(id, Offset::START, Offset::END);
        self.scan_raw(&events.start..&events.end, true, |key, _| {
            tail = keys::event_place(key).map(|(offset, _)| offset);
            ControlFlow::Break(())
        })?;
        match tail.ok_or_else(|| self.corrupt(&events.start, "has a malformed event key near it"))? {
            // None of its own.
            Offset::START => Ok(self.fork(id)?.map_or(Offset::START, |fork| fork.at)),
            tail => Ok(tail),
        }
    }

    pub fn fork(&self, id: StreamId) -> Result<Option<Fork>, LogError> {
        let place = keys::fork(id);
        let Some(value) = self.get(&place)? else {
            return Ok(None);
        };
        fork::decode(&value).map(Some).map_err(|why| self.corrupt(&place, why))
    }

    pub fn find_key(&self, id: StreamId, key: &IdempotencyKey) -> Result<Option<Offset>, LogError> {
        let place = keys::idempotency(id, key);
        let Some(value) = self.get(&place)? else {
            return Ok(None);
        };
        let offset = record::decode_number(&value).map_err(|why| self.corrupt(&place, why))?;
        Ok(Some(Offset(offset)))
    }

    /// A slot, put together. A slot is replaced as a whole, but not read so: the caller asks again when its
    /// pieces do not fit.
    pub fn slot(&self, id: StreamId, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        let place = keys::slot(id, name);
        let Some(first) = self.get(&place)? else {
            return Ok(None);
        };
        let corrupt = |why| self.corrupt(&place, why);
        let (pieces, checksum, content) = match Frame::decode(&first).map_err(corrupt)? {
            Frame::Whole(content) => return Ok(Some(content.to_vec())),
            Frame::First { pieces, checksum, content } => (pieces, checksum, content),
        };
        let mut assembly = Assembly::begin(pieces, checksum, content);
        for number in 1..pieces {
            let piece = self.get(&keys::piece(&place, number))?.ok_or_else(|| corrupt("lacks a piece"))?;
            assembly.add(number, &piece).map_err(corrupt)?;
        }
        assembly.finish().map(Some).map_err(corrupt)
    }

    /// A number of the store's own; 0 when it was never written.
    pub fn number(&self, key: &[u8]) -> Result<u64, LogError> {
        match self.get(key)? {
            Some(value) => record::decode_number(&value).map_err(|why| self.corrupt(key, why)),
            None => Ok(0),
        }
    }

    /// How many values a slot takes now.
    pub fn slot_pieces(&self, id: StreamId, name: &str) -> Result<u16, LogError> {
        let place = keys::slot(id, name);
        let Some(first) = self.get(&place)? else {
            return Ok(0);
        };
        Frame::decode(&first).map(|frame| frame.pieces()).map_err(|why| self.corrupt(&place, why))
    }

    /// The stream numbers in a range of keys that have them at `at`.
    pub fn ids(&self, keys: Range<&[u8]>, at: usize) -> Result<Vec<StreamId>, LogError> {
        let mut ids = Vec::new();
        self.scan(keys, false, |key, _| {
            ids.push(keys::stream_id(key, at).ok_or("is malformed")?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(ids)
    }

    /// The content of a value, its seal checked.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        let Some(mut value) = self.kv.get(key).map_err(|error| self.error(error))? else {
            return Ok(None);
        };
        record::unseal(key, &value).map_err(|why| self.corrupt(key, why))?;
        value.drain(..record::SEAL_BYTES);
        Ok(Some(value))
    }

    /// Shows keys and unsealed contents. The visitor's error is a phrase about the key that it was shown.
    pub fn scan(
        &self,
        keys: Range<&[u8]>,
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, &'static str>,
    ) -> Result<(), LogError> {
        let mut problem = None;
        self.scan_raw(keys, reverse, |key, value| {
            match record::unseal(key, value).and_then(|content| visit(key, content)) {
                Ok(flow) => flow,
                Err(why) => {
                    problem = Some(self.corrupt(key, why));
                    ControlFlow::Break(())
                }
            }
        })?;
        problem.map_or(Ok(()), Err)
    }

    pub fn scan_raw(
        &self,
        keys: Range<&[u8]>,
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.kv.scan(keys, reverse, &mut visit).map_err(|error| self.error(error))
    }

    pub fn corrupt(&self, key: &[u8], why: &str) -> LogError {
        let why = format!("the value at key {} {why}", key.escape_ascii());
        LogError::Corrupt { folder: self.folder.into(), why }
    }

    fn error(&self, error: KvError) -> LogError {
        LogError::kv(self.folder, error)
    }
}

pub(super) fn decode_record(id: StreamId, value: &[u8]) -> Result<StreamRecord, &'static str> {
    let (created_at, address) = record::split_time(value)?;
    let (project, path) = keys::split_project(address, 0).ok_or("names no project")?;
    Ok(StreamRecord { id, key: StreamKey::new(project, record::decode_path(path)?), created_at })
}
