//! How the bounded types of settings are written as CBOR.

pub(crate) use sockeye_wifi::cbor::text;

/// A list of bounded length.
pub(crate) mod list {
    use heapless::{LenType, Vec};
    use minicbor::decode::{Decode, Decoder, Error as DecodeError};
    use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

    pub(crate) fn encode<T: Encode<C>, const N: usize, L: LenType, C, W: Write>(
        list: &Vec<T, N, L>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(list.len() as u64)?;
        list.iter().try_for_each(|item| item.encode(e, ctx))
    }

    pub(crate) fn decode<'b, T: Decode<'b, C>, const N: usize, L: LenType, C>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<Vec<T, N, L>, DecodeError> {
        let mut list = Vec::new();
        for item in d.array_iter_with(ctx)? {
            list.push(item?).map_err(|_| DecodeError::message("a list is too long"))?;
        }
        Ok(list)
    }
}
