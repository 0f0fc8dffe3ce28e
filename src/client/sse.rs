//! Server-sent events, taken apart: bytes in, messages out, wherever the network cut them.

/// The `data` of one message; comments and other fields are left out.
#[derive(Debug, PartialEq)]
pub struct Message {
    pub data: String,
}

#[derive(Default)]
pub struct Decoder {
    pending: Vec<u8>,
    data: String,
}

impl Decoder {
    /// The messages that `bytes` complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.pending.extend_from_slice(bytes);
        let mut messages = Vec::new();
        let mut start = 0;
        while let Some(length) = self.pending[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.pending[start..start + length]).into_owned();
            start += length + 1;
            messages.extend(self.take_line(line.trim_end_matches('\r')));
        }
        self.pending.drain(..start);
        messages
    }

    fn take_line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty()).then_some(Message { data });
        }
        let value = line.strip_prefix("data:")?;
        if !self.data.is_empty() {
            self.data.push('\n');
        }
        self.data.push_str(value.strip_prefix(' ').unwrap_or(value));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_wherever_the_bytes_are_cut() {
        let text =
            ":\n\nid: 1\nevent: message\ndata: {\"a\":\"é\"}\n\n: keep-alive\n\ndata:x\r\ndata: y\r\n\r\n";
        for size in 1..text.len() {
            let mut decoder = Decoder::default();
            let data: Vec<String> =
                text.as_bytes().chunks(size).flat_map(|chunk| decoder.push(chunk)).map(|m| m.data).collect();
            assert_eq!(data, ["{\"a\":\"é\"}", "x\ny"], "in pieces of {size}");
        }
    }
}
