//! Requests as a client writes them.

use core::fmt;

use crate::buffer::{Buffer, Full};

/// Why a request can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// Servers skip a request of no arguments, and its reply would never come.
    Empty,
    /// The buffer is shorter than the request.
    TooLong,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "request without a command",
            Self::TooLong => "request longer than the buffer",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Writes a request to the start of `tx`, and gives its length.
///
/// ```
/// use sockeye_resp::encode_request;
///
/// let mut tx = [0; 64];
/// let tx_len = encode_request(&[b"GET", b"lm35"], &mut tx)?;
/// assert_eq!(&tx[..tx_len], b"*2\r\n$3\r\nGET\r\n$4\r\nlm35\r\n");
/// # Ok::<(), sockeye_resp::EncodeError>(())
/// ```
///
/// # Errors
///
/// There is nothing to send, or not enough room. Then `tx` holds nothing that
/// may be sent.
pub fn encode_request(args: &[&[u8]], tx: &mut [u8]) -> Result<usize, EncodeError> {
    if args.is_empty() {
        return Err(EncodeError::Empty);
    }
    let mut out = Buffer::new(tx);
    put_request(args, &mut out).map_err(|Full| EncodeError::TooLong)?;
    Ok(out.len())
}

fn put_request(args: &[&[u8]], out: &mut Buffer<'_>) -> Result<(), Full> {
    out.put_header(b'*', args.len())?;
    for arg in args {
        out.put_header(b'$', arg.len())?;
        out.put(arg)?;
        out.put(b"\r\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_or_refused() {
        let expected = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n";
        for tx_len in 0..40 {
            let mut tx = vec![0; tx_len];
            let result = encode_request(&[b"SET", b"a", b""], &mut tx);
            if tx_len < expected.len() {
                assert_eq!(result, Err(EncodeError::TooLong));
            } else {
                assert_eq!(result, Ok(expected.len()));
                assert_eq!(&tx[..expected.len()], expected);
            }
        }
    }

    #[test]
    fn no_command_no_request() {
        assert_eq!(encode_request(&[], &mut [0; 8]), Err(EncodeError::Empty));
    }
}
