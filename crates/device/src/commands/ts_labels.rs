//! The labels of a reading, as RedisTimeSeries has them, and the filters over them.

use core::fmt::Write;

use heapless::String;
use sockeye_resp::Protocol;
use sockeye_wiring::limits::SPEC_LEN_MAX;

use crate::command::CommandContext;
use crate::limits::{REMOTE_NAME_LEN_MAX, REMOTES_MAX, SELECTED_LABELS_LEN_MAX, SELECTED_LABELS_MAX};

/// A label that a reading can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// The reading's name, of another device's reading without the device's.
    Name,
    Unit,
    /// As `meta:NAME` has it.
    Kind,
    /// The name of the device that measures it.
    Node,
}

const LABELS: [(&str, Label); 4] =
    [("name", Label::Name), ("unit", Label::Unit), ("kind", Label::Kind), ("node", Label::Node)];

/// The options that end a list of labels.
const OPTIONS: [&[u8]; 11] = [
    b"LATEST",
    b"FILTER_BY_TS",
    b"FILTER_BY_VALUE",
    b"WITHLABELS",
    b"SELECTED_LABELS",
    b"COUNT",
    b"ALIGN",
    b"AGGREGATION",
    b"FILTER",
    b"GROUPBY",
    b"REDUCE",
];

/// The longest value: a unit is a word of a spec.
type LabelText = String<{ if SPEC_LEN_MAX > REMOTE_NAME_LEN_MAX { SPEC_LEN_MAX } else { REMOTE_NAME_LEN_MAX } }, u8>;

/// Which labels a reply has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    None,
    All,
    /// The labels that `count` arguments of the request from `first` on name.
    Selected {
        first: usize,
        count: usize,
    },
}

/// The filters of a request: its last arguments, from this one on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filters(pub(crate) usize);

/// A filter by a label's values.
struct Filter<'a> {
    label: &'a [u8],
    /// One value, several in brackets, or nothing.
    values: &'a [u8],
    is_negated: bool,
}

impl<'a> Filter<'a> {
    /// Reads `label=value`, `label!=value`, `label=(value,value)`, `label=` and the like.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let at = text.iter().position(|byte| *byte == b'=')?;
        let (label, values) = (text.get(..at)?, text.get(at + 1..)?);
        let (label, is_negated) = label.strip_suffix(b"!").map_or((label, false), |label| (label, true));
        let is_open = values.first() == Some(&b'(');
        (!label.is_empty() && is_open == (values.last() == Some(&b')'))).then_some(Self { label, values, is_negated })
    }

    /// Whether it finds readings by itself, and doesn't only leave some out.
    fn is_matcher(&self) -> bool {
        !self.is_negated && !self.values.is_empty()
    }

    /// Whether a reading with this value of the label, or without the label, is wanted.
    fn is_met(&self, value: Option<&str>) -> bool {
        let is_one = |wanted: &[u8]| value.is_some_and(|value| value.as_bytes() == wanted);
        let listed = self.values.strip_prefix(b"(").and_then(|values| values.strip_suffix(b")"));
        let is_equal = match listed {
            Some(values) => values.split(|byte| *byte == b',').any(|value| is_one(value.trim_ascii())),
            None if self.values.is_empty() => value.is_none(),
            None => is_one(self.values),
        };
        is_equal != self.is_negated
    }
}

/// One more than the greatest number of a reading.
pub(crate) fn readings(cx: &CommandContext<'_, '_>) -> usize {
    cx.state.wired.own + REMOTES_MAX
}

impl Filters {
    /// Checks the filters.
    ///
    /// # Errors
    /// As RedisTimeSeries writes them.
    pub(crate) fn parse(cx: &CommandContext<'_, '_>, first: usize) -> Result<Self, &'static str> {
        let mut is_any = false;
        for text in cx.request.args().skip(first) {
            is_any |= Filter::parse(text).ok_or("ERR TSDB: failed parsing labels")?.is_matcher();
        }
        if is_any { Ok(Self(first)) } else { Err("ERR TSDB: please provide at least one matcher") }
    }

    /// Whether there is a reading of this number which all filters match.
    pub(crate) fn are_met(self, cx: &CommandContext<'_, '_>, reading: usize) -> bool {
        let is_there = cx.catalog().reading(reading).is_some();
        is_there
            && cx.request.args().skip(self.0).filter_map(Filter::parse).all(|filter| {
                let label = LABELS.iter().find(|(name, _)| name.as_bytes() == filter.label);
                filter.is_met(label.and_then(|(_, label)| label_text(cx, reading, *label)).as_deref())
            })
    }

    /// The numbers of the readings that all filters match.
    pub(crate) fn readings(self, cx: &CommandContext<'_, '_>) -> impl Iterator<Item = usize> {
        (0..readings(cx)).filter(move |reading| self.are_met(cx, *reading))
    }
}

