//! The letters and numbers of a JSON text. None: it is written as JSON is not, or in a way that is left to `JSON.parse`.

use std::borrow::Cow;

/// What stands up to the next quotation mark, as UTF-8; `at` is then behind that. Half of a surrogate pair alone cannot be.
pub fn letters<'a>(text: &'a [u8], at: &mut usize) -> Option<Cow<'a, [u8]>> {
    let mut letters = Cow::Borrowed(plain(text, at)?);
    loop {
        let sign = *text.get(*at)?;
        *at += 1;
        match sign {
            b'"' => return Some(letters),
            b'\\' => escape(text, at, letters.to_mut())?,
            _ => return None,
        }
        letters.to_mut().extend_from_slice(plain(text, at)?);
    }
}

/// The letters that stand for themselves; `at` is then in front of the sign that ends them.
fn plain<'a>(text: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = text.get(*at..)?;
    let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    *at += length;
    Some(&rest[..length])
}

/// What stands behind a backslash.
fn escape(text: &[u8], at: &mut usize, letters: &mut Vec<u8>) -> Option<()> {
    let escape = *text.get(*at)?;
    *at += 1;
    match escape {
        b'"' | b'\\' | b'/' => letters.push(escape),
        b'b' => letters.push(0x08),
        b'f' => letters.push(0x0c),
        b'n' => letters.push(b'\n'),
        b'r' => letters.push(b'\r'),
        b't' => letters.push(b'\t'),
        b'u' => {
            let letter = code_point(text, at)?;
            letters.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => return None,
    }
    Some(())
}

fn code_point(text: &[u8], at: &mut usize) -> Option<char> {
    let first = unit(text, at)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    if text.get(*at..*at + 2)? != b"\\u" {
        return None;
    }
    *at += 2;
    let second = unit(text, at)?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)
}

fn unit(text: &[u8], at: &mut usize) -> Option<u32> {
    let digits = text.get(*at..*at + 4)?;
    *at += 4;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// The number that begins at `at`, which is then behind it.
pub fn number(text: &[u8], at: &mut usize) -> Option<f64> {
    let rest = text.get(*at..)?;
    let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let written = &rest[..rest.iter().take_while(is_part).count()];
    *at += written.len();
    small(written).or_else(|| other(written))
}

/// Most: so few digits that they fit.
fn small(written: &[u8]) -> Option<f64> {
    let (sign, digits) = match written {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    match digits {
        [b'0'] => return Some(if sign < 0 { -0.0 } else { 0.0 }),
        [] | [b'0', ..] => return None,
        digits if digits.len() > 9 => return None,
        _ => {}
    }
    let value = digits.iter().try_fold(0, |value: i32, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then_some(value * 10 + i32::from(digit))
    })?;
    Some(f64::from(sign * value))
}

fn other(written: &[u8]) -> Option<f64> {
    let mut at = usize::from(written.first() == Some(&b'-'));
    let digits = |at: &mut usize| {
        let from = *at;
        *at += written[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        *at > from
    };
    let leads_with_zero = written.get(at) == Some(&b'0');
    let whole = at;
    if !digits(&mut at) || leads_with_zero && at > whole + 1 {
        return None;
    }
    if written.get(at) == Some(&b'.') {
        at += 1;
        if !digits(&mut at) {
            return None;
        }
    }
    if let Some(b'e' | b'E') = written.get(at) {
        at += 1;
        at += usize::from(matches!(written.get(at), Some(b'-' | b'+')));
        if !digits(&mut at) {
            return None;
        }
    }
    if at < written.len() {
        return None;
    }
    std::str::from_utf8(written).ok()?.parse().ok()
}
