//! The paths that can be understood in one way only (invariant I4, threats C5.1).
//!
//! The edge never rewrites a path: the bytes that the rules compare are the bytes that the origin gets. So that no origin can read other
//! segments out of them than the rules did, a path is refused when software in use disagrees about its meaning:
//!
//! | refused | because some origins |
//! |---|---|
//! | no leading `/` (except `*` for OPTIONS) | resolve it |
//! | `//` | merge or drop the empty segment |
//! | `.` and `..` segments, also encoded (`%2e`), also with parameters (`..;a`, `.;`) | resolve them |
//! | `%2f`, `%5c`, `\` | take them for `/` |
//! | a `;` in a segment without a letter, digit, `-` or `_` before it (`/;x/admin`, `/%3b`) | drop what follows it |
//! | `%00`, other control characters, raw or encoded, and `%7f` | cut the path there |
//! | `%` without two hexadecimal digits | decode it differently or not at all |
//! | octets that are not ASCII, and encoded octets that are not UTF-8 | replace, truncate or fold them |
//! | an encoded unreserved character (`%61`), which RFC 3986 §6.2.2.2 says never needs encoding | compare it decoded |
//! | a doubly encoded one of all these (`%252e`) | decode twice |
//! | a `#` | cut the path there |

/// Why a path is ambiguous, for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ambiguity {
    /// `\\`.
    Backslash,
    /// A control character or a space, raw or encoded.
    Control,
    /// A `.` or `..` segment, in any spelling.
    DotSegment,
    /// `//`.
    EmptySegment,
    /// `%25`.
    EncodedPercent,
    /// `%2f` or `%5c`.
    EncodedSlash,
    /// `#`.
    Fragment,
    /// An encoded character that needs no encoding.
    NeedlessEncoding,
    /// No `/` at the beginning.
    NotAbsolute,
    /// An octet that is not ASCII.
    NotAscii,
    /// Encoded octets that are not UTF-8.
    NotUtf8,
    /// A parameter in a segment without a name.
    Parameter,
    /// A `%` that encodes nothing.
    Percent,
}

impl Ambiguity {
    /// A few words for a person.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backslash => "the path contains a backslash",
            Self::Control => "the path contains a control character",
            Self::DotSegment => "the path contains a dot segment",
            Self::EmptySegment => "the path contains an empty segment",
            Self::EncodedPercent => "the path is percent-encoded twice",
            Self::EncodedSlash => "the path contains an encoded slash",
            Self::Fragment => "the path contains a fragment",
            Self::NeedlessEncoding => "the path encodes a character that needs no encoding",
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::NotAscii => "the path contains an octet that is not ASCII",
            Self::NotUtf8 => "the path encodes octets that are not UTF-8",
            Self::Parameter => "the path contains a parameter in a segment without a name",
            Self::Percent => "the path contains a percent sign that encodes nothing",
        }
    }
}

/// Accepts a path (without query) that has one meaning. One pass, no allocation.
///
/// # Errors
/// The first thing that makes it ambiguous.
pub fn check(path: &str) -> Result<(), Ambiguity> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(Ambiguity::NotAbsolute);
    }
    let mut utf8 = Utf8::default();
    let mut segment = Segment::default();
    let mut rest = bytes.iter();
    rest.next();
    while let Some(&byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let octet = encoded(rest.next(), rest.next()).ok_or(Ambiguity::Percent)?;
                check_encoded(octet)?;
                octet
            }
            b'/' => {
                utf8.end()?;
                segment.end(false)?;
                segment = Segment::default();
                continue;
            }
            b'\\' => return Err(Ambiguity::Backslash),
            b'#' => return Err(Ambiguity::Fragment),
            0..=0x20 | 0x7f => return Err(Ambiguity::Control),
            0x80.. => return Err(Ambiguity::NotAscii),
            other => other,
        };
        utf8.next(decoded)?;
        segment.next(decoded)?;
    }
    utf8.end()?;
    segment.end(true)
}

