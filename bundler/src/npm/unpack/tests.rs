//! Archives that mean harm, and such that are only odd.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use super::{Target, UnpackError, unpack, unpack_within};
use crate::limits;

/// What came, and whether it may be run.
#[derive(Default)]
struct Came(BTreeMap<String, (String, bool)>);

impl Target for Came {
    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), UnpackError> {
        let mut text = String::new();
        content.read_to_string(&mut text).map_err(super::unreadable)?;
        self.0.insert(path.to_owned(), (text, executable));
        Ok(())
    }
}

/// An entry with exactly this name, whatever it is.
fn entry(kind: u8, name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[157..167].copy_from_slice(b"etc/passwd");
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; (512 - content.len() % 512) % 512];
    [&header, content, &padding].concat()
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn paths(entries: &[Vec<u8>]) -> Vec<String> {
    let mut came = Came::default();
    unpack(&gzip(&archive(entries))[..], &mut came).unwrap();
    came.0.into_keys().collect()
}

#[test]
fn only_files_inside_the_package() {
    let long = format!("package/{}", "x".repeat(limits::PACKAGE_PATH_BYTES_MAX));
    let entries = [
        entry(b'0', b"package/good.js", b"1"),
        entry(b'0', b"other/also good.js", b"2"),
        entry(b'0', b"package/./deep//er.js", b"3"),
        entry(b'7', b"package/continuous.js", b"4"),
        entry(0, b"package/old.js", b"5"),
        entry(0, b"package/old-folder/", b""),
        entry(b'5', b"package/folder/", b""),
        entry(b'0', b"package/../../evil.js", b"x"),
        entry(b'0', b"package/a/../b.js", b"x"),
        entry(b'0', b"../evil.js", b"x"),
        entry(b'0', b"/etc/evil", b"x"),
        entry(b'0', b"package\\evil.js", b"x"),
        entry(b'0', b"package/..\\evil.js", b"x"),
        entry(b'0', b"package/\xff.js", b"x"),
        entry(b'0', b"top-level", b"x"),
        entry(b'0', b"package", b"x"),
        entry(b'0', b"", b"x"),
        entry(b'1', b"package/hard-link", b""),
        entry(b'2', b"package/symlink", b""),
        entry(b'3', b"package/character-device", b""),
        entry(b'4', b"package/block-device", b""),
        entry(b'6', b"package/pipe", b""),
        entry(b'S', b"package/sparse", b""),
        entry(b'?', b"package/unknown", b""),
        entry(b'L', b"././@LongLink", long.as_bytes()),
        entry(b'0', b"package/cut", b"x"),
        entry(b'L', b"././@LongLink", b"package/../../long-evil.js\0"),
        entry(b'0', b"package/evil", b"x"),
        entry(b'x', b"PaxHeader", b"26 path=../../pax-evil.js\n"),
        entry(b'0', b"package/evil", b"x"),
    ];
    let expected = ["also good.js", "continuous.js", "deep/er.js", "good.js", "old.js"];
    assert_eq!(paths(&entries), expected);
}

#[test]
fn long_names() {
    let name = format!("package/{}.js", "n".repeat(300));
    let pax = format!("25 comment=something odd\n{} path={name}\n", name.len() + 10);
    for before in [entry(b'L', b"././@LongLink", name.as_bytes()), entry(b'x', b"PaxHeader", pax.as_bytes())]
    {
        let entries = [
            entry(b'g', b"pax_global_header", b"19 comment=no one\n\n"),
            before,
            entry(b'0', b"package/nnn", b"1"),
            entry(b'0', b"package/next.js", b"2"),
        ];
        assert_eq!(paths(&entries), ["next.js", &name["package/".len()..]]);
    }
}

#[test]
fn clashes() {
    let entries = [
        entry(b'0', b"package/a", b"file"),
        entry(b'0', b"package/a/below", b"x"),
        entry(b'0', b"package/b/c/d", b"deep"),
        entry(b'0', b"package/b", b"x"),
        entry(b'0', b"package/b/c", b"x"),
        entry(b'0', b"package/A", b"another file"),
        entry(b'0', b"other/a", b"again"),
    ];
    let mut came = Came::default();
    unpack(&archive(&entries)[..], &mut came).unwrap();
    let came: Vec<(&str, &str)> =
        came.0.iter().map(|(path, (text, _))| (path.as_str(), text.as_str())).collect();
    assert_eq!(came, [("A", "another file"), ("a", "again"), ("b/c/d", "deep")]);
}

#[test]
fn what_may_be_run() {
    let mut run = entry(b'0', b"package/bin/run", b"1");
    // The mode changes, and with it the sum.
    run[100..107].copy_from_slice(b"0000755");
    run[148..156].fill(b' ');
    let sum: u32 = run[..512].iter().map(|byte| u32::from(*byte)).sum();
    run[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut came = Came::default();
    unpack(&archive(&[run, entry(b'0', b"package/read", b"2")])[..], &mut came).unwrap();
    assert!(came.0["bin/run"].1 && !came.0["read"].1);
}

#[test]
fn bounds() {
    let unpacked = |bytes_max: u64, files_max: usize, entries: &[Vec<u8>]| {
        unpack_within(bytes_max, files_max, &gzip(&archive(entries))[..], &mut Came::default())
    };
    let zeros = entry(b'0', b"package/zeros", &vec![b'0'; 1_000_000]);
    let many: Vec<Vec<u8>> = (0..100).map(|n| entry(b'0', format!("package/{n}").as_bytes(), b"")).collect();
    assert!(unpacked(2_000_000, 1, std::slice::from_ref(&zeros)).is_ok());
    assert!(matches!(unpacked(900_000, 1, std::slice::from_ref(&zeros)), Err(UnpackError::TooLarge(_))));
    assert!(unpacked(2_000_000, 100, &many).is_ok());
    assert!(matches!(unpacked(2_000_000, 99, &many), Err(UnpackError::TooLarge(_))));
    // A name is not read into memory for as long as it goes on.
    for kind in [b'L', b'x'] {
        let name = entry(kind, b"././@LongLink", &vec![b'n'; 2_000_000]);
        assert!(matches!(unpacked(10_000_000, 9, &[name]), Err(UnpackError::TooLarge(_))));
    }
}

/// Whatever the bytes: an answer, and no panic.
#[test]
fn garbage() {
    let whole = archive(&[entry(b'0', b"package/a", &[b'a'; 700]), entry(b'x', b"x", b"9 path=b\n")]);
    let gzipped = gzip(&whole);
    for bytes in [&whole, &gzipped] {
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let _ = unpack(&damaged[..], &mut Came::default());
            let _ = unpack(&bytes[..at], &mut Came::default());
        }
    }
}
