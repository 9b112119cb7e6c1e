//! The log of libraries, without expected messages.

use core::fmt::{self, Write};

use log::{Level, Log, Metadata, Record};
use sockeye_boot::Line;

/// The radio's library could not send a frame, with the driver's code for "sending is not permitted now"
/// (`ESP_ERR_WIFI_TX_DISALLOW`). The driver refuses to send for a moment whenever the station joins or leaves, and the
/// frame is sent again.
const EXPECTED: (&str, &str) = ("esp_radio", "esp_wifi_internal_tx returned error: 12309");

/// A logger that prints what libraries log by a function which prints a line.
pub struct LibraryLog(pub fn(Line<'_>));

impl Log for LibraryLog {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if !is_expected(record) {
            let text = *record.args();
            (self.0)(match record.level() {
                Level::Error | Level::Warn => Line::Warning(text),
                Level::Info | Level::Debug | Level::Trace => Line::Verbose(text),
            });
        }
    }

    fn flush(&self) {}
}

fn is_expected(record: &Record<'_>) -> bool {
    let (library, text) = EXPECTED;
    let mut rest = Rest(Some(text));
    record.target().starts_with(library) && write!(rest, "{}", record.args()).is_ok() && rest.0 == Some("")
}

/// The rest of an expected text after the text that was written so far; None once the written text differs.
struct Rest(Option<&'static str>);

impl Write for Rest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(text));
        self.0.map(drop).ok_or(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, code: i32, expected: bool) {
        let args = format_args!("esp_wifi_internal_tx returned error: {code}");
        assert_eq!(is_expected(&Record::builder().target(target).args(args).build()), expected, "{target} {code}");
    }

    #[test]
    fn one_code_of_one_library_is_expected() {
        check("esp_radio::wifi", 12309, true);
        check("esp_radio::wifi", 1230, false);
        check("esp_radio::wifi", 123090, false);
        check("esp_radio::wifi", 12294, false);
        check("embassy_net", 12309, false);
    }
}
