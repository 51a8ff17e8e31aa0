//! What a file that is no capture looks like, for the message that says so.

/// Names what the first bytes of an input look like, as in "looks like …"; `None` where nothing is known of them.
pub(crate) fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\xa1\xb2\xc3\xcb", "a BPF savefile"),
        (b"\xa1\xb2\x34\xcd", "a patched pcap format that is not known"),
        (b"\xcd\x34\xb2\xa1", "a patched pcap format that is not known"),
        (b"\xa1\xe2\xcb\x12", "a patched pcap format that is not known"),
        (b"\x12\xcb\xe2\xa1", "a patched pcap format that is not known"),
        (b"RTSS", "a Microsoft Network Monitor 1 capture; convert it with editcap"),
        (b"GMBU", "a Microsoft Network Monitor 2 capture; convert it with editcap"),
        (b"XCP\0", "a NetXRay capture; convert it with editcap"),
        (b"TRSNIFF data", "a Sniffer capture; convert it with editcap"),
        (b"iptrace ", "an AIX iptrace capture; convert it with editcap"),
        (b"\x7fELF", "a program (ELF)"),
        (b"MZ", "a program (Windows)"),
        (b"PK\x03\x04", "a zip archive; unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
        (b"Rar!", "a rar archive; unpack it first"),
        (b"\x1f\x9d", "a file compressed by `compress`; unpack it first"),
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "an image (PNG)"),
        (b"\xff\xd8\xff", "an image (JPEG)"),
        (b"SQLite format 3", "an SQLite database"),
        (b"PAR1", "a Parquet file"),
        (b"#!", "a script"),
    ];
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("a tar archive; unpack it first");
    }
    text(bytes)
}

/// Whether they are some kind of text.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    text(bytes).is_some()
}

fn text(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = start.trim_ascii_start();
    let lower: Vec<u8> = start.iter().take(16).map(u8::to_ascii_lowercase).collect();
    if bytes.iter().all(|&b| b == 0) {
        return Some("nothing but zero bytes");
    }
    if !bytes.iter().all(|&b| b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c)) {
        return None;
    }
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        return Some("an HTML page, perhaps a download that needed a login");
    }
    if lower.starts_with(b"<?xml") || lower.starts_with(b"<") {
        return Some("XML");
    }
    if lower.starts_with(b"version https://") {
        return Some("a Git LFS pointer, not the file itself; run `git lfs pull`");
    }
    if matches!(start.first(), Some(b'{' | b'[')) {
        return Some("JSON");
    }
    // `12:34:56.789012 IP …` is what tcpdump prints.
    let time = |at: usize| start.get(at).is_some_and(u8::is_ascii_digit);
    if time(0) && time(1) && start.get(2) == Some(&b':') && time(3) && start.get(5) == Some(&b':') {
        return Some("tcpdump's printed text; capture with `tcpdump -w FILE`");
    }
    let valid = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        // A character cut by the end of what was looked at does not count.
        Err(error) => error.error_len().is_none(),
    };
    valid.then_some("text")
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn common_mistakes_have_names() {
        assert_eq!(looks_like(b"{\"a\":1}"), Some("JSON"));
        assert_eq!(
            looks_like(b"  <!DOCTYPE html><html>"),
            Some("an HTML page, perhaps a download that needed a login")
        );
        assert_eq!(looks_like("grüße\n".as_bytes()), Some("text"));
        assert_eq!(looks_like(&[0; 64]), Some("nothing but zero bytes"));
        assert!(looks_like(b"09:15:01.123456 IP 10.0.0.1.40000 > ").is_some_and(|t| t.contains("tcpdump")));
        assert_eq!(looks_like(&[0x80, 1, 2, 3, 0xff]), None);
    }
}