/// The value of a label; None if the reading has none.
fn label_text(cx: &CommandContext<'_, '_>, reading: usize, label: Label) -> Option<LabelText> {
    let catalog = cx.catalog();
    let (name, _) = catalog.reading(reading)?;
    let mut text = LabelText::new();
    let written = match catalog.remote(reading) {
        Some(remote) => {
            let (node, name) = remote.name().split_once('.')?;
            match label {
                Label::Name => text.write_str(name),
                Label::Node => text.write_str(node),
                Label::Kind => text.write_str("remote"),
                Label::Unit => return None,
            }
        }
        None => match label {
            Label::Name => write!(text, "{name}"),
            Label::Node => text.write_str(cx.state.device_name(cx.platform)),
            Label::Kind => text.write_str(catalog.info(reading)?.0.kind.name()),
            Label::Unit => text.write_str(catalog.info(reading)?.0.unit),
        },
    };
    // RedisTimeSeries has no empty values.
    written.ok().filter(|()| !text.is_empty()).map(|()| text)
}

impl Shown {
    /// The labels that SELECTED_LABELS names from argument `first` on, up to the next option.
    ///
    /// # Errors
    /// As RedisTimeSeries writes them.
    pub(crate) fn selected(cx: &CommandContext<'_, '_>, first: usize) -> Result<Self, &'static str> {
        let is_label = |text: &&[u8]| !OPTIONS.iter().any(|option| text.eq_ignore_ascii_case(option));
        let names = || cx.request.args().skip(first).take_while(is_label);
        match names().count() {
            0 => Err("ERR TSDB: SELECT_LABELS should have at least 1 parameter"),
            count
                if count <= SELECTED_LABELS_MAX
                    && names().map(<[u8]>::len).sum::<usize>() <= SELECTED_LABELS_LEN_MAX =>
            {
                Ok(Self::Selected { first, count })
            }
            _ => Err("ERR TSDB: reached max size for SELECT_LABELS"),
        }
    }

    /// Writes the labels of a reading.
    pub(crate) fn write(self, cx: &mut CommandContext<'_, '_>, reading: usize) {
        let of = |cx: &CommandContext<'_, '_>, label| label_text(cx, reading, label);
        match self {
            Self::None => cx.reply.map(0),
            Self::All => {
                let there = LABELS.iter().filter(|(_, label)| of(cx, *label).is_some()).count();
                pairs(cx, there);
                for (name, label) in LABELS {
                    if let Some(value) = of(cx, label) {
                        pair(cx, name.as_bytes(), Some(&value));
                    }
                }
            }
            Self::Selected { first, count } => {
                pairs(cx, count);
                for index in first..first + count {
                    let name = cx.arg(index);
                    let label = LABELS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
                    let value = label.and_then(|(_, label)| of(cx, *label));
                    pair(cx, name, value.as_deref());
                }
            }
        }
    }
}

/// The start of `len` labels: a map, or in RESP2 an array of pairs.
fn pairs(cx: &mut CommandContext<'_, '_>, len: usize) {
    match cx.reply.protocol() {
        Protocol::Resp2 => cx.reply.array(len),
        Protocol::Resp3 => cx.reply.map(len),
    }
}

fn pair(cx: &mut CommandContext<'_, '_>, name: &[u8], value: Option<&str>) {
    if cx.reply.protocol() == Protocol::Resp2 {
        cx.reply.array(2);
    }
    cx.reply.bulk(name);
    match value {
        Some(value) => cx.reply.bulk(value.as_bytes()),
        None => cx.reply.null(),
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn filters_are_read_as_in_redis_time_series() {
        let check = |text: &str, value: Option<&str>, expected: Option<bool>| {
            let filter = Filter::parse(text.as_bytes());
            assert_eq!(filter.map(|filter| filter.is_met(value)), expected, "{text} {value:?}");
        };
        check("unit=V", Some("V"), Some(true));
        check("unit=V", Some("A"), Some(false));
        check("unit=V", None, Some(false));
        check("unit!=V", Some("V"), Some(false));
        check("unit!=V", None, Some(true));
        check("unit=(V, A)", Some("A"), Some(true));
        check("unit!=(V,A)", Some("A"), Some(false));
        check("unit!=(V,A)", Some("W"), Some(true));
        check("unit=", None, Some(true));
        check("unit=", Some("V"), Some(false));
        check("unit!=", Some("V"), Some(true));
        check("unit!=", None, Some(false));
        for text in ["", "unit", "=V", "!=V", "unit=(V", "unit=V)"] {
            check(text, None, None);
        }
    }
}
