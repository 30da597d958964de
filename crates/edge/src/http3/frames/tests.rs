use proptest::prelude::*;

use super::*;

const LIMIT: usize = 64;

/// What the engine sees when the stream comes in these pieces.
fn read(mut frames: Frames, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, FrameError> {
    let mut seen = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(output) = frames.next(&mut input)? {
            seen.push(output.to_vec());
        }
    }
    seen.extend(frames.end()?.map(|rest| rest.to_vec()));
    Ok(seen)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(payload.len()).unwrap()], payload].concat()
}

#[test]
fn a_frame_reaches_the_engine_whole_however_it_was_cut() {
    let headers = frame(1, b"headers");
    for cut in 0..=headers.len() {
        let (first, second) = headers.split_at(cut);
        assert_eq!(
            read(Frames::of_request(LIMIT), &[first, second]),
            Ok(vec![headers.clone()])
        );
    }
}

#[test]
fn data_goes_through_as_it_comes() {
    let seen = read(
        Frames::of_request(LIMIT),
        &[&[0, 6], b"abc", b"def", &frame(1, b"t")],
    )
    .unwrap();
    assert_eq!(
        seen,
        [vec![0, 6], b"abc".to_vec(), b"def".to_vec(), frame(1, b"t")]
    );
}

#[test]
fn a_long_data_frame_is_no_frame_to_refuse() {
    let declared = [0x00, 0xc0, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff];
    let mut frames = Frames::of_request(LIMIT);
    assert_eq!(
        frames.next(&mut Bytes::copy_from_slice(&declared)),
        Ok(Some(Bytes::copy_from_slice(&declared)))
    );
}

#[test]
fn a_long_frame_is_refused_by_its_declared_length() {
    // 72 MiB of HEADERS, of SETTINGS, of an unknown frame: nothing of it has to come.
    for kind in [0x01, 0x04, 0x21] {
        assert_eq!(
            read(
                Frames::of_request(LIMIT),
                &[&[kind, 0x84, 0x80, 0x00, 0x00]]
            ),
            Err(FrameError::TooLong)
        );
    }
    assert_eq!(
        read(
            Frames::of_unidirectional(LIMIT),
            &[&[0x00, 0x04, 0x84, 0x80, 0x00, 0x00]]
        ),
        Err(FrameError::TooLong)
    );
}

#[test]
fn the_limit_itself_is_allowed() {
    let longest = [&[1, 0x40, 64][..], &[0; 64]].concat();
    assert_eq!(
        read(Frames::of_request(LIMIT), &[&longest]),
        Ok(vec![longest.clone()])
    );
    assert_eq!(
        read(Frames::of_request(LIMIT), &[&[1, 0x40, 65]]),
        Err(FrameError::TooLong)
    );
}

#[test]
fn an_empty_data_frame_is_not_the_end_of_the_body() {
    let stream = [frame(0, b"a"), frame(0, b""), frame(0, b"b")].concat();
    let seen = read(Frames::of_request(LIMIT), &[&stream]).unwrap();
    assert_eq!(seen.concat(), [frame(0, b"a"), frame(0, b"b")].concat());
}

#[test]
fn a_stream_that_ends_inside_data_is_truncated() {
    assert_eq!(
        read(Frames::of_request(LIMIT), &[&[0, 10]]),
        Err(FrameError::Truncated)
    );
    assert_eq!(
        read(Frames::of_request(LIMIT), &[&[0, 10], b"abc"]),
        Err(FrameError::Truncated)
    );
}

#[test]
fn webtransport_is_not_spoken() {
    assert_eq!(
        read(Frames::of_request(LIMIT), &[&[0x40, 0x41, 0x00]]),
        Err(FrameError::Unexpected)
    );
}

#[test]
fn streams_that_are_not_control_streams_have_no_frames() {
    let encoder = [0x02, 0x01, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(
        read(Frames::of_unidirectional(LIMIT), &[&encoder])
            .unwrap()
            .concat(),
        encoder
    );
}

proptest! {
    /// Nothing is added, and all that is left out are empty DATA frames; nothing is kept beyond the limit.
    #[test]
    fn any_bytes_in_any_pieces_are_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), cuts in proptest::collection::vec(0_usize..300, 0..8)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let whole = read(Frames::of_request(LIMIT), &[&bytes]).map(|seen| seen.concat());
        let cut = read(Frames::of_request(LIMIT), &pieces).map(|seen| seen.concat());
        prop_assert_eq!(&whole, &cut);
        if let Ok(whole) = whole {
            prop_assert!(whole.len() <= bytes.len());
        }
    }
}
