//! Browsers, and web pages that send them here.

use sockeye_device::limits::TX_LEN;
use sockeye_device::{App, AppResources, Day, Settings, Value};

use crate::board::Board;
use crate::script::{Device, check, check_on};

/// The header and the page that a browser gets at a path.
fn browse(board: &Board, before: &str, path: &str) -> (String, String) {
    let (mut histories, mut days, mut resources) = (board.histories(), board.days(), AppResources::new());
    let settings = board.stored.borrow().clone();
    let app = App::new(board, &mut resources, &mut histories, settings).unwrap().with_days(&mut days);
    let mut device = Device::new(board, &app);
    for event in before.lines().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        device.event(event);
    }
    device.send("sta", format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    let whole = String::from_utf8(device.bytes("sta")).unwrap();
    let (header, page) = whole.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{whole}"));
    for len in &device.wire("sta").0.borrow().writes {
        assert!(*len <= TX_LEN);
    }
    (header.to_owned(), page.to_owned())
}

/// Whether all elements are closed in order, but for those that HTML closes by itself.
fn is_closed(page: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split(['>', ' ', '\n']).next().unwrap();
        let is_void =
            ["!doctype", "meta", "link", "path", "p", "tr", "td", "th"].contains(&name.trim_start_matches('/'));
        if is_void || tag.starts_with("span class=m>no value") {
            continue;
        }
        match name.strip_prefix('/') {
            Some("span") => drop(open.pop_if(|last| *last == "span")),
            Some(name) => {
                if open.pop() != Some(name) {
                    return false;
                }
            }
            None => open.push(name),
        }
    }
    open.is_empty()
}

