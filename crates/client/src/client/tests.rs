use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_io_async::ErrorType;
use futures_lite::future::block_on;
use sockeye_resp::ReplyError;

use super::*;

/// A server that has sent all of its replies.
#[derive(Clone, Default)]
struct Script(Rc<RefCell<Wire>>);

#[derive(Default)]
struct Wire {
    received: Vec<u8>,
    /// How many bytes are taken before writes wait for ever.
    room: Option<usize>,
    /// The pieces that arrive; then nothing, or the end.
    replies: VecDeque<Vec<u8>>,
    is_silent: bool,
}

impl ErrorType for Script {
    type Error = Infallible;
}

impl Read for Script {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let next = self.0.borrow_mut().replies.pop_front();
        let mut piece = match next {
            Some(piece) => piece,
            None if self.0.borrow().is_silent => return pending().await,
            None => return Ok(0),
        };
        let len = piece.len().min(buf.len());
        buf[..len].copy_from_slice(&piece[..len]);
        if len < piece.len() {
            self.0.borrow_mut().replies.push_front(piece.split_off(len));
        }
        Ok(len)
    }
}

impl Write for Script {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let room = self.0.borrow().room.map_or(buf.len(), |room| room - self.0.borrow().received.len());
        if room == 0 {
            return pending().await;
        }
        let len = buf.len().min(room);
        self.0.borrow_mut().received.extend_from_slice(&buf[..len]);
        Ok(len)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        panic!("a flush waits for the peer's acknowledgement");
    }
}

const TIMEOUT: Duration = Duration::from_millis(20);

fn script(replies: &[&str]) -> Script {
    let script = Script::default();
    script.0.borrow_mut().replies = replies.iter().map(|reply| reply.as_bytes().to_vec()).collect();
    script
}

fn received(script: &Script) -> String {
    String::from_utf8(script.0.borrow().received.clone()).unwrap().replace("\r\n", "|")
}

