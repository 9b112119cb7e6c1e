//! Patterns as KEYS, SCAN, PSUBSCRIBE and CONFIG GET take them.

/// Whether `text` matches `pattern` by the rules of Redis:
///
/// - `*`: any bytes
/// - `?`: one byte
/// - `[a-c]`: one of these bytes
/// - `[^a]`: one byte that is none of these
/// - `\`: the next byte, literally
///
/// Takes at most as many steps as the product of both lengths. After a mismatch only the last `*` is tried with one
/// byte more: an earlier `*` could match nothing that the last one can't.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after @ ..] = pattern {
            retry = Some((after, text));
            pattern = after;
            continue;
        }
        let step = match (pattern, text) {
            ([], []) => return true,
            (_, []) => return false,
            ([], _) => None,
            (_, &[byte, ref rest @ ..]) => one(pattern, byte).map(|after| (after, rest)),
        };
        (pattern, text) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after, [_, shorter @ ..]))) => {
                retry = Some((after, shorter));
                (after, shorter)
            }
            (None, _) => return false,
        };
    }
}

/// The pattern after its first element, if that element matches `byte`; None if not.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match *pattern {
        [b'?', ref after @ ..] => Some(after),
        [b'[', ref class @ ..] => {
            let (is_in, after) = in_class(class, byte);
            is_in.then_some(after)
        }
        [b'\\', literal, ref after @ ..] | [literal, ref after @ ..] => (literal == byte).then_some(after),
        [] => None,
    }
}

/// Whether `byte` is in the class, and what follows it. As in Redis, a class that isn't closed ends with the pattern.
fn in_class(class: &[u8], byte: u8) -> (bool, &[u8]) {
    let (negated, mut class) = match class {
        [b'^', class @ ..] => (true, class),
        class => (false, class),
    };
    let mut is_in = false;
    loop {
        class = match *class {
            [] => return (is_in != negated, &[]),
            [b']', ref after @ ..] => return (is_in != negated, after),
            [b'\\', literal, ref after @ ..] => {
                is_in |= literal == byte;
                after
            }
            [from, b'-', to, ref after @ ..] => {
                is_in |= (from.min(to)..=from.max(to)).contains(&byte);
                after
            }
            [literal, ref after @ ..] => {
                is_in |= literal == byte;
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        for text in matching {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} {text:?}");
        }
        for text in others {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn patterns_are_those_of_redis() {
        check("", &[""], &["a"]);
        check("*", &["", "a", "abc"], &[]);
        check("**", &["", "a"], &[]);
        check("a*c", &["ac", "abc", "abcc"], &["a", "abcd", "bc"]);
        check("*.temp*", &["chip.temperature", ".temp"], &["temp"]);
        check("h?llo", &["hello", "hallo"], &["hllo", "heello"]);
        check("h[ae]llo", &["hello", "hallo"], &["hillo", "hllo"]);
        check("h[^e]llo", &["hallo"], &["hello", "hllo"]);
        check("h[a-c]llo", &["hbllo"], &["hdllo"]);
        check("h[c-a]llo", &["hbllo"], &["hdllo"]);
        check("h[a-]llo", &["h]llo".trim_end_matches("llo")], &["hallo"]);
        check("\\*", &["*"], &["a", "\\*"]);
        check("[\\]]", &["]"], &["\\"]);
        check("[abc", &["a", "c"], &["d", ""]);
        check("a\\", &["a\\"], &["a"]);
        check("[", &[], &["[", ""]);
        check("[^", &["a"], &[""]);
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let pattern = "*a".repeat(250) + "b";
        let text = "a".repeat(250);
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
    }
}