#[test]
fn a_browser_gets_a_page() {
    let board = Board::default();
    let (header, page) = browse(&board, "sample 0 235\nsample 1 7", "/");
    assert!(
        header.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n")
    );
    assert!(header.ends_with("\r\nConnection: close\r\nRefresh: 15"), "{header}");
    for part in [
        "<!doctype html><html lang=en>",
        "<meta name=viewport content=\"width=device-width,initial-scale=1\">",
        "<title>sockeye-3f2a</title>",
        "<h1>sockeye-3f2a</h1>",
        "<li><a href=\"/lm35\">lm35</a><div class=v>23.5 <small>\u{b0}C</small></div><svg role=img aria-label=\"Last hour: 23.5 to 23.5\"",
        "<div class=m>24 h: 23.5 to 23.5</div></li>",
        "<li><a href=\"/wifi.rssi\">wifi.rssi</a><div class=v><span class=m>no value</span></div></li>",
        "<h2>Outputs</h2><ul>\n<li>led<div class=v>off</div></li>\n<li>fan<div class=v>25.5 <small>%</small></div></li>",
        "<pre>redis-cli -h 10.0.0.200 -p 3000</pre>",
        "<a class=k href=\"/~\">Stop refreshing</a>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(is_closed(&page) && !page.contains("<script") && !page.contains("http:"), "{page}");
    let (header, page) = browse(&board, "sample 0 235", "/~");
    assert!(
        !header.contains("Refresh") && page.contains("<a href=\"/~lm35\">") && page.contains("<a class=k href=\"/\">")
    );
    check(
        "@sample 0 235
         sta3\\ GET /favicon.ico HTTP/1.1\\r\\n
         sta3$ HTTP/1.1 404 Not Found|Content-Length: 0|Connection: close||
         sta4\\ GET /?from=a HTTP/1.1\\r\\n
         sta4~ <div class=v>23.5
         ap: INFO device
         ap~ |http:pages=1,refused=0|",
    );
}

#[test]
fn rules_are_on_the_page_with_their_conditions() {
    let board = Board::default();
    let rules = [("cold", "when lm35 < 5 set led 1"), ("late", "when uptime > 5 set fan 50")];
    let mut settings = Settings::default();
    rules.iter().for_each(|(name, text)| settings.rules.set(name, text, 8).unwrap());
    board.stored.replace(settings);
    let (_, page) = browse(&board, "sample 0 35", "/");
    let expected = "</ul><h2>Rules</h2><ul>\n<li>cold<div class=v>true</div><div class=m>when lm35 &lt; 5 set led 1</div></li>\n\
                    <li>late<div class=v>unknown</div><div class=m>when uptime > 5 set fan 50</div>'uptime' has no value</li>\n</ul>";
    assert!(page.contains(expected) && is_closed(&page), "{page}");
}

#[test]
fn a_reading_has_a_page_with_its_hour_and_its_day() {
    let board = Board::default();
    let (header, page) = browse(&board, "each 9000 10000 200 50", "/lm35");
    assert!(header.ends_with("\r\nRefresh: 60"), "{header}");
    for part in [
        "<title>lm35 - sockeye-3f2a</title>",
        "<a class=k href=\"/\">sockeye-3f2a</a><h1>lm35</h1><div class=v>24.9 <small>",
        "<h2>Last hour</h2><div class=c><div class=y><span>24.9</span><span>22.4</span><span>20.0</span></div>",
        "aria-label=\"Last 24 hours: 20.0 to 24.9\"",
        "<tr><th scope=row>Last 24 hours<td class=n>20.0<td class=n>22.5<td class=n>24.9</table>",
        "<a class=k href=\"/~lm35\">Stop refreshing</a>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(is_closed(&page), "{page}");
    // Each column of a day but the first is there, and joined to the one before.
    let day = &page[page.find("Last 24 hours: ").unwrap()..];
    assert_eq!(day.matches("h0").count(), 6, "{day}");
    assert_eq!(day.matches('V').count() - 5, 144, "{day}");
    // Nothing is drawn where nothing was measured.
    let gap = "each 600 1000 200 50\nwait 1800000\neach 600 1000 200 50";
    let (_, page) = browse(&board, gap, "/lm35");
    let hour = &page[page.find("Last hour: ").unwrap()..page.find("Last 24 hours").unwrap()];
    let lines = &hour[hour.find("class=b").unwrap()..];
    let is_drawn = |column: u32| ["M", "L", " "].iter().any(|start| lines.contains(&format!("{start}{column} ")));
    assert!((10..19).all(is_drawn) && !(21..48).any(|column| lines.contains(&format!("M{column} "))), "{lines}");
    let (_, page) = browse(&board, "", "/lm35");
    assert!(page.contains("no value") && page.contains("<p>Nothing was measured.</p>") && is_closed(&page), "{page}");
    for path in ["/nosuch", "/led", "/history:lm35", "/~nosuch", "/lm35/", "//lm35"] {
        check(&format!(
            "sta\\ GET {path} HTTP/1.1\\r\\n\nsta$ HTTP/1.1 404 Not Found|Content-Length: 0|Connection: close||"
        ));
    }
}

/// The longest page, bytes: of a device with eight readings.
const PAGE_LEN_MAX: usize = 12 * 1024;

#[test]
fn the_page_of_eight_readings_is_short() {
    // A board with three readings, and five of other devices with the longest names.
    let board = Board::default();
    board.remotes.set(5);
    let (mut histories, mut days, mut resources) = (board.histories(), board.days(), AppResources::new());
    days.extend((0..6).map(|_| Day::new()));
    let mut settings = Settings::default();
    for rule in 0..8 {
        settings
            .rules
            .set(&rule.to_string(), &format!("when lm35 < {rule} and uptime < 1000 set fan 100 lost 1"), 8)
            .unwrap();
    }
    let app = App::new(&board, &mut resources, &mut histories, settings).unwrap().with_days(&mut days);
    let mut device = Device::new(&board, &app);
    for minute in 0..1_500 {
        device.wait(60_000);
        // As many digits and turns as there can be, and gaps.
        let value = if minute % 2 == 0 { i32::MIN } else { i32::MAX };
        (0..3).filter(|reading| minute % (reading + 2) < 2).for_each(|reading| app.sample(reading, Value(value)));
        for remote in 0..5 {
            let name = format!("node{remote}.{}", "x".repeat(34));
            device.send("ap", format!("XADD history:{name} * value {}\r\n", value / 2).as_bytes());
            assert!(device.bytes("ap").starts_with(b"$"), "{name}");
        }
    }
    for (path, len_max) in
        [("/", PAGE_LEN_MAX), ("/~lm35", PAGE_LEN_MAX), (&format!("/node0.{}", "x".repeat(34)), PAGE_LEN_MAX)]
    {
        device.send("sta", format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        let page = String::from_utf8(device.bytes("sta")).unwrap();
        assert!(page.ends_with("</html>\n") && page.len() <= len_max, "{path}: {}\n{page}", page.len());
        assert!(
            page.contains(&i32::MIN.to_string())
                || page.contains(&(i32::MIN / 2).to_string())
                || page.contains("-214748364.8"),
            "{page}"
        );
        device.forget("sta");
        // A phone that takes it bit by bit gets the same.
        device.wire("sta").0.borrow_mut().acks.extend([0, 300].repeat(100));
        device.send("sta", format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        let mut parts = device.bytes("sta");
        for _ in 0..200 {
            device.wire("sta").0.borrow_mut().is_stuck = false;
            device.run();
            parts.extend(device.bytes("sta"));
        }
        assert_eq!(String::from_utf8(parts).unwrap(), page, "{path}");
        device.forget("sta");
    }
}

#[test]
fn field_21_head_gets_what_get_gets_without_the_page() {
    check(
        "sta\\ HEAD / HTTP/1.1\\r\\nHost: 192.168.1.1\\r\\n\\r\\n
         sta$ HTTP/1.1 200 OK|Content-Type: text/html; charset=utf-8|Cache-Control: no-store|Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:|Connection: close||
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

/// The probes of phones and computers that have joined a network, as of 2026: a host of the maker, and a path.
const PROBES: [(&str, &str); 13] = [
    // Android and ChromeOS, and Android's fallbacks.
    ("connectivitycheck.gstatic.com", "/generate_204"),
    ("www.google.com", "/gen_204"),
    ("play.googleapis.com", "/generate_204"),
    // iOS and macOS.
    ("captive.apple.com", "/hotspot-detect.html"),
    ("captive.apple.com", "/"),
    ("www.apple.com", "/library/test/success.html"),
    // Windows 10 and 11, and older ones.
    ("www.msftconnecttest.com", "/connecttest.txt"),
    ("www.msftconnecttest.com", "/redirect"),
    ("www.msftncsi.com", "/ncsi.txt"),
    // Firefox.
    ("detectportal.firefox.com", "/canonical.html"),
    ("detectportal.firefox.com", "/success.txt?ipv4"),
    // NetworkManager: GNOME's and Debian's.
    ("nmcheck.gnome.org", "/check_network_status.txt"),
    ("network-test.debian.org", "/nm"),
];

#[test]
fn a_phone_in_the_devices_network_is_led_to_the_page() {
    let mut script = String::new();
    for (client, (host, path)) in PROBES.into_iter().enumerate() {
        let is_page = path == "/";
        let answer = match is_page {
            true => "~ <h1>sockeye-3f2a</h1>",
            false => "$ HTTP/1.1 302 Found|Location: /|Content-Length: 0|Cache-Control: no-store|Connection: close||",
        };
        script += &format!("ap{client}\\ GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n\nap{client}{answer}\n");
        if client % 8 == 7 {
            script += "@wait 1\n";
        }
    }
    check(&script);
}

#[test]
fn the_page_of_a_device_with_a_radio_says_how_to_set_the_network() {
    check(
        "@radio
         @told configure 01 false, start sockeye-3f2a 192.168.1.1/24 own
         @wifi ap-started
         ap\\ GET / HTTP/1.1\\r\\n
         ap~ <h2>Wi-Fi</h2><table><tr><th scope=row>State<td>off<tr><th scope=row>Own network<td>sockeye-3f2a</table>/
         ap2\\ GET / HTTP/1.1\\r\\n
         ap2~ <pre>CONFIG SET wifi.ssid NAME wifi.password PASSWORD/WIFI TRY/WIFI CONFIRM</pre>/",
    );
}

#[test]
fn a_page_shows_no_readings_to_who_has_no_token() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET auth.token correct-horse\nap= +OK|");
    let (_, page) = browse(&board, "sample 0 235", "/");
    assert!(page.contains("<h1>sockeye-3f2a</h1>") && page.contains("redis-cli -h") && is_closed(&page), "{page}");
    for secret in ["lm35", "23.5", "led", "fan", "Up ", "Wi-Fi", "<ul>"] {
        assert!(!page.contains(secret), "{secret}\n{page}");
    }
    check_on(
        &board,
        "@sample 0 235
         sta\\ GET /lm35 HTTP/1.0\\r\\n
         sta$ HTTP/1.1 404 Not Found|Content-Length: 0|Connection: close||",
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
               lo26\\ nosuch\\r\\nFROB / HTTP/1.1\\r\\nSET led 1\\r\\n
               lo26~ -ERR unknown command 'nosuch', with args beginning with: |-ERR Protocol error: HTTP is not spoken here|
               lo27\\ PING\\r\\nRESET\\r\\nFROB / HTTP/1.1\\r\\n
               lo27$ +PONG|+RESET|-ERR Protocol error: HTTP is not spoken here|
               lo25\\ x-header: a\\r\\nSET led 1\\r\\n
               lo25$ -ERR Protocol error: HTTP is not spoken here|\n";
    check_on(&board, &script);
    assert!(board.applied.borrow().is_empty());
}