/// Runs `test` on a client whose server replies in these pieces.
fn check(replies: &[&str], test: impl AsyncFnOnce(&mut Client<'_, Script>)) -> Script {
    let script = script(replies);
    let mut buffers = ClientBuffers::<64, 64>::sized();
    let mut client = Client::new(script.clone(), &mut buffers, TIMEOUT);
    block_on(test(&mut client));
    script
}

#[test]
fn replies_come_in_any_pieces() {
    let script = check(&["$4\r\n2", "3.", "5\r", "\n$-1\r\n-ERR n", "o\r\n"], async |client| {
        assert_eq!(client.get("lm35").await, Ok(Some(&b"23.5"[..])));
        assert_eq!(client.get("none").await, Ok(None));
        assert_eq!(client.set("led", "7").await, Err(ClientError::Refused));
        assert_eq!(client.refusal(), b"ERR no");
        assert_eq!(client.ping().await, Err(ClientError::Closed));
        assert_eq!(client.refusal(), b"");
    });
    let sent = "*2|$3|GET|$4|lm35|*2|$3|GET|$4|none|*3|$3|SET|$3|led|$1|7|*1|$4|PING|";
    assert_eq!(received(&script), sent);
}

#[test]
fn requests_leave_together() {
    let script = check(&["+PONG\r\n:1\r\n", ":2\r\n"], async |client| {
        for request in ["PING", "A", "B"] {
            client.send(&[request.as_bytes()]).await.unwrap();
        }
        assert_eq!((client.owed(), client.receive().await), (3, Ok(Reply::Simple(b"PONG"))));
        assert_eq!(client.receive().await, Ok(Reply::Integer(1)));
        assert_eq!(client.receive().await, Ok(Reply::Integer(2)));
        assert_eq!(client.owed(), 0);
    });
    assert_eq!(received(&script), "*1|$4|PING|*1|$1|A|*1|$1|B|");
}

#[test]
fn a_full_buffer_is_sent() {
    let script = check(&[], async |client| {
        for _ in 0..5 {
            client.send(&[b"PING"]).await.unwrap();
        }
        assert_eq!(client.send(&[&[b'x'; 64]]).await, Err(ClientError::Request(EncodeError::TooLong)));
        client.flush().await.unwrap();
    });
    assert_eq!(received(&script), "*1|$4|PING|".repeat(5));
}

#[test]
fn replies_that_nobody_waited_for_are_passed_over() {
    check(&[":1\r\n>1\r\n+news\r\n:2\r\n", ">1\r\n+news\r\n:3\r\n"], async |client| {
        client.send(&[b"A"]).await.unwrap();
        client.send(&[b"B"]).await.unwrap();
        assert_eq!(client.request(&[b"C"]).await, Ok(Reply::Integer(3)));
    });
}

#[test]
fn a_wait_that_is_dropped_does_no_harm() {
    let script = script(&[]);
    script.0.borrow_mut().is_silent = true;
    let mut buffers = ClientBuffers::<64, 64>::sized();
    let mut client = Client::new(script.clone(), &mut buffers, TIMEOUT);
    {
        let mut waiting = pin!(client.get("a"));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    script.0.borrow_mut().replies.extend([b"$1\r\n1\r\n".to_vec(), b"$1\r\n2\r\n".to_vec()]);
    assert_eq!(block_on(client.get("b")), Ok(Some(&b"2"[..])));
}

#[test]
fn a_request_that_is_cut_off_ends_the_connection() {
    let script = script(&["+PONG\r\n"]);
    script.0.borrow_mut().room = Some(5);
    let mut buffers = ClientBuffers::<64, 64>::sized();
    let mut client = Client::new(script.clone(), &mut buffers, TIMEOUT);
    {
        let mut waiting = pin!(client.ping());
        assert!(matches!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    script.0.borrow_mut().room = None;
    assert_eq!(block_on(client.ping()), Err(ClientError::Closed));
    assert_eq!(received(&script), "*1|$");
}

#[test]
fn silence_ends() {
    let script = script(&[]);
    script.0.borrow_mut().is_silent = true;
    let mut buffers = ClientBuffers::<64, 64>::sized();
    let mut client = Client::new(script.clone(), &mut buffers, TIMEOUT);
    assert_eq!(block_on(client.ping()), Err(ClientError::TimedOut));
    let sent = received(&script).replace('|', "--").len();
    script.0.borrow_mut().room = Some(sent);
    assert_eq!(block_on(client.ping()), Err(ClientError::TimedOut));
}

#[test]
fn what_is_no_reply_ends_the_connection() {
    let nested = "*1\r\n".repeat(9);
    for (reply, error) in
        [("HTTP/1.1", ReplyError::UnknownType(b'H')), ("$x\r\n", ReplyError::Malformed), (&nested, ReplyError::TooDeep)]
    {
        check(&[reply, "+PONG\r\n"], async |client| {
            assert_eq!(client.ping().await, Err(ClientError::Reply(error)));
            assert_eq!(client.ping().await, Err(ClientError::Closed));
        });
    }
}

#[test]
fn messages_of_both_versions() {
    for kind in ["*", ">"] {
        let reply = format!("{kind}3\r\n$9\r\nsubscribe\r\n$4\r\nlm35\r\n:1\r\n");
        let message = format!("{kind}3\r\n$7\r\nmessage\r\n$4\r\nlm35\r\n$4\r\n23.5\r\n");
        let script = script(&[&reply, &message[..10], &message[10..], "*1\r\n:1\r\n"]);
        let mut buffers = ClientBuffers::<64, 64>::sized();
        let client = Client::new(script.clone(), &mut buffers, TIMEOUT);
        block_on(async {
            let mut subscription = client.subscribe(&["lm35"]).await.unwrap();
            let message = crate::Message { channel: b"lm35", payload: b"23.5" };
            assert_eq!(subscription.next().await, Ok(message));
            assert_eq!(subscription.next().await, Err(ClientError::Unexpected));
        });
        assert_eq!(received(&script), "*2|$9|SUBSCRIBE|$4|lm35|");
    }
}

#[test]
fn the_last_id_of_a_stream() {
    let resp2 = "*4\r\n$6\r\nlength\r\n:1\r\n$17\r\nlast-generated-id\r\n$3\r\n5-1\r\n";
    let resp3 = resp2.replacen("*4", "%2", 1);
    check(&[resp2, &resp3, "-ERR no such key\r\n", "-WRONGTYPE no\r\n", "*0\r\n"], async |client| {
        assert_eq!(client.stream_last_id("a").await, Ok(Some(&b"5-1"[..])));
        assert_eq!(client.stream_last_id("a").await, Ok(Some(&b"5-1"[..])));
        assert_eq!(client.stream_last_id("b").await, Ok(None));
        assert_eq!(client.stream_last_id("c").await, Err(ClientError::Refused));
        assert_eq!(client.stream_last_id("d").await, Err(ClientError::Unexpected));
    });
}

#[test]
fn too_many_channels_are_no_request() {
    let script = check(&[], async |_| ());
    for channels in [&[][..], &["a"; 9][..]] {
        let mut buffers = ClientBuffers::<64, 64>::sized();
        let client = Client::new(script.clone(), &mut buffers, TIMEOUT);
        assert!(matches!(block_on(client.subscribe(channels)), Err(ClientError::Unexpected)));
    }
    assert_eq!(received(&script), "");
}

/// A server that sends byte after byte, each in time, and never ends.
struct Drip {
    bytes: std::iter::Cycle<std::slice::Iter<'static, u8>>,
}

impl ErrorType for Drip {
    type Error = Infallible;
}

impl Read for Drip {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        embassy_time::Timer::after(TIMEOUT / 8).await;
        buf[0] = *self.bytes.next().unwrap();
        Ok(1)
    }
}

impl Write for Drip {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn a_server_that_only_seems_to_reply_ends_the_call_in_time() {
    // A reply of which more comes each time, and messages without end.
    for bytes in [&b"+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[..], b">1\r\n:1\r\n", b"|0\r\n"] {
        let mut buffers = ClientBuffers::<64, 64>::sized();
        let mut client = Client::new(Drip { bytes: bytes.iter().cycle() }, &mut buffers, TIMEOUT);
        assert_eq!(block_on(client.ping()), Err(ClientError::TimedOut), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_reply_that_is_too_long_is_passed_over() {
    let long = format!("*2\r\n$1\r\na\r\n*2\r\n:1\r\n$300\r\n{}\r\n", "x".repeat(300));
    for len in [1, 7, 64, 1_000] {
        let wire = format!("{long}+PONG\r\n>1\r\n$100\r\n{}\r\n+PONG\r\n", "y".repeat(100));
        let pieces: Vec<&str> = wire.as_bytes().chunks(len).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
        check(&pieces, async |client| {
            assert_eq!(client.request(&[b"KEYS", b"*"]).await, Err(ClientError::Reply(ReplyError::TooLong)));
            assert_eq!(client.ping().await, Ok(()));
            assert_eq!(client.ping().await, Ok(()), "a message that is too long is passed over like a short one");
            assert_eq!(client.ping().await, Err(ClientError::Closed));
        });
    }
    // A line has to fit, and a reply that isn't over in time ends the connection.
    for (pieces, error) in [
        (
            ["+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"],
            ReplyError::TooLong.into(),
        ),
        (["$300\r\nx", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"], ClientError::Closed),
    ] {
        check(&pieces, async |client| {
            assert_eq!(client.ping().await, Err(error));
            assert_eq!(client.ping().await, Err(ClientError::Closed));
        });
    }
}

/// Redis 8.6 tells six figures more about a stream than Redis 7, and an entry may have any length.
#[test]
fn the_last_id_of_a_stream_is_in_the_beginning_of_a_long_reply() {
    let (head, entry) = ("*4\r\n$17\r\nlast-generated-id\r\n$3\r\n5-1\r\n", "e".repeat(700));
    let long = format!("{head}$10\r\nlast-entry\r\n$700\r\n{entry}\r\n");
    check(&[&long, "+PONG\r\n"], async |client| {
        assert_eq!(client.stream_last_id("a").await, Ok(Some(&b"5-1"[..])));
        assert_eq!(client.ping().await, Ok(()));
    });
    // A server may leave the last ID out.
    check(&[&long.replacen("last-g", "most-g", 1), "+PONG\r\n"], async |client| {
        assert_eq!(client.stream_last_id("a").await, Err(ClientError::Unexpected));
        assert_eq!(client.ping().await, Ok(()));
    });
    // Redis 5 has the names as statuses.
    check(&["*4\r\n+length\r\n:1\r\n+last-generated-id\r\n$3\r\n5-1\r\n"], async |client| {
        assert_eq!(client.stream_last_id("a").await, Ok(Some(&b"5-1"[..])));
    });
}
