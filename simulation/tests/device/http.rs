//! Browsers, and web pages that send them here.

use crate::board::Board;
use crate::script::{check, check_on};

#[test]
fn a_browser_gets_a_page() {
    check(
        "@sample 0 235
         sta\\ GET / HTTP/1.1\\r\\nHost: 192.168.1.1:3000\\r\\n\\r\\n
         sta$ HTTP/1.1 200 OK|Content-Type: text/html; charset=utf-8|Cache-Control: no-store|Connection: close||<!doctype html><meta charset=utf-8><title>sockeye-3f2a</title>/<h1>sockeye-3f2a</h1>/<p>This device speaks RESP, the protocol of Redis:/<pre>redis-cli -h 10.0.0.200 -p 3000</pre>/<table>/<tr><td>lm35<td>23.5 °C/<tr><td>uptime<td>none yet/<tr><td>wifi.rssi<td>none yet/</table>/
         sta3\\ GET /favicon.ico HTTP/1.1\\r\\n
         sta3$ HTTP/1.1 404 Not Found|Content-Length: 0|Connection: close||
         sta4\\ GET /?from=a HTTP/1.1\\r\\n
         sta4~ <tr><td>lm35<td>23.5
         ap: INFO device
         ap~ |http:pages=2,refused=0|",
    );
}

#[test]
fn field_21_head_gets_what_get_gets_without_the_page() {
    check(
        "sta\\ HEAD / HTTP/1.1\\r\\nHost: 192.168.1.1\\r\\n\\r\\n
         sta$ HTTP/1.1 200 OK|Content-Type: text/html; charset=utf-8|Cache-Control: no-store|Connection: close||
         sta2\\ HEAD /favicon.ico HTTP/1.1\\r\\n
         sta2$ HTTP/1.1 404 Not Found|Content-Length: 0|Connection: close||
         ap\\ HEAD /generate_204 HTTP/1.1\\r\\n
         ap$ HTTP/1.1 302 Found|Location: /|Content-Length: 0|Cache-Control: no-store|Connection: close||
         sta3\\ HE
         sta3\\ AD http://192.168.1.1 HT
         sta3\\ TP/1.0\\n
         sta3~ HTTP/1.1 200 OK|",
    );
}

#[test]
fn field_21_the_absolute_form_is_the_same_page() {
    check(
        "sta\\ GET http://192.168.1.1/ HTTP/1.1\\r\\n
         sta~ HTTP/1.1 200 OK|
         sta2\\ GET HTTP://192.168.1.1:3000 HTTP/1.1\\r\\n
         sta2~ HTTP/1.1 200 OK|
         sta3\\ GET https://sockeye-3f2a.local/x?y HTTP/1.1\\r\\n
         sta3~ HTTP/1.1 404 Not Found|
         ap\\ GET http://connectivitycheck.gstatic.com/generate_204 HTTP/1.1\\r\\n
         ap~ HTTP/1.1 302 Found|",
    );
}

#[test]
fn field_21_what_a_device_does_not_do_is_refused_in_http() {
    let board = Board::default();
    let mut script = String::new();
    for (client, (line, status)) in [
        ("OPTIONS * HTTP/1.1", "405 Method Not Allowed|Allow: GET, HEAD"),
        ("POST / HTTP/1.1", "405 Method Not Allowed|Allow: GET, HEAD"),
        ("CONNECT a:443 HTTP/1.1", "405 Method Not Allowed|Allow: GET, HEAD"),
        ("patch / HTTP/1.1", "501 Not Implemented"),
        ("PROPFIND / HTTP/1.1", "501 Not Implemented"),
        ("SUBSCRIBE /events HTTP/1.1", "501 Not Implemented"),
        ("GET lm35 HTTP/1.1", "400 Bad Request"),
        ("GET * HTTP/1.1", "400 Bad Request"),
        ("GET /", "400 Bad Request"),
        ("HEAD lm35", "400 Bad Request"),
        ("Host: x", "400 Bad Request"),
        ("PRI * HTTP/2.0", "505 HTTP Version Not Supported"),
        ("GET / HTTP/2.0", "505 HTTP Version Not Supported"),
    ]
    .into_iter()
    .enumerate()
    {
        script += &format!(
            "lo{client}\\ {line}\\r\\nSET led 1\\r\\n
             lo{client}$ HTTP/1.1 {status}|Content-Length: 0|Connection: close||\n"
        );
    }
    let path = "a".repeat(1024);
    script += &format!("lo99\\ GET /{path}\nlo99$ HTTP/1.1 414 URI Too Long|Content-Length: 0|Connection: close||\n");
    script += "ap: INFO device\nap~ |http:pages=0,refused=14|\n";
    check_on(&board, &script);
    assert!(board.applied.borrow().is_empty());
}

