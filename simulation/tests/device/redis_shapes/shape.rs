//! A reply without its values, and how two of them differ.

use bytes::Bytes;
use resp_rs::resp3::{Frame, parse_frame};

/// The shape of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Null,
    Integer,
    Double,
    Boolean,
    /// A status, which has no value that differs.
    Simple,
    Error,
    /// A bulk string, and what it is.
    Text(String),
    /// A verbatim string: its format, and what is in it.
    Verbatim(String, Box<Shape>),
    /// A number, a list of fields, or something else in a text.
    Value(&'static str),
    List(Vec<Shape>),
    Set(Vec<Shape>),
    /// Names and what they name, in order.
    Map(Vec<(String, Shape)>),
}

/// How much of Redis's reply there must be.
#[derive(Clone, Copy)]
pub enum Rule<'a> {
    /// All fields, and no others but `newer` at the end.
    Same { newer: &'a [&'a str] },
    /// Some of the fields, and no others but `own` at the end of the outermost map.
    Part { own: &'a [&'a str] },
}

impl Shape {
    /// The shape of one reply.
    pub fn read(bytes: Vec<u8>) -> Self {
        let text = bytes.escape_ascii().to_string();
        let (frame, rest) = parse_frame(Bytes::from(bytes)).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        assert!(rest.is_empty(), "{} bytes after a reply: {text}", rest.len());
        Self::of(frame)
    }

    fn of(frame: Frame) -> Self {
        let all = |frames: Vec<Frame>| frames.into_iter().map(Self::of).collect();
        match frame {
            Frame::Null | Frame::BulkString(None) | Frame::Array(None) => Self::Null,
            Frame::Integer(_) => Self::Integer,
            Frame::Double(_) | Frame::SpecialFloat(_) => Self::Double,
            Frame::Boolean(_) => Self::Boolean,
            Frame::SimpleString(_) => Self::Simple,
            Frame::Error(_) => Self::Error,
            Frame::BulkString(Some(text)) => Self::Text(string(&text)),
            Frame::VerbatimString { payload } => {
                // Three bytes of format and a colon come before the text.
                Self::Verbatim(string(&payload.slice(..3)), Self::Text(string(&payload.slice(4..))).into())
            }
            Frame::Array(Some(items)) => Self::List(all(items)),
            Frame::Set(items) => Self::Set(all(items)),
            Frame::Map(pairs) => {
                Self::Map(pairs.into_iter().map(|(name, value)| (name_of(name), Self::of(value))).collect())
            }
            other => panic!("{other:?} is no reply of these commands"),
        }
    }

    /// This reply in RESP3, if the one in RESP2 is the same as far as RESP2 has its types.
    pub fn with_resp2(self, resp2: Self) -> Result<Self, String> {
        let error = |why: &str| Err(format!("{why}: RESP3 {self:?}, RESP2 {resp2:?}"));
        match (&self, &resp2) {
            (Self::Map(pairs), Self::List(items)) if items.len() == 2 * pairs.len() => {
                for ((name, value), item) in pairs.iter().zip(items.chunks(2)) {
                    if item[0] != Self::Text(name.clone()) {
                        return error("another name");
                    }
                    value.clone().with_resp2(item[1].clone())?;
                }
            }
            // The servers were asked one after the other, so that a list may have grown.
            (Self::List(ours) | Self::Set(ours), Self::List(items)) => {
                for (value, item) in ours.iter().zip(items) {
                    value.clone().with_resp2(item.clone())?;
                }
            }
            (Self::Verbatim(..) | Self::Text(_) | Self::Double, Self::Text(_)) | (Self::Boolean, Self::Integer) => (),
            (one, other) if one == other => (),
            _ => return error("another type"),
        }
        Ok(self)
    }

    /// Tells where this reply, the device's, is not as `theirs`.
    pub fn compare(&self, theirs: &Self, rule: Rule<'_>, place: &str, differences: &mut Vec<String>) {
        let inner = if let Rule::Part { .. } = rule { Rule::Part { own: &[] } } else { rule };
        match (self, theirs) {
            (Self::Text(ours), Self::Text(theirs)) => match (parse(ours), parse(theirs)) {
                (Self::Value(ours), Self::Value(theirs)) if ours == theirs => (),
                (ours @ Self::Value(_), theirs) | (ours, theirs @ Self::Value(_)) => {
                    differences.push(format!("{place}: {ours:?}, and in Redis {theirs:?}"));
                }
                (ours, theirs) => ours.compare(&theirs, rule, place, differences),
            },
            (Self::Verbatim(our_format, ours), Self::Verbatim(format, theirs)) if our_format == format => {
                ours.compare(theirs, rule, place, differences);
            }
            (Self::Map(ours), Self::Map(theirs)) => compare_fields(ours, theirs, rule, place, differences),
            (Self::List(ours), Self::List(theirs)) if is_tuple(theirs) && ours.len() == theirs.len() => {
                for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    ours.compare(theirs, inner, &format!("{place}[{index}]"), differences);
                }
            }
            (Self::List(ours), Self::List(theirs)) | (Self::Set(ours), Self::Set(theirs)) => {
                for (index, item) in ours.iter().enumerate() {
                    let mut nearest: Option<Vec<String>> = None;
                    for other in theirs {
                        let mut found = Vec::new();
                        item.compare(other, inner, &format!("{place}[{index}]"), &mut found);
                        if nearest.as_ref().is_none_or(|nearest| found.len() < nearest.len()) {
                            nearest = Some(found);
                        }
                    }
                    differences.extend(nearest.unwrap_or_default());
                }
            }
            (ours, theirs) if ours == theirs => (),
            (ours, theirs) => differences.push(format!("{place}: {ours:?}, and in Redis {theirs:?}")),
        }
    }
}

