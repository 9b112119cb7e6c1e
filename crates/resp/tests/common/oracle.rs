//! Comparing replies with those of another implementation.

use resp_rs::resp3::Frame;
use sockeye_resp::{Elements, Reply};

/// Whether a reply is what `resp_rs` reads.
pub fn is_same(reply: Reply<'_>, frame: &Frame) -> bool {
    let all = |elements: Elements<'_>, frames: &[Frame]| {
        elements.len() == frames.len()
            && elements.iter().count() == frames.len()
            && elements.iter().zip(frames).all(|(reply, frame)| is_same(reply, frame))
    };
    match (reply, frame) {
        (Reply::Simple(text), Frame::SimpleString(other)) => text == other,
        (Reply::Error(text), Frame::Error(other) | Frame::BlobError(other)) => text == other,
        (Reply::Integer(value), Frame::Integer(other)) => value == *other,
        (Reply::Bulk(bytes), Frame::BulkString(Some(other))) => bytes == other,
        (Reply::Null, Frame::Null | Frame::BulkString(None) | Frame::Array(None)) => true,
        (Reply::Double(text), Frame::Double(other)) => text.parse() == Ok(*other),
        (Reply::Double(text), Frame::SpecialFloat(other)) => {
            // The oracle takes what overflows for infinite, as `parse` does.
            let value: f64 = text.parse().unwrap();
            value.to_string().to_lowercase().as_bytes() == other
        }
        (Reply::Boolean(value), Frame::Boolean(other)) => value == *other,
        (Reply::BigNumber(text), Frame::BigNumber(other)) => text == other,
        (Reply::Verbatim { format, text }, Frame::VerbatimString { payload }) => {
            [&format[..], b":", text].concat() == *payload
        }
        (Reply::Array(elements), Frame::Array(Some(frames))) => all(elements, frames),
        (Reply::Set(elements), Frame::Set(frames)) => all(elements, frames),
        (Reply::Push(elements), Frame::Push(frames)) => all(elements, frames),
        (Reply::Map(elements), Frame::Map(pairs)) => {
            let frames: Vec<_> = pairs.iter().flat_map(|(k, v)| [k.clone(), v.clone()]).collect();
            all(elements, &frames)
        }
        _ => false,
    }
}
