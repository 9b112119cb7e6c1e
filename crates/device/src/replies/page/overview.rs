//! The page of all readings, outputs and rules.

use core::fmt::Write;

use sockeye_wifi::{FIELDS, WifiStatus};

use super::chart::Span;
use super::progress::PageProgress;
use super::style::STYLE;
use super::{Escaped, Out, Page, Written};
use crate::limits::{CHART_HEIGHT, HOUR_COLUMNS, MINUTE_MS, OUTPUTS_MAX, REMOTES_MAX, RULES_MAX};
use crate::platform::ValueKind;
use crate::rules::engine::problem;
use crate::sessions::page_view::PageView;
use crate::value::Value;

/// The fields of the Wi-Fi that the page has, with the words for them.
const WIFI_FIELDS: [(&str, &str); 5] = [
    ("wifi_state", "State"),
    ("wifi_ssid", "Network"),
    ("wifi_address", "Address"),
    ("wifi_rssi_dbm", "Signal, dBm"),
    ("wifi_ap_ssid", "Own network"),
];

impl Page<'_> {
    /// Writes a part of the page. None after the last.
    pub(super) fn overview_part(&self, progress: &PageProgress, out: &mut Out<'_>) -> Option<Written> {
        let name = self.state.device_name(self.platform);
        if let Some(written) = self.head_part(progress, name, out) {
            return Some(written);
        }
        // Once a token is set, readings are not shown, because a browser has no token.
        let is_open = self.state.settings.token.is_none();
        let readings = if is_open { self.state.wired.own + REMOTES_MAX } else { 0 };
        let (outputs, rules) = if is_open { (OUTPUTS_MAX, RULES_MAX) } else { (0, 0) };
        let mut part = usize::from(progress.part).checked_sub(1 + STYLE.len())?;
        if part == 0 {
            return Some(self.overview_title(name, is_open, out));
        }
        part -= 1;
        if part < 2 * readings {
            let reading = part / 2;
            let is_start = part.is_multiple_of(2);
            return Some(if is_start {
                self.card_start(reading, progress, out)
            } else {
                self.card_end(reading, progress, out)
            });
        }
        part -= 2 * readings;
        if part == 0 {
            return Some(self.outputs_title(is_open, out));
        }
        part -= 1;
        if part < outputs {
            return Some(self.output(part, out));
        }
        part -= outputs;
        if part < rules {
            return Some(self.rule(part, out));
        }
        match part - rules {
            0 => Some(self.wifi(is_open, out)),
            1 => Some(self.connect(name, out)),
            2 => Some(self.end(progress.view, "", out)),
            _ => None,
        }
    }

    fn overview_title(&self, name: &str, is_open: bool, out: &mut Out<'_>) -> Written {
        write!(out, "<header><h1>{name}</h1>")?;
        if !is_open {
            return out.write_str("<p>Its readings are for clients that know its token.</header><main>\n");
        }
        let identity = self.platform.identity();
        let up_s = self.now.uptime_s();
        let (days, hours, minutes) = (up_s / 86_400, up_s / 3_600 % 24, up_s / 60 % 60);
        out.write_str("<p class=m>Up ")?;
        if days > 0 {
            write!(out, "{days} d ")?;
        }
        write!(out, "{hours} h {minutes} min, Sockeye {} on {}", identity.version, Escaped(identity.board))?;
        if self.state.wired.is_set_aside && self.platform.pins().is_some() {
            out.write_str("<p>What is wired is not in use. WIRING STATUS has the reason.")?;
        }
        out.write_str("</header><main><h2>Readings</h2><ul>\n")
    }

    /// A reading's name and value.
    fn card_start(&self, reading: usize, progress: &PageProgress, out: &mut Out<'_>) -> Written {
        let Some((label, _)) = self.state.catalog(self.platform).reading(reading) else {
            // Nothing is wired in this place.
            return Ok(());
        };
        let prefix = PageView::prefix(progress.view.is_still());
        write!(out, "<li><a href=\"{prefix}{label}\">{label}</a><div class=v>")?;
        self.write_value(reading, out)?;
        out.write_str("</div>")
    }

    /// A reading's last hour, and its extremes of a day.
    fn card_end(&self, reading: usize, progress: &PageProgress, out: &mut Out<'_>) -> Written {
        let is_there = self.state.catalog(self.platform).reading(reading).is_some();
        let Some(series) = self.series(reading).filter(|_| is_there) else {
            return Ok(());
        };
        let hour = self.span(progress, HOUR_COLUMNS, MINUTE_MS);
        if let Some(bucket) = hour.whole(&series) {
            let (low, high) = (self.decimal(reading, bucket.minimum), self.decimal(reading, bucket.maximum));
            write!(
                out,
                "<svg role=img aria-label=\"Last hour: {low} to {high}\" viewBox=\"0 -4 {} {}\" \
                 preserveAspectRatio=none>",
                HOUR_COLUMNS - 1,
                CHART_HEIGHT + 8
            )?;
            self.sparkline(reading, hour, &series, out)?;
            out.write_str("</svg>")?;
        }
        if let Some(bucket) = self.day_span(progress).whole(&series) {
            let (low, high) = (self.decimal(reading, bucket.minimum), self.decimal(reading, bucket.maximum));
            write!(out, "<div class=m>24 h: {low} to {high}</div>")?;
        }
        out.write_str("</li>\n")
    }

    fn outputs_title(&self, is_open: bool, out: &mut Out<'_>) -> Written {
        if !is_open {
            return Ok(());
        }
        let catalog = self.state.catalog(self.platform);
        out.write_str("</ul>")?;
        match (0..OUTPUTS_MAX).any(|output| catalog.output(output).is_some()) {
            true => out.write_str("<h2>Outputs</h2><ul>\n"),
            false => out.write_str("<ul>\n"),
        }
    }

    fn output(&self, output: usize, out: &mut Out<'_>) -> Written {
        let catalog = self.state.catalog(self.platform);
        let (Some((info, _)), Some(value)) = (catalog.output(output), self.state.outputs.get(output)) else {
            return Ok(());
        };
        write!(out, "<li>{}<div class=v>", info.name)?;
        match (info.kind, *value) {
            (ValueKind::Switch, Value(0)) => out.write_str("off")?,
            (ValueKind::Switch, _) => out.write_str("on")?,
            (_, value) => {
                write!(out, "{} <small>{}</small>", value.with_decimals(info.decimals), Escaped(info.unit))?;
            }
        }
        out.write_str("</div></li>\n")
    }

    /// A rule, its condition, and why it can't do all of its work. The first comes with the title of all.
    fn rule(&self, rule: usize, out: &mut Out<'_>) -> Written {
        let rules = &self.state.settings.rules;
        let (Some((name, text)), Some(state)) = (rules.iter().nth(rule), self.state.rules.get(rule)) else {
            return Ok(());
        };
        if rule == 0 {
            out.write_str("</ul><h2>Rules</h2><ul>\n")?;
        }
        let condition = state.condition.name();
        write!(out, "<li>{name}<div class=v>{condition}</div><div class=m>{}</div>", Escaped(text))?;
        if let Some(problem) = problem(self.state.catalog(self.platform), text, state, self.now) {
            write!(EscapedOut(out), "{problem}")?;
        }
        out.write_str("</li>\n")
    }

    fn wifi(&self, is_open: bool, out: &mut Out<'_>) -> Written {
        if !is_open {
            return Ok(());
        }
        out.write_str("</ul>")?;
        if !self.state.wifi.has_radio {
            return Ok(());
        }
        let status = WifiStatus {
            wifi: &self.state.wifi,
            settings: self.state.settings.wifi(self.state.device_name(self.platform)),
            rssi_dbm: self.health.wifi_rssi_dbm,
            now_ms: self.now.uptime_ms(),
        };
        out.write_str("<h2>Wi-Fi</h2><table>")?;
        for (name, words) in WIFI_FIELDS {
            let Some(field) = FIELDS.iter().find(|field| field.name == name).filter(|field| field.exists(&status))
            else {
                continue;
            };
            write!(out, "<tr><th scope=row>{words}<td>")?;
            if let Some(written) = field.write(&status, &mut EscapedOut(out)) {
                written?;
            }
        }
        out.write_str("</table>\n")
    }

    fn connect(&self, name: &str, out: &mut Out<'_>) -> Written {
        let port = self.platform.identity().port;
        out.write_str(
            "<h2>Connect</h2><p>This device speaks RESP, the protocol of Redis. Its page changes nothing.</p><pre>redis-cli -h ",
        )?;
        match self.address.is_unspecified() {
            false => write!(out, "{}", self.address)?,
            true => write!(out, "{name}.local")?,
        }
        writeln!(out, " -p {port}</pre>")?;
        if self.state.wifi.has_radio {
            out.write_str(
                "<h2>Join another network</h2><p>Typed in redis-cli, or in any app for Telnet:</p><pre>CONFIG SET \
                 wifi.ssid NAME wifi.password PASSWORD\nWIFI TRY\nWIFI CONFIRM</pre>\n",
            )?;
        }
        Ok(())
    }
}

/// Writes a text from outside, such as the name of a network.
struct EscapedOut<'o, 'a>(&'o mut Out<'a>);

impl Write for EscapedOut<'_, '_> {
    fn write_str(&mut self, text: &str) -> Written {
        write!(self.0, "{}", Escaped(text))
    }
}

impl Page<'_> {
    /// The columns of a chart of this page.
    pub(super) fn span(&self, progress: &PageProgress, columns: u32, column_ms: u64) -> Span {
        let to_ms = self.state.clock.stamp_ms(u64::from(progress.uptime_s) * 1_000 + 999);
        Span::until(to_ms, columns, column_ms)
    }

    /// The columns of the chart of a day.
    pub(super) fn day_span(&self, progress: &PageProgress) -> Span {
        self.span(progress, crate::limits::DAY_COLUMNS, 10 * MINUTE_MS)
    }
}