fn compare_fields(
    ours: &[(String, Shape)],
    theirs: &[(String, Shape)],
    rule: Rule<'_>,
    place: &str,
    differences: &mut Vec<String>,
) {
    let (added, inner) = match rule {
        Rule::Same { newer } => (newer, rule),
        Rule::Part { own } => (own, Rule::Part { own: &[] }),
    };
    let (mut at, mut has_added) = (0, false);
    for (name, value) in ours {
        let Some(index) = theirs.iter().position(|(other, _)| other == name) else {
            let is_known = added.contains(&name.as_str());
            has_added |= is_known;
            if !is_known {
                differences.push(format!("{place}: {name}, which Redis does not have"));
            }
            continue;
        };
        if index < at || has_added {
            differences.push(format!("{place}: {name} is not where Redis has it"));
        }
        at = at.max(index + 1);
        value.compare(&theirs[index].1, inner, &format!("{place} {name}"), differences);
    }
    if let Rule::Same { .. } = rule {
        let missing = theirs.iter().filter(|(name, _)| !ours.iter().any(|(other, _)| other == name));
        differences.extend(missing.map(|(name, _)| format!("{place}: {name} is missing")));
    }
}

/// Whether each place of a list means something else, as far as its types say.
fn is_tuple(items: &[Shape]) -> bool {
    let kind = std::mem::discriminant::<Shape>;
    items.windows(2).any(|pair| kind(&pair[0]) != kind(&pair[1]))
}

/// The shape of a text: a document of fields, a list of them, a number or something else.
fn parse(text: &str) -> Shape {
    if text.starts_with("# ") {
        return document(text);
    }
    if text.ends_with('\n') && text.contains('=') {
        // All clients have the same fields.
        let clients: Vec<_> = text.lines().map(|line| fields(line.split(' '), '=')).collect();
        return Shape::List(clients);
    }
    value(text)
}

/// The sections of INFO.
fn document(text: &str) -> Shape {
    assert!(text.ends_with("\r\n"), "INFO's last line has no end");
    let sections = text.split("\r\n\r\n").map(|section| {
        let (title, lines) = section.split_once("\r\n").unwrap_or((section, ""));
        let name = title.strip_prefix("# ").unwrap_or_else(|| panic!("{title:?} is no section"));
        (name.to_owned(), fields(lines.split_terminator("\r\n"), ':'))
    });
    Shape::Map(sections.collect())
}

fn fields<'a>(items: impl Iterator<Item = &'a str>, mark: char) -> Shape {
    let pairs = items.map(|item| {
        let (name, text) = item.split_once(mark).unwrap_or_else(|| panic!("{item:?} is no field"));
        (name.to_owned(), value(text))
    });
    Shape::Map(pairs.collect())
}

fn value(text: &str) -> Shape {
    let number = text.strip_suffix(['B', 'K', 'M', 'G', '%']).unwrap_or(text);
    if text.contains('=') && text.split(',').all(|item| item.contains('=')) {
        return fields(text.split(','), '=');
    }
    Shape::Value(match (text.parse::<i64>(), number.parse::<f64>()) {
        (Ok(_), _) => "an integer",
        (_, Ok(_)) if number.len() < text.len() => "a number with its unit",
        (_, Ok(_)) => "a number",
        _ => "a text",
    })
}

