//! Reading DER (X.690): definite, minimal lengths and single-octet tags, which is all that X.509 uses.
//!
//! A [`Reader`] never copies, never panics and never reads beyond its input; nesting is walked by the caller, so its depth is the code's.

mod time;
mod value;

pub(crate) use time::read_time;
pub(crate) use value::{NamedBits, bit_string, integer_u64, object_identifier};

use thiserror::Error;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag `[number]` of a primitive or implicitly tagged primitive value.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The tag `[number]` of a constructed value.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The bytes are not the DER that was expected here. Which part of what was being read, the caller knows.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("unexpected DER")]
pub(crate) struct DerError;

/// One value with its tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Value<'a> {
    /// Reads the parts of a constructed value.
    pub(crate) fn reader(self) -> Reader<'a> {
        Reader::new(self.contents)
    }
}

/// Reads one value after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever it is.
    pub(crate) fn next(&mut self) -> Result<Value<'a>, DerError> {
        let (tag, after_tag) = self.rest.split_first().ok_or(DerError)?;
        // Tag numbers from 31 take more octets; nothing in X.509 has one.
        if tag & 0x1f == 0x1f {
            return Err(DerError);
        }
        let (length, after_length) = read_length(after_tag)?;
        let (contents, rest) = after_length.split_at_checked(length).ok_or(DerError)?;
        let whole = self
            .rest
            .get(..self.rest.len() - rest.len())
            .ok_or(DerError)?;
        self.rest = rest;
        Ok(Value {
            tag: *tag,
            contents,
            whole,
        })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Value<'a>, DerError> {
        match self.peek() {
            Some(next) if next == tag => self.next(),
            _ => Err(DerError),
        }
    }

    /// The next value, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, DerError> {
        match self.peek() {
            Some(next) if next == tag => self.next().map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>, DerError> {
        self.expect(SEQUENCE).map(Value::reader)
    }

    /// That there is nothing more.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DerError)
        }
    }

    /// Reads all that is left, value by value.
    pub(crate) fn each<T>(
        mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, DerError>,
    ) -> Result<Vec<T>, DerError> {
        let mut values = Vec::new();
        while !self.is_empty() {
            values.push(read(&mut self)?);
        }
        Ok(values)
    }
}

/// The one value that the input is.
pub(crate) fn single(input: &[u8], tag: u8) -> Result<Value<'_>, DerError> {
    let mut reader = Reader::new(input);
    let value = reader.expect(tag)?;
    reader.end()?;
    Ok(value)
}

/// Writes one value.
pub(crate) fn encode(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let octets = contents.len().to_be_bytes();
    if contents.len() < 0x80 {
        der.extend(octets.last());
    } else {
        let significant = || octets.iter().skip_while(|octet| **octet == 0);
        // At most eight octets of length.
        der.push(0x80 | significant().count() as u8);
        der.extend(significant());
    }
    der.extend_from_slice(contents);
    der
}

/// X.690 §10.1: "The definite form of length encoding shall be used, encoded in the minimum number of octets."
fn read_length(input: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (first, rest) = input.split_first().ok_or(DerError)?;
    if *first < 0x80 {
        return Ok((usize::from(*first), rest));
    }
    let (octets, rest) = rest
        .split_at_checked(usize::from(first & 0x7f))
        .ok_or(DerError)?;
    if octets.is_empty() || octets.len() > 4 || octets.first() == Some(&0) {
        return Err(DerError);
    }
    let length = octets
        .iter()
        .fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    if length < 0x80 {
        return Err(DerError);
    }
    Ok((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_one_after_the_other() {
        let mut reader = Reader::new(&[0x02, 1, 5, 0x04, 0]);
        assert_eq!(reader.expect(INTEGER).unwrap().contents, [5]);
        assert_eq!(reader.optional(INTEGER), Ok(None));
        assert_eq!(reader.next().unwrap().whole, [0x04, 0]);
        assert_eq!(reader.next(), Err(DerError));
    }

    #[test]
    fn refuses_lengths_that_are_not_minimal_definite_or_true() {
        for input in [
            &[0x04, 0x80, 0, 0][..],
            &[0x04, 0x81, 0x01, 0xff],
            &[0x04, 0x82, 0x00, 0x80],
            &[0x04, 0x85, 1, 0, 0, 0, 0],
            &[0x04, 0x02, 0x00],
            &[0x1f, 0x01, 0x00],
            &[0x04],
        ] {
            assert_eq!(Reader::new(input).next(), Err(DerError), "{input:x?}");
        }
    }
}
