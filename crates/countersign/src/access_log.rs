//! Reading access logs: lines of JSON, of which not every one has to be whole.

use std::io::{self, BufRead, Read as _};

/// What is longer is no record of ours; it is skipped.
pub(crate) const LINE_MAX_BYTES: usize = 1 << 20;

/// Reads the next line that is not too long, without its end; false at the end of the input.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        line.clear();
        let limit = LINE_MAX_BYTES as u64 + 1;
        if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
            return Ok(false);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(true);
        }
        if line.len() <= LINE_MAX_BYTES {
            return Ok(true);
        }
        input.skip_until(b'\n')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<usize> {
        let mut input = input;
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        while read_line(&mut input, &mut line).unwrap() {
            lengths.push(line.len());
        }
        lengths
    }

    #[test]
    fn lines_that_are_too_long_are_skipped() {
        assert_eq!(lines(b"a\nbb\n\nccc"), [1, 2, 0, 3]);
        let mut long = vec![b'x'; LINE_MAX_BYTES + 2];
        long.extend_from_slice(b"\nb\n");
        assert_eq!(lines(&long), [1]);
        let mut longest = vec![b'x'; LINE_MAX_BYTES];
        longest.push(b'\n');
        assert_eq!(lines(&longest), [LINE_MAX_BYTES]);
    }
}
