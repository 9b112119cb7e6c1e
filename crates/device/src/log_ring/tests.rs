use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;
use std::vec::Vec;

use super::*;

fn memory(byte: u8) -> LogMemory {
    [const { AtomicU8::new(0) }; LOG_MEMORY_LEN].map(|_| AtomicU8::new(byte))
}

fn lines(log: &LogRing<'_>) -> Vec<LogLine> {
    let all = log.range(StreamId::MIN, StreamId::MAX);
    (0..u32::from(all.len)).map(|offset| log.line(all.first.wrapping_add(offset)).unwrap()).collect()
}

fn texts(log: &LogRing<'_>) -> Vec<String> {
    lines(log).iter().map(|line| line.text.to_string()).collect()
}

/// The same as the log, with all of it in mind.
#[derive(Default)]
struct Model(Vec<(StreamId, LogLevel, String)>);

impl Model {
    fn append(&mut self, level: LogLevel, text: &str, ms: u64) {
        let clean: String = text.chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
        let mut parts = Vec::new();
        let mut part = String::new();
        for c in clean.chars() {
            if part.len() + c.len_utf8() > LOG_LINE_LEN_MAX {
                parts.push(core::mem::replace(&mut part, "  ".to_owned()));
            }
            part.push(c);
        }
        parts.push(part);
        for part in parts.into_iter().take(LOG_TEXT_LINES_MAX).filter(|part| !part.is_empty()) {
            let last = self.0.last().map(|(id, ..)| *id).unwrap_or_default();
            let id = StreamId { ms, seq: 0 }.max(StreamId { seq: last.seq + 1, ..last });
            self.0.push((id, level, part));
        }
    }

    fn lines(&self) -> Vec<LogLine> {
        let newest = &self.0[self.0.len().saturating_sub(LOG_LINES_MAX)..];
        let line = |(id, level, text): &(StreamId, LogLevel, String)| LogLine {
            id: *id,
            level: *level,
            text: text.as_str().try_into().unwrap(),
        };
        newest.iter().map(line).collect()
    }
}

fn random_text(random: &mut fastrand::Rng) -> String {
    let len = random.usize(..2 * LOG_LINE_LEN_MAX);
    (0..len).map(|_| *random.choice(&['a', 'z', ' ', '~', '\n', '\u{e9}', '\u{20ac}', '\u{1f600}']).unwrap()).collect()
}

#[test]
fn the_log_is_as_a_model_that_keeps_everything() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (memory, mut model, mut ms) = (memory(random.u8(..)), Model::default(), 0);
        let mut log = LogRing::new(&memory);
        for step in 0..random.usize(..300) {
            ms += random.u64(..3);
            let (level, text) = (*random.choice(&LogLevel::ALL).unwrap(), random_text(&mut random));
            log.append(level, &text, ms * 1_000);
            model.append(level, &text, ms);
            if random.u8(..) == 0 {
                // A restart: the time since boot begins anew, and the lines are there.
                (log, ms) = (LogRing::new(&memory), 0);
            }
            if random.u8(..16) == 0 {
                assert_eq!(lines(&log), model.lines(), "seed {seed} step {step}");
            }
        }
    }
}

/// A panic of a dependency in a folder of its own, with a long reason.
#[test]
fn a_long_text_goes_on_in_lines_of_its_own() {
    let memory = memory(0);
    let log = LogRing::new(&memory);
    let text = format!("panicked at {}: {}", "src/".repeat(22), "a reason ".repeat(15).trim_end());
    log.append_in_panic(LogLevel::Warning, &text, 0);
    log.append(LogLevel::Notice, &"the next", 0);
    let texts = texts(&log);
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert_eq!((texts[0].len(), texts[3].as_str()), (LOG_LINE_LEN_MAX, "the next"));
    assert_eq!([&texts[0], &texts[1][2..], &texts[2][2..]].concat(), text);
    // A text has an end.
    log.append(LogLevel::Notice, &"x".repeat(9 * LOG_LINE_LEN_MAX), 0);
    assert_eq!(log.len(), 4 + LOG_TEXT_LINES_MAX);
}

#[test]
fn ids_grow_over_restarts_and_follow_the_clock() {
    let memory = memory(0xff);
    let log = LogRing::new(&memory);
    log.append(LogLevel::Notice, &"boot", 5_000);
    log.follow(Now { uptime_us: 6_000, unix_us: Some(1_000_006_000) });
    log.append(LogLevel::Notice, &"the clock is set", 7_000);
    let log = LogRing::new(&memory);
    log.append(LogLevel::Warning, &"boot again", 1_000);
    let ids: Vec<_> = lines(&log).iter().map(|line| format!("{}", line.id)).collect();
    assert_eq!(ids, ["5-0", "1000007-0", "1000007-1"]);
    assert_eq!(log.last(), StreamId { ms: 1_000_007, seq: 1 });
}

#[test]
fn memory_that_nobody_wrote_has_no_lines() {
    for byte in 0..=u8::MAX {
        assert_eq!(LogRing::new(&memory(byte)).len(), 0, "{byte:#x}");
    }
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..100 {
        let memory = memory(0);
        memory.iter().for_each(|byte| byte.store(random.u8(..), Ordering::Relaxed));
        let log = LogRing::new(&memory);
        assert_eq!(texts(&log), [""; 0]);
        log.append(LogLevel::Notice, &"first", 0);
        assert_eq!(texts(&log), ["first"]);
    }
}

