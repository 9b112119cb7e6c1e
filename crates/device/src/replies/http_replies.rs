//! The replies to a browser that gets no page (RFC 9110 section 15).

/// The answer to a browser in the access point's network for any path but `/`. Every host name resolves to the device
/// there. A phone that probes its maker's host for internet access is redirected to the page (RFC 8952).
pub(crate) const FOUND: &[u8] =
    b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
/// The answer to any other browser for any path but `/`.
pub(crate) const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a line that is no request line, though it begins as one.
pub(crate) const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a method that there is, such as POST. A device has GET and HEAD only.
pub(crate) const METHOD_NOT_ALLOWED: &[u8] =
    b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a request line that is longer than the receive buffer.
pub(crate) const URI_TOO_LONG: &[u8] = b"HTTP/1.1 414 URI Too Long\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a method that HTTP doesn't have.
pub(crate) const NOT_IMPLEMENTED: &[u8] =
    b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a version that isn't 1.0 or 1.1, such as HTTP/2 without TLS.
pub(crate) const VERSION_NOT_SUPPORTED: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
