//! The answers to HTTP (RFC 9110 sections 9 and 15).

use sockeye_resp::{HttpMethod, HttpRequestLine, HttpTarget};

use crate::limits::RX_LEN;
use crate::replies::http_replies::{
    BAD_REQUEST, FOUND, METHOD_NOT_ALLOWED, NOT_FOUND, NOT_IMPLEMENTED, URI_TOO_LONG, VERSION_NOT_SUPPORTED,
};
use crate::sessions::page_view::PageView;
use crate::sessions::session::ClientOrigin;

/// The answer to a request of HTTP.
#[derive(Clone, Copy)]
pub(super) enum HttpAnswer {
    /// A page, or its header without the page.
    Page { view: PageView, has_body: bool },
    /// A path at which there is no page.
    NoPage(&'static [u8]),
    /// A request that is no GET and no HEAD, or no request.
    Refused(&'static [u8]),
}

impl HttpAnswer {
    /// The answer to the request line at the start of `received`, where `page` finds the page at a path. None while more of it may come, which it may not once
    /// `has_ended` is set or the receive buffer is full.
    pub(super) fn to(
        received: &[u8],
        has_ended: bool,
        origin: ClientOrigin,
        page: impl FnOnce(&[u8]) -> Option<PageView>,
    ) -> Option<Self> {
        match received.iter().position(|&byte| byte == b'\n') {
            Some(end) => Some(match HttpRequestLine::parse(received.get(..end)?) {
                Some(line) => Self::to_line(&line, origin, page),
                None => Self::Refused(BAD_REQUEST),
            }),
            None if has_ended => Some(Self::Refused(BAD_REQUEST)),
            None => (received.len() >= RX_LEN).then_some(Self::Refused(URI_TOO_LONG)),
        }
    }

    /// The answer to a request line that the decoder has refused. None if it refused something else.
    pub(super) fn to_refused(received: &[u8]) -> Option<&'static [u8]> {
        let line = HttpRequestLine::parse(received.split(|&byte| byte == b'\n').next()?)?;
        match Self::to_line(&line, ClientOrigin::Station, |_| None) {
            Self::Refused(answer) => Some(answer),
            Self::Page { .. } | Self::NoPage(_) => None,
        }
    }

    fn to_line(line: &HttpRequestLine<'_>, origin: ClientOrigin, page: impl FnOnce(&[u8]) -> Option<PageView>) -> Self {
        match (line.method, line.target) {
            _ if !line.is_http1 => Self::Refused(VERSION_NOT_SUPPORTED),
            (HttpMethod::Known, _) => Self::Refused(METHOD_NOT_ALLOWED),
            (HttpMethod::Unknown, _) => Self::Refused(NOT_IMPLEMENTED),
            (HttpMethod::Get | HttpMethod::Head, HttpTarget::Asterisk | HttpTarget::Other) => {
                Self::Refused(BAD_REQUEST)
            }
            (method, HttpTarget::Path(path)) => match page(path) {
                Some(view) => Self::Page { view, has_body: method == HttpMethod::Get },
                None if origin == ClientOrigin::AccessPoint => Self::NoPage(FOUND),
                None => Self::NoPage(NOT_FOUND),
            },
        }
    }
}
