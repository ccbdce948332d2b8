//! The inputs that a search begins with, kept in `testkit/faults/corpus/`: real ones, and every one that has found a fault. One a
//! line, as `escape_ascii` of the standard library writes bytes, and as a search prints what it has found; `#` begins a comment.

/// The inputs of a file.
///
/// # Panics
/// If an escape is none; a test reads all of them.
pub fn read(file: &str) -> Vec<Vec<u8>> {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| unescaped(line).unwrap_or_else(|| panic!("this is no line of a corpus: {line}"))).collect()
}

fn unescaped(line: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), line.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            itself @ (b'\\' | b'\'' | b'"') => itself,
            _ => return None,
        });
    }
    Some(bytes)
}
