//! What later releases append to the body: lists, each read by those who know of it.
//!
//! Lists at the end that hold nothing are left out, so that equal snapshots have equal bytes and a snapshot that uses nothing new can be
//! read by an older release.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::DecodeError;

/// How an empty list is written.
const EMPTY: &[u8] = &[0];

/// Appends the lists, in their order.
pub(crate) fn append(bytes: &mut Vec<u8>, sections: impl AsRef<[Vec<u8>]>) {
    let sections = sections.as_ref();
    let wanted = sections
        .iter()
        .rposition(|section| section != EMPTY)
        .map_or(0, |last| last + 1);
    bytes.extend(sections.iter().take(wanted).flatten());
}

/// The lists behind a body.
#[derive(Debug)]
pub(crate) struct Sections<'a> {
    rest: &'a [u8],
    last_is_empty: bool,
}

impl<'a> Sections<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            last_is_empty: false,
        }
    }

    /// The next list; an empty one when there is none.
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(Vec::new());
        }
        let (list, rest): (Vec<T>, _) = take(self.rest)?;
        self.rest = rest;
        self.last_is_empty = list.is_empty();
        Ok(list)
    }

    /// Refuses what nobody knows, and a list at the end that should have been left out.
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() && !self.last_is_empty {
            Ok(())
        } else {
            Err(DecodeError::Structure)
        }
    }
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Structure)
}