#[test]
fn a_phone_in_the_devices_network_is_led_to_the_page() {
    check(
        "ap\\ GET /generate_204 HTTP/1.1\\r\\nHost: connectivitycheck.gstatic.com\\r\\n\\r\\n
         ap$ HTTP/1.1 302 Found|Location: /|Content-Length: 0|Cache-Control: no-store|Connection: close||
         ap2\\ GET / HTTP/1.1\\r\\nHost: connectivitycheck.gstatic.com\\r\\n\\r\\n
         ap2~ HTTP/1.1 200 OK|",
    );
}

#[test]
fn the_page_of_a_device_with_a_radio_says_how_to_set_the_network() {
    check(
        "@radio
         @told configure 01 false, start sockeye-3f2a 192.168.1.1/24 own
         @wifi ap-started
         ap\\ GET / HTTP/1.1\\r\\n
         ap~ <p>To another network, typed in redis-cli or any app for Telnet:/<pre>CONFIG SET wifi.ssid NAME wifi.password PASSWORD/WIFI TRY/WIFI CONFIRM</pre>/",
    );
}

#[test]
fn a_page_shows_no_readings_to_who_has_no_token() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET auth.token correct-horse\nap= +OK|");
    check_on(
        &board,
        "@sample 0 235
         sta\\ GET / HTTP/1.0\\r\\n
         sta~ <table>/</table>/",
    );
}

#[test]
fn a_page_comes_in_any_pieces() {
    check(
        "sta\\ G
         sta\\ ET
         sta\\  / HT
         sta\\ TP/1.1\\r
         sta\\ \\n
         sta~ HTTP/1.1 200 OK|",
    );
}

#[test]
fn nothing_that_a_web_page_sends_is_run() {
    let board = Board::default();
    let mut script = String::new();
    let methods = ["POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PRI", "post"];
    for (client, method) in methods.iter().enumerate() {
        script += &format!(
            "lo{client}\\ {method} / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nSET led 1\\r\\n*3\\r\\n$3\\r\\nSET\\r\\n$3\\r\\nled\\r\\n$1\\r\\n1\\r\\n
             lo{client}~ HTTP/1.1 \n"
        );
    }
    script += "lo20\\ GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nSET led 1\\r\\n
               lo20~ HTTP/1.1 200 OK|
               lo21\\ GET /\\r\\nSET led 1\\r\\n
               lo21~ HTTP/1.1 400 
               lo22\\ FROB / HTTP/1.1\\r\\nSET led 1\\r\\n
               lo22~ HTTP/1.1 501 
               lo23\\ Host: x\\r\\nSET led 1\\r\\n
               lo23~ HTTP/1.1 400 
               lo24\\ PING\\r\\nPOST / HTTP/1.1\\r\\nSET led 1\\r\\n
               lo24$ +PONG|-ERR Protocol error: HTTP is not spoken here|
               lo25\\ x-header: a\\r\\nSET led 1\\r\\n
               lo25$ -ERR Protocol error: HTTP is not spoken here|\n";
    check_on(&board, &script);
    assert!(board.applied.borrow().is_empty());
}