fn string(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn name_of(frame: Frame) -> String {
    match frame {
        Frame::BulkString(Some(name)) | Frame::SimpleString(name) => string(&name),
        other => panic!("{other:?} is no name"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Rule, Shape};

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nos:Linux\r\nuptime_in_seconds:5\r\n\r\n# Memory\r\nused_memory:900\r\nused_memory_human:900.00B\r\n\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n";
    const CLIENT: &str = "id=3 addr=127.0.0.1:1 name= db=0 user=default\n";

    fn bulk(text: &str) -> Shape {
        Shape::read(format!("${}\r\n{text}\r\n", text.len()).into_bytes())
    }

    fn differences(ours: &Shape, theirs: &Shape, rule: Rule<'_>) -> String {
        let mut found = Vec::new();
        ours.compare(theirs, rule, "", &mut found);
        found.join("; ")
    }

    #[test]
    fn each_wrong_field_of_a_text_is_found() {
        let part = Rule::Part { own: &["Device"] };
        let check = |from: &str, to: &str, expected: &str| {
            let ours = INFO.replace(from, to);
            assert_eq!(differences(&bulk(&ours), &bulk(INFO), part), expected, "{ours:?}");
        };
        check("x", "x", "");
        check("os:Linux\r\n", "", "");
        check("avg_ttl=0\r\n", "avg_ttl=0\r\n\r\n# Device\r\nsamples:5\r\n", "");
        check("os:", "oss:", " Server: oss, which Redis does not have");
        check(
            "os:Linux\r\nuptime_in_seconds:5\r\n",
            "uptime_in_seconds:5\r\nos:Linux\r\n",
            " Server: os is not where Redis has it",
        );
        check(
            "uptime_in_seconds:5",
            "uptime_in_seconds:5.1",
            " Server uptime_in_seconds: Value(\"a number\"), and in Redis Value(\"an integer\")",
        );
        check(
            "900.00B",
            "900",
            " Memory used_memory_human: Value(\"an integer\"), and in Redis Value(\"a number with its unit\")",
        );
        check("keys=1,expires=0", "expires=0,keys=1", " Keyspace db0: keys is not where Redis has it");
        check(
            "# Memory",
            "# Device\r\nsamples:5\r\n\r\n# Memory",
            ": Memory is not where Redis has it; : Keyspace is not where Redis has it",
        );
        check("used_memory:900\r\n", "used_memory:900\r\n.....:..\r\n", " Memory: ....., which Redis does not have");
    }

    #[test]
    fn each_wrong_field_of_a_client_is_found() {
        let same = Rule::Same { newer: &["lib-name"] };
        let check = |from: &str, to: &str, expected: &str| {
            let ours = CLIENT.replace(from, to);
            assert_eq!(differences(&bulk(&ours), &bulk(CLIENT), same), expected, "{ours:?}");
        };
        check("x", "x", "");
        check("\n", " lib-name=a\n", "");
        check("\n", " wifi=a\n", "[0]: wifi, which Redis does not have");
        check(" db=0", "", "[0]: db is missing");
        check("db=0 user=default", "user=default db=0", "[0]: db is not where Redis has it");
        check("id=3", "id=a", "[0] id: Value(\"a text\"), and in Redis Value(\"an integer\")");
    }

    #[test]
    fn each_wrong_field_of_a_reply_is_found() {
        let theirs = b"%2\r\n$6\r\nlength\r\n:3\r\n$5\r\nfirst\r\n*2\r\n$1\r\n1\r\n*1\r\n$1\r\na\r\n";
        let theirs = || Shape::read(theirs.to_vec());
        let same = Rule::Same { newer: &[] };
        let check = |ours: &[u8], expected: &str| {
            assert_eq!(differences(&Shape::read(ours.to_vec()), &theirs(), same), expected)
        };
        check(b"%2\r\n$6\r\nlength\r\n:9\r\n$5\r\nfirst\r\n*2\r\n$1\r\n1\r\n*1\r\n$1\r\na\r\n", "");
        check(b"%1\r\n$6\r\nlength\r\n:9\r\n", ": first is missing");
        check(
            b"%2\r\n$6\r\nlength\r\n$1\r\n9\r\n$5\r\nfirst\r\n*2\r\n$1\r\n1\r\n*1\r\n$1\r\na\r\n",
            " length: Text(\"9\"), and in Redis Integer",
        );
        check(
            b"%2\r\n$6\r\nlength\r\n:9\r\n$5\r\nfirst\r\n*2\r\n*1\r\n$1\r\na\r\n$1\r\n1\r\n",
            " first[0]: List([Text(\"a\")]), and in Redis Text(\"1\");  first[1]: Text(\"1\"), and in Redis List([Text(\"a\")])",
        );
        let flat =
            Shape::read(b"*4\r\n$6\r\nlength\r\n:3\r\n$5\r\nfirst\r\n*2\r\n$1\r\n1\r\n*1\r\n$1\r\na\r\n".to_vec());
        assert!(theirs().with_resp2(flat).is_ok());
        let other = Shape::read(b"*4\r\n$3\r\nlen\r\n:3\r\n$5\r\nfirst\r\n*2\r\n$1\r\n1\r\n*1\r\n$1\r\na\r\n".to_vec());
        assert!(theirs().with_resp2(other).is_err());
    }
}