fn encoded(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn check_encoded(octet: u8) -> Result<(), Ambiguity> {
    match octet {
        // C1 control characters are two octets in UTF-8 and are not separators anywhere.
        0..=0x1f | 0x7f => Err(Ambiguity::Control),
        b'/' | b'\\' => Err(Ambiguity::EncodedSlash),
        b'.' => Err(Ambiguity::DotSegment),
        b'%' => Err(Ambiguity::EncodedPercent),
        b';' => Err(Ambiguity::Parameter),
        // RFC 3986 §6.2.2.2: "These URIs should be normalized by decoding any percent-encoded octet that corresponds to an unreserved
        // character": origins do that, the rules would not have.
        b'-' | b'_' | b'~' => Err(Ambiguity::NeedlessEncoding),
        octet if octet.is_ascii_alphanumeric() => Err(Ambiguity::NeedlessEncoding),
        _ => Ok(()),
    }
}

/// What was seen of one segment.
#[derive(Default)]
struct Segment {
    length: usize,
    /// Something other than dots came before any parameter.
    named: bool,
    parameters: bool,
}

impl Segment {
    fn next(&mut self, octet: u8) -> Result<(), Ambiguity> {
        self.length += 1;
        match octet {
            b';' if !self.named => {
                return Err(if self.length > 1 {
                    Ambiguity::DotSegment
                } else {
                    Ambiguity::Parameter
                });
            }
            b';' => self.parameters = true,
            b'.' => {}
            _ if !self.parameters => self.named = true,
            _ => {}
        }
        Ok(())
    }

    fn end(&self, last: bool) -> Result<(), Ambiguity> {
        match self.length {
            // The empty last segment is the trailing slash.
            0 if last => Ok(()),
            0 => Err(Ambiguity::EmptySegment),
            1 | 2 if !self.named => Err(Ambiguity::DotSegment),
            _ => Ok(()),
        }
    }
}

/// Checks octets for UTF-8 as they come (Unicode 16, table 3-7: shortest form, no surrogates).
#[derive(Default)]
struct Utf8 {
    /// How many more octets, and the range of the next one.
    missing: u8,
    low: u8,
    high: u8,
}

impl Utf8 {
    fn next(&mut self, octet: u8) -> Result<(), Ambiguity> {
        if self.missing > 0 {
            if !(self.low..=self.high).contains(&octet) {
                return Err(Ambiguity::NotUtf8);
            }
            (self.missing, self.low, self.high) = (self.missing - 1, 0x80, 0xbf);
            return Ok(());
        }
        (self.missing, self.low, self.high) = match octet {
            0..=0x7f => (0, 0, 0),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(Ambiguity::NotUtf8),
        };
        Ok(())
    }

    fn end(&self) -> Result<(), Ambiguity> {
        if self.missing == 0 {
            Ok(())
        } else {
            Err(Ambiguity::NotUtf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/.well-known/acme",
            "/..a",
            "/a..",
            "/...",
            "/a;v=1/b",
            "/%E4%BD%A0",
            "/a%20b",
            "/~u/x@y:z,!$&'()*+=",
            "/%C3%BC",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn paths_with_two_meanings_are_refused() {
        use Ambiguity::*;
        for (path, why) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("admin", NotAbsolute),
            ("//admin", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
            ("/./admin", DotSegment),
            ("/public/../admin", DotSegment),
            ("/public/..", DotSegment),
            ("/public/.", DotSegment),
            ("/public/%2e%2e/admin", DotSegment),
            ("/public/.%2E/admin", DotSegment),
            ("/public/..;/admin", DotSegment),
            ("/public/.;/admin", DotSegment),
            ("/public/..;a=b/admin", DotSegment),
            ("/public/..%3b/admin", Parameter),
            ("/;/admin", Parameter),
            ("/;x=1/admin", Parameter),
            ("/admin%3bx", Parameter),
            ("/a%2fb", EncodedSlash),
            ("/a%2Fb", EncodedSlash),
            ("/a%5cb", EncodedSlash),
            ("/a\\b", Backslash),
            ("\\admin", NotAbsolute),
            ("/%61dmin", NeedlessEncoding),
            ("/a%2db", NeedlessEncoding),
            ("/%252e%252e/admin", EncodedPercent),
            ("/a%00b", Control),
            ("/a%0d%0ab", Control),
            ("/a\u{0}b", Control),
            ("/a\tb", Control),
            ("/a b", Control),
            ("/a%7f", Control),
            ("/a%", Percent),
            ("/a%2", Percent),
            ("/a%zz", Percent),
            ("/a%u002e", Percent),
            ("/ü", NotAscii),
            ("/%ff", NotUtf8),
            ("/%c0%ae", NotUtf8),
            ("/%e0%80%ae", NotUtf8),
            ("/%ed%a0%80", NotUtf8),
            ("/%e4%bd", NotUtf8),
            ("/%e4%bd/%a0", NotUtf8),
            ("/%e4x%a0", NotUtf8),
            ("/a#b", Fragment),
        ] {
            assert_eq!(check(path), Err(why), "{path:?}");
        }
    }
}
