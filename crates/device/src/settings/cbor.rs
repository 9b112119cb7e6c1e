//! How the bounded types of settings are written as CBOR.

pub(crate) use sockeye_wifi::cbor_text as text;

/// A wiring: a map of names and specs, or null.
pub(crate) mod wiring_map {
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use sockeye_wiring::Wiring;

    pub(crate) fn encode<C, W: Write>(
        wiring: &Option<Wiring>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let Some(wiring) = wiring else {
            e.null()?;
            return Ok(());
        };
        super::named_texts::encode(wiring, e, ctx)
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Option<Wiring>, DecodeError> {
        if d.datatype()? == minicbor::data::Type::Null {
            d.null()?;
            return Ok(None);
        }
        let mut wiring = Wiring::new();
        for entry in d.map_iter::<&str, &str>()? {
            let (name, spec) = entry?;
            wiring.set(name, spec).map_err(|_| DecodeError::message("a wiring is too long"))?;
        }
        Ok(Some(wiring))
    }
}

/// Rules: a map of names and texts.
pub(crate) mod named_texts {
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use sockeye_wiring::NamedTexts;

    pub(crate) fn encode<const LEN: usize, C, W: Write>(
        texts: &NamedTexts<LEN>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.map(texts.len() as u64)?;
        for (name, text) in texts.iter() {
            e.str(name)?.str(text)?;
        }
        Ok(())
    }

    pub(crate) fn decode<const LEN: usize, C>(d: &mut Decoder<'_>, _: &mut C) -> Result<NamedTexts<LEN>, DecodeError> {
        let mut texts = NamedTexts::new();
        for entry in d.map_iter::<&str, &str>()? {
            let (name, text) = entry?;
            texts.set(name, text, usize::MAX).map_err(|_| DecodeError::message("texts are too long"))?;
        }
        Ok(texts)
    }
}

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
