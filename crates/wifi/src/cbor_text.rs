//! A text of at most `N` bytes as CBOR (RFC 8949), for minicbor's `#[cbor(with = "..")]`.

use heapless::{LenType, String};
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};

/// Writes `text`.
///
/// # Errors
/// The writer's: there is no room.
pub fn encode<const N: usize, L: LenType, C, W: Write>(
    text: &String<N, L>,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    e.str(text)?;
    Ok(())
}

/// Reads a text.
///
/// # Errors
/// There is none, or it has more than `N` bytes.
pub fn decode<const N: usize, L: LenType, C>(d: &mut Decoder<'_>, _: &mut C) -> Result<String<N, L>, DecodeError> {
    String::try_from(d.str()?).map_err(|_| DecodeError::message("a text is too long"))
}
