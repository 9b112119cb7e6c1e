//! Every limit of the protocol, and how the limits relate.
//!
//! Sizes are in bytes of the wire unless a name says otherwise. A limit is checked when a length is announced, before
//! the announced bytes arrive. So a peer can't make the receiver hold bytes of a request that will be refused.

/// Arguments in one request, the command's name included.
pub const ARGS_MAX: usize = 32;
/// [`ARGS_MAX`] before the client has authenticated; Redis uses 10 as well.
pub const ARGS_MAX_UNAUTHENTICATED: usize = 10;

/// Length of one argument.
pub const BULK_LEN_MAX: usize = 512;
/// [`BULK_LEN_MAX`] before the client has authenticated.
pub const BULK_LEN_MAX_UNAUTHENTICATED: usize = 128;

/// Length of one inline request without its line feed.
pub const INLINE_LEN_MAX: usize = 512;
/// [`INLINE_LEN_MAX`] before the client has authenticated.
pub const INLINE_LEN_MAX_UNAUTHENTICATED: usize = 256;

/// Length of one whole request: the sum of its headers, arguments and line ends.
pub const REQUEST_LEN_MAX: usize = 1000;
/// [`REQUEST_LEN_MAX`] before the client has authenticated.
pub const REQUEST_LEN_MAX_UNAUTHENTICATED: usize = 512;

/// Characters of a count or length in a header, sign included: the longest
/// 32-bit integer, `-2147483648`.
pub const COUNT_LEN_MAX: usize = 11;
/// A header: the type byte, a count, CR and LF.
pub const HEADER_LEN_MAX: usize = 1 + COUNT_LEN_MAX + 2;
/// The shortest argument, `$0\r\n\r\n`.
pub const ARG_LEN_MIN: usize = 6;
/// Digits of the largest `u64`.
pub(crate) const DIGITS_MAX: usize = 20;
/// How many bytes [`opens_http`](crate::opens_http) needs at most: `GET https://`.
pub const HTTP_START_LEN_MAX: usize = 12;

/// The smallest receive buffer in which every permitted request fits.
///
/// [`HEADER_LEN_MAX`] is added for a length header that begins at the end of a request of [`REQUEST_LEN_MAX`] bytes.
/// Such a header is refused only once it has been read.
pub const RX_LEN_MIN: usize = REQUEST_LEN_MAX + HEADER_LEN_MAX;
/// The receive buffer that a connection is expected to have.
pub const RX_LEN: usize = 1024;

/// The error that [`ReplyWriter`](crate::ReplyWriter) puts in the place of a reply that doesn't fit.
pub const OVERFLOW_REPLY: &str = "-ERR reply too long for the output buffer\r\n";
/// The smallest transmit buffer in which every reply can at least be refused.
pub const TX_LEN_MIN: usize = OVERFLOW_REPLY.len();

/// Bytes of a [`LossyUtf8`](crate::LossyUtf8) that are shown, as Redis shows
/// 128 bytes of an unknown command.
pub const LOSSY_UTF8_LEN_MAX: usize = 128;

/// How deep the aggregates of a received reply may nest: `*1\r\n:1\r\n` is 1.
pub const REPLY_DEPTH_MAX: usize = 8;
/// The shortest element of an aggregate, `_\r\n`.
pub const ELEMENT_LEN_MIN: usize = 3;

/// The longest bulk whose length has one digit, as most values have.
pub const SHORT_BULK_LEN_MAX: usize = 9;

/// RAM of one connection's [`Decoder`](crate::Decoder).
pub const DECODER_SIZE_MAX: usize = 6 * size_of::<usize>();
/// RAM of the table of a request's arguments.
pub const ARGS_SIZE_MAX: usize = 4 * ARGS_MAX;

/// The limits that a request is held to.
///
/// Where a password is needed, a session starts with [`Limits::UNAUTHENTICATED`], so that a stranger can't occupy more
/// than a login takes. After the login it has [`Limits::AUTHENTICATED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) args_max: usize,
    pub(crate) bulk_len_max: usize,
    pub(crate) inline_len_max: usize,
    pub(crate) request_len_max: usize,
}

impl Limits {
    /// All that the decoder can take.
    pub const AUTHENTICATED: Self = Self {
        args_max: ARGS_MAX,
        bulk_len_max: BULK_LEN_MAX,
        inline_len_max: INLINE_LEN_MAX,
        request_len_max: REQUEST_LEN_MAX,
    };

    /// Enough for `HELLO 3 AUTH default TOKEN SETNAME NAME`.
    pub const UNAUTHENTICATED: Self = Self {
        args_max: ARGS_MAX_UNAUTHENTICATED,
        bulk_len_max: BULK_LEN_MAX_UNAUTHENTICATED,
        inline_len_max: INLINE_LEN_MAX_UNAUTHENTICATED,
        request_len_max: REQUEST_LEN_MAX_UNAUTHENTICATED,
    };

    const fn is_within(&self, outer: &Self) -> bool {
        self.args_max <= outer.args_max
            && self.bulk_len_max <= outer.bulk_len_max
            && self.inline_len_max <= outer.inline_len_max
            && self.request_len_max <= outer.request_len_max
    }

    /// Whether one argument, one line and the largest count can be used at all.
    const fn is_usable(&self) -> bool {
        2 * HEADER_LEN_MAX + self.bulk_len_max + 2 <= self.request_len_max
            && HEADER_LEN_MAX + self.args_max * ARG_LEN_MIN <= self.request_len_max
            && self.inline_len_max < self.request_len_max
    }
}

const _: () = assert!(Limits::AUTHENTICATED.is_usable());
const _: () = assert!(Limits::UNAUTHENTICATED.is_usable());
const _: () = assert!(Limits::UNAUTHENTICATED.is_within(&Limits::AUTHENTICATED));
const _: () = assert!(RX_LEN_MIN <= RX_LEN);
// The decoder keeps arguments as 16-bit offsets, and their number in 8 bits.
const _: () = assert!(REQUEST_LEN_MAX <= u16::MAX as usize);
const _: () = assert!(ARGS_MAX <= u8::MAX as usize);