/// A damaged byte costs the line that it is in, and those before it; every line that is left is a line that was added.
#[test]
fn every_damaged_byte_is_noticed() {
    let mut random = fastrand::Rng::with_seed(2);
    for count in [1, 5, LOG_LINES_MAX, LOG_LINES_MAX + 9] {
        let whole = memory(0);
        let log = LogRing::new(&whole);
        for line in 0..count {
            log.append(LogLevel::Notice, &format_args!("line {line}"), line as u64 * 1_000);
        }
        let known = lines(&log);
        // All bytes of two slots, and some of the others.
        let others = (0..200).map(|_| random.usize(..LOG_MEMORY_LEN)).collect::<Vec<_>>();
        for index in (0..2 * LOG_SLOT_LEN).chain(others) {
            let damaged = memory(0);
            damaged.iter().zip(&whole).for_each(|(to, from)| to.store(from.load(Ordering::Relaxed), Ordering::Relaxed));
            damaged[index].fetch_xor(random.u8(1..), Ordering::Relaxed);
            let log = LogRing::new(&damaged);
            let left = lines(&log);
            // The text's end is not in use, and the newest line may be the damaged one.
            let end = if left.last() == known.last() { known.len() } else { known.len() - 1 };
            assert_eq!(left, known[end - left.len()..end], "byte {index} of {count} lines");
            log.append(LogLevel::Notice, &"after", 0);
            assert_eq!(texts(&log).last().unwrap(), "after", "byte {index} of {count} lines");
        }
    }
}

/// A reset may come after any byte of a line was written.
#[test]
fn a_torn_line_is_dropped_and_those_before_it_are_kept() {
    for written in 0..LOG_SLOT_LEN {
        for before in [1, LOG_LINES_MAX] {
            let (memory, whole) = (memory(0), memory(0));
            let (log, other) = (LogRing::new(&memory), LogRing::new(&whole));
            for line in 0..before {
                log.append(LogLevel::Notice, &format_args!("line {line}"), 0);
                other.append(LogLevel::Notice, &format_args!("line {line}"), 0);
            }
            let known = texts(&log);
            other.append(LogLevel::Notice, &"x".repeat(LOG_LINE_LEN_MAX), 0);
            let at = before % LOG_LINES_MAX * LOG_SLOT_LEN;
            for index in at..at + written {
                memory[index].store(whole[index].load(Ordering::Relaxed), Ordering::Relaxed);
            }
            let left = texts(&LogRing::new(&memory));
            // The slot had the oldest of 64 lines before.
            let oldest = if written > 0 && before == LOG_LINES_MAX { 1 } else { 0 };
            assert_eq!(left, known[oldest..], "{written} bytes after {before} lines");
        }
    }
}

#[test]
fn a_factory_reset_forgets_the_lines_and_keeps_ids_growing() {
    let memory = memory(0);
    let log = LogRing::new(&memory);
    log.append(LogLevel::Notice, &"joined home", 9_000);
    log.clear();
    assert_eq!(log.len(), 0);
    assert!(memory.iter().all(|byte| byte.load(Ordering::Relaxed) == 0));
    log.append(LogLevel::Notice, &"after", 1_000);
    assert_eq!(lines(&log)[0].id, StreamId { ms: 9, seq: 1 });
}

#[test]
fn control_characters_are_not_kept() {
    let memory = memory(0);
    let log = LogRing::new(&memory);
    log.append(LogLevel::Warning, &"panicked at src/x.rs:1:2:\nno\u{1b}[31m \u{0}\r\u{85}", 0);
    log.append(LogLevel::Notice, &"", 0);
    assert_eq!(texts(&log), ["panicked at src/x.rs:1:2: no?[31m ???"]);
}

/// A panic while a line is added must not lead to another panic, nor to a wait.
#[test]
fn a_line_of_a_panic_within_the_log_is_left_out() {
    let memory = memory(0);
    let log = LogRing::new(&memory);
    log.with(|_| log.append(LogLevel::Warning, &"a panic", 0));
    assert_eq!(log.len(), 0);
    log.append(LogLevel::Notice, &"after", 0);
    assert_eq!(texts(&log), ["after"]);
}

struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_line_wakes_all_who_wait_and_more_than_fit_are_woken_early() {
    let memory = memory(0);
    let log = LogRing::new(&memory);
    let counts: Vec<_> = (0..=SESSIONS_MAX).map(|_| Arc::new(Counted(AtomicUsize::new(0)))).collect();
    let woken = || counts.iter().map(|count| count.0.load(std::sync::atomic::Ordering::SeqCst)).collect::<Vec<_>>();
    for count in &counts[..SESSIONS_MAX] {
        log.register(&count.clone().into());
        log.register(&count.clone().into());
    }
    assert_eq!(woken().iter().sum::<usize>(), 0);
    log.register(&counts[SESSIONS_MAX].clone().into());
    assert_eq!(woken()[..SESSIONS_MAX], [1; SESSIONS_MAX]);
    log.append(LogLevel::Notice, &"line", 0);
    log.append(LogLevel::Notice, &"line", 0);
    assert_eq!(woken()[SESSIONS_MAX], 1);
}

/// A panic may have come while the executor was at work, so nobody is woken.
#[test]
fn a_line_of_a_panic_wakes_nobody() {
    let memory = memory(0);
    let log = LogRing::new(&memory);
    let count = Arc::new(Counted(AtomicUsize::new(0)));
    let woken = || count.0.load(std::sync::atomic::Ordering::SeqCst);
    log.register(&count.clone().into());
    log.append_in_panic(LogLevel::Warning, &"panicked at src/x.rs:1:2: no", 0);
    assert_eq!((texts(&log), woken()), (vec!["panicked at src/x.rs:1:2: no".to_owned()], 0));
    log.append(LogLevel::Notice, &"line", 0);
    assert_eq!(woken(), 1);
}
